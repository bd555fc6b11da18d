"""From the exposed contoso to the lock: tried first, then made; a real demo, a real browser."""

import re

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.demos import Demo
from tests.servers import until

pytestmark = pytest.mark.browser
SOON = 60_000
GATEWAY = "127.0.10.10"
WHOLE = "4,294,967,296"
STRANGERS = (
    "select distinct predicted, p.verdict, agreement from mailposture_path p"
    " join mailposture_tenant t on t.id = p.tenant_id"
    " join mailposture_vantagepoint v on v.id = p.vantage_point_id"
    " where t.slug = 'contoso' and v.slug = 'stranger'"
)


@pytest.fixture(scope="module")
def signed_in(demo: Demo, signed_in: BrowserContext) -> BrowserContext:
    """Signed in, once contoso was read and looked at; what is copied may be read."""
    looked_at = "select 1 from mailposture_tenant where slug = 'contoso' and state = 'open'"
    until(lambda: demo.rows(looked_at) and ("open", "open", "agrees") in demo.rows(STRANGERS), 60)
    signed_in.grant_permissions(["clipboard-read", "clipboard-write"])
    return signed_in


def part(page: Page, title: str) -> Locator:
    """The section of the page with this heading."""
    return page.locator("section").filter(has=page.get_by_role("heading", name=title, exact=True))


def sender(page: Page, name: str) -> Locator:
    """The row of this sender: how it fares before and after."""
    named = page.get_by_role("rowheader", name=re.compile(f"^{name}"))
    return part(page, "Who would lose access").locator("tbody tr").filter(has=named)


def ask(page: Page, demo: Demo, addresses: str) -> None:
    """From the page of contoso to what a lock to these addresses would do."""
    page.goto(f"http://127.0.0.1:{demo.port}/tenants/contoso/")
    page.locator("#main").get_by_role("link", name="What if", exact=True).click()
    page.get_by_label("Connector").first.select_option("new")
    page.get_by_label("Accept from").fill(addresses)
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(part(page, "The change")).to_contain_text("Lock to gateway was added")


def test_the_lock_is_tried_before_anyone_makes_it(page: Page, demo: Demo) -> None:
    ask(page, demo, GATEWAY)
    sides = part(page, "Who may deliver").locator(".sides > div")
    expect(sides.nth(0)).to_contain_text(f"Before{WHOLE} IPv4 addresses")
    expect(sides.nth(1)).to_contain_text("After1 IPv4 address")
    closer = sides.nth(1).locator("svg.internet.closer")
    for network in ("127.0.0.0/8", "127.0.0.0/16", "127.0.10.0/24", GATEWAY):
        expect(closer.locator("text", has_text=network).first).to_be_visible()
    expect(closer.locator(".looked-at")).to_have_count(3)

    hybrid = sender(page, "Hybrid server")
    expect(hybrid).to_contain_text("Gets in")
    expect(hybrid).to_contain_text("Still gets in. Inbound from")
    expect(hybrid).to_contain_text("matches by certificate")
    expect(sender(page, "Gateway")).to_contain_text("is satisfied")
    expect(sender(page, "Strangers").locator(".badge.believed")).to_have_text("Closed")
    gone = part(page, "Findings").locator(".content > div").filter(has_text="Gone")
    expect(gone).to_contain_text("MP-01")
    assert demo.rows("select 1 from mailposture_change") == []


def test_dns_is_asked_for_spf_once_the_page_is_there(page: Page, demo: Demo) -> None:
    ask(page, demo, GATEWAY)
    senders = part(page, "Who would lose access")
    expect(senders.get_by_role("status")).to_contain_text("was asked")
    expect(senders.locator("form")).to_have_count(0)
    expect(sender(page, "Hybrid server")).to_contain_text("Still gets in. Inbound from")
    expect(sender(page, "Strangers").locator(".badge.believed")).to_have_text("Closed")


def test_both_maps_are_drawn_at_one_scale(page: Page, demo: Demo) -> None:
    wide = "\n".join(f"{n}.0.0.0/24" for n in (20, 60, 90))
    for addresses in (GATEWAY, wide, f"{GATEWAY}\n{wide}"):
        ask(page, demo, addresses)
        for width in (1440, 1024, 390):
            page.set_viewport_size({"width": width, "height": 900})
            grounds = part(page, "Who may deliver").locator("svg .ground:not(.edged)").all()
            before, after = (ground.bounding_box() for ground in grounds)
            assert before
            assert after
            assert abs(before["width"] - after["width"]) < 0.5, (addresses, width)
        page.set_viewport_size({"width": 1440, "height": 900})


def test_another_connector_brings_its_own_values(page: Page, demo: Demo) -> None:
    ask(page, demo, GATEWAY)
    other = page.get_by_label("Connector").first
    guid = other.locator("option", has_text="OnPremises").first.get_attribute("value")
    assert guid
    other.select_option(guid)
    expect(page.get_by_label("Or from certificate")).to_have_value(re.compile(r"contoso\.com"))
    expect(page.get_by_label("Accept from")).not_to_have_value(GATEWAY)
    expect(page.get_by_role("heading", name="The change")).to_have_count(0)


def test_the_stages_can_be_copied_each_with_its_way_back(page: Page, demo: Demo) -> None:
    ask(page, demo, GATEWAY)
    stages = part(page, "Do it in stages").locator(".stage")
    expect(stages.first).to_contain_text("1. Create it, turned off")
    copied = []
    for button in stages.get_by_role("button").all():
        button.click()
        expect(button).to_have_text("Copied")
        copied.append(page.evaluate("navigator.clipboard.readText()"))
    assert [text.split(" ")[0] for text in copied] == [
        "New-InboundConnector", "Remove-InboundConnector",
        "Set-InboundConnector", "Set-InboundConnector",
    ]  # fmt: skip
    assert f"-SenderIPAddresses '{GATEWAY}' -RestrictDomainsToIPAddresses $true" in copied[0]
    assert "-Enabled $false" in copied[0]
    assert copied[2].endswith("-Enabled $true")
    assert copied[3].endswith("-Enabled $false")


def test_the_arrow_keys_step_through_the_ranges_of_the_map(page: Page, demo: Demo) -> None:
    ask(page, demo, f"{GATEWAY}\n198.51.100.0/24\n203.0.113.8/29")
    ranges = part(page, "Who may deliver").locator(".sides > div").nth(1).locator(".range")
    expect(ranges).to_have_count(3)
    said = ["127.0.10.10: 1", "198.51.100.0/24: 256", "203.0.113.8/29: 8"]
    ranges.nth(0).focus()
    for key, at in (
        ("ArrowRight", 1), ("ArrowDown", 2), ("ArrowRight", 2), ("ArrowLeft", 1),
        ("Home", 0), ("ArrowUp", 0), ("End", 2),
    ):  # fmt: skip
        page.keyboard.press(key)
        expect(ranges.nth(at)).to_be_focused()
        expect(ranges.nth(at)).to_have_attribute("aria-label", re.compile(f"^{said[at]} "))
        expect(ranges.nth(at)).to_have_attribute("tabindex", "0")
    page.keyboard.press("Tab")
    expect(ranges.nth(2)).not_to_be_focused()


def test_the_change_once_made_settles_and_then_prediction_and_answer_agree(
    page: Page, demo: Demo
) -> None:
    # The configuration is locked, and no front end knows of it yet.
    assert demo.manage("lab", "scene", "contradict", "contoso").returncode == 0
    until(lambda: demo.rows(STRANGERS) == [("closed", "open", "settling")], 90)
    page.goto(f"http://127.0.0.1:{demo.port}/tenants/contoso/")
    stranger = page.locator("#paths").locator("tr", has_text="Stranger").locator("visible=true")
    cell = stranger.get_by_role("link", name="Open").first
    expect(cell).to_have_attribute("title", re.compile("Predicted Closed by Lock to gateway"))
    expect(page.locator("#paths .contra")).to_have_count(0)
    cell.click()
    expect(page.locator("#predicted")).to_contain_text("a change may still be on its way")

    # Now they do.
    assert demo.manage("lab", "scene", "lock", "contoso").returncode == 0
    until(lambda: demo.rows(STRANGERS) == [("closed", "closed", "agrees")], 90)
    page.goto(f"http://127.0.0.1:{demo.port}/tenants/contoso/")
    expect(page.locator("#badge")).to_contain_text("Closed")
    cell = stranger.get_by_role("link", name="Closed").first
    expect(cell).to_have_attribute("title", re.compile("Predicted Closed by Lock to gateway"))
    cell.click()
    expect(page.locator("#predicted")).to_contain_text("Predicted and observed closed.")
    apart = "select 1 from mailposture_path where agreement in ('closed_open', 'open_closed')"
    assert demo.rows(apart) == []

    page.goto(f"http://127.0.0.1:{demo.port}/tenants/contoso/")
    page.locator("#main").get_by_role("link", name="Exposure", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "1 IPv4 address may deliver directly to Contoso."
    )
    expect(page.locator(".head .badge.big")).to_have_text("Predicted closed")
    expect(page.locator(".head .seen")).to_have_text("Observed Closed")


@pytest.mark.parametrize("width", [360, 390, 1440])
def test_long_names_are_wrapped_or_cut_and_never_widen_the_page(
    page: Page, demo: Demo, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"http://127.0.0.1:{demo.port}/tenants/contoso/what-if/")
    for found in (page.locator(".ask a.button").first, page.locator(".switcher summary > span")):
        found.evaluate("of => { of.textContent = 'Inbound from 45184738 of '.repeat(9) }")
    page.locator(".ask a.button").last.evaluate("of => { of.textContent = 'M'.repeat(64) }")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    inside = "of => of.scrollHeight <= of.clientHeight + 1"
    assert page.locator(".switcher summary").evaluate(inside)
