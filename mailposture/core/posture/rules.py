"""The rules that read a configuration (domain/controls.md 5.12). What was not read is unknown.

Each rule is one row of RULES. A part that could not be read never counts as empty.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mailposture.core import addresses
from mailposture.core.addresses import AddressError, AddressSet
from mailposture.core.configuration import Configuration, InboundConnector, RejectDirectSend

MOST_NAMED: Final = 5
INITIAL: Final = ".onmicrosoft.com"


class Result(StrEnum):
    """What is known of a requirement. Unknown is no better than not satisfied, and is no proof."""

    SATISFIED = "satisfied"
    NOT_SATISFIED = "not_satisfied"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one rule says of one configuration; `subjects` are what it names, as it is written."""

    rule: str
    result: Result
    sentence: str
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """What the organisation declared: the addresses of its gateways. None declared is not none."""

    gateways: tuple[str, ...] = ()


type Judge = Callable[[Configuration, Approved], tuple[Result, str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its ID, the parts it reads, and its judge, called once these are known."""

    id: str
    title: str
    reads: tuple[str, ...]
    judge: Judge


def assess(
    configuration: Configuration, approved: Approved, *, only: str | None = None
) -> tuple[Finding, ...]:
    """What every rule says, or one; a rule whose parts were not read says unknown, and which."""
    chosen = (rule for rule in RULES if only in (None, rule.id))
    return tuple(_apply(rule, configuration, approved) for rule in chosen)


def _apply(rule: Rule, configuration: Configuration, approved: Approved) -> Finding:
    lacking = [part for part in rule.reads if not configuration.knows(part)]
    if lacking:
        named = " and ".join(part.replace("_", " ") for part in lacking)
        return Finding(rule=rule.id, result=Result.UNKNOWN, sentence=f"Not read: {named}.")
    result, sentence, subjects = rule.judge(configuration, approved)
    return Finding(rule=rule.id, result=result, sentence=sentence, subjects=subjects)


def listed(names: Sequence[str]) -> str:
    """A few names, and how many more there are."""
    if len(names) > MOST_NAMED:
        return f"{', '.join(names[:MOST_NAMED])} and {len(names) - MOST_NAMED:,} more"
    return ", ".join(names)


# ---- the lock ------------------------------------------------------------------------------


def locks(configuration: Configuration) -> list[InboundConnector]:
    """Partner connectors that refuse every sender without proof, and can be met by some.

    A restriction that names no address or no certificate locks nobody in particular out and
    proves nothing here (attribution.md section 3).
    """
    return [c for c in configuration.inbound_connectors or () if is_lock(c)]


def is_lock(connector: InboundConnector) -> bool:
    """Whether it is turned on, takes in any sender domain, and demands a proof that it names."""
    by_address = connector.restrict_domains_to_ip_addresses and connector.sender_ip_addresses
    by_name = connector.restrict_domains_to_certificate and connector.tls_sender_certificate_name
    covers = connector.enabled and connector.is_partner and connector.covers_any_sender
    return bool(covers and (by_address or by_name))


def _lock_present(
    configuration: Configuration, _approved: Approved
) -> tuple[Result, str, tuple[str, ...]]:
    found = tuple(c.name for c in locks(configuration))
    if found:
        return _locked(configuration, found)
    off = [c.name for c in configuration.inbound_connectors or () if _would_lock(c)]
    words = "No Partner connector that is turned on restricts every sender domain."
    if off:
        words = f"{words} Turned off: {listed(off)}."
    return Result.NOT_SATISFIED, words, tuple(off)


def _locked(
    configuration: Configuration, found: tuple[str, ...]
) -> tuple[Result, str, tuple[str, ...]]:
    """What a lock comes to: one that names domains leaves the others open."""
    scoped = all(c.associated_accepted_domains for c in locks(configuration))
    if scoped and not configuration.knows("accepted_domains"):
        words = f"{listed(found)} covers named domains, and the accepted domains were not read."
        return Result.UNKNOWN, words, found
    if outside := uncovered(configuration):
        words = f"{listed(found)} does not cover {listed(outside)} (AssociatedAcceptedDomains)."
        return Result.NOT_SATISFIED, words, found
    return Result.SATISFIED, f"Locked by {listed(found)}: every other host is refused.", found


def _would_lock(connector: InboundConnector) -> bool:
    return not connector.enabled and connector.demands_proof and connector.covers_any_sender


def uncovered(configuration: Configuration) -> list[str]:
    """Accepted domains outside of every lock (a lock that names domains covers only these)."""
    found = locks(configuration)
    if any(not c.associated_accepted_domains for c in found):
        return []
    named = {name.casefold() for c in found for name in c.associated_accepted_domains}
    return [domain for domain in configuration.domains if domain.casefold() not in named]


def _every_domain(
    configuration: Configuration, _approved: Approved
) -> tuple[Result, str, tuple[str, ...]]:
    outside = uncovered(configuration)
    if not outside:
        count = len(configuration.domains)
        few = {1: "The accepted domain lies", 2: "Both accepted domains lie"}
        noun = few.get(count, f"All {count:,} accepted domains lie")
        return Result.SATISFIED, f"{noun} within the restriction.", ()
    return (
        Result.NOT_SATISFIED,
        f"Outside the restriction: {listed(outside)}.",
        tuple(outside),
    )


# ---- the rest ------------------------------------------------------------------------------


def _direct_send(
    configuration: Configuration, _approved: Approved
) -> tuple[Result, str, tuple[str, ...]]:
    setting = configuration.organization and configuration.organization.reject_direct_send
    if setting is RejectDirectSend.ON:
        return Result.SATISFIED, "RejectDirectSend is on.", ()
    if setting is RejectDirectSend.OFF:
        return Result.NOT_SATISFIED, "RejectDirectSend is off.", ()
    return Result.UNKNOWN, "What RejectDirectSend stands at is not known.", ()


def _mx_at_gateway(
    configuration: Configuration, approved: Approved
) -> tuple[Result, str, tuple[str, ...]]:
    gateways = _set(approved.gateways)
    if not gateways:
        return Result.UNKNOWN, "No approved gateway is declared, so that none can be compared.", ()
    hosts = _mx_hosts(configuration)
    unsure = [name for name, found in hosts if not found]
    astray = [name for name, found in hosts if _set(found) - gateways]
    if astray:
        words = f"MX beside the approved gateways: {listed(astray)}."
        return Result.NOT_SATISFIED, words, tuple(astray)
    if unsure:
        return Result.UNKNOWN, f"No address is known of {listed(unsure)}.", tuple(unsure)
    if not hosts:
        return Result.UNKNOWN, "No MX of the organisation's own was found.", ()
    return Result.SATISFIED, "Every MX leads to an approved gateway.", ()


def _mx_hosts(configuration: Configuration) -> list[tuple[str, tuple[str, ...]]]:
    """Each MX host with the domain it serves, and its addresses.

    The MX of the initial domain is Microsoft's own and nobody can move it: MP-05 speaks of it.
    """
    return [
        (f"{host.host} of {facts.domain}", host.addresses)
        for facts in configuration.domain_facts or ()
        if not facts.domain.casefold().endswith(INITIAL)
        for host in facts.mx or ()
    ]


def _set(entries: Iterable[str]) -> AddressSet:
    """The addresses among these; what is none is left out."""
    found = AddressSet()
    for entry in entries:
        try:
            found |= addresses.parse([entry])
        except AddressError:
            continue
    return found


RULES: Final = (
    Rule(
        "MP-01",
        "A restricted Partner connector denies by default",
        ("inbound_connectors",),
        _lock_present,
    ),
    Rule("MP-02", "Direct Send is rejected", ("organization",), _direct_send),
    Rule(
        "MP-05",
        "No accepted domain lies outside the restriction",
        ("inbound_connectors", "accepted_domains"),
        _every_domain,
    ),
    Rule("MP-08", "MX records lead to approved gateways alone", ("domain_facts",), _mx_at_gateway),
)
