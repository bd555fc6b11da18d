"""What stands beside the connectors: rules, filters, and the address families of a domain.

The proposals of the product speak of connectors alone, so that the configuration after each of
these is made here.
"""

from collections.abc import Iterable
from dataclasses import replace

from mailposture.core.configuration import (
    Configuration,
    ConnectionFilter,
    Part,
    PartStatus,
    TransportRule,
    with_part,
)
from mailposture.core.posture.facts import Facts, readable
from mailposture.core.posture.findings import Finding
from mailposture.core.posture.remediation import lines
from mailposture.core.posture.remediation.advice import advice
from mailposture.core.posture.remediation.drafts import Step, script
from mailposture.core.posture.remediation.narrow import watched
from mailposture.core.posture.remediation.scripts import Check, Script
from mailposture.core.powershell import quoted

RULES = Check(
    command="Get-TransportRule | Format-List Name,State,Mode,SetSCL,SenderIpRanges",
    must="they say what the product read last",
)
FILTERS = Check(
    command="Get-HostedConnectionFilterPolicy | Format-List Name,IPAllowList,EnableSafeList",
    must="it says what the product read last",
)


def filtering(facts: Facts, finding: Finding) -> Script:
    """Waive filtering for approved sources alone."""
    configuration = facts.configuration
    rule = next((r for r in configuration.transport_rules or () if r.guid == finding.subject), None)
    one = next(
        (f for f in configuration.connection_filters or () if f.guid == finding.subject), None
    )
    if finding.rule == "MP-41" and one:
        return _safe_list(facts, one)
    if rule:
        return _rule(facts, rule)
    return _allow_list(facts, one) if one else advice(facts, finding)


def _put(configuration: Configuration, part: str, values: Iterable[object]) -> Configuration:
    status = configuration.part(part) or Part(name=part, status=PartStatus.OK)
    return with_part(configuration, status, tuple(values))


def _rule(facts: Facts, rule: TransportRule) -> Script:
    """Bound to the approved addresses where it names some of them; else turned off."""
    approved = readable(rule.sender_ip_ranges) & facts.everyone_approved
    changed = replace(rule, sender_ip_ranges=approved.cidrs())
    meant = f"-Identity {quoted(rule.guid)}"
    ahead = f"Set-TransportRule {meant} -SenderIpRanges {lines.value(approved.cidrs())}"
    back = f"Set-TransportRule {meant} -SenderIpRanges {lines.value(rule.sender_ip_ranges)}"
    if not approved:
        changed = replace(rule, state="Disabled")
        ahead = f"Disable-TransportRule {meant} -Confirm:$false"
        back = f"Enable-TransportRule {meant}"
    rules = (
        changed if r.guid == rule.guid else r for r in facts.configuration.transport_rules or ()
    )
    step = Step(
        title="filter what others send",
        commands=(ahead,),
        rollback=(back,),
        makes=_put(facts.configuration, "transport_rules", rules),
    )
    return script(
        facts,
        key="filtering",
        title=f"Trust approved sources alone: rule {rule.name}",
        steps=[step],
        domains=watched(facts),
        checks=(RULES,),
    )


def _with(facts: Facts, changed: ConnectionFilter) -> Configuration:
    filters = (
        changed if f.guid == changed.guid else f
        for f in facts.configuration.connection_filters or ()
    )
    return _put(facts.configuration, "connection_filters", filters)


def _allow_list(facts: Facts, one: ConnectionFilter) -> Script:
    """Take out of the allow list every entry that is not approved as a whole."""
    kept = tuple(e for e in one.ip_allow_list if _approved(facts, e))
    gone = tuple(e for e in one.ip_allow_list if e not in kept)
    line = f"Set-HostedConnectionFilterPolicy -Identity {quoted(one.name)} -IPAllowList"
    ways = (f"{line} @{{Remove={lines.value(gone)}}}", f"{line} @{{Add={lines.value(gone)}}}")
    return _filter(facts, one, replace(one, ip_allow_list=kept), ways)


def _approved(facts: Facts, entry: str) -> bool:
    found = readable([entry])
    return bool(found) and found <= facts.everyone_approved


def _safe_list(facts: Facts, one: ConnectionFilter) -> Script:
    line = f"Set-HostedConnectionFilterPolicy -Identity {quoted(one.name)} -EnableSafeList"
    ways = (f"{line} $false", f"{line} $true")
    return _filter(facts, one, replace(one, enable_safe_list=False), ways)


def _filter(
    facts: Facts, one: ConnectionFilter, changed: ConnectionFilter, ways: tuple[str, str]
) -> Script:
    step = Step(
        title="filter what others send",
        commands=ways[:1],
        rollback=ways[1:],
        makes=_with(facts, changed),
    )
    return script(
        facts,
        key="filtering",
        title=f"Trust approved sources alone: connection filter {one.name}",
        steps=[step],
        domains=watched(facts),
        checks=(FILTERS,),
    )


def ipv6(facts: Facts, finding: Finding) -> Script:
    """Take the IPv6 addresses of the endpoint out of DNS, domain by domain."""
    domains = facts.configuration.domains
    if not domains:
        return advice(facts, finding)
    steps = [
        Step(
            title=f"publish {domain} for IPv4 alone",
            commands=(f"Disable-IPv6ForAcceptedDomain -Domain {quoted(domain)}",),
            rollback=(f"Enable-IPv6ForAcceptedDomain -Domain {quoted(domain)}",),
            makes=facts.configuration,
        )
        for domain in domains
    ]
    return script(
        facts,
        key="ipv6",
        title="Publish the endpoint for IPv4 alone",
        steps=steps,
        domains=(),
        checks=(
            Check(
                command=f"Get-IPv6StatusForAcceptedDomain -Domain {quoted(domains[0])}",
                must="it is enabled",
            ),
        ),
        advice=(
            "The gateway then reaches the tenant over IPv4, where its addresses can be listed.",
        ),
    )
