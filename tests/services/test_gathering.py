"""What a report is given as evidence: of a time in which nobody looked or read, nothing."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from mailposture import models
from mailposture.core import codec
from mailposture.core.compliance import Evidence, Period, Report
from mailposture.services import gathering, judging, reading, reporting, stretches
from tests import factories as make
from tests.core.compliance.evidences import built, results
from tests.services.results import BUSY, CLOSED, TAKEN, result
from tests.services.rounds import claim, look

pytestmark = pytest.mark.django_db

YES, NO, UNKNOWN = "satisfied", "not_satisfied", "unknown"
EVERY = timedelta(hours=6)


def at(day: float) -> datetime:
    """A moment of November 2026, in days: 1.25 is the first at six."""
    return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=day - 1)


def each(first: float, last: float) -> Iterable[datetime]:
    """Every six hours from one moment to another."""
    moment = at(first)
    while moment <= at(last):
        yield moment
        moment += EVERY


def period(since: int, until: int, as_of: float = 26) -> Period:
    return Period(since=date(2026, 11, since), until=date(2026, 11, until), as_of=at(as_of))


@pytest.fixture
def tenant(settings: Any) -> models.Tenant:
    """contoso, locked, read and probed by one stranger every six hours."""
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.contoso.com"
    every = int(EVERY.total_seconds())
    found = make.tenant(fetch_every=every, probe_every=every, created_at=at(1))
    make.stranger()
    found.endpoints.create(
        domain="contoso.com", host="contoso-com.mail.protection.outlook.com", found_by="dash",
        first_seen_at=at(1),
    )  # fmt: skip
    make.snapshot(found, make.configuration(make.lock()), at(3), at(3))
    return found


def read(tenant: models.Tenant, moments: Iterable[datetime]) -> None:
    for moment in moments:
        reading.record(tenant, make.configuration(make.lock()), moment)


def seen(moments: Iterable[datetime], rcpt: bytes = CLOSED) -> None:
    for moment in moments:
        look(moment, rcpt)


def report(tenant: models.Tenant, since: int, until: int) -> Report:
    """The report as it is made from the rows, on the 26th."""
    row = reporting.ask(tenant, date(2026, 11, since), date(2026, 11, until), at(26))
    ((pk, attempt),) = reporting.claim(at(26))
    reporting.make(pk, attempt, lambda: at(26))
    row.refresh_from_db()
    return codec.load(Report, row.document)


# ---- outages -------------------------------------------------------------------------------


def test_weeks_in_which_nobody_looked_or_read_are_unknown_though_nothing_changed(
    tenant: models.Tenant,
) -> None:
    for moments in (each(3.25, 7.75), each(25, 25.75)):
        held = list(moments)
        read(tenant, held)
        seen(held)
    assert models.Observation.objects.count() == 3
    assert tenant.snapshots.count() == 1

    blind = report(tenant, 6, 20)
    found = results(blind)
    assert [found[i] for i in ("MP-01", "MP-03", "MP-04", "MP-05")] == [UNKNOWN] * 4
    assert found["MP-11"] == NO
    assert {(b.begin, b.end) for b in blind.blind} == {(at(7.75), at(20))}
    assert len(blind.blind) == 2
    fresh = next(r for r in blind.requirements if r.id == "MP-11")
    assert "the oldest answer was 12 d 6 h" in fresh.sentence
    assert "the last reading was 12 d 6 h old" in fresh.sentence
    assert "but 12 d 6 h were not seen" in blind.sentence
    assert blind.state == "Unknown"
    assert ("Known from strangers' answers", "1 d 18 h of 14 d") in blind.rests_on
    assert {p.last for r in blind.requirements for p in r.evidence} == {at(7.75)}

    whole = report(tenant, 4, 7)
    assert [results(whole)[i] for i in ("MP-01", "MP-03", "MP-04", "MP-05")] == [YES] * 4
    assert whole.blind == ()


def test_a_period_inside_an_outage_has_nothing_to_show(tenant: models.Tenant) -> None:
    for moment in (at(5), at(25)):
        read(tenant, [moment])
        seen([moment])
    blind = report(tenant, 10, 12)
    assert {r.result for r in blind.requirements} == {UNKNOWN}
    assert [r.evidence for r in blind.requirements] == [()] * len(blind.requirements)


def test_a_door_surely_stood_open_only_while_somebody_saw_it(tenant: models.Tenant) -> None:
    seen([at(4)])
    seen(each(5, 7), TAKEN)
    seen(each(20, 20.5), TAKEN)
    seen([at(20.75)])
    opened = report(tenant, 4, 22)
    assert opened.minutes_open == 2.5 * 1440
    assert opened.minutes_at_most == 16.75 * 1440
    assert {d.day.day for d in opened.days if d.open} == {5, 6, 20}
    assert {(w.first_open, w.last_open) for w in opened.windows} == {(at(5), at(20.5))}

    between = report(tenant, 10, 12)
    assert between.minutes_open == 0
    assert results(between)["MP-03"] == UNKNOWN
    assert (between.state, between.windows) == ("Unknown", ())


def test_looks_that_proved_nothing_are_no_time_surely_open(tenant: models.Tenant) -> None:
    seen(each(5, 5.5), TAKEN)
    seen([at(5.75)], BUSY)
    seen(each(6, 6.5), TAKEN)
    (opening, *_) = gathering.gather(tenant, period(5, 8)).openings
    assert opening.seen == ((at(5), at(5.5)), (at(6), at(6.5)))
    assert (opening.window.first_open, opening.window.last_open) == (at(5), at(6.5))


@pytest.mark.parametrize(
    ("hours", "answers"), [(12, 1), (24, 1), (24.1, 2)], ids=["one missed", "three", "more"]
)
def test_an_outage_shorter_than_an_answer_counts_is_none(
    tenant: models.Tenant, hours: float, answers: int
) -> None:
    after = at(6) + timedelta(hours=hours)
    seen([*each(5, 6), after])
    evidence = gathering.gather(tenant, period(4, 9))
    assert [(a.first, a.last) for a in evidence.answers if a.sender_class == "own"] == (
        [(at(5), after)] if answers == 1 else [(at(5), at(6)), (after, after)]
    )


def test_a_path_that_was_left_out_is_unknown_by_itself(tenant: models.Tenant) -> None:
    seen(each(4, 5.75))
    for moment in each(6, 7.75):
        order = claim(moment)
        own = {t.path for t in order.targets if t.sender_class == "own"}
        kept = tuple(a for a in result(order, CLOSED).answers if a.path not in own)
        judging.take(result(order, CLOSED, answers=kept), moment)
    seen(each(8, 9))
    found = results(built(gathering.gather(tenant, period(5, 9)), period(5, 9)))
    assert (found["MP-03"], found["MP-04"]) == (YES, UNKNOWN)
    pieces = [a for a in gathering.gather(tenant, period(5, 9)).answers if a.sender_class == "own"]
    assert [(a.first, a.last) for a in pieces] == [(at(4), at(5.75)), (at(8), at(9))]


def test_of_looks_beyond_the_bound_nothing_is_taken_as_seen(
    tenant: models.Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    for first in (4, 8, 12):
        seen(each(first, first + 1))
    monkeypatch.setattr(stretches, "MOST", 1)
    evidence = gathering.gather(tenant, period(4, 14))
    assert {(a.first, a.last) for a in evidence.answers} == {(at(4), at(4)), (at(12), at(13))}


# ---- before the period, and at its edges -----------------------------------------------------


def test_who_was_read_for_days_and_first_asked_late_is_not_satisfied(
    tenant: models.Tenant,
) -> None:
    read(tenant, each(3.25, 10))
    seen([at(9.98)])
    first = report(tenant, 9, 10)
    found = {r.id: r for r in first.requirements}
    assert [found[i].result for i in ("MP-01", "MP-03", "MP-04")] == [YES, UNKNOWN, UNKNOWN]
    assert found["MP-04"].sentence == (
        "No contrary was seen, but in the period nobody asked contoso.com with an own-domain"
        " sender before 9 Nov 23:31 UTC."
    )
    assert [(b.begin, b.end) for b in first.blind] == [(at(9), at(9.98))]


def test_what_was_seen_shortly_before_the_period_counts_in_it(tenant: models.Tenant) -> None:
    read(tenant, each(3.25, 6))
    seen([at(4.9)], CLOSED)
    seen([at(5.2)], CLOSED.replace(b"Rejecting", b"Refusing"))
    evidence = gathering.gather(tenant, period(5, 6))
    assert {(a.first, a.last) for a in evidence.answers} == {(at(4.9),) * 2, (at(5.2),) * 2}
    assert results(built(evidence, period(5, 6)))["MP-03"] == YES


def test_what_was_read_shortly_before_the_period_counts_in_it(tenant: models.Tenant) -> None:
    read(tenant, each(3.25, 4.75))
    for moment in each(5.25, 6):
        reading.record(tenant, make.configuration(make.lock(require_tls=True)), moment)
    evidence = gathering.gather(tenant, period(5, 6))
    assert pieces(evidence) == [(at(3), at(4.75)), (at(5.25), at(6))]
    assert results(built(evidence, period(5, 6)))["MP-01"] == YES
    later = gathering.gather(tenant, period(6, 7, 6.1))
    assert pieces(later) == [(at(5.25), at(6))]


def test_what_came_after_the_period_is_not_evidence_of_it(tenant: models.Tenant) -> None:
    read(tenant, [at(4), at(10)])
    seen([at(4), at(10)])
    evidence = gathering.gather(tenant, period(4, 6))
    assert {a.first for a in evidence.answers} == {at(4)}
    assert [r.last for r in evidence.readings] == [at(4)]


def test_the_answer_of_a_path_that_was_retired_ends_there(tenant: models.Tenant) -> None:
    seen(each(4, 6))
    gone = tenant.paths.get(sender_class="own")
    models.Path.objects.filter(pk=gone.pk).update(retired_at=at(5))
    ends = {a.sender_class: a.last for a in gathering.gather(tenant, period(4, 8)).answers}
    assert ends == {"foreign": at(6), "own": at(5), "null": at(6)}


def test_a_door_that_is_unknown_now_was_last_seen_open_before(tenant: models.Tenant) -> None:
    seen(each(4, 5), TAKEN)
    seen(each(5.25, 7), BUSY)
    found = gathering.gather(tenant, period(4, 8)).openings
    assert {(o.window.last_open, o.window.first_closed) for o in found} == {(at(5), None)}
    told = build_of(tenant, 4, 8)
    assert (told.minutes_open, told.minutes_at_most) == (1440, 4 * 1440)


def build_of(tenant: models.Tenant, since: int, until: int) -> Report:
    over = period(since, until)
    return built(gathering.gather(tenant, over), over)


def test_an_approved_source_has_neither_answers_nor_windows(tenant: models.Tenant) -> None:
    seen([at(4)])
    source = make.source(tenant).vantage_point
    assert source is not None
    (path, *_) = make.paths(tenant, source)
    make.answered(path, "open", at(4))
    path.windows.create(tenant=tenant, first_open_at=at(4))
    evidence = gathering.gather(tenant, period(4, 8))
    assert evidence.openings == ()
    assert {a.verdict for a in evidence.answers} == {"closed"}


def test_beyond_the_bound_the_latest_windows_and_changes_are_read(
    tenant: models.Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path, *_) = make.paths(tenant, models.VantagePoint.objects.get())
    for day in (4, 5, 6):
        path.windows.create(
            tenant=tenant, first_open_at=at(day), last_open_at=at(day), first_closed_at=at(day + 1)
        )
    path.windows.create(tenant=tenant, first_open_at=at(3))
    for day in (4, 5, 6):
        reading.record(tenant, make.configuration(make.lock(require_tls=day % 2 == 0)), at(day))
    monkeypatch.setattr(gathering, "MOST", 2)
    evidence = gathering.gather(tenant, period(4, 8))
    assert [o.window.first_open for o in evidence.openings] == [at(3), at(6)]
    assert evidence.left_out.openings == 2
    assert [c.at for c in evidence.changes] == [at(5), at(6)]
    assert evidence.left_out.changes == 1


# ---- readings ------------------------------------------------------------------------------


def pieces(evidence: Evidence) -> list[tuple[datetime, datetime]]:
    return [(r.first, r.last) for r in evidence.readings]


@pytest.mark.parametrize(("hours", "gap"), [(6, False), (12.5, False), (15, False), (15.1, True)])
def test_a_reading_late_by_more_than_it_counts_leaves_a_gap(
    tenant: models.Tenant, hours: float, gap: bool
) -> None:
    after = at(4) + timedelta(hours=hours)
    read(tenant, [at(3.5), at(4), after])
    found = pieces(gathering.gather(tenant, period(3, 9)))
    assert found == ([(at(3), at(4)), (after, after)] if gap else [(at(3), after)])


def test_gaps_that_are_too_many_are_one_that_holds_them_all(
    tenant: models.Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_GAPS", 2)
    read(tenant, map(at, (5, 7, 9, 9.25)))
    (row,) = tenant.snapshots.all()
    assert len(row.unread) == 2
    assert pieces(gathering.gather(tenant, period(3, 12))) == [
        (at(3), at(3)), (at(7), at(7)), (at(9), at(9.25)),
    ]  # fmt: skip


def test_a_configuration_read_anew_after_an_outage_is_one_configuration(
    tenant: models.Tenant,
) -> None:
    read(tenant, map(at, (3.25, 5, 7)))
    seen(each(3, 8))
    told = dict(build_of(tenant, 3, 9).rests_on)
    assert told["Configurations read"] == "1"
    assert len(gathering.gather(tenant, period(3, 9)).readings) == 3
