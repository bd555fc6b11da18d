"""The organisation's own servers: each rule against a table of tenants."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailposture.core.posture import Facts, Finding, Severity, Source, SourceKind, assess
from tests.core.configurations import domain, hybrid, lock
from tests.core.posture.tenants import (
    AT,
    GATEWAY,
    RELAY,
    SERVER,
    facts,
    only,
    own_hybrid,
    results,
    server,
)

GUID = own_hybrid().guid
BAD = f"not_satisfied {GUID}"
BY_ADDRESS: dict[str, Any] = {"tls_sender_certificate_name": None}


@pytest.mark.parametrize(
    ("connector", "sources", "said"),
    [
        (own_hybrid(), (GATEWAY, SERVER), ["satisfied"]),
        (own_hybrid(), (GATEWAY,), ["unknown"]),
        (lock(), (GATEWAY,), ["satisfied"]),
        (own_hybrid(enabled=False), (), ["satisfied"]),
        (own_hybrid(sender_ip_addresses=("198.51.100.7",)), (SERVER,), ["satisfied"]),
        (own_hybrid(sender_ip_addresses=("198.51.100.0/28",)), (SERVER,), [BAD]),
        # A gateway in such a connector may relay through the tenant.
        (own_hybrid(sender_ip_addresses=("203.0.113.1",)), (GATEWAY, SERVER), [BAD]),
        (own_hybrid(**BY_ADDRESS, sender_ip_addresses=("192.0.2.30",)), (RELAY,), ["satisfied"]),
        (hybrid(), (SERVER,), [f"{BAD} certificate"]),
    ],
)
def test_an_on_premises_connector_names_no_more_than_the_own_servers(
    connector: Any, sources: tuple[Source, ...], said: list[str]
) -> None:
    assert results("MP-07", facts(connector, sources=sources)) == said


@pytest.mark.parametrize(
    ("rule", "flag"),
    [("MP-51", "treat_messages_as_internal"), ("MP-52", "cloud_services_mail_enabled")],
)
@pytest.mark.parametrize(
    ("value", "listed", "sources", "said"),
    [
        (False, ("192.0.2.0/28",), (SERVER,), "satisfied"),
        (True, ("198.51.100.7",), (SERVER,), "satisfied"),
        (True, ("192.0.2.0/28",), (SERVER,), BAD),
        (True, ("198.51.100.7",), (GATEWAY,), "unknown"),
        (None, ("198.51.100.7",), (SERVER,), "unknown"),
    ],
)
def test_what_passes_for_internal_is_for_own_servers_alone(  # noqa: PLR0917 - a row of the table
    rule: str,
    flag: str,
    value: bool | None,
    listed: tuple[str, ...],
    sources: tuple[Source, ...],
    said: str,
) -> None:
    connector = own_hybrid(sender_ip_addresses=listed, **{flag: value})
    assert results(rule, facts(connector, sources=sources)) == [said]


# ---- certificates --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "severity", "words"),
    [
        (timedelta(days=-1), Severity.CRITICAL, "has expired"),
        (timedelta(hours=5), Severity.HIGH, "expires today"),
        (timedelta(days=1, hours=5), Severity.HIGH, "expires in 1 day"),
        (timedelta(days=14), Severity.HIGH, "expires in 14 days"),
        (timedelta(days=29), Severity.MEDIUM, "expires in 29 days"),
        (timedelta(days=59), Severity.LOW, "expires in 59 days"),
    ],
)
def test_the_nearer_its_end_the_graver(left: timedelta, severity: Severity, words: str) -> None:
    given = facts(own_hybrid(), sources=(server(not_after=AT + left),), at=AT)
    found = only("MP-53", given)
    assert (found.result, found.severity) == ("not_satisfied", severity)
    assert found.sentence == f"The certificate of Hybrid {words}."


@pytest.mark.parametrize(
    ("connectors", "sources", "at", "said"),
    [
        ([own_hybrid()], (server(),), AT, "satisfied"),
        ([own_hybrid()], (server(),), None, "unknown"),
        ([own_hybrid()], (SERVER,), AT, "unknown"),
        ([own_hybrid()], (server(not_after=None),), AT, "unknown"),
        ([own_hybrid()], (), AT, "unknown"),
        ([lock()], (GATEWAY,), AT, "satisfied"),
        # One that is known does not speak for one that is not.
        ([own_hybrid()], (server(), Source(name="B", certificate_names=("b.example",))), AT,
         "unknown"),
    ],
)  # fmt: skip
def test_an_end_that_nobody_knows_is_not_a_distant_one(
    connectors: list[Any], sources: tuple[Source, ...], at: datetime | None, said: str
) -> None:
    assert results("MP-53", facts(*connectors, sources=sources, at=at)) == [said]


LATE = datetime(2027, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seen", "said", "severity"),
    [
        ({"client_auth": True}, "satisfied", Severity.MEDIUM),
        ({"client_auth": False}, "not_satisfied Hybrid", Severity.MEDIUM),
        ({"client_auth": None}, "unknown", Severity.MEDIUM),
        ({"issuer": "Sectigo RSA", "not_after": LATE}, "not_satisfied Hybrid", Severity.LOW),
        (
            {"issuer": "DigiCert", "not_after": datetime(2027, 2, 20, tzinfo=UTC)},
            "satisfied",
            Severity.MEDIUM,
        ),
        (
            {"issuer": "Sectigo", "not_after": datetime(2027, 2, 20, tzinfo=UTC)},
            "not_satisfied Hybrid",
            Severity.LOW,
        ),
        (
            {"issuer": None, "not_after": datetime(2027, 3, 20, tzinfo=UTC)},
            "not_satisfied Hybrid",
            Severity.LOW,
        ),
    ],
)
def test_the_client_auth_usage_and_the_day_on_which_authorities_drop_it(
    seen: dict[str, Any], said: str, severity: Severity
) -> None:
    given = {"not_after": datetime(2027, 1, 1, tzinfo=UTC)} | seen
    told = facts(own_hybrid(), sources=(server(**given),), at=AT)
    assert results("MP-54", told) == [said]
    assert only("MP-54", told).severity is severity


@pytest.mark.parametrize(
    ("left", "severity"),
    [
        (timedelta(days=31), Severity.LOW),
        (timedelta(days=30), Severity.MEDIUM),
        (timedelta(days=14), Severity.HIGH),
        (timedelta(hours=1), Severity.HIGH),
        # It gives none any more: what is left to do is to watch the renewal.
        (timedelta(), Severity.LOW),
    ],
)
def test_the_last_days_of_an_authority_that_gives_the_usage_are_told(
    left: timedelta, severity: Severity
) -> None:
    day = datetime(2027, 2, 10, tzinfo=UTC)
    source = server(issuer="Sectigo", not_after=day + timedelta(days=90))
    found = only("MP-54", facts(own_hybrid(), sources=(source,), at=day - left))
    assert found.severity is severity
    assert "2027-02-10" in found.sentence


def told(rule: str, given: Facts) -> Finding:
    """The one finding of a rule, with its near miss."""
    (found,) = (one for one in assess(given) if one.rule == rule)
    return found


NO_ISSUER = "unable to get local issuer certificate"


@pytest.mark.parametrize(
    ("connectors", "untrusted", "said"),
    [
        ([own_hybrid()], "", ["satisfied"]),
        ([own_hybrid()], None, ["satisfied"]),
        ([own_hybrid()], NO_ISSUER, ["not_satisfied Hybrid authority"]),
        # Nobody asks for it: an address is what counts there.
        ([own_hybrid(enabled=False)], NO_ISSUER, ["not_satisfied Hybrid"]),
    ],
)
def test_a_certificate_that_is_asked_for_leads_to_a_public_authority(
    connectors: list[Any], untrusted: str | None, said: list[str]
) -> None:
    told = facts(*connectors, sources=(server(untrusted=untrusted),))
    assert results("MP-55", told) == said


def test_what_a_public_authority_would_mend_is_said() -> None:
    found = told("MP-55", facts(own_hybrid(), sources=(server(untrusted=NO_ISSUER),)))
    assert found.near_miss == (
        "Would be satisfied if the certificate of Hybrid led to a public authority."
    )
    assert found.severity is Severity.HIGH


BY_CERTIFICATE: dict[str, Any] = {
    "restrict_domains_to_ip_addresses": False,
    "restrict_domains_to_certificate": True,
    "sender_ip_addresses": (),
    "tls_sender_certificate_name": "*.gateway.example",
}


def gateway(*names: str, addresses: tuple[str, ...] = ()) -> Source:
    shown = server(names=names).certificate
    return Source(name="Gateway", addresses=addresses, certificate=shown)


@pytest.mark.parametrize(
    ("connector", "source", "said"),
    [
        (lock(**BY_CERTIFICATE), gateway("a.gateway.example"), "satisfied"),
        (lock(**BY_CERTIFICATE), gateway("a.other.example"), "not_satisfied Gateway"),
        # Known by its address, of an unknown certificate, or asked for none.
        (lock(), gateway("a.other.example", addresses=("203.0.113.1",)), "satisfied"),
        (lock(**BY_CERTIFICATE), GATEWAY, "satisfied"),
        (lock(**BY_CERTIFICATE, enabled=False), gateway("a.other.example"), "satisfied"),
    ],
)
def test_a_gateways_certificate_bears_the_name_that_its_lock_asks_for(
    connector: Any, source: Source, said: str
) -> None:
    assert results("MP-55", facts(connector, sources=(source,))) == [said]


def test_a_lock_by_the_name_that_the_gateway_shows_is_the_near_miss() -> None:
    found = told("MP-55", facts(lock(**BY_CERTIFICATE), sources=(gateway("a.other.example"),)))
    assert found.severity is Severity.HIGH
    assert found.near_miss is not None
    assert "asked for a certificate of a.other.example" in found.near_miss


def test_a_certificate_without_the_usage_is_not_said_to_be_refused() -> None:
    found = only("MP-54", facts(own_hybrid(), sources=(server(client_auth=False),)))
    assert "not known" in found.sentence
    assert found.assumptions == ("client_auth_usage",)


@pytest.mark.parametrize(
    ("connectors", "sources", "said"),
    [
        ([own_hybrid()], (server(),), "satisfied"),
        ([own_hybrid()], (server(names=("mail.fabrikam.com",)),), "not_satisfied Hybrid"),
        ([own_hybrid(enabled=False)], (server(),), "not_satisfied Hybrid"),
        ([own_hybrid()], (SERVER,), "unknown"),
        ([lock()], (GATEWAY,), "satisfied"),
        # It is known by its address, so that its name is not asked for.
        (
            [own_hybrid(**BY_ADDRESS, sender_ip_addresses=("198.51.100.7",))],
            (
                Source(
                    name="Hybrid",
                    kind=SourceKind.HYBRID,
                    addresses=("198.51.100.7",),
                    certificate=server(names=("x.example",)).certificate,
                ),
            ),
            "satisfied",
        ),
    ],
)
def test_a_hybrid_certificate_bears_a_name_that_some_connector_asks_for(
    connectors: list[Any], sources: tuple[Source, ...], said: str
) -> None:
    assert results("MP-55", facts(*connectors, sources=sources)) == [said]


@pytest.mark.parametrize(
    ("connectors", "said", "severity"),
    [
        ([hybrid()], BAD, Severity.MEDIUM),
        ([hybrid(), lock()], BAD, Severity.HIGH),
        ([own_hybrid()], "satisfied", Severity.MEDIUM),
        ([hybrid(enabled=False)], "satisfied", Severity.MEDIUM),
    ],
)
def test_a_name_that_is_no_accepted_domain_does_not_make_mail_the_tenants_own(
    connectors: list[Any], said: str, severity: Severity
) -> None:
    given = facts(*connectors)
    assert results("MP-56", given) == [said]
    assert only("MP-56", given).severity is severity


def test_the_name_itself_may_be_an_accepted_domain() -> None:
    given = facts(hybrid(), accepted_domains=(domain("mail.fabrikam.com"),))
    assert results("MP-56", given) == ["satisfied"]
