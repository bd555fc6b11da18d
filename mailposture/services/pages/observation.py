"""One observation: the verdict in a sentence, the conversation, what it proves and what not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q

from mailposture import models
from mailposture.core.smtp.transcript import Transcript
from mailposture.core.states import Access
from mailposture.core.verdict import Verdict
from mailposture.services import clouds
from mailposture.services.pages import endpoint, foreseen, proof, talks
from mailposture.services.pages.foreseen import Foreseen
from mailposture.services.pages.proof import Seen

# Where a sender class was asked in the same run, its answer has the same time.
TOGETHER: Final = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Talk:
    """One conversation, cut to a size that a page can show."""

    host: str
    address: str
    said: Transcript
    stage: str
    state: str
    cut: str
    milliseconds: float
    round_trips: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """Another conversation to compare with: whose, when, and what it says of this one."""

    title: str
    when: str
    href: str
    talk: Talk
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """How long this answer was seen."""

    first: datetime
    last: datetime
    goes_on: bool
    rounds: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """All that the page of an observation shows."""

    pk: int
    tenant: str
    tenant_slug: str
    tenant_href: str
    sentence: str
    under: str
    seen: Seen
    place_slug: str
    talk: Talk | None
    plain: str
    proofs: tuple[str, ...]
    limits: tuple[str, ...]
    helps: tuple[str, ...]
    span: Span
    certificate: tuple[tuple[str, str], ...]
    entrance: tuple[tuple[str, str], ...]
    session: str
    beside: tuple[Beside, ...]
    later: int | None
    foreseen: Foreseen | None


def load(row: models.Observation, now: datetime) -> Page:
    """Everything of one observation; its path with tenant and vantage point must be loaded."""
    path = row.path
    tries = [_try(one, path) for one in row.tries]
    main = next((t for t in tries if t.state == _state(row.verdict, path)), None)
    main = main or (tries[0] if tries else None)
    span = _span(row, now)
    others = _others(row)
    seen = _seen(row, main, tries, others)
    return Page(
        pk=row.pk,
        tenant=path.tenant.name,
        tenant_slug=path.tenant.slug,
        tenant_href=path.tenant.get_absolute_url(),
        sentence=proof.sentence(seen),
        under=_under(row, path),
        seen=seen,
        place_slug=path.vantage_point.slug,
        talk=main,
        plain=main.said.text() if main else "",
        proofs=tuple(proof.proves(seen)),
        limits=tuple(proof.limits(seen)),
        helps=tuple(proof.helps(seen)),
        span=span,
        certificate=_certificate(row, main),
        entrance=endpoint.facts(row, now),
        session=talks.session_id(main.said) if main else "",
        beside=(*_front_ends(main, tries), *(_beside(o, row, path) for o in others if o.tries)),
        later=_later(row),
        foreseen=foreseen.of(row, now),
    )


def document(row: models.Observation) -> dict[str, Any]:
    """The observation as a file: everything that is kept of it."""
    path = row.path
    return {
        "observation": row.pk,
        "tenant": path.tenant.slug,
        "from": {
            "vantage_point": path.vantage_point.slug,
            "plays": path.vantage_point.plays,
            "family": path.family,
        },
        "domain": path.domain,
        "sender_class": path.sender_class,
        "sender_domain": path.sender_domain or None,
        "first_at": row.first_at.isoformat(),
        "last_at": row.last_at.isoformat() if row.last_at else None,
        "verdict": row.verdict,
        "cause": row.cause,
        "reason": row.reason,
        "control": row.control or None,
        "reply_name": row.name or None,
        "code": row.code or None,
        "reply": row.reply or None,
        "stage": row.stage or None,
        "endpoint": row.endpoint or None,
        "source_seen": row.source or None,
        "front_ends": row.front_ends,
        "tries": row.tries,
    }


# ---- the conversation --------------------------------------------------------------------


def _state(verdict: str, path: models.Path) -> str:
    """A stranger finds a door open or closed; an approved source gets in or is cut off."""
    if path.vantage_point.plays == models.VantagePoint.Plays.STRANGER:
        return verdict
    return str(Access.of(Verdict(verdict)))


def _certificate(row: models.Observation, main: Talk | None) -> tuple[tuple[str, str], ...]:
    if main is None:
        return ()
    in_lab = row.path.tenant.cloud == clouds.LAB
    return tuple(proof.certificate(main.said, in_lab=in_lab))


def _try(one: Mapping[str, Any], path: models.Path) -> Talk:
    whole = Transcript.from_document(one["transcript"])
    said, cut = talks.sane(whole)
    return Talk(
        host=one["host"],
        address=one["address"],
        said=said,
        stage=one.get("stage") or "",
        state=_state(one.get("verdict") or "unknown", path),
        cut=cut,
        milliseconds=max((line.ms for line in whole.lines), default=0.0),
        round_trips=talks.round_trips(whole),
    )


def _under(row: models.Observation, path: models.Path) -> str:
    stranger = path.vantage_point.plays == models.VantagePoint.Plays.STRANGER
    who = "to a stranger" if stranger else "for an approved source"
    return f"{who}, at {row.stage.upper()}" if row.stage else who


def _span(row: models.Observation, now: datetime) -> Span:
    """From the first look to the last; how many looks that were, where coverage tells."""
    path = row.path
    runs = list(
        models.Coverage.objects.filter(
            tenant=path.tenant_id,
            vantage_point=path.vantage_point_id,
            part=path.part,
            until__gte=row.first_at,
        ).order_by("-until", "-pk")[:100]
    )
    newest = runs[0].until if runs else row.first_at
    last = row.last_at or path.seen_until or min(newest, path.retired_at or newest)
    within = [run for run in runs if run.since <= last]
    exact = within and within[0].until <= last and within[-1].since >= row.first_at
    return Span(
        first=row.first_at,
        last=min(max(last, row.first_at), now),
        goes_on=row.last_at is None and path.current_id == row.pk,
        rounds=sum(run.runs for run in within) if exact and len(runs) < 100 else None,
    )


def _later(row: models.Observation) -> int | None:
    """The answer that this path has now, where it is another."""
    current = row.path.current_id
    return current if current != row.pk else None


# ---- beside it ---------------------------------------------------------------------------


def _others(row: models.Observation) -> list[models.Observation]:
    """The other sender classes of the same door, as they were answered at that time."""
    path = row.path
    at = row.first_at
    found = (
        models.Observation.objects.filter(
            Q(last_at=None) | Q(last_at__gte=at),
            path__tenant=path.tenant_id,
            path__vantage_point=path.vantage_point_id,
            path__family=path.family,
            path__domain=path.domain,
            first_at__lte=at + TOGETHER,
        )
        .exclude(path=path.pk)
        .select_related("path")
        .order_by("path__sender_class", "-first_at")[:12]
    )
    newest: dict[int, models.Observation] = {}
    for one in found:
        newest.setdefault(one.path_id, one)
    return list(newest.values())


def _seen(
    row: models.Observation,
    main: Talk | None,
    tries: Sequence[Talk],
    others: Iterable[models.Observation],
) -> Seen:
    path = row.path
    place = path.vantage_point
    agreeing = [t.address for t in tries if main and t is not main and t.state == main.state]
    return Seen(
        stranger=place.plays == models.VantagePoint.Plays.STRANGER,
        place=place.name,
        address=place.address or "",
        certificate_name=place.certificate_name,
        tenant=path.tenant.name,
        domain=path.domain,
        sender=path.sender,
        verdict=row.verdict,
        state=_state(row.verdict, path),
        cause=row.cause,
        reason=row.reason,
        control=row.control,
        code=row.code,
        reply=row.reply,
        endpoint=row.endpoint,
        source=row.source,
        front_end=main.address if main else "",
        agreeing=tuple(a for a in agreeing if main and a != main.address),
        front_ends=len({t.address for t in tries}),
        at=row.first_at,
        tls=bool(main and main.said.tls),
        others=tuple((one.path.sender, one.verdict) for one in others),
    )


def _front_ends(main: Talk | None, tries: Sequence[Talk]) -> Iterable[Beside]:
    """The same question at the other front ends."""
    for one in tries:
        if main is None or one is main:
            continue
        other = f"the other front end, {one.address}" if one.address != main.address else "again"
        yield Beside(
            title=f"Same sender, {other}",
            when="in the same round",
            href="",
            talk=one,
            note=_agreement(main, one),
        )


def _agreement(main: Talk, other: Talk) -> str:
    if other.state != main.state:
        return "It does not say the same: two front ends must agree."
    if other.state == "unknown" or other.address == main.address:
        return "It says the same."
    return "Two front ends agree, so the verdict stands."


def _beside(one: models.Observation, row: models.Observation, path: models.Path) -> Beside:
    """Another sender class at the same door."""
    tries = [_try(t, path) for t in one.tries]
    talk = next((t for t in tries if t.state == _state(one.verdict, path)), tries[0])
    control = f"Control that answered: {one.control}." if one.control else one.reason
    with_whom = one.path.sender
    return Beside(
        title=f"{with_whom[:1].upper()}{with_whom[1:]} sender, {talk.address}",
        when=_when(one.first_at, row.first_at),
        href=one.get_absolute_url(),
        talk=talk,
        note=control,
    )


def _when(at: datetime, than: datetime) -> str:
    apart = abs((at - than).total_seconds())
    if apart < 60:
        return "in the same round"
    return f"same answer since {at:%d %b %H:%M} UTC" if at < than else f"{at:%d %b %H:%M} UTC"
