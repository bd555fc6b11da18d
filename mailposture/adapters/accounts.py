"""The accounts of vantage points at the broker: each sees its own queue, and nothing else.

Made by the centre with ACL SETUSER (Valkey, or Redis 7 and newer). Nothing of them is kept by the
broker: they are told again with every tick, from the rows, so that a broker that starts anew knows
them. What is told is a digest; the password itself is known to the place alone.

What the worker needs was found by watching it (tests/adapters/test_accounts.py does it again):
take from its own list and put back into it, keep what it has in hand under keys of its own, read
the word by which everything stops, and append to the centre's list, which it cannot read.
"""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import redis

from mailposture import broker
from mailposture.adapters import halts

_COMMANDS: Final = (
    "+ping", "+select",
    "+brpop", "+llen", "+lpush", "+rpush",
    "+zadd", "+zrem", "+zrange", "+hset", "+hget", "+hdel",
    "+multi", "+exec", "+watch", "+unwatch", "+discard",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Account:
    """One place's account; `digest` is the SHA-256 of its password, in hex."""

    slug: str
    digest: str


class AccountError(Exception):
    """The broker did not do as it was told; the sentence says why."""


def name(slug: str) -> str:
    """The account's name, which is its queue's."""
    return f"vantage.{slug}"


def rules(account: Account) -> tuple[str, ...]:
    """Everything that the account may, as ACL SETUSER takes it."""
    own = broker.own_keys(account.slug)
    keys = (name(account.slug), own["unacked_key"], own["unacked_index_key"])
    return (
        "reset", "on", f"#{account.digest}",
        *(f"~{key}" for key in keys),
        *_COMMANDS,
        f"(~{broker.CENTRAL} +lpush)",
        f"(~{halts.KEY} +get)",
    )  # fmt: skip


def line(account: Account) -> str:
    """The same as a line for valkey-cli, for a broker where the centre may make no accounts."""
    return shlex.join(["ACL", "SETUSER", name(account.slug), *rules(account)])


def settle(url: str, standing: Iterable[Account], gone: Iterable[str]) -> None:
    """Have the broker know these accounts, and none of those that are gone, nor what waited for
    them. Raises AccountError.
    """
    with _at(url) as queue:
        for account in standing:
            _told(queue, "SETUSER", name(account.slug), *rules(account))
        for slug in gone:
            _forget(queue, slug)


def replace(url: str, account: Account) -> None:
    """Make the account of a place that joined; who came in by an older one is put out."""
    with _at(url) as queue:
        _told(queue, "DELUSER", name(account.slug))
        _told(queue, "SETUSER", name(account.slug), *rules(account))


def _forget(queue: "redis.Redis", slug: str) -> None:
    # Whoever is in by this account is put out with it.
    _told(queue, "DELUSER", name(slug))
    try:
        queue.delete(name(slug), *broker.own_keys(slug).values())
    except (redis.RedisError, OSError) as error:
        raise AccountError(_why(error)) from None


def _at(url: str) -> "redis.Redis":
    return redis.Redis.from_url(broker.verified(url), socket_timeout=5, socket_connect_timeout=3)


def _told(queue: "redis.Redis", *words: str) -> Any:
    try:
        # redis-py's own function for it knows no rules but those of its time.
        return queue.execute_command("ACL", *words)  # type: ignore[no-untyped-call]
    except (redis.RedisError, OSError) as error:
        raise AccountError(_why(error)) from None


def _why(error: Exception) -> str:
    match error:
        case redis.exceptions.NoPermissionError():
            return "The queue lets this site make no accounts."
        case redis.exceptions.ResponseError():
            return "The queue knows no such accounts: it takes Valkey, or Redis 7 or newer."
        case _:
            return "The queue was not reached."
