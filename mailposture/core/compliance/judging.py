"""Each requirement against the evidence of a period: satisfied only if proved for all of it.

Not satisfied: at some time in the period the contrary was seen. Satisfied: it was seen at every
time in it, with no gap longer than what was seen counts (four rounds, two and a half intervals of
readings) and no look between that proved nothing, and no door may have stood open in it by its
outer bounds. Else unknown. See docs/decisions/0016.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from mailposture.core import posture
from mailposture.core.compliance import accepting
from mailposture.core.compliance.evidence import Answer, Evidence, Period, Reading
from mailposture.core.compliance.looks import (
    during,
    known,
    near,
    readings,
    stood,
    strangers,
    surely_open,
    widest,
)
from mailposture.core.compliance.report import Proof
from mailposture.core.compliance.spans import dated, missing
from mailposture.core.posture import Facts, Finding, Result, gateways, listed
from mailposture.core.spans import Span, length
from mailposture.core.states import INTERVALS, READ_WITHIN
from mailposture.core.words import duration, minute

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
    """What is known of one requirement; None where it cannot be judged yet.

    What was not read can refute what was: where answers or windows were left out, none is called
    satisfied by those that are left.
    """
    said = _JUDGES[requirement](requirement, evidence, period)
    lacking = evidence.left_out.answers + evidence.left_out.openings
    if said is None or not lacking or requirement not in CLASSES:
        return said
    if said.result is not Result.SATISFIED:
        return said
    words = f"No contrary was seen, but {lacking:,} answers and windows were too many to read."
    return replace(said, result=Result.UNKNOWN, sentence=words)


# ---- by observation ------------------------------------------------------------------------


def _refused(requirement: str, evidence: Evidence, period: Period) -> Said:
    classes, who = CLASSES[requirement], WHO[requirement]
    doors = [o for o in evidence.openings if o.sender_class in classes]
    answers = strangers(evidence, classes)
    got_in = {a.domain for a in during(answers, period) if a.verdict == "open"}
    if hit := got_in | {o.domain for o in doors if surely_open(o, period)}:
        words = f"In the period a stranger got in with {who}: {listed(sorted(hit))}."
        return Said(result=Result.NOT_SATISFIED, sentence=words, evidence=_opened(answers, period))
    gaps = _not_refused(answers, classes, evidence, period)
    perhaps = sorted({o.domain for o in doors if widest(o, period)})
    if evidence.domains and not gaps and not perhaps:
        beside = any(a.verdict == "unknown" for a in during(answers, period))
        words = (
            f"At all times in the period each domain refused a stranger with {who}. Some looks"
            " beside proved nothing."
            if beside
            else f"At every look in the period each domain refused a stranger with {who}."
        )
        return Said(
            result=Result.SATISFIED, sentence=words, evidence=_answered(answers, period, "closed")
        )
    why = _why_unknown(gaps, answers, evidence, period)
    if perhaps and not gaps:
        why = f"Seen open before or after, and perhaps in the period too: {listed(perhaps)}."
    shown = _answered(answers, period, "unknown") + _answered(answers, period, "closed")
    return Said(result=Result.UNKNOWN, sentence=why, evidence=shown)


def _not_refused(
    answers: Iterable[Answer], classes: Sequence[str], evidence: Evidence, period: Period
) -> dict[tuple[str, str], list[Span]]:
    """When of the period no stranger's refusal is known, for each domain and sender.

    While a reading says that the tenant did not accept a domain, there was nothing to refuse.
    """
    asked: dict[tuple[str, str], list[Answer]] = {}
    for a in answers:
        asked.setdefault((a.domain.casefold(), a.sender_class), []).append(a)
    within, gaps = near(evidence), {}
    for name, (domain, absent) in _accepted(evidence, period).items():
        for sender in classes:
            refused, blanks = known(asked.get((name, sender), ()), ("closed",), within, period.end)
            spans = [*refused, *absent]
            if found := missing(spans, blanks, within, period.begin, period.end):
                gaps[domain, sender] = found
    return gaps


def _accepted(evidence: Evidence, period: Period) -> dict[str, tuple[str, list[Span]]]:
    """Domains accepted now or at some time in the period, each with when it surely was not."""
    lists = [
        ((r.first, r.last), {d.casefold(): d for d in r.configuration.domains})
        for r in readings(evidence, period)
        if r.configuration.knows("accepted_domains")
    ]
    every = {name: domain for _, held in lists for name, domain in held.items()}
    every |= {domain.casefold(): domain for domain in evidence.domains}
    return {
        name: (domain, [span for span, held in lists if name not in held])
        for name, domain in every.items()
    }


def _why_unknown(
    gaps: Mapping[tuple[str, str], Sequence[Span]],
    answers: Iterable[Answer],
    evidence: Evidence,
    period: Period,
) -> str:
    if not evidence.domains:
        return "Which domains the tenant accepts is not known."
    if not gaps:
        return "No stranger looked in the period."
    (domain, sender), spans = max(gaps.items(), key=lambda item: length(item[1]))
    begin, until = spans[0]
    key = domain.casefold(), sender
    asked = (a for a in answers if (a.domain.casefold(), a.sender_class) == key)
    late = len(spans) == 1 and begin == period.begin and until < period.end
    if late and all(a.first >= until for a in asked):
        return (
            f"No contrary was seen, but in the period nobody asked {domain} with"
            f" {_A[sender]} before {minute(until, period.end)} UTC."
        )
    lasted = duration(length(spans))
    return f"For {lasted} of the period no refusal is known: most of all {domain}, {sender} sender."


_A: Final[Mapping[str, str]] = {
    "foreign": "a foreign sender", "own": "an own-domain sender", "null": "the null sender",
}  # fmt: skip


# ---- by configuration ----------------------------------------------------------------------


type Judged = Sequence[tuple[Reading, Sequence[Finding]]]


def judged(rule: str, evidence: Evidence) -> Judged:
    """What one rule says of each reading; of one configuration read time and again it is asked
    once.
    """
    approved = gateways(evidence.gateways)
    found: list[tuple[Reading, Sequence[Finding]]] = []
    for reading in sorted(evidence.readings, key=lambda r: r.first):
        seen = reading.configuration
        if found and found[-1][0].configuration == seen:
            said = found[-1][1]
        else:
            said = posture.judged(Facts(configuration=seen, sources=approved), rule)
        found.append((reading, said))
    return found


def _configured(rule: str, evidence: Evidence, period: Period) -> Said:
    every = judged(rule, evidence)
    found = [(r, finding) for r, said in every if stood(r, period) for finding in said]
    proofs = tuple(_read(reading, finding, period) for reading, finding in found)
    for reading, finding in found:
        if finding.result is Result.NOT_SATISFIED:
            words = f"{finding.sentence}{_when(reading, found[-1][1], period)}"
            return Said(result=finding.result, sentence=words, evidence=proofs)
    if not found:
        words = "No configuration was read in the period."
        return Said(result=Result.UNKNOWN, sentence=words)
    unknown = next((f for _, f in found if f.result is Result.UNKNOWN), None)
    if unknown:
        return Said(result=Result.UNKNOWN, sentence=unknown.sentence, evidence=proofs)
    if gaps := _not_proved(every, evidence, period):
        words = (
            f"{found[-1][1].sentence} For {duration(length(gaps))} of the period nothing was read."
        )
        return Said(result=Result.UNKNOWN, sentence=words, evidence=proofs)
    return Said(result=Result.SATISFIED, sentence=found[-1][1].sentence, evidence=proofs)


def _not_proved(every: Judged, evidence: Evidence, period: Period) -> list[Span]:
    """When of the period no reading counts that satisfied. One from before it may have said
    otherwise, and then does not count in it.
    """
    good: list[Span] = []
    bad: list[Span] = []
    for reading, said in every:
        proves = all(finding.result is Result.SATISFIED for finding in said)
        (good if proves else bad).append((reading.first, reading.last))
    return missing(good, bad, evidence.fetch_every * READ_WITHIN, period.begin, period.end)


def _when(reading: Reading, latest: Finding, period: Period) -> str:
    """Said of what was mended since: when it was read."""
    if latest.result is Result.NOT_SATISFIED:
        return ""
    begin, end = max(reading.first, period.begin), min(reading.last, period.end)
    return f" So read from {minute(begin, period.end)} to {minute(end, period.end)} UTC."


def _mx(rule: str, evidence: Evidence, period: Period) -> Said | None:
    """Without a declared gateway there is nothing to compare with: absent, not green.

    All of the period is compared with the gateways of today, so that is said.
    """
    if not evidence.gateways:
        return None
    said = _configured(rule, evidence, period)
    against = f"Compared with the gateways as approved on {dated(period.as_of)}."
    return replace(said, sentence=f"{said.sentence} {against}")


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
    """The oldest answer that must count, and the last reading; what proved nothing is no look."""
    looks = _last_looks(evidence, period)
    known = [r for r in evidence.readings if r.configuration.knows("inbound_connectors")]
    reading = max((r for r in known if r.first < period.end), key=lambda r: r.last, default=None)
    if not looks or reading is None:
        lacking = "No connectors were read" if looks else "No stranger proved anything"
        return Said(result=Result.UNKNOWN, sentence=f"{lacking} in the period.")
    oldest = min(looks.values(), key=lambda a: (a.last, a.domain, a.sender_class))
    looked, read = (max(period.end - x.last, timedelta(0)) for x in (oldest, reading))
    proofs = (*_proofs([oldest], period), _last_reading(reading, period))
    words = (
        f"At the period's end the oldest answer was {duration(looked)} old ({oldest.domain},"
        f" {oldest.sender_class} sender) and the last reading was {duration(read)} old."
    )
    if looked > near(evidence) or read > INTERVALS * evidence.fetch_every:
        return Said(result=Result.NOT_SATISFIED, sentence=words, evidence=proofs)
    classes = CLASSES["MP-05"]
    never = [d for d in evidence.domains if any((d.casefold(), c) not in looks for c in classes)]
    if never:
        words = f"With some sender nothing was ever proved of {listed(never)}."
        return Said(result=Result.UNKNOWN, sentence=words, evidence=proofs)
    return Said(result=Result.SATISFIED, sentence=words, evidence=proofs)


def _last_looks(evidence: Evidence, period: Period) -> dict[tuple[str, str], Answer]:
    """The last answer that proved something, for each accepted domain and sender."""
    accepted = {d.casefold() for d in evidence.domains}
    found: dict[tuple[str, str], Answer] = {}
    for answer in sorted(strangers(evidence, CLASSES["MP-05"]), key=lambda a: a.last):
        name = answer.domain.casefold()
        if answer.verdict != "unknown" and answer.first < period.end and name in accepted:
            found[name, answer.sender_class] = answer
    return found


def _last_reading(reading: Reading, period: Period) -> Proof:
    words = "The configuration was read."
    return _read(reading, Finding(rule="MP-11", result=Result.SATISFIED, sentence=words), period)


def _excepted(_rule: str, evidence: Evidence, period: Period) -> Said | None:
    """What people decided, of which the rows are the proof."""
    found = accepting.judge(evidence, period)
    if found is None:
        return None
    result, sentence, proofs = found
    return Said(result=result, sentence=sentence, evidence=proofs)


_JUDGES: Final[Mapping[str, Callable[[str, Evidence, Period], Said | None]]] = {
    "MP-01": _configured,
    "MP-02": _configured,
    "MP-03": _refused,
    "MP-04": _refused,
    "MP-05": _every_domain,
    "MP-08": _mx,
    "MP-11": _fresh,
    "MP-13": _excepted,
}


# ---- evidence rows -------------------------------------------------------------------------


def _opened(answers: Iterable[Answer], period: Period) -> tuple[Proof, ...]:
    return _answered(answers, period, "open")


def _answered(answers: Iterable[Answer], period: Period, verdict: str) -> tuple[Proof, ...]:
    return _proofs((a for a in during(answers, period) if a.verdict == verdict), period)


def _proofs(answers: Iterable[Answer], period: Period) -> tuple[Proof, ...]:
    ordered = sorted(answers, key=lambda a: (a.first, a.domain, a.sender, a.vantage_point))
    return tuple(_proof(answer, period) for answer in ordered)


def _proof(answer: Answer, period: Period) -> Proof:
    """What was seen up to the period's end; what came after belongs to another report."""
    says = {
        "open": "got in",
        "closed": f"refused by the {answer.control or 'tenant'}",
    }.get(answer.verdict, "proved nothing")
    return Proof(
        first=answer.first,
        last=min(answer.last, period.end),
        vantage_point=answer.vantage_point,
        source=answer.source,
        domain=answer.domain,
        sender_class=answer.sender,
        says=says,
        line=answer.line,
        observation=answer.observation,
    )


def _read(reading: Reading, finding: Finding, period: Period) -> Proof:
    return Proof(
        first=reading.first,
        last=min(reading.last, period.end),
        vantage_point="configuration",
        source="",
        domain="",
        sender_class="",
        says=finding.sentence,
        line="",
    )
