"""Connectors: who may hand mail to the tenant, and where the tenant hands its own."""

from dataclasses import dataclass, field

from mailposture.core.configuration.kinds import (
    BESIDE,
    Addresses,
    ConnectorType,
    Flag,
    MaybeFlag,
    MaybeText,
    Moment,
    Names,
    SenderDomains,
    Text,
    Texts,
    TypeOfConnector,
)

ANY_DOMAIN = "*"


@dataclass(frozen=True, kw_only=True, slots=True)
class InboundConnector:
    """Who may hand mail to the tenant, and on what proof (Get-InboundConnector).

    What has no default is read by a decision: an answer that lacks it is incomplete.
    """

    guid: Text
    name: Text
    enabled: Flag
    connector_type: TypeOfConnector
    sender_domains: SenderDomains
    sender_ip_addresses: Addresses
    restrict_domains_to_ip_addresses: Flag
    restrict_domains_to_certificate: Flag
    require_tls: Flag
    tls_sender_certificate_name: MaybeText
    associated_accepted_domains: Names

    connector_source: MaybeText = None
    comment: MaybeText = None
    cloud_services_mail_enabled: MaybeFlag = None
    treat_messages_as_internal: MaybeFlag = None
    trusted_organizations: Names = ()
    client_host_names: Names = ()
    ef_skip_last_ip: MaybeFlag = None
    ef_skip_ips: Addresses = ()
    ef_skip_mail_gateway: Texts = ()
    ef_users: Names = ()
    ef_test_mode: MaybeFlag = None
    scan_and_drop_recipients: Names = ()
    when_changed_utc: Moment = field(default=None, metadata=BESIDE)
    when_created_utc: Moment = field(default=None, metadata=BESIDE)

    @property
    def is_partner(self) -> bool:
        """Only Partner connectors can refuse; Restrict* and RequireTls bind only them."""
        return self.connector_type is ConnectorType.PARTNER

    @property
    def demands_proof(self) -> bool:
        """Whether it refuses mail in its scope that comes without the right proof."""
        return self.is_partner and (
            self.restrict_domains_to_ip_addresses or self.restrict_domains_to_certificate
        )

    @property
    def covers_any_sender(self) -> bool:
        """Whether every sender domain is in its scope."""
        return ANY_DOMAIN in self.sender_domains


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboundConnector:
    """Where the tenant hands mail that leaves it (Get-OutboundConnector)."""

    guid: Text
    name: Text
    enabled: Flag
    connector_type: TypeOfConnector

    connector_source: MaybeText = None
    comment: MaybeText = None
    use_mx_record: MaybeFlag = None
    smart_hosts: Names = ()
    recipient_domains: Names = ()
    tls_settings: MaybeText = None
    tls_domain: MaybeText = None
    route_all_messages_via_on_premises: MaybeFlag = None
    is_transport_rule_scoped: MaybeFlag = None
    all_accepted_domains: MaybeFlag = None
    sender_rewriting_enabled: MaybeFlag = None
    cloud_services_mail_enabled: MaybeFlag = None
    mta_sts_mode: MaybeText = None
    smtp_dane_mode: MaybeText = None
    test_mode: MaybeFlag = None
    validation_recipients: Names = field(default=(), metadata=BESIDE)
    is_validated: MaybeFlag = field(default=None, metadata=BESIDE)
    last_validation_timestamp: Moment = field(default=None, metadata=BESIDE)
    when_changed_utc: Moment = field(default=None, metadata=BESIDE)
    when_created_utc: Moment = field(default=None, metadata=BESIDE)
