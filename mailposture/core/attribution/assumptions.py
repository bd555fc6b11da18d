"""The choices that public sources leave open, in one table: a better fact changes one row.

An answer rests on a choice where its alternative would answer otherwise. Where no source proposes
an alternative, the opposite stands there all the same, so that it can be said what leans on it.
Sources: docs/decisions/0017-what-the-model-assumes.md.
"""

from dataclasses import dataclass
from typing import Final

type Choices = frozenset[str]  # names of the assumptions whose alternative is taken

DEFAULTS: Final[Choices] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Assumption:
    """One choice: what is taken to be so, what else may be so, and who says what."""

    name: str
    default: str
    alternative: str
    source: str
    # Whether an answer that rests on it is no answer at all, and is said to be unknown.
    undecided: bool = False


NULL_SENDER: Final = "null_sender_in_wildcard"
HYBRID_EXEMPT: Final = "hybrid_exempt"
ASSOCIATED: Final = "associated_domains_scope_recipients"
LOCK_FIRST: Final = "lock_before_direct_send"
LOCK_BEFORE_DIRECTORY: Final = "lock_before_directory"
IPV6: Final = "ipv6_never_listed"
WITHOUT_TLS: Final = "certificate_without_require_tls"
ANY_PROOF: Final = "any_satisfied_restriction_is_proof"
NAME_NOT_ACCEPTED: Final = "certificate_name_need_not_be_accepted"
NAMES: Final = "certificate_names"
UNRESTRICTED_MATCH: Final = "matching_without_restriction"
TLS_OF_WHOM: Final = "require_tls_asks_whom_it_identifies"
SUBDOMAINS: Final = "match_subdomains"
SUBDOMAINS_UNKNOWN: Final = "match_subdomains_unknown"
DIRECT_SEND: Final = "direct_send_setting_unknown"
USAGE: Final = "client_auth_usage"
RESTRICTION_WINS: Final = "restriction_beats_allow_by_domain"
EMPTY_RESTRICTION: Final = "empty_restriction_refuses"

ASSUMPTIONS: Final = (
    Assumption(
        name=NULL_SENDER,
        default="The null sender (<>) is within SenderDomains *.",
        alternative="The null sender has no domain, so that no connector's scope holds it.",
        source="New-InboundConnector (* is all mail); never observed, open",
    ),
    Assumption(
        name=HYBRID_EXEMPT,
        default=(
            "A session that matches an enabled OnPremises connector is the tenant's own mail, and"
            " no Partner connector is asked."
        ),
        alternative="Partner connectors are asked of the tenant's own mail too.",
        source="MC1226222, updated requirements for SMTP relay; that a match exempts is practice",
    ),
    Assumption(
        name=ASSOCIATED,
        default="AssociatedAcceptedDomains limits a connector to recipients of these domains.",
        alternative="AssociatedAcceptedDomains limits a connector to senders of these domains.",
        source="use-connectors-to-configure-mail-flow against New-InboundConnector: contradictory",
    ),
    Assumption(
        name=LOCK_FIRST,
        default="Where a connector and RejectDirectSend both refuse, 5.7.51 is said.",
        alternative="Where both refuse, 5.7.68 is said.",
        source="not documented, open; the refusal stands either way",
    ),
    Assumption(
        name=LOCK_BEFORE_DIRECTORY,
        default="Connectors and RejectDirectSend answer before the directory does.",
        alternative="A recipient who does not exist is refused (5.4.1) before any of these.",
        source="practitioner reports of probes to random addresses; order not documented",
    ),
    Assumption(
        name=IPV6,
        default="An IPv6 client meets no address restriction: SenderIPAddresses holds IPv4 alone.",
        alternative="An address restriction is not asked of an IPv6 client.",
        source="New-InboundConnector (IPv4 only); what follows for IPv6 clients is open",
    ),
    Assumption(
        name=WITHOUT_TLS,
        default="RestrictDomainsToCertificate works with RequireTls off.",
        alternative="With RequireTls off, a certificate restriction is not evaluated.",
        source="New-InboundConnector: TlsSenderCertificateName is 'used when RequireTls is true'",
    ),
    Assumption(
        name=ANY_PROOF,
        default=(
            "A restriction satisfied at any enabled Partner connector lets in, whatever that"
            " connector's SenderDomains."
        ),
        alternative="Only a connector in whose SenderDomains the sender is can let in.",
        source="use-connectors-to-configure-mail-flow ('pulled up by IP or certificate lookup')",
    ),
    Assumption(
        name=NAME_NOT_ACCEPTED,
        default="A Partner connector's literal TlsSenderCertificateName may be any domain.",
        alternative="It must be an accepted domain of the tenant.",
        source="Microsoft support (Japan) has a counter-case; vendors' recipes rely on the default",
    ),
    Assumption(
        name=NAMES,
        default="A certificate bears its common name and every subject alternative name.",
        alternative="A certificate bears its common name alone.",
        source="New-InboundConnector says Subject, the relay article CN or SAN: contradictory",
    ),
    Assumption(
        name=UNRESTRICTED_MATCH,
        default=(
            "An enabled connector that names the source excuses it from RejectDirectSend, also"
            " where it restricts nothing."
        ),
        alternative="Only a satisfied restriction excuses from RejectDirectSend.",
        source="Set-OrganizationConfig ('connectors configured to match'), against field reports",
    ),
    Assumption(
        name=TLS_OF_WHOM,
        default="RequireTls of a connector that names its sources is asked of these sources alone.",
        alternative="RequireTls is asked of every sender in the connector's SenderDomains.",
        source="set-up-connectors-for-secure-mail-flow-with-a-partner, Example 5",
    ),
    Assumption(
        name=SUBDOMAINS,
        default="An accepted domain with MatchSubDomains takes recipients of its subdomains.",
        alternative="It takes recipients of the domain itself alone.",
        source="Get-AcceptedDomain",
    ),
    Assumption(
        name=SUBDOMAINS_UNKNOWN,
        default="Where MatchSubDomains could not be read, it is taken as off.",
        alternative="It is on, so that recipients of its subdomains are the tenant's.",
        source="Set-AcceptedDomain: off unless it was set; the row that was read does not say",
        undecided=True,
    ),
    Assumption(
        name=DIRECT_SEND,
        default="Where RejectDirectSend could not be read, it is taken as off.",
        alternative="It is on.",
        source="Set-OrganizationConfig names no default; new tenants may begin with it on",
        undecided=True,
    ),
    Assumption(
        name=USAGE,
        default="A client certificate without the clientAuth usage is taken.",
        alternative="It is not taken, so that its names prove nothing.",
        source="no source; public authorities drop the usage in 2027",
        undecided=True,
    ),
    Assumption(
        name=RESTRICTION_WINS,
        default=(
            "A restriction in scope refuses also what a more specific connector would take, and"
            " lets in also what a more specific one would refuse."
        ),
        alternative="The connector whose SenderDomains is most specific decides.",
        source="use-connectors-to-configure-mail-flow, against msxfaq.de on wildcards",
    ),
    Assumption(
        name=EMPTY_RESTRICTION,
        default="A restriction that names no address or certificate refuses everyone in scope.",
        alternative="A restriction that names none is not evaluated.",
        source="New-InboundConnector read literally; Exchange normally refuses to store it",
    ),
)

# What could not be read, named where an assumption is: never taken for "none".
CONNECTORS_UNKNOWN: Final = "inbound_connectors_unknown"
DOMAINS_UNKNOWN: Final = "accepted_domains_unknown"

MISSING_PARTS: Final = {
    "inbound_connectors": Assumption(
        name=CONNECTORS_UNKNOWN,
        default="The answer is that of the connectors that were read.",
        alternative="A connector that was not read may refuse, or let in.",
        source="Get-InboundConnector was not read, or not whole",
        undecided=True,
    ),
    "accepted_domains": Assumption(
        name=DOMAINS_UNKNOWN,
        default="The recipient's domain is taken for one of the tenant's own, and no other domain.",
        alternative="It is none of its own, or the sender's domain is one as well.",
        source="Get-AcceptedDomain was not read, or not whole",
        undecided=True,
    ),
}

# What holds of every answer about mail that another tenant could claim, and can be read nowhere: it
# is said in the way to such an answer, and named by none, or nearly all would name it.
OTHER_TENANTS: Final = "other_tenants_connectors"

OF_ALL: Final = (
    Assumption(
        name=OTHER_TENANTS,
        default="No OnPremises connector of another tenant takes this session for its own mail.",
        alternative="One that names this host does: the session is that tenant's, and is taken.",
        source="attribution looks at OnPremises connectors of any tenant first; open what follows",
    ),
)

BY_NAME: Final = {a.name: a for a in (*ASSUMPTIONS, *MISSING_PARTS.values(), *OF_ALL)}
UNDECIDED: Final = frozenset(a.name for a in BY_NAME.values() if a.undecided)
