"""What a change does to the door: by itself it only may; probes before and after show it.

A change alone is a candidate. *Opens* and *closes* are said only where the domains that were
asked before and after moved, and moved the way this change can move them.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from mailposture.core.diff import Difference


class Candidate(StrEnum):
    """What a change could do, judged by itself."""

    NEUTRAL = "neutral"
    MAY_OPEN = "may open"
    MAY_CLOSE = "may close"
    UNSURE = "unsure"


class Effect(StrEnum):
    """What a change is said to have done."""

    OPENS = "opens"
    CLOSES = "closes"
    NEUTRAL = "neutral"
    UNKNOWN_YET = "unknown yet"


# The fields that take part in deciding who gets in. Whatever is not here is neutral: outbound
# connectors and transport rules act after the door, comments and provenance on nothing.
# (part, field, value or direction): candidate. A direction is gained, lost or both, of a set.
# More addresses on a Partner connector that refuses let more hosts in; more sender domains bring
# more senders under the refusal. Which of these holds depends on the connector's other fields,
# so that where it does, the row says unsure.
_IN, _ORG, _DOM, _FILTER = (
    "inbound_connectors",
    "organization",
    "accepted_domains",
    "connection_filters",
)
TABLE: Final[Mapping[tuple[str, str, str], Candidate]] = {
    (_IN, "Enabled", "*"): Candidate.UNSURE,
    (_IN, "ConnectorType", "*"): Candidate.UNSURE,
    (_IN, "SenderDomains", "*"): Candidate.UNSURE,
    (_IN, "SenderIPAddresses", "gained"): Candidate.MAY_OPEN,
    (_IN, "SenderIPAddresses", "lost"): Candidate.MAY_CLOSE,
    (_IN, "SenderIPAddresses", "both"): Candidate.UNSURE,
    (_IN, "RestrictDomainsToIPAddresses", "True"): Candidate.MAY_CLOSE,
    (_IN, "RestrictDomainsToIPAddresses", "False"): Candidate.MAY_OPEN,
    (_IN, "RestrictDomainsToCertificate", "True"): Candidate.MAY_CLOSE,
    (_IN, "RestrictDomainsToCertificate", "False"): Candidate.MAY_OPEN,
    (_IN, "RequireTls", "True"): Candidate.MAY_CLOSE,
    (_IN, "RequireTls", "False"): Candidate.MAY_OPEN,
    (_IN, "TlsSenderCertificateName", "*"): Candidate.UNSURE,
    # Listed domains are the ones the connector guards; an empty list guards them all.
    (_IN, "AssociatedAcceptedDomains", "*"): Candidate.UNSURE,
    (_IN, "TrustedOrganizations", "gained"): Candidate.MAY_OPEN,
    (_IN, "TrustedOrganizations", "lost"): Candidate.MAY_CLOSE,
    (_IN, "TrustedOrganizations", "both"): Candidate.UNSURE,
    (_IN, "", "*"): Candidate.UNSURE,
    (_ORG, "RejectDirectSend", "True"): Candidate.MAY_CLOSE,
    (_ORG, "RejectDirectSend", "*"): Candidate.MAY_OPEN,
    (_ORG, "IPListBlocked", "*"): Candidate.UNSURE,
    (_DOM, "", "added"): Candidate.MAY_OPEN,
    (_DOM, "", "removed"): Candidate.MAY_CLOSE,
    (_DOM, "DomainType", "*"): Candidate.UNSURE,
    (_DOM, "MatchSubDomains", "True"): Candidate.MAY_OPEN,
    (_DOM, "MatchSubDomains", "*"): Candidate.MAY_CLOSE,
    (_DOM, "SendingToDomainDisabled", "True"): Candidate.MAY_CLOSE,
    (_DOM, "SendingToDomainDisabled", "*"): Candidate.MAY_OPEN,
    (_DOM, "OutboundOnly", "True"): Candidate.MAY_CLOSE,
    (_DOM, "OutboundOnly", "*"): Candidate.MAY_OPEN,
    # Blocked addresses are refused, allowed ones skip filtering; neither answers for a stranger.
    (_FILTER, "IPBlockList", "gained"): Candidate.MAY_CLOSE,
    (_FILTER, "IPBlockList", "lost"): Candidate.MAY_OPEN,
    (_FILTER, "IPBlockList", "both"): Candidate.UNSURE,
}

CAN_OPEN: Final = frozenset({Candidate.MAY_OPEN, Candidate.UNSURE})
CAN_CLOSE: Final = frozenset({Candidate.MAY_CLOSE, Candidate.UNSURE})


def candidate(difference: Difference) -> Candidate:
    """What the change could do, judged by itself."""
    part, field = difference.part, difference.field
    for way in (_way(difference), "*"):
        if found := TABLE.get((part, field, way)):
            return found
    return Candidate.NEUTRAL


def _way(difference: Difference) -> str:
    if difference.kind != "changed":
        return difference.kind
    if difference.gained and difference.lost:
        return "both"
    if difference.gained or difference.lost:
        return "gained" if difference.gained else "lost"
    return difference.after or ""


# How far open a state is; a state that is not here is not known.
RANK: Final = {"closed": 0, "partly open": 1, "open": 2}


def effect(difference: Difference, before: Mapping[str, str], after: Mapping[str, str]) -> Effect:
    """What the change did, by the states of the domains before and after it.

    The states are words (open, partly open, closed, unknown) by domain, of probes that ran
    wholly before and wholly after. A domain that is not known on both sides says nothing.
    """
    could = candidate(difference)
    if could is Candidate.NEUTRAL:
        return Effect.NEUTRAL
    moves, silent = _moves(before, after)
    opened, closed = any(m > 0 for m in moves), any(m < 0 for m in moves)
    if opened and not closed and could in CAN_OPEN:
        return Effect.OPENS
    if closed and not opened and could in CAN_CLOSE:
        return Effect.CLOSES
    if moves and not (opened or closed or silent):
        return Effect.NEUTRAL
    return Effect.UNKNOWN_YET


def _moves(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[list[int], bool]:
    """How far each domain moved, and whether some domain's move is not known."""
    ranks = [(_rank(before.get(d)), _rank(after.get(d))) for d in before.keys() | after.keys()]
    moves = [new - old for old, new in ranks if old is not None and new is not None]
    return moves, len(moves) < len(ranks)


def _rank(state: str | None) -> int | None:
    return RANK.get((state or "").lower().replace("_", " ").replace("-", " "))
