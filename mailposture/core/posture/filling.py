"""What an empty restriction could name: near misses try these ways, and the script takes one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from mailposture.core.addresses import AddressSet
from mailposture.core.attribution.reading import WILDCARD
from mailposture.core.configuration import InboundConnector
from mailposture.core.posture.facts import Facts, SourceKind, ipv4
from mailposture.core.posture.findings import listed
from mailposture.core.posture.shared_names import shared_name

NAME: Final = "asked for a certificate of {}"


@dataclass(frozen=True, slots=True)
class Filling:
    """Fields of a connector after which it names somebody approved; said after "if", and as a
    thing to do.
    """

    words: str
    title: str
    fields: dict[str, Any]


def own_names(facts: Facts, *kinds: SourceKind) -> list[str]:
    """Names that approved sources show, and that no service shows for others too."""
    return [n for n in facts.names_of(*kinds) if WILDCARD not in n and not shared_name(n)]


def fillings(facts: Facts, connector: InboundConnector) -> Iterator[Filling]:
    """By the addresses that are approved, then by each name that the gateway alone shows."""
    # Only what is approved: a list that decides nothing today is nobody's word for its hosts.
    kept = ipv4(connector.sender_ip_addresses) & facts.everyone_approved
    if found := (kept or AddressSet(v4=facts.gateways.v4)).cidrs():
        yield by_addresses(connector, found)
    for name in own_names(facts, SourceKind.GATEWAY):
        yield _by_name(connector, name)


def by_addresses(connector: InboundConnector, entries: tuple[str, ...]) -> Filling:
    """It asks for these addresses, and for a certificate no longer where it names none."""
    fields = {"restrict_domains_to_ip_addresses": True, "sender_ip_addresses": entries}
    words = f"listed {listed(entries)}"
    if connector.restrict_domains_to_certificate and not connector.tls_sender_certificate_name:
        fields["restrict_domains_to_certificate"] = False
        words = f"restricted to the addresses {listed(entries)} in the place of a certificate"
    return Filling(words, "name the gateway's addresses", fields)


def _by_name(connector: InboundConnector, name: str) -> Filling:
    """It asks for this certificate, and for addresses no longer where it lists none."""
    fields = {"restrict_domains_to_certificate": True, "tls_sender_certificate_name": name}
    words = NAME.format(name)
    if connector.restrict_domains_to_ip_addresses and not connector.sender_ip_addresses:
        fields["restrict_domains_to_ip_addresses"] = False
        words = f"{words} in the place of addresses"
    return Filling(words, f"ask for the certificate of {name}", fields)
