"""From an opened door to the mail and back, as a person sees it: a real demo, a real browser."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.demos import Demo
from tests.servers import until

pytestmark = pytest.mark.browser
# Promised: from the scene to the mail within two minutes at the demo's cadence.
PROMISED = 120.0


def mails(demo: Demo, *words: str) -> list[str]:
    """The names of the kept mails whose subject bears all these words."""
    found = []
    for file in sorted((demo.data / "lab" / "mailbox").glob("*.eml")):
        subject = re.search(r"^Subject: (.*)$", file.read_text(), re.MULTILINE)
        if subject and all(word in subject[1] for word in words):
            found.append(file.name)
    return found


def test_an_opened_door_is_told_acknowledged_closed_and_told_again(page: Page, demo: Demo) -> None:
    fabrikam = "select 1 from mailposture_tenant where slug = 'fabrikam' and state = 'closed'"
    until(lambda: demo.rows(fabrikam), 90)
    before = len(mails(demo, "Fabrikam"))
    began = time.monotonic()
    assert demo.manage("lab", "scene", "unlock", "fabrikam").returncode == 0
    until(lambda: mails(demo, "[Critical] Fabrikam takes mail from any host since"), PROMISED)
    assert time.monotonic() - began < PROMISED
    assert len(mails(demo, "Fabrikam")) == before + 1

    acknowledge(page, demo)
    read_the_mail(page, demo)

    assert demo.manage("lab", "scene", "lock", "fabrikam").returncode == 0
    until(lambda: mails(demo, "[Closed] Fabrikam, open for"), PROMISED)
    page.goto(f"http://127.0.0.1:{demo.port}/incidents/?state=resolved&tenant=fabrikam")
    expect(page.get_by_role("link", name="Fabrikam refuses strangers again.")).to_be_visible()


def acknowledge(page: Page, demo: Demo) -> None:
    """Find the incident, see its proof and its mail, say what is done about it."""
    page.goto(f"http://127.0.0.1:{demo.port}/incidents/")
    page.get_by_role("link", name="Fabrikam takes mail from any host.").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Fabrikam takes mail")
    expect(page.locator("#main")).to_contain_text("250 2.1.5 Recipient OK")
    expect(page.locator("#main")).to_contain_text("250 2.0.0 kept as")
    page.get_by_label("What are you doing about it?").fill("The relay moves today.")
    page.get_by_role("button", name="Save acknowledgement").click()
    expect(page.locator("#main")).to_contain_text("The relay moves today.")


def read_the_mail(page: Page, demo: Demo) -> None:
    """Open the mail in the lab's mailbox; its frame shows the proof."""
    page.goto(f"http://127.0.0.1:{demo.port}/lab/")
    page.get_by_role("link", name="What was mailed").click()
    page.get_by_role("link", name=re.compile("Fabrikam takes mail")).first.click()
    frame = page.frame_locator("iframe.letter")
    expect(frame.get_by_role("heading", level=1)).to_contain_text("Fabrikam takes mail")
    expect(frame.get_by_text("RCPT TO:<postmaster@fabrikam.com>")).to_be_visible()


def test_a_test_mail_shows_the_servers_answer(page: Page, demo: Demo) -> None:
    page.goto(f"http://127.0.0.1:{demo.port}/settings/")
    page.get_by_label("To", exact=True).fill("me@example.com")
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator("#tests")).to_contain_text("250 2.0.0 kept as", timeout=30_000)
    assert mails(demo, "[Test]")


def test_a_report_is_made_and_downloaded(page: Page, demo: Demo) -> None:
    page.goto(f"http://127.0.0.1:{demo.port}/tenants/contoso/")
    page.get_by_role("link", name="Report", exact=True).click()
    page.get_by_role("button", name="Make the report").click()
    row = page.locator("#reports tbody tr").first
    expect(row).to_contain_text("Done", timeout=60_000)
    row.get_by_role("link", name="Contoso").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("past the gateway of Contoso")
    for link, sign in (("Download PDF", b"%PDF-"), ("Download CSV", b"tenant,")):
        with page.expect_download() as download:
            page.get_by_role("link", name=link).click()
        assert download.value.path().read_bytes().startswith(sign)
