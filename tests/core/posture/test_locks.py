"""Connectors that look like a lock and are none, each rule against a table of tenants."""

from typing import Any

import pytest

from mailposture.core.configuration import ConnectorType
from mailposture.core.posture import Severity, Source, assess
from mailposture.core.posture.locks import is_lock
from tests.core.configurations import GUID, lock
from tests.core.posture.tenants import GATEWAY, TWO, facts, only, own_hybrid, results, unread

BAD, GOOD = f"not_satisfied {GUID}", "satisfied"
CERTIFIED = {
    "restrict_domains_to_ip_addresses": False,
    "restrict_domains_to_certificate": True,
    "tls_sender_certificate_name": "gateway.example.com",
    "sender_ip_addresses": (),
}
SECOND: dict[str, Any] = {"guid": "second", "name": "Second"}


@pytest.mark.parametrize(
    ("rule", "connectors", "said"),
    [
        # MP-21: a connector that would restrict is turned off
        ("MP-21", [lock()], GOOD),
        ("MP-21", [lock(enabled=False)], BAD),
        ("MP-21", [lock(enabled=False, **CERTIFIED)], BAD),
        ("MP-21", [lock(enabled=False, sender_ip_addresses=())], GOOD),
        ("MP-21", [lock(enabled=False), lock(**SECOND)], GOOD),
        ("MP-21", [own_hybrid(enabled=False)], GOOD),
        # MP-22: a restriction that names nothing
        ("MP-22", [lock()], GOOD),
        ("MP-22", [lock(sender_ip_addresses=())], BAD),
        ("MP-22", [lock(**CERTIFIED | {"tls_sender_certificate_name": None})], BAD),
        ("MP-22", [lock(enabled=False, sender_ip_addresses=())], GOOD),
        ("MP-22", [lock(connector_type=ConnectorType.ON_PREMISES, sender_ip_addresses=())], GOOD),
        # MP-23: Restrict* on an OnPremises connector
        ("MP-23", [lock(), own_hybrid()], GOOD),
        ("MP-23", [lock(connector_type=ConnectorType.ON_PREMISES)], BAD),
        ("MP-23", [lock(connector_type=ConnectorType.ON_PREMISES, enabled=False)], GOOD),
        # MP-24: scoped by SenderDomains
        ("MP-24", [lock()], GOOD),
        ("MP-24", [lock(sender_domains=("fabrikam.com",))], "not_satisfied"),
        ("MP-24", [lock(sender_domains=("fabrikam.com",)), lock(**SECOND)], GOOD),
        ("MP-24", [lock(sender_domains=("a.example",), sender_ip_addresses=())], GOOD),
        # MP-25: scoped by AssociatedAcceptedDomains
        ("MP-25", [lock()], GOOD),
        ("MP-25", [lock(associated_accepted_domains=("contoso.com",))], BAD),
        ("MP-25", [lock(associated_accepted_domains=("contoso.com",)), lock(**SECOND)], GOOD),
        ("MP-25", [lock(associated_accepted_domains=tuple(d.domain_name for d in TWO))], GOOD),
        # MP-27: addresses and certificate in one
        ("MP-27", [lock()], GOOD),
        ("MP-27", [lock(**CERTIFIED)], GOOD),
        ("MP-27", [lock(**CERTIFIED | {"restrict_domains_to_ip_addresses": True})], BAD),
        # MP-28: no TLS asked for
        ("MP-28", [lock()], "not_satisfied"),
        ("MP-28", [lock(require_tls=True)], GOOD),
        ("MP-28", [lock(**CERTIFIED)], GOOD),
        ("MP-28", [own_hybrid(require_tls=False)], GOOD),
    ],
)
def test_what_looks_like_a_lock_is_told_from_one(
    rule: str, connectors: list[Any], said: str
) -> None:
    assert results(rule, facts(*connectors, accepted_domains=TWO)) == [said]


def test_the_classic_recipe_is_acceptable_and_said_to_be() -> None:
    found = only("MP-28", facts(lock()))
    assert found.severity is Severity.INFO
    assert "only on the path" in found.because
    assert "RequireTls = False" in found.evidence


def test_a_restriction_without_effect_is_grave_only_where_no_lock_stands_beside_it() -> None:
    idle = lock(connector_type=ConnectorType.ON_PREMISES, **SECOND)
    assert only("MP-23", facts(idle)).severity is Severity.HIGH
    assert only("MP-23", facts(idle, lock())).severity is Severity.INFO


@pytest.mark.parametrize(
    ("connectors", "said", "severity"),
    [
        ([lock()], "satisfied", Severity.HIGH),
        # Nothing else is satisfied by the gateway: its own-domain mail is refused.
        (
            [lock(sender_domains=("contoso.com",), sender_ip_addresses=("192.0.2.9",))],
            BAD,
            Severity.HIGH,
        ),
        # Another connector is, but whether that counts is an assumption.
        (
            [
                lock(sender_domains=("contoso.com",), sender_ip_addresses=("192.0.2.9",)),
                lock(sender_domains=("x.example",), sender_ip_addresses=("203.0.113.0/28",),
                     **SECOND),
            ],
            BAD,
            Severity.MEDIUM,
        ),
        # So is the lock for every sender, and whether the closer one decides is another.
        (
            [
                lock(sender_domains=("contoso.com",), sender_ip_addresses=("192.0.2.9",)),
                lock(sender_ip_addresses=("203.0.113.0/28",), **SECOND),
            ],
            BAD,
            Severity.MEDIUM,
        ),
        (
            [lock(sender_domains=("contoso.com",), sender_ip_addresses=("203.0.113.0/28",))],
            f"satisfied {GUID}",
            Severity.HIGH,
        ),
    ],
)  # fmt: skip
def test_a_restriction_to_own_domains_is_tried_on_mail_through_the_gateway(
    connectors: list[Any], said: str, severity: Severity
) -> None:
    given = facts(*connectors)
    assert results("MP-26", given) == [said]
    assert only("MP-26", given).severity is severity


def test_without_a_declared_gateway_nobody_knows_what_becomes_of_own_domain_mail() -> None:
    given = facts(lock(sender_domains=("contoso.com",)), sources=())
    assert results("MP-26", given) == ["unknown"]


def test_what_rests_on_an_assumption_names_it() -> None:
    given = facts(lock(associated_accepted_domains=("contoso.com",)), accepted_domains=TWO)
    assert only("MP-25", given).assumptions == ("associated_domains_scope_recipients",)


ENDED_BY_A_LOCK = {"MP-01", "MP-03", "MP-05", "MP-21", "MP-22", "MP-24", "MP-25", "MP-43"}

# ---- near misses ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"enabled": False}, "were enabled"),
        (
            {"restrict_domains_to_ip_addresses": False},
            "had RestrictDomainsToIPAddresses on",
        ),
        (
            CERTIFIED | {"restrict_domains_to_certificate": False},
            "had RestrictDomainsToCertificate on",
        ),
        ({"sender_domains": ("fabrikam.com",)}, "spoke for SenderDomains *"),
        ({"associated_accepted_domains": ("contoso.com",)}, "named no AssociatedAcceptedDomains"),
        ({"connector_type": ConnectorType.ON_PREMISES}, "were a Partner connector"),
        (
            {"enabled": False, "sender_domains": ("fabrikam.com",)},
            "were enabled and spoke for SenderDomains *",
        ),
    ],
)
def test_a_near_miss_is_the_smallest_change_that_was_tried_and_closed(
    changes: dict[str, Any], words: str
) -> None:
    given = facts(lock(**changes), accepted_domains=TWO, sources=())
    (first,) = (f for f in assess(given) if f.rule == "MP-01")
    many = "1 address" if "tls_sender_certificate_name" not in changes else "none"
    assert first.near_miss == (
        f"Would be closed if Lock to gateway {words}:"
        f" 4,294,967,296 IPv4 addresses and all of IPv6 may deliver now, {many} then."
    )


@pytest.mark.parametrize(
    "connectors",
    [
        [],
        [own_hybrid()],
        [lock()],
        [lock(enabled=False, sender_ip_addresses=())],
        # Four fields away is not near.
        [
            lock(
                enabled=False,
                sender_domains=("a.example",),
                restrict_domains_to_ip_addresses=False,
                associated_accepted_domains=("contoso.com",),
            )
        ],
        # The restriction covers own-domain mail as well, but a stranger is let in by address.
    ],
)
def test_where_no_small_change_was_seen_to_close_there_is_no_near_miss(
    connectors: list[Any],
) -> None:
    # Of the rules that a lock ends: others have near misses of their own.
    of_locks = [f for f in assess(facts(*connectors)) if f.rule in ENDED_BY_A_LOCK]
    assert all(f.near_miss is None for f in of_locks)
    assert all(f.no_near_miss for f in of_locks if f.result == "not_satisfied")


def test_a_near_miss_says_whom_it_would_cut_off() -> None:
    (first,) = (f for f in assess(facts(lock(enabled=False))) if f.rule == "MP-01")
    assert str(first.near_miss).endswith("1 address then. That would cut off Gateway.")
    right = lock(enabled=False, sender_ip_addresses=GATEWAY.addresses)
    (first,) = (f for f in assess(facts(right)) if f.rule == "MP-01")
    assert str(first.near_miss).endswith("16 addresses then.")


def test_the_nearest_of_several_connectors_is_named() -> None:
    far = lock(
        guid="far", name="Far", enabled=False, restrict_domains_to_ip_addresses=False,
        sender_domains=("a.example",),
    )  # fmt: skip
    given = facts(far, lock(enabled=False))
    (first,) = (f for f in assess(given) if f.rule == "MP-01")
    assert "if Lock to gateway were enabled" in str(first.near_miss)


def test_an_open_door_is_shown_by_the_smallest_host_that_gets_in() -> None:
    (first,) = (f for f in assess(facts(lock(enabled=False))) if f.rule == "MP-01")
    assert "1.0.0.0 gets in to contoso.com with the sender class foreign." in first.evidence


def test_the_door_is_closed_where_the_lock_is_said_to_be_satisfied() -> None:
    given = facts(lock(), own_hybrid(), accepted_domains=TWO)
    assert is_lock(given.connectors[0])
    assert only("MP-01", given).result == "satisfied"
    assert not given.strangers


def test_a_connector_that_could_not_be_read_whole_is_judged_by_nobody() -> None:
    given = unread(facts(lock()), "inbound_connectors")
    for rule in ("MP-21", "MP-22", "MP-23", "MP-24", "MP-25", "MP-26", "MP-27", "MP-28"):
        assert results(rule, given) == ["unknown"]
        assert "inbound connectors" in only(rule, given).sentence


def test_a_gateway_that_has_no_address_is_not_asked_of_own_domain_mail() -> None:
    named = Source(name="Cloud", certificate_names=("mx.gateway.example",))
    given = facts(
        lock(sender_domains=("contoso.com",), sender_ip_addresses=("203.0.113.0/28",)),
        sources=(named, GATEWAY),
    )
    assert results("MP-26", given) == [f"satisfied {GUID}"]


def test_severities_are_ranked_from_the_worst() -> None:
    assert sorted(Severity, key=lambda one: one.rank) == list(Severity)
    assert Severity.CRITICAL.rank == 0
