"""Build the report of a period: evidence and catalogue in, one document out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from mailposture.core import sentences
from mailposture.core.compliance import accepting
from mailposture.core.compliance.catalogue import Catalogue, Entry
from mailposture.core.compliance.evidence import Answer, Evidence, LeftOut, Opening, Period
from mailposture.core.compliance.judging import judge
from mailposture.core.compliance.looks import (
    known,
    near,
    readings,
    strangers,
    surely_open,
    unread,
    widest,
)
from mailposture.core.compliance.report import (
    SCHEMA,
    Blind,
    Changed,
    Connector,
    Exposed,
    NotRead,
    Report,
    Requirement,
)
from mailposture.core.compliance.spans import MINUTE, by_day, dated, missing
from mailposture.core.posture import Result
from mailposture.core.spans import Span, length, union
from mailposture.core.states import State, domain_states, tenant_state
from mailposture.core.verdict import SenderClass, Verdict
from mailposture.core.words import duration

# What is left out is counted: a report is read by people. Of windows and changes the latest stay.
MOST_PROOFS: Final = 200
MOST_WINDOWS: Final = 500
MOST_CHANGES: Final = 500
ANY: Final = tuple(map(str, SenderClass))


def build(evidence: Evidence, catalogue: Catalogue, period: Period, *, engine: str) -> Report:
    """The report of one tenant; `engine` is the version of what built it."""
    surely = union(s for o in evidence.openings for s in surely_open(o, period))
    perhaps = union(s for o in evidence.openings for s in widest(o, period))
    blind = _blind(evidence, period)
    unseen = union((b.begin, b.end) for b in blind if b.what == LOOKS)
    requirements = tuple(r for e in catalogue.entries if (r := _requirement(e, evidence, period)))
    shown = [_exposed(o) for o in _during(evidence.openings, period)]
    changes = [c for c in evidence.changes if period.begin <= c.at < period.end]
    minutes = int(length(surely) / MINUTE)
    state = _state(evidence, period)
    return Report(
        schema=SCHEMA,
        engine=engine,
        catalogue=catalogue.id,
        catalogue_version=catalogue.version,
        tenant=evidence.tenant,
        tenant_id=evidence.tenant_id,
        since=period.since,
        until=period.until,
        as_of=period.as_of,
        sentence=_sentence(evidence, surely, unseen, period),
        lead=_lead(requirements, state),
        state=state,
        minutes_open=minutes,
        minutes_at_most=max(int(length(perhaps) / MINUTE), minutes),
        rests_on=_rests_on(evidence, unseen, period),
        days=by_day(period, surely, perhaps, unseen),
        requirements=requirements,
        windows=tuple(shown[-MOST_WINDOWS:]),
        windows_left_out=max(len(shown) - MOST_WINDOWS, 0),
        changes=tuple(
            _changed(c.at, c.subject, c.sentence, c.effect) for c in changes[-MOST_CHANGES:]
        ),
        changes_left_out=max(len(changes) - MOST_CHANGES, 0),
        blind=blind,
        connectors=_connectors(evidence, period),
        not_read=tuple(_not_read(evidence.left_out)),
        notes=catalogue.notes,
    )


def _during(openings: Iterable[Opening], period: Period) -> list[Opening]:
    found = [o for o in openings if surely_open(o, period)]
    return sorted(found, key=lambda o: (o.window.first_open, o.domain, o.sender))


def _exposed(opening: Opening) -> Exposed:
    window = opening.window
    return Exposed(
        domain=opening.domain,
        sender_class=opening.sender,
        last_closed=window.last_closed,
        first_open=window.first_open,
        last_open=window.last_open,
        first_closed=window.first_closed,
    )


def _requirement(entry: Entry, evidence: Evidence, period: Period) -> Requirement | None:
    said = judge(entry.id, evidence, period)
    if said is None:
        return None
    return Requirement(
        id=entry.id,
        title=entry.title,
        result=said.result,
        sentence=said.sentence,
        evidence=said.evidence[:MOST_PROOFS],
        left_out=max(len(said.evidence) - MOST_PROOFS, 0),
        references=entry.references,
        accepted=_accepted(entry, said.result, evidence, period),
    )


def _accepted(entry: Entry, result: Result, evidence: Evidence, period: Period) -> str:
    """Only what is not met can be accepted; it stays not met."""
    if result is not Result.NOT_SATISFIED:
        return ""
    return accepting.accepted(entry.id, evidence, period)


# ---- what was not seen ---------------------------------------------------------------------

LOOKS: Final = "no stranger looked, or none proved anything"
READS: Final = "the configuration was not read"


def _blind(evidence: Evidence, period: Period) -> tuple[Blind, ...]:
    """When strangers proved nothing of the whole tenant, and when nothing was read."""
    within = near(evidence)
    proved, blanks = known(strangers(evidence, ANY), ("open", "closed"), within, period.end)
    unseen = missing(proved, blanks, within, period.begin, period.end)
    found = [Blind(what=LOOKS, begin=a, end=b) for a, b in unseen]
    found += [Blind(what=READS, begin=a, end=b) for a, b in unread(evidence, period)]
    return tuple(sorted(found, key=lambda b: (b.begin, b.what)))


_LEFT_OUT: Final = (
    "those that let nobody in, the earliest first. So nothing that rests on answers is called"
    " satisfied"
)
_LEAST: Final = "the earliest. So minutes and windows in this report are the least there were"


def _not_read(left_out: LeftOut) -> Iterator[NotRead]:
    """What was too many to read, each with what that does to the report."""
    told = (
        ("answers of strangers", left_out.answers, _LEFT_OUT),
        ("exposure windows", left_out.openings, _LEAST),
        ("configuration changes", left_out.changes, "the earliest"),
    )
    for what, count, which in told:
        if count:
            says = f"Too many for one report, {count:,} {what} were not read: {which}."
            yield NotRead(what=what, count=count, says=says)


# ---- words ---------------------------------------------------------------------------------


def _state(evidence: Evidence, period: Period) -> str:
    """How the tenant stood at the period's end, by answers that still count then."""
    if evidence.left_out.answers:
        # One of those may be the last word on its door.
        return State.UNKNOWN.word
    standing: dict[tuple[str, str, str], Answer] = {}
    for answer in sorted(strangers(evidence, ANY), key=lambda a: a.first):
        if answer.first < period.end:
            standing[answer.vantage_point, answer.domain, answer.sender] = answer
    fresh = max(near(evidence), timedelta(days=1))
    counted = [(a.domain, a.sender, _counted(a, period, fresh)) for a in standing.values()]
    # A domain that was never asked is Unknown, and then the tenant is not Closed.
    asked = dict.fromkeys(evidence.domains, State.UNKNOWN) | domain_states(counted)
    return tenant_state(asked.values()).word


def _counted(answer: Answer, period: Period, fresh: timedelta) -> Verdict:
    lapsed = period.end - min(answer.last, period.end) > fresh
    return Verdict.UNKNOWN if lapsed else Verdict(answer.verdict)


def _sentence(
    evidence: Evidence, surely: Sequence[Span], unseen: Sequence[Span], period: Period
) -> str:
    days = (period.until - period.since).days
    first = period.since
    when = f"On {first.day} {first:%B %Y}" if days == 1 else f"In these {days} days"
    if surely:
        lasted = duration(length(surely)) if length(surely) else "at least one look"
        if evidence.left_out.openings and length(surely):
            lasted = f"at least {lasted}"
        return f"{when} strangers could deliver past the gateway of {evidence.tenant} for {lasted}."
    if unseen and length(unseen) >= (period.end - period.begin) * 0.999:
        return f"Whether strangers could deliver past the gateway of {evidence.tenant} is unknown."
    tail = f", but {duration(length(unseen))} were not seen" if unseen else ""
    return f"{when} no stranger was seen to get in to {evidence.tenant}{tail}."


def _lead(requirements: Sequence[Requirement], state: str) -> str:
    count = Counter(r.result for r in requirements)
    met, failed, unknown = (
        count[r] for r in (Result.SATISFIED, Result.NOT_SATISFIED, Result.UNKNOWN)
    )
    parts = [f"{met} of {len(requirements)} requirements {_are(met)} satisfied"]
    if failed:
        accepted = sum(bool(r.accepted) for r in requirements)
        beside = f", of which {accepted} {_are(accepted)} accepted by an exception"
        parts.append(f"{failed} {_are(failed)} not{beside if accepted else ''}")
    if unknown:
        counts = "counts" if unknown == 1 else "count"
        parts.append(f"{unknown} {_are(unknown)} unknown and {counts} as neither")
    return f"At the end the tenant was {state}. {', '.join(parts)}."


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _rests_on(
    evidence: Evidence, unseen: Sequence[Span], period: Period
) -> tuple[tuple[str, str], ...]:
    whole = period.end - period.begin
    seen = whole - length(unseen)
    read = [seen for seen, _ in groupby(r.configuration for r in readings(evidence, period))]
    places, since = {a.vantage_point for a in strangers(evidence, ANY)}, evidence.watched_since
    sources = ", ".join(f"{name} {access}" for name, access in evidence.sources) or "none declared"
    return (
        ("Watched since", f"{dated(since)} {since:%H:%M} UTC"),
        ("A round every", duration(evidence.probe_every)),
        ("Known from strangers' answers", f"{duration(seen)} of {duration(whole)}"),
        ("Domains", f"{len(evidence.domains):,}"),
        ("Strangers", ", ".join(sorted(places)) or "none"),
        (f"Approved sources, as approved on {dated(period.as_of)}", sources),
        ("Configurations read", f"{len(read):,}"),
    )


def _changed(at: datetime, subject: str, sentence: str, effect: str) -> Changed:
    says = sentence if subject in sentence or not subject else f"{sentence} ({subject})"
    return Changed(at=at, says=says, effect=effect)


def _connectors(evidence: Evidence, period: Period) -> tuple[Connector, ...]:
    """Each inbound connector at the period's end, or none where it was not read."""
    known = [r for r in readings(evidence, period) if r.configuration.knows("inbound_connectors")]
    if not known:
        return ()
    rows = known[-1].configuration.inbound_connectors or ()
    told = [sentences.connector(row, owner=evidence.tenant) for row in rows]
    return tuple(Connector(name=t.name, about=t.about, says=t.text) for t in told)
