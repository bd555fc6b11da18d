"""Connectors in plain words: what they do, to whom, and what happens to everybody else."""

from typing import Any

import pytest

from mailposture.core.configuration import InboundConnector
from mailposture.core.sentences import connector
from tests.core.configurations import hybrid, lock

BY_CERTIFICATE: dict[str, Any] = {
    "restrict_domains_to_ip_addresses": False,
    "restrict_domains_to_certificate": True,
    "sender_ip_addresses": (),
    "tls_sender_certificate_name": "*.gateway.example",
    "require_tls": True,
}
UNRESTRICTED: dict[str, Any] = {"restrict_domains_to_ip_addresses": False}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            lock(),
            (
                "Mail from any sender domain to any accepted domain is taken only from "
                "203.0.113.10. "
                "Every other host is refused."
            ),
        ),
        (
            lock(require_tls=True, sender_ip_addresses=("203.0.113.10", "198.51.100.0/24")),
            (
                "Mail from any sender domain to any accepted domain is taken only from "
                "203.0.113.10 or "
                "198.51.100.0/24, over TLS. Every other host is refused."
            ),
        ),
        (
            lock(**BY_CERTIFICATE),
            (
                "Mail from any sender domain to any accepted domain is taken only from a host that "
                "shows a certificate for *.gateway.example. Every other host is refused."
            ),
        ),
        (
            lock(**BY_CERTIFICATE | {"restrict_domains_to_ip_addresses": True}),
            (
                "Mail from any sender domain to any accepted domain is taken from no address at "
                "all, and only from a host that shows a certificate for *.gateway.example. "
                "Every other host is refused."
            ),
        ),
        (
            lock(sender_domains=("*.fabrikam.com", "fabrikam.com")),
            (
                "Mail from fabrikam.com and its subdomains or fabrikam.com to any accepted domain "
                "is "
                "taken only from 203.0.113.10. Every other host is refused. Mail from other sender "
                "domains is not its concern."
            ),
        ),
        (
            lock(associated_accepted_domains=("contoso.com",)),
            (
                "Mail from any sender domain to contoso.com is taken only from 203.0.113.10. Every "
                "other host is refused. Mail to other accepted domains is not its concern."
            ),
        ),
        (
            lock(sender_domains=("fabrikam.com",), associated_accepted_domains=("contoso.com",)),
            (
                "Mail from fabrikam.com to contoso.com is taken only from 203.0.113.10. Every "
                "other "
                "host is refused. Mail from other sender domains and mail to other accepted "
                "domains are "
                "not its concern."
            ),
        ),
        (
            lock(sender_domains=()),
            (
                "Mail from no sender domain to any accepted domain is taken only from "
                "203.0.113.10. "
                "Every other host is refused. Mail from other sender domains is not its concern."
            ),
        ),
        (
            lock(**UNRESTRICTED),
            (
                "Mail from any sender domain to any accepted domain is taken from any host. "
                "It asks for no proof: every other host is let by, too."
            ),
        ),
        (
            lock(**UNRESTRICTED, require_tls=True),
            (
                "Mail from any sender domain to any accepted domain is taken from the hosts it "
                "names "
                "only over TLS. It asks for no proof of who sends: every other host is let by."
            ),
        ),
        (
            lock(**UNRESTRICTED, require_tls=True, sender_ip_addresses=()),
            (
                "Mail from any sender domain to any accepted domain is taken from any host that "
                "uses "
                "TLS. It asks for no proof of who sends: every other host is let by."
            ),
        ),
        (
            lock(sender_ip_addresses=tuple(f"203.0.113.{n}" for n in range(10, 16))),
            (
                "Mail from any sender domain to any accepted domain is taken only from "
                "203.0.113.10, "
                "203.0.113.11, 203.0.113.12 or 3 more (6 addresses in all). "
                "Every other host is refused."
            ),
        ),
        (lock(enabled=False), "Turned off. It decides nothing."),
        (hybrid(enabled=False), "Turned off. It decides nothing."),
        (
            hybrid(),
            (
                "A host that shows a certificate for mail.fabrikam.com is treated as fabrikam's "
                "own "
                "server. This connector refuses nobody."
            ),
        ),
        (
            hybrid(sender_ip_addresses=("203.0.113.25",)),
            (
                "A host that shows a certificate for mail.fabrikam.com, or comes from "
                "203.0.113.25, is "
                "treated as fabrikam's own server. This connector refuses nobody."
            ),
        ),
        (
            hybrid(tls_sender_certificate_name=None, sender_ip_addresses=("203.0.113.31",)),
            (
                "A host at 203.0.113.31 is treated as fabrikam's own server. "
                "This connector refuses nobody."
            ),
        ),
        (
            hybrid(tls_sender_certificate_name=None),
            (
                "It names no certificate and no address, so that no host matches it. "
                "This connector refuses nobody."
            ),
        ),
    ],
)
def test_a_connector_is_said_in_plain_words(value: InboundConnector, text: str) -> None:
    assert connector(value, owner="fabrikam").text == text


def test_what_a_reader_must_not_miss_is_strong() -> None:
    strong = [text for text, is_strong in connector(lock()).pieces if is_strong]
    assert strong == ["any sender domain", "any accepted domain", "203.0.113.10"]


def test_a_name_that_ends_in_s_takes_the_bare_apostrophe() -> None:
    assert "as adatums' own server" in connector(hybrid(), owner="adatums").text
    assert "as the tenant's own server" in connector(hybrid()).text


@pytest.mark.parametrize(
    ("value", "about"),
    [
        (lock(), "Partner, enabled"),
        (lock(enabled=False), "Partner, turned off"),
        (hybrid(), "OnPremises, enabled, made by the Hybrid Wizard"),
        (lock(connector_source="SomethingNew"), "Partner, enabled"),
    ],
)
def test_beside_the_name_stands_what_it_is(value: InboundConnector, about: str) -> None:
    assert connector(value).about == about
    assert connector(value).name == value.name


@pytest.mark.parametrize(
    ("value", "facts"),
    [
        (
            lock(),
            {
                "SenderDomains": "*",
                "SenderIPAddresses": "203.0.113.10",
                "RestrictDomainsToIPAddresses": "True",
                "RequireTls": "False",
            },
        ),
        (
            lock(**BY_CERTIFICATE),
            {
                "SenderDomains": "*",
                "RestrictDomainsToCertificate": "True",
                "RequireTls": "True",
                "TlsSenderCertificateName": "*.gateway.example",
            },
        ),
        (
            hybrid(),
            {
                "RequireTls": "True",
                "TlsSenderCertificateName": "mail.fabrikam.com",
                "CloudServicesMailEnabled": "True",
            },
        ),
        (
            lock(trusted_organizations=("fabrikam.onmicrosoft.com",)),
            {
                "SenderDomains": "*",
                "SenderIPAddresses": "203.0.113.10",
                "RestrictDomainsToIPAddresses": "True",
                "RequireTls": "False",
                "TrustedOrganizations": "fabrikam.onmicrosoft.com",
            },
        ),
        (lock(enabled=False), {"Enabled": "False"}),
    ],
)
def test_only_fields_that_decide_are_shown_and_under_exchange_s_names(
    value: InboundConnector, facts: dict[str, str]
) -> None:
    assert dict(connector(value).facts) == facts


def test_addresses_that_cannot_be_counted_are_listed_without_a_count() -> None:
    entries = ("a.example", "b.example", "c.example", "d.example", "e.example")
    assert connector(lock(sender_ip_addresses=entries)).text.startswith(
        "Mail from any sender domain to any accepted domain is taken only from a.example, "
        "b.example, c.example or 2 more."
    )
