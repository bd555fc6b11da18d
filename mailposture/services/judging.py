"""Take what a vantage point reports: judge it, store spans, move windows.

What was said is judged first, with no transaction open; one short transaction then stores it. A
result is taken once for each (shard, attempt), and only for the paths that were asked.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import OuterRef, Subquery

from mailposture import models
from mailposture.core import replies
from mailposture.core.pacing import asks_for_less
from mailposture.core.smtp.transcript import Transcript
from mailposture.core.verdict import FRONT_ENDS, Judgement, SenderClass, Trust, agree, judge, unseen
from mailposture.core.work import Answer, Result, Try
from mailposture.services import (
    budgets,
    clouds,
    coverage,
    entrances,
    incidents,
    planning,
    putting_off,
    standing,
    windows,
)

# The driver's own caps keep a conversation far below this; more is no conversation of ours.
MOST_OF_A_TRY: Final = 128 * 1024


@dataclass(frozen=True, slots=True)
class Taken:
    """What taking a result did: nothing if it was late, doubled or not asked for."""

    tenant_id: int | None = None
    round_finished: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """One path's answer of one run, its shape, and the conversations behind it."""

    judgement: Judgement
    shape: str
    heard: tuple[tuple[Try, Transcript, Judgement], ...] = ()
    # The doors that asked for less.
    slow: frozenset[str] = frozenset()
    knocks: tuple[entrances.Knock, ...] = ()

    @property
    def tries(self) -> list[dict[str, Any]]:
        """The conversations as a row keeps them: written out only where an answer is another than
        before, which few are.
        """
        return [
            {
                "host": one.host,
                "address": one.address,
                "verdict": judgement.verdict,
                "reason": judgement.reason,
                "stage": judgement.stage,
                "transcript": said.to_document(),
            }
            for one, said, judgement in self.heard
        ]


def take(result: Result, now: datetime) -> Taken:
    """Take one result; late, doubled and foreign ones change nothing."""
    shard = _claimed(result)
    if shard is None:
        return Taken()
    seen = see_all(shard, result.answers)
    with transaction.atomic():
        won = models.Shard.objects.filter(
            pk=shard.pk, attempt=result.attempt, done_at=None, aside_at=None
        ).update(done_at=now)
        if not won:
            return Taken()
        taken = _keep(shard, seen, _when(result, shard, now), now)
        putting_off.note(shard, result.answers)
    if slow := frozenset[str]().union(*(one.slow for one in seen.values())):
        budgets.slow_down(shard, slow)
    return taken


def _claimed(result: Result) -> models.Shard | None:
    """The shard of this result, if it answers the order that this place was given last."""
    if not result.nonce:
        return None
    return (
        models.Shard.objects.select_related("tenant", "vantage_point")
        .filter(
            pk=result.shard,
            attempt=result.attempt,
            nonce=result.nonce,
            vantage_point__slug=result.vantage_point,
            done_at=None,
        )
        .first()
    )


def _when(result: Result, shard: models.Shard, now: datetime) -> datetime:
    """When it was seen, by our clock: a vantage point's own clock may be wrong, so what it says
    counts only between the claim and now.
    """
    return min(max(result.began, shard.claimed_at or now), now)


def _keep(shard: models.Shard, seen: Mapping[int, Seen], at: datetime, now: datetime) -> Taken:
    shard.tenant = planning.lock(shard.tenant_id)
    asked = {target["path"] for target in shard.targets}
    stranger = shard.vantage_point.plays == models.VantagePoint.Plays.STRANGER
    ends = coverage.ends(shard)
    _store(_paths(asked & seen.keys()), seen, ends, at, stranger=stranger)
    coverage.extend(shard, sorted(asked - seen.keys()), ends, at)
    entrances.learn(shard.tenant, (k for one in seen.values() for k in one.knocks), at)
    if stranger and seen:  # how old the tenant's state is, strangers alone say
        models.Tenant.objects.filter(pk=shard.tenant_id).update(probed_at=at)
    finished = planning.finish_round(shard.round_id, now)
    stands = standing.refresh(shard.tenant, at, round_id=shard.round_id if finished else None)
    incidents.after_result(shard.tenant, stands, at, now, whole=finished)
    # Last: a stranger serves every tenant, and its row would hold up all their results.
    _hear(shard.vantage_point, seen.values(), now)
    return Taken(shard.tenant_id, finished)


def see_all(shard: models.Shard, answers: Sequence[Answer]) -> dict[int, Seen]:
    """Judge the answers to what was asked, by path; of what was put off nothing was seen."""
    classes = {t["path"]: SenderClass(t["sender_class"]) for t in shard.targets}
    trust = Trust(lab=shard.tenant.cloud == clouds.LAB, any_server=False)
    asked = (a for a in answers if a.path in classes and not putting_off.was(a))
    return {a.path: see(classes[a.path], a, trust) for a in asked}


def see(sender_class: SenderClass, answer: Answer, trust: Trust) -> Seen:
    """Judge every conversation of one path, then ask whether its front ends agree."""
    heard = [(t, said) for t in answer.tries[:FRONT_ENDS] if (said := _read(t))]
    if not heard:
        return _seen(unseen(answer.refused or "The vantage point reported no conversation."), ())
    judged = [judge(sender_class, said, trust) for _, said in heard]
    conversations = tuple((*pair, found) for pair, found in zip(heard, judged, strict=True))
    slow = frozenset(one.host for one, said in heard if asks_for_less(said))
    knocks = (
        entrances.knock(one.host, said, judgement, trust) for one, said, judgement in conversations
    )
    whole = _seen(agree(judged, addresses=answer.front_ends), conversations)
    return replace(whole, slow=slow, knocks=tuple(knocks))


def _read(one: Try) -> Transcript | None:
    """The conversation of a try; None for what is none, or is larger than ours can be."""
    try:
        if len(json.dumps(one.transcript)) > MOST_OF_A_TRY:
            return None
        return Transcript.from_document(one.transcript)
    except ValueError:
        return None


def _seen(judgement: Judgement, heard: tuple[tuple[Try, Transcript, Judgement], ...]) -> Seen:
    return Seen(judgement, shape(judgement), heard)


def shape(judgement: Judgement) -> str:
    """What makes two answers the same answer: verdict, control, code and words, without the
    session ids and times that every reply carries.
    """
    words = replies.bare(judgement.reply or "")
    parts = (judgement.verdict, judgement.cause, judgement.control, judgement.code, words)
    return hashlib.sha256("\x1f".join(str(p) for p in parts).encode()).hexdigest()


def _paths(keys: Set[int]) -> list[models.Path]:
    """The paths, each with its latest span, but without the conversations that the span holds."""
    live = models.Path.objects.filter(pk__in=keys, retired_at=None)
    return list(live.select_related("current").defer("current__tries"))


def _store(
    paths: Sequence[models.Path],
    seen: Mapping[int, Seen],
    ends: coverage.Ends,
    at: datetime,
    *,
    stranger: bool,
) -> None:
    """Same verdict, control and reply shape as before: the span goes on, and nothing is written.

    The others' spans end and new ones begin, with as many queries for two hundred as for one.
    """
    turned = [p for p in paths if p.current is None or p.current.shape != seen[p.pk].shape]
    kept = {p.pk for p in paths if p.seen_until is not None} - {p.pk for p in turned}
    if kept:
        models.Path.objects.filter(pk__in=kept).update(seen_until=None)
    if stranger:
        windows.move(
            [windows.Turn(p, ends.of(p), seen[p.pk].judgement.verdict) for p in turned], at
        )
    _end_spans(turned, ends, at)
    models.Observation.objects.bulk_create(_observation(p, seen[p.pk], at) for p in turned)
    _begin_spans(turned, seen)


def _end_spans(turned: Iterable[models.Path], ends: coverage.Ends, at: datetime) -> None:
    """Write down until when the latest answers were seen: for nearly all at the same moment."""
    until: dict[datetime, list[int]] = {}
    for path in turned:
        if path.current_id is not None:
            until.setdefault(ends.of(path) or at, []).append(path.current_id)
    for last_at, spans in until.items():
        models.Observation.objects.filter(pk__in=spans).update(last_at=last_at)


def _begin_spans(turned: Sequence[models.Path], seen: Mapping[int, Seen]) -> None:
    """Show the spans that have just begun on their paths: those that have no end."""
    begun = models.Observation.objects.filter(path=OuterRef("pk"), last_at=None)
    for verdict in {seen[path.pk].judgement.verdict for path in turned}:
        keys = [path.pk for path in turned if seen[path.pk].judgement.verdict is verdict]
        models.Path.objects.filter(pk__in=keys).update(
            current=Subquery(begun.order_by("-pk").values("pk")[:1]),
            verdict=verdict,
            seen_until=None,
        )


def _observation(path: models.Path, seen: Seen, at: datetime) -> models.Observation:
    judgement = seen.judgement
    return models.Observation(
        path=path,
        first_at=at,
        verdict=judgement.verdict,
        cause=judgement.cause,
        reason=judgement.reason,
        control=judgement.control or "",
        name=judgement.name or "",
        code=judgement.code or "",
        reply=judgement.reply or "",
        stage=judgement.stage or "",
        shape=seen.shape,
        endpoint=seen.heard[0][0].host[:253] if seen.heard else "",
        source=(judgement.source or "")[:45],
        front_ends=len(seen.heard),
        tries=seen.tries,
    )


def _hear(place: models.VantagePoint, seen: Any, now: datetime) -> None:
    """A result is a sign of life too, and says as whom the servers see this place."""
    found: Mapping[str, Any] = {"heard_at": now}
    source = next((s.judgement.source for s in seen if s.judgement.source), None)
    if source:
        found = {**found, "seen_as": source[:45]}
    models.VantagePoint.objects.filter(pk=place.pk).update(**found)
