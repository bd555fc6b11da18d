"""Commands applied to a configuration, one after the other; nothing is ever run."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mailposture.core import diff
from mailposture.core.configuration import (
    Configuration,
    ConnectorType,
    InboundConnector,
    Part,
    PartStatus,
    with_part,
)
from mailposture.core.powershell import Command
from mailposture.core.proposals import beside, parts
from mailposture.core.proposals.parts import CONNECTORS, Applied
from mailposture.core.proposals.values import ProposalError
from mailposture.core.proposals.warnings import LACKS, minded, warnings
from mailposture.core.words import wire

LONGEST_HELD: Final = 400
# What New-InboundConnector takes where nothing is said. ConnectorType has no documented default:
# the admin centre and the cmdlet make Partner connectors.
DEFAULTS: Final[Mapping[str, Any]] = {
    "enabled": True,
    "connector_type": ConnectorType.PARTNER,
    "sender_ip_addresses": (),
    "restrict_domains_to_ip_addresses": False,
    "restrict_domains_to_certificate": False,
    "require_tls": True,
    "tls_sender_certificate_name": None,
    "associated_accepted_domains": (),
    "connector_source": "Default",
    "cloud_services_mail_enabled": False,
    "treat_messages_as_internal": False,
    "ef_skip_last_ip": False,
    "ef_test_mode": False,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """The configuration after the commands; each step in a sentence; and what to mind.

    Parts that were not known before are not known after.
    """

    configuration: Configuration
    steps: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def propose(
    configuration: Configuration, commands: Iterable[Command], *, unit: str = "line"
) -> Proposal:
    """What these commands would make of the configuration.

    Raises ProposalError, with the line (or what else `unit` numbers) that cannot be.
    """
    present, told, steps, touched = configuration, list(commands), [], set()
    for command in told:
        try:
            after, part, key = APPLY[command.name](present, command)
        except ProposalError as problem:
            where = f"{unit} {command.line}: " if command.line else ""
            raise ProposalError(f"{where}{problem}") from None
        steps += _steps(present, after, part, key) or [_nothing(command, after, part, key)]
        if part == CONNECTORS:
            touched.add(key)
        present = after
    changed = [c for c in present.inbound_connectors or () if c.guid in touched]
    said = (*warnings(changed, present), *minded(told, unit))
    return Proposal(configuration=present, steps=tuple(steps), warnings=said)


def with_parts(configuration: Configuration, whole: Configuration) -> Proposal:
    """The configuration with every part that the other one has in the place of its own.

    Raises ProposalError for a part that is not there whole: what it lacks would be taken for
    removed. One of which fields lack is put in place, and named.
    """
    present = configuration
    for part in whole.parts:
        held = getattr(whole, part.name)
        if held is None or part.status not in (PartStatus.OK, PartStatus.INCOMPLETE):
            raise ProposalError(
                f"{part.name.replace('_', ' ')}: {part.status}. What takes the place of a part must"
                " be there whole"
            )
        present = with_part(present, part, held)
    lacking = [LACKS.format(part.name.replace("_", " ")) for part in whole.parts if part.missing]
    return Proposal(
        configuration=present,
        steps=tuple(map(_said, diff.compare(configuration, present))),
        warnings=(*warnings(whole.inbound_connectors or (), present), *lacking),
    )


# ---- steps in words ------------------------------------------------------------------------


def _steps(before: Configuration, after: Configuration, part: str, key: str) -> list[str]:
    """What one command changed, also in parts that are not known whole: of the object it is about
    alone.
    """
    if not part:
        return []
    sides = (_as_known(side, part, key) for side in (before, after))
    return [_said(one) for one in diff.compare(*sides)]


def _said(one: diff.Difference) -> str:
    """The sentence, and of which object's field it speaks; of a new object all that it holds, since
    much of that is what the cmdlet gives where nothing is said.
    """
    if one.kind == "added" and one.after:
        held = one.after.removeprefix(f"Guid: {one.guid}; ")
        more = "…" if len(held) > LONGEST_HELD else ""
        return f"{one.sentence}. {held[:LONGEST_HELD]}{more}"
    is_of_many = one.field and one.part != "organization"
    return f"{one.subject}: {one.sentence}" if is_of_many else one.sentence


def _as_known(configuration: Configuration, part: str, key: str) -> Configuration:
    """The one object alone, in a part that is known: what else is there does not matter."""
    ok = Part(name=part, status=PartStatus.OK)
    if part == parts.ORGANIZATION:
        held: Any = configuration.organization or parts.UNREAD
    else:
        held = tuple(o for o in parts.held(configuration, part) if parts.key_of(o) == key)
    return with_part(Configuration(), ok, held)


def _nothing(command: Command, after: Configuration, part: str, key: str) -> str:
    """What is said where a command moves nothing."""
    says_nothing = command.unread and not command.parameters.keys() - {"identity"}
    if says_nothing or not part:
        return f"{command.name} changes nothing that is read here"
    if part == parts.ORGANIZATION:
        return "RejectDirectSend is so already" if _direct(command) else "It is so already"
    names = (parts.name_of(o) for o in parts.held(after, part) if parts.key_of(o) == key)
    return f"{next(names, wire(key))} is so already"


def _direct(command: Command) -> bool:
    return set(command.parameters) == {"rejectdirectsend"}


# ---- the commands --------------------------------------------------------------------------


def _new(configuration: Configuration, command: Command) -> Applied:
    parameters = command.parameters
    name = str(parameters.get("name") or "").strip()
    if not name:
        raise ProposalError("New-InboundConnector asks for a Name")
    if not parameters.get("senderdomains"):
        raise ProposalError("New-InboundConnector asks for SenderDomains")
    parts.free(configuration, CONNECTORS, name)
    guid = str(parameters.get("guid") or f"proposed: {name.lower()}")
    blank = InboundConnector(guid=guid, name="", sender_domains=(), **DEFAULTS)
    return parts.with_one(configuration, CONNECTORS, parts.changed(blank, CONNECTORS, command))


def _set(configuration: Configuration, command: Command) -> Applied:
    was = parts.found(configuration, CONNECTORS, command.parameters.get("identity"))
    changed = parts.changed(was, CONNECTORS, command)
    parts.free(configuration, CONNECTORS, changed.name, but=was.guid)
    return parts.with_one(configuration, CONNECTORS, changed)


type Apply = Callable[[Configuration, Command], Applied]

APPLY: Final[Mapping[str, Apply]] = {
    "New-InboundConnector": _new,
    "Set-InboundConnector": _set,
    "Remove-InboundConnector": beside.removed(CONNECTORS),
    "Set-OrganizationConfig": beside.organization,
    "New-TransportRule": beside.new_rule,
    "Set-TransportRule": beside.set_rule,
    "Enable-TransportRule": beside.enable_rule,
    "Disable-TransportRule": beside.disable_rule,
    "Remove-TransportRule": beside.removed(parts.RULES),
    "Set-HostedConnectionFilterPolicy": beside.set_filter,
    "New-AcceptedDomain": beside.new_domain,
    "Set-AcceptedDomain": beside.set_domain,
    "Remove-AcceptedDomain": beside.removed(parts.DOMAINS),
    "Set-RemoteDomain": beside.nothing,
    "Enable-IPv6ForAcceptedDomain": beside.nothing,
    "Disable-IPv6ForAcceptedDomain": beside.nothing,
}
