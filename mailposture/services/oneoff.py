"""Look at one domain without a tenant: find its doors, prove whose it is, knock, judge.

Inside lab networks this reads and writes nothing but sockets.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path

from django.conf import settings

from mailposture.adapters import smtp, targets
from mailposture.adapters.dns import DnsError, Endpoint, Resolver, endpoints
from mailposture.core.smtp.transcript import Transcript
from mailposture.core.verdict import (
    FRONT_ENDS,
    Judgement,
    SenderClass,
    Trust,
    Verdict,
    agree,
    judge,
    unseen,
    whole,
)
from mailposture.services import clouds, halting, ownership, paths

# Several names of one domain lead to the same service; more than this is a hostile answer.
MOST_ENDPOINTS = 3
COMMAND_SECONDS = 90.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What one wants to know of a domain."""

    domain: str
    classes: tuple[SenderClass, ...]
    endpoint: str | None = None
    port: int | None = None
    resolver: str | None = None
    source: str | None = None
    recipient: str | None = None
    certificate: Path | None = None
    any_server: bool = False
    attest: str | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """One conversation and what it proves."""

    endpoint: Endpoint
    address: str
    transcript: Transcript
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one class was answered: the verdict and the conversations behind it."""

    judgement: Judgement
    endpoint: str | None
    front_ends: int
    heard: tuple[Heard, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The whole answer."""

    domain: str
    endpoints: tuple[Endpoint, ...]
    verdict: Verdict
    outcomes: Mapping[SenderClass, Outcome]
    lab: bool
    any_server: bool
    proof: str = ""
    notes: tuple[str, ...] = field(default=())


def look(question: Question, clock: Callable[[], datetime]) -> Found:
    """Answer one question; raises Refusal, StoppedError, NotSetUpError or NotProvenError before
    any packet.
    """
    doors, notes = _find(question)
    lab = bool(doors) and all(_in_lab(e) for e in doors)
    port = question.port or _port(lab=lab)
    if doors and not lab:
        doors = _pinned(doors, port)
        if not doors:
            notes = ["This machine's own resolver knows no address of the endpoints."]
    elif not doors and not settings.LAB_NETWORKS:
        _refuse(question)
    who = clouds.identity(lab=lab) if doors else None
    proof = _proof(question, clock()) if doors and not lab else ""
    heard = smtp.run(_converse(question, doors, port, who, lab=lab)) if who else {}
    outcomes = {
        sender_class: _outcome(doors, heard.get(sender_class, ()), notes)
        for sender_class in question.classes
    }
    return Found(
        question.domain,
        doors,
        whole({c: o.judgement for c, o in outcomes.items()}),
        outcomes,
        lab,
        question.any_server,
        proof,
        tuple(notes),
    )


def _refuse(question: Question) -> None:
    """What could be no target even if it had an address. Raises Refusal."""
    if question.port not in (None, targets.SMTP):
        raise targets.Refusal(f"port {question.port} may be a target only in lab networks")
    if question.endpoint and not targets.is_microsoft_mail(question.endpoint):
        raise targets.Refusal(f"{question.endpoint!r} is not below a Microsoft mail name")


def _proof(question: Question, now: datetime) -> str:
    """Whose the domain is, by the system's resolver; raises NotProvenError, and StoppedError
    while nothing may be probed.

    The domain of the recipient chooses the tenant (attribution.md section 1), so one that differs
    needs a proof of its own; a word given for the one is not taken for the other.
    """
    halting.refuse()
    proof = ownership.prove(question.domain, Resolver(None), now, question.attest)
    named = (question.recipient or "").rpartition("@")[2]
    if named and named != question.domain:
        ownership.prove(named, Resolver(None), now)
    return proof.how


def _port(*, lab: bool) -> int:
    """Port 25; a running lab says its own."""
    return int(settings.LAB["smtp_port"]) if lab and settings.LAB else 25


def _in_lab(door: Endpoint) -> bool:
    inside = [targets.in_lab(address, settings.LAB_NETWORKS) for address in door.addresses]
    return bool(inside) and all(inside)


def _find(question: Question) -> tuple[tuple[Endpoint, ...], list[str]]:
    """The doors of a domain, and what could not be looked up. `--endpoint` asks nothing of DNS
    about the domain.
    """
    if question.endpoint:
        return _named(question)
    notes: list[str] = []
    for resolver in _resolvers(question):
        try:
            found = endpoints(question.domain, resolver, targets.NAMES)
        except DnsError as error:
            notes.append(f"DNS about {question.domain} failed: {error}.")
        else:
            usable = tuple(e for e in found if e.addresses)[:MOST_ENDPOINTS]
            if usable:
                return usable, []
    nothing = (
        f"No endpoint of {question.domain} was found in DNS. A missing name proves nothing:"
        " the tenant may be reached through another name. Give one with --endpoint."
    )
    return (), notes or [nothing]


def _resolvers(question: Question) -> list[Resolver]:
    """The one asked for; else the lab's, if one runs, and then the system's."""
    if question.resolver:
        return [Resolver(question.resolver)]
    return [*([Resolver(settings.RESOLVER)] if settings.RESOLVER else []), Resolver(None)]


def _named(question: Question) -> tuple[tuple[Endpoint, ...], list[str]]:
    host = question.endpoint or ""
    try:
        literal = str(ip_address(host))
    except ValueError:
        literal = ""
    if literal:
        return (Endpoint(host=host, addresses=(literal,), found_by="given"),), []
    problems = []
    for resolver in _resolvers(question):
        try:
            if found := resolver.addresses(host, (4,)):
                return (Endpoint(host=host, addresses=tuple(found), found_by="given"),), []
            problems.append(f"{host} has no IPv4 address.")
        except DnsError as error:
            problems.append(f"{host} could not be looked up: {error}.")
    return (), problems


def _pinned(doors: Sequence[Endpoint], port: int) -> tuple[Endpoint, ...]:
    """Outside the lab only the system's resolver says where a packet goes, and name and address
    are judged after it. Raises Refusal.
    """
    pinned = []
    for door in doors:
        found = _system_addresses(door)
        for one in found or door.addresses:
            targets.may_target(door.host, one, port, settings.LAB_NETWORKS)
        pinned.append(Endpoint(host=door.host, addresses=found, found_by=door.found_by))
    return tuple(p for p in pinned if p.addresses)


def _system_addresses(door: Endpoint) -> tuple[str, ...]:
    if door.host in door.addresses:
        return door.addresses
    try:
        return tuple(Resolver(None).addresses(door.host, (4,)))
    except DnsError as error:
        raise targets.Refusal(
            f"{door.host} could not be looked up by this machine's resolver: {error}"
        ) from error


async def _converse(
    question: Question,
    doors: Sequence[Endpoint],
    port: int,
    who: clouds.Identity,
    *,
    lab: bool,
) -> dict[SenderClass, tuple[Heard, ...]]:
    """All classes and front ends at once, each on a connection of its own."""
    wanted = [(c, d, a) for c in question.classes for d in doors for a in d.addresses[:FRONT_ENDS]]
    orders = [
        smtp.Order(
            address=one,
            port=port,
            host=door.host,
            ehlo=who.ehlo,
            mail_from=paths.sender_of_class(sender_class, question.domain, who.sender_domain),
            rcpt_to=question.recipient or f"postmaster@{question.domain}",
            source=question.source,
            certificate=question.certificate,
        )
        for sender_class, door, one in wanted
    ]
    async with asyncio.timeout(COMMAND_SECONDS):
        transcripts = await smtp.converse_all(orders)
    trust = Trust(lab=lab, any_server=question.any_server)
    found: dict[SenderClass, tuple[Heard, ...]] = {}
    for (sender_class, door, one), transcript in zip(wanted, transcripts, strict=True):
        heard = Heard(door, one, transcript, judge(sender_class, transcript, trust))
        found[sender_class] = (*found.get(sender_class, ()), heard)
    return found


def _outcome(doors: Sequence[Endpoint], heard: Sequence[Heard], notes: Sequence[str]) -> Outcome:
    """One class over all doors: an open one decides, then a closed one, then the first."""
    if not heard:
        why = " ".join(notes) or "No endpoint answered to be asked."
        return Outcome(unseen(why), doors[0].host if doors else None, 0)
    by_door = [_at_door(door, [h for h in heard if h.endpoint == door]) for door in doors]
    order = (Verdict.OPEN, Verdict.CLOSED, Verdict.UNKNOWN)
    return min(by_door, key=lambda o: order.index(o.judgement.verdict))


def _at_door(door: Endpoint, heard: Sequence[Heard]) -> Outcome:
    addresses = min(len(door.addresses), FRONT_ENDS)
    judgement = agree([h.judgement for h in heard], addresses=addresses)
    return Outcome(judgement, door.host, len(heard), tuple(heard))
