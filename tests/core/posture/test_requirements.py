"""The requirements that a configuration answers by itself, each against a table of them."""

from dataclasses import replace
from typing import Any

import pytest

from mailposture.core.configuration import (
    Configuration,
    ConnectorType,
    DomainFacts,
    InboundConnector,
    MxHost,
    Organization,
    PartStatus,
    RejectDirectSend,
)
from mailposture.core.posture import (
    Facts,
    Finding,
    Result,
    Source,
    gateways,
    judged,
    listed,
)
from tests.factories import configuration, lock, without

GATEWAY = gateways(("203.0.113.0/28",))
YES, NO, UNKNOWN = Result.SATISFIED, Result.NOT_SATISFIED, Result.UNKNOWN


def finding(rule: str, seen: Configuration, sources: tuple[Source, ...] = GATEWAY) -> Finding:
    (found,) = judged(Facts(configuration=seen, sources=sources), rule)
    return found


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({}, YES),
        ({"enabled": False}, NO),
        ({"connector_type": ConnectorType.ON_PREMISES}, NO),
        ({"sender_domains": ("contoso.com",)}, NO),
        ({"restrict_domains_to_ip_addresses": False}, NO),
        ({"sender_ip_addresses": ()}, NO),
        (
            {
                "restrict_domains_to_ip_addresses": False, "restrict_domains_to_certificate": True,
                "tls_sender_certificate_name": "*.contoso.com",
            },
            YES,
        ),
        (
            {"restrict_domains_to_ip_addresses": False, "restrict_domains_to_certificate": True},
            NO,
        ),
        ({"sender_domains": ("*", "contoso.com")}, YES),
    ],
)  # fmt: skip
def test_the_lock_is_a_partner_connector_that_any_sender_falls_under_and_that_names_its_proof(
    changes: dict[str, Any], result: Result
) -> None:
    assert finding("MP-01", configuration(lock(**changes))).result is result


def test_without_any_connector_there_is_no_lock() -> None:
    assert finding("MP-01", configuration()).result is NO


def test_a_lock_that_is_turned_off_is_named() -> None:
    found = finding("MP-01", configuration(lock(enabled=False)))
    assert found.sentence.endswith("Turned off: Lock to gateway.")
    assert "Lock to gateway: Partner, turned off, SenderDomains = *" in found.evidence


@pytest.mark.parametrize(
    ("setting", "result"),
    [
        (RejectDirectSend.ON, YES),
        (RejectDirectSend.OFF, NO),
        (RejectDirectSend.NOT_CONFIGURED, UNKNOWN),
        (RejectDirectSend.UNKNOWN, UNKNOWN),
    ],
)
def test_direct_send_is_judged_by_its_switch_and_null_is_not_off(
    setting: RejectDirectSend, result: Result
) -> None:
    seen = replace(
        configuration(), organization=Organization(name="contoso", reject_direct_send=setting)
    )
    assert finding("MP-02", seen).result is result


DOMAINS = ("contoso.com", "contoso.onmicrosoft.com")


@pytest.mark.parametrize(
    ("connectors", "outside"),
    [
        ((lock(),), ()),
        ((lock(associated_accepted_domains=("contoso.com",)),), ("contoso.onmicrosoft.com",)),
        ((lock(associated_accepted_domains=("CONTOSO.COM", "contoso.onmicrosoft.com")),), ()),
        (
            (
                lock(associated_accepted_domains=("contoso.com",)),
                lock(associated_accepted_domains=("contoso.onmicrosoft.com",)),
            ),
            (),
        ),
        ((lock(associated_accepted_domains=("contoso.com",)), lock()), ()),
        ((), DOMAINS),
        ((lock(enabled=False),), DOMAINS),
    ],
)
def test_a_lock_that_names_domains_covers_only_these(
    connectors: tuple[InboundConnector, ...], outside: tuple[str, ...]
) -> None:
    found = finding("MP-05", configuration(*connectors, domains=DOMAINS))
    assert found.evidence == outside
    assert found.result is (NO if outside else YES)


@pytest.mark.parametrize(
    ("named", "known", "result"),
    [
        ((), True, YES),
        ((), False, YES),
        (("contoso.com",), True, NO),
        (("contoso.com",), False, UNKNOWN),
        (DOMAINS, True, YES),
    ],
)
def test_a_lock_denies_by_default_only_where_it_covers_every_accepted_domain(
    named: tuple[str, ...], known: bool, result: Result
) -> None:
    seen = configuration(lock(associated_accepted_domains=named), domains=DOMAINS)
    if not known:
        seen = without(seen, "accepted_domains", PartStatus.FORBIDDEN, "403")
    found = finding("MP-01", seen)
    assert found.result is result
    assert ("contoso.onmicrosoft.com" in found.sentence) is (result is NO)


def facts(*hosts: tuple[str, tuple[str, ...]], domain: str = "contoso.com") -> Configuration:
    mx = tuple(MxHost(preference=10, host=host, addresses=found) for host, found in hosts)
    return replace(configuration(), domain_facts=(DomainFacts(domain=domain, mx=mx),))


@pytest.mark.parametrize(
    ("seen", "result"),
    [
        (facts(("mx.contoso.com", ("203.0.113.10",))), YES),
        (facts(("mx.contoso.com", ("203.0.113.10", "198.51.100.1"))), NO),
        (facts(("contoso-com.mail.protection.outlook.com", ("192.0.2.20",))), NO),
        (facts(("mx.contoso.com", ())), UNKNOWN),
        (facts(("mx.contoso.com", ()), ("other.example", ("192.0.2.1",))), NO),
        (facts(), UNKNOWN),
        (facts(("x.mail.protection.outlook.com", ("192.0.2.2",)),
               domain="contoso.onmicrosoft.com"), UNKNOWN),
    ],
)  # fmt: skip
def test_mx_records_are_compared_with_the_approved_gateways(
    seen: Configuration, result: Result
) -> None:
    assert finding("MP-08", seen).result is result


@pytest.mark.parametrize(
    ("domain", "other", "result"),
    [
        ("contoso.net", "203.0.113.10", UNKNOWN),
        ("contoso.net", "198.51.100.1", NO),
        ("contoso.onmicrosoft.com", "203.0.113.10", YES),
    ],
)
def test_an_mx_that_could_not_be_asked_for_is_not_none(
    domain: str, other: str, result: Result
) -> None:
    asked = facts(("mx.contoso.com", (other,)))
    unasked = DomainFacts(domain=domain, mx=None)
    found = finding("MP-08", replace(asked, domain_facts=(*(asked.domain_facts or ()), unasked)))
    assert found.result is result
    assert ("the MX of contoso.net" in found.sentence) is (result is UNKNOWN)


@pytest.mark.parametrize("entries", [(), ("no address",)])
def test_without_a_declared_gateway_no_mx_is_judged(entries: tuple[str, ...]) -> None:
    seen = facts(("mx.contoso.com", ("203.0.113.10",)))
    assert finding("MP-08", seen, gateways(entries)).result is UNKNOWN


def test_many_names_are_counted() -> None:
    assert listed([f"d{n}" for n in range(7)]) == "d0, d1, d2, d3, d4 and 2 more"
