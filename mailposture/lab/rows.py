"""Rows as the Exchange Admin API hands them out: property names, type noise and all.

Shapes follow public captures of `adminapi/beta` (Get-InboundConnector and its neighbours): a
collection carries `X@odata.type` beside it, dates have seven digits, a sender domain reads
`smtp:*;1`, and what was never set is null.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

type Row = dict[str, Any]

FOREST = "EURPR05A001"
PROVISIONED = datetime(2026, 2, 11, 9, 14, 3, tzinfo=UTC)
LAST_TOUCHED = datetime(2026, 6, 2, 13, 40, 27, tzinfo=UTC)
NAMESPACE = uuid.UUID("5a0f6a5e-61c4-5f0c-9d52-1a2b6a1f0c77")


def guid(*parts: str) -> str:
    """Give the same thing the same identifier on every machine and at every start."""
    return str(uuid.uuid5(NAMESPACE, "/".join(parts)))


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0"


def collection(name: str, values: Sequence[str]) -> Row:
    return {f"{name}@odata.type": "#Collection(String)", name: list(values)}


def identifier(name: str, value: str) -> Row:
    return {f"{name}@data.type": "System.Guid", f"{name}@odata.type": "#Guid", name: value}


def date(name: str, at: datetime) -> Row:
    suffix = "Z" if name.endswith("UTC") else "+00:00"
    return {f"{name}@data.type": "System.DateTime", name: stamp(at) + suffix}


def dates(changed: datetime, created: datetime = PROVISIONED) -> Row:
    return (
        date("WhenChanged", changed)
        | date("WhenCreated", created)
        | date("WhenChangedUTC", changed)
        | date("WhenCreatedUTC", created)
    )


def directory_object(organization: str, name: str, kind: tuple[str, str], at: datetime) -> Row:
    """Give the properties that every object of the directory ends with."""
    container, schema = kind
    own = guid(organization, schema, name)
    where = f"{FOREST}.PROD.OUTLOOK.COM"
    return {
        "AdminDisplayName": "",
        "ExchangeVersion": "0.1 (8.0.535.0)",
        "Name": name,
        "DistinguishedName": f"CN={name},CN={container},CN=Configuration,CN={organization},"
        f"CN=ConfigurationUnits,DC={FOREST},DC=PROD,DC=OUTLOOK,DC=COM",
        "Identity": name,
        "ObjectCategory": f"{where}/Configuration/Schema/ms-Exch-{schema}",
        **collection("ObjectClass", ["top", "msExch" + schema.replace("-", "")]),
        **dates(at),
        **identifier("ExchangeObjectId", own),
        "OrganizationalUnitRoot": organization,
        "OrganizationId": f"{where}/Microsoft Exchange Hosted Organizations/{organization} - "
        f"{where}/ConfigurationUnits/{organization}/Configuration",
        "Id": name,
        **identifier("Guid", own),
        "OriginatingServer": f"DB3PR05A01DC003.{where}",
        "IsValid": True,
        "ObjectState": "Unchanged",
    }


def inbound_connector(organization: str, name: str, settings: Mapping[str, Any]) -> Row:
    """Make a Get-InboundConnector row; `settings` say where it leaves the defaults."""
    plain: Row = {
        "Enabled": True,
        "ConnectorType": "Partner",
        "ConnectorSource": "AdminUI",
        "Comment": "",
        **collection("SenderIPAddresses", []),
        **collection("SenderDomains", ["smtp:*;1"]),
        **collection("TrustedOrganizations", []),
        **collection("ClientHostNames", []),
        **collection("AssociatedAcceptedDomains", []),
        "RequireTls": True,
        "RestrictDomainsToIPAddresses": False,
        "RestrictDomainsToCertificate": False,
        "CloudServicesMailEnabled": False,
        "TreatMessagesAsInternal": False,
        "TlsSenderCertificateName": None,
        "EFTestMode": False,
        **collection("ScanAndDropRecipients", []),
        "EFSkipLastIP": False,
        **collection("EFSkipIPs", []),
        **collection("EFSkipMailGateway", []),
        **collection("EFUsers", []),
        **identifier("NameHashGuid", guid(organization, "name-hash", name)),
        "OrganizationalUnitRootInternal": organization,
    }
    schema = ("Transport Settings", "SMTP-Inbound-Connector")
    return plain | dict(settings) | directory_object(organization, name, schema, LAST_TOUCHED)


def outbound_connector(organization: str, name: str, settings: Mapping[str, Any]) -> Row:
    plain: Row = {
        "Enabled": True,
        "UseMXRecord": False,
        "Comment": "",
        "ConnectorType": "OnPremises",
        "ConnectorSource": "HybridWizard",
        **collection("RecipientDomains", []),
        **collection("SmartHosts", []),
        "TlsDomain": None,
        "TlsSettings": "DomainValidation",
        "IsTransportRuleScoped": False,
        "RouteAllMessagesViaOnPremises": False,
        "CloudServicesMailEnabled": True,
        "AllAcceptedDomains": False,
        "SenderRewritingEnabled": False,
        "MtaStsMode": "Opportunistic",
        "SmtpDaneMode": "Opportunistic",
        "TestMode": False,
        **collection("ValidationRecipients", []),
        "IsValidated": False,
        "LastValidationTimestamp": None,
    }
    schema = ("Transport Settings", "SMTP-Outbound-Connector")
    return plain | dict(settings) | directory_object(organization, name, schema, LAST_TOUCHED)


def accepted_domain(organization: str, domain: str, *, default: bool = False) -> Row:
    plain: Row = {
        "DomainName": domain,
        "CatchAllRecipientID": None,
        "DomainType": "Authoritative",
        "MatchSubDomains": False,
        "AddressBookEnabled": True,
        "Default": default,
        "EmailOnly": False,
        "ExternallyManaged": False,
        "RawAuthenticationType": "Managed",
        "AuthenticationType": "Managed",
        "LiveIdInstanceType": "Business",
        "PendingRemoval": False,
        "PendingCompletion": False,
        "FederatedOrganizationLink": "Federation",
        "MailFlowPartner": None,
        "OutboundOnly": False,
        "PendingFederatedAccountNamespace": False,
        "PendingFederatedDomain": False,
        "IsCoexistenceDomain": domain.endswith(".mail.onmicrosoft.com"),
        "PerimeterDuplicateDetected": False,
        "IsDefaultFederatedDomain": False,
        "EnableNego2Authentication": False,
        "CanHaveCloudCache": False,
        "SendingFromDomainDisabled": False,
        "SendingToDomainDisabled": False,
        "SmtpDaneStatus": "Disabled",
        "MailFlowRegion": "",
        "AzureProvisioningRegion": "",
        "InitialDomain": domain == organization,
    }
    schema = ("Accepted Domains,CN=Transport Settings", "Accepted-Domain")
    return plain | directory_object(organization, domain, schema, LAST_TOUCHED)
