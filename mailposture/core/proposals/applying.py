"""Commands applied to a configuration, one after the other; nothing is ever run."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from mailposture.core import diff
from mailposture.core.configuration import (
    PARTS,
    Configuration,
    ConnectorType,
    InboundConnector,
    Organization,
    Part,
    PartStatus,
    RejectDirectSend,
    with_part,
)
from mailposture.core.powershell import Command, Value
from mailposture.core.proposals.values import FIELDS, ProposalError, stored
from mailposture.core.proposals.warnings import warnings

CONNECTORS: Final = "inbound_connectors"

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
    present, steps, touched = configuration, [], set()
    for command in commands:
        try:
            after, guid = APPLY[command.name](present, command.parameters)
        except ProposalError as problem:
            where = f"{unit} {command.line}: " if command.line else ""
            raise ProposalError(f"{where}{problem}") from None
        steps += _steps(present, after, guid) or [f"{_called(after, guid)} is so already"]
        touched.add(guid)
        present = after
    changed = [c for c in present.inbound_connectors or () if c.guid in touched]
    return Proposal(configuration=present, steps=tuple(steps), warnings=tuple(warnings(changed)))


def with_parts(configuration: Configuration, parts: Configuration) -> Proposal:
    """The configuration with every part that the other one has in the place of its own."""
    present = configuration
    for part in parts.parts:
        present = with_part(present, part, getattr(parts, part.name))
    connectors = parts.inbound_connectors or ()
    return Proposal(
        configuration=present,
        steps=tuple(map(_said, diff.compare(configuration, present))),
        warnings=tuple(warnings(connectors)),
    )


# ---- steps in words ------------------------------------------------------------------------


def _steps(before: Configuration, after: Configuration, guid: str) -> list[str]:
    """What one command changed, also in parts that are not known whole: of the connectors it is
    about one alone.
    """
    return [_said(one) for one in diff.compare(_as_known(before, guid), _as_known(after, guid))]


def _said(one: diff.Difference) -> str:
    """The sentence, and of which object's field it speaks."""
    is_of_many = one.field and one.part != "organization"
    return f"{one.subject}: {one.sentence}" if is_of_many else one.sentence


def _as_known(configuration: Configuration, guid: str) -> Configuration:
    ok = [Part(name=name, status=PartStatus.OK) for name in PARTS]
    organization = configuration.organization or _UNREAD
    return Configuration(
        parts=tuple(ok),
        inbound_connectors=tuple(c for c in _connectors(configuration) if c.guid == guid),
        organization=organization,
    )


_UNREAD: Final = Organization(name="", reject_direct_send=RejectDirectSend.UNKNOWN)


def _called(configuration: Configuration, guid: str) -> str:
    names = (c.name for c in configuration.inbound_connectors or () if c.guid == guid)
    return next(names, "RejectDirectSend")


# ---- the four commands ---------------------------------------------------------------------

type Applied = tuple[Configuration, str]  # and the guid of the connector it was about


def _new(configuration: Configuration, parameters: Mapping[str, Value]) -> Applied:
    name = str(parameters.get("name") or "").strip()
    if not name:
        raise ProposalError("New-InboundConnector asks for a Name")
    if not parameters.get("senderdomains"):
        raise ProposalError("New-InboundConnector asks for SenderDomains")
    if _named(configuration, name):
        raise ProposalError(f"there is an inbound connector {name!r} already")
    guid = str(parameters.get("guid") or f"proposed: {name.lower()}")
    blank = InboundConnector(guid=guid, name="", sender_domains=(), **DEFAULTS)
    made = _changed(blank, parameters)
    return _with(configuration, (*_connectors(configuration), made)), made.guid


def _set(configuration: Configuration, parameters: Mapping[str, Value]) -> Applied:
    was = found(configuration, parameters.get("identity"))
    changed = _changed(was, parameters)
    other = _named(configuration, changed.name)
    if other and other.guid != was.guid:
        raise ProposalError(f"there is an inbound connector {changed.name!r} already")
    kept = (changed if c.guid == was.guid else c for c in _connectors(configuration))
    return _with(configuration, tuple(kept)), was.guid


def _remove(configuration: Configuration, parameters: Mapping[str, Value]) -> Applied:
    was = found(configuration, parameters.get("identity"))
    kept = tuple(c for c in _connectors(configuration) if c.guid != was.guid)
    return _with(configuration, kept), was.guid


def _organization(configuration: Configuration, parameters: Mapping[str, Value]) -> Applied:
    given = parameters.get("rejectdirectsend")
    if not isinstance(given, bool):
        raise ProposalError("RejectDirectSend is true or false")
    setting = RejectDirectSend.ON if given else RejectDirectSend.OFF
    was = configuration.organization or _UNREAD
    return _put(configuration, "organization", replace(was, reject_direct_send=setting)), ""


type Apply = Callable[[Configuration, Mapping[str, Value]], Applied]

APPLY: Final[Mapping[str, Apply]] = {
    "New-InboundConnector": _new,
    "Set-InboundConnector": _set,
    "Remove-InboundConnector": _remove,
    "Set-OrganizationConfig": _organization,
}


# ---- connectors by name --------------------------------------------------------------------


def _connectors(configuration: Configuration) -> tuple[InboundConnector, ...]:
    return configuration.inbound_connectors or ()


def _named(configuration: Configuration, name: str) -> InboundConnector | None:
    """The connector of this name or Guid: case means nothing to Exchange."""
    asked = name.strip().lower()
    both = [c for c in _connectors(configuration) if asked in (c.guid.lower(), c.name.lower())]
    return both[0] if both else None


def found(configuration: Configuration, identity: Value) -> InboundConnector:
    """The connector that is meant; a ProposalError where there is none."""
    name = str(identity or "").strip()
    if not name:
        raise ProposalError("which connector: its Identity is missing")
    if there := _named(configuration, name):
        return there
    if not configuration.knows(CONNECTORS):
        raise ProposalError(f"no connector {name!r} was read, and not all were")
    others = ", ".join(repr(c.name) for c in _connectors(configuration)[:8])
    raise ProposalError(f"no inbound connector is called {name!r}. There is {others or 'none'}")


def _changed(was: InboundConnector, parameters: Mapping[str, Value]) -> InboundConnector:
    given = {}
    for name, value in parameters.items():
        field = FIELDS.get(name)
        if field is None:
            if name in ("identity", "guid"):
                continue
            raise ProposalError(f"an inbound connector has no {name!r}")
        given[field] = stored(field, value, getattr(was, field))
    return replace(was, **given)


def _with(configuration: Configuration, connectors: tuple[InboundConnector, ...]) -> Configuration:
    return _put(configuration, CONNECTORS, connectors)


def _put(configuration: Configuration, name: str, value: Any) -> Configuration:
    """The part with its new value; what was not known of it stays unknown."""
    part = configuration.part(name)
    if not configuration.knows(name) and (part is None or part.is_known):
        missing = ("what was not read",)
        part = Part(name=name, status=PartStatus.INCOMPLETE, missing=missing)
    return with_part(configuration, part or Part(name=name, status=PartStatus.OK), value)
