"""Commands about what stands beside the connectors: rules, filters, domains, the organisation."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from mailposture.core.configuration import AcceptedDomain, Configuration, TransportRule
from mailposture.core.hosts import is_name, plain
from mailposture.core.powershell import Command, Value, limits
from mailposture.core.proposals import parts
from mailposture.core.proposals.parts import DOMAINS, FILTERS, ORGANIZATION, RULES, Applied
from mailposture.core.proposals.values import ProposalError

EXCEPT: Final = "exceptif"


def organization(configuration: Configuration, command: Command) -> Applied:
    """Set-OrganizationConfig."""
    was = configuration.organization or parts.UNREAD
    if not command.parameters:
        return Applied(configuration, ORGANIZATION)
    after = parts.changed(was, ORGANIZATION, command)
    return Applied(parts.put(configuration, ORGANIZATION, after), ORGANIZATION)


# ---- mail-flow rules -----------------------------------------------------------------------


def new_rule(configuration: Configuration, command: Command) -> Applied:
    """New-TransportRule: enforced and turned on, where nothing else is said."""
    name = str(command.parameters.get("name") or "").strip()
    if not name:
        raise ProposalError("New-TransportRule asks for a Name")
    parts.free(configuration, RULES, name)
    blank = TransportRule(
        guid=f"proposed: {name.lower()}",
        name="",
        state="Disabled" if command.parameters.get("enabled") is False else "Enabled",
        mode="Enforce",
        priority=len(parts.held(configuration, RULES)),
    )
    made = parts.changed(blank, RULES, command, but=frozenset({"enabled"}))
    return parts.with_one(configuration, RULES, _limited(made, command.unread))


def set_rule(configuration: Configuration, command: Command) -> Applied:
    """Set-TransportRule."""
    was = parts.found(configuration, RULES, command.parameters.get("identity"))
    made = parts.changed(was, RULES, command)
    parts.free(configuration, RULES, made.name, but=was.guid)
    return parts.with_one(configuration, RULES, _limited(made, command.unread))


def _limited(rule: TransportRule, unread: Mapping[str, Value]) -> TransportRule:
    """The rule with the conditions that nothing here reads, by name: it acts perhaps."""
    said = [name for name, value in unread.items() if limits(name) and value not in (None, ())]
    exceptions = [name for name in said if name.lower().startswith(EXCEPT)]
    return replace(
        rule,
        conditions=_more(rule.conditions, (n for n in said if n not in exceptions)),
        exceptions=_more(rule.exceptions, exceptions),
    )


def _more(there: tuple[str, ...], names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*there, *names}))


def _turned(state: str) -> Callable[[Configuration, Command], Applied]:
    def apply(configuration: Configuration, command: Command) -> Applied:
        was = parts.found(configuration, RULES, command.parameters.get("identity"))
        return parts.with_one(configuration, RULES, replace(was, state=state))

    return apply


enable_rule: Final = _turned("Enabled")
disable_rule: Final = _turned("Disabled")


# ---- connection filters, accepted domains --------------------------------------------------


def set_filter(configuration: Configuration, command: Command) -> Applied:
    """Set-HostedConnectionFilterPolicy."""
    was = parts.found(configuration, FILTERS, command.parameters.get("identity"))
    return parts.with_one(configuration, FILTERS, parts.changed(was, FILTERS, command))


def new_domain(configuration: Configuration, command: Command) -> Applied:
    """New-AcceptedDomain."""
    name = str(command.parameters.get("domainname") or "").strip()
    if not is_name(name):
        raise ProposalError(
            "New-AcceptedDomain asks for a DomainName such as contoso.com; its subdomains are taken"
            " by Set-AcceptedDomain -MatchSubDomains $true"
        )
    found = plain(name)
    parts.free(configuration, DOMAINS, found)
    blank = AcceptedDomain(domain_name=found, domain_type="Authoritative", match_sub_domains=False)
    made = parts.changed(blank, DOMAINS, command, but=frozenset({"domainname"}))
    return parts.with_one(configuration, DOMAINS, made)


def set_domain(configuration: Configuration, command: Command) -> Applied:
    """Set-AcceptedDomain."""
    was = parts.found(configuration, DOMAINS, command.parameters.get("identity"))
    return parts.with_one(configuration, DOMAINS, parts.changed(was, DOMAINS, command))


def removed(part: str) -> Callable[[Configuration, Command], Applied]:
    """Remove-TransportRule, Remove-AcceptedDomain."""

    def apply(configuration: Configuration, command: Command) -> Applied:
        was = parts.found(configuration, part, command.parameters.get("identity"))
        return parts.without(configuration, part, was)

    return apply


def nothing(configuration: Configuration, _: Command) -> Applied:
    """A command about what nothing here reads."""
    return Applied(configuration)
