"""The script that brings a tenant from its configuration to a proposed one, in stages.

What is new is made turned off and turned on by a step of its own; what goes is turned off before
it is removed, so that every step can be taken back by one line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from itertools import batched
from typing import Any, Final

from mailposture.core import diff
from mailposture.core.configuration import (
    Configuration,
    InboundConnector,
    RejectDirectSend,
    is_compared,
)
from mailposture.core.posture.facts import Facts
from mailposture.core.posture.remediation import lines
from mailposture.core.posture.remediation.drafts import AS_READ, WHO_ELSE, Step, script
from mailposture.core.posture.remediation.proposed_beside import beside
from mailposture.core.posture.remediation.scripts import Script

# What a command cannot be given, what it says by itself, and the name, which has a step of its own.
_NEVER_GIVEN: Final = frozenset(
    {
        "guid",
        "name",
        "connector_source",
        "ef_test_mode",
        "ef_skip_mail_gateway",
        "scan_and_drop_recipients",
    }
)
# What a new connector is anyhow (New-InboundConnector), so that saying it would say nothing.
_BY_DEFAULT: Final = {
    "cloud_services_mail_enabled": False,
    "treat_messages_as_internal": False,
    "ef_skip_last_ip": False,
    "restrict_domains_to_ip_addresses": False,
    "restrict_domains_to_certificate": False,
}
MOST_DOMAINS: Final = 3
MOST_STAGES: Final = 30  # each is worked out for every domain
NEVER_SET: Final = "It was not seen to be set: the way back says $false, which is the default."
MOST_LEFT: Final = 12
NOT_STAGED: Final = "Not in these stages, since only part of it is read here:"


def proposed(facts: Facts, after: Configuration) -> Script:
    """The script from the present configuration to this one."""
    before = facts.configuration
    renaming, before = _renamed(before, after)
    steps = [
        *renaming,
        *_made(before, after),
        *_edited(before, after),
        *_turned_on(before, after),
        *_removed(before, after),
        *_direct_send(before, after),
        *beside(before, after),
    ]
    found = script(
        facts,
        key="proposed",
        title="The proposed change",
        steps=steps,
        domains=after.domains[:MOST_DOMAINS],
        checks=(AS_READ, WHO_ELSE),
    )
    return replace(found, advice=(*found.advice, *_left_out(found.makes or before, after)))


def _left_out(made: Configuration, after: Configuration) -> Iterator[str]:
    """What the proposal changes beside the connectors, and no stage does."""
    left = [one for one in diff.compare(made, after) if one.part != "inbound_connectors"]
    for one in left[:MOST_LEFT]:
        yield f"{NOT_STAGED} {one.sentence}."
    if len(left) > MOST_LEFT:
        yield f"{NOT_STAGED} {len(left) - MOST_LEFT:,} more differences."


def _by_guid(of: Configuration) -> dict[str, InboundConnector]:
    return {connector.guid: connector for connector in of.inbound_connectors or ()}


def _new(before: Configuration, after: Configuration) -> list[InboundConnector]:
    known = _by_guid(before)
    return [c for guid, c in _by_guid(after).items() if guid not in known]


def _given(connector: InboundConnector) -> dict[str, Any]:
    """The fields that a new connector is made with; what was not said is left to Exchange."""
    held = {f.name: getattr(connector, f.name) for f in fields(connector) if _may_be_given(f)}
    said = {
        name: value
        for name, value in held.items()
        if value not in (None, ()) and value is not _BY_DEFAULT.get(name)
    }
    return said | {"enabled": False}


def _may_be_given(field: Any) -> bool:
    return is_compared(field) and field.name not in _NEVER_GIVEN


def _renamed(before: Configuration, after: Configuration) -> tuple[list[Step], Configuration]:
    """The step that gives connectors their new names, if any, and the configuration with these.

    It comes first, so that every later command calls a connector by what it is called then.
    """
    wanted = {guid: c.name for guid, c in _by_guid(after).items()}
    waiting = [c for c in before.inbound_connectors or () if wanted.get(c.guid, c.name) != c.name]
    ahead, back = [], []
    titles = [f"rename {one.name}" for one in waiting]
    while waiting:
        one = _next(before, waiting, wanted)
        waiting.remove(one)
        named = lines.identity(before, one)
        new = replace(one, name=wanted[one.guid])
        held = (new if c.guid == one.guid else c for c in before.inbound_connectors or ())
        before = replace(before, inbound_connectors=tuple(held))
        ahead.append(lines.set_line(named, {"name": new.name}))
        back.append(lines.set_line(lines.identity(before, new), {"name": one.name}))
    if not ahead:
        return [], before
    step = Step(
        title=titles[0] if len(titles) == 1 else "rename them",
        note="Changes nothing but names.",
        commands=tuple(ahead),
        rollback=tuple(reversed(back)),
    )
    return [step], before


def _next(
    present: Configuration, waiting: list[InboundConnector], wanted: dict[str, str]
) -> InboundConnector:
    """Whose new name nobody else bears; of names that go in a ring any, and it is refused then."""
    borne = {c.name.strip().lower(): c.guid for c in present.inbound_connectors or ()}
    free = (c for c in waiting if borne.get(wanted[c.guid].strip().lower(), c.guid) == c.guid)
    return next(free, waiting[0])


def _made(before: Configuration, after: Configuration) -> Iterator[Step]:
    new = _new(before, after)
    if new:
        yield Step(
            title="create it, turned off" if len(new) == 1 else "create them, turned off",
            note="Changes nothing yet.",
            commands=tuple(lines.new_line(c.name, _given(c)) for c in new),
            rollback=tuple(lines.remove_line(c.name) for c in new),
        )


def _edited(before: Configuration, after: Configuration) -> Iterator[Step]:
    """Each connector that is there before and after, with the fields that differ."""
    known = _by_guid(before)
    found = []
    for guid, connector in _by_guid(after).items():
        old = known.get(guid)
        changed = _differing(old, connector) if old else {}
        if old and changed:
            named = lines.identity(before, old)
            ways = lines.set_line(named, changed), lines.back_line(named, old, changed)
            found.append((old.name, *ways))
    yield from _together("change {}", "", found)


def _together(title: str, note: str, each: Sequence[tuple[str, str, str]]) -> Iterator[Step]:
    """A step for each connector, its line and its way back; of very many, several in a step."""
    size = max(1, -(-len(each) // MOST_STAGES))
    for some in batched(each, size):
        more = f" and {len(some) - 1} more" if len(some) > 1 else ""
        yield Step(
            title=title.format(some[0][0] + more),
            note=note,
            commands=tuple(ahead for _, ahead, _ in some),
            rollback=tuple(back for *_, back in reversed(some)),
        )


def _differing(old: InboundConnector, new: InboundConnector) -> dict[str, Any]:
    return {
        f.name: getattr(new, f.name)
        for f in fields(new)
        if _may_be_given(f) and getattr(new, f.name) != getattr(old, f.name)
    }


def _turned_on(before: Configuration, after: Configuration) -> Iterator[Step]:
    new = [c for c in _new(before, after) if c.enabled]
    if new:
        yield Step(
            title="turn it on" if len(new) == 1 else "turn them on",
            note="May take 30 min to reach every front end.",
            commands=tuple(lines.set_line(c.name, {"enabled": True}) for c in new),
            rollback=tuple(lines.set_line(c.name, {"enabled": False}) for c in new),
        )


def _removed(before: Configuration, after: Configuration) -> Iterator[Step]:
    kept = _by_guid(after)
    gone = [c for guid, c in _by_guid(before).items() if guid not in kept]
    named = {c.guid: lines.identity(before, c) for c in gone}
    off = [
        (
            c.name,
            lines.set_line(named[c.guid], {"enabled": False}),
            lines.set_line(named[c.guid], {"enabled": True}),
        )
        for c in gone
        if c.enabled
    ]
    made = [
        (c.name, lines.remove_line(named[c.guid]), lines.new_line(c.name, _given(c))) for c in gone
    ]
    yield from _together("turn {} off", "", off)
    yield from _together("remove {}", "Once nobody has missed it for a while.", made)


def _direct_send(before: Configuration, after: Configuration) -> Iterator[Step]:
    old, new = _setting(before), _setting(after)
    if new is not old and new in (RejectDirectSend.ON, RejectDirectSend.OFF):
        way, back = ("$true", "$false") if new is RejectDirectSend.ON else ("$false", "$true")
        yield Step(
            title="refuse Direct Send" if new is RejectDirectSend.ON else "allow Direct Send",
            note="" if old in (RejectDirectSend.ON, RejectDirectSend.OFF) else NEVER_SET,
            commands=(f"{lines.DIRECT_SEND}{way}",),
            rollback=(f"{lines.DIRECT_SEND}{back}",),
        )


def _setting(of: Configuration) -> RejectDirectSend | None:
    return of.organization.reject_direct_send if of.organization else None
