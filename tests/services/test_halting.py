"""While all probing is stopped nothing goes out; when it goes on, nothing was lost or spent."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command

from mailposture import models, seals
from mailposture.adapters import halts
from mailposture.core import codec
from mailposture.core.verdict import ASKED
from mailposture.services import halting, judging, oneoff, planning, sealing
from tests import factories as make
from tests.factories import NOW
from tests.servers import ValkeyServer
from tests.services.results import CLOSED, result
from tests.services.rounds import claim

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _identity(settings: Any, tmp_path: Path) -> None:
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.fabrikam.com"
    settings.KEYS_DIR = tmp_path / "keys"
    settings.BROKER_URL = None


@pytest.fixture
def tenant() -> models.Tenant:
    """A tenant with one stranger and a look that is due."""
    of = make.tenant("contoso", probe_due_at=NOW)
    make.snapshot(of, make.configuration(make.lock()), make.ago(days=2))
    make.stranger()
    return of


def plan(at: datetime) -> list[Any]:
    planning.schedule_rounds(at)
    planning.plan_rounds(at)
    return list(planning.claim_shards(at))


def test_nothing_is_planned_or_given_out_while_all_is_stopped(tenant: models.Tenant) -> None:
    halting.stop("a complaint", NOW)
    assert plan(NOW) == []
    assert not tenant.rounds.exists()
    assert halting.go_on(NOW)
    assert len(plan(NOW)) == 1


def test_what_waited_is_due_once_and_not_once_for_each_look_that_was_missed(
    tenant: models.Tenant,
) -> None:
    halting.stop("a complaint", NOW)
    for hours in range(0, 30, 6):
        plan(NOW + timedelta(hours=hours))
    halting.go_on(NOW + timedelta(hours=30))
    plan(NOW + timedelta(hours=30))
    assert tenant.rounds.count() == 1


def test_what_was_cut_off_is_begun_anew_and_costs_no_attempt(tenant: models.Tenant) -> None:
    for minute in range(4):
        at = NOW + timedelta(minutes=minute)
        orders = plan(at)
        assert len(orders) == 1
        halting.stop("a complaint", at)
        halting.go_on(at)
    shard = models.Shard.objects.get()
    assert (shard.aside_at, shard.attempt) == (None, 0)
    assert tenant.rounds.count() == 1


def test_a_result_of_before_the_stop_is_not_taken_after_it(tenant: models.Tenant) -> None:
    order = claim(NOW)
    halting.stop("a complaint", NOW)
    halting.go_on(NOW)
    assert judging.take(result(order, CLOSED), NOW).tenant_id is None
    assert tenant.shards.get().done_at is None


def test_a_second_stop_adds_nothing_and_one_end_ends_it(tenant: models.Tenant) -> None:
    first = halting.stop("a complaint", NOW)
    assert halting.stop("another", NOW).pk == first.pk
    assert halting.go_on(NOW)
    assert not halting.go_on(NOW)
    assert (models.Halt.objects.count(), halting.standing(), tenant.paused_at) == (1, None, None)


def test_no_domain_is_probed_by_command_either(settings: Any) -> None:
    halting.stop("a complaint", NOW)
    settings.LAB, settings.LAB_NETWORKS, settings.RESOLVER = None, (), None
    question = oneoff.Question(
        domain="contoso.com", classes=ASKED, endpoint="x.mail.protection.outlook.com"
    )
    with pytest.raises(halting.StoppedError, match="a complaint"):
        oneoff._proof(question, NOW)


# ---- the word at the broker -------------------------------------------------------------


@pytest.fixture
def watch(valkey: ValkeyServer, settings: Any) -> halts.Watch:
    """A place that asks a real broker."""
    settings.BROKER_URL = valkey.url
    return halts.Watch(url=valkey.url, centre=sealing.centre_key())


def command(*words: str) -> str:
    out = StringIO()
    call_command("halt", *words, stdout=out)
    return out.getvalue()


def test_the_command_says_stops_and_lets_go_on(watch: halts.Watch) -> None:
    queue = redis.Redis.from_url(watch.url)
    assert command() == "Probing is not stopped.\n"
    assert "a complaint" in command("--reason", "a complaint")
    assert watch.believes(queue.get(halts.KEY))
    assert command("--end") == "Probing is not stopped.\n"
    assert not watch.believes(queue.get(halts.KEY))
    queue.close()


@pytest.mark.parametrize("reason", ["", "  ", "x" * 301])
def test_a_stop_needs_a_reason(reason: str) -> None:
    with pytest.raises(CommandError, match="1 to 300"):
        command("--reason", reason)
    assert not models.Halt.objects.exists()


def test_the_command_stops_also_where_the_queue_is_away(settings: Any) -> None:
    settings.BROKER_URL = "redis://127.0.0.1:1/0"
    with pytest.raises(CommandError, match="was not reached"):
        command("--reason", "a complaint")
    assert halting.standing()


def test_who_holds_the_broker_can_make_no_word_and_repeat_none() -> None:
    ours, theirs = seals.fresh_key(), seals.fresh_key()
    watch = halts.Watch(url="", centre=seals.public_of(ours))
    at = datetime(2026, 11, 25, tzinfo=UTC)

    def word(key: str, minutes: int, *, stopped: bool) -> str:
        said = halts.Word(stopped=stopped, issued=at + timedelta(minutes=minutes))
        return json.dumps(seals.seal(halts.PURPOSE, codec.dump(said), key))

    assert not watch.believes(word(theirs, 9, stopped=True))
    assert watch.believes(word(ours, 5, stopped=True))
    for odd in (word(ours, 4, stopped=False), word(theirs, 9, stopped=False), None, b"", "{", 7):
        assert watch.believes(odd)
    assert not watch.believes(word(ours, 6, stopped=False))
