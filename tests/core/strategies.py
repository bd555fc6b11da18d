"""Random configurations and sessions that collide: few names and few addresses, used often."""

from typing import Any, Final

from hypothesis import strategies as st

from mailposture.core.attribution import Certificate, Session
from mailposture.core.configuration import (
    Configuration,
    ConnectorType,
    InboundConnector,
    Part,
    PartStatus,
    RejectDirectSend,
)
from tests.core.configurations import configuration, domain, lock, organization

OURS: Final = ("contoso.com", "contoso.onmicrosoft.com", "mail.contoso.com")
OTHERS: Final = ("fabrikam.com", "sub.fabrikam.com", "tailspin.example", "adatum.example")
SCOPES: Final = ("*", "fabrikam.com", "*.fabrikam.com", "contoso.com", "mail.contoso.com")
CERTIFICATES: Final = (
    "mail.contoso.com",
    "*.contoso.com",
    "gateway.fabrikam.com",
    "*.fabrikam.com",
    "contoso.com",
)
LISTS: Final = (
    "203.0.113.0/28",
    "203.0.113.10",
    "203.0.113.8-203.0.113.20",
    "198.51.100.0/24",
    "198.51.100.7",
    "2001:db8::/64",
)
SOURCES: Final = (
    "203.0.113.0",
    "203.0.113.10",
    "203.0.113.15",
    "203.0.113.20",
    "203.0.113.21",
    "198.51.100.7",
    "198.51.100.255",
    "192.0.2.1",
    "0.0.0.1",
    "255.255.255.255",
    "2001:db8::1",
    "::ffff:203.0.113.10",
)


def few(
    values: tuple[str, ...], least: int = 0, most: int = 2
) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), min_size=least, max_size=most, unique=True).map(tuple)


@st.composite
def connectors(draw: st.DrawFn, number: int = 0) -> InboundConnector:
    flag: Any = st.booleans()
    scopes = st.just(("*",)) | few(SCOPES, 1)
    return lock(
        guid=f"{number}",
        name=f"Connector {number}",
        enabled=draw(st.sampled_from((True, True, True, False))),
        connector_type=draw(st.sampled_from(ConnectorType)),
        sender_domains=draw(scopes),
        sender_ip_addresses=draw(few(LISTS)),
        restrict_domains_to_ip_addresses=draw(flag),
        restrict_domains_to_certificate=draw(flag),
        require_tls=draw(flag),
        tls_sender_certificate_name=draw(st.none() | st.sampled_from(CERTIFICATES)),
        associated_accepted_domains=draw(st.just(()) | few(OURS)),
    )


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    """Up to four connectors; now and then a part that could not be read."""
    count = draw(st.integers(0, 4))
    held = tuple(draw(connectors(number)) for number in range(count))
    names = draw(few(OURS, 1, 3))
    domains = tuple(
        domain(n, match_sub_domains=draw(st.sampled_from((True, False, None)))) for n in names
    )
    reject = draw(st.sampled_from(RejectDirectSend))
    made = configuration(*held, accepted_domains=domains, organization=organization(reject))
    return draw(st.just(made) | st.sampled_from(without(made)))


def without(made: Configuration) -> list[Configuration]:
    """The same, with a part of it not read."""
    return [
        configuration(
            *(made.inbound_connectors or ()),
            accepted_domains=made.accepted_domains,
            organization=made.organization,
            parts=tuple(
                Part(
                    name=part.name,
                    status=PartStatus.INCOMPLETE if part.name == name else part.status,
                )
                for part in made.parts
            ),
        )
        for name in ("inbound_connectors", "accepted_domains")
    ]


@st.composite
def certificates(draw: st.DrawFn) -> Certificate:
    name = draw(st.sampled_from((*CERTIFICATES, "deep.mail.contoso.com", "other.example")))
    return Certificate(common_name=name, alternative_names=draw(few(CERTIFICATES)))


@st.composite
def sessions(draw: st.DrawFn, recipients: tuple[str, ...]) -> Session:
    sender = draw(st.sampled_from(("", *OURS, *OTHERS)))
    certificate = draw(st.none() | certificates())
    return Session(
        source=draw(st.sampled_from(SOURCES)),
        mail_from=f"a@{sender}" if sender else "",
        recipient=f"b@{draw(st.sampled_from(recipients))}",
        tls=draw(st.booleans()) if certificate is None else True,
        certificate=certificate,
    )
