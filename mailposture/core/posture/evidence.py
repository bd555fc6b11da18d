"""What was seen, beside what is configured: probes, contradictions, their age, and decisions."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from mailposture.core.configuration import DECIDING, Configuration
from mailposture.core.contradictions import Agreement, gravity
from mailposture.core.hosts import plain
from mailposture.core.posture.facts import Answered, Apart, Evidence, Facts, Moved
from mailposture.core.posture.findings import (
    Said,
    Severity,
    Weight,
    listed,
    satisfied,
    unknown,
    violated,
)
from mailposture.core.reachability import FOREIGN, OWN
from mailposture.core.words import duration

# ---- MP-03, MP-04 --------------------------------------------------------------------------


def foreign_refused(facts: Facts) -> Sequence[Said]:
    """MP-03: probes with a foreign sender are refused at every domain."""
    return _refused(facts, FOREIGN, "a foreign sender")


def own_refused(facts: Facts) -> Sequence[Said]:
    """MP-04: probes with an own-domain sender are refused at every domain."""
    return _refused(facts, OWN, "an own-domain sender")


def _refused(facts: Facts, sender_class: str, who: str) -> Sequence[Said]:
    """One open domain is enough to violate; to satisfy, every domain has to be seen closed."""
    answers = [a for a in facts.observed.answers or () if a.sender_class == sender_class]
    opened = [a for a in answers if a.verdict == "open"]
    if opened:
        names = sorted({a.domain for a in opened})
        seen = [_told(a) for a in opened[:20]]
        return [violated(f"Strangers get in with {who}: {listed(names)}.", *seen)]
    closed = {plain(a.domain) for a in answers if a.verdict == "closed" and _counts(facts, a)}
    unsure = {plain(a.domain) for a in answers if a.verdict != "closed"}
    missing = sorted((facts.accepted - closed) | (unsure & facts.accepted))
    if missing:
        return unknown(f"No refusal with {who} is known of {listed(missing)}.")
    if not facts.accepted:
        return unknown("No accepted domain is known.")
    return satisfied(f"Every domain refuses strangers with {who}.")


def _told(answer: Answered) -> str:
    code = f", {answer.code}" if answer.code else ""
    return f"{answer.domain}, {answer.sender_class} sender: {answer.verdict}{code}"


def _counts(facts: Facts, answer: Answered) -> bool:
    """Whether an answer is young enough to count; one without a time is not."""
    policy = facts.observed.evidence
    if policy is None or facts.at is None:
        return True
    return answer.at is not None and facts.at - answer.at <= policy.answer_counts


# ---- MP-10 ---------------------------------------------------------------------------------


def agreement(facts: Facts) -> Sequence[Said]:
    """MP-10: prediction and observation agree."""
    held = facts.observed.agreements or ()
    found = [_apart(one) for one in held if one.agreement.is_contradiction]
    if found:
        return found
    if not held:
        return unknown("No path has a prediction and an observation.")
    settling = [one.path for one in held if one.agreement is Agreement.SETTLING]
    if settling:
        return unknown(f"A change is on its way: {listed(settling)}.")
    silent = [one.path for one in held if one.agreement is not Agreement.AGREES]
    if silent:
        return unknown(f"Nothing to hold against one another: {listed(silent)}.")
    return satisfied("Prediction and observation agree on every path.")


def _apart(one: Apart) -> Said:
    severity, because = gravity(one.agreement, one.observed, approved=one.approved)
    weight = Weight(Severity(severity), because)
    return violated(one.sentence, one.path, subject=one.path, weight=weight)


# ---- MP-11 ---------------------------------------------------------------------------------

DAY: Final = timedelta(days=1)


def fresh(facts: Facts) -> Sequence[Said]:
    """MP-11: the tenant was read and asked lately enough, and nothing that matters is blind."""
    seen, at = facts.observed.evidence, facts.at
    if seen is None or at is None:
        return unknown("When the tenant was read and asked is not known.")
    found = [*_stale(facts, seen, at), *_blind(facts, seen)]
    return found or satisfied("What is known is young enough, and nothing is blind.")


def _stale(facts: Facts, seen: Evidence, at: datetime) -> Iterator[Said]:
    what_was, read_at = _oldest(facts.configuration, seen.read_at)
    ages = (
        ("reading", what_was, "read", read_at, seen.reading_counts),
        ("answers", "The domains were", "asked", seen.asked_at, seen.answer_counts),
    )
    for subject, who, what, when, counts in ages:
        if when is None:
            counts_for = f"What is {what} counts for {duration(counts)}."
            yield violated(f"{who} never {what}.", counts_for, subject=subject)
        elif at - when > counts:
            yield violated(
                f"{who} last {what} {duration(at - when)} ago.",
                f"It counts for {duration(counts)}.",
                subject=subject,
                weight=OLD if at - when > DAY else None,
            )


def _oldest(configuration: Configuration, read_at: datetime | None) -> tuple[str, datetime | None]:
    """How old what an answer turns on is: a reading that brought less than all makes the rest no
    younger.
    """
    parts = {name: configuration.part(name) for name in DECIDING}
    times = {name: part.read_at for name, part in parts.items() if part and part.read_at}
    oldest = min(times.values(), default=None)
    if oldest is None or (read_at is not None and oldest >= read_at):
        return "The configuration was", read_at
    late = [name for name, when in times.items() if when == oldest]
    if len(late) == len(DECIDING):
        return "The configuration was", oldest
    return f"The {listed([_SETTINGS.get(n, n.replace('_', ' ')) for n in late])} were", oldest


_SETTINGS: Final = {"organization": "organization's settings"}
OLD = Weight(Severity.HIGH, "Older than a day: nothing is known of the present.")


def _blind(facts: Facts, seen: Evidence) -> Iterator[Said]:
    parts = [part.replace("_", " ") for part in facts.configuration.not_known]
    if parts:
        yield violated(
            f"Not read, or not whole: {listed(parts)}.",
            *_read_how(facts),
            subject="parts",
            weight=NOT_READ,
        )
    if seen.blind:
        places = (f"{name} sees nothing." for name in seen.blind[:20])
        yield violated(f"Nothing is seen by {listed(seen.blind)}.", *places, subject="probes")


def _read_how(facts: Facts) -> Iterator[str]:
    """How reading each part ended that is not known."""
    for name in facts.configuration.not_known:
        part = facts.configuration.part(name)
        status = part.status.replace("_", " ") if part else "never read"
        error = f": {part.error}" if part and part.error else ""
        yield f"{name.replace('_', ' ')}: {status}{error}"


NOT_READ = Weight(Severity.MEDIUM, "What was not read cannot be judged, and is not taken for none.")

# ---- MP-12 ---------------------------------------------------------------------------------


def explained(facts: Facts) -> Sequence[Said]:
    """MP-12: every change since the last report is explained, and verified by probes.

    One finding for all that lack it. What nobody wrote down (`explained` is None) and what is on
    its way (`verified` is None) is not known, and satisfies nothing.
    """
    changes = facts.observed.changes or ()
    if odd := [c for c in changes if c.explained is False or c.verified is False]:
        return [_unproved(odd)]
    if moving := [c.sentence for c in changes if c.verified is None]:
        return unknown(f"Probes have not yet shown what was done lately: {listed(moving)}")
    if silent := [c.sentence for c in changes if c.explained is None]:
        return unknown(
            f"Probes have verified every change since the last report; who meant {len(silent):,} of"
            " them was written down nowhere.",
            *silent[:MOST_CHANGES],
        )
    return satisfied("Every change since the last report is explained and verified.")


MOST_CHANGES: Final = 100


def _unproved(odd: Sequence[Moved]) -> Said:
    """Changes that are not explained, or not verified."""
    lacks = [
        *["explained"] * any(c.explained is False for c in odd),
        *["verified by probes"] * any(c.verified is False for c in odd),
    ]
    words = ", and not ".join(lacks)
    seen = (f"{c.sentence} {c.seen}".strip() for c in odd[:MOST_CHANGES])
    if len(odd) == 1:
        return violated(f"{odd[0].sentence} It is not {words}.", *seen)
    return violated(f"{len(odd):,} changes since the last report are not {words}.", *seen)
