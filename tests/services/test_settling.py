"""A change opens or closes only where probes before and after it show that."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from mailposture import models
from mailposture.core.configuration import PartStatus
from mailposture.core.states import State
from mailposture.services import history, reading, settling
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db

READ_BEFORE, READ_AFTER = NOW - timedelta(minutes=15), NOW


@pytest.fixture
def tenant() -> models.Tenant:
    """A locked tenant that was last read a quarter of an hour ago."""
    found = make.tenant()
    make.snapshot(found, make.configuration(make.lock()), make.ago(days=2), READ_BEFORE)
    return found


def seen(tenant: models.Tenant, *spans: tuple[str, datetime, datetime | None]) -> None:
    """What the strangers saw, oldest first, on every path of the domain."""
    place = make.stranger()
    for path in make.paths(tenant, place):
        for verdict, first, last in spans:
            make.answered(path, verdict, first, last_at=last)


def changed(tenant: models.Tenant, **fields: Any) -> models.Change:
    """Read a configuration in which the lock has these fields."""
    reading.record(tenant, make.configuration(make.lock(**fields)), READ_AFTER)
    return tenant.changes.get()


def settled(
    change: models.Change, after: State, at: datetime = NOW, *, stranger_is_silent: bool = False
) -> str:
    """The effect after a round that found the domain so."""
    row = change.tenant.rounds.create(kind="verify", due_at=at, planned_at=at)
    place = models.VantagePoint.objects.filter(plays="stranger").first() or make.stranger()
    owed = {"tenant": change.tenant, "vantage_point": place, "due_at": at}
    row.shards.create(**owed, done_at=None if stranger_is_silent else at)
    settling.settle(change.tenant, row.pk, {"contoso.com": after}, at)
    change.refresh_from_db()
    return change.effect


LONG_AGO, BETWEEN = make.ago(days=1), make.ago(minutes=5)


@pytest.mark.parametrize(
    ("spans", "after", "effect"),
    [
        pytest.param([("closed", LONG_AGO, None)], State.OPEN, "opens", id="seen before"),
        pytest.param([("closed", BETWEEN, None)], State.OPEN, "opens", id="looked between reads"),
        pytest.param(
            [("closed", LONG_AGO, make.ago(minutes=10)), ("open", BETWEEN, None)],
            State.OPEN, "opens", id="a round was faster than the reading",
        ),
        pytest.param(
            [("closed", LONG_AGO, make.ago(minutes=16)), ("open", BETWEEN, None)],
            State.OPEN, "opens", id="no look between the last reading and the move",
        ),
        pytest.param(
            [("closed", make.ago(minutes=14), make.ago(minutes=10)), ("open", BETWEEN, None)],
            State.OPEN, "opens", id="first look and move both between two readings",
        ),
        pytest.param([("closed", LONG_AGO, None)], State.CLOSED, "pending", id="not yet moved"),
        pytest.param([("open", LONG_AGO, None)], State.OPEN, "pending", id="was open anyway"),
        pytest.param([("unknown", LONG_AGO, None)], State.OPEN, "pending", id="not known before"),
        pytest.param([("closed", LONG_AGO, None)], State.UNKNOWN, "pending", id="not known after"),
        pytest.param([], State.OPEN, "pending", id="never looked"),
    ],
)  # fmt: skip
def test_turning_the_lock_off_opens_where_it_was_seen(
    tenant: models.Tenant,
    spans: list[tuple[str, datetime, datetime | None]],
    after: State,
    effect: str,
) -> None:
    seen(tenant, *spans)
    assert settled(changed(tenant, enabled=False), after) == effect


@pytest.mark.parametrize(
    ("after", "effect"), [(State.CLOSED, "neutral"), (State.UNKNOWN, "unknown")]
)
def test_when_the_verification_window_is_over_it_is_said_how_it_ended(
    tenant: models.Tenant, after: State, effect: str
) -> None:
    seen(tenant, ("closed", LONG_AGO, None))
    change = changed(tenant, sender_ip_addresses=("203.0.113.0/24",))
    late = NOW + settling.WINDOW + timedelta(seconds=1)
    assert settled(change, after, late) == effect


def test_a_round_that_began_before_the_change_was_read_says_nothing(
    tenant: models.Tenant,
) -> None:
    seen(tenant, ("closed", LONG_AGO, None))
    change = changed(tenant, enabled=False)
    assert settled(change, State.OPEN, NOW - timedelta(seconds=1)) == "pending"


def test_a_comment_is_neutral_at_once_and_needs_no_probe(tenant: models.Tenant) -> None:
    change = changed(tenant, comment="CHG-5521")
    assert change.effect == "neutral"
    assert not tenant.rounds.exists()


def test_what_decides_is_verified_from_the_moment_it_was_read(tenant: models.Tenant) -> None:
    change = changed(tenant, enabled=False)
    assert change.before.last_seen_at == READ_BEFORE
    assert change.after.first_seen_at == READ_AFTER
    assert list(tenant.rounds.values_list("minutes", flat=True)) == [0, 2, 10, 30, 60]


def test_answers_from_before_a_configuration_prove_nothing_about_it(
    tenant: models.Tenant,
) -> None:
    place = make.stranger()
    (path,) = make.paths(tenant, place, classes=("foreign",))
    make.answered(path, "closed", LONG_AGO)
    tenant.coverage.create(vantage_point=place, since=LONG_AGO, until=make.ago(hours=1))
    brief = make.snapshot(
        tenant,
        make.configuration(make.lock(enabled=False)),
        make.ago(minutes=2),
        make.ago(minutes=2),
    )
    assert history.stood_before(brief, NOW) == {}
    models.Observation.objects.update(last_at=make.ago(hours=1))
    make.answered(path, "open", make.ago(minutes=1))
    assert history.stood_before(brief, NOW) == {"contoso.com": State.OPEN}


def test_what_proved_nothing_does_not_hide_what_was_proved(tenant: models.Tenant) -> None:
    seen(
        tenant,
        ("closed", LONG_AGO, make.ago(hours=2)),
        ("unknown", make.ago(minutes=30), None),
    )
    before = tenant.snapshots.get()
    assert history.stood_before(before, NOW) == {"contoso.com": State.CLOSED}


def test_what_a_later_change_did_is_not_credited_to_an_earlier_one(
    tenant: models.Tenant,
) -> None:
    seen(tenant, ("closed", LONG_AGO, None))
    tenant.coverage.create(
        vantage_point=models.VantagePoint.objects.get(), since=LONG_AGO, until=NOW
    )
    widened = changed(tenant, sender_ip_addresses=("203.0.113.0/24",))
    unlocked_at = NOW + timedelta(minutes=1)
    wide_open = make.lock(enabled=False, sender_ip_addresses=("203.0.113.0/24",))
    (unlocked,) = reading.record(tenant, make.configuration(wide_open), unlocked_at)
    assert settled(widened, State.OPEN, unlocked_at) == "neutral"
    assert settled(unlocked, State.OPEN, unlocked_at) == "opens"


def test_a_round_in_which_no_stranger_was_heard_settles_nothing(tenant: models.Tenant) -> None:
    seen(tenant, ("closed", LONG_AGO, None))
    change = changed(tenant, sender_ip_addresses=("203.0.113.0/24",))
    late = NOW + settling.WINDOW + timedelta(seconds=1)
    assert settled(change, State.CLOSED, late, stranger_is_silent=True) == "pending"
    assert settled(change, State.CLOSED, late) == "neutral"


def test_what_is_no_change_is_kept_as_it_was_last_said(tenant: models.Tenant) -> None:
    whole = make.configuration(make.lock())
    throttled = make.without(whole, "transport_rules", PartStatus.FAILED, "throttled: 429")
    refused = make.without(whole, "transport_rules", PartStatus.FAILED, "refused: 503")
    reading.record(tenant, throttled, NOW)
    reading.record(tenant, refused, NOW + timedelta(minutes=15))
    latest = tenant.snapshots.order_by("last_seen_at").last()
    assert latest is not None
    assert tenant.snapshots.count() == 2
    part = latest.configuration.part("transport_rules")
    assert part is not None
    assert part.error == "refused: 503"
