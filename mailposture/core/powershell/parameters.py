"""The parameters of the commands that are read: their names, and how many values each takes.

Sources: New-InboundConnector and Set-InboundConnector (MicrosoftDocs/office-docs-powershell).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Takes(Enum):
    """What stands behind the name of a parameter."""

    TEXT = "one text"
    FLAG = "$true or $false"
    LIST = "a list"
    SWITCH = "nothing"
    ASIDE = "a value that changes nothing here"


@dataclass(frozen=True, slots=True)
class Cmdlet:
    """A command, its parameters by name, and which of them needs no name."""

    name: str
    takes: Mapping[str, Takes]
    first: str | None


def _all(takes: Takes, *names: str) -> dict[str, Takes]:
    return dict.fromkeys(names, takes)


CONNECTOR: Final = {
    **_all(Takes.TEXT, "Name", "Comment", "ConnectorType", "ConnectorSource"),
    **_all(Takes.TEXT, "TlsSenderCertificateName"),
    **_all(Takes.FLAG, "Enabled", "RequireTls", "CloudServicesMailEnabled"),
    **_all(Takes.FLAG, "RestrictDomainsToCertificate", "RestrictDomainsToIPAddresses"),
    **_all(Takes.FLAG, "TreatMessagesAsInternal", "EFSkipLastIP", "EFTestMode"),
    **_all(Takes.LIST, "SenderDomains", "SenderIPAddresses", "AssociatedAcceptedDomains"),
    **_all(Takes.LIST, "TrustedOrganizations", "ClientHostNames", "ScanAndDropRecipients"),
    **_all(Takes.LIST, "EFSkipIPs", "EFUsers", "EFSkipMailGateway"),
}
# They say how a command runs and what it prints. Nothing runs here.
COMMON: Final = {
    **_all(Takes.SWITCH, "Confirm", "WhatIf", "Verbose", "Debug", "Force", "BypassValidation"),
    **_all(Takes.SWITCH, "cf", "wi", "vb", "db"),
    **_all(Takes.ASIDE, "ErrorAction", "WarningAction", "InformationAction", "ProgressAction"),
    **_all(Takes.ASIDE, "ErrorVariable", "WarningVariable", "InformationVariable"),
    **_all(Takes.ASIDE, "OutVariable", "OutBuffer", "PipelineVariable", "ea", "wa", "ev", "wv"),
}
IDENTITY: Final = _all(Takes.TEXT, "Identity")

CMDLETS: Final = {
    cmdlet.name.lower(): cmdlet
    for cmdlet in (
        Cmdlet("New-InboundConnector", {**CONNECTOR, **COMMON}, "Name"),
        Cmdlet("Set-InboundConnector", {**IDENTITY, **CONNECTOR, **COMMON}, "Identity"),
        Cmdlet("Remove-InboundConnector", {**IDENTITY, **COMMON}, "Identity"),
        Cmdlet("Set-OrganizationConfig", {**_all(Takes.FLAG, "RejectDirectSend"), **COMMON}, None),
    )
}
SUPPORTED: Final = (
    "New-InboundConnector, Set-InboundConnector, Remove-InboundConnector and"
    " Set-OrganizationConfig -RejectDirectSend"
)

# Commands that change nothing are passed over, whatever they are told.
PASSIVE: Final = ("get-", "format-", "select-", "sort-", "out-", "write-", "test-", "start-sleep")
PASSIVE_TOO: Final = frozenset(
    {"connect-exchangeonline", "disconnect-exchangeonline", "import-module", "install-module"}
)


def is_passive(name: str) -> bool:
    """Whether a command only reads, shows or signs in."""
    return name.lower().startswith(PASSIVE) or name.lower() in PASSIVE_TOO


def resolve(cmdlet: Cmdlet, given: str) -> tuple[str | None, str]:
    """The parameter that a name or the beginning of one means; else why it means none."""
    asked = given.lower()
    found = [name for name in cmdlet.takes if name.lower().startswith(asked)]
    for name in found:
        if len(found) == 1 or name.lower() == asked:
            return name, ""
    if found:
        return None, f"-{given} may be {' or '.join('-' + name for name in sorted(found)[:4])}"
    return None, f"{cmdlet.name} has no parameter -{given[:60]} that is read here"
