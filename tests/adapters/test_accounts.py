"""What an account of a vantage point may at a real broker: all that its worker needs, no more."""

import hashlib
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from mailposture.adapters import accounts
from mailposture.adapters.accounts import Account, AccountError
from tests.servers import ValkeyServer


def account(slug: str, word: str = "of-the-place") -> Account:
    return Account(slug, hashlib.sha256(word.encode()).hexdigest())


def enter(valkey: ValkeyServer, slug: str, word: str = "of-the-place") -> "redis.Redis":
    return redis.Redis(
        port=valkey.port, username=accounts.name(slug), password=word, decode_responses=True
    )


@pytest.fixture
def centre(valkey: ValkeyServer) -> Iterator["redis.Redis"]:
    """The centre, and two places of which one name begins the other."""
    with redis.Redis.from_url(valkey.url, decode_responses=True) as queue:
        accounts.settle(valkey.url, [account("frank"), account("frankfurt", "other")], [])
        for key in ("vantage.frankfurt", "central", "vantage.frank"):
            queue.lpush(key, "a message")
        queue.set("mailposture.halt", "go on")
        yield queue


MAY: list[tuple[str, ...]] = [
    ("PING",),
    ("BRPOP", "vantage.frank", "1"),
    ("RPUSH", "vantage.frank", "back"),
    ("HSET", "vantage.frank.unacked", "tag", "message"),
    ("ZADD", "vantage.frank.unacked_index", "1", "tag"),
    ("LPUSH", "central", "a result"),
    ("GET", "mailposture.halt"),
]
MAY_NOT: list[tuple[str, ...]] = [
    ("BRPOP", "vantage.frankfurt", "1"),
    ("LPUSH", "vantage.frankfurt", "an order"),
    ("LLEN", "vantage.frankfurt"),
    ("HGET", "vantage.frankfurt.unacked", "tag"),
    ("HGET", "unacked", "tag"),
    ("BRPOP", "central", "1"),
    ("LLEN", "central"),
    ("RPUSH", "central", "before the others"),
    ("LRANGE", "central", "0", "-1"),
    ("LPUSH", "reading", "a task of the centre"),
    ("LPUSH", "mailposture.halt", "x"),
    ("SET", "mailposture.halt", "go on"),
    ("DEL", "vantage.frank"),
    ("SADD", "_kombu.binding.central", "vantage.frank"),
    ("EVAL", "return 1", "0"),
    ("SCRIPT", "LOAD", "return 1"),
    ("PUBLISH", "x", "y"),
    ("SUBSCRIBE", "x"),
    ("KEYS", "*"),
    ("SCAN", "0"),
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("CONFIG", "GET", "requirepass"),
    ("ACL", "WHOAMI"),
    ("CLIENT", "LIST"),
    ("CLIENT", "KILL", "TYPE", "normal"),
    ("INFO",),
    ("MONITOR",),
    ("SHUTDOWN",),
    ("REPLICAOF", "NO", "ONE"),
    ("ACL", "SETUSER", "vantage.frank", "+@all"),
]


@pytest.mark.parametrize("words", MAY, ids=" ".join)
def test_a_place_may_do_what_its_worker_does(
    valkey: ValkeyServer, centre: Any, words: tuple[str, ...]
) -> None:
    assert centre
    with enter(valkey, "frank") as place:
        assert place.execute_command(*words) is not None


@pytest.mark.parametrize("words", MAY_NOT, ids=" ".join)
def test_a_place_may_do_nothing_else(
    valkey: ValkeyServer, centre: Any, words: tuple[str, ...]
) -> None:
    with enter(valkey, "frank") as place, pytest.raises(redis.exceptions.NoPermissionError):
        place.execute_command(*words)
    assert (centre.llen("central"), centre.llen("vantage.frankfurt")) == (1, 1)


def test_told_again_an_account_stays_and_whoever_is_in_stays_in(
    valkey: ValkeyServer, centre: Any
) -> None:
    with enter(valkey, "frank") as place:
        place.ping()
        before = _of(centre, "frank")
        accounts.settle(valkey.url, [account("frank")], ["nobody"])
        assert place.ping()
        assert _of(centre, "frank") == before != []


def _of(centre: Any, slug: str) -> list[str]:
    """Which connections are in by this account."""
    return [c["id"] for c in centre.client_list() if c["user"] == accounts.name(slug)]


def test_a_place_that_joined_anew_puts_out_whoever_was_in(
    valkey: ValkeyServer, centre: Any
) -> None:
    with enter(valkey, "frank") as place:
        place.ping()
        (old,) = _of(centre, "frank")
        accounts.replace(valkey.url, account("frank", "fresh"))
        assert old not in _of(centre, "frank")
        with pytest.raises(redis.exceptions.AuthenticationError):
            place.ping()
    with enter(valkey, "frank", "fresh") as place:
        assert place.ping()


def test_what_is_gone_is_gone_with_what_waited_for_it(valkey: ValkeyServer, centre: Any) -> None:
    with enter(valkey, "frank") as place:
        place.hset("vantage.frank.unacked", "tag", "message")
        accounts.settle(valkey.url, [], ["frank"])
        with pytest.raises(redis.exceptions.AuthenticationError):
            place.ping()
    assert _of(centre, "frank") == []
    assert sorted(centre.keys("vantage.*")) == ["vantage.frankfurt"]
    with enter(valkey, "frankfurt", "other") as other:
        assert other.llen("vantage.frankfurt") == 1


def test_the_line_for_people_makes_the_same_account(valkey: ValkeyServer, centre: Any) -> None:
    made = centre.acl_getuser("vantage.frank")
    centre.execute_command("ACL", "DELUSER", "vantage.frank")
    line = accounts.line(account("frank"))
    assert "of-the-place" not in line
    centre.execute_command(*shlex.split(line))
    assert centre.acl_getuser("vantage.frank") == made


def test_a_broker_that_makes_no_accounts_is_said(valkey: ValkeyServer, centre: Any) -> None:
    centre.execute_command("ACL", "SETUSER", "small", "on", ">pw", "~*", "+@all", "-@admin")
    with pytest.raises(AccountError, match="lets this site make no accounts"):
        accounts.settle(f"redis://small:pw@127.0.0.1:{valkey.port}/0", [account("frank")], [])


def test_a_broker_that_is_not_there_is_said(valkey: ValkeyServer) -> None:
    valkey.stop()
    with pytest.raises(AccountError, match="was not reached"):
        accounts.settle(valkey.url, [account("frank")], [])
