"""Budgets are counted in the queue for all processes; without one each counts for itself."""

from datetime import timedelta

import pytest
from django.test import override_settings

from mailposture import models
from mailposture.adapters.buckets import HERE, Shared
from mailposture.services import budgets
from tests.servers import ValkeyServer

SMALL = {"BUDGET_TARGET": (60.0, 10.0), "BUDGET_TENANT": (60.0, 20.0)}
DOOR = "contoso-com.mail.protection.outlook.com"


def shard(paths: int, *doors: str) -> models.Shard:
    """A shard of a tenant that is in no database: budgets ask for no row."""
    place = models.VantagePoint(slug="frankfurt")
    targets = [{"path": n, "endpoints": list(doors)} for n in range(paths)]
    return models.Shard(tenant_id=7, vantage_point=place, targets=targets)


@override_settings(**SMALL)
def test_two_conversations_are_counted_for_each_path_at_its_first_door() -> None:
    assert budgets.ask([shard(3, DOOR, "other.mail.protection.outlook.com")]) == [None]
    kinds = [budgets.door(DOOR), budgets.tenant(7), budgets.place("frankfurt"), budgets.whole()]
    levels = [one.level for one in HERE.look(kinds)]
    spent = [bucket.size - level for bucket, level in zip(kinds, levels, strict=True)]
    assert spent == pytest.approx([6] * 4, abs=0.5)
    (other,) = HERE.look([budgets.door("other.mail.protection.outlook.com")])
    assert other.level == 10


@override_settings(**SMALL)
def test_a_path_without_a_door_counts_for_its_tenant_all_the_same() -> None:
    assert budgets.ask([shard(10)]) == [None]
    (refused,) = budgets.ask([shard(1)])
    assert refused is not None
    assert refused.key == "tenant.7"
    assert not budgets.holds_all(refused)
    assert not budgets.holds_place(refused)


@override_settings(**SMALL)
def test_who_shares_a_queue_shares_its_budgets(valkey: ValkeyServer) -> None:
    with override_settings(BROKER_URL=valkey.url):
        assert budgets.ask([shard(5, DOOR)]) == [None]
        assert Shared(valkey.url).look([budgets.door(DOOR)])[0].level < 1
        assert budgets.ask([shard(1, DOOR)]) != [None]
        budgets.slow_down(shard(1, DOOR), [DOOR])
        standing = budgets.standing([budgets.door(DOOR), budgets.tenant(7), budgets.whole()])
        assert standing is not None
        assert [round(one.pace, 1) for one in standing] == [0.5, 0.5, 1.0]
    assert HERE.look([budgets.door(DOOR)])[0].level == 10


@override_settings(BROKER_URL="redis://127.0.0.1:1/0", **SMALL)
def test_without_its_queue_a_process_counts_for_itself(caplog: pytest.LogCaptureFixture) -> None:
    assert budgets.ask([shard(5, DOOR)]) == [None]
    (refused,) = budgets.ask([shard(1, DOOR)])
    assert refused is not None
    assert refused.key == f"door.{DOOR}"
    assert "budgets are counted here" in caplog.text
    assert budgets.standing([budgets.whole()]) is None


@pytest.mark.parametrize(("lease", "seconds"), [(300, 75.0), (30, 7.5)])
def test_an_order_may_take_its_share_of_a_claim(lease: int, seconds: float) -> None:
    with override_settings(LEASE=timedelta(seconds=lease), BUDGET_ADDRESS=(300.0, 7.0)):
        pace = budgets.pace()
    assert (pace.at_once, pace.a_minute, pace.seconds) == (7, 300.0, seconds)
