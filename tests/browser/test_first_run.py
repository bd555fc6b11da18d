"""From an empty database to the first verdict as a person walks it: a real demo, a real browser."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from mailposture import runtime
from tests.demos import Demo
from tests.servers import until

pytestmark = pytest.mark.browser
SOON = 60_000
ROOMS = [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]


@pytest.fixture(scope="module")
def told(demo: Demo) -> dict[str, dict[str, Any]]:
    """What the lab says of its tenants, by name; none of them is watched any more."""
    for (slug,) in demo.rows("select slug from mailposture_tenant"):
        assert demo.manage("tenant", "remove", slug, "--yes").returncode == 0
    facts = runtime.lab(demo.data)
    assert facts is not None
    return {one["name"]: one for one in facts["tenants"]}


def looks_well(page: Page, step: int) -> None:
    """This is the step, it has room in every room, and its main control is reached by keys."""
    expect(page.locator(".head .spine")).to_contain_text(f"Step {step} of 7")
    for width, scheme in ROOMS:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1440, "height": 900})


def press(page: Page, name: str) -> None:
    """Walk by Tab to the control of this name, see that it is shown as reached, and press Enter."""
    wanted = page.locator("#walk").get_by_text(name, exact=True)
    expect(wanted).to_be_visible()
    page.locator("#main").focus()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            break
    style = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(style) != "none"
    page.keyboard.press("Enter")


def test_a_person_connects_a_tenant_by_keys_alone_and_sees_its_first_verdict(
    page: Page, demo: Demo, told: dict[str, dict[str, Any]]
) -> None:
    page.goto(f"http://127.0.0.1:{demo.port}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Nothing is watched yet.")
    page.goto(f"http://127.0.0.1:{demo.port}/tenants/add/")
    looks_well(page, 1)
    page.get_by_role("link", name="Contoso").click()
    press(page, "Continue to the app")
    looks_well(page, 2)
    give_the_app(page, told["Contoso"])
    read_and_confirm(page)
    assert not demo.rows("select 1 from mailposture_path where retired_at is null")
    press(page, "Probe now")
    result = page.get_by_role("heading", level=1)
    expect(result).to_contain_text("Contoso takes mail from any host", timeout=SOON)
    expect(page.locator("#walk")).to_contain_text("27 paths answered for the first time.")
    looks_well(page, 7)
    press(page, "Open Contoso")
    expect(page.locator("#badge")).to_contain_text("Open")
    until(lambda: any(b"soc@example.com" in f.read_bytes() for f in mailbox(demo)), 60)


def read_and_confirm(page: Page) -> None:
    """See what the first read found, confirm what is proposed, and say who is told."""
    expect(page).to_have_url(re.compile(r"/contoso/connect/read/$"), timeout=SOON)
    looks_well(page, 4)
    expect(page.get_by_role("heading", level=1)).to_contain_text("none of them", timeout=SOON)
    press(page, "Continue to approved sources")

    looks_well(page, 5)
    expect(page.get_by_role("checkbox", name="mx1.contoso.com")).to_be_checked()
    press(page, "Confirm the ticked ones")
    looks_well(page, 6)
    page.locator("#walk").get_by_label("Addresses").fill("soc@example.com")
    press(page, "Continue to first probe")
    looks_well(page, 7)


def give_the_app(page: Page, told: dict[str, Any]) -> None:
    """A certificate made here: refused until it is uploaded, as the lab's app takes it."""
    expect(page.get_by_label("Client ID")).to_have_value(told["client_id"])
    press(page, "Save and continue")
    with page.expect_download() as file:
        page.get_by_role("link", name="Download the certificate").click()
    assert file.value.path().read_bytes()[:1] == b"0"
    press(page, "Continue to permissions")
    refused = page.get_by_text("Upload this certificate to the app registration.")
    expect(refused).to_be_visible(timeout=SOON)
    looks_well(page, 3)
    page.get_by_role("link", name="Entra admin centre").first.click()
    expect(page.get_by_text("Roles and administrators")).to_be_visible()
    page.get_by_role("link", name="The app", exact=True).click()
    press(page, "Upload it to the lab's app")
    expect(page.get_by_text("'s app knows the certificate")).to_be_visible()
    looks_well(page, 2)
    press(page, "Continue to permissions")


def mailbox(demo: Demo) -> Any:
    return (demo.data / "lab" / "mailbox").glob("*.eml")


def test_one_half_alone_waits_and_may_be_left_and_come_back_to(
    page: Page, demo: Demo, told: dict[str, dict[str, Any]]
) -> None:
    base, proseware = f"http://127.0.0.1:{demo.port}", told["Proseware"]
    page.goto(f"{base}/tenants/add/")
    page.get_by_role("link", name="Proseware").click()
    press(page, "Continue to the app")
    page.get_by_label("Client ID").fill(proseware["client_id"])
    page.get_by_role("radio", name="A client secret").check()
    page.get_by_label("Client secret", exact=True).fill(proseware["client_secret"])
    press(page, "Save and continue")
    sentence = page.get_by_role("heading", level=1)
    expect(sentence).to_contain_text("One half is granted, one is missing.", timeout=SOON)
    expect(page.locator("#walk")).to_contain_text("Continues by itself")
    looks_well(page, 3)
    page.goto(base)
    going = "Being connected: Proseware, step 3 of 7"
    expect(page.locator("#main")).to_contain_text(going)
    page.goto(f"{base}/tenants/proseware/")
    expect(sentence).to_contain_text("Proseware is being connected: step 3 of 7.")
    page.goto(f"{base}/tenants/add/")
    page.get_by_role("link", name="Proseware").first.click()
    expect(page).to_have_url(re.compile(r"/proseware/connect/permissions/$"))
    expect(sentence).to_contain_text("One half is granted, one is missing.")


def test_the_walk_works_without_scripts(
    signed_in: BrowserContext, browser: Browser, demo: Demo, told: dict[str, dict[str, Any]]
) -> None:
    context = browser.new_context(
        java_script_enabled=False, storage_state=signed_in.storage_state()
    )
    context.set_default_timeout(20_000)
    page, tailspin = context.new_page(), told["Tailspin"]
    page.goto(f"http://127.0.0.1:{demo.port}/tenants/add/")
    page.get_by_role("link", name="Tailspin").click()
    page.get_by_role("button", name="Continue to the app").click()
    page.get_by_label("Client ID").fill(tailspin["client_id"])
    page.get_by_role("radio", name="A client secret").check()
    page.get_by_label("Client secret", exact=True).fill(tailspin["client_secret"])
    page.get_by_role("button", name="Save and continue").click()
    page.get_by_role("button", name="Check now").click()
    expect(page).to_have_url(re.compile(r"/read/$"))
    until(lambda: page.reload() and page.get_by_role("link", name="Continue to app").count(), 60)
    page.get_by_role("link", name="Continue to approved sources").click()
    page.get_by_role("button", name="Confirm the ticked ones").click()
    page.get_by_role("button", name="Continue to first probe").click()
    page.get_by_role("button", name="Probe now").click()
    until(lambda: page.reload() and page.get_by_role("link", name="Add another").count(), 60)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Tailspin takes mail")
    context.close()
