"""Take what a vantage point reports: judge it, store spans, move windows.

One short transaction for one result. A result is taken once for each (shard, attempt), and only
for the paths that were asked.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from mailposture import models
from mailposture.core import replies
from mailposture.core.smtp.transcript import Transcript
from mailposture.core.verdict import Judgement, SenderClass, Trust, agree, judge, unseen
from mailposture.core.work import Answer, Result
from mailposture.services import clouds, coverage, planning, standing, windows


@dataclass(frozen=True, slots=True)
class Taken:
    """What taking a result did: nothing if it was late, doubled or not asked for."""

    tenant_id: int | None = None
    round_finished: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """One path's answer of one run, and the conversations behind it."""

    path: models.Path
    judgement: Judgement
    tries: list[dict[str, Any]]


@transaction.atomic
def take(result: Result, now: datetime) -> Taken:
    """Take one result; late, doubled and foreign ones change nothing."""
    shard = _claimed(result)
    if shard is None or not models.Shard.objects.filter(
        pk=shard.pk, attempt=result.attempt, done_at=None, aside_at=None
    ).update(done_at=now):
        return Taken()
    at = _when(result, shard, now)
    asked = {target["path"] for target in shard.targets}
    paths = models.Path.objects.filter(pk__in=asked, retired_at=None).select_related("current")
    answers = {a.path: a for a in result.answers if a.path in asked}
    trust = Trust(lab=shard.tenant.cloud == clouds.LAB, any_server=False)
    seen = [see(p, answers[p.pk], trust) for p in paths if p.pk in answers]
    missing = sorted(asked - {s.path.pk for s in seen})
    ends = coverage.ends(shard)
    for one in seen:
        _store(one, ends.of(one.path), at, stranger=_is_stranger(shard))
    coverage.extend(shard, missing, ends, at)
    _hear(shard.vantage_point, seen, now)
    models.Tenant.objects.filter(pk=shard.tenant_id).update(probed_at=at)
    finished = planning.finish_round(shard.round_id, now)
    standing.refresh(shard.tenant, at, round_id=shard.round_id if finished else None)
    return Taken(shard.tenant_id, finished)


def _claimed(result: Result) -> models.Shard | None:
    """The shard of this result, if it came from the place that was asked."""
    if result.purpose != "result":
        return None
    return (
        models.Shard.objects.select_related("tenant", "vantage_point")
        .filter(pk=result.shard, vantage_point__slug=result.vantage_point)
        .first()
    )


def _when(result: Result, shard: models.Shard, now: datetime) -> datetime:
    """When it was seen, by our clock: a vantage point's own clock may be wrong, so what it says
    counts only between the claim and now.
    """
    return min(max(result.began, shard.claimed_at or now), now)


def _is_stranger(shard: models.Shard) -> bool:
    return shard.vantage_point.plays == models.VantagePoint.Plays.STRANGER


def see(path: models.Path, answer: Answer, trust: Trust) -> Seen:
    """Judge every conversation of one path, then ask whether its front ends agree."""
    sender_class = SenderClass(path.sender_class)
    judged = []
    for attempt in answer.tries:
        transcript = Transcript.from_document(attempt.transcript)
        judged.append((attempt, transcript, judge(sender_class, transcript, trust)))
    if not judged:
        return Seen(path, unseen(answer.refused or "The vantage point did not try."), [])
    whole = agree([j for _, _, j in judged], addresses=answer.front_ends)
    tries = [
        {
            "host": attempt.host,
            "address": attempt.address,
            "verdict": judgement.verdict,
            "reason": judgement.reason,
            "stage": judgement.stage,
            "transcript": attempt.transcript,
        }
        for attempt, _, judgement in judged
    ]
    return Seen(path, whole, tries)


def shape(judgement: Judgement) -> str:
    """What makes two answers the same answer: verdict, control, code and words, without the
    session ids and times that every reply carries.
    """
    words = replies.bare(judgement.reply or "")
    parts = (judgement.verdict, judgement.cause, judgement.control, judgement.code, words)
    return hashlib.sha256("\x1f".join(str(p) for p in parts).encode()).hexdigest()


def _store(seen: Seen, last_seen: datetime | None, at: datetime, *, stranger: bool) -> None:
    """Same verdict, control and reply shape as before: the span goes on, and nothing is written."""
    path, current = seen.path, seen.path.current
    if current is not None and current.shape == shape(seen.judgement):
        if path.seen_until is not None:
            models.Path.objects.filter(pk=path.pk).update(seen_until=None)
        return
    if stranger:
        windows.move(path, current, last_seen, seen.judgement.verdict, at)
    if current is not None:
        models.Observation.objects.filter(pk=current.pk).update(last_at=last_seen or at)
    fresh = _observation(seen, at)
    models.Path.objects.filter(pk=path.pk).update(
        current=fresh, verdict=seen.judgement.verdict, seen_until=None
    )


def _observation(seen: Seen, at: datetime) -> models.Observation:
    judgement = seen.judgement
    return models.Observation.objects.create(
        path=seen.path,
        first_at=at,
        verdict=judgement.verdict,
        cause=judgement.cause,
        reason=judgement.reason,
        control=judgement.control or "",
        name=judgement.name or "",
        code=judgement.code or "",
        reply=judgement.reply or "",
        stage=judgement.stage or "",
        shape=shape(judgement),
        endpoint=seen.tries[0]["host"] if seen.tries else "",
        source=judgement.source or "",
        front_ends=len(seen.tries),
        tries=seen.tries,
    )


def _hear(place: models.VantagePoint, seen: Sequence[Seen], now: datetime) -> None:
    """A result is a sign of life too, and says as whom the servers see this place."""
    found: Mapping[str, Any] = {"heard_at": now}
    source = next((s.judgement.source for s in seen if s.judgement.source), None)
    if source:
        found = {**found, "seen_as": source}
    models.VantagePoint.objects.filter(pk=place.pk).update(**found)
