"""The parameters of the commands that are read: their names, and how many values each takes.

Sources: the pages of the cmdlets (MicrosoftDocs/office-docs-powershell): New-, Set- and
Remove-InboundConnector, Set-OrganizationConfig, New-, Set-, Enable-, Disable- and
Remove-TransportRule, Set-HostedConnectionFilterPolicy, New-, Set- and Remove-AcceptedDomain,
Set-RemoteDomain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mailposture.core.powershell.rules import NOT_READ


class Takes(Enum):
    """What stands behind the name of a parameter."""

    TEXT = "one text"
    FLAG = "$true or $false"
    LIST = "a list"
    SWITCH = "nothing"
    ASIDE = "a value that says how the command runs"
    ANY = "whatever stands there"  # of what is not read, named and passed over


@dataclass(frozen=True, slots=True)
class Cmdlet:
    """A command, its parameters by name, and which of them needs no name.

    An `open` one has more parameters than are read: any other name is taken, and named. Of
    connectors every parameter is read, so that any other one is a mistake.
    """

    name: str
    takes: Mapping[str, Takes]
    first: str | None
    open: bool = False


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
ORGANIZATION: Final = {
    **_all(Takes.FLAG, "RejectDirectSend", "SendFromAliasEnabled", "AuditDisabled"),
    **_all(Takes.FLAG, "MaskClientIpInReceivedHeadersEnabled"),
    **_all(Takes.LIST, "IPListBlocked"),
}
RULE: Final = {
    **_all(Takes.TEXT, "Name", "Mode", "Priority", "Comments", "FromScope", "SentToScope"),
    **_all(Takes.TEXT, "HeaderContainsMessageHeader", "HeaderMatchesMessageHeader"),
    **_all(Takes.TEXT, "ExceptIfHeaderContainsMessageHeader"),
    **_all(Takes.TEXT, "ExceptIfHeaderMatchesMessageHeader"),
    **_all(Takes.TEXT, "SetSCL", "SetHeaderName", "SetHeaderValue", "SenderAddressLocation"),
    **_all(Takes.TEXT, "RejectMessageEnhancedStatusCode", "RejectMessageReasonText"),
    **_all(Takes.TEXT, "RouteMessageOutboundConnector"),
    **_all(Takes.FLAG, "DeleteMessage", "Quarantine", "StopRuleProcessing"),
    **_all(Takes.LIST, "SenderDomainIs", "ExceptIfSenderDomainIs", "RecipientDomainIs"),
    **_all(Takes.LIST, "SenderIpRanges", "ExceptIfSenderIpRanges", "RedirectMessageTo"),
    **_all(Takes.LIST, "HeaderContainsWords", "ExceptIfHeaderContainsWords"),
    **_all(Takes.LIST, "HeaderMatchesPatterns", "ExceptIfHeaderMatchesPatterns"),
    # Here so that FromScope is never meant by From.
    **_all(Takes.ANY, *NOT_READ),
}
FILTER: Final = {
    **_all(Takes.LIST, "IPAllowList", "IPBlockList"),
    **_all(Takes.FLAG, "EnableSafeList"),
}
DOMAIN: Final = {
    **_all(Takes.TEXT, "DomainType"),
    **_all(Takes.FLAG, "MatchSubDomains", "OutboundOnly", "PendingRemoval", "PendingCompletion"),
}
# They say how a command runs and what it prints. Nothing runs here.
COMMON: Final = {
    **_all(Takes.SWITCH, "Confirm", "WhatIf", "Verbose", "Debug", "Force", "BypassValidation"),
    **_all(Takes.SWITCH, "cf", "wi", "vb", "db"),
    **_all(Takes.ASIDE, "ErrorAction", "WarningAction", "InformationAction", "ProgressAction"),
    **_all(Takes.ASIDE, "ErrorVariable", "WarningVariable", "InformationVariable"),
    **_all(Takes.ASIDE, "OutVariable", "OutBuffer", "PipelineVariable", "ea", "wa", "ev", "wv"),
    **_all(Takes.ASIDE, "ia", "iv", "infa", "ov", "ob", "pv", "proga"),
}
# Other names of the same (about_CommonParameters, and the pages of the cmdlets).
ALIASES: Final = {
    "cf": "Confirm",
    "wi": "WhatIf",
    "vb": "Verbose",
    "db": "Debug",
    "ea": "ErrorAction",
    "wa": "WarningAction",
    "infa": "InformationAction",
    "ia": "InformationAction",
    "proga": "ProgressAction",
    "ev": "ErrorVariable",
    "wv": "WarningVariable",
    "iv": "InformationVariable",
    "ov": "OutVariable",
    "ob": "OutBuffer",
    "pv": "PipelineVariable",
}
OF_DOMAIN: Final = _all(Takes.TEXT, "Domain")
IDENTITY: Final = _all(Takes.TEXT, "Identity")
# The name of an accepted domain is nowhere read: what it takes mail for is its DomainName.
NAMED: Final = {**_all(Takes.ANY, "Name"), **_all(Takes.TEXT, "DomainName")}


def _set(name: str, takes: Mapping[str, Takes], *, is_open: bool = True) -> Cmdlet:
    return Cmdlet(name, {**IDENTITY, **takes, **COMMON}, "Identity", is_open)


CMDLETS: Final = {
    cmdlet.name.lower(): cmdlet
    for cmdlet in (
        Cmdlet("New-InboundConnector", {**CONNECTOR, **COMMON}, "Name"),
        _set("Set-InboundConnector", CONNECTOR, is_open=False),
        _set("Remove-InboundConnector", {}, is_open=False),
        Cmdlet("Set-OrganizationConfig", {**ORGANIZATION, **COMMON}, None, open=True),
        Cmdlet(
            "New-TransportRule",
            {**RULE, **_all(Takes.FLAG, "Enabled"), **COMMON},
            "Name",
            open=True,
        ),
        _set("Set-TransportRule", RULE),
        _set("Enable-TransportRule", {}),
        _set("Disable-TransportRule", {}),
        _set("Remove-TransportRule", {}),
        _set("Set-HostedConnectionFilterPolicy", FILTER),
        Cmdlet("New-AcceptedDomain", {**NAMED, **DOMAIN, **COMMON}, "Name", open=True),
        _set("Set-AcceptedDomain", DOMAIN),
        _set("Remove-AcceptedDomain", {}),
        _set("Set-RemoteDomain", {}),
        Cmdlet("Enable-IPv6ForAcceptedDomain", {**OF_DOMAIN, **COMMON}, "Domain", open=True),
        Cmdlet("Disable-IPv6ForAcceptedDomain", {**OF_DOMAIN, **COMMON}, "Domain", open=True),
    )
}
SUPPORTED: Final = (
    "New-, Set- and Remove-InboundConnector, Set-OrganizationConfig, New-, Set-, Enable-, Disable-"
    " and Remove-TransportRule, Set-HostedConnectionFilterPolicy, New-, Set- and"
    " Remove-AcceptedDomain, Set-RemoteDomain, Disable-IPv6ForAcceptedDomain"
)

LONGEST_NAME: Final = 80

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
    if cmdlet.open and 0 < len(given) <= LONGEST_NAME:
        return given, ""
    return None, f"{cmdlet.name} has no parameter -{given[:60]} that is read here"
