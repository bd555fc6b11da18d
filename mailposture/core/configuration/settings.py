"""The rest of a tenant's mail flow: its domains, organisation, rules, filters, and its DNS."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from mailposture.core.addresses import sort_key
from mailposture.core.configuration.kinds import (
    BESIDE,
    Addresses,
    MaybeFlag,
    MaybeNumber,
    MaybeText,
    Moment,
    Names,
    Switch,
    Text,
    Texts,
)
from mailposture.core.hosts import plain


@dataclass(frozen=True, kw_only=True, slots=True)
class AcceptedDomain:
    """A mail domain the tenant takes mail for (Get-AcceptedDomain).

    `match_sub_domains` is read by a decision only for recipients below the domain, so that where
    it was not said that is named there (match_subdomains_unknown), and the part stays known.
    """

    domain_name: Text

    domain_type: MaybeText = None
    guid: MaybeText = None
    default: MaybeFlag = None
    initial_domain: MaybeFlag = None
    match_sub_domains: MaybeFlag = None
    is_coexistence_domain: MaybeFlag = None
    outbound_only: MaybeFlag = None
    sending_from_domain_disabled: MaybeFlag = None
    sending_to_domain_disabled: MaybeFlag = None
    pending_removal: MaybeFlag = None
    pending_completion: MaybeFlag = None
    email_only: MaybeFlag = None
    externally_managed: MaybeFlag = None
    mail_flow_partner: MaybeText = None
    perimeter_duplicate_detected: MaybeFlag = None
    authentication_type: MaybeText = None
    smtp_dane_status: MaybeText = None
    when_changed_utc: Moment = field(default=None, metadata=BESIDE)
    when_created_utc: Moment = field(default=None, metadata=BESIDE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Organization:
    """Settings of the whole tenant (Get-OrganizationConfig, the few that touch mail flow)."""

    name: Text
    reject_direct_send: Switch

    guid: MaybeText = None
    display_name: MaybeText = None
    send_from_alias_enabled: MaybeFlag = None
    mask_client_ip_in_received_headers_enabled: MaybeFlag = None
    ip_list_blocked: Addresses = ()
    hybrid_configuration_status: MaybeText = None
    is_dehydrated: MaybeFlag = None
    audit_disabled: MaybeFlag = None
    when_changed_utc: Moment = field(default=None, metadata=BESIDE)


@dataclass(frozen=True, kw_only=True, slots=True)
class TransportRule:
    """A mail-flow rule (Get-TransportRule). Description is Exchange's own account of it all."""

    guid: Text
    name: Text
    state: Text
    mode: Text
    priority: MaybeNumber

    conditions: Texts = ()
    exceptions: Texts = ()
    actions: Texts = ()
    from_scope: MaybeText = None
    sent_to_scope: MaybeText = None
    sender_domain_is: Names = ()
    recipient_domain_is: Names = ()
    sender_ip_ranges: Addresses = ()
    except_if_sender_ip_ranges: Addresses = ()
    except_if_sender_domain_is: Names = ()
    header_contains_message_header: MaybeText = None
    header_contains_words: Texts = ()
    header_matches_message_header: MaybeText = None
    header_matches_patterns: Texts = ()
    except_if_header_contains_message_header: MaybeText = None
    except_if_header_contains_words: Texts = ()
    except_if_header_matches_message_header: MaybeText = None
    except_if_header_matches_patterns: Texts = ()
    set_scl: MaybeNumber = None
    set_header_name: MaybeText = None
    set_header_value: MaybeText = None
    reject_message_enhanced_status_code: MaybeText = None
    reject_message_reason_text: MaybeText = None
    delete_message: MaybeFlag = None
    quarantine: MaybeFlag = None
    redirect_message_to: Names = ()
    route_message_outbound_connector: MaybeText = None
    stop_rule_processing: MaybeFlag = None
    sender_address_location: MaybeText = None
    activation_date: Moment = None
    expiry_date: Moment = None
    comments: MaybeText = None
    description: MaybeText = None
    last_modified_by: MaybeText = field(default=None, metadata=BESIDE)
    when_changed: Moment = field(default=None, metadata=BESIDE)

    @property
    def is_enforced(self) -> bool:
        """Whether it acts on mail; an audited or disabled rule does not."""
        return self.state == "Enabled" and self.mode == "Enforce"


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectionFilter:
    """Addresses let past or blocked before filtering (Get-HostedConnectionFilterPolicy)."""

    guid: Text
    name: Text
    ip_allow_list: Addresses
    ip_block_list: Addresses

    is_default: MaybeFlag = None
    enable_safe_list: MaybeFlag = None
    directory_based_edge_block_mode: MaybeText = None
    when_changed_utc: Moment = field(default=None, metadata=BESIDE)
    when_created_utc: Moment = field(default=None, metadata=BESIDE)


@dataclass(frozen=True, kw_only=True, slots=True)
class MxHost:
    """One mail exchanger of a domain and its addresses."""

    preference: int
    host: str
    addresses: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = ", ".join(self.addresses) or "no address"
        return f"{self.preference} {self.host} ({where})"


@dataclass(frozen=True, kw_only=True, slots=True)
class DomainFacts:
    """What DNS says of an accepted domain. mx is None where it could not be asked."""

    domain: str
    mx: tuple[MxHost, ...] | None


def domain_facts(domain: str, mx: Iterable[tuple[int, str, Iterable[str]]] | None) -> DomainFacts:
    """Facts of a domain in one spelling, so that the order of answers makes no difference."""
    if mx is None:
        return DomainFacts(domain=plain(domain), mx=None)
    hosts = (
        MxHost(
            preference=preference,
            host=plain(host),
            addresses=tuple(sorted(set(addresses), key=sort_key)),
        )
        for preference, host, addresses in mx
    )
    ordered = sorted(hosts, key=lambda one: (one.preference, one.host))
    return DomainFacts(domain=plain(domain), mx=tuple(ordered))
