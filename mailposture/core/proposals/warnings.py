"""What Exchange takes without a word, or with another meaning than one may think."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from mailposture.core.configuration import InboundConnector


def _both(c: InboundConnector) -> bool:
    return c.restrict_domains_to_ip_addresses and c.restrict_domains_to_certificate


def _no_address(c: InboundConnector) -> bool:
    return c.restrict_domains_to_ip_addresses and not c.sender_ip_addresses


def _no_name(c: InboundConnector) -> bool:
    return c.restrict_domains_to_certificate and not c.tls_sender_certificate_name


def _restricts_nothing(c: InboundConnector) -> bool:
    restricts = c.restrict_domains_to_ip_addresses or c.restrict_domains_to_certificate
    return not c.is_partner and restricts


def _internal(c: InboundConnector) -> bool:
    return bool(c.treat_messages_as_internal) and (
        c.is_partner or bool(c.cloud_services_mail_enabled)
    )


# Each takes the connector's name. Sources: the cmdlet pages, and for the first
# use-connectors-to-configure-mail-flow.
BOTH: Final = (
    "{name} restricts to addresses and to a certificate. Microsoft asks for a connector each:"
    " how one with both decides is not documented."
)
NO_ADDRESS: Final = (
    "{name} restricts to addresses and names none: by the letter everybody in its scope is"
    " refused, and Exchange may not store it."
)
NO_NAME: Final = (
    "{name} restricts to a certificate and names none: by the letter everybody in its scope is"
    " refused, and Exchange may not store it."
)
WITHOUT_EFFECT: Final = "{name} is an OnPremises connector: its restrictions have no effect."
INTERNAL: Final = (
    "{name} has TreatMessagesAsInternal on: Exchange takes that of OnPremises connectors alone,"
    " and only with CloudServicesMailEnabled off."
)

WARNINGS: Final[tuple[tuple[Callable[[InboundConnector], bool], str], ...]] = (
    (_both, BOTH),
    (_no_address, NO_ADDRESS),
    (_no_name, NO_NAME),
    (_restricts_nothing, WITHOUT_EFFECT),
    (_internal, INTERNAL),
)


def warnings(connectors: Iterable[InboundConnector]) -> Iterator[str]:
    """What to mind in these connectors, one sentence each."""
    for connector in connectors:
        for applies, says in WARNINGS:
            if applies(connector):
                yield says.format(name=connector.name)
