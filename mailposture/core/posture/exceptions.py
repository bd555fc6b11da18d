"""MP-13: exceptions, as people made them, beside what they except."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from mailposture.core.posture.facts import Excepted, Facts
from mailposture.core.posture.findings import Said, Severity, Weight, satisfied, unknown, violated

PENDING = Weight(Severity.LOW, "Somebody asks to accept a risk, and nobody has answered yet.")


def exceptions(facts: Facts) -> Sequence[Said]:
    """MP-13: every exception is approved and has not expired."""
    at = facts.at
    if at is None:
        return unknown("For which moment is asked is not known.")
    found = [said for one in facts.observed.exceptions or () for said in _judged(one, at)]
    return found or satisfied("Every exception is approved and has not expired.")


def _judged(one: Excepted, at: datetime) -> Iterator[Said]:
    """What is wrong with one. Its age is said by a day, so that the finding stays the same."""
    expired = one.expires_at is not None and one.expires_at <= at
    seen = tuple(_seen(one))
    if expired and one.expires_at:
        words = f"{one.sentence} It held until {_day(one.expires_at)}."
        yield violated(words, *seen, subject=one.key)
    elif not one.approved:
        words = f"{one.sentence} Nobody approved it."
        yield violated(words, *seen, subject=one.key, weight=PENDING)
    elif one.expires_at is None:
        yield violated(f"{one.sentence} It never expires.", *seen, subject=one.key)


def _seen(one: Excepted) -> Iterator[str]:
    """What is written of it."""
    yield "Approved." if one.approved else "Not approved."
    yield f"Its last day is {_day(one.expires_at)}." if one.expires_at else "It has no end."


def _day(end: datetime) -> str:
    """The last day on which it held."""
    found = (end - timedelta(microseconds=1)).astimezone(UTC)
    return f"{found.day} {found:%b %Y}"
