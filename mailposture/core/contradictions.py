"""Prediction held against observation: agreement, or the name of what parts them.

A difference by itself accuses nobody: first the change may still be on its way to all front ends,
then the model may rest on an assumption whose alternative would have said what the wire said.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mailposture.core.attribution import BY_NAME, Decision
from mailposture.core.verdict import Verdict


class Agreement(StrEnum):
    """How a prediction and an observation of one path stand to one another."""

    AGREES = "agrees"
    SETTLING = "settling"  # they differ, and a change is still on its way
    CLOSED_BUT_OPEN = "closed_open"
    OPEN_BUT_CLOSED = "open_closed"
    IN_DOUBT = "in_doubt"  # they differ, and an assumption's alternative would agree
    BLIND = "blind"  # a prediction, and probes that prove nothing
    UNPREDICTED = "unpredicted"  # an observation, and a configuration that does not say
    NEITHER = "neither"

    @property
    def is_contradiction(self) -> bool:
        """Whether the model, Microsoft or the tenant is wrong somewhere."""
        return self in CONTRADICTIONS


CONTRADICTIONS: Final = frozenset(
    {Agreement.CLOSED_BUT_OPEN, Agreement.OPEN_BUT_CLOSED, Agreement.IN_DOUBT}
)

WORDS: Final[Mapping[Agreement, str]] = {
    Agreement.AGREES: "Agrees",
    Agreement.SETTLING: "Settling",
    Agreement.CLOSED_BUT_OPEN: "Configuration closed, wire open",
    Agreement.OPEN_BUT_CLOSED: "Configuration open, wire closed",
    Agreement.IN_DOUBT: "Model assumption in doubt",
    Agreement.BLIND: "Probe blind",
    Agreement.UNPREDICTED: "Not predicted",
    Agreement.NEITHER: "Neither predicted nor observed",
}

# (what parts them, whether the path is an approved source's) -> how grave that is, and why; of a
# source that is refused where the model is in doubt, see CUT_OFF_IN_DOUBT.
SEVERITIES: Final[Mapping[tuple[Agreement, bool], tuple[str, str]]] = {
    (Agreement.CLOSED_BUT_OPEN, False): (
        "critical",
        "Everybody who reads the configuration believes this door closed, and it is open.",
    ),
    (Agreement.CLOSED_BUT_OPEN, True): (
        "medium",
        "The source gets in by something that the configuration does not show.",
    ),
    (Agreement.OPEN_BUT_CLOSED, False): (
        "low",
        "Something refuses strangers that the configuration does not show: it may stop to.",
    ),
    (Agreement.OPEN_BUT_CLOSED, True): (
        "high",
        "An approved source is cut off although the configuration lets it in.",
    ),
    (Agreement.IN_DOUBT, False): (
        "medium",
        "What is predicted elsewhere by the same assumption may be wrong too.",
    ),
    (Agreement.IN_DOUBT, True): (
        "medium",
        "What is predicted elsewhere by the same assumption may be wrong too.",
    ),
}
# Whatever the cause, its mail does not arrive: no less grave than where no assumption turns it.
CUT_OFF_IN_DOUBT: Final = (
    "high",
    "An approved source is cut off: what was to let it in rests on an assumption in doubt.",
)


def gravity(agreement: Agreement, observed: Verdict, *, approved: bool) -> tuple[str, str]:
    """How grave a contradiction is, and why; empty where it is none."""
    if agreement is Agreement.IN_DOUBT and approved and observed is Verdict.CLOSED:
        return CUT_OFF_IN_DOUBT
    return SEVERITIES.get((agreement, approved), ("", ""))


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A prediction beside an observation, and in a sentence what parts them."""

    agreement: Agreement
    sentence: str
    assumptions: tuple[str, ...] = ()


def predicted(decision: Decision | None) -> Verdict:
    """What a decision predicts of its path; unknown where it cannot be leaned on.

    That the service refuses relay (5.7.64) or the recipient (5.4.1) closes no door.
    """
    if decision is None or not decision.is_known:
        return Verdict.UNKNOWN
    if decision.accepted:
        return Verdict.OPEN
    return Verdict.UNKNOWN if decision.code in ("5.7.64", "5.4.1") else Verdict.CLOSED


def hold(decision: Decision | None, observed: Verdict, *, settles: bool) -> Held:
    """Hold what the configuration says against what the wire said.

    `settles`: a change that can move the door was read so lately that not every front end need
    have heard of it, or the answer is newer than the last reading.
    """
    believed = predicted(decision)
    if decision is None or believed is Verdict.UNKNOWN:
        return _unpredicted(decision, observed)
    if observed is Verdict.UNKNOWN:
        return Held(
            agreement=Agreement.BLIND,
            sentence=f"Predicted {believed}; the probes proved nothing.",
        )
    if observed is believed:
        return Held(agreement=Agreement.AGREES, sentence=f"Predicted and observed {believed}.")
    return _apart(decision, believed, observed, settles=settles)


def _unpredicted(decision: Decision | None, observed: Verdict) -> Held:
    neither = observed is Verdict.UNKNOWN
    agreement = Agreement.NEITHER if neither else Agreement.UNPREDICTED
    if decision is None:
        return Held(agreement=agreement, sentence="The configuration was not read, or no source.")
    return Held(
        agreement=agreement,
        sentence="The configuration does not say: it rests on what is not known.",
        assumptions=decision.turning,
    )


def _apart(decision: Decision, believed: Verdict, observed: Verdict, *, settles: bool) -> Held:
    if settles:
        return Held(
            agreement=Agreement.SETTLING,
            sentence=(
                f"Predicted {believed}, observed {observed}: a change may still be on its way."
            ),
        )
    if decision.turning:
        named = BY_NAME[decision.turning[0]]
        return Held(
            agreement=Agreement.IN_DOUBT,
            sentence=(
                f"Predicted {believed}, observed {observed}. By the other reading the two would"
                f" agree: {named.alternative}"
            ),
            assumptions=decision.turning,
        )
    closed = believed is Verdict.CLOSED
    by = f" by {decision.connector}" if decision.connector else ""
    return Held(
        agreement=Agreement.CLOSED_BUT_OPEN if closed else Agreement.OPEN_BUT_CLOSED,
        sentence=f"Predicted {believed}{by}, observed {observed}.",
    )
