"""Take what a vantage point reports: judge it, store spans, move windows.

What was said is judged first, with no transaction open; one short transaction then stores it. A
result is taken once for each (shard, attempt), and only for the paths that were asked.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from mailposture import models
from mailposture.core import replies
from mailposture.core.smtp.transcript import Transcript
from mailposture.core.verdict import FRONT_ENDS, Judgement, SenderClass, Trust, agree, judge, unseen
from mailposture.core.work import Answer, Result, Try
from mailposture.services import clouds, coverage, incidents, planning, standing, windows

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
    tries: list[dict[str, Any]]


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
        return _keep(shard, seen, _when(result, shard, now), now) if won else Taken()


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
    paths = models.Path.objects.filter(pk__in=asked, retired_at=None).select_related("current")
    stranger = shard.vantage_point.plays == models.VantagePoint.Plays.STRANGER
    ends = coverage.ends(shard)
    for path in paths:
        if path.pk in seen:
            _store(path, seen[path.pk], ends.of(path), at, stranger=stranger)
    coverage.extend(shard, sorted(asked - seen.keys()), ends, at)
    if stranger:  # how old the tenant's state is, strangers alone say
        models.Tenant.objects.filter(pk=shard.tenant_id).update(probed_at=at)
    finished = planning.finish_round(shard.round_id, now)
    stands = standing.refresh(shard.tenant, at, round_id=shard.round_id if finished else None)
    incidents.after_result(shard.tenant, stands, at, now, whole=finished)
    # Last: a stranger serves every tenant, and its row would hold up all their results.
    _hear(shard.vantage_point, seen.values(), now)
    return Taken(shard.tenant_id, finished)


def see_all(shard: models.Shard, answers: Sequence[Answer]) -> dict[int, Seen]:
    """Judge the answers to what was asked, by path."""
    classes = {t["path"]: SenderClass(t["sender_class"]) for t in shard.targets}
    trust = Trust(lab=shard.tenant.cloud == clouds.LAB, any_server=False)
    return {a.path: see(classes[a.path], a, trust) for a in answers if a.path in classes}


def see(sender_class: SenderClass, answer: Answer, trust: Trust) -> Seen:
    """Judge every conversation of one path, then ask whether its front ends agree."""
    heard = [(t, said) for t in answer.tries[:FRONT_ENDS] if (said := _read(t))]
    if not heard:
        return _seen(unseen(answer.refused or "The vantage point reported no conversation."), [])
    judged = [judge(sender_class, said, trust) for _, said in heard]
    tries = [
        {
            "host": one.host,
            "address": one.address,
            "verdict": judgement.verdict,
            "reason": judgement.reason,
            "stage": judgement.stage,
            "transcript": said.to_document(),
        }
        for (one, said), judgement in zip(heard, judged, strict=True)
    ]
    return _seen(agree(judged, addresses=answer.front_ends), tries)


def _read(one: Try) -> Transcript | None:
    """The conversation of a try; None for what is none, or is larger than ours can be."""
    try:
        if len(json.dumps(one.transcript)) > MOST_OF_A_TRY:
            return None
        return Transcript.from_document(one.transcript)
    except ValueError:
        return None


def _seen(judgement: Judgement, tries: list[dict[str, Any]]) -> Seen:
    return Seen(judgement, shape(judgement), tries)


def shape(judgement: Judgement) -> str:
    """What makes two answers the same answer: verdict, control, code and words, without the
    session ids and times that every reply carries.
    """
    words = replies.bare(judgement.reply or "")
    parts = (judgement.verdict, judgement.cause, judgement.control, judgement.code, words)
    return hashlib.sha256("\x1f".join(str(p) for p in parts).encode()).hexdigest()


def _store(
    path: models.Path, seen: Seen, last_seen: datetime | None, at: datetime, *, stranger: bool
) -> None:
    """Same verdict, control and reply shape as before: the span goes on, and nothing is written."""
    current = path.current
    if current is not None and current.shape == seen.shape:
        if path.seen_until is not None:
            models.Path.objects.filter(pk=path.pk).update(seen_until=None)
        return
    if stranger:
        windows.move(path, current, last_seen, seen.judgement.verdict, at)
    if current is not None:
        models.Observation.objects.filter(pk=current.pk).update(last_at=last_seen or at)
    fresh = _observation(path, seen, at)
    models.Path.objects.filter(pk=path.pk).update(
        current=fresh, verdict=seen.judgement.verdict, seen_until=None
    )


def _observation(path: models.Path, seen: Seen, at: datetime) -> models.Observation:
    judgement = seen.judgement
    return models.Observation.objects.create(
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
        endpoint=seen.tries[0]["host"][:253] if seen.tries else "",
        source=(judgement.source or "")[:45],
        front_ends=len(seen.tries),
        tries=seen.tries,
    )


def _hear(place: models.VantagePoint, seen: Any, now: datetime) -> None:
    """A result is a sign of life too, and says as whom the servers see this place."""
    found: Mapping[str, Any] = {"heard_at": now}
    source = next((s.judgement.source for s in seen if s.judgement.source), None)
    if source:
        found = {**found, "seen_as": source[:45]}
    models.VantagePoint.objects.filter(pk=place.pk).update(**found)
