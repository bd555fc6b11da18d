"""The steps of a proposed change beside the connectors: rules, filters, domains, organisation.

Only what is read can be written. What cannot is named by whoever asks: nothing is left out
without a word.
"""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any, Final

from mailposture.core.configuration import Configuration, TransportRule, is_compared
from mailposture.core.posture.remediation import lines
from mailposture.core.posture.remediation.drafts import Step
from mailposture.core.powershell import quoted

# What no command is given, or what has a step of its own.
_OF_RULE: Final = frozenset(
    {
        *("guid", "state", "conditions", "exceptions", "description", "activation_date"),
        *("expiry_date", "name", "actions"),
    }
)
_OF_FILTER: Final = ("ip_allow_list", "ip_block_list", "enable_safe_list")
_OF_DOMAIN: Final = ("domain_type", "match_sub_domains", "outbound_only")
_OF_ORGANIZATION: Final = (
    *("send_from_alias_enabled", "mask_client_ip_in_received_headers_enabled"),
    *("ip_list_blocked", "audit_disabled"),
)
AT_ONCE: Final = "Acts on mail that was taken; the door answers as before."
NOT_KNOWN: Final = "What it was is not known, so that no line takes it back."
KEEP_IT: Final = (
    "Only part of a rule is read here, so that no line brings it back: keep what"
    " Export-TransportRuleCollection writes."
)


def beside(before: Configuration, after: Configuration) -> Iterator[Step]:
    """Every step that can be written, in an order in which each can be taken."""
    yield from _rules(before, after)
    for old, new in _pairs(before.connection_filters, after.connection_filters, "guid"):
        yield from _set("Set-HostedConnectionFilterPolicy", old.name, old, new, _OF_FILTER)
    for old, new in _pairs(before.accepted_domains, after.accepted_domains, "domain_name"):
        yield from _set("Set-AcceptedDomain", old.domain_name, old, new, _OF_DOMAIN)
    if before.organization and after.organization:
        pair = (before.organization, after.organization)
        yield from _set("Set-OrganizationConfig", "", *pair, _OF_ORGANIZATION)


def _pairs(old: Any, new: Any, key: str) -> Iterator[tuple[Any, Any]]:
    """What is there before and after."""
    held = {getattr(one, key): one for one in old or ()}
    for one in new or ():
        if getattr(one, key) in held:
            yield held[getattr(one, key)], one


def _set(command: str, called: str, old: Any, new: Any, names: Any) -> Iterator[Step]:
    """The line that gives an object its new values, and the one that gives it the old ones."""
    moved = [n for n in names if getattr(old, n) != getattr(new, n)]
    if not moved:
        return
    identity = f" -Identity {quoted(called)}" if called else ""
    ahead, back = ({n: getattr(side, n) for n in moved} for side in (new, old))
    # A switch that nobody read cannot be put back: it takes no $null.
    blind = any(back[n] is None and isinstance(ahead[n], bool) for n in moved)
    yield Step(
        title=f"change {called}" if called else "change the organisation's settings",
        note=NOT_KNOWN if blind else AT_ONCE,
        commands=(f"{command}{identity} {lines.parameters(ahead)}",),
        rollback=() if blind else (f"{command}{identity} {lines.parameters(back)}",),
    )


# ---- mail-flow rules -----------------------------------------------------------------------


def _rules(before: Configuration, after: Configuration) -> Iterator[Step]:
    known = {rule.guid: rule for rule in before.transport_rules or ()}
    kept = {rule.guid for rule in after.transport_rules or ()}
    for rule in after.transport_rules or ():
        if rule.guid not in known:
            yield from _made(rule)
        elif rule != known[rule.guid]:
            yield from _edited(known[rule.guid], rule)
    for guid, rule in known.items():
        if guid not in kept:
            yield from _gone(rule)


def _made(rule: TransportRule) -> Iterator[Step]:
    """A new rule, turned off; none where it asks what is not read: it would be about all mail."""
    if rule.conditions or rule.exceptions:
        return
    said = {n: v for n in _of_rule() if (v := getattr(rule, n)) not in (None, ())}
    yield Step(
        title=f"create rule {rule.name}, turned off",
        note="Changes nothing yet.",
        commands=(
            f"New-TransportRule -Name {quoted(rule.name)} {lines.parameters(said)} -Enabled $false",
        ),
        rollback=(f"Remove-TransportRule -Identity {quoted(rule.name)} -Confirm:$false",),
    )
    if rule.state == "Enabled":
        yield _turned(rule.name, rule.name, on=True)


def _edited(old: TransportRule, new: TransportRule) -> Iterator[Step]:
    if old.name != new.name:
        ahead, back = (
            f"Set-TransportRule -Identity {quoted(old.guid)} -Name {quoted(one.name)}"
            for one in (new, old)
        )
        yield Step(
            title=f"rename rule {old.name}",
            note="Changes nothing but the name.",
            commands=(ahead,),
            rollback=(back,),
        )
    for step in _set("Set-TransportRule", old.guid, old, new, _of_rule()):
        yield Step(
            title=f"change rule {new.name}",
            note=step.note,
            commands=step.commands,
            rollback=step.rollback,
        )
    if old.state != new.state:
        yield _turned(new.name, old.guid, on=new.state == "Enabled")


def _gone(rule: TransportRule) -> Iterator[Step]:
    if rule.state == "Enabled":
        yield _turned(rule.name, rule.guid, on=False)
    yield Step(
        title=f"remove rule {rule.name}",
        note=KEEP_IT,
        commands=(f"Remove-TransportRule -Identity {quoted(rule.guid)} -Confirm:$false",),
        rollback=(),
    )


def _turned(name: str, identity: str, *, on: bool) -> Step:
    ahead, back = ("Enable", "Disable") if on else ("Disable", "Enable")
    sure = {"Disable": " -Confirm:$false", "Enable": ""}
    return Step(
        title=f"turn rule {name} {'on' if on else 'off'}",
        note=AT_ONCE,
        commands=(f"{ahead}-TransportRule -Identity {quoted(identity)}{sure[ahead]}",),
        rollback=(f"{back}-TransportRule -Identity {quoted(identity)}{sure[back]}",),
    )


def _of_rule() -> list[str]:
    return [f.name for f in fields(TransportRule) if is_compared(f) and f.name not in _OF_RULE]
