"""Each requirement against the evidence of a period: satisfied only if proved for all of it.

Not satisfied: at some time in the period the contrary was seen. Satisfied: it was seen at every
time in it, with no gap longer than an answer counts (four rounds, two readings). Else unknown.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mailposture.core import posture
from mailposture.core.compliance.evidence import Answer, Evidence, Opening, Period, Reading
from mailposture.core.compliance.report import Proof
from mailposture.core.compliance.spans import Span, cut, missing
from mailposture.core.posture import Approved, Finding, Result
from mailposture.core.posture.rules import listed
from mailposture.core.states import INTERVALS, ROUNDS
from mailposture.core.words import duration

CLASSES: Final[Mapping[str, tuple[str, ...]]] = {
    "MP-03": ("foreign",),
    "MP-04": ("own",),
    "MP-05": ("foreign", "own", "null"),
}
WHO: Final[Mapping[str, str]] = {
    "MP-03": "a foreign sender", "MP-04": "an own-domain sender", "MP-05": "any sender",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the evidence says of one requirement."""

    result: Result
    sentence: str
    evidence: tuple[Proof, ...] = ()


def judge(requirement: str, evidence: Evidence, period: Period) -> Said | None:
    """What is known of one requirement; None where it cannot be judged yet."""
    return _JUDGES[requirement](requirement, evidence, period)


def near(evidence: Evidence) -> timedelta:
    """How long an answer counts: four rounds."""
    return ROUNDS * evidence.probe_every


# ---- by observation ------------------------------------------------------------------------


def strangers(evidence: Evidence, classes: Sequence[str]) -> list[Answer]:
    """What strangers were answered with these senders."""
    return [a for a in evidence.answers if a.stranger and a.sender_class in classes]


def surely_open(opening: Opening, period: Period) -> list[Span]:
    """When of the period a door surely stood open; one seen open once counts as that moment."""
    window = opening.window
    last = max(window.last_open, window.first_open)
    if window.first_open == last and period.begin <= last < period.end:
        return [(last, last)]
    return cut([(window.first_open, last)], period.begin, period.end)


def _refused(requirement: str, evidence: Evidence, period: Period) -> Said:
    classes, who = CLASSES[requirement], WHO[requirement]
    opened = [o for o in evidence.openings if o.sender_class in classes]
    hit = [o for o in opened if surely_open(o, period)]
    answers = strangers(evidence, classes)
    if hit:
        names = listed(sorted({o.domain for o in hit}))
        words = f"In the period a stranger got in with {who}: {names}."
        return Said(result=Result.NOT_SATISFIED, sentence=words, evidence=_opened(answers, period))
    gaps = {
        (domain, sender): found
        for domain in evidence.domains
        for sender in classes
        if (found := _not_refused(answers, domain, sender, evidence, period))
    }
    refusals = _proofs(a for a in _in(answers, period) if a.verdict == "closed")
    if evidence.domains and not gaps:
        words = f"At every look in the period each domain refused a stranger with {who}."
        return Said(result=Result.SATISFIED, sentence=words, evidence=refusals)
    return Said(
        result=Result.UNKNOWN,
        sentence=_why_unknown(gaps, evidence, period),
        evidence=refusals,
    )


def _not_refused(
    answers: Sequence[Answer], domain: str, sender: str, evidence: Evidence, period: Period
) -> list[Span]:
    """When of the period no stranger's refusal is known for one domain and sender."""
    closed = [
        (a.first, a.last)
        for a in answers
        if a.domain == domain and a.sender_class == sender and a.verdict == "closed"
    ]
    return missing(closed, period.begin, period.end, near(evidence))


def _why_unknown(
    gaps: Mapping[tuple[str, str], Sequence[Span]], evidence: Evidence, period: Period
) -> str:
    if not evidence.domains:
        return "Which domains the tenant accepts is not known."
    if not gaps:
        return "No stranger looked in the period."
    (domain, sender), spans = max(gaps.items(), key=lambda item: _length(item[1]))
    if evidence.watched_since > period.begin and len(spans) == 1:
        begin = spans[0][1]
        if begin < period.end:
            return (
                f"No contrary was seen, but before {begin.day} {begin:%b %H:%M} UTC nobody looked."
            )
    lasted = duration(_length(spans))
    return f"For {lasted} of the period no refusal is known: most of all {domain}, {sender} sender."


def _length(spans: Iterable[Span]) -> timedelta:
    return sum((b - a for a, b in spans), timedelta(0))


# ---- by configuration ----------------------------------------------------------------------


def readings(evidence: Evidence, period: Period) -> list[Reading]:
    """The configurations that stood in the period, oldest first."""
    found = [r for r in evidence.readings if r.first < period.end and r.last >= period.begin]
    return sorted(found, key=lambda r: r.first)


def findings(rule: str, evidence: Evidence, period: Period) -> list[tuple[Reading, Finding]]:
    """What one rule says of each configuration of the period."""
    approved = Approved(gateways=evidence.gateways)
    return [
        (reading, finding)
        for reading in readings(evidence, period)
        for finding in posture.assess(reading.configuration, approved)
        if finding.rule == rule
    ]


def _configured(rule: str, evidence: Evidence, period: Period) -> Said:
    found = findings(rule, evidence, period)
    proofs = tuple(_read(reading, finding, period) for reading, finding in found)
    for _, finding in found:
        if finding.result is Result.NOT_SATISFIED:
            return Said(result=finding.result, sentence=finding.sentence, evidence=proofs)
    if not found:
        words = "No configuration was read in the period."
        return Said(result=Result.UNKNOWN, sentence=words)
    unknown = next((f for _, f in found if f.result is Result.UNKNOWN), None)
    if unknown:
        return Said(result=Result.UNKNOWN, sentence=unknown.sentence, evidence=proofs)
    patience = INTERVALS * evidence.fetch_every
    spans = [(reading.first, reading.last) for reading, _ in found]
    if gaps := missing(spans, period.begin, period.end, patience):
        words = (
            f"{found[-1][1].sentence} For {duration(_length(gaps))} of the period nothing was read."
        )
        return Said(result=Result.UNKNOWN, sentence=words, evidence=proofs)
    return Said(result=Result.SATISFIED, sentence=found[-1][1].sentence, evidence=proofs)


def _mx(rule: str, evidence: Evidence, period: Period) -> Said | None:
    """Without a declared gateway there is nothing to compare with: absent, not green."""
    return _configured(rule, evidence, period) if evidence.gateways else None


def _every_domain(rule: str, evidence: Evidence, period: Period) -> Said:
    """Both halves: what the configuration says, and what strangers were answered."""
    read, seen = _configured(rule, evidence, period), _refused(rule, evidence, period)
    worst = min((read, seen), key=lambda said: _WORST_FIRST.index(said.result))
    return Said(
        result=worst.result,
        sentence=worst.sentence
        if read.result != seen.result
        else f"{read.sentence} {seen.sentence}",
        evidence=(*read.evidence, *seen.evidence),
    )


_WORST_FIRST: Final = (Result.NOT_SATISFIED, Result.UNKNOWN, Result.SATISFIED)


# ---- fresh ---------------------------------------------------------------------------------


def _fresh(_rule: str, evidence: Evidence, period: Period) -> Said:
    answers = [a for a in evidence.answers if a.stranger and a.first < period.end]
    looked = max((min(a.last, period.end) for a in answers), default=None)
    read = max((min(r.last, period.end) for r in evidence.readings if r.first < period.end),
               default=None)  # fmt: skip
    if looked is None or read is None:
        missing_ = "looked" if looked is None else "read"
        return Said(result=Result.UNKNOWN, sentence=f"Nobody {missing_} before the period's end.")
    stale = []
    if period.end - looked > near(evidence):
        stale.append(f"the last look was {duration(period.end - looked)}")
    if period.end - read > INTERVALS * evidence.fetch_every:
        stale.append(f"the last reading was {duration(period.end - read)}")
    if stale:
        words = f"At the period's end {' and '.join(stale)} old."
        return Said(result=Result.NOT_SATISFIED, sentence=words)
    words = (
        f"At the period's end the last look was {duration(period.end - looked)} "
        f"and the last reading {duration(period.end - read)} old."
    )
    return Said(result=Result.SATISFIED, sentence=words)


_JUDGES: Final[Mapping[str, Callable[[str, Evidence, Period], Said | None]]] = {
    "MP-01": _configured,
    "MP-02": _configured,
    "MP-03": _refused,
    "MP-04": _refused,
    "MP-05": _every_domain,
    "MP-08": _mx,
    "MP-11": _fresh,
}


# ---- evidence rows -------------------------------------------------------------------------


def _in(answers: Iterable[Answer], period: Period) -> list[Answer]:
    return [a for a in answers if a.first < period.end and a.last >= period.begin]


def _opened(answers: Iterable[Answer], period: Period) -> tuple[Proof, ...]:
    return _proofs(a for a in _in(answers, period) if a.verdict == "open")


def _proofs(answers: Iterable[Answer]) -> tuple[Proof, ...]:
    ordered = sorted(answers, key=lambda a: (a.first, a.domain, a.sender_class, a.vantage_point))
    return tuple(map(_proof, ordered))


def _proof(answer: Answer) -> Proof:
    says = "got in" if answer.verdict == "open" else f"refused by the {answer.control or 'tenant'}"
    return Proof(
        first=answer.first,
        last=answer.last,
        vantage_point=answer.vantage_point,
        source=answer.source,
        domain=answer.domain,
        sender_class=answer.sender_class,
        says=says,
        line=answer.line,
        observation=answer.observation,
    )


def _read(reading: Reading, finding: Finding, period: Period) -> Proof:
    def clipped(moment: datetime) -> datetime:
        return min(moment, period.end)

    return Proof(
        first=reading.first,
        last=clipped(reading.last),
        vantage_point="configuration",
        source="",
        domain="",
        sender_class="",
        says=finding.sentence,
        line="",
    )
