"""Who is let in beyond the approved: each rule against a table of tenants."""

from typing import Any

import pytest

from mailposture.core.posture import Severity, Source, assess
from tests.core.configurations import GUID, lock
from tests.core.posture.tenants import (
    GATEWAY,
    RELAY,
    SERVER,
    facts,
    only,
    own_hybrid,
    published,
    results,
    unread,
)

BAD = f"not_satisfied {GUID}"
CERTIFICATE: dict[str, Any] = {
    "restrict_domains_to_ip_addresses": False,
    "restrict_domains_to_certificate": True,
    "sender_ip_addresses": (),
    "require_tls": True,
}


@pytest.mark.parametrize(
    ("connectors", "sources", "said"),
    [
        ([lock()], (GATEWAY,), ["satisfied"]),
        ([lock()], (), ["unknown"]),
        ([lock(sender_ip_addresses=("203.0.113.0/24",))], (GATEWAY,), [BAD]),
        ([lock(sender_ip_addresses=("203.0.113.0/24",), enabled=False)], (GATEWAY,),
         ["not_satisfied"]),
        ([lock(sender_ip_addresses=("203.0.113.1", "192.0.2.30"))], (GATEWAY,), [BAD]),
        ([lock(sender_ip_addresses=("203.0.113.1", "192.0.2.30"))], (GATEWAY, RELAY),
         ["satisfied"]),
        ([], (GATEWAY,), ["not_satisfied"]),
        ([lock(**CERTIFICATE, tls_sender_certificate_name="mx.example.com")], (GATEWAY,),
         [f"{BAD} certificate"]),
        ([lock(**CERTIFICATE, tls_sender_certificate_name="*.example.com")],
         (Source(name="G", certificate_names=("mx.example.com",)),), ["satisfied"]),
    ],
)  # fmt: skip
def test_what_satisfies_a_restriction_is_no_more_than_what_is_approved(
    connectors: list[Any], sources: tuple[Source, ...], said: list[str]
) -> None:
    assert results("MP-06", facts(*connectors, sources=sources)) == said


def test_what_lies_beyond_the_approved_is_counted_and_named() -> None:
    found = only("MP-06", facts(lock(sender_ip_addresses=("203.0.113.0/24",))))
    assert found.sentence == "Lock to gateway lets in 240 addresses beyond the approved sources."
    assert "Lets in: 256 addresses." in found.evidence
    assert found.evidence[1].startswith("Not approved: 203.0.113.16/28, 203.0.113.32/27")
    assert found.severity is Severity.MEDIUM


def test_the_one_entry_too_many_is_the_near_miss() -> None:
    given = facts(lock(sender_ip_addresses=("203.0.113.0/28", "192.0.2.0/24", "203.0.113.4")))
    (found,) = (f for f in assess(given) if f.rule == "MP-06")
    assert found.near_miss == "Would be satisfied if Lock to gateway did not list 192.0.2.0/24."


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (
            ("203.0.113.0/28", "192.0.2.0/24", "192.0.2.9"),
            "did not list 192.0.2.0/24 and 192.0.2.9",
        ),
        # What is approved of an entry stays.
        (("203.0.113.0/24",), "listed 203.0.113.0/28 in the place of 203.0.113.0/24"),
    ],
)
def test_a_few_entries_too_many_are_one_change_of_one_field(
    entries: tuple[str, ...], words: str
) -> None:
    (found,) = (f for f in assess(facts(lock(sender_ip_addresses=entries))) if f.rule == "MP-06")
    assert found.near_miss == f"Would be satisfied if Lock to gateway {words}."


def test_more_than_three_entries_too_many_are_no_near_miss_and_it_is_said_why() -> None:
    many = tuple(f"192.0.2.{n}" for n in range(4))
    given = facts(lock(sender_ip_addresses=("203.0.113.0/28", *many)))
    (found,) = (f for f in assess(given) if f.rule == "MP-06")
    assert found.near_miss is None
    assert "More than three entries are too many" in found.no_near_miss


# ---- published ranges ----------------------------------------------------------------------

CLOUD = published("Example Cloud", "203.0.113.0/29", url="https://example.net/ranges.json")
SERVICE = published("Example Relay", "203.0.113.0/24", kind="mail service")
OTHERS = published("Exchange Online", "203.0.113.8/29", kind="mail service", microsoft=True)
CLOSED = published("Example Bank", "203.0.113.0/24", anyone=False)


@pytest.mark.parametrize(
    ("rule", "beside", "said"),
    [
        ("MP-31", (), ["unknown"]),
        ("MP-31", CLOUD, ["satisfied"]),
        ("MP-31", SERVICE, [f"{BAD} Example Relay"]),
        ("MP-31", OTHERS, ["satisfied"]),
        ("MP-33", (), ["unknown"]),
        ("MP-33", CLOUD, [f"{BAD} Example Cloud"]),
        ("MP-33", SERVICE, [f"{BAD} Example Relay"]),
        ("MP-33", (*CLOUD, *SERVICE), [f"{BAD} Example Cloud", f"{BAD} Example Relay"]),
        ("MP-33", CLOSED, ["satisfied"]),
        ("MP-33", OTHERS, ["satisfied"]),
        ("MP-33", published("Far", "192.0.2.0/24"), ["satisfied"]),
        ("MP-34", (), ["unknown"]),
        ("MP-34", OTHERS, [f"{BAD} Exchange Online"]),
        ("MP-34", CLOUD, ["satisfied"]),
    ],
)
def test_what_is_let_in_is_crossed_with_what_others_publish(
    rule: str, beside: Any, said: list[str]
) -> None:
    given = facts(lock(sender_ip_addresses=("203.0.113.4-203.0.113.9",)), published=beside)
    assert results(rule, given) == said


def test_the_rentable_witness_is_the_smallest_address_of_the_crossing() -> None:
    given = facts(lock(sender_ip_addresses=("203.0.113.7", "203.0.113.4")), published=CLOUD)
    found = only("MP-33", given)
    assert found.sentence == "Anyone with an account at Example Cloud can send from 203.0.113.4."
    assert found.evidence == (
        "Lock to gateway lets in 2 addresses of Example Cloud: 203.0.113.4, 203.0.113.7.",
        "Example Cloud publishes 8 addresses, as of 2026-11-01, https://example.net/ranges.json.",
        "How many others send from there is unknown: nobody publishes it.",
    )


@pytest.mark.parametrize("rule", ["MP-31", "MP-33", "MP-34"])
def test_who_is_cleared_of_sharing_is_told_with_which_lists(rule: str) -> None:
    far = published("Far", "192.0.2.0/24"), published("Part", "192.0.2.0/24", whole=False)
    assert only(rule, facts(lock(), published=far[0] + far[1])).evidence == (
        "Compared with 2 published lists, the oldest of 2026-11-01.",
        "In part alone: Part.",
    )


@pytest.mark.parametrize(
    "connector",
    [
        lock(enabled=False),
        lock(restrict_domains_to_ip_addresses=False),
        own_hybrid(sender_ip_addresses=("203.0.113.10",)),
    ],
)
def test_addresses_that_prove_nothing_are_not_let_in_by_them(connector: Any) -> None:
    beside = (*CLOUD, *SERVICE, *OTHERS)
    for rule in ("MP-31", "MP-33", "MP-34"):
        assert results(rule, facts(connector, published=beside)) == ["satisfied"]


# ---- certificates and organisations --------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "connector", "said"),
    [
        ("MP-32", lock(**CERTIFICATE, tls_sender_certificate_name="*.example.com"), BAD),
        ("MP-32", lock(**CERTIFICATE, tls_sender_certificate_name="mx.example.com"), "satisfied"),
        ("MP-32", lock(**CERTIFICATE, tls_sender_certificate_name="*.contoso.com"), "satisfied"),
        ("MP-32", lock(tls_sender_certificate_name="*.example.com"), "satisfied"),
        ("MP-35", lock(**CERTIFICATE, tls_sender_certificate_name="*.mail.contoso.com"), BAD),
        ("MP-35", lock(**CERTIFICATE, tls_sender_certificate_name="mx.contoso.com"), "satisfied"),
        ("MP-35", lock(**CERTIFICATE, tls_sender_certificate_name="*.example.com"), "satisfied"),
        ("MP-36", lock(trusted_organizations=("fabrikam.onmicrosoft.com",)), BAD),
        ("MP-36", lock(trusted_organizations=("a.example",), enabled=False), "satisfied"),
        ("MP-36", lock(), "satisfied"),
    ],
)
def test_names_that_mean_more_than_one_host(rule: str, connector: Any, said: str) -> None:
    assert results(rule, facts(connector)) == [said]


@pytest.mark.parametrize("rule", ["MP-06", "MP-31", "MP-32", "MP-33", "MP-34", "MP-35", "MP-36"])
def test_connectors_that_were_not_read_let_in_nobody_knows_whom(rule: str) -> None:
    given = unread(facts(lock(), sources=(GATEWAY, SERVER), published=CLOUD), "inbound_connectors")
    assert results(rule, given) == ["unknown"]
