"""Lists of addresses that let in too many, or nobody: brought to what is approved."""

from typing import Any

from mailposture.core.addresses import NOWHERE, AddressSet, union
from mailposture.core.configuration import InboundConnector
from mailposture.core.posture.facts import Facts, SourceKind, ipv4
from mailposture.core.posture.filling import Filling, by_addresses, fillings
from mailposture.core.posture.findings import Finding, many
from mailposture.core.posture.remediation import lines
from mailposture.core.posture.remediation.advice import advice
from mailposture.core.posture.remediation.drafts import (
    AS_READ,
    GATEWAY_HERE,
    NO_GATEWAY,
    WHO_ELSE,
    Step,
    script,
)
from mailposture.core.posture.remediation.lock import lock
from mailposture.core.posture.remediation.scripts import Script
from mailposture.core.posture.shared_names import shared_name
from mailposture.core.posture.sources import crossing


def about(facts: Facts, finding: Finding) -> InboundConnector | None:
    """The connector that a finding is about: its subject is the guid, or begins with it."""
    return next(
        (c for c in facts.connectors if finding.subject in (c.guid, f"{c.guid} certificate")), None
    ) or next((c for c in facts.connectors if finding.subject.startswith(f"{c.guid} ")), None)


def watched(facts: Facts) -> tuple[str, ...]:
    """Domains whose answers are foretold: the first is enough where none is treated apart."""
    return tuple(facts.reach.domains[:1]) if facts.configuration.domains else ()


def one_step(
    facts: Facts,
    key: str,
    title: str,
    connector: InboundConnector,
    fields: dict[str, Any],
    **more: Any,
) -> Script:
    """A script of a single stage that sets fields of one connector."""
    meant = lines.identity(facts.configuration, connector)
    step = Step(
        title=title,
        note=more.pop("note", ""),
        commands=(lines.set_line(meant, fields),),
        rollback=(lines.back_line(meant, connector, fields),),
    )
    whole = f"{title[0].upper()}{title[1:]}: {connector.name}"
    domains = watched(facts)
    return script(facts, key=key, title=whole, steps=[step], domains=domains, **more)


# ---- too many ------------------------------------------------------------------------------


def narrow(facts: Facts, finding: Finding) -> Script:
    """Keep of a connector's addresses those that are approved, or that nobody else sends from."""
    connector = about(facts, finding)
    if connector is None:
        return lock(facts, finding)
    if finding.subject.endswith(" certificate"):
        return _renamed(facts, finding, connector)
    removed = _removed(facts, finding, connector)
    # A gateway is approved for the lock, and not for what an own server's connector grants.
    if finding.rule != "MP-07" and (needed := removed & facts.everyone_approved):
        words = f"Approved sources send from {many(needed)} of these: ask for addresses or a"
        return _needed(facts, finding, f"{words} certificate that nobody else has.")
    kept = lines.entries(ipv4(connector.sender_ip_addresses) - removed)
    if not kept:
        words = f"Nothing would be left of what {connector.name} lists: declare the gateway first."
        return _needed(facts, finding, words)
    return one_step(
        facts,
        "narrow",
        f"leave out {many(removed)}",
        connector,
        {"sender_ip_addresses": kept},
        checks=(AS_READ, WHO_ELSE),
        note="Hosts at these addresses are refused from now on.",
    )


def _renamed(facts: Facts, finding: Finding, connector: InboundConnector) -> Script:
    """Ask for a certificate that the gateway alone shows, where one is declared."""
    own = [name for name in facts.names_of(SourceKind.GATEWAY) if not shared_name(name)]
    if finding.rule != "MP-34" or not own:
        return advice(facts, finding)
    return one_step(
        facts,
        "narrow",
        f"ask for the certificate of {own[0]}",
        connector,
        {"tls_sender_certificate_name": own[0]},
        checks=(AS_READ, WHO_ELSE),
        note="Hosts that show another certificate are refused from now on.",
    )


def _needed(facts: Facts, finding: Finding, why: str) -> Script:
    told = advice(facts, finding)
    return Script(key="narrow", title=told.title, advice=told.advice, refuses=(why,))


def _removed(facts: Facts, finding: Finding, connector: InboundConnector) -> AddressSet:
    """What a rule objects to of a connector's addresses."""
    listed = ipv4(connector.sender_ip_addresses)
    if finding.rule == "MP-06":
        return listed - facts.everyone_approved
    if finding.rule == "MP-07":
        return listed - facts.own_servers
    microsoft = finding.rule == "MP-34"
    crossings = crossing(facts, ("cloud", "mail service"), microsoft=microsoft)
    meant = [c for one, p, c in crossings if finding.subject == f"{one.guid} {p.name}"]
    return union(meant or [NOWHERE])


# ---- none at all ---------------------------------------------------------------------------


def fill(facts: Facts, finding: Finding) -> Script:
    """Give an empty restriction what it asks for, by the first way that cuts off nobody."""
    connector = about(facts, finding)
    if connector is None:
        return advice(facts, finding)
    ways = [_filled(facts, connector, way) for way in fillings(facts, connector)]
    if not ways:
        way = by_addresses(connector, (GATEWAY_HERE,))
        more = {"refuses": (NO_GATEWAY,), "placeholder": True}
        return _filled(facts, connector, way, **more)
    return next((script for script in ways if script.is_ready), ways[0])


def _filled(facts: Facts, connector: InboundConnector, way: Filling, **more: Any) -> Script:
    fields = dict(way.fields)
    if found := ipv4(fields.get("sender_ip_addresses", ())):
        fields["sender_ip_addresses"] = lines.entries(found)
    checks = (AS_READ, WHO_ELSE)
    return one_step(facts, "fill", way.title, connector, fields, checks=checks, **more)
