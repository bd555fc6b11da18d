"""How a place is let in: once, by the token that stands, and with an answer that only we sign."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis

from mailposture import models, seals
from mailposture.core import codec, joining
from mailposture.core.joining import Line, LineError, Welcome, Wish
from mailposture.services import joining as service
from mailposture.services import queue_accounts, sealing
from mailposture.services.joining import JoinError
from mailposture.services.queue_accounts import NoQueueError
from tests import factories
from tests.factories import NOW
from tests.servers import ValkeyServer

pytestmark = pytest.mark.django_db
PLACE = seals.fresh_key()
PUBLIC = seals.public_of(PLACE)


@pytest.fixture(autouse=True)
def here(settings: Any, tmp_path: Any) -> None:
    """A centre on this machine, and a queue that nobody asks."""
    settings.KEYS_DIR = tmp_path / "keys"
    settings.PUBLIC_URL = "https://posture.example.org"
    settings.BROKER_URL = "redis://:secret@127.0.0.1:1/0"
    settings.QUEUE_ELSEWHERE = "rediss://queue.example.org:6380/0"
    settings.QUEUE_AUTHORITY = None


def wish(token: str, key: str = PLACE, **changes: Any) -> dict[str, str]:
    said = {"token": token, "public_key": seals.public_of(key), "version": "0.1.0", **changes}
    return seals.seal(joining.JOIN, codec.dump(Wish(**said)), key)


def welcomed(line: Line, answer: Any) -> Welcome:
    return codec.load(Welcome, seals.unseal(joining.JOINED, answer, line.centre))


def invited(**fields: Any) -> Line:
    return service.invite(factories.stranger(**fields), NOW)


def acts() -> list[tuple[str, str]]:
    rows = models.AuditEvent.objects.order_by("pk")
    return list(rows.values_list("action", "subject"))


def test_a_line_holds_the_place_a_token_and_the_key_of_the_centre() -> None:
    line = invited()
    assert Line.read(f" {line}\n") == line
    assert str(line).startswith("https://posture.example.org/join/#frankfurt.")
    assert line.centre == sealing.centre_key()
    row = models.VantagePoint.objects.get()
    assert row.join_digest == hashlib.sha256(line.token.encode()).hexdigest()
    assert line.token not in str(list(models.AuditEvent.objects.values()))
    assert acts() == [("gave out a join line", "frankfurt")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no join line"),
        ("https://posture.example.org/join/", "no join line"),
        ("https://posture.example.org/join/#frankfurt.{token}", "no join line"),
        ("https://posture.example.org/join/#../x.{token}.{key}", "no join line"),
        ("https://posture.example.org/join/#frankfurt.short.{key}", "no join line"),
        ("https://posture.example.org/join/#frankfurt.{token}.{key}.more", "no join line"),
        ("https://posture.example.org/join/#frankfurt.{token}.abc", "is missing or was changed"),
        ("https://posture.example.org/join/#frankfurt.{token}.{key}A*", "missing or was changed"),
        ("http://posture.example.org/join/#frankfurt.{token}.{key}", "needs https"),
        ("http://127.0.0.1.example.org/#frankfurt.{token}.{key}", "needs https"),
        ("file:///etc/passwd#frankfurt.{token}.{key}", "begins with the https address"),
        ("https://[/#frankfurt.{token}.{key}", "begins with the https address"),
    ],
)
def test_what_is_no_line_is_said(text: str, says: str) -> None:
    with pytest.raises(LineError, match=says):
        Line.read(text.format(token="t" * 43, key="A" * 43))


def test_a_place_is_let_in_and_told_how_to_reach_the_queue() -> None:
    line = invited(public_key="")
    welcome = welcomed(line, service.accept(wish(line.token), "198.51.100.7", NOW))
    assert (welcome.vantage_point, welcome.public_key) == ("frankfurt", PUBLIC)
    assert welcome.digest == joining.digest(line.token)
    parts = urlsplit(welcome.queue)
    assert (parts.scheme, parts.hostname, parts.port) == ("rediss", "queue.example.org", 6380)
    assert parts.query == "ssl_cert_reqs=required"
    assert parts.username == "vantage.frankfurt"
    assert "secret" not in welcome.queue
    row = models.VantagePoint.objects.get()
    assert (row.public_key, row.joined_at, row.join_digest) == (PUBLIC, NOW, "")
    assert row.queue_digest == hashlib.sha256((parts.password or "").encode()).hexdigest()
    # The queue is not there; the tick tells it.
    assert row.queue_problem == "The queue was not reached."
    assert acts()[-1] == ("vantage point joined", "frankfurt")


def test_a_token_is_good_once() -> None:
    line = invited()
    service.accept(wish(line.token), "198.51.100.7", NOW)
    before = models.VantagePoint.objects.values().get()
    with pytest.raises(JoinError, match="it was used") as refused:
        service.accept(wish(line.token, seals.fresh_key()), "203.0.113.9", NOW)
    assert refused.value.status == 403
    assert models.VantagePoint.objects.values().get() == before


def test_a_token_is_good_for_a_day_and_until_the_next_is_given_out() -> None:
    line = invited()
    late = NOW + timedelta(hours=24, seconds=1)
    with pytest.raises(JoinError, match="older than a day"):
        service.accept(wish(line.token), "198.51.100.7", late)
    second = service.invite(models.VantagePoint.objects.get(), NOW)
    with pytest.raises(JoinError, match="another was given out"):
        service.accept(wish(line.token), "198.51.100.7", NOW)
    assert service.accept(wish(second.token), "198.51.100.7", NOW)


def test_a_token_lets_in_its_own_place_alone() -> None:
    line = invited()
    factories.stranger("singapore", public_key="")
    service.accept(wish(line.token), "198.51.100.7", NOW)
    assert models.VantagePoint.objects.get(slug="singapore").public_key == ""


BROKEN: list[Any] = [
    None, [], "join", {}, {"purpose": "join"}, {"purpose": "join", "body": "{}", "signature": ""},
    {"purpose": "join", "body": "[" * 3000, "signature": ""},
]  # fmt: skip


@pytest.mark.parametrize("message", BROKEN)
def test_what_is_no_wish_is_refused_and_spends_nothing(message: Any) -> None:
    line = invited()
    with pytest.raises(JoinError, match="not how a vantage point joins") as refused:
        service.accept(message, "198.51.100.7", NOW)
    assert refused.value.status == 400
    assert service.accept(wish(line.token), "198.51.100.7", NOW)


def test_whoever_does_not_hold_the_key_that_he_names_is_refused() -> None:
    line = invited()
    stolen = wish(line.token, public_key=seals.public_of(seals.fresh_key()))
    other = seals.seal("order", codec.dump(Wish(token=line.token, public_key=PUBLIC, version="1")), PLACE)  # fmt: skip  # noqa: E501
    for message in (stolen, other):
        with pytest.raises(JoinError, match="not how a vantage point joins"):
            service.accept(message, "198.51.100.7", NOW)
    assert models.VantagePoint.objects.get().join_digest == joining.digest(line.token)


def test_who_guesses_waits_and_nobody_else_does() -> None:
    line = invited()
    for _ in range(service.MOST_FAILURES):
        with pytest.raises(JoinError, match="is not good"):
            service.accept(wish("g" * 43), "203.0.113.9", NOW)
    with pytest.raises(JoinError, match="Wait ten minutes") as refused:
        service.accept(wish(line.token), "203.0.113.9", NOW)
    assert refused.value.status == 429
    assert service.accept(wish(line.token), "198.51.100.7", NOW)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"QUEUE_ELSEWHERE": None, "BROKER_URL": None}, "There is no queue"),
        ({"QUEUE_ELSEWHERE": None}, "an address of this machine alone"),
        ({"QUEUE_ELSEWHERE": "redis://queue.example.org/0"}, "would go in clear text"),
        ({"QUEUE_ELSEWHERE": "redis://127.0.0.1.example.org/0"}, "would go in clear text"),
    ],
)
def test_no_line_is_given_out_where_the_queue_could_not_be_reached(
    settings: Any, given: dict[str, Any], says: str
) -> None:
    for name, value in given.items():
        setattr(settings, name, value)
    place = factories.stranger()
    with pytest.raises(NoQueueError, match=says):
        service.invite(place, NOW)
    place.refresh_from_db()
    assert (place.join_digest, acts()) == ("", [])


def test_an_operators_own_word_on_the_queue_is_taken_for_that_place_alone() -> None:
    line = service.invite(factories.stranger(), NOW, queue="redis://queue:6379/0")
    welcome = welcomed(line, service.accept(wish(line.token), "172.31.77.5", NOW))
    assert welcome.queue.startswith("redis://vantage.frankfurt:")
    assert welcome.queue.endswith("@queue:6379/0")
    other = queue_accounts.address(factories.stranger("singapore"))
    assert other.startswith("rediss://vantage.singapore:@queue.example.org:6380")
    # The next line from the page keeps it; an empty word takes it back.
    place = models.VantagePoint.objects.get(slug="frankfurt")
    service.invite(place, NOW)
    place.refresh_from_db()
    assert place.queue_url == "redis://queue:6379/0"
    service.invite(place, NOW, queue="")
    place.refresh_from_db()
    assert place.queue_url == ""


def test_where_the_queue_went_meanwhile_the_line_stays_good(settings: Any) -> None:
    line = invited()
    settings.QUEUE_ELSEWHERE = "redis://queue.example.org/0"
    with pytest.raises(JoinError, match="stays good") as refused:
        service.accept(wish(line.token), "198.51.100.7", NOW)
    assert refused.value.status == 409
    settings.QUEUE_ELSEWHERE = "rediss://queue.example.org/0"
    assert service.accept(wish(line.token), "198.51.100.7", NOW)


def test_the_certificate_behind_the_queues_own_is_passed_on(settings: Any, tmp_path: Any) -> None:
    settings.QUEUE_AUTHORITY = str(tmp_path / "ca.pem")
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    line = invited()
    welcome = welcomed(line, service.accept(wish(line.token), "198.51.100.7", NOW))
    assert welcome.authority == "-----BEGIN CERTIFICATE-----\n"


def test_joining_anew_takes_the_place_of_the_older_key() -> None:
    line = invited(public_key=seals.public_of(seals.fresh_key()), enabled=False)
    service.accept(wish(line.token), "198.51.100.7", NOW)
    place = models.VantagePoint.objects.get()
    # What was turned off by a person stays so; what was revoked or never joined is turned on.
    assert (place.public_key, place.enabled) == (PUBLIC, False)
    service.revoke(place, NOW)
    again = service.invite(models.VantagePoint.objects.get(), NOW)
    service.accept(wish(again.token), "198.51.100.7", NOW)
    place = models.VantagePoint.objects.get()
    assert (place.enabled, place.revoked_at) == (True, None)


@pytest.fixture
def queue(valkey: ValkeyServer, settings: Any) -> Iterator["redis.Redis"]:
    settings.BROKER_URL = valkey.url
    with redis.Redis.from_url(valkey.url, decode_responses=True) as found:
        yield found


def test_to_revoke_forgets_deletes_and_withdraws(queue: "redis.Redis") -> None:
    tenant, line = factories.tenant(), invited()
    service.accept(wish(line.token), "198.51.100.7", NOW)
    place = models.VantagePoint.objects.get()
    assert "vantage.frankfurt" in queue.acl_users()
    look = tenant.rounds.create(kind="asked", due_at=NOW, planned_at=NOW)
    shard = look.shards.create(tenant=tenant, vantage_point=place, due_at=NOW, attempt=1)
    queue.lpush("vantage.frankfurt", "an order")
    assert service.revoke(place, NOW)
    place.refresh_from_db()
    shard.refresh_from_db()
    look.refresh_from_db()
    assert (place.public_key, place.queue_digest, place.enabled) == ("", "", False)
    assert (shard.aside_at, shard.problem) == (NOW, "Its vantage point was revoked.")
    assert look.finished_at == NOW
    assert queue.acl_users() == ["default"]
    assert queue.keys("vantage.*") == []
    assert acts()[-1] == ("revoked vantage point", "frankfurt")


def test_a_queue_that_forgot_or_missed_something_is_told_by_the_tick(
    queue: "redis.Redis", valkey: ValkeyServer
) -> None:
    line = invited()
    service.accept(wish(line.token), "198.51.100.7", NOW)
    valkey.kill()
    assert not queue_accounts.settle()
    place = models.VantagePoint.objects.get()
    assert place.queue_problem == "The queue was not reached."
    valkey.start()
    assert queue.acl_users() == ["default"]
    assert queue_accounts.settle()
    assert "vantage.frankfurt" in queue.acl_users()
    valkey.kill()
    assert not service.revoke(place, NOW)
    valkey.start()
    assert queue_accounts.settle()
    assert queue.acl_users() == ["default"]
    place.refresh_from_db()
    assert place.queue_problem == ""


def test_a_worker_of_this_machine_comes_back_neither_after_its_end_nor_over_a_join(
    tmp_path: Any,
) -> None:
    file = tmp_path / "here.toml"
    file.write_text("[points.frankfurt]\n")
    place = factories.stranger()
    service.join_here(file)
    place.refresh_from_db()
    assert place.public_key
    service.revoke(place, NOW)
    service.join_here(file)
    place.refresh_from_db()
    assert place.public_key == ""
    line = service.invite(place, NOW)
    service.accept(wish(line.token), "198.51.100.7", NOW)
    service.join_here(file)
    place.refresh_from_db()
    assert place.public_key == PUBLIC
