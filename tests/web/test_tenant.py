"""A tenant's page: who may see it, what its sentence says, and that nothing unknown looks known."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from mailposture import models
from mailposture.core.configuration import PARTS, ConnectorType, PartStatus
from mailposture.services import assessing
from tests import factories
from tests.factories import NOW, ago
from tests.web.tenant_rows import covered, probed, signed_in, window

pytestmark = pytest.mark.django_db
ROLE = "role-missing (403): The role assigned to application isn't supported in this scenario"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def at_one_moment() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def viewer() -> Client:
    return signed_in(staff=False)


@pytest.fixture
def contoso() -> models.Tenant:
    return factories.tenant("contoso")


def page(client: Client, address: str = "/tenants/contoso/") -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def words(markup: str) -> str:
    """What a reader sees, in one line."""
    plain = " ".join(re.sub(r"<[^>]+>", " ", markup).split())
    return re.sub(r" ([.,])", r"\1", plain)


def part(markup: str, anchor: str) -> str:
    """One section of the page."""
    return markup.split(f'id="{anchor}"')[1].split("</section>", maxsplit=1)[0]


def sentence(markup: str) -> str:
    return markup.split("<h1>")[1].split("</h1>", maxsplit=1)[0]


# ---- who may ----------------------------------------------------------------------------------


def test_someone_not_signed_in_is_asked_to(client: Client, contoso: models.Tenant) -> None:
    assert client.get("/tenants/contoso/").headers["Location"].startswith("/signin/")


def test_who_may_only_look_sees_no_button(viewer: Client, contoso: models.Tenant) -> None:
    shown = page(viewer)
    assert "<title>contoso - Mailposture</title>" in shown
    assert "Probe now" not in shown
    assert "/tenants/contoso/edit/" not in shown


def test_staff_may_probe_fetch_and_edit(contoso: models.Tenant) -> None:
    shown = page(signed_in(staff=True))
    for place in ("probe", "fetch"):
        assert f'<form action="/tenants/contoso/{place}/" method="post">' in shown
    assert 'href="/tenants/contoso/edit/"' in shown


def test_a_tenant_that_nobody_watches_is_not_found(viewer: Client) -> None:
    assert viewer.get("/tenants/wingtip/").status_code == 404


# ---- the sentence -----------------------------------------------------------------------------


def verdicts(foreign: str, own: str, null: str) -> dict[str, str]:
    return {"foreign": foreign, "own": own, "null": null}


@pytest.mark.parametrize(
    ("said", "state", "expected"),
    [
        (("open", "open", "open"), "open",
         "contoso takes mail from any host, for any sender."),
        (("open", "open", "closed"), "open",
         "contoso takes mail from any host, for any sender but the null one."),
        (("open", "closed", "open"), "open",
         "contoso takes mail from any host, for any sender outside its own domains."),
        (("open", "closed", "closed"), "open",
         "contoso takes mail from any host, for senders of foreign domains."),
        (("closed", "open", "closed"), "partly",
         "contoso takes own-domain mail from any host."),
        (("closed", "closed", "open"), "partly",
         "contoso takes null-sender mail from any host."),
        (("closed", "open", "open"), "partly",
         "contoso takes own-domain and null-sender mail from any host."),
        (("unknown", "open", "unknown"), "partly",
         "contoso takes own-domain mail from any host."),
        (("closed", "closed", "closed"), "closed", "contoso refuses strangers."),
        (("closed", "closed", "unknown"), "unknown",
         "Whether contoso takes mail from strangers is unknown."),
    ],
)  # fmt: skip
def test_the_sentence_and_the_badge_say_who_gets_in(
    viewer: Client,
    contoso: models.Tenant,
    said: tuple[str, str, str],
    state: str,
    expected: str,
) -> None:
    probed(contoso, factories.stranger(), verdicts(*said))
    shown = page(viewer)
    assert sentence(shown) == expected
    assert f'class="badge is-{state} big"' in shown.split("<h1>")[0]


def test_a_tenant_with_one_open_domain_of_two_names_the_count(
    viewer: Client, contoso: models.Tenant
) -> None:
    place = factories.stranger()
    probed(contoso, place, "open")
    for path in factories.paths(contoso, place, ("contoso.net",)):
        factories.answered(path, "closed", ago(days=1))
    assert sentence(page(viewer)) == (
        "contoso takes mail from any host, for any sender to 1 of 2 domains."
    )


def test_how_approved_sources_fare_ends_the_sentence_of_a_closed_tenant(
    viewer: Client, contoso: models.Tenant
) -> None:
    probed(contoso, factories.stranger(), "closed")
    for kind, address in (("gateway", "203.0.113.10"), ("hybrid", "203.0.113.25")):
        source = factories.source(contoso, kind, address)
        assert source.vantage_point
        probed(contoso, source.vantage_point, "open")
    shown = page(viewer)
    assert sentence(shown) == "contoso refuses strangers; 2 of 2 approved sources get in."
    assert '<a href="/tenants/contoso/sources/">2 of 2 get in</a>' in shown


def test_a_source_that_is_cut_off_is_named_whatever_the_state(
    viewer: Client, contoso: models.Tenant
) -> None:
    probed(contoso, factories.stranger(), "closed")
    source = factories.source(contoso)
    assert source.vantage_point
    probed(contoso, source.vantage_point, verdicts("open", "closed", "open"))
    shown = page(viewer)
    assert sentence(shown) == "contoso refuses strangers; Gateway is partly cut off."
    assert "0 of 1 get in, 1 partly cut off" in shown
    assert "Approved source cut off" in part(shown, "paths")


def test_the_age_of_the_state_stands_under_the_badge(
    viewer: Client, contoso: models.Tenant
) -> None:
    probed(contoso, factories.stranger(), "open")
    models.Tenant.objects.update(
        state="open", state_since=ago(days=6, hours=4), standing={"first_look": True}
    )
    assert "for 6 d 4 h, since first look" in words(part(page(viewer), "badge"))


# ---- unknown always has a because -------------------------------------------------------------


def never_read(of: models.Tenant) -> None:
    models.Tenant.objects.update(fetched_at=None)


def refused(of: models.Tenant) -> None:
    never_read(of)
    models.Tenant.objects.update(fetch_error="app-not-consented (400): No consent.")


def forbidden(of: models.Tenant) -> None:
    seen = factories.without(
        factories.configuration(), "accepted_domains", PartStatus.FORBIDDEN, ROLE
    )
    factories.snapshot(of, seen, ago(days=1))


def not_probed(of: models.Tenant) -> None:
    factories.snapshot(of, factories.configuration(), ago(days=1))


def no_stranger(of: models.Tenant) -> None:
    source = factories.source(of)
    assert source.vantage_point
    probed(of, source.vantage_point, "open")


def unanswered(of: models.Tenant) -> None:
    factories.paths(of, factories.stranger())


def recipient(of: models.Tenant) -> None:
    probed(of, factories.stranger(), "unknown", cause="recipient-unknown")


def one_front_end(of: models.Tenant) -> None:
    probed(of, factories.stranger(), "unknown", cause="one-front-end")


def lapsed(of: models.Tenant) -> None:
    probed(of, factories.stranger(), "closed", until=ago(hours=25))


def silent(of: models.Tenant) -> None:
    place = factories.stranger(heard_at=ago(hours=25))
    probed(of, place, "closed", until=ago(hours=25))


@pytest.mark.parametrize(
    ("happened", "because"),
    [
        (never_read, "Its configuration has not been read yet, so that its domains are not known."),
        (refused, "Its configuration could not be read, so that its domains are not known."),
        (forbidden, "Its accepted domains could not be read: 403."),
        (not_probed, "Its domains are known, and no round has asked at them yet."),
        (no_stranger, "No vantage point plays a stranger to it."),
        (unanswered, "No round has answered yet."),
        (recipient, "The probe recipient does not exist."),
        (one_front_end, "One front end alone answered; two must say the same."),
        (lapsed, "The last answer is older than a day."),
        (silent, "The vantage point sees nothing: silent, its worker does not answer."),
    ],
)
def test_unknown_has_a_because(
    viewer: Client, contoso: models.Tenant, happened: Any, because: str
) -> None:
    happened(contoso)
    shown = page(viewer)
    assert sentence(shown) == "Whether contoso takes mail from strangers is unknown."
    assert because in words(part(shown, "said"))


def test_two_reasons_are_both_told_and_of_equals_the_one_that_broke_last_comes_first(
    viewer: Client, contoso: models.Tenant
) -> None:
    listed, unheard = (
        factories.stranger("frankfurt"),
        factories.stranger("singapore", heard_at=None, public_key="0a"),
    )
    factories.paths(contoso, unheard)
    probed(contoso, listed, "unknown", cause="reputation")
    shown = page(viewer)
    assert (
        "Of 6 paths, 3 are unknown: the probing address is on a block list; 3 more: the vantage"
        " point sees nothing: never heard, start its worker."
    ) in words(part(shown, "said"))
    drawn = part(shown, "flow")
    assert "Stranger, frankfurt, any sender: answered Unknown" in drawn
    assert "Stranger, singapore, any sender: answered Unknown" in drawn
    assert "address on a block list" in drawn
    assert "vantage point blind" in drawn


def test_the_reason_of_most_paths_comes_first_and_what_is_left_over_is_counted(
    viewer: Client, contoso: models.Tenant
) -> None:
    probed(contoso, factories.stranger("london"), "unknown", cause="throttled")
    probed(
        contoso, factories.stranger("frankfurt"), "unknown", ("a.com", "b.com"), cause="reputation"
    )
    probed(contoso, factories.stranger("singapore"), "unknown", cause="greylisted")
    assert (
        "Of 12 paths, 6 are unknown: the probing address is on a block list; 3 more: the server"
    ) in (said := words(part(page(viewer), "said")))
    assert said.count("; 3 more for other reasons.") == 1


@pytest.mark.parametrize(
    ("ended", "says"),
    [
        (
            "Nothing answered on this port in time; port 25 may be blocked here. To tell: connect.",
            "Nothing answered on this port in time; port 25 may be blocked here.",
        ),
        ("The server did not reply in time.", "The server did not reply in time."),
        ("The connection was refused.", "The connection was refused."),
        ("", "Nothing answered."),
    ],
)
def test_a_silent_server_is_not_a_blocked_port(
    viewer: Client, contoso: models.Tenant, ended: str, says: str
) -> None:
    probed(contoso, factories.stranger(), "unknown", cause="no-answer", reason=ended)
    shown = page(viewer)
    assert says in words(part(shown, "said"))
    assert ("port 25" in shown) is ("port 25" in ended)


def test_an_unknown_recipient_leads_to_the_form_that_names_a_mailbox(
    viewer: Client, contoso: models.Tenant
) -> None:
    recipient(contoso)
    key = part(page(viewer), "paths")
    assert "Unknown: the probe recipient does not exist (Stranger, frankfurt, 3 paths)" in key
    assert 'href="/tenants/contoso/recipients/">name an existing mailbox</a>' in key


# ---- age --------------------------------------------------------------------------------------


def test_answers_older_than_four_rounds_are_shown_as_stale_and_still_count(
    viewer: Client, contoso: models.Tenant
) -> None:
    models.Tenant.objects.update(probe_every=60)
    probed(contoso, factories.stranger(), "closed", until=ago(minutes=5))
    shown = page(viewer)
    assert sentence(shown) == "contoso refuses strangers."
    assert 'class="badge is-closed big stale"' in shown
    assert 'class="cell is-closed stale"' in shown
    assert "All answers are older than four rounds." in words(shown)


def test_answers_older_than_a_day_count_as_unknown_whatever_they_said(
    viewer: Client, contoso: models.Tenant
) -> None:
    lapsed(contoso)
    shown = page(viewer)
    assert 'class="cell is-closed' not in shown
    assert "Older than a day, they count as Unknown." in shown


def test_one_place_that_lapsed_does_not_spoil_what_another_sees(
    viewer: Client, contoso: models.Tenant
) -> None:
    probed(contoso, factories.stranger("frankfurt"), "open")
    probed(contoso, factories.stranger("singapore"), "closed", until=ago(days=3))
    shown = page(viewer)
    assert sentence(shown) == "contoso takes mail from any host, for any sender."
    assert "3 of 6 answers are older than four rounds." in words(shown)


def test_an_old_configuration_is_said_to_be_old(viewer: Client, contoso: models.Tenant) -> None:
    models.Tenant.objects.update(fetched_at=ago(hours=1))
    factories.snapshot(contoso, factories.configuration(), ago(days=3), ago(hours=1))
    shown = words(page(viewer))
    assert "The configuration is older than two intervals. It was last read 25 Nov 07:02." in shown


# ---- what could not be read -------------------------------------------------------------------


def test_a_forbidden_part_is_not_read_since_when_and_never_none(
    viewer: Client, contoso: models.Tenant
) -> None:
    whole = factories.configuration(factories.lock())
    factories.snapshot(contoso, whole, ago(days=9), ago(days=3))
    blind = factories.without(whole, "inbound_connectors", PartStatus.FORBIDDEN, ROLE)
    factories.snapshot(contoso, blind, ago(days=2), ago(days=1))
    factories.snapshot(
        contoso,
        factories.without(
            factories.configuration(factories.lock(), domains=("contoso.com", "contoso.net")),
            "inbound_connectors",
            PartStatus.FORBIDDEN,
            ROLE,
        ),
        ago(hours=20),
    )
    shown = page(viewer)
    connectors = words(part(shown, "connectors"))
    assert "Not read: 403 since 23 Nov 08:02" in connectors
    assert "No inbound connector" not in shown
    assert "Inbound connectors not read: 403 since 23 Nov 08:02" in words(shown)
    assert "View-Only Configuration" in shown
    assert 'href="/tenants/contoso/credential/">Check the credential</a>' in shown


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (PartStatus.FAILED, "unreachable: No answer.", "Not read: unreachable since"),
        (PartStatus.TRUNCATED, "", "Not read: cut short since"),
        (PartStatus.INCOMPLETE, "Some rows are missing.", "Not read: incomplete since"),
        (PartStatus.FAILED, "throttled (429): Slow down.", "Not read: 429 since"),
        (PartStatus.FAILED, "", "Not read: failed since"),
    ],
)
def test_a_part_that_was_not_read_says_why(
    viewer: Client, contoso: models.Tenant, status: PartStatus, error: str, says: str
) -> None:
    seen = factories.without(factories.configuration(), "inbound_connectors", status, error)
    factories.snapshot(contoso, seen, ago(days=1))
    assert says in words(part(page(viewer), "connectors"))


def test_a_failing_fetch_says_since_when_what_and_what_to_do(
    viewer: Client, contoso: models.Tenant
) -> None:
    probed(contoso, factories.stranger(), "closed")
    models.Tenant.objects.update(
        fetch_error="secret-expired (401): AADSTS7000222: The provided keys are expired.",
        fetch_failing_since=ago(hours=3),
    )
    shown = words(page(viewer))
    assert "Configuration not read: 401 since 25 Nov 05:02." in shown
    assert "AADSTS7000222: The provided keys are expired. Make a new client secret" in shown
    assert "Closed rests on probes and does not depend on it." in shown


def test_a_paused_tenant_says_so(viewer: Client, contoso: models.Tenant) -> None:
    models.Tenant.objects.update(paused_at=ago(hours=3))
    assert "contoso is paused: it is neither read nor probed since" in words(page(viewer))


def test_one_kind_of_trouble_is_one_banner_with_the_way_out_that_fits(
    contoso: models.Tenant,
) -> None:
    seen = factories.configuration()
    for name, says in (("transport_rules", "There are more results."), ("inbound_connectors", "")):
        seen = factories.without(seen, name, PartStatus.TRUNCATED, says)
    whole = factories.without(seen, "transport_rules", PartStatus.OK, "")
    factories.snapshot(contoso, replace(whole, transport_rules=()), ago(days=2), ago(days=1))
    factories.snapshot(contoso, seen, ago(hours=20))
    shown = page(signed_in(staff=True))
    assert (
        "Mail-flow rules and inbound connectors not read: cut short, the first of them since"
        " 23 Nov 08:02."
    ) in words(shown)
    assert shown.count('class="banner') == 1
    assert "Check the credential" not in shown
    banner = shown.split('class="banner')[1].split("</div>")[0]
    assert '<form action="/tenants/contoso/fetch/" method="post">' in banner
    assert "Fetch now" not in page(signed_in(staff=False))


def test_two_kinds_of_trouble_are_two_banners(viewer: Client, contoso: models.Tenant) -> None:
    seen = factories.without(
        factories.configuration(), "inbound_connectors", PartStatus.FORBIDDEN, ROLE
    )
    seen = factories.without(seen, "transport_rules", PartStatus.TRUNCATED, "")
    factories.snapshot(contoso, seen, ago(days=1))
    shown = page(viewer)
    assert shown.count('class="banner') == 2
    assert shown.count("Check the credential") == 1


@pytest.mark.parametrize(
    ("lacking", "says"),
    [
        (0, "Configuration read 3 min ago Probed"),
        (1, "Configuration read 3 min ago, 5 of 6 parts"),
        (6, "Configuration read tried 3 min ago, nothing read"),
    ],
)
def test_a_reading_that_brought_little_does_not_pass_for_one_that_brought_all(
    viewer: Client, contoso: models.Tenant, lacking: int, says: str
) -> None:
    seen = factories.configuration()
    for name in [name for name in PARTS if name != "domain_facts"][:lacking]:
        seen = factories.without(seen, name, PartStatus.FORBIDDEN, ROLE)
    factories.snapshot(contoso, seen, ago(days=1))
    assert says in words(part(page(viewer), "said"))


# ---- connectors -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "says"),
    [
        ("closed", "Mail from any sender domain to"),
        ("open", "As configured: mail from any sender domain to"),
    ],
)
def test_what_is_configured_is_said_to_be_that_where_a_stranger_got_in(
    viewer: Client, contoso: models.Tenant, verdict: str, says: str
) -> None:
    probed(contoso, factories.stranger(), verdict)
    factories.snapshot(contoso, factories.configuration(factories.lock()), ago(days=1))
    said = words(part(page(viewer), "connectors"))
    assert says in said
    assert ("As configured" in said) is (verdict == "open")


def test_connectors_are_said_in_words_and_lead_to_their_page(
    viewer: Client, contoso: models.Tenant
) -> None:
    hybrid = factories.lock(
        guid="9c1c3e0a-6b1f-4f3e-9b0c-2f0e5d1a7c11",
        name="Inbound from the hybrid server",
        connector_type=ConnectorType.ON_PREMISES,
        tls_sender_certificate_name="mail.contoso.com",
        sender_ip_addresses=(),
        restrict_domains_to_ip_addresses=False,
    )
    locked = factories.lock(when_changed_utc=ago(days=13))
    factories.snapshot(contoso, factories.configuration(hybrid, locked), ago(days=1))
    connectors = part(page(viewer), "connectors")
    said = words(connectors)
    assert "is taken only from 203.0.113.10. Every other host is refused." in said
    assert "Partner, enabled, last changed 12 Nov" in said
    assert "is treated as contoso's own server. This connector refuses nobody." in said.replace(
        "&#x27;", "'"
    )
    assert said.index("Lock to gateway") < said.index("Inbound from the hybrid server")
    assert f'href="/tenants/contoso/connectors/{factories.LOCK}/"' in connectors


def test_no_inbound_connector_says_what_that_means(viewer: Client, contoso: models.Tenant) -> None:
    factories.snapshot(contoso, factories.configuration(), ago(days=1))
    said = words(part(page(viewer), "connectors"))
    assert "No inbound connector." in said
    assert "Exchange Online then takes mail for accepted domains from any host" in said


def test_connectors_never_read_are_unknown(viewer: Client, contoso: models.Tenant) -> None:
    said = words(part(page(viewer), "connectors"))
    assert "Not read yet." in said
    assert "No inbound connector" not in said


def test_many_connectors_are_folded(viewer: Client, contoso: models.Tenant) -> None:
    many = [factories.lock(guid=f"g{n}", name=f"Lock {n:02}") for n in range(20)]
    factories.snapshot(contoso, factories.configuration(*many), ago(days=1))
    connectors = part(page(viewer), "connectors")
    assert "12 more connectors" in connectors
    assert connectors.count("<article") == 20


# ---- foreign words ----------------------------------------------------------------------------


def test_foreign_words_stay_words(viewer: Client, contoso: models.Tenant) -> None:
    evil = factories.lock(
        name=f"=cmd() {SCRIPT}\u202e\x00", tls_sender_certificate_name=SCRIPT, sender_domains=("*",)
    )
    seen = factories.configuration(evil, domains=(f"{SCRIPT}.contoso.com",))
    shot = factories.snapshot(contoso, seen, ago(days=1))
    before = factories.snapshot(contoso, factories.configuration(), ago(days=2), ago(days=1))
    contoso.changes.create(
        before=before, after=shot, at=ago(hours=1), part="x", subject=SCRIPT, kind="changed",
        sentence=f"{SCRIPT} was added",
    )  # fmt: skip
    place = factories.stranger(name=SCRIPT)
    probed(contoso, place, "unknown", (f"{SCRIPT}.contoso.com",), cause="no-answer", reason=SCRIPT)
    probed(
        contoso, factories.stranger("london"), "closed", code=SCRIPT, endpoint=f"{SCRIPT}.example"
    )
    models.Tenant.objects.update(fetch_error=f"cause (401): {SCRIPT}", name=f"{SCRIPT} contoso")
    shown = page(viewer)
    assert "<script>alert" not in shown
    assert "\u202e" not in shown
    assert "=cmd() &lt;script&gt;alert(1)&lt;/script&gt;\\u202E\\x00" in shown


def test_nothing_in_the_page_needs_a_weaker_content_policy(
    viewer: Client, contoso: models.Tenant
) -> None:
    probed(contoso, factories.stranger(), "open")
    answer = viewer.get("/tenants/contoso/")
    markup = answer.content.decode()
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert not re.search(r"\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", markup)


# ---- the matrix and the drawing ---------------------------------------------------------------


def test_every_answered_cell_leads_to_its_conversation(
    viewer: Client, contoso: models.Tenant
) -> None:
    source = factories.source(contoso)
    assert source.vantage_point
    stranger = probed(contoso, factories.stranger(), "closed")
    inside = probed(contoso, source.vantage_point, "open")
    cells = part(page(viewer), "paths")
    for path in (*stranger, *inside):
        assert path.current
        assert cells.count(f'href="{path.current.get_absolute_url()}"') == 2  # wide and narrow
    assert "550 5.7.51, seen until 2026-11-25 07:58 UTC" in cells
    assert '<tr class="divide"><th scope="row">Gateway<span class="sub">203.0.113.10' in cells
    assert "6 paths: 3 closed, 3 get in." in cells


def test_a_path_nobody_asked_yet_is_unknown_and_not_blank(
    viewer: Client, contoso: models.Tenant
) -> None:
    unanswered(contoso)
    cells = part(page(viewer), "paths")
    assert '<span class="cell is-unknown" title="Unknown: not asked yet">' in cells


def test_retired_paths_and_places_turned_off_are_left_out(
    viewer: Client, contoso: models.Tenant
) -> None:
    probed(contoso, factories.stranger(), "closed")
    off = probed(contoso, factories.stranger("london"), "open")[0].vantage_point
    models.VantagePoint.objects.filter(pk=off.pk).update(enabled=False)
    gone = factories.paths(contoso, factories.stranger("paris"), ("contoso.org",))
    for path in gone:
        factories.answered(path, "open", ago(days=2))
    models.Path.objects.filter(pk__in=[p.pk for p in gone]).update(retired_at=ago(days=1))
    shown = page(viewer)
    assert sentence(shown) == "contoso refuses strangers."
    assert "contoso.org" not in shown


def test_domains_beyond_twelve_have_a_page_of_their_own_worst_first(
    viewer: Client, contoso: models.Tenant
) -> None:
    place = factories.stranger()
    names = [f"d{n:02}.contoso.com" for n in range(30)]
    probed(contoso, place, "closed", names)
    last = contoso.paths.get(domain="d29.contoso.com", sender_class="foreign")
    factories.answered(last, "open", ago(hours=1))
    first = part(page(viewer), "paths")
    assert "Domains 1 to 12 of 30, worst first." in first
    assert first.index("d29.contoso.com") < first.index("d00.contoso.com")
    assert "d11.contoso.com" not in first
    assert 'href="?domains=2#paths" rel="next"' in first
    third = part(page(viewer, "/tenants/contoso/?domains=3"), "paths")
    assert "Domains 25 to 30 of 30" in third
    assert "Next" not in third


@pytest.mark.parametrize("asked", ["0", "-1", "99999999999999", "x", "²", ""])
def test_nonsense_in_the_address_is_as_good_as_nothing(
    viewer: Client, contoso: models.Tenant, asked: str
) -> None:
    probed(contoso, factories.stranger(), "closed")
    shown = page(viewer, f"/tenants/contoso/?domains={asked}&days={asked}&round={asked}")
    assert "contoso refuses strangers." in shown


def test_domains_that_answer_like_the_first_are_folded(
    viewer: Client, contoso: models.Tenant
) -> None:
    probed(contoso, factories.stranger(), "closed", [f"d{n}.contoso.com" for n in range(6)])
    cells = part(page(viewer), "paths")
    assert "<code>d3.contoso.com, d4.contoso.com, d5.contoso.com</code> same answers" in cells


def test_the_drawing_has_only_hosts_that_exist(viewer: Client, contoso: models.Tenant) -> None:
    probed(contoso, factories.stranger(), "open")
    drawn = part(page(viewer), "flow")
    assert "Stranger, any sender: answered Open" in drawn
    assert "250 2.1.5 on both front ends" in drawn
    assert "Gateway" not in drawn
    assert "predicted" not in drawn


def test_sender_classes_that_fare_otherwise_have_a_line_each(
    viewer: Client, contoso: models.Tenant
) -> None:
    probed(contoso, factories.stranger(), verdicts("closed", "closed", "open"))
    drawn = part(page(viewer), "flow")
    assert "Stranger, foreign or own sender: answered Closed" in drawn
    assert "Stranger, null sender, MAIL FROM:&lt;&gt;: answered Open" in drawn


def test_strangers_that_fare_otherwise_are_named(viewer: Client, contoso: models.Tenant) -> None:
    probed(contoso, factories.stranger("frankfurt"), "closed")
    probed(contoso, factories.stranger("singapore"), "unknown", cause="reputation")
    drawn = part(page(viewer), "flow")
    assert "Stranger, frankfurt, any sender: answered Closed" in drawn
    assert "Stranger, singapore, any sender: answered Unknown" in drawn
    assert "address on a block list" in drawn


def test_a_source_that_nobody_plays_is_drawn_as_not_probed(
    viewer: Client, contoso: models.Tenant
) -> None:
    contoso.sources.create(name="Scanner", kind="relay", addresses="203.0.113.31\n203.0.113.32")
    factories.snapshot(contoso, factories.configuration(), ago(days=1))
    drawn = part(page(viewer), "flow")
    assert "Scanner, 203.0.113.31 and 1 more: not probed" in drawn
    assert "no vantage point plays it" in drawn


def test_the_gateway_shows_which_mx_it_is(viewer: Client, contoso: models.Tenant) -> None:
    factories.source(contoso)
    factories.snapshot(contoso, factories.configuration(), ago(days=1))
    assert "MX 10 mx1.contoso.com" in part(page(viewer), "flow")


@pytest.mark.parametrize(
    ("listed", "led"),
    [
        ("203.0.113.10", True),
        ("203.0.113.0/28", True),
        ("198.51.100.9\n203.0.113.10", True),
        ("203.0.113.11", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_only_what_an_mx_names_follows_the_mx(
    viewer: Client, contoso: models.Tenant, listed: str, led: bool
) -> None:
    probed(contoso, factories.stranger(), "open")
    factories.source(contoso)
    contoso.sources.update(addresses=listed)
    factories.snapshot(contoso, factories.configuration(), ago(days=1))
    drawn = part(page(viewer), "flow")
    assert ("follows the MX" in drawn) is led
    assert ("MX 10 mx1.contoso.com" in drawn) is led


# ---- changes and windows ----------------------------------------------------------------------


def test_the_latest_ten_changes_and_the_way_to_all(viewer: Client, contoso: models.Tenant) -> None:
    before = factories.snapshot(contoso, factories.configuration(), ago(days=3), ago(days=2))
    after = factories.snapshot(contoso, factories.configuration(factories.lock()), ago(days=2))
    effects = ["opens", "closes", "neutral", "pending", "unknown"]
    made = [
        contoso.changes.create(
            before=before, after=after, at=ago(hours=n), part="inbound_connectors", kind="changed",
            subject="Lock to gateway", sentence=f"Change number {n}.", effect=effects[n % 5],
        )
        for n in range(14)
    ]  # fmt: skip
    section = part(page(viewer), "changes")
    for change in made[:10]:
        assert f'href="/changes/{change.pk}/">Change number' in section
    assert "Change number 10." not in section
    assert 'href="/changes/?tenant=contoso"' in section
    for said in ("Opens", "Closes", "Neutral", "Not yet seen", "Unknown"):
        assert said in words(section)


def test_a_window_stands_with_its_four_bounds_and_both_lengths(
    viewer: Client, contoso: models.Tenant
) -> None:
    paths = probed(contoso, factories.stranger(), "closed")
    for path in paths:
        window(
            path,
            ago(days=2),
            last_closed_at=ago(days=2, hours=1),
            last_open_at=ago(days=1),
            first_closed_at=ago(hours=22),
        )
    section = part(page(viewer), "windows")
    said = words(section)
    assert "any host any sender 1 d at most 1 d 3 h" in said
    assert "23 Nov 07:02 23 Nov 08:02 24 Nov 08:02 24 Nov 10:02" in said
    assert section.count("<time datetime=") == 6


def test_a_window_that_stands_open_says_so_and_was_seen_until_the_last_look(
    viewer: Client, contoso: models.Tenant
) -> None:
    for path in probed(contoso, factories.stranger(), "open"):
        window(path, ago(days=6, hours=4))
    said = words(part(page(viewer), "windows"))
    assert "any sender 6 d 4 h since first look never 19 Nov 04:02 25 Nov 07:58" in said
    assert "Still open" in said


def test_a_window_after_which_every_look_was_blind_was_seen_open_until_before_them(
    viewer: Client, contoso: models.Tenant
) -> None:
    for path in probed(contoso, factories.stranger(), "open"):
        window(path, ago(days=6))
        path.observations.update(last_at=ago(days=5))
        factories.answered(path, "unknown", ago(days=5))
    section = part(page(viewer), "windows")
    said = words(section)
    assert "any sender 1 d at most 6 d since first look never 19 Nov 08:02 20 Nov 08:02" in said
    assert "Not seen closed" in said
    assert "Still open" not in said
    assert "1 d in all" in said


def test_sender_classes_with_other_bounds_are_lines_of_their_own(
    viewer: Client, contoso: models.Tenant
) -> None:
    for path in probed(contoso, factories.stranger(), "open"):
        window(path, ago(hours=5) if path.sender_class == "null" else ago(days=2))
    said = words(part(page(viewer), "windows"))
    assert "any host foreign and own sender 2 d" in said
    assert "any host null sender 5 h" in said
    assert said.index("null sender") < said.index("foreign and own")


def test_a_window_of_one_look_was_seen_once_and_its_bounds_have_seconds(
    viewer: Client, contoso: models.Tenant
) -> None:
    for path in probed(contoso, factories.stranger(), "closed"):
        seen = ago(minutes=9)
        window(
            path,
            seen,
            last_closed_at=ago(minutes=9, seconds=30),
            last_open_at=seen,
            first_closed_at=ago(minutes=8, seconds=30),
        )
    said = words(part(page(viewer), "windows"))
    assert "any sender seen once at most 1 min" in said
    assert "25 Nov 07:52:30 25 Nov 07:53:00 25 Nov 07:53:00 25 Nov 07:53:30" in said
    assert "in all" not in said


def test_a_window_of_a_path_nobody_looks_at_any_more_does_not_stand_open(
    viewer: Client, contoso: models.Tenant
) -> None:
    probed(contoso, factories.stranger(), "closed")
    covered(contoso, place := factories.stranger("london"))
    (gone,) = factories.paths(contoso, place, ("contoso.org",), ("foreign",))
    factories.answered(gone, "open", ago(days=5))
    window(gone, ago(days=5))
    models.Path.objects.filter(pk=gone.pk).update(retired_at=ago(days=3))
    said = words(part(page(viewer), "windows"))
    assert "foreign sender 2 d" in said
    assert "not looked at any more" in said
    assert "Still open" not in said


def test_no_window_tells_nothing_found_from_nothing_looked_at(
    viewer: Client, contoso: models.Tenant
) -> None:
    assert "No stranger was seen to get in." in part(page(viewer), "windows")
    models.Tenant.objects.update(probed_at=None)
    assert "Nothing was probed yet." in part(page(viewer), "windows")


# ---- cost -------------------------------------------------------------------------------------


def crowd(of: models.Tenant, size: int) -> None:
    """A tenant with so many domains, places, sources, snapshots, changes and windows."""
    domains = [f"d{n}.contoso.com" for n in range(size)]
    before = factories.snapshot(of, factories.configuration(), ago(days=9), ago(days=9))
    for n in range(size):
        place = factories.stranger(f"place-{n}")
        for path in probed(of, place, "open", domains[: 1 + n % 3]):
            window(path, ago(days=2, minutes=n))
        seen = factories.configuration(factories.lock(), domains=domains[:n])
        after = factories.snapshot(of, seen, ago(hours=size - n), ago(hours=size - n))
        of.changes.create(
            before=before, after=after, at=ago(hours=n), part="x", kind="changed", subject="x",
            sentence="x", effect="neutral",
        )  # fmt: skip
        of.sources.create(name=f"Source {n}", kind="relay", addresses="203.0.113.9")


@pytest.mark.parametrize("size", [2, 20])
def test_the_page_costs_twelve_queries_at_any_size(
    contoso: models.Tenant,
    size: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    crowd(contoso, size)
    client = signed_in(staff=True)
    with django_assert_max_num_queries(12):
        shown = page(client)
    assert f"{size} inbound" not in shown
    assert "contoso takes mail from any host" in shown


def test_the_page_says_the_age_of_what_it_shows(viewer: Client, contoso: models.Tenant) -> None:
    models.Tenant.objects.update(fetched_at=NOW - timedelta(minutes=3))
    head = words(part(page(viewer), "said"))
    assert "Configuration read 3 min ago" in head
    assert "Probed 4 min ago" in head


def test_the_worst_findings_stand_on_the_page_and_lead_to_all(
    viewer: Client, contoso: models.Tenant
) -> None:
    unread = part(page(viewer), "findings")
    assert "Nothing was judged yet." in unread or "No rule is seen" in unread
    opened = factories.configuration(factories.lock(enabled=False))
    factories.source(contoso)
    factories.snapshot(contoso, opened, ago(days=2))
    assessing.refresh(contoso, ago(hours=6))
    # What has one cause is one finding: there are fewer of a configuration, so three more are kept.
    for rule in ("MP-56", "MP-61", "MP-62"):
        contoso.findings.create(
            rule=rule, severity="low", rank=3, sentence="Low.", document={}, opened_at=NOW
        )
    found = part(page(viewer), "findings")
    assert found.count('class="name"') == 5
    assert words(found).index("MP-01") < words(found).index("MP-21")
    assert "Would be closed if Lock to gateway were enabled" in words(found)
    assert "null" not in found
    assert "Critical 6 h since 25 Nov 02:02" in words(found)
    assert "There are more, of the same weight or less." in words(found)
    assert 'href="/findings/?tenant=contoso"' in found
    assert 'href="/glossary/#direct-send"' in found
    contoso.findings.update(closed_at=NOW)
    assert "No rule is seen to be violated." in words(part(page(viewer), "findings"))
