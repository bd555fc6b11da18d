"""Filtering that is waived, crossed with who may deliver; and rules in the place of a lock."""

from typing import Any

import pytest

from mailposture.core.posture import Severity, Source, assess
from tests.core.configurations import lock
from tests.core.posture.tenants import (
    GATEWAY,
    SERVER,
    connection_filter,
    facts,
    only,
    results,
    rule,
    unread,
)

TRUSTS: dict[str, Any] = {"set_scl": -1}
OPEN: list[Any] = []
LOCKED = [lock()]
BOTH = (GATEWAY, SERVER)


@pytest.mark.parametrize(
    ("connectors", "rules", "filters", "sources", "said", "severity"),
    [
        (OPEN, (), (), BOTH, "satisfied", None),
        # Reachable, and filtering waived for whoever writes a header.
        (OPEN, (rule(**TRUSTS),), (), BOTH, "not_satisfied rule Keep", Severity.CRITICAL),
        (OPEN, (rule(set_scl=0),), (), BOTH, "satisfied", None),
        (OPEN, (rule(**TRUSTS, mode="Audit"),), (), BOTH, "satisfied", None),
        (OPEN, (rule(**TRUSTS, state="Disabled"),), (), BOTH, "satisfied", None),
        (
            OPEN, (rule(**TRUSTS, sender_ip_ranges=("203.0.113.0/28",)),), (), BOTH,
            "satisfied", None,
        ),
        (
            OPEN, (rule(**TRUSTS, sender_ip_ranges=("203.0.113.0/24",)),), (), BOTH,
            "not_satisfied rule Keep", Severity.HIGH,
        ),
        # Behind a lock nobody beside the gateway gets that far.
        (LOCKED, (rule(**TRUSTS),), (), BOTH, "not_satisfied rule Keep", Severity.LOW),
        (OPEN, (), (connection_filter(("203.0.113.1",)),), BOTH, "satisfied", None),
        (
            OPEN, (), (connection_filter(("192.0.2.0/24",)),), BOTH,
            "not_satisfied filter", Severity.HIGH,
        ),
        (
            LOCKED, (), (connection_filter(("192.0.2.0/24",)),), BOTH,
            "not_satisfied filter", Severity.LOW,
        ),
        # Nobody is declared: a stranger still is one; the address of a connector may be right.
        (OPEN, (), (connection_filter(("192.0.2.0/24",)),), (), "not_satisfied filter",
         Severity.HIGH),
        (LOCKED, (), (connection_filter(("203.0.113.10",)),), (), "unknown filter", None),
    ],
)  # fmt: skip
def test_filtering_is_waived_for_approved_sources_alone(  # noqa: PLR0917 - a row of the table
    connectors: list[Any],
    rules: tuple[Any, ...],
    filters: tuple[Any, ...],
    sources: tuple[Source, ...],
    said: str,
    severity: Severity | None,
) -> None:
    given = facts(*connectors, transport_rules=rules, connection_filters=filters, sources=sources)
    assert results("MP-09", given) == [said]
    if severity:
        assert only("MP-09", given).severity is severity


def test_a_header_that_a_sender_writes_himself_is_named_as_such() -> None:
    forged = rule(
        **TRUSTS, header_contains_message_header="X-Gateway", header_contains_words=("passed",)
    )
    found = only("MP-09", facts(transport_rules=(forged,)))
    assert "X-Gateway = passed: the sender writes it himself." in found.evidence


@pytest.mark.parametrize("part", ["inbound_connectors", "transport_rules", "connection_filters"])
def test_a_part_that_was_not_read_waives_nothing_and_clears_nothing(part: str) -> None:
    assert results("MP-09", unread(facts(lock()), part)) == ["unknown"]


@pytest.mark.parametrize(
    ("connectors", "trusts", "said", "severity"),
    [
        (OPEN, True, "not_satisfied filter", Severity.HIGH),
        (LOCKED, True, "not_satisfied filter", Severity.LOW),
        (OPEN, False, "satisfied", Severity.HIGH),
        (OPEN, None, "unknown", Severity.HIGH),
    ],
)
def test_the_safe_list_counts_where_strangers_may_deliver(
    connectors: list[Any],
    trusts: bool | None,
    said: str,
    severity: Severity,
) -> None:
    given = facts(*connectors, connection_filters=(connection_filter(enable_safe_list=trusts),))
    assert results("MP-41", given) == [said]
    assert only("MP-41", given).severity is severity


@pytest.mark.parametrize(
    ("skips", "sources", "said"),
    [
        ({}, BOTH, "satisfied"),
        ({"ef_skip_last_ip": True}, BOTH, "satisfied"),
        ({"ef_skip_ips": ("203.0.113.10",)}, BOTH, "satisfied"),
        ({"ef_skip_last_ip": True, "sender_ip_addresses": ("192.0.2.9",)}, BOTH, "not_satisfied"),
        ({"ef_skip_last_ip": True, "sender_ip_addresses": ("192.0.2.9",)}, (), "unknown"),
        # Looked past, and not let in: it changes nothing.
        ({"ef_skip_ips": ("192.0.2.9",)}, BOTH, "satisfied"),
        ({"ef_skip_last_ip": True, "sender_ip_addresses": ("192.0.2.9",), "enabled": False}, BOTH,
         "satisfied"),
    ],
)  # fmt: skip
def test_enhanced_filtering_looks_past_approved_hosts_alone(
    skips: dict[str, Any], sources: tuple[Source, ...], said: str
) -> None:
    connector = lock(**skips)
    subject = connector.guid if said != "satisfied" else ""
    assert results("MP-42", facts(connector, sources=sources)) == [f"{said} {subject}".strip()]


# ---- rules that act after the message was taken --------------------------------------------

SPARED: dict[str, Any] = {"except_if_sender_ip_ranges": ("203.0.113.0/28",)}


@pytest.mark.parametrize(
    ("acts", "words"),
    [
        ({"reject_message_reason_text": "Use the MX"}, "rejected"),
        ({"reject_message_enhanced_status_code": "5.7.1"}, "rejected"),
        ({"delete_message": True}, "deleted"),
        ({"quarantine": True}, "quarantined"),
        ({"redirect_message_to": ("a@contoso.com",)}, "redirected"),
        ({"route_message_outbound_connector": "To gateway"}, "sent elsewhere"),
        ({"set_scl": 9}, "taken for spam"),
    ],
)
def test_a_lock_down_by_rule_is_a_disposition_and_never_closed(
    acts: dict[str, Any], words: str
) -> None:
    given = facts(transport_rules=(rule("Past the gateway", **SPARED, **acts),))
    (found,) = (f for f in assess(given) if f.rule == "MP-43")
    assert found.result == "not_satisfied"
    assert found.sentence == (
        f"Accepted, disposition by rule Past the gateway: mail of strangers is {words}."
    )
    assert "Spared: 203.0.113.0/28." in found.evidence
    assert results("MP-01", given) == ["not_satisfied"]


@pytest.mark.parametrize(
    ("connectors", "rules", "said"),
    [
        (LOCKED, (rule(**SPARED, quarantine=True),), "satisfied"),
        (OPEN, (rule(quarantine=True),), "satisfied"),
        (OPEN, (rule(**SPARED, quarantine=True, mode="Audit"),), "satisfied"),
        (OPEN, (rule(**SPARED, set_scl=1),), "satisfied"),
        (
            OPEN,
            (rule(except_if_header_matches_message_header="X-Gateway", delete_message=True),),
            "not_satisfied rule Keep",
        ),
    ],
)
def test_a_rule_that_spares_nobody_or_stands_behind_a_lock_takes_no_locks_place(
    connectors: list[Any], rules: tuple[Any, ...], said: str
) -> None:
    assert results("MP-43", facts(*connectors, transport_rules=rules)) == [said]
