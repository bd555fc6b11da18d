"""Do one shard: judge each target again, resolve, pin, converse, and report what was said.

The vantage worker and `manage.py tick` both run this; it knows no Django and no database.
"""

import asyncio
import ipaddress
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from mailposture.adapters import dns, paced, smtp, targets
from mailposture.adapters.halts import Watch
from mailposture.core.verdict import FRONT_ENDS
from mailposture.core.work import Answer, Envelope, PutOff, Result, Target, Try

# Left of the claim for sending the result back, so that it arrives before the claim lapses.
SPARE_SECONDS = 3.0

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One vantage point as its own machine knows it: nothing of this is ever in a message."""

    slug: str
    source: str | None = None
    certificate: Path | None = None
    authority: Path | None = None
    resolver: str | None = None
    lab_networks: tuple[Network, ...] = ()
    # The centre's public key, this place's private one, and where its orders are remembered.
    centre: str = ""
    key: str = field(default="", repr=False)
    memory: Path = Path("seen")


@dataclass(frozen=True, kw_only=True, slots=True)
class Door:
    """An endpoint after look-up: the addresses to connect to, or why there are none."""

    host: str
    addresses: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Planned:
    """One conversation to be had, and whose it is."""

    target: Target
    host: str
    order: smtp.Order


def run(
    envelope: Envelope, place: Place, clock: Callable[[], datetime], watch: Watch | None = None
) -> Result:
    """Probe every target of the order from this place; never raises for what a server does.

    HaltedError where the watch hears, before or meanwhile, that probing was stopped.
    """
    began = clock()
    seconds = (envelope.expires - began).total_seconds() - SPARE_SECONDS
    answers: Sequence[Answer] = ()
    if seconds > 0:
        work = _answers(envelope, place, seconds)
        answers = smtp.run(watch.guard(work) if watch else work)
    return Result(
        vantage_point=envelope.vantage_point,
        shard=envelope.shard,
        attempt=envelope.attempt,
        nonce=envelope.nonce,
        began=began,
        ended=clock(),
        answers=tuple(answers),
    )


async def _answers(envelope: Envelope, place: Place, seconds: float) -> list[Answer]:
    doors = await _doors(envelope.targets, place)
    planned = {t.path: _plan(t, doors, envelope.ehlo, place) for t in envelope.targets}
    refused = {path: why for path, orders in planned.items() if (why := _why_not(orders))}
    asked = [path for path, orders in planned.items() if orders and path not in refused]
    held = await paced.converse(
        [[p.order for p in planned[path]] for path in asked],
        envelope.pace,
        seconds,
        first=envelope.shard + envelope.attempt,
    )
    said = dict(zip(asked, held, strict=True))
    return [
        Answer(path=t.path, refused=refused[t.path])
        if t.path in refused
        else _answer(t, doors, planned[t.path], said.get(t.path, ()))
        for t in envelope.targets
    ]


def _why_not(planned: Iterable[_Planned]) -> str | None:
    return next((why for p in planned if (why := smtp.why_not(p.order))), None)


async def _doors(wanted: Iterable[Target], place: Place) -> dict[tuple[str, int], Door]:
    """Look each endpoint up once for the whole shard."""
    keys = sorted({(host, t.port) for t in wanted for host in t.endpoints})
    found = await asyncio.gather(*(asyncio.to_thread(door, h, p, place) for h, p in keys))
    return dict(zip(keys, found, strict=True))


def door(host: str, port: int, place: Place) -> Door:
    """Resolve an endpoint from this place and keep what may be a target.

    One bad address spoils the door: a name that resolves into a private network is not
    Exchange Online's, whatever else it resolves to.
    """
    try:
        addresses = dns.Resolver(place.resolver).addresses(host, (4,))
        for address in addresses:
            targets.may_target(host, address, port, place.lab_networks)
    except targets.Refusal as refusal:
        return Door(host=host, refused=str(refusal))
    except dns.DnsError as error:
        return Door(host=host, refused=f"{host} could not be looked up: {error}")
    if not addresses:
        return Door(host=host, refused=f"{host} has no IPv4 address")
    return Door(host=host, addresses=tuple(addresses))


def _open_door(target: Target, doors: dict[tuple[str, int], Door]) -> Door | None:
    """The first endpoint that has addresses; they are all doors of one service."""
    candidates = (doors[host, target.port] for host in target.endpoints)
    return next((d for d in candidates if d.addresses), None)


def _plan(
    target: Target, doors: dict[tuple[str, int], Door], ehlo: str, place: Place
) -> list[_Planned]:
    found = _open_door(target, doors)
    if found is None:
        return []
    return [
        _Planned(
            target=target,
            host=found.host,
            order=smtp.Order(
                address=address,
                port=target.port,
                host=found.host,
                ehlo=ehlo,
                mail_from=target.mail_from,
                rcpt_to=target.rcpt_to,
                source=place.source,
                certificate=place.certificate,
            ),
        )
        for address in found.addresses[:FRONT_ENDS]
    ]


def _answer(
    target: Target,
    doors: dict[tuple[str, int], Door],
    planned: Sequence[_Planned],
    held: paced.Held,
) -> Answer:
    found = _open_door(target, doors)
    if found is None:
        refused = "; ".join(doors[host, target.port].refused for host in target.endpoints)
        return Answer(path=target.path, refused=refused or "no endpoint is known")
    front_ends = min(len(found.addresses), FRONT_ENDS)
    if isinstance(held, PutOff):
        return Answer(path=target.path, front_ends=front_ends, put_off=held)
    tries = (
        Try(host=p.host, address=p.order.address, transcript=transcript.to_document())
        for p, transcript in zip(planned, held, strict=True)
    )
    return Answer(path=target.path, front_ends=front_ends, tries=tuple(tries))


def now() -> datetime:
    """The clock of this machine, in UTC."""
    return datetime.now(tz=UTC)
