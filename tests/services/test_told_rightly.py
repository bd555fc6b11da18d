"""What news says is what was seen: of openings told late, of causes, of counts and bounds."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from mailposture import models
from mailposture.core import letters
from mailposture.core.alerting import Kind, Level, Seen
from mailposture.services import (
    incidents,
    judging,
    news,
    openings,
    planning,
    subscribing,
)
from mailposture.services.pages import incident as page
from tests import factories as make
from tests.factories import NOW
from tests.services.results import CLOSED, TAKEN, result
from tests.services.rounds import claim, look

pytestmark = pytest.mark.django_db

BASE = "https://posture.example.com"
TWO = ("contoso.com", "b.com")


@pytest.fixture
def tenant(settings: Any) -> models.Tenant:
    """A tenant with two domains whose security team is subscribed; a stranger probes it."""
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.contoso.com"
    found = make.tenant(probe_due_at=NOW, probe_every=3600)
    make.snapshot(found, make.configuration(domains=TWO), make.ago(days=1))
    make.stranger()
    for domain in TWO:
        host = f"{domain.replace('.', '-')}.mail.protection.outlook.com"
        found.endpoints.create(domain=domain, host=host, found_by="dash", first_seen_at=NOW)
    subscribing.subscribe("security@example.com", None, make.ago(days=1))
    return found


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def told() -> list[tuple[str, dict[str, Any]]]:
    return list(models.Alert.objects.order_by("pk").values_list("event", "facts"))


def events() -> list[str]:
    return [event for event, _ in told()]


def open_at(minute: float, *opened: tuple[str, str], slug: str = "frankfurt") -> None:
    """A whole round in which a stranger gets in with these alone: a domain and a sender class."""
    order = claim(at(minute), slug)
    both = zip(
        order.targets, result(order, CLOSED).answers, result(order, TAKEN).answers, strict=True
    )
    answers = tuple(yes if (t.domain, t.sender_class) in opened else no for t, no, yes in both)
    judging.take(result(order, TAKEN, answers=answers), at(minute))


def every(*domains: str) -> list[tuple[str, str]]:
    return [(domain, sender) for domain in domains for sender in make.CLASSES]


# ---- told late ---------------------------------------------------------------------------


def part_of_a_round(minute: float, *opened: tuple[str, str]) -> None:
    """A round of two places of which only one reports: its news waits for the other."""
    models.Tenant.objects.update(probe_due_at=at(minute))
    planning.schedule_rounds(at(minute))
    planning.plan_rounds(at(minute))
    orders = {e.vantage_point: e for e in planning.claim_shards(at(minute))}
    order = orders["frankfurt"]
    both = zip(
        order.targets, result(order, CLOSED).answers, result(order, TAKEN).answers, strict=True
    )
    answers = tuple(yes if (t.domain, t.sender_class) in opened else no for t, no, yes in both)
    judging.take(result(order, TAKEN, answers=answers), at(minute))
    models.Shard.objects.filter(done_at=None).update(aside_at=at(minute))


def test_an_opening_that_is_told_only_once_it_is_over_is_told_as_it_was_seen(
    tenant: models.Tenant,
) -> None:
    look(NOW, CLOSED)
    make.stranger("paris", address="198.51.100.8")
    part_of_a_round(2, ("b.com", "null"))
    assert events() == []
    # Nothing ran until the door was closed again.
    look(at(6), CLOSED)
    (first, opened), (second, resolved) = told()
    assert (first, second) == ("opened", "resolved")
    assert opened["subjects"] == [{"domain": "b.com", "classes": ["null"]}]
    assert (opened["last_closed"], opened["first_look"]) == (NOW.isoformat(), False)
    assert (opened["state"], opened["severity"], opened["until"]) == ("partly", "high", None)
    assert opened["proof"]["verdict"] == "open"
    assert opened["at"] == at(6).isoformat()
    letter = letters.compose(opened, BASE)
    assert letter.sentence == "contoso takes mail from any host with a null sender."
    assert letter.decides == "→ Decides: Open"
    assert letter.lead == (
        "Last seen closed at 08:02:00 UTC, first seen open at 08:04:00 UTC, on 2 front ends."
    )
    assert ("Domains", "b.com (1 of 2)") in letter.rows

    assert resolved["subjects"] == opened["subjects"]
    assert (resolved["seconds"], resolved["proof"]["verdict"]) == (240, "closed")
    assert "seen" not in models.Incident.objects.get().facts


def test_a_return_that_is_told_only_once_it_is_over_is_told_as_it_was_seen(
    tenant: models.Tenant,
) -> None:
    for minute, said in [(0, CLOSED), (2, TAKEN), (4, CLOSED)]:
        look(at(minute), said)
    make.stranger("paris", address="198.51.100.8")
    part_of_a_round(10, ("b.com", "null"))
    assert events() == ["opened", "resolved"]
    assert models.Incident.objects.get().tell_at == at(10.5)
    look(at(12), CLOSED)
    assert events() == ["opened", "resolved", "again"]
    again = told()[-1][1]
    assert again["subjects"] == [{"domain": "b.com", "classes": ["null"]}]
    assert letters.compose(again, BASE).subject == (
        "[Again] contoso takes mail from any host with a null sender"
    )
    row = models.Incident.objects.get()
    assert (row.told, row.resolved_at) == ("partly", at(12))


def test_what_is_held_back_and_still_stands_is_told_as_it_stands(tenant: models.Tenant) -> None:
    look(NOW, CLOSED)
    make.stranger("paris", address="198.51.100.8")
    part_of_a_round(2, ("b.com", "null"))
    open_at(2.2, *every(*TWO))
    incidents.tell_due(at(3))
    assert events() == ["opened"]
    facts = told()[0][1]
    assert (facts["domains"], facts["severity"], facts["state"]) == (2, "critical", "open")


def test_a_source_that_gets_in_again_before_it_was_told_is_told_as_it_was_refused(
    tenant: models.Tenant,
) -> None:
    make.source(tenant)
    # The stranger's part of the round is still out.
    look(at(4), CLOSED, "contoso-gateway")
    assert events() == []
    look(at(8), TAKEN, "contoso-gateway")
    assert events() == ["opened", "resolved"]
    opened = told()[0][1]
    assert [s["domain"] for s in opened["subjects"]] == ["b.com", "contoso.com"]
    assert opened["proof"]["verdict"] == "closed"


def test_one_incident_that_cannot_be_told_costs_no_other_its_news(
    tenant: models.Tenant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = make.tenant("fabrikam")
    for one in (tenant, other):
        case = incidents.Case(kind=Kind.CUT_OFF, tenant=one, place=make.source(one).vantage_point)
        incidents.look(case, Seen(level=Level.WHOLE, at=NOW, whole=False), NOW)
    real = news.write

    def broken(row: models.Incident, *given: Any) -> dict[str, Any]:
        if row.tenant == tenant:
            raise KeyError("domains")
        return real(row, *given)

    monkeypatch.setattr(news, "write", broken)
    assert incidents.tell_due(at(1)) == 2
    assert models.Alert.objects.get().incident.tenant == other
    assert "could not be told" in caplog.text
    # It is tried again, but later: what is due after it has its turn.
    assert models.Incident.objects.get(tenant=tenant).tell_at == at(1.5)


# ---- how bad -----------------------------------------------------------------------------


def test_less_bad_is_no_news_and_keeps_the_severity_that_was_told(tenant: models.Tenant) -> None:
    look(NOW, TAKEN)
    open_at(2, ("b.com", "null"))
    row = models.Incident.objects.get()
    assert (row.severity, events()) == ("critical", ["opened"])
    tenant.refresh_from_db()
    assert tenant.state == "partly"
    # On the page and in the list it is said as it stands.
    shown = page.load(row, at(3))
    assert shown.sentence == "contoso takes mail from any host with a null sender."


def test_what_came_back_in_part_is_told_and_weighed_as_that(tenant: models.Tenant) -> None:
    look(NOW, TAKEN)
    look(at(2), CLOSED)
    open_at(4, ("b.com", "null"))
    assert events() == ["opened", "resolved", "again"]
    facts = told()[-1][1]
    assert (facts["severity"], facts["state"]) == ("high", "partly")
    assert letters.compose(facts, BASE).word == "Partly open"


def test_worse_for_a_source_is_told_by_whole_rounds(tenant: models.Tenant) -> None:
    place = make.source(tenant).vantage_point
    case = incidents.Case(kind=Kind.CUT_OFF, tenant=tenant, place=place)
    incidents.look(case, Seen(level=Level.PARTLY, at=NOW), NOW)
    make.stranger("paris", address="198.51.100.8")
    claim(at(2), "paris")
    order = next(iter(planning.claim_shards(at(2), only=["contoso-gateway"])))
    judging.take(result(order, CLOSED), at(2))
    # The stranger's part is still out.
    assert models.Incident.objects.get(kind="cut_off").told == "partly"
    assert events() == ["opened"]


def test_what_a_part_of_a_round_made_look_whole_is_told_as_the_whole_round_shows_it(
    tenant: models.Tenant,
) -> None:
    # Of one domain a first part knew nothing.
    case = incidents.Case(kind=Kind.BYPASS, tenant=tenant)
    open_at(0, ("b.com", "null"))
    models.Incident.objects.all().delete()
    incidents.look(case, Seen(level=Level.WHOLE, at=NOW, whole=False), NOW)
    assert models.Incident.objects.get().severity == "critical"
    incidents.look(case, Seen(level=Level.PARTLY, at=at(0.2)), at(0.2))
    row = models.Incident.objects.get()
    assert (row.severity, row.told, told()[-1][1]["severity"]) == ("high", "partly", "high")


def test_news_that_is_due_weighs_a_door_that_is_open_in_part_as_that(
    tenant: models.Tenant,
) -> None:
    look(NOW, CLOSED)
    make.stranger("paris", address="198.51.100.8")
    part_of_a_round(2, ("b.com", "null"))
    incidents.tell_due(at(3))
    row = models.Incident.objects.get()
    assert (row.told, row.severity) == ("partly", "high")


# ---- counts and bounds -------------------------------------------------------------------


def test_more_domains_than_are_listed_are_counted(tenant: models.Tenant) -> None:
    names = [f"d{n:04}.com" for n in range(1500)]
    place = models.VantagePoint.objects.get()
    rows = models.Path.objects.bulk_create(
        models.Path(
            tenant=tenant, vantage_point=place, domain=d, sender_class="null", created_at=NOW
        )
        for d in names
    )
    models.ExposureWindow.objects.bulk_create(
        models.ExposureWindow(tenant=tenant, path=row, first_open_at=NOW) for row in rows
    )
    tenant.standing = {"domains": dict.fromkeys([*names, "shut.com"], "partly")}
    case = incidents.Case(kind=Kind.BYPASS, tenant=tenant)
    row = incidents.look(case, Seen(level=Level.PARTLY, at=NOW), NOW)
    assert row
    facts = told()[0][1]
    assert (facts["domains"], len(facts["subjects"]), facts["of"]) == (1500, 1000, 1501)
    rows_ = dict(letters.compose(facts, BASE).rows)
    assert rows_["Domains"].endswith("and 1,495 more (1,500 of 1,501)")
    assert page.load(row, at(1)).more_subjects == 1500 - page.FIRST_SUBJECTS

    models.ExposureWindow.objects.update(first_closed_at=at(2))
    incidents.look(case, Seen(level=Level.GONE, at=at(2)), at(2))
    assert told()[-1][1]["domains"] == 1500


def test_the_bounds_are_those_of_the_door_that_opened_first(tenant: models.Tenant) -> None:
    open_at(0)
    open_at(60, *every("contoso.com"))
    open_at(180, *every(*TWO))
    assert events() == ["opened", "worse"]
    for _, facts in told():
        assert (facts["last_closed"], facts["since"]) == (NOW.isoformat(), at(60).isoformat())
    shown = page.load(models.Incident.objects.get(), at(181))
    seen = [(h.at, h.title) for h in shown.happened if h.gate]
    assert seen[:2] == [(NOW, "Last seen closed."), (at(60), "First seen open.")]

    # Also once that door is closed, and another one stands.
    open_at(240, *every("b.com"))
    assert page.load(models.Incident.objects.get(), at(241)).facts["last_closed"] == NOW.isoformat()


# ---- whose answers count -----------------------------------------------------------------


def test_what_lets_a_source_in_is_no_door(tenant: models.Tenant) -> None:
    place = make.source(tenant).vantage_point
    assert place
    path = make.paths(tenant, place, ("b.com",), ("foreign",))[0]
    path.windows.create(tenant=tenant, first_open_at=NOW)
    assert openings.doors(tenant) == []


def test_a_source_that_is_refused_does_not_outlive_a_door(tenant: models.Tenant) -> None:
    stranger = models.VantagePoint.objects.get()
    place = make.source(tenant).vantage_point
    assert place
    gone = make.paths(tenant, stranger, ("b.com",), ("foreign",))[0]
    make.answered(gone, "open", NOW)
    gone.windows.create(tenant=tenant, first_open_at=NOW)
    models.Path.objects.filter(pk=gone.pk).update(retired_at=at(1))
    make.answered(make.paths(tenant, place, ("b.com",), ("foreign",))[0], "closed", NOW)
    assert [door.path for door in openings.doors(tenant)] == [gone.pk]


def test_what_shows_that_a_door_closed_is_the_answer_at_that_door(tenant: models.Tenant) -> None:
    open_at(0, *every(*TWO))
    open_at(2)
    opened, resolved = (facts["proof"] for _, facts in told())
    where = (opened["domain"], opened["sender_class"])
    assert where[1] == "foreign"
    assert (resolved["domain"], resolved["sender_class"]) == where
    assert resolved["verdict"] == "closed"
    # It is not merely the newest refusal.
    newest = models.Observation.objects.order_by("-first_at", "-pk")[0]
    assert newest.pk != resolved["observation"]


def test_what_another_door_says_of_itself_bounds_nothing_of_the_first() -> None:
    def door(path: int, opened: datetime, closed: datetime | None) -> openings.Door:
        return openings.Door(
            path=path, domain="b.com", sender_class="own", retired=False, first_open=opened,
            last_closed=closed,
        )  # fmt: skip

    early, late = door(1, at(60), NOW), door(2, at(180), at(60))
    assert openings.last_closed([early, late]) == NOW
    assert openings.last_closed([door(3, NOW, None), late]) is None
    assert openings.last_closed([early, door(4, at(60), at(30))]) == at(30)
    assert openings.last_closed([]) is None
