"""Incidents: the list with its filters, one of them with proof and mails, the acknowledgement."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils.text import slugify
from pytest_django import DjangoAssertNumQueries

from mailposture import models
from mailposture.core.alerting import Kind, Level, Seen
from mailposture.services import incidents, subscribing
from tests import factories as make
from tests.factories import NOW, ago
from tests.web.fleet_rows import SCRIPT, page, signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_one_moment() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def staff() -> Client:
    return signed_in(staff=True)


@pytest.fixture
def viewer() -> Client:
    return signed_in(staff=False)


def bypass(name: str = "tailspin", domains: tuple[str, ...] = ("tailspin.com",)) -> models.Incident:
    """A tenant that stands open for 21 h 48 m and was told so."""
    tenant = models.Tenant.objects.filter(name=name).first() or make.tenant(
        name,
        slug=slugify(name) or "hostile",
        state="open",
        standing={"domains": dict.fromkeys(domains, "open"), "sources": {}},
    )
    place = models.VantagePoint.objects.first() or make.stranger()
    since = ago(hours=21, minutes=48)
    for path in make.paths(tenant, place, domains):
        make.answered(path, "open", since)
        path.windows.create(
            tenant=tenant, first_open_at=since, last_closed_at=since - timedelta(minutes=10)
        )
    case = incidents.Case(kind=Kind.BYPASS, tenant=tenant)
    row = incidents.look(case, Seen(level=Level.WHOLE, at=since), since)
    assert row
    return row


def resolved(row: models.Incident, state: str = "unknown") -> models.Incident:
    """The same, over for two minutes."""
    models.ExposureWindow.objects.update(first_closed_at=ago(minutes=2))
    assert row.tenant
    row.tenant.state = state
    case = incidents.Case(kind=Kind.BYPASS, tenant=row.tenant)
    found = incidents.look(case, Seen(level=Level.GONE, at=ago(minutes=2)), ago(minutes=2))
    assert found
    return found


def test_nothing_yet_says_what_will_stand_here(viewer: Client) -> None:
    said = words(page(viewer, "/incidents/"))
    assert said.startswith("No incident is open.")
    assert "Nothing has gone wrong yet." in said


def test_the_list_opens_with_how_many_and_the_longest(viewer: Client) -> None:
    bypass()
    said = words(page(viewer, "/incidents/"))
    assert said.startswith("1 incident is open, for 21 h 48 m.")
    assert "tailspin takes mail from any host." in said
    assert "Critical" in said
    assert "New" in said


def test_worst_first_and_what_is_over_last(viewer: Client) -> None:
    resolved(bypass("adatum", ("adatum.com",)))
    blind = incidents.Case(kind=Kind.BLIND, tenant=make.tenant("proseware"))
    incidents.look(blind, Seen(level=Level.WHOLE, at=NOW), NOW)
    bypass()
    said = words(page(viewer, "/incidents/"))
    order = ["tailspin takes", "proseware is not seen", "No door of adatum"]
    assert sorted(order, key=said.index) == order


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("state=open", {"tailspin", "proseware"}), ("state=resolved", {"adatum"}),
        ("state=acknowledged", set()),
        ("severity=critical&state=open", {"tailspin"}), ("kind=blind", {"proseware"}),
        ("tenant=adat", {"adatum"}), ("tenant=nobody", set()),
        ("state=nonsense&kind=x", {"tailspin", "adatum", "proseware"}),
        ("page=999", {"tailspin", "adatum", "proseware"}), ("tenant=%00", {"tailspin", "adatum"}),
    ],
)  # fmt: skip
def test_the_filters_stand_in_the_address(viewer: Client, query: str, shown: set[str]) -> None:
    resolved(bypass("adatum", ("adatum.com",)))
    incidents.look(
        incidents.Case(kind=Kind.BLIND, tenant=make.tenant("proseware")),
        Seen(level=Level.WHOLE, at=NOW), NOW,
    )  # fmt: skip
    tenant = models.Tenant.objects.get(name="adatum")
    models.Tenant.objects.filter(pk=tenant.pk).update(state="closed")
    bypass()
    main = page(viewer, f"/incidents/?{query}").partition("<tbody>")[2]
    for name in ("tailspin", "adatum", "proseware"):
        if name in shown:
            assert f">{name}</a>" in main
        elif "%00" not in query:
            assert f">{name}</a>" not in main


def test_an_incident_shows_proof_story_and_mails(viewer: Client) -> None:
    subscribing.subscribe("security@example.com", None, ago(days=2))
    row = bypass()
    models.Delivery.objects.update(
        state="sent", code=250, answer="250 2.0.0 queued as 4711", done_at=ago(hours=21),
        attempts=2, unsure=1,
    )  # fmt: skip
    said = words(page(viewer, f"/incidents/{row.pk}/"))
    assert "tailspin takes mail from any host." in said
    assert "250 2.1.5 Recipient OK" in said
    assert "No control answered." in said
    assert "tailspin.com foreign, own, null" in said
    assert said.index("Last seen closed") < said.index("First seen open")
    assert "Told: opened. 1 of 1 mails sent." in said
    assert "250 2.0.0 queued as 4711" in said
    assert "2 tries, may have come twice" in said
    assert "Save acknowledgement" not in said


def test_the_story_goes_up_to_the_last_look_and_the_proof_leads_to_its_conversation(
    viewer: Client,
) -> None:
    row = bypass()
    shown = page(viewer, f"/incidents/{row.pk}/")
    said = words(shown)
    assert said.index("First seen open.") < said.index("Told: opened.")
    assert said.index("Told: opened.") < said.index("Last look: Open.")
    assert "Last look 4 min ago" in said
    proof = models.Observation.objects.get(pk=row.facts["proof"]["observation"])
    assert f'href="/observations/{proof.pk}/">Whole conversation' in shown


def test_a_look_before_the_opening_is_no_part_of_the_story(viewer: Client) -> None:
    row = bypass()
    models.Tenant.objects.update(probed_at=ago(days=3))
    assert "Last look: Open." not in words(page(viewer, f"/incidents/{row.pk}/"))


def test_news_that_reached_nobody_is_in_the_story_too(viewer: Client) -> None:
    row = bypass()
    said = words(page(viewer, f"/incidents/{row.pk}/"))
    assert "Told: opened. Nobody was on the list." in said


def test_the_list_says_how_many_mails_were_sent(viewer: Client) -> None:
    for name in ("security", "team"):
        subscribing.subscribe(f"{name}@example.com", None, ago(days=2))
    bypass()
    first = models.Delivery.objects.order_by("pk")[:1]
    models.Delivery.objects.filter(pk__in=first.values("pk")).update(state="sent")
    assert "1 of 2 mails" in words(page(viewer, "/incidents/"))


def test_many_mails_are_cut_with_their_count(viewer: Client) -> None:
    row = bypass()
    alert = row.alerts.get()
    models.Delivery.objects.bulk_create(
        models.Delivery(alert=alert, recipient=f"a{n}@example.com", created_at=NOW, due_at=NOW)
        for n in range(203)
    )
    said = words(page(viewer, f"/incidents/{row.pk}/"))
    assert "a199@example.com" in said
    assert "a200@example.com" not in said
    assert "and 3 more mails." in said


@pytest.mark.parametrize(
    ("acknowledged", "words_of_it"), [(False, "#{pk} New"), (True, "#{pk} Acknowledged")]
)
def test_the_overview_names_the_worst_incident_of_a_tenant(
    staff: Client, *, acknowledged: bool, words_of_it: str
) -> None:
    row = bypass()
    blind = incidents.Case(kind=Kind.BLIND, tenant=row.tenant)
    incidents.look(blind, Seen(level=Level.WHOLE, at=NOW), NOW)
    if acknowledged:
        incidents.acknowledge(row, "seen to", None, NOW)
    shown = page(staff, "/")
    assert f'href="/incidents/{row.pk}/"' in shown
    assert f"Critical {words_of_it.format(pk=row.pk)}" in words(shown)


def test_a_tenant_with_several_incidents_leads_to_all_of_them(viewer: Client) -> None:
    row = bypass()
    blind = incidents.Case(kind=Kind.BLIND, tenant=row.tenant)
    incidents.look(blind, Seen(level=Level.WHOLE, at=NOW), NOW)
    shown = page(viewer, "/tenants/tailspin/")
    assert f'href="/incidents/{row.pk}/">#{row.pk}' in shown
    assert "2 are open" in words(shown)


def test_what_is_over_is_named_neither_here_nor_there(viewer: Client) -> None:
    row = resolved(bypass(), "closed")
    for address in ("/", "/tenants/tailspin/"):
        assert f"/incidents/{row.pk}/" not in page(viewer, address)


def test_mail_that_is_not_set_up_is_said_where_it_matters(viewer: Client) -> None:
    subscribing.subscribe("security@example.com", None, ago(days=2))
    row = bypass()
    for address in ("/incidents/", f"/incidents/{row.pk}/", "/"):
        assert "Mail is not set up: SMTP_URL is not set. 1 mail waits." in words(
            page(viewer, address)
        )


def test_a_list_without_addresses_is_said_too(
    viewer: Client, settings: pytest.FixtureRequest
) -> None:
    settings.SMTP_URL = "smtp://127.0.0.1:2525"  # type: ignore[attr-defined]
    bypass()
    assert "Nobody is told by mail" in words(page(viewer, "/"))


def test_an_acknowledgement_is_kept_and_shown(staff: Client) -> None:
    row = bypass()
    answer = staff.post(
        f"/incidents/{row.pk}/acknowledge/", {"reason": "Relay moves today"}, follow=True
    )
    said = words(answer.content.decode())
    assert "Acknowledged by staff. Relay moves today" in said
    assert "Acknowledged" in words(page(staff, "/incidents/"))


def test_an_acknowledgement_without_words_is_refused_in_words(staff: Client) -> None:
    row = bypass()
    answer = staff.post(f"/incidents/{row.pk}/acknowledge/", {"reason": "  "})
    assert answer.status_code == 422
    assert "Say what you are doing about it" in words(answer.content.decode())
    row.refresh_from_db()
    assert row.acknowledged_at is None


def test_who_may_only_look_cannot_acknowledge(viewer: Client) -> None:
    row = bypass()
    assert viewer.post(f"/incidents/{row.pk}/acknowledge/", {"reason": "x"}).status_code == 404
    assert Client().get(f"/incidents/{row.pk}/").status_code == 302
    assert viewer.get("/incidents/999/").status_code == 404


def test_what_is_over_says_how_long_it_was(staff: Client) -> None:
    row = resolved(bypass(), "closed")
    said = words(page(staff, f"/incidents/{row.pk}/"))
    assert "tailspin refuses strangers again." in said
    assert "Lasted 21 h 46 m" in said
    assert "Save acknowledgement" not in said


def test_hostile_words_stay_words(viewer: Client) -> None:
    row = bypass(SCRIPT)
    models.Observation.objects.update(reply=f"250 {SCRIPT}\x1b")
    row.refresh_from_db()
    for address in ("/incidents/", f"/incidents/{row.pk}/"):
        assert SCRIPT not in page(viewer, address)


def test_a_vantage_point_has_incidents_too(viewer: Client) -> None:
    place = make.stranger("singapore", name="Singapore")
    case = incidents.Case(kind=Kind.BLIND, place=place)
    reasons = [{"what": "silent", "says": "Singapore does not answer."}]
    row = incidents.look(case, Seen(level=Level.WHOLE, at=NOW), NOW, noted={"reasons": reasons})
    assert row
    said = words(page(viewer, f"/incidents/{row.pk}/"))
    assert "Singapore is silent." in said
    assert "Singapore does not answer." in said


def test_the_tenants_page_leads_to_its_incident(viewer: Client) -> None:
    row = bypass()
    assert f'href="/incidents/{row.pk}/"' in page(viewer, "/tenants/tailspin/")


@pytest.mark.parametrize("count", [2, 30])
def test_the_list_costs_the_same_for_many(
    viewer: Client, count: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(count):
        bypass(f"tenant{n}", (f"t{n}.example",))
    with django_assert_max_num_queries(12):
        page(viewer, "/incidents/")


@pytest.mark.parametrize("count", [1, 300])
def test_one_incident_costs_the_same_for_many_domains(
    viewer: Client, count: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    row = bypass(domains=tuple(f"d{n}.tailspin.com" for n in range(count)))
    with django_assert_max_num_queries(12):
        said = words(page(viewer, f"/incidents/{row.pk}/"))
    assert ("288 more domains" in said) == (count == 300)
    assert ("240 more, not listed here." in said) == (count == 300)


# ---- who may what ------------------------------------------------------------------------

SIGN_IN, SHOWN, DONE, ABSENT = 302, 200, 302, 404


@pytest.mark.parametrize(
    ("method", "address", "nobody", "looks", "acts"),
    [
        ("get", "/incidents/", SIGN_IN, SHOWN, SHOWN),
        ("get", "/incidents/{pk}/", SIGN_IN, SHOWN, SHOWN),
        ("get", "/incidents/999/", SIGN_IN, ABSENT, ABSENT),
        ("post", "/incidents/{pk}/acknowledge/", SIGN_IN, ABSENT, DONE),
        ("get", "/incidents/{pk}/acknowledge/", SIGN_IN, 405, 405),
        ("get", "/settings/", SIGN_IN, SHOWN, SHOWN),
        ("get", "/settings/tests/", SIGN_IN, SHOWN, SHOWN),
        ("post", "/settings/test/", SIGN_IN, ABSENT, DONE),
        ("post", "/settings/subscribe/", SIGN_IN, ABSENT, DONE),
        ("post", "/settings/subscriptions/{told}/remove/", SIGN_IN, ABSENT, DONE),
    ],
)
def test_three_people_may_three_things(
    method: str, address: str, nobody: int, looks: int, acts: int
) -> None:
    row = bypass()
    told = subscribing.subscribe("security@example.com", None, NOW)
    at = address.format(pk=row.pk, told=told.pk)
    given = {"reason": "seen to", "address": "me@example.com"}
    for client, expected in (
        (Client(), nobody),
        (signed_in(staff=False), looks),
        (signed_in(staff=True), acts),
    ):
        answer = client.get(at) if method == "get" else client.post(at, given)
        assert answer.status_code == expected
    assert "/signin" in Client().get("/incidents/").headers["Location"]


@pytest.mark.parametrize(
    ("looks", "said"),
    [
        ([(48, 0)], ""),
        ([(48, 19), (14, 0)], "Not looked at for 5 h of it"),
        ([(48, 19), (16, 0)], ""),  # an answer counts for four rounds
        ([(48, 19), (14, 9), (4, 0)], "Not looked at for 10 h of it"),
        ([], ""),  # no look was kept: nothing is said
    ],
)
def test_a_time_in_which_nobody_looked_is_told_beside_its_length(
    viewer: Client, looks: list[tuple[int, int]], said: str
) -> None:
    row = bypass()
    tenant = models.Tenant.objects.get()
    models.Tenant.objects.update(probe_every=3600)
    for begin, end in looks:
        models.Coverage.objects.create(
            tenant=tenant, vantage_point=models.VantagePoint.objects.get(),
            since=ago(hours=begin), until=ago(hours=end),
        )  # fmt: skip
    shown = words(page(viewer, f"/incidents/{row.pk}/"))
    assert ("Not looked at" in shown) is bool(said)
    assert said in shown
