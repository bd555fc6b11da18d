"""Parts of a configuration put in place, and the objects in them found by name."""

from dataclasses import fields, replace
from typing import Any, Final, NamedTuple

from mailposture.core.configuration import (
    AcceptedDomain,
    Configuration,
    ConnectionFilter,
    InboundConnector,
    Organization,
    Part,
    PartStatus,
    RejectDirectSend,
    TransportRule,
    exchange_name,
    with_part,
)
from mailposture.core.powershell import Command, Value
from mailposture.core.proposals.values import NOT_GIVEN, ProposalError, shown, stored

CONNECTORS: Final = "inbound_connectors"
RULES: Final = "transport_rules"
FILTERS: Final = "connection_filters"
DOMAINS: Final = "accepted_domains"
ORGANIZATION: Final = "organization"

NOUNS: Final = {
    CONNECTORS: "an inbound connector",
    RULES: "a mail-flow rule",
    FILTERS: "a connection filter policy",
    DOMAINS: "an accepted domain",
    ORGANIZATION: "the organisation",
}
UNREAD: Final = Organization(name="", reject_direct_send=RejectDirectSend.UNKNOWN)


class Applied(NamedTuple):
    """The configuration after a command, and what it was about: the part, and the object's key."""

    configuration: Configuration
    part: str = ""
    key: str = ""


def key_of(one: Any) -> str:
    """What tells an object from the others of its part."""
    return str(one.domain_name if isinstance(one, AcceptedDomain) else one.guid)


def name_of(one: Any) -> str:
    """What people call it."""
    return str(one.domain_name if isinstance(one, AcceptedDomain) else one.name)


def held(configuration: Configuration, part: str) -> tuple[Any, ...]:
    """The objects of a part, as far as they are known."""
    return getattr(configuration, part) or ()


def named(configuration: Configuration, part: str, name: str) -> Any | None:
    """The object of this name or Guid: case means nothing to Exchange."""
    asked = name.strip().lower()
    for one in held(configuration, part):
        if asked in (str(one.guid or "").lower(), name_of(one).lower()):
            return one
    return None


def found(configuration: Configuration, part: str, identity: Value) -> Any:
    """The object that is meant; a ProposalError where there is none."""
    noun, name = NOUNS[part].partition(" ")[2], str(identity or "").strip()
    if not name:
        which = noun.removeprefix("inbound ")
        raise ProposalError(f"which {which}: its Identity is missing")
    if there := named(configuration, part, name):
        return there
    if not configuration.knows(part):
        which = noun.removeprefix("inbound ")
        raise ProposalError(f"no {which} {shown(name)} was read, and not all were")
    others = ", ".join(shown(name_of(one)) for one in held(configuration, part)[:8])
    raise ProposalError(f"no {noun} is called {shown(name)}. There is {others or 'none'}")


def free(configuration: Configuration, part: str, name: str, but: str = "") -> None:
    """Refuse a name that another object of the part bears already."""
    other = named(configuration, part, name)
    if other and key_of(other) != but:
        noun = NOUNS[part]
        raise ProposalError(f"there is {noun} {shown(name)} already")


def changed(was: Any, part: str, command: Command, *, but: frozenset[str] = frozenset()) -> Any:
    """The object with every field that the command gives, but for the parameters named."""
    return given(was, part, {n: v for n, v in command.parameters.items() if n not in but})


def given(was: Any, part: str, parameters: Any) -> Any:
    """The object with these parameters, by their lower-case names."""
    known = _fields_of(type(was))
    new = {}
    for name, value in parameters.items():
        field = known.get(name)
        if field is None:
            if name in ("identity", "guid"):
                continue
            raise ProposalError(f"{NOUNS[part]} has no {shown(name)}")
        new[field] = stored(field, value, getattr(was, field), type(was))
    return replace(was, **new)


def _fields_of(value_type: Any) -> dict[str, str]:
    return FIELDS_OF[value_type]


FIELDS_OF: Final[dict[Any, dict[str, str]]] = {
    one: {exchange_name(f.name).lower(): f.name for f in fields(one) if f.name not in NOT_GIVEN}
    for one in (InboundConnector, TransportRule, ConnectionFilter, AcceptedDomain, Organization)
}


def with_one(configuration: Configuration, part: str, one: Any) -> Applied:
    """The configuration with this object in the place of the one with its key, or added."""
    others, key = held(configuration, part), key_of(one)
    if any(key_of(other) == key for other in others):
        kept = tuple(one if key_of(other) == key else other for other in others)
    else:
        kept = (*others, one)
    return Applied(put(configuration, part, kept), part, key)


def without(configuration: Configuration, part: str, one: Any) -> Applied:
    """The configuration without this object."""
    key = key_of(one)
    kept = tuple(other for other in held(configuration, part) if key_of(other) != key)
    return Applied(put(configuration, part, kept), part, key)


def put(configuration: Configuration, name: str, value: Any) -> Configuration:
    """The part with its new value; what was not known of it stays unknown."""
    part = configuration.part(name)
    if not configuration.knows(name) and (part is None or part.is_known):
        missing = ("what was not read",)
        part = Part(name=name, status=PartStatus.INCOMPLETE, missing=missing)
    return with_part(configuration, part or Part(name=name, status=PartStatus.OK), value)
