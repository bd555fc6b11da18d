"""The catalogue: every rule in one table, to be read aloud.

MP-01 to MP-13 are the requirements of the tenant (domain/controls.md 5.12). The others are what
goes wrong in the field, by theme: 2x the lock, 3x who is let in, 4x filtering that is waived,
5x the organisation's own servers, 6x recipients and address families.
"""

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
    sources,
)
from mailposture.core.posture.findings import Rule, Severity, Weight

CRITICAL, HIGH, MEDIUM, LOW, INFO = Severity

CONNECTORS: Final = ("inbound_connectors",)
WITH_DOMAINS: Final = ("inbound_connectors", "accepted_domains")
RULES: Final = (
    Rule(
        "MP-01", "A restricted Partner connector denies by default", CONNECTORS,
        locks.lock_present,
        Weight(CRITICAL, "Any host on the Internet may deliver past the gateway."),
        "lock",
    ),
    Rule(
        "MP-02", "Direct Send is rejected", ("organization",),
        locks.direct_send,
        Weight(MEDIUM, "Strangers may send in the name of the tenant's own domains."),
        "direct_send",
    ),
    Rule(
        "MP-03", "Strangers with a foreign sender are refused", ("answers", "accepted_domains"),
        evidence.foreign_refused,
        Weight(CRITICAL, "It was seen: a stranger delivers past the gateway."),
        "lock",
    ),
    Rule(
        "MP-04", "Strangers with an own-domain sender are refused", ("answers", "accepted_domains"),
        evidence.own_refused,
        Weight(HIGH, "It was seen: a stranger sends in the name of the tenant's own domain."),
        "direct_send",
    ),
    Rule(
        "MP-05", "No accepted domain lies outside the restriction", WITH_DOMAINS,
        locks.every_domain,
        Weight(HIGH, "To these domains any host may deliver past the gateway."),
        "lock",
    ),
    Rule(
        "MP-06", "Only approved sources satisfy a restriction", WITH_DOMAINS,
        sources.allowed_is_approved,
        Weight(HIGH, "Hosts that nobody approved may deliver as if they were the gateway."),
        "narrow",
    ),
    Rule(
        "MP-07", "OnPremises connectors name the own servers alone", CONNECTORS,
        hybrid.no_wider,
        Weight(HIGH, "What they name may relay through the tenant, and the lock is not asked."),
        "narrow",
    ),
    Rule(
        "MP-08", "MX records lead to approved gateways alone", ("domain_facts",),
        mail_routing.mx_at_gateway,
        Weight(HIGH, "Mail that DNS leads past the gateway is not filtered by it."),
        "advice",
    ),
    Rule(
        "MP-09", "Filtering is waived for approved sources alone",
        (*WITH_DOMAINS, "transport_rules", "connection_filters"),
        filtering.waived, filtering.REACHED_FROM_FEW, "filtering",
    ),
    Rule(
        "MP-10", "Prediction and observation agree", ("agreements",),
        evidence.agreement,
        Weight(MEDIUM, "The model, the service or the tenant is not as it is taken to be."),
        "advice",
    ),
    Rule(
        "MP-11", "What is known is fresh and whole", ("evidence", "moment"),
        evidence.fresh,
        Weight(MEDIUM, "What was true then need not be true now."),
        "advice",
    ),
    Rule(
        "MP-12", "Every change is explained and verified", ("changes",),
        evidence.explained,
        Weight(MEDIUM, "Nobody has said who meant it, or no probe has shown what it did."),
        "advice",
    ),
    Rule(
        "MP-13", "Exceptions are approved and have not expired", ("exceptions", "moment"),
        exceptions.exceptions,
        Weight(MEDIUM, "The risk stands, and nobody answers for it."),
        "advice",
    ),
    # ---- 2x: the lock ------------------------------------------------------------------------
    Rule(
        "MP-21", "No connector that would restrict is turned off", WITH_DOMAINS,
        locks.turned_off,
        Weight(HIGH, "The lock exists and is not in force: one switch away."),
        "lock",
    ),
    Rule(
        "MP-22", "Every restriction names what it asks for", CONNECTORS,
        locks.empty_restriction,
        Weight(HIGH, "By the letter it refuses everyone, the gateway too; or it does nothing."),
        "fill",
    ),
    Rule(
        "MP-23", "No OnPremises connector carries a restriction", CONNECTORS,
        locks.without_effect,
        Weight(HIGH, "It looks like a lock and Exchange ignores it: every host gets in."),
        "lift",
    ),
    Rule(
        "MP-24", "No restriction speaks for named senders alone", CONNECTORS,
        locks.scoped_by_sender,
        Weight(HIGH, "Every other sender domain gets in from any host: a sender chooses his own."),
        "lock",
    ),
    Rule(
        "MP-25", "No lock leaves accepted domains out", WITH_DOMAINS,
        locks.scoped_by_recipient,
        Weight(HIGH, "Mailboxes carry addresses of these domains too, initial domains above all."),
        "lock",
    ),
    Rule(
        "MP-26", "Own-domain restrictions let the gateway through", WITH_DOMAINS,
        locks.scoped_to_own,
        Weight(HIGH, "Own-domain mail that comes through the gateway is cut off."),
        "advice",
    ),
    Rule(
        "MP-27", "Addresses and certificate stand in connectors of their own", CONNECTORS,
        locks.both_proofs,
        Weight(LOW, "Microsoft asks for a connector each; how one with both decides is not said."),
        "split",
    ),
    Rule(
        "MP-28", "Restrictions by address ask for TLS", CONNECTORS,
        locks.in_clear,
        Weight(INFO, "The classic recipe, and acceptable: it can be spoofed only on the path."),
        "tls",
    ),
    # ---- 3x: who is let in -------------------------------------------------------------------
    Rule(
        "MP-31", "No shared range of a mail service is let in", ("inbound_connectors", "published"),
        sources.shared_range,
        Weight(MEDIUM, "Whoever can relay through the service gets in as the gateway does."),
        "advice",
    ),
    Rule(
        "MP-32", "No certificate of a whole vendor is let in", WITH_DOMAINS,
        certificates.vendor_name,
        Weight(MEDIUM, "The vendor's hosts show it for every customer whose mail they relay."),
        "advice",
    ),
    Rule(
        "MP-33", "No address that anyone may rent is let in", ("inbound_connectors", "published"),
        sources.rentable,
        Weight(HIGH, "An account at the provider is all it takes to deliver past the gateway."),
        "narrow",
    ),
    Rule(
        "MP-34", "Other Microsoft 365 tenants are not let in", CONNECTORS,
        certificates.other_tenants,
        Weight(CRITICAL, "Any tenant, a trial too, delivers by naming this one as its smart host."),
        "narrow",
    ),
    Rule(
        "MP-35", "No connector takes a wildcard of the own names", WITH_DOMAINS,
        certificates.wildcard,
        Weight(LOW, "Every host with such a certificate gets in, web servers included."),
        "advice",
    ),
    Rule(
        "MP-36", "No connector trusts another tenant", CONNECTORS,
        certificates.trusted_organizations,
        Weight(MEDIUM, "Mail of these tenants comes in whatever the connector restricts to."),
        "distrust",
    ),
    # ---- 4x: filtering -----------------------------------------------------------------------
    Rule(
        "MP-41", "No connection filter trusts the safe list", (*WITH_DOMAINS, "connection_filters"),
        filtering.safe_list,
        Weight(HIGH, "Strangers may deliver, and those on the list are not filtered."),
        "filtering",
    ),
    Rule(
        "MP-42", "Enhanced Filtering looks past approved hosts alone", WITH_DOMAINS,
        filtering.skip_listing,
        Weight(MEDIUM, "SPF and spoofing are judged by whatever address such a host claims."),
        "advice",
    ),
    Rule(
        "MP-43", "No transport rule stands in the place of a lock",
        (*WITH_DOMAINS, "transport_rules"),
        filtering.by_rule_alone,
        Weight(MEDIUM, "What becomes of the mail is a rule's doing: nobody sees it on the wire."),
        "lock",
    ),
    # ---- 5x: the own servers -----------------------------------------------------------------
    Rule(
        "MP-51", "TreatMessagesAsInternal is for own servers alone", CONNECTORS,
        hybrid.internal,
        Weight(HIGH, "Own-domain mail from these hosts passes for internal, past the spam filter."),
        "internal",
    ),
    Rule(
        "MP-52", "CloudServicesMailEnabled is for own servers alone", CONNECTORS,
        hybrid.cloud_services,
        Weight(HIGH, "Headers that mark mail as internal are believed of these hosts."),
        "advice",
    ),
    Rule(
        "MP-53", "No certificate of a source is about to expire", (*CONNECTORS, "moment"),
        hybrid.expiry, hybrid.EXPIRES[-1][1], "advice",
    ),
    Rule(
        "MP-54", "Certificates of sources bear the clientAuth usage", CONNECTORS,
        hybrid.client_auth,
        Weight(MEDIUM, "Whether such a certificate is still matched is not known to anyone."),
        "advice",
    ),
    Rule(
        "MP-55", "Certificates of sources match their connector", CONNECTORS,
        certified.recognised,
        Weight(HIGH, "The server is not recognised: where a lock stands it is cut off."),
        "advice",
    ),
    Rule(
        "MP-56", "OnPremises connectors ask for accepted names", WITH_DOMAINS,
        hybrid.literal_name,
        Weight(MEDIUM, "Its bounces and forwarded mail would meet a lock, and be refused by it."),
        "advice",
    ),
    # ---- 6x: recipients and address families -------------------------------------------------
    Rule(
        "MP-61", "No subdomain is accepted that the lock leaves out", WITH_DOMAINS,
        mail_routing.subdomains,
        Weight(MEDIUM, "Any host may deliver to a subdomain, where such recipients exist."),
        "lock",
    ),
    Rule(
        "MP-62", "The restriction speaks for IPv6 too", CONNECTORS,
        mail_routing.ipv6,
        Weight(LOW, "No IPv6 host satisfies it; that none gets in is believed, and not proved."),
        "ipv6",
    ),
)  # fmt: skip
