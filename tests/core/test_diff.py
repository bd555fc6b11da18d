"""What changed, in fields and in sentences; and that not having read is no change."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailposture.core import addresses, codec
from mailposture.core.configuration import (
    Configuration,
    ConnectionFilter,
    ConnectorType,
    InboundConnector,
    OutboundConnector,
    Part,
    PartStatus,
    RejectDirectSend,
    TransportRule,
    domain_facts,
    with_domain_facts,
    with_part,
)
from mailposture.core.diff import Difference, compare
from tests.core.configurations import GUID, configuration, domain, hybrid, lock, organization


def only(before: Configuration, after: Configuration) -> Difference:
    (found,) = compare(before, after)
    return found


def changed(**fields: Any) -> Difference:
    """The one difference that these fields make to the classic lock."""
    return only(configuration(lock()), configuration(lock(**fields)))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"enabled": False}, "Lock to gateway was turned off"),
        ({"name": "Gateway only"}, "Lock to gateway is now called Gateway only"),
        ({"require_tls": True}, "RequireTls went from False to True"),
        (
            {"tls_sender_certificate_name": "*.gateway.example"},
            "TlsSenderCertificateName was set to *.gateway.example",
        ),
        ({"comment": "second floor"}, "Comment was rewritten"),
        (
            {"connector_type": ConnectorType.ON_PREMISES},
            "ConnectorType went from Partner to OnPremises",
        ),
        ({"sender_domains": ("*", "fabrikam.com")}, "SenderDomains gained fabrikam.com"),
        ({"sender_domains": ("fabrikam.com",)}, "SenderDomains gained fabrikam.com and lost *"),
        ({"sender_domains": ()}, "SenderDomains lost * and is now empty"),
        (
            {"associated_accepted_domains": ("contoso.com",)},
            "AssociatedAcceptedDomains gained contoso.com",
        ),
        (
            {"sender_ip_addresses": ("203.0.113.10", "198.51.100.0/24")},
            "SenderIPAddresses gained 198.51.100.0/24 (256 addresses)",
        ),
        (
            {"sender_ip_addresses": ()},
            "SenderIPAddresses lost 203.0.113.10 (1 address) and is now empty",
        ),
        (
            {"sender_ip_addresses": ("203.0.113.11",)},
            "SenderIPAddresses gained 203.0.113.11 (1 address) and lost 203.0.113.10 (1 address)",
        ),
        (
            {"sender_ip_addresses": ("203.0.113.0/24",)},
            "SenderIPAddresses gained 255 addresses: it was 203.0.113.10, now it is 203.0.113.0/24",
        ),
        (
            {"sender_ip_addresses": ("203.0.113.10/32",)},
            "SenderIPAddresses is written differently and means the same addresses",
        ),
        (
            {"sender_ip_addresses": ("203.0.113.10", "gateway.contoso.com")},
            "SenderIPAddresses gained gateway.contoso.com",
        ),
        ({"ef_users": tuple("abcdef")}, "EFUsers gained a, b, c, d and 2 more"),
    ],
)
def test_a_changed_field_is_said_in_one_sentence(fields: Any, sentence: str) -> None:
    found = changed(**fields)
    assert found.sentence == sentence
    assert (found.part, found.guid, found.kind) == ("inbound_connectors", GUID, "changed")


def test_the_spec_s_own_sentence() -> None:
    before = configuration(lock(sender_ip_addresses=("203.0.113.10", "198.51.100.0/24")))
    found = only(before, configuration(lock()))
    assert found.sentence == "SenderIPAddresses lost 198.51.100.0/24 (256 addresses)"
    assert (found.gained, found.lost) == ((), ("198.51.100.0/24",))
    assert found.before == "203.0.113.10, 198.51.100.0/24"
    assert found.after == "203.0.113.10"


def test_an_emptied_text_says_what_it_was() -> None:
    before = configuration(lock(tls_sender_certificate_name="*.gateway.example"))
    found = only(before, configuration(lock()))
    assert found.sentence == "TlsSenderCertificateName was emptied, it was *.gateway.example"
    assert (found.before, found.after) == ("*.gateway.example", None)


def test_what_came_and_went_is_named_with_its_state() -> None:
    arrived = only(configuration(), configuration(lock()))
    assert arrived.sentence == "Lock to gateway was added as an inbound connector, turned on"
    assert (arrived.kind, arrived.field, arrived.before) == ("added", "", None)
    assert arrived.after is not None
    assert "SenderIPAddresses: 203.0.113.10" in arrived.after
    gone = only(configuration(hybrid(enabled=False)), configuration())
    assert gone.sentence == (
        "Inbound from 9c1c3e0a, which was turned off, was removed from the inbound connectors"
    )
    assert (gone.kind, gone.after) == ("removed", None)


RULE = TransportRule(guid="r", name="Tag", state="Enabled", mode="Enforce", priority=0)
FILTER = ConnectionFilter(guid="f", name="Default", ip_allow_list=(), ip_block_list=())
OUTBOUND = OutboundConnector(
    guid="o", name="To gateway", enabled=True, connector_type=ConnectorType.PARTNER
)


@pytest.mark.parametrize(
    ("part", "value", "sentence"),
    [
        ("accepted_domains", domain("contoso.net"), "contoso.net was added as an accepted domain"),
        ("transport_rules", RULE, "Tag was added as a mail-flow rule"),
        ("connection_filters", FILTER, "Default was added as a connection filter"),
        (
            "outbound_connectors",
            OUTBOUND,
            "To gateway was added as an outbound connector, turned on",
        ),
        (
            "domain_facts",
            domain_facts("contoso.net", []),
            "contoso.net was added as a domain looked up in DNS",
        ),
    ],
)
def test_every_part_has_words_for_what_came(part: str, value: Any, sentence: str) -> None:
    before = configuration(**{part: ()})
    after = configuration(**{part: (value,)})
    assert only(before, after).sentence == sentence
    assert only(after, before).kind == "removed"


def test_a_rename_is_one_change_and_not_a_loss() -> None:
    found = changed(name="Gateway only")
    assert (found.field, found.before, found.after) == ("Name", "Lock to gateway", "Gateway only")
    assert found.subject == "Gateway only"


def test_accepted_domains_are_matched_by_their_name() -> None:
    before = configuration(accepted_domains=(domain("contoso.com", guid="1"),))
    after = configuration(accepted_domains=(domain("contoso.com", guid="1", outbound_only=True),))
    assert only(before, after).sentence == "OutboundOnly was set to True"
    assert only(before, after).subject == "contoso.com"


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (
            RejectDirectSend.NOT_CONFIGURED,
            RejectDirectSend.ON,
            "RejectDirectSend went from not configured to True",
        ),
        (RejectDirectSend.ON, RejectDirectSend.OFF, "RejectDirectSend went from True to False"),
    ],
)
def test_direct_send_keeps_its_four_states_in_words(
    before: RejectDirectSend, after: RejectDirectSend, sentence: str
) -> None:
    found = only(
        configuration(organization=organization(before)),
        configuration(organization=organization(after)),
    )
    assert found.sentence == sentence


def test_a_moment_that_counts_is_said_in_utc() -> None:
    dated = replace(RULE, activation_date=datetime(2026, 12, 1, tzinfo=UTC))
    found = only(configuration(transport_rules=(RULE,)), configuration(transport_rules=(dated,)))
    assert found.sentence == "ActivationDate was set to 2026-12-01T00:00:00Z"


def test_several_changes_come_in_the_order_of_parts_and_fields() -> None:
    before = configuration(lock())
    after = configuration(
        lock(enabled=False, require_tls=True),
        organization=organization(RejectDirectSend.ON),
        accepted_domains=(domain("contoso.com"), domain("contoso.net")),
    )
    assert [(d.part, d.field) for d in compare(before, after)] == [
        ("inbound_connectors", "Enabled"),
        ("inbound_connectors", "RequireTls"),
        ("organization", "RejectDirectSend"),
        ("accepted_domains", ""),
    ]


# ---- what is no change -------------------------------------------------------------------


@pytest.mark.parametrize("status", [s for s in PartStatus if s is not PartStatus.OK])
def test_a_part_that_one_side_did_not_read_is_never_a_difference(status: PartStatus) -> None:
    read = configuration(lock())
    part = Part(name="inbound_connectors", status=status)
    for value in (None, ()):
        unread = with_part(read, part, value)
        assert compare(read, unread) == []
        assert compare(unread, read) == []


def test_dates_and_checks_of_exchange_are_no_changes() -> None:
    found = compare(
        configuration(lock(), outbound_connectors=(OUTBOUND,)),
        configuration(
            lock(when_changed_utc=datetime(2026, 11, 24, tzinfo=UTC)),
            outbound_connectors=(replace(OUTBOUND, is_validated=True),),
        ),
    )
    assert found == []


# ---- DNS ---------------------------------------------------------------------------------


def looked_up(*mx: tuple[int, str, list[str]]) -> Configuration:
    return with_domain_facts(configuration(), [domain_facts("contoso.com", mx)])


def test_a_moved_mx_is_said_with_its_addresses() -> None:
    before = looked_up((10, "gw.contoso.com", ["203.0.113.10"]))
    after = looked_up((10, "gw.contoso.com", ["203.0.113.20"]))
    found = only(before, after)
    assert found.sentence == (
        "MX of contoso.com gained 10 gw.contoso.com (203.0.113.20) "
        "and lost 10 gw.contoso.com (203.0.113.10)"
    )
    assert found.field == "MX"
    assert found.lost == ("10 gw.contoso.com (203.0.113.10)",)


def test_a_domain_that_dns_did_not_answer_for_is_no_difference() -> None:
    silent = with_domain_facts(configuration(), [domain_facts("contoso.com", None)])
    answered = looked_up((10, "gw.contoso.com", ["203.0.113.10"]))
    assert compare(answered, silent) == []
    # Also where a caller takes the part for known: the domain itself is not.
    trusted = replace(silent, parts=answered.parts)
    assert compare(answered, trusted) == []


# ---- properties --------------------------------------------------------------------------

octet = st.integers(0, 255)
entry = st.builds(
    lambda n, length: f"203.0.113.{n}/{length}", octet, st.integers(24, 32)
) | st.builds(lambda n: f"198.51.100.{n}", octet)
names = st.lists(st.sampled_from(["*", "contoso.com", "fabrikam.com"]), unique=True).map(tuple)
connectors = st.builds(
    lock,
    guid=st.sampled_from(["1", "2", "3"]),
    name=st.sampled_from(["one", "two"]),
    enabled=st.booleans(),
    sender_domains=names,
    sender_ip_addresses=st.lists(entry, max_size=5).map(tuple),
    restrict_domains_to_ip_addresses=st.booleans(),
    associated_accepted_domains=names,
)


def held(found: list[InboundConnector]) -> Configuration:
    return configuration(*{c.guid: c for c in found}.values())


several = st.lists(connectors, max_size=3)


@given(several)
def test_a_configuration_does_not_differ_from_itself(found: list[InboundConnector]) -> None:
    assert compare(held(found), held(found)) == []


@given(several, several)
def test_there_is_a_difference_exactly_where_digests_differ(
    one: list[InboundConnector], two: list[InboundConnector]
) -> None:
    before, after = (held(sorted(side, key=lambda c: c.guid)) for side in (one, two))
    assert bool(compare(before, after)) == (codec.digest(before) != codec.digest(after))


@given(connectors, connectors)
def test_what_was_gained_and_lost_leads_from_the_one_set_to_the_other(
    one: InboundConnector, two: InboundConnector
) -> None:
    two = replace(two, guid=one.guid)
    moved = {d.field: d for d in compare(held([one]), held([two]))}
    if found := moved.get("SenderIPAddresses"):
        was, now = (addresses.parse(c.sender_ip_addresses) for c in (one, two))
        gained, lost = addresses.parse(found.gained), addresses.parse(found.lost)
        assert (was - lost) | gained == now
        assert not gained & was
        assert lost <= was
    if found := moved.get("SenderDomains"):
        assert set(one.sender_domains) - set(found.lost) | set(found.gained) == set(
            two.sender_domains
        )


@given(several, several)
def test_every_difference_has_a_sentence_and_can_be_stored(
    one: list[InboundConnector], two: list[InboundConnector]
) -> None:
    for found in compare(held(one), held(two)):
        assert found.sentence
        assert codec.load(Difference, codec.dump(found)) == found
