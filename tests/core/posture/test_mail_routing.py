"""Subdomains that the lock leaves out, and an endpoint that answers on IPv6."""

from typing import Any

import pytest

from mailposture.core.posture import Observed, Severity, Source
from tests.core.configurations import domain, lock
from tests.core.posture.tenants import GATEWAY, facts, mx, only, results

WITH_SUBDOMAINS = (domain("contoso.com", match_sub_domains=True),)
NAMED: dict[str, Any] = {"associated_accepted_domains": ("contoso.com",)}
ENDPOINT = "contoso-com.mail.protection.outlook.com"


@pytest.mark.parametrize(
    ("connectors", "domains", "said"),
    [
        ([lock(**NAMED)], WITH_SUBDOMAINS, "not_satisfied contoso.com"),
        ([lock(**NAMED)], (domain("contoso.com"),), "satisfied"),
        ([lock()], WITH_SUBDOMAINS, "satisfied"),
        ([lock(**NAMED), lock(guid="2", name="2")], WITH_SUBDOMAINS, "satisfied"),
        # Nothing is locked: MP-01 says that of the domain as well.
        ([], WITH_SUBDOMAINS, "satisfied"),
    ],
)
def test_subdomains_are_tried_on_the_model(
    connectors: list[Any], domains: tuple[Any, ...], said: str
) -> None:
    assert results("MP-61", facts(*connectors, accepted_domains=domains)) == [said]


def doors(*found: str) -> Observed:
    return Observed(endpoint_addresses=found)


SIX = Source(name="Gateway", addresses=("203.0.113.0/28", "2001:db8::25"))


@pytest.mark.parametrize(
    ("connectors", "more", "said", "severity"),
    [
        ([lock()], {"observed": doors("192.0.2.1", "2001:db8:1::1")}, "not_satisfied",
         Severity.LOW),
        ([lock()], {"observed": doors("2001:db8:1::1"), "sources": (SIX,)}, "not_satisfied",
         Severity.MEDIUM),
        ([lock()], {"observed": doors("192.0.2.1")}, "satisfied", None),
        ([lock()], {}, "unknown", None),
        ([lock()], {"domain_facts": mx(ENDPOINT, "192.0.2.1", "2001:db8:1::1")}, "not_satisfied",
         Severity.LOW),
        ([lock()], {"domain_facts": mx("mx.example.com", "2001:db8:1::1")}, "unknown", None),
        ([], {"observed": doors("2001:db8:1::1")}, "satisfied", None),
        ([lock(enabled=False)], {"observed": doors("2001:db8:1::1")}, "satisfied", None),
    ],
)  # fmt: skip
def test_a_lock_by_ipv4_does_not_speak_of_ipv6(
    connectors: list[Any], more: dict[str, Any], said: str, severity: Severity | None
) -> None:
    given = facts(*connectors, **{"sources": (GATEWAY,)} | more)
    found = only("MP-62", given)
    assert found.result == said
    if severity:
        assert found.severity is severity
        assert found.assumptions == ("ipv6_never_listed",)
