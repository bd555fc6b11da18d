"""Put a lock on: prepared turned off, tried on one domain, then enforced for all."""

from dataclasses import dataclass
from typing import Any, Final

from mailposture.core.addresses import AddressSet
from mailposture.core.configuration import ConnectorType, InboundConnector
from mailposture.core.hosts import plain
from mailposture.core.posture.facts import Facts, Source, SourceKind
from mailposture.core.posture.findings import Finding
from mailposture.core.posture.locks import locks, uncovered
from mailposture.core.posture.remediation import lines
from mailposture.core.posture.remediation.drafts import (
    AS_READ,
    GATEWAY_HERE,
    NO_GATEWAY,
    WHO_ELSE,
    Step,
    script,
)
from mailposture.core.posture.remediation.scripts import Check, Script
from mailposture.core.posture.seen_open import SEEN

NAME: Final = "Only from the gateway"
BY_NAME: Final = "Only from the gateway, by certificate"
INITIAL: Final = ".onmicrosoft.com"
TLS: Final = Check(
    command=(
        "Get-MessageTraceV2 -ResultSize 100 |"
        " Format-Table Received,FromIP,SenderAddress,RecipientAddress,Subject"
    ),
    must=(
        "mail that comes through the gateway arrives over TLS: open one of those from its address"
        " in its mailbox; among its headers, the Received line in which Exchange Online took it"
        " from the gateway names a TLS version"
    ),
)
# Whom the lock itself has to let in; hybrid servers have a connector of their own.
THROUGH: Final = frozenset({SourceKind.GATEWAY, SourceKind.RELAY})


@dataclass(frozen=True, slots=True)
class Bolt:
    """One connector of the lock: made anew, or one that is turned off put to use."""

    name: str
    fields: dict[str, Any]
    was: InboundConnector | None = None
    identity: str = ""


def lock(facts: Facts, finding: Finding) -> Script:
    """The script for a tenant without a lock, or with one that leaves domains out."""
    scoped = [c for c in locks(facts.configuration) if c.associated_accepted_domains]
    # What was seen open within a lock that names domains: that it names them may be why.
    if scoped and (uncovered(facts.configuration) or finding.rule in ("MP-61", *SEEN)):
        return _widen(facts, scoped[0])
    return _put_on(facts, finding)


# ---- a new lock ----------------------------------------------------------------------------


def _put_on(facts: Facts, finding: Finding) -> Script:
    bolts = _bolts(facts, finding)
    tried = _tried_first(facts)
    placeholder = not _through(facts)
    steps = [_prepare(bolts), *_try(bolts, tried), _enforce(bolts, tried)]
    return script(
        facts,
        key="lock",
        title="Take mail from the gateway alone",
        steps=steps,
        domains=_watched(facts, tried),
        checks=(AS_READ, WHO_ELSE, TLS),
        refuses=((NO_GATEWAY,) if placeholder else ()) + _not_listed(facts),
        placeholder=placeholder,
    )


def _through(facts: Facts) -> list[Source]:
    """Approved sources that the lock lets in, if a gateway is among them."""
    known = [s for s in facts.sources if s.kind in THROUGH and (s.set.v4 or s.names)]
    return known if any(s.kind is SourceKind.GATEWAY for s in known) else []


def _not_listed(facts: Facts) -> tuple[str, ...]:
    """Sources that no connector can let in by address."""
    return tuple(
        f"{s.name} has IPv6 addresses alone, which SenderIPAddresses does not take."
        for s in facts.sources
        if s.kind in THROUGH and s.set.v6 and not s.set.v4 and not s.names
    )


def _bolts(facts: Facts, finding: Finding) -> list[Bolt]:
    """By address for sources that have some, by certificate for those that are known by name."""
    through = _through(facts)
    listed = AddressSet()
    for source in through:
        listed |= AddressSet(v4=source.set.v4)
    names = tuple(dict.fromkeys(s.names[0] for s in through if s.names and not s.set.v4))
    found = []
    if listed or not names:
        addresses = lines.entries(listed) or (GATEWAY_HERE,)
        found.append(_by_address(facts, finding, addresses))
    for name in names:
        fields = _lock_fields(restrict_domains_to_certificate=True, require_tls=True)
        fields["tls_sender_certificate_name"] = name
        found.append(Bolt(_free(facts, BY_NAME, found), fields))
    return found


def _free(facts: Facts, wanted: str, others: list[Bolt]) -> str:
    name = wanted if not others else f"{wanted} {len(others)}"
    return lines.free_name(facts.configuration, name)


def _by_address(facts: Facts, finding: Finding, addresses: tuple[str, ...]) -> Bolt:
    fields = _lock_fields(restrict_domains_to_ip_addresses=True, require_tls=True)
    fields["sender_ip_addresses"] = addresses
    off = [c for c in facts.connectors if c.is_partner and not c.enabled and _may_be_used(c)]
    off.sort(key=lambda c: c.guid != finding.subject)
    if not off:
        return Bolt(lines.free_name(facts.configuration, NAME), fields)
    fields["restrict_domains_to_certificate"] = False
    fields["tls_sender_certificate_name"] = None
    meant = lines.identity(facts.configuration, off[0])
    return Bolt(off[0].name, fields, off[0], meant)


def _may_be_used(connector: InboundConnector) -> bool:
    """A connector that is turned off and was meant as a lock by address."""
    return connector.restrict_domains_to_ip_addresses and connector.covers_any_sender


def _lock_fields(**restricts: Any) -> dict[str, Any]:
    return {
        "connector_type": ConnectorType.PARTNER,
        "sender_domains": ("*",),
        **restricts,
        "enabled": False,
    }


def _prepare(bolts: list[Bolt]) -> Step:
    ahead = [
        lines.set_line(b.identity, b.fields) if b.was else lines.new_line(b.name, b.fields)
        for b in bolts
    ]
    back = [
        lines.back_line(b.identity, b.was, b.fields) if b.was else lines.remove_line(b.name)
        for b in bolts
    ]
    return Step(
        title="prepare the lock, turned off",
        note="Nothing changes on the wire.",
        commands=tuple(ahead),
        rollback=tuple(reversed(back)),
    )


def _try(bolts: list[Bolt], tried: str | None) -> list[Step]:
    """Turned on for one domain alone, where there is one to try it on."""
    if tried is None:
        return []
    on = {"associated_accepted_domains": (tried,), "enabled": True}
    return [
        Step(
            title=f"turn it on for {tried} alone",
            note=(
                f"Mail to {tried} that comes past the gateway is refused from now on. Let a day"
                " of mail go by."
            ),
            commands=tuple(lines.set_line(_meant(b), on) for b in bolts),
            rollback=_off(bolts),
        )
    ]


def _off(bolts: list[Bolt]) -> tuple[str, ...]:
    off = {"enabled": False}
    return tuple(
        lines.set_line(
            _meant(b),
            off
            | {"associated_accepted_domains": b.was.associated_accepted_domains if b.was else ()},
        )
        for b in bolts
    )


def _meant(bolt: Bolt) -> str:
    return bolt.identity or bolt.name


def _enforce(bolts: list[Bolt], tried: str | None) -> Step:
    on = {"associated_accepted_domains": (), "enabled": True}
    back = {"associated_accepted_domains": (tried,)} if tried else {"enabled": False}
    together = " Run these lines at once: each alone refuses those whom the others let in."
    return Step(
        title="enforce it for every domain",
        note="Mail past the gateway is refused from now on." + together * (len(bolts) > 1),
        commands=tuple(lines.set_line(_meant(b), on) for b in bolts),
        rollback=tuple(lines.set_line(_meant(b), back) for b in bolts),
    )


# ---- which domain is tried first -----------------------------------------------------------


def _tried_first(facts: Facts) -> str | None:
    """A domain with little mail: the initial one. None where there is no other domain."""
    domains = facts.configuration.accepted_domains or ()
    if len(domains) < 2:
        return None
    initial = [d.domain_name for d in domains if d.initial_domain]
    named = [d.domain_name for d in domains if d.domain_name.casefold().endswith(INITIAL)]
    return plain((initial or named or [domains[-1].domain_name])[0])


def _watched(facts: Facts, first: str | None) -> tuple[str, ...]:
    """The domain that is tried first, and another one."""
    others = [plain(d) for d in facts.configuration.domains if plain(d) != first]
    return tuple(filter(None, (first, *others[:1])))


# ---- a lock that leaves domains out --------------------------------------------------------


def _widen(facts: Facts, connector: InboundConnector) -> Script:
    """Add one domain, then all: AssociatedAcceptedDomains is emptied."""
    outside = [plain(name) for name in uncovered(facts.configuration)]
    meant, was = (
        lines.identity(facts.configuration, connector),
        connector.associated_accepted_domains,
    )
    steps = []
    present = {"associated_accepted_domains": was}
    if len(outside) > 1:
        more = {"associated_accepted_domains": (*was, outside[0])}
        steps.append(
            Step(
                title=f"guard {outside[0]} too",
                commands=(lines.set_line(meant, more),),
                rollback=(lines.set_line(meant, present),),
            )
        )
        present = more
    steps.append(
        Step(
            title="guard every accepted domain",
            note="Domains that are added later are guarded as well.",
            commands=(lines.set_line(meant, {"associated_accepted_domains": ()}),),
            rollback=(lines.set_line(meant, present),),
        )
    )
    return script(
        facts,
        key="lock",
        title="Guard every accepted domain",
        steps=steps,
        domains=(*outside[:2], *_watched(facts, None))[:2],
        checks=(AS_READ, WHO_ELSE),
    )
