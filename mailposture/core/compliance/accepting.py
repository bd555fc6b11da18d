"""Exceptions in a period: MP-13, and which requirement is not met and accepted for a while.

What an exception covers is never called satisfied: the requirement stays what the evidence makes
of it, and beside it is said by which exception it is accepted, and until when.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from mailposture.core import exceptions
from mailposture.core.compliance.evidence import Accepted, Evidence, Period, Stood
from mailposture.core.compliance.report import Proof
from mailposture.core.compliance.spans import dated
from mailposture.core.posture import Result, listed
from mailposture.core.spans import cut

type Judged = tuple[Result, str, tuple[Proof, ...]]


def judge(evidence: Evidence, period: Period) -> Judged | None:
    """MP-13: whether what was accepted in the period was approved, and had not expired while its
    finding stood. Where nothing was asked to be accepted there is nothing to judge: absent, not
    green.
    """
    found = [one for one in evidence.exceptions if _touches(one, period)]
    proofs = tuple(_proof(one, period) for one in found)
    if not found:
        return None
    wrong = [words for one in found if (words := _wrong(one, evidence.stood, period))]
    if wrong:
        return Result.NOT_SATISFIED, " ".join(wrong), proofs
    names = listed([one.name for one in found])
    said = "Each was decided on, and none outlasted its end while its finding stood"
    return Result.SATISFIED, f"Exceptions of the period: {names}. {said}.", proofs


def _touches(one: Accepted, period: Period) -> bool:
    ended = one.ended_at is not None and one.ended_at <= period.begin
    return one.asked_at < period.end and not ended


def _wrong(one: Accepted, stood: Iterable[Stood], period: Period) -> str:
    """What is wrong with one, at the end of the period or at some time in it."""
    end = min(one.ended_at or period.end, period.end)
    spans = [(f.begin, min(f.end or period.end, period.end)) for f in stood if _same(one, f)]
    lapsed = cut(spans, max(one.expires_at, period.begin), end) if one.expires_at < end else []
    if one.approved_at is not None and lapsed:
        last = exceptions.until(one.expires_at)
        return f"{one.name} held until {last}, and its finding stood after that."
    waits = one.approved_at is None or one.approved_at >= period.end
    if waits and end == period.end and any(b >= period.end for _, b in spans):
        return "" if one.renews else f"{one.name} was asked for and not decided on by the end."
    return ""


def _same(one: Accepted, finding: Stood) -> bool:
    return (one.rule, one.subject) == (finding.rule, finding.subject)


def _proof(one: Accepted, period: Period) -> Proof:
    approved = f"approved by {one.approved_by}" if one.approved_at else "not approved"
    alone = ", who asked for it" if one.alone else ""
    words = f"{one.name} accepts {one.rule} until {exceptions.until(one.expires_at)}, {approved}"
    return Proof(
        first=one.asked_at,
        last=min(one.ended_at or one.expires_at, period.end),
        vantage_point="exception",
        source="",
        domain="",
        sender_class="",
        says=f"{words}{alone}: {one.sentence}",
        line="",
    )


# ---- what is accepted ----------------------------------------------------------------------


def accepted(requirement: str, evidence: Evidence, period: Period) -> str:
    """By which exceptions all that stands of a requirement at the period's end is accepted, until
    when, and since when where that is later than its begin; empty where any of it is not.
    """
    standing = [f for f in evidence.stood if f.rule == requirement and _stands(f, period.end)]
    covers = [_cover(finding, evidence.exceptions, period.end) for finding in standing]
    held = [one for one in covers if one is not None]
    if not held or len(held) < len(covers):
        return ""
    return "; ".join(dict.fromkeys(_said(held, period.begin)))


def _stands(finding: Stood, at: datetime) -> bool:
    return finding.begin < at and (finding.end is None or finding.end >= at)


def _cover(finding: Stood, known: Iterable[Accepted], at: datetime) -> Accepted | None:
    """The exception that was approved, in force and not outgrown at this moment."""
    return next((one for one in known if _same(one, finding) and _holds(one, at)), None)


def _holds(one: Accepted, at: datetime) -> bool:
    return (
        one.approved_at is not None
        and one.approved_at < at <= one.expires_at
        and (one.ended_at is None or one.ended_at > at)
        and (one.outside_since is None or one.outside_since >= at)
    )


def _said(held: Sequence[Accepted], begin: datetime) -> Iterator[str]:
    for one in held:
        late = one.approved_at is not None and one.approved_at > begin
        since = f" from {dated(one.approved_at)}" if late and one.approved_at else ""
        until = exceptions.until(one.expires_at)
        yield f"Accepted by exception {one.name}{since} until {until}"
