"""Nobody waits for another tenant longer than a turn: neither for a huge one nor for a slow one."""

from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from mailposture import models
from mailposture.adapters import buckets
from mailposture.core.work import Envelope
from mailposture.services import budgets, planning, turns
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db

IDENTITY = {"EHLO_NAME": "probe.contoso.com", "SENDER_DOMAIN": "probe.contoso.com"}
# Enough for everything: what is looked at is whose turn it is.
PLENTY = {f"BUDGET_{name}": (1e8, 1e8) for name in ("TARGET", "TENANT", "PLACE", "WHOLE")}


@pytest.fixture(autouse=True)
def named() -> Any:
    with override_settings(**IDENTITY):
        yield


@pytest.fixture
def place() -> models.VantagePoint:
    return make.stranger()


def target(path: int, domain: str) -> dict[str, Any]:
    return {
        "path": path,
        "domain": domain,
        "sender_class": "null",
        "mail_from": "",
        "rcpt_to": f"postmaster@{domain}",
        "endpoints": [f"{domain.replace('.', '-')}.mail.protection.outlook.com"],
    }


def waiting(
    slug: str, place: models.VantagePoint, *, paths: int, at: datetime = NOW, shard: int = 200
) -> models.Tenant:
    """A tenant with so many paths that are due at this place."""
    tenant = models.Tenant.objects.filter(slug=slug).first() or make.tenant(slug)
    look = tenant.rounds.create(kind="asked", due_at=at, planned_at=at)
    asked = [target(n, f"{slug}.com") for n in range(paths)]
    models.Shard.objects.bulk_create(
        models.Shard(
            round=look,
            tenant=tenant,
            vantage_point=place,
            part=part,
            due_at=at,
            targets=asked[start : start + shard],
        )
        for part, start in enumerate(range(0, paths, shard))
    )
    return tenant


def whose(orders: list[Envelope]) -> list[str]:
    return [order.targets[0].domain.removesuffix(".com") for order in orders]


def claimed(at: datetime = NOW) -> list[Envelope]:
    return list(planning.claim_shards(at))


@override_settings(**PLENTY)
def test_a_small_tenant_has_its_turn_at_once_beside_twenty_thousand_paths(
    place: models.VantagePoint,
) -> None:
    waiting("contoso", place, paths=20_000, at=NOW - timedelta(hours=1))
    assert whose(claimed()) == ["contoso"] * turns.OF_ONE_TENANT
    waiting("fabrikam", place, paths=3)
    assert whose(claimed(NOW + timedelta(seconds=1))) == ["fabrikam"]


@override_settings(**PLENTY)
def test_turns_go_round_and_the_rest_to_who_has_more_to_do(place: models.VantagePoint) -> None:
    waiting("contoso", place, paths=2_000, at=NOW - timedelta(hours=1))
    waiting("fabrikam", place, paths=400, at=NOW - timedelta(minutes=1))
    assert whose(claimed()) == ["contoso", "fabrikam", "contoso", "fabrikam"]


@override_settings(**PLENTY)
def test_of_those_that_hold_nothing_the_longest_waiting_goes_first(
    place: models.VantagePoint,
) -> None:
    for minutes, slug in enumerate(("adatum", "contoso", "fabrikam", "litware", "northwind")):
        waiting(slug, place, paths=3, at=NOW - timedelta(minutes=minutes))
    assert whose(claimed()) == ["northwind", "litware", "fabrikam", "contoso"]


@override_settings(**PLENTY)
def test_each_place_has_turns_of_its_own(place: models.VantagePoint) -> None:
    other = make.stranger("singapore")
    waiting("contoso", place, paths=2_000)
    waiting("contoso", other, paths=2_000)
    assert Counter(order.vantage_point for order in claimed()) == {
        place.slug: turns.OF_ONE_TENANT,
        other.slug: turns.OF_ONE_TENANT,
    }


@dataclass(frozen=True)
class Work:
    """How long a tenant's shards take the worker, and whether it ever reports one."""

    seconds: float
    reports: bool = True


def served(work: dict[str, Work], until: datetime) -> dict[str, list[float]]:
    """Let one worker do shard after shard with a tick every ten seconds; when each tenant's shards
    were done, in seconds.
    """
    done: dict[str, list[float]] = {slug: [] for slug in work}
    queue: deque[Envelope] = deque()
    now, idle_at = NOW, NOW
    while now < until:
        queue.extend(claimed(now))
        while queue and idle_at <= now:
            order = queue.popleft()
            if order.expires <= now:
                continue  # the worker drops what came too late
            slug = whose([order])[0]
            idle_at = now + timedelta(seconds=work[slug].seconds)
            if work[slug].reports:
                models.Shard.objects.filter(pk=order.shard).update(done_at=idle_at)
                done[slug].append((idle_at - NOW).total_seconds())
        now += timedelta(seconds=10)
    return done


@override_settings(**PLENTY)
def test_neither_a_huge_tenant_nor_one_whose_shards_time_out_keeps_others_waiting(
    place: models.VantagePoint,
) -> None:
    waiting("contoso", place, paths=20_000, at=NOW - timedelta(hours=1))
    waiting("tailspin", place, paths=2_000, at=NOW - timedelta(hours=2))
    waiting("fabrikam", place, paths=3)
    # As long as a place works on one order (adapters/shards), and then nothing comes of it.
    slowest = budgets.pace().seconds
    done = served(
        {"contoso": Work(20), "tailspin": Work(slowest, reports=False), "fabrikam": Work(1)},
        NOW + timedelta(minutes=45),
    )
    assert len(done["fabrikam"]) == 1
    assert done["fabrikam"][0] <= settings.LEASE.total_seconds()
    # The huge one goes on as well, though the other holds turns for as long as a claim lasts.
    assert len(done["contoso"]) > 20


def test_one_tenants_budget_is_no_other_tenants(place: models.VantagePoint) -> None:
    waiting("contoso", place, paths=20_000)
    waiting("fabrikam", place, paths=3, at=NOW + timedelta(seconds=1))
    first = claimed(NOW + timedelta(seconds=2))
    # A debt lets one shard of 400 conversations through a bucket of 240 at the door, and no more.
    assert whose(first) == ["contoso", "fabrikam"]
    untouched = models.Shard.objects.filter(tenant__slug="contoso", attempt=0)
    moved = untouched.filter(due_at__gt=NOW + timedelta(seconds=2))
    assert moved.exists()
    assert not untouched.filter(lease_until__isnull=False).exists()


def test_what_was_moved_on_goes_out_when_its_bucket_said_so(
    place: models.VantagePoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(budgets, "HERE", buckets.Here(clock=lambda: clock[0]))
    waiting("contoso", place, paths=400)
    assert len(claimed()) == 1
    later = models.Shard.objects.get(attempt=0).due_at
    # 240 at once and 120 a minute; 400 conversations leave a debt of 160.
    assert later - NOW == pytest.approx(timedelta(seconds=80.5), abs=timedelta(seconds=1))
    clock[0] += (later - NOW).total_seconds()
    assert claimed(later - timedelta(seconds=1)) == []
    assert [order.attempt for order in claimed(later)] == [1]


@override_settings(BUDGET_WHOLE=(60.0, 10.0))
def test_when_all_together_have_to_wait_nobody_loses_its_place(place: models.VantagePoint) -> None:
    waiting("contoso", place, paths=10, at=NOW - timedelta(minutes=1))
    waiting("fabrikam", place, paths=10)
    assert whose(claimed()) == ["contoso"]
    assert set(models.Shard.objects.filter(attempt=0).values_list("due_at", flat=True)) == {NOW}


@override_settings(BUDGET_PLACE=(60.0, 10.0))
def test_a_place_that_has_to_wait_holds_up_no_other_place(place: models.VantagePoint) -> None:
    other = make.stranger("singapore")
    for slug in ("contoso", "fabrikam"):
        waiting(slug, place, paths=10)
        waiting(slug, other, paths=2)
    assert Counter(order.vantage_point for order in claimed()) == {"frankfurt": 1, "singapore": 2}


def test_five_thousand_tenants_are_asked_for_in_one_round_trip(
    place: models.VantagePoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenants = models.Tenant.objects.bulk_create(
        models.Tenant(
            slug=f"tenant-{n}",
            name=f"Tenant {n}",
            tenant_id=f"00000000-0000-4000-8000-{n:012}",
            created_at=NOW,
            fetch_every=900,
            probe_every=21_600,
        )
        for n in range(5_000)
    )
    looks = models.Round.objects.bulk_create(
        models.Round(tenant=tenant, kind="asked", due_at=NOW, planned_at=NOW) for tenant in tenants
    )
    models.Shard.objects.bulk_create(
        models.Shard(
            round=look,
            tenant_id=look.tenant_id,
            vantage_point=place,
            due_at=NOW,
            targets=[target(n, f"t{n}.contoso.com")],
        )
        for n, look in enumerate(looks)
    )
    asked: list[int] = []
    take = buckets.Here.take

    def counted(self: buckets.Here, asks: Any) -> Any:
        asked.append(len(asks))
        return take(self, asks)

    monkeypatch.setattr(buckets.Here, "take", counted)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert len(claimed()) == turns.OUT_AT_ONCE
    assert asked == [turns.OUT_AT_ONCE]
    assert len(queries) <= 16
