"""Parameters of mail-flow rules that nothing here reads: what a rule asks, and what else it does.

Source: New-TransportRule and Set-TransportRule (MicrosoftDocs/office-docs-powershell). Each
condition has an exception of the same name after ExceptIf.
"""

from typing import Final

CONDITIONS: Final = (
    *("ADComparisonAttribute", "ADComparisonOperator", "AnyOfCcHeader", "AnyOfCcHeaderMemberOf"),
    *("AnyOfRecipientAddressContainsWords", "AnyOfRecipientAddressMatchesPatterns"),
    *("AnyOfToCcHeader", "AnyOfToCcHeaderMemberOf", "AnyOfToHeader", "AnyOfToHeaderMemberOf"),
    *("AttachmentContainsWords", "AttachmentExtensionMatchesWords"),
    *("AttachmentHasExecutableContent", "AttachmentIsPasswordProtected"),
    *("AttachmentIsUnsupported", "AttachmentMatchesPatterns", "AttachmentNameMatchesPatterns"),
    *("AttachmentProcessingLimitExceeded", "AttachmentPropertyContainsWords"),
    *("AttachmentSizeOver", "BetweenMemberOf1", "BetweenMemberOf2"),
    *("ContentCharacterSetContainsWords", "From", "FromAddressContainsWords"),
    *("FromAddressMatchesPatterns", "FromMemberOf", "HasClassification", "HasNoClassification"),
    *("HasSenderOverride", "ManagerAddresses", "ManagerForEvaluatedUser"),
    *("MessageContainsAllDataClassifications", "MessageContainsDataClassifications"),
    *("MessageSizeOver", "MessageTypeMatches", "RecipientADAttributeContainsWords"),
    *("RecipientADAttributeMatchesPatterns", "RecipientAddressContainsWords"),
    *("RecipientAddressMatchesPatterns", "RecipientInSenderList", "SCLOver"),
    *("SenderADAttributeContainsWords", "SenderADAttributeMatchesPatterns"),
    *("SenderInRecipientList", "SenderManagementRelationship", "SentTo", "SentToMemberOf"),
    *("SubjectContainsWords", "SubjectMatchesPatterns", "SubjectOrBodyContainsWords"),
    *("SubjectOrBodyMatchesPatterns", "WithImportance"),
)
# Conditions that are read, and whose exceptions are not.
EXCEPTIONS: Final = ("FromScope", "RecipientDomainIs", "SentToScope")
OTHERS: Final = (
    *("ActivationDate", "AddManagerAsRecipientType", "AddToRecipients", "ApplyClassification"),
    *("ApplyHtmlDisclaimerFallbackAction", "ApplyHtmlDisclaimerLocation"),
    *("ApplyHtmlDisclaimerText", "ApplyOME", "ApplyRightsProtectionCustomizationTemplate"),
    *("ApplyRightsProtectionTemplate", "BlindCopyTo", "CopyTo", "Disconnect", "DlpPolicy"),
    *("DomainController", "ExpiryDate", "GenerateIncidentReport", "GenerateNotification"),
    *("IncidentReportContent", "IncidentReportOriginalMail", "LogEventText"),
    *("ModerateMessageByManager", "ModerateMessageByUser", "NotifySender", "PrependSubject"),
    *("RecipientAddressType", "RemoveHeader", "RemoveOME", "RemoveOMEv2"),
    *("RemoveRMSAttachmentEncryption", "RouteMessageOutboundRequireTls", "RuleErrorAction"),
    *("RuleSubType", "SetAuditSeverity", "SmtpRejectMessageRejectStatusCode"),
    *("SmtpRejectMessageRejectText", "UseLegacyRegex"),
)
NOT_READ: Final = (
    *CONDITIONS,
    *(f"ExceptIf{name}" for name in (*CONDITIONS, *EXCEPTIONS)),
    *OTHERS,
)
_ACTS: Final = frozenset(name.lower() for name in OTHERS)


def limits(parameter: str) -> bool:
    """Whether a parameter that is not read may decide which mail the rule is about.

    What nobody here knows may: a rule is then said to act perhaps, and not surely.
    """
    return parameter.lower() not in _ACTS
