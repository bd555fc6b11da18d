"""How near each violated rule is to being met: one table of what is tried, rule by rule.

Beside each stands why there is no near miss where nothing that was tried does.
"""

from dataclasses import dataclass
from typing import Final

from mailposture.core.posture import (
    certificates,
    certified,
    evidence,
    exceptions,
    filtering,
    hybrid,
    locks,
    mail_routing,
    near,
    near_beside,
    near_lists,
    sources,
)
from mailposture.core.posture.facts import OWN_SERVERS, SourceKind
from mailposture.core.posture.findings import NearMiss
from mailposture.core.posture.seen_open import where_open
from mailposture.core.posture.trying import by_trying, first_of, setting


@dataclass(frozen=True, slots=True)
class Near:
    """What looks for the smallest change, and why there is none where it finds none."""

    look: NearMiss
    otherwise: str


NEAR: Final = {
    "MP-01": Near(
        near.of_any,
        "No connector is within three fields of being a lock.",
    ),
    "MP-02": Near(
        by_trying(locks.direct_send, near_beside.direct_send_off),
        "RejectDirectSend alone decides it, and it is not known.",
    ),
    "MP-03": Near(
        where_open("MP-03", near.of_any),
        "The model refuses strangers already, or no connector is within three fields of that.",
    ),
    "MP-04": Near(
        where_open("MP-04", first_of(near_beside.own_refused, near.of_any)),
        "The model refuses own-domain strangers already, or no small change makes it.",
    ),
    "MP-05": Near(
        near.of_any,
        "No connector is within three fields of a lock for every domain.",
    ),
    "MP-06": Near(
        first_of(
            by_trying(sources.by_connector, near_lists.only_approved(*SourceKind)),
            near.open_door,
        ),
        "More than three entries are too many, nobody approved would be left, or no approved source"
        " is declared that shows a certificate of its own.",
    ),
    "MP-07": Near(
        by_trying(hybrid.no_wider, near_lists.only_approved(*OWN_SERVERS)),
        "More than three entries are too many, no own server would be left, or none is declared"
        " that shows a certificate.",
    ),
    "MP-08": Near(
        by_trying(mail_routing.mx_at_gateway, near_beside.mx_moved),
        "More than three MX hosts lead astray, or no gateway has an address.",
    ),
    "MP-09": Near(
        by_trying(filtering.waived, near_beside.filtered),
        "More than three entries of the list are too many, or another part of it is not known.",
    ),
    "MP-10": Near(
        near.never,
        "It lies between what was predicted and what was seen: no setting is known to be its cause,"
        " so that none can be tried.",
    ),
    "MP-11": Near(
        by_trying(evidence.fresh, near_beside.fresher),
        "When the tenant was read and asked is not known.",
    ),
    "MP-12": Near(
        by_trying(evidence.explained, near_beside.settled),
        "The change itself is past: only what is known of it can grow.",
    ),
    "MP-13": Near(
        by_trying(exceptions.exceptions, near_beside.excepted),
        "For which moment is asked is not known.",
    ),
    "MP-21": Near(
        near.of_this,
        "Turned on as it stands it does not refuse strangers, or they are refused already.",
    ),
    "MP-22": Near(
        by_trying(locks.empty_restriction, near_lists.of_gateway),
        "No approved gateway is declared whose addresses or certificate it could name.",
    ),
    "MP-23": Near(
        first_of(
            near.of_this,
            by_trying(
                locks.without_effect,
                setting(
                    "carried no restriction",
                    restrict_domains_to_ip_addresses=False,
                    restrict_domains_to_certificate=False,
                ),
            ),
        ),
        "It judges a connector that is turned off now.",
    ),
    "MP-24": Near(
        near.of_scoped,
        "None of them refuses strangers when it speaks for every sender.",
    ),
    "MP-25": Near(
        near.of_this,
        "Without AssociatedAcceptedDomains it does not refuse strangers either.",
    ),
    "MP-26": Near(
        by_trying(locks.scoped_to_own, near_lists.with_gateway),
        "The connector goes by certificate, no gateway has an address that it could list, or the"
        " gateway is refused all the same.",
    ),
    "MP-27": Near(
        by_trying(locks.both_proofs, near_lists.one_proof),
        "It judges a connector that is turned off now.",
    ),
    "MP-28": Near(
        by_trying(locks.in_clear, near_lists.over_tls),
        "More than three connectors would have to ask for TLS.",
    ),
    "MP-31": Near(
        by_trying(sources.shared_range, near_lists.without_shared),
        "More than three entries are shared, or nobody would be left.",
    ),
    "MP-32": Near(
        by_trying(certificates.vendor_name, near_lists.by_own_name),
        "No gateway is declared that shows a certificate of its own.",
    ),
    "MP-33": Near(
        by_trying(sources.rentable, near_lists.without_shared),
        "More than three entries can be rented, or nobody would be left.",
    ),
    "MP-34": Near(
        by_trying(certificates.other_tenants, near_lists.without_shared),
        "More than three entries are Microsoft's, nobody would be left, or no gateway is declared"
        " that shows a certificate of its own.",
    ),
    "MP-35": Near(
        by_trying(certificates.wildcard, near_lists.by_one_name),
        "No approved source is known to show a single name below the wildcard.",
    ),
    "MP-36": Near(
        by_trying(
            certificates.trusted_organizations,
            setting("trusted no other tenant", trusted_organizations=()),
        ),
        "It judges a connector that is turned off now.",
    ),
    "MP-41": Near(
        by_trying(filtering.safe_list, near_beside.safe_list_off),
        "Another connection filter does not say whether it trusts the list.",
    ),
    "MP-42": Near(
        by_trying(filtering.skip_listing, near_beside.skipped_less),
        "What is looked past is not said by these two fields alone.",
    ),
    "MP-43": Near(
        near.of_any,
        "No connector is within three fields of the lock that the rule stands for.",
    ),
    "MP-51": Near(
        by_trying(
            hybrid.internal,
            setting("had TreatMessagesAsInternal off", treat_messages_as_internal=False),
        ),
        "It judges a connector that is turned off now.",
    ),
    "MP-52": Near(
        by_trying(
            hybrid.cloud_services,
            setting("had CloudServicesMailEnabled off", cloud_services_mail_enabled=False),
        ),
        "It judges a connector that is turned off now.",
    ),
    "MP-53": Near(
        by_trying(hybrid.expiry, near_beside.renewed),
        "Another certificate ends too early, or its end is not known.",
    ),
    "MP-54": Near(
        by_trying(hybrid.client_auth, near_beside.usable),
        "The usage of another certificate is not known.",
    ),
    "MP-55": Near(
        first_of(
            by_trying(certified.recognised, near_lists.by_shown_name),
            by_trying(certified.recognised, near_beside.trusted),
        ),
        "No connector is turned on that could ask for its name.",
    ),
    "MP-56": Near(
        by_trying(hybrid.literal_name, near_lists.by_accepted_name),
        "No accepted domain is meant by the name, and it can be none itself.",
    ),
    "MP-61": Near(
        by_trying(mail_routing.subdomains, near_beside.guards_all),
        "No single lock or domain ends it: several are open below.",
    ),
    "MP-62": Near(
        by_trying(mail_routing.ipv6, near_beside.ipv4_alone),
        "The endpoint has IPv6 addresses alone.",
    ),
}
