"""A proposal as JSON: connectors with Exchange's field names, edited or made anew."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from mailposture.core.configuration import Configuration, InboundConnector
from mailposture.core.powershell import Command, Edit, Value
from mailposture.core.proposals.applying import Proposal, propose
from mailposture.core.proposals.parts import FIELDS_OF
from mailposture.core.proposals.values import ProposalError, shown

# What Get-InboundConnector shows and no command sets; it may stand in a proposal and is not read.
READ_ONLY: Final = frozenset(
    {
        "admindisplayname",
        "distinguishedname",
        "exchangeversion",
        "isvalid",
        "namehashguid",
        "objectcategory",
        "objectclass",
        "objectstate",
        "organizationalunitroot",
        "organizationalunitrootinternal",
        "organizationid",
        "originatingserver",
        "runspaceid",
        "pscomputername",
        "psshowcomputername",
        "whenchanged",
        "whenchangedutc",
        "whencreated",
        "whencreatedutc",
    }
)
FIELDS: Final = FIELDS_OF[InboundConnector]
IDENTITIES: Final = ("guid", "exchangeobjectid", "identity", "id", "name")
DIRECT_SEND: Final = "rejectdirectsend"


def propose_documents(configuration: Configuration, documents: Iterable[Any]) -> Proposal:
    """What these JSON objects would make of the configuration.

    An object that names a connector by Name, Identity or Guid edits it with the fields it has; an
    unknown name is a new connector; {"Remove": true} takes one away; {"RejectDirectSend": ...} is
    the organisation's setting. Raises ProposalError, with the number of the object.
    """
    commands, seen = [], set()
    for number, document in enumerate(documents, 1):
        try:
            command, about = _command(configuration, document, number)
        except ProposalError as problem:
            raise ProposalError(f"object {number}: {problem}") from None
        if about in seen:
            raise ProposalError(f"object {number}: {shown(about)} stands there twice")
        seen.add(about)
        commands.append(command)
    return propose(configuration, commands, unit="object")


def _command(configuration: Configuration, document: Any, number: int) -> tuple[Command, str]:
    """The command that says the same, and what it is about."""
    if not isinstance(document, Mapping):
        raise ProposalError("a connector is an object with a Name")
    given = {str(name).lower(): value for name, value in document.items() if "@" not in str(name)}
    if DIRECT_SEND in given:
        setting = {DIRECT_SEND: given[DIRECT_SEND]}
        return Command(name="Set-OrganizationConfig", parameters=setting, line=number), DIRECT_SEND
    there = _meant(configuration, given)
    remove = given.pop("remove", False)
    if remove not in (True, False):
        raise ProposalError("Remove is true or false")
    if there is None:
        return _made(given, number, remove=remove)
    identity = {"identity": there.guid}
    if remove:
        return Command(name="Remove-InboundConnector", parameters=identity, line=number), there.name
    if str(given.get("name")).strip().lower() == there.name.lower():
        del given["name"]  # it says which connector, and is no new name
    parameters = {**identity, **dict(_fields(given))}
    return Command(name="Set-InboundConnector", parameters=parameters, line=number), there.name


def _made(given: Mapping[str, Any], number: int, *, remove: bool) -> tuple[Command, str]:
    name = given.get("name") or given.get("identity") or given.get("id")
    if not isinstance(name, str) or not name.strip():
        raise ProposalError("it names no connector: give it a Name")
    if remove:
        raise ProposalError(f"no inbound connector is called {shown(name)}")
    guid = given.get("guid") or given.get("exchangeobjectid")
    parameters: dict[str, Value] = {**dict(_fields(given)), "name": name}
    if isinstance(guid, str):
        parameters["guid"] = guid.lower()
    return Command(name="New-InboundConnector", parameters=parameters, line=number), name


def _meant(configuration: Configuration, given: Mapping[str, Any]) -> InboundConnector | None:
    """The connector that an object names, by what tells it best."""
    asked = [given[key] for key in IDENTITIES if isinstance(given.get(key), str)]
    for name in asked:
        for connector in configuration.inbound_connectors or ():
            if name.strip().lower() in (connector.guid.lower(), connector.name.lower()):
                return connector
    return None


def _fields(given: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    for name, value in given.items():
        if name in FIELDS:
            # A row that was read may have null for what nobody ever set.
            if value is not None or name == "tlssendercertificatename":
                yield name, _value(name, value)
        elif name not in READ_ONLY and name not in IDENTITIES:
            raise ProposalError(f"an inbound connector has no {shown(name)}")


def _value(name: str, value: Any) -> Value:
    if isinstance(value, str | bool) or value is None:
        return value
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return _texts(name, value)
    if (
        isinstance(value, Mapping)
        and value
        and {str(k).lower() for k in value} <= {"add", "remove"}
    ):
        lists = {str(k).lower(): _texts(name, v) for k, v in value.items()}
        return Edit(add=lists.get("add", ()), remove=lists.get("remove", ()))
    raise ProposalError(f"{shown(name)} is a text, true or false, or a list of texts")


def _texts(name: str, value: Any) -> tuple[str, ...]:
    held = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in held if item is not None):
        raise ProposalError(f"{shown(name)} is a list of texts")
    return tuple(item for item in held if item is not None)
