"""What to do where no script may do it: the mending lies with people, or outside the tenant."""

from typing import Final

from mailposture.core.posture.facts import Facts
from mailposture.core.posture.findings import Finding
from mailposture.core.posture.remediation.scripts import Script

ADVICE: Final = {
    "MP-06": (
        (
            "Find out who shows this certificate. If it is a host of the organisation's own,"
            " declare it; else ask for another name in the connector."
        ),
    ),
    "MP-07": (
        (
            "Find out which server shows this certificate. A hybrid server of one's own: declare it"
            " with the certificate. If none shows it, ask for another name in the connector."
        ),
    ),
    "MP-08": (
        "Point the MX of each named domain at the gateway, and nowhere else.",
        "A domain that sends and receives nothing: publish the null MX of RFC 7505.",
    ),
    "MP-10": (
        "Probe the path once more, from another front end and another vantage point.",
        "Read the configuration again. If both stay, compare with the assumptions named there.",
    ),
    "MP-11": (
        "Mend what keeps the tenant from being read or asked: credential, role, vantage point.",
    ),
    "MP-12": ("Say on the page of each change whether it was meant, and let the probes answer.",),
    "MP-13": ("Renew the exception with a name and an end, or mend what it excuses.",),
    "MP-22": ("Name the gateway's addresses, or turn the restriction off.",),
    "MP-23": ("Take the restriction off; what refuses strangers is a Partner connector.",),
    "MP-26": (
        (
            "Put a lock for every sender beside it that the gateway satisfies (MP-01), and let the"
            " vendor's connector list the gateway's addresses as well."
        ),
        "Then send own-domain mail through the gateway and see it come in.",
    ),
    "MP-27": ("Name what is missing of the two, or turn off the restriction that names nothing.",),
    "MP-28": ("Turn RequireTls on once the gateway is seen to use TLS.",),
    "MP-31": (
        "Ask the service for a certificate or addresses that are this tenant's alone.",
        (
            "Where there are none: justify it as an exception, and let the gateway's own control"
            " (an authenticated relay, a header it signs) stand beside it."
        ),
    ),
    "MP-32": (
        "Ask the vendor for a name that is this tenant's alone, and put that in the connector.",
    ),
    "MP-33": ("Ask the gateway for addresses that it alone sends from.",),
    "MP-34": (
        "Leave them out. Mail between tenants comes through the gateway, as all other.",
        "Ask for a certificate that the gateway alone shows, and declare it with the gateway.",
    ),
    "MP-35": (
        (
            "Put the one name in the connector that the server shows; give the server a certificate"
            " of its own."
        ),
        (
            "In an OnPremises connector a name without *. has to be an accepted domain (MP-56): add"
            " it first, or mail of foreign senders through the server meets the lock."
        ),
    ),
    "MP-36": ("Empty TrustedOrganizations unless mail between the tenants is meant to go there.",),
    "MP-42": ("Skip the gateway's own addresses alone (EFSkipIPs), and not whatever came last.",),
    "MP-51": ("Turn TreatMessagesAsInternal off, or narrow the connector to the own servers.",),
    "MP-52": (
        (
            "Narrow the connector to the hybrid servers. Turned off, hybrid mail loses its internal"
            " marks: let the Hybrid Wizard make its connector again, and try it at a quiet time."
        ),
    ),
    "MP-53": (
        (
            "Order the renewal now, with the same names. Try it on a path of its own before the old"
            " one is taken away: the renewal is the dangerous day."
        ),
    ),
    "MP-54": (
        "Ask the authority for a certificate with the clientAuth usage while it still gives one.",
        "Watch the hybrid path closely on the day of the renewal: what is answered is not known.",
    ),
    "MP-55": (
        (
            "Renew the certificate with the name that the connector asks for, or set"
            " TlsSenderCertificateName to a name that it bears and that is an accepted domain."
        ),
        (
            "One of a private authority has to be replaced by a public authority's, and its chain"
            " sent whole: Exchange Online trusts no other."
        ),
    ),
    "MP-56": (
        (
            "Add the name as an accepted domain, or ask for *. and an accepted domain that the"
            " certificate's name lies below."
        ),
    ),
    "MP-62": ("Take the endpoint's IPv6 addresses out of DNS, or give the gateway IPv4 alone.",),
}


def advice(facts: Facts, finding: Finding) -> Script:
    """What to do, in sentences."""
    del facts
    words = ADVICE.get(finding.rule, ("No script answers this; see the rule.",))
    return Script(key="advice", title=finding.sentence, advice=words)
