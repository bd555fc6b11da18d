"""Rows of the cmdlets that stand around the connectors: organisation, rules, connection filter."""

from collections.abc import Sequence

from mailposture.lab.rows import (
    LAST_TOUCHED,
    Row,
    collection,
    date,
    directory_object,
    guid,
    identifier,
)


def organization_config(organization: str, name: str, *, reject_direct_send: bool | None) -> Row:
    """Make the Get-OrganizationConfig row; RejectDirectSend is null where nobody ever set it."""
    return {
        "Name": organization,
        "Identity": organization,
        "DisplayName": name,
        "OAuth2ClientProfileEnabled": True,
        "AuditDisabled": False,
        "IsDehydrated": False,
        "CustomerLockboxEnabled": False,
        "EwsEnabled": None,
        "MailTipsAllTipsEnabled": True,
        "MailTipsExternalRecipientsTipsEnabled": False,
        "MailTipsLargeAudienceThreshold@data.type": "System.Int32",
        "MailTipsLargeAudienceThreshold": 25,
        "ConnectorsEnabled": True,
        "PublicFoldersEnabled": "Local",
        "SendFromAliasEnabled": False,
        "MaskClientIpInReceivedHeadersEnabled": True,
        "DefaultAuthenticationPolicy": None,
        **collection("IPListBlocked", []),
        "HybridConfigurationStatus": "Unknown",
        "IsMixedMode": False,
        "ActivityBasedAuthenticationTimeoutInterval": "06:00:00",
        "RejectDirectSend": reject_direct_send,
        **identifier("Guid", guid(organization, "organization")),
        "Id": organization,
        "IsValid": True,
        **date("WhenChangedUTC", LAST_TOUCHED),
    }


def external_tag(organization: str) -> Row:
    """Make the one mail-flow rule that almost every tenant has: mark what comes from outside."""
    name = "External tag"
    own = guid(organization, "rule", name)
    return {
        "Priority@data.type": "System.Int32",
        "Priority": 0,
        "DlpPolicy": None,
        **identifier("DlpPolicyId", "00000000-0000-0000-0000-000000000000"),
        "Comments": None,
        "CreatedBy": "Mail administrators",
        "LastModifiedBy": "Mail administrators",
        "ManuallyModified": False,
        "ActivationDate": None,
        "ExpiryDate": None,
        "Description": "If the message:\r\n\tIs received from 'Outside the organization'\r\n"
        "Take the following actions:\r\n\tPrepend the subject with '[External]'\r\n",
        "Size@data.type": "System.Int32",
        "Size": 512,
        **collection("Conditions", [PREDICATE]),
        "Exceptions": None,
        **collection("Actions", [ACTION]),
        "State": "Enabled",
        "Mode": "Enforce",
        "IsRuleConfigurationSupported": True,
        "RuleConfigurationUnsupportedReason": "",
        "RuleErrorAction": "Ignore",
        "SenderAddressLocation": "Header",
        "RecipientAddressType": "Resolved",
        "RuleSubType": "None",
        "FromScope": "NotInOrganization",
        **dict.fromkeys(NOT_USED),
        **dict.fromkeys(f"ExceptIf{condition}" for condition in EXCEPTIONS),
        **rule_end(organization, name, own),
    }


NOT_USED = (
    "From",
    "SentTo",
    "SentToScope",
    "SenderDomainIs",
    "RecipientDomainIs",
    "HeaderContainsMessageHeader",
    "HeaderContainsWords",
    "HeaderMatchesMessageHeader",
    "HeaderMatchesPatterns",
    "SenderIpRanges",
    "MessageTypeMatches",
    "SetSCL",
    "SetHeaderName",
    "SetHeaderValue",
    "RejectMessageEnhancedStatusCode",
    "RejectMessageReasonText",
    "RouteMessageOutboundConnector",
    "RedirectMessageTo",
    "BlindCopyTo",
    "CopyTo",
    "AddToRecipients",
)
EXCEPTIONS = (
    "From",
    "FromScope",
    "SenderDomainIs",
    "HeaderContainsMessageHeader",
    "HeaderContainsWords",
    "HeaderMatchesMessageHeader",
    "HeaderMatchesPatterns",
    "MessageTypeMatches",
    "SenderIpRanges",
)
PREDICATE = "Microsoft.Exchange.MessagingPolicies.Rules.Tasks.FromScopePredicate"
ACTION = "Microsoft.Exchange.MessagingPolicies.Rules.Tasks.PrependSubjectAction"


def rule_end(organization: str, name: str, own: str) -> Row:
    whole = directory_object(organization, name, ("Rules", "Transport-Rule"), LAST_TOUCHED)
    return {
        "PrependSubject": "[External]",
        "DeleteMessage": False,
        "Quarantine": False,
        "StopRuleProcessing": False,
        "RouteMessageOutboundRequireTls": False,
        "Identity": name,
        **identifier("Guid", own),
        **identifier("ImmutableId", own),
        "OrganizationId": whole["OrganizationId"],
        "Name": name,
        "IsValid": True,
        **date("WhenChanged", LAST_TOUCHED),
        "ObjectState": "Unchanged",
    }


def connection_filter(organization: str, allowed: Sequence[str]) -> Row:
    plain: Row = {
        "IsDefault": True,
        **collection("IPAllowList", allowed),
        **collection("IPBlockList", []),
        "EnableSafeList": False,
        "DirectoryBasedEdgeBlockMode": "Default",
    }
    schema = ("Hosted Connection Filter,CN=Transport Settings", "Hosted-Connection-Filter-Policy")
    return plain | directory_object(organization, "Default", schema, LAST_TOUCHED)
