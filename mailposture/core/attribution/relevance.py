"""Which choices an answer can lean on at all: the others need not be tried.

Each row says what a session or a connector must be like for the alternative to be asked about.
The property tests hold the outcome to the sets, which try every alternative.
"""

from collections.abc import Callable, Mapping
from typing import Final

from mailposture.core.attribution import assumptions as by
from mailposture.core.attribution.gates import Look, Met
from mailposture.core.attribution.reading import below
from mailposture.core.configuration import InboundConnector


def _some(holds: Callable[[InboundConnector], bool]) -> Callable[[Look], bool]:
    return lambda it: any(holds(met.sight.connector) for met in it.met)


def _certificate(it: Look) -> bool:
    return it.session.certificate is not None


def _matches_own(it: Look) -> bool:
    return any((m.listed or m.named) and not m.sight.is_partner for m in it.met)


def _empty(connector: InboundConnector) -> bool:
    by_address = connector.restrict_domains_to_ip_addresses and not connector.sender_ip_addresses
    by_name = (
        connector.restrict_domains_to_certificate and not connector.tls_sender_certificate_name
    )
    return bool(by_address or by_name)


def _closer(it: Look) -> bool:
    """Whether some connector names the sender more closely than another does."""
    return len({met.sender for met in it.partners if met.sender}) > 1


def _proves(met: Met) -> bool:
    return met.sight.is_partner and (met.listed or met.named)


RELEVANT: Final[Mapping[str, Callable[[Look], bool]]] = {
    by.NULL_SENDER: lambda it: not it.session.sender_domain,
    by.HYBRID_EXEMPT: _matches_own,
    by.ASSOCIATED: lambda it: any(met.sight.associated for met in it.partners),
    by.LOCK_FIRST: lambda it: bool(it.rules.reject_direct_send) and it.sender_accepted,
    by.LOCK_BEFORE_DIRECTORY: lambda it: it.session.recipient_exists is False,
    by.IPV6: lambda it: it.session.is_ipv6,
    by.WITHOUT_TLS: _some(lambda c: c.restrict_domains_to_certificate and not c.require_tls),
    by.ANY_PROOF: lambda it: (
        any(_proves(met) and not met.sender for met in it.met) or not it.session.sender_domain
    ),
    by.NAME_NOT_ACCEPTED: _certificate,
    by.NAMES: _certificate,
    by.UNRESTRICTED_MATCH: lambda it: it.sender_accepted,
    by.TLS_OF_WHOM: lambda it: not it.session.tls,
    by.SUBDOMAINS: lambda it: it.session.recipient_domain not in it.rules.accepted,
    by.SUBDOMAINS_UNKNOWN: lambda it: below(
        it.session.recipient_domain, it.rules.maybe_with_subdomains
    ),
    by.DIRECT_SEND: lambda it: it.rules.reject_direct_send is None and it.sender_accepted,
    by.USAGE: _certificate,
    by.RESTRICTION_WINS: _closer,
    by.EMPTY_RESTRICTION: _some(_empty),
}
