"""The main path as a person walks it: a real demo, a real browser."""

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.demos import Demo
from tests.servers import until

pytestmark = pytest.mark.browser
SOON = 60_000
SEVERAL_OPEN = """select 1 from mailposture_tenant where slug = 'contoso' and state = 'open'
    and (select count(*) from mailposture_tenant where state = 'open') > 1"""


@pytest.fixture(scope="module")
def signed_in(demo: Demo, signed_in: BrowserContext) -> BrowserContext:
    """Signed in, once contoso has been looked at, and another that is open too."""
    until(lambda: demo.rows(SEVERAL_OPEN), 120)
    return signed_in


@pytest.fixture
def page(page: Page, demo: Demo) -> Page:
    """A page that stands at the overview."""
    page.goto(f"http://127.0.0.1:{demo.port}/")
    return page


def test_the_link_is_spent_after_one_use(
    signed_in: BrowserContext, demo: Demo, browser: Browser
) -> None:
    context = browser.new_context()
    page = context.new_page()
    answer = page.goto(demo.links[0])
    assert answer is not None
    assert answer.status == 410
    page.goto(f"http://127.0.0.1:{demo.port}/")
    expect(page).to_have_url(re.compile(r"/signin/"))
    context.close()


def test_a_person_sees_who_is_open_probes_reads_the_proof_locks_and_sees_it_close(
    page: Page, demo: Demo
) -> None:
    sentence = page.get_by_role("heading", level=1)
    expect(sentence).to_contain_text("accept mail from any host", timeout=SOON)
    page.get_by_role("link", name="Contoso", exact=True).locator("visible=true").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Contoso takes mail")

    page.get_by_role("button", name="Probe now").click()
    progress = page.locator("#progress")
    expect(progress).to_contain_text("27", timeout=SOON)
    expect(progress.get_by_role("link", name="Show the page")).to_be_visible(timeout=SOON)

    cell = (
        page.locator("#paths").get_by_role("link", name=re.compile("Open")).locator("visible=true")
    )
    cell.first.click()
    expect(page.get_by_text("RCPT TO:<postmaster@contoso.com>").first).to_be_visible()
    expect(page.get_by_text("Decides: Open").first).to_be_visible()
    expect(page.get_by_text("It does not prove").first).to_be_visible()

    page.goto(f"http://127.0.0.1:{demo.port}/lab/")
    contoso = page.locator("section", has_text="Contoso").first
    contoso.get_by_role("button", name="Lock", exact=True).click()
    until(
        lambda: demo.rows(
            "select 1 from mailposture_tenant where slug = 'contoso' and state = 'closed'"
        ),
        60,
    )
    # The wire may close before the reading sees why: the effect waits for both.
    until(lambda: demo.rows("select 1 from mailposture_change where effect = 'closes'"), 60)
    page.goto(f"http://127.0.0.1:{demo.port}/tenants/contoso/")
    expect(page.locator("#badge")).to_contain_text("Closed")
    expect(page.get_by_text("Lock to gateway").first).to_be_visible()
    page.goto(f"http://127.0.0.1:{demo.port}/changes/")
    expect(page.get_by_text("Closes").first).to_be_visible()


def test_the_timeline_is_drawn_and_has_its_table(page: Page, demo: Demo) -> None:
    page.goto(f"http://127.0.0.1:{demo.port}/tenants/contoso/")
    figure = page.locator("[data-figure]").first
    figure.scroll_into_view_if_needed()
    expect(figure.locator(".main-svg").first).to_be_visible(timeout=SOON)
    expect(page.get_by_text("The same as a table").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize(
    "path",
    [
        "/", "/tenants/", "/tenants/contoso/", "/tenants/proseware/", "/changes/", "/lab/",
        "/vantage-points/", "/explain/", "/tenants/add/", "/tenants/contoso/edit/",
        "/tenants/contoso/sources/", "/tenants/proseware/check/", "/incidents/", "/incidents/1/",
        "/settings/", "/lab/mailbox/", "/reports/",
    ],
)  # fmt: skip
def test_no_page_scrolls_sideways_or_breaks_its_policy(
    page: Page, demo: Demo, path: str, width: int, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    answer = page.goto(f"http://127.0.0.1:{demo.port}{path}")
    assert answer is not None
    assert answer.status == 200
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width


def test_the_site_works_without_scripts(
    signed_in: BrowserContext, demo: Demo, browser: Browser
) -> None:
    context = browser.new_context(
        java_script_enabled=False, storage_state=signed_in.storage_state()
    )
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{demo.port}/tenants/")
    page.get_by_role("link", name="Fabrikam", exact=True).locator("visible=true").first.click()
    page.get_by_role("button", name="Probe now").click()
    expect(page.get_by_text("Fabrikam").first).to_be_visible()
    expect(page).to_have_url(re.compile(r"round=\d+"))
    context.close()
