"""A change by itself only may; what it did is said where probes before and after show it."""

from typing import Any

import pytest

from mailposture.core.configuration import (
    Configuration,
    ConnectionFilter,
    RejectDirectSend,
    TransportRule,
)
from mailposture.core.diff import Difference, compare
from mailposture.core.effects import Candidate, Effect, candidate, effect
from tests.core.configurations import configuration, domain, lock, organization


def difference(before: Configuration, after: Configuration) -> Difference:
    (found,) = compare(before, after)
    return found


def moved(**fields: Any) -> Difference:
    return difference(configuration(lock()), configuration(lock(**fields)))


def direct_send(after: RejectDirectSend) -> Difference:
    start = RejectDirectSend.NOT_CONFIGURED
    return difference(
        configuration(organization=organization(start)),
        configuration(organization=organization(after)),
    )


RULE = TransportRule(guid="r", name="Tag", state="Enabled", mode="Enforce", priority=0)
BLOCKS = ConnectionFilter(
    guid="f", name="Default", ip_allow_list=(), ip_block_list=("192.0.2.200",)
)
NO_BLOCKS = ConnectionFilter(guid="f", name="Default", ip_allow_list=(), ip_block_list=())
ALLOWS = ConnectionFilter(guid="f", name="Default", ip_allow_list=("192.0.2.5",), ip_block_list=())

CANDIDATES = [
    (moved(enabled=False), Candidate.UNSURE),
    (moved(name="other"), Candidate.NEUTRAL),
    (moved(comment="other"), Candidate.NEUTRAL),
    (moved(connector_source="Default"), Candidate.NEUTRAL),
    (moved(sender_ip_addresses=("203.0.113.0/24",)), Candidate.MAY_OPEN),
    (moved(sender_ip_addresses=()), Candidate.MAY_CLOSE),
    (moved(sender_ip_addresses=("203.0.113.11",)), Candidate.UNSURE),
    (moved(sender_ip_addresses=("203.0.113.10/32",)), Candidate.NEUTRAL),
    (moved(restrict_domains_to_ip_addresses=False), Candidate.MAY_OPEN),
    (moved(restrict_domains_to_certificate=True), Candidate.MAY_CLOSE),
    (moved(require_tls=True), Candidate.MAY_CLOSE),
    (moved(sender_domains=("fabrikam.com",)), Candidate.UNSURE),
    (moved(associated_accepted_domains=("contoso.com",)), Candidate.UNSURE),
    (moved(tls_sender_certificate_name="x.example"), Candidate.UNSURE),
    (moved(trusted_organizations=("fabrikam.onmicrosoft.com",)), Candidate.MAY_OPEN),
    (difference(configuration(), configuration(lock())), Candidate.UNSURE),
    (direct_send(RejectDirectSend.ON), Candidate.MAY_CLOSE),
    (direct_send(RejectDirectSend.OFF), Candidate.MAY_OPEN),
    (
        difference(
            configuration(),
            configuration(accepted_domains=(domain("contoso.com"), domain("contoso.net"))),
        ),
        Candidate.MAY_OPEN,
    ),
    (difference(configuration(), configuration(transport_rules=(RULE,))), Candidate.NEUTRAL),
    (
        difference(
            configuration(connection_filters=(NO_BLOCKS,)),
            configuration(connection_filters=(BLOCKS,)),
        ),
        Candidate.MAY_CLOSE,
    ),
    (
        difference(
            configuration(connection_filters=(NO_BLOCKS,)),
            configuration(connection_filters=(ALLOWS,)),
        ),
        Candidate.NEUTRAL,
    ),
]


@pytest.mark.parametrize(("change", "expected"), CANDIDATES)
def test_a_change_by_itself_only_may(change: Difference, expected: Candidate) -> None:
    assert candidate(change) is expected


TURNED_OFF = moved(enabled=False)
WIDENED = moved(sender_ip_addresses=("203.0.113.0/24",))
NARROWED = moved(sender_ip_addresses=())
RENAMED = moved(name="other")


@pytest.mark.parametrize(
    ("change", "before", "after", "expected"),
    [
        (TURNED_OFF, {"a": "closed"}, {"a": "open"}, Effect.OPENS),
        (TURNED_OFF, {"a": "Closed"}, {"a": "Partly open"}, Effect.OPENS),
        (TURNED_OFF, {"a": "partly_open"}, {"a": "open"}, Effect.OPENS),
        (TURNED_OFF, {"a": "open"}, {"a": "closed"}, Effect.CLOSES),
        (TURNED_OFF, {"a": "closed"}, {"a": "closed"}, Effect.NEUTRAL),
        (TURNED_OFF, {"a": "closed"}, {"a": "unknown"}, Effect.UNKNOWN_YET),
        (TURNED_OFF, {"a": "unknown"}, {"a": "open"}, Effect.UNKNOWN_YET),
        (TURNED_OFF, {"a": "closed"}, {}, Effect.UNKNOWN_YET),
        (TURNED_OFF, {}, {}, Effect.UNKNOWN_YET),
        # One domain shows it; another that is not known yet does not take it back.
        (TURNED_OFF, {"a": "closed", "b": "unknown"}, {"a": "open", "b": "open"}, Effect.OPENS),
        # No domain that is known moved, but one is not known: it could have.
        (
            TURNED_OFF,
            {"a": "closed", "b": "closed"},
            {"a": "closed", "b": "unknown"},
            Effect.UNKNOWN_YET,
        ),
        # Two domains went opposite ways: not the work of one change that we could name.
        (
            TURNED_OFF,
            {"a": "closed", "b": "open"},
            {"a": "open", "b": "closed"},
            Effect.UNKNOWN_YET,
        ),
        # Probes saw a door move the way this change cannot move it.
        (WIDENED, {"a": "open"}, {"a": "closed"}, Effect.UNKNOWN_YET),
        (NARROWED, {"a": "closed"}, {"a": "open"}, Effect.UNKNOWN_YET),
        (WIDENED, {"a": "closed"}, {"a": "open"}, Effect.OPENS),
        (NARROWED, {"a": "open"}, {"a": "closed"}, Effect.CLOSES),
        # A name opens nothing, whatever else happened at the same time.
        (RENAMED, {"a": "closed"}, {"a": "open"}, Effect.NEUTRAL),
    ],
)
def test_opens_and_closes_are_said_only_where_probes_show_it(
    change: Difference, before: dict[str, str], after: dict[str, str], expected: Effect
) -> None:
    assert effect(change, before, after) is expected


def test_effects_are_words_that_people_read() -> None:
    assert [str(e) for e in Effect] == ["opens", "closes", "neutral", "unknown yet"]
