"""The mail flow of a tenant as a drawing's specification: only hosts that exist, what they met."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from django.urls import reverse

from mailposture import models
from mailposture.adapters.drawings.flow import FlowLine, MailFlow
from mailposture.core import addresses
from mailposture.core.configuration import Configuration, MxHost
from mailposture.core.states import Access, State, access
from mailposture.core.verdict import ASKED, SenderClass, Verdict
from mailposture.services.pages import answers
from mailposture.services.pages.answers import Answer
from mailposture.services.pages.reasons import why

# Which answers speak for a state, and in which order of weight.
SPEAKS: Final = {
    "open": Verdict.OPEN,
    "partly": Verdict.OPEN,
    "closed": Verdict.CLOSED,
    "unknown": Verdict.UNKNOWN,
    "gets_in": Verdict.OPEN,
    "cut_off": Verdict.CLOSED,
    "partly_cut_off": Verdict.CLOSED,
}


def build(
    of: models.Tenant,
    found: Sequence[Answer],
    sources: Iterable[models.ApprovedSource],
    configuration: Configuration | None,
    now: datetime,
) -> MailFlow | None:
    """The drawing, or None where no host is known yet."""
    mx = _exchangers(configuration)
    lines = [*_stranger_lines(answers.strangers(found), now)]
    for source in sources:
        own = [a for a in found if a.place.pk == source.vantage_point_id]
        lines += _source_lines(source, own, mx, now)
    return MailFlow(tenant=of.name, lines=tuple(lines)) if lines else None


def _exchangers(configuration: Configuration | None) -> dict[str, MxHost]:
    """Address -> the mail exchanger that has it."""
    facts = (configuration.domain_facts if configuration else None) or ()
    found: dict[str, MxHost] = {}
    for host in (host for f in facts for host in f.mx or ()):
        for address in host.addresses:
            found.setdefault(address, host)
    return found


# ---- strangers ---------------------------------------------------------------------------


# How a sender class fares, where that is not known for which reasons, and what was predicted.
type Fares = tuple[State, tuple[str, ...], State]


def _stranger_lines(found: list[Answer], now: datetime) -> Iterable[FlowLine]:
    """A line for places and sender classes that fare alike, and for the same reason."""
    by_place: dict[int, list[Answer]] = {}
    for a in found:
        by_place.setdefault(a.place.pk, []).append(a)
    alike: dict[tuple[tuple[SenderClass, Fares], ...], list[list[Answer]]] = {}
    for own in by_place.values():
        alike.setdefault(tuple(_fares(own)), []).append(own)
    for fares, places in alike.items():
        title = _title(places, among=len(by_place))
        yield from _class_lines(title, [a for own in places for a in own], dict(fares), now)


def _fares(own: list[Answer]) -> Iterable[tuple[SenderClass, Fares]]:
    believed = answers.class_states(
        answers.by_domain([replace(a, verdict=a.predicted) for a in own])
    )
    for name, state in answers.class_states(answers.by_domain(own)).items():
        unknown = [a for a in own if a.sender_class is name and a.verdict is Verdict.UNKNOWN]
        reasons = {why(a).says for a in unknown} if state is State.UNKNOWN else set()
        yield name, (state, tuple(sorted(reasons)), believed[name])


def _title(places: list[list[Answer]], among: int) -> str:
    """Strangers that all fare alike need no name."""
    if len(places) == among:
        return "Stranger"
    return places[0][0].place.name if len(places) == 1 else f"{len(places)} strangers"


def _class_lines(
    title: str, found: list[Answer], fares: dict[SenderClass, Fares], now: datetime
) -> Iterable[FlowLine]:
    alike: dict[Fares, list[SenderClass]] = {}
    for sender_class, fare in fares.items():
        alike.setdefault(fare, []).append(sender_class)
    for (state, _, believed), classes in alike.items():
        some = [a for a in found if a.sender_class in classes]
        line = FlowLine(
            kind="stranger",
            title=title,
            details=(senders(classes, among=len(alike)),),
            mono=False,
            observed=str(state),
            predicted=_foreseen(believed),
            above=_deciding(some),
        )
        yield _with_evidence(line, some, now)


def _foreseen(state: State | Access) -> str | None:
    """A prediction that is none is not drawn."""
    return None if state in (State.UNKNOWN, Access.UNKNOWN) else str(state)


def _deciding(found: Sequence[Answer]) -> str:
    """The connector that the model says decides, where one does for all."""
    named = {a.predicted_by for a in found}
    return named.pop() if len(named) == 1 else ""


def senders(classes: Sequence[SenderClass], among: int = 1) -> str:
    """The envelope senders in words: any, or those that are meant. `among`: groups that fare
    differently; beside all that are always asked, the other is a partner's.
    """
    if set(ASKED) <= set(classes):
        return "any sender" if among == 1 else "any other sender"
    if list(classes) == [SenderClass.NULL]:
        return "null sender, MAIL FROM:<>"
    return f"{' or '.join(classes)} sender"


# ---- approved sources --------------------------------------------------------------------


def _source_lines(
    source: models.ApprovedSource, own: list[Answer], mx: dict[str, MxHost], now: datetime
) -> Iterable[FlowLine]:
    exchanger = _exchanger(source, mx)
    details = _details(source, exchanger)
    led = exchanger is not None
    if not own:
        said = "no vantage point plays it" if source.vantage_point_id is None else "not probed yet"
        line = FlowLine(kind=source.kind, title=source.name, details=details, by_mx=led)
        yield replace(line, below=said)
        return
    alike: dict[tuple[Access, Access], list[SenderClass]] = {}
    for sender_class in SenderClass:
        some = [a for a in own if a.sender_class is sender_class]
        if some:
            fares = access(a.verdict for a in some), access(a.predicted for a in some)
            alike.setdefault(fares, []).append(sender_class)
    for (state, believed), classes in alike.items():
        some = [a for a in own if a.sender_class in classes]
        line = FlowLine(
            kind=source.kind,
            title=source.name,
            details=details,
            observed=str(state),
            predicted=_foreseen(believed),
            above=_above(
                _deciding(some), "" if len(alike) == 1 else senders(classes, among=len(alike))
            ),
            by_mx=led,
        )
        yield _with_evidence(line, some, now)


def _above(connector: str, classes: str) -> str:
    return ": ".join(filter(None, (classes, connector)))


def _exchanger(source: models.ApprovedSource, mx: dict[str, MxHost]) -> MxHost | None:
    """The first mail exchanger that is one of the source's hosts."""
    try:
        own = addresses.parse(source.addresses.split())
        return next((host for address, host in mx.items() if address in own), None)
    except addresses.AddressError:
        return None


def _details(source: models.ApprovedSource, exchanger: MxHost | None) -> tuple[str, ...]:
    listed = source.addresses.split()
    more = f" and {len(listed) - 1} more" if len(listed) > 1 else ""
    where = f"{listed[0]}{more}" if listed else ""
    beside = f"MX {exchanger.preference} {exchanger.host}" if exchanger else source.certificate_name
    return tuple(filter(None, (where, beside)))


# ---- what both rest on -------------------------------------------------------------------


def _with_evidence(line: FlowLine, found: list[Answer], now: datetime) -> FlowLine:
    """The reply, how many paths gave it, when, and the conversation behind it."""
    verdict = SPEAKS[line.observed or "unknown"]
    speaking = [a for a in found if a.verdict is verdict]
    shown = max(speaking, key=lambda a: (a.observation is not None, a.observation or 0))
    seen = max((a.seen_at for a in found if a.seen_at), default=None)
    return replace(
        line,
        below=_reply(speaking),
        notes=(_count(found, speaking, verdict), *_last(seen, now)),
        href=reverse("observation", args=[shown.observation]) if shown.observation else "",
        how="stale" if all(a.how == "stale" for a in found) else "",
    )


def _reply(speaking: list[Answer]) -> str:
    if speaking[0].verdict is Verdict.UNKNOWN:
        code, count = Counter(why(a).short for a in speaking).most_common(1)[0]
    else:
        code, count = Counter(a.code for a in speaking).most_common(1)[0]
    if count < len(speaking):
        return f"{code} and others"
    if all(a.front_ends == 2 and a.verdict is not Verdict.UNKNOWN for a in speaking):
        return f"{code} on both front ends"
    return code


def _count(found: list[Answer], speaking: list[Answer], verdict: Verdict) -> str:
    rest = Counter(a.verdict for a in found if a.verdict is not verdict)
    counted = f"{len(speaking)} path{'s' if len(speaking) > 1 else ''}"
    words = {Verdict.OPEN: "open", Verdict.CLOSED: "closed", Verdict.UNKNOWN: "Unknown"}
    others = ", ".join(f"{n} more {words[other]}" for other, n in sorted(rest.items()))
    return f"{counted}, {others}" if others else f"all {counted}" if len(speaking) > 1 else counted


def _last(seen: datetime | None, now: datetime) -> tuple[str, ...]:
    if seen is None:
        return ()
    day = "" if seen.date() == now.date() else f"{seen.day} {seen:%b} "
    return (f"last seen {day}{seen:%H:%M} UTC",)
