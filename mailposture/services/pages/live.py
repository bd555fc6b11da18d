"""A look under way: which paths have answered, where each vantage point stands, what came of it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Exists, OuterRef

from mailposture import models
from mailposture.core.states import Access, access
from mailposture.core.verdict import Verdict
from mailposture.services import paths, vantage_points

# Nobody watches longer than this; the work goes on without being watched.
WATCHED: Final = timedelta(minutes=3)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlaceProgress:
    """One vantage point in this look."""

    name: str
    state: str
    done: int
    total: int

    @property
    def words(self) -> str:
        """Where it stands, in words."""
        if self.state == "set aside":
            return "set aside: no result after three attempts"
        if self.state == "blind":
            return "blind, not waited for"
        return f"{self.state}, {self.done} of {self.total}" if self.done else self.state


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived:
    """One path that was answered in this look, as it stands now.

    `before`: it was answered before this look as well.
    """

    place: int
    stranger: bool
    verdict: Verdict
    since: datetime | None
    before: bool

    @property
    def state(self) -> str:
        """The name of its state."""
        return str(self.verdict if self.stranger else Access.of(self.verdict))


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """A look in progress, or what came of it (`said`)."""

    title: str
    done: int
    total: int
    seconds: float
    answers: tuple[str, ...]
    said: str
    over: bool
    places: tuple[PlaceProgress, ...]


def load(of: models.Tenant, round_id: int, now: datetime) -> Progress | None:
    """This round of this tenant, in three queries; None where its record is gone."""
    look = of.rounds.filter(pk=round_id).first()
    if look is None:
        return None
    shards = list(look.shards.select_related("vantage_point").order_by("done_at", "pk"))
    began = look.planned_at or look.due_at
    found = _paths(shards, began)
    arrived = [found[p] for s in shards if s.done_at for p in _asked(s) if p in found]
    total = sum(len(s.targets) for s in shards)
    ended = _ended(look, shards, now)
    seconds = ((ended or now) - began).total_seconds()
    said = _said(of, look, shards, arrived, now)
    return Progress(
        title=f"{of.name} probed" if ended else f"Probing {of.name}",
        done=sum(len(s.targets) for s in shards if s.done_at),
        total=total,
        seconds=max(0.0, round(seconds, 1)),
        answers=tuple(path.state for path in arrived),
        said=said,
        over=bool(said),
        places=tuple(_places(shards, now)),
    )


def _ended(look: models.Round, shards: Sequence[models.Shard], now: datetime) -> datetime | None:
    """When it ended: with its last shard, but for what places owe that do not see."""
    if look.finished_at:
        return look.finished_at
    if not shards or any(not s.done_at and not s.aside_at and not _blind(s, now) for s in shards):
        return None
    return max(filter(None, (s.done_at or s.aside_at for s in shards)), default=now)


def _blind(shard: models.Shard, now: datetime) -> bool:
    """Whether nobody waits for this shard: its place is not clear, and owes it still."""
    owed = shard.done_at is None and shard.aside_at is None
    return owed and not vantage_points.health(shard.vantage_point, now).clear


def _asked(shard: models.Shard) -> list[int]:
    return [target["path"] for target in shard.targets]


def _paths(shards: Iterable[models.Shard], began: datetime) -> dict[int, Arrived]:
    wanted = [p for s in shards if s.done_at for p in _asked(s)]
    earlier = models.Observation.objects.filter(path=OuterRef("pk"), first_at__lt=began)
    rows = models.Path.objects.filter(pk__in=wanted).values_list(
        "pk",
        "vantage_point_id",
        "vantage_point__plays",
        "verdict",
        "current__first_at",
        Exists(earlier),
    )
    stranger = models.VantagePoint.Plays.STRANGER
    return {
        pk: Arrived(
            place=place,
            stranger=plays == stranger,
            verdict=Verdict(said),
            since=since,
            before=before,
        )
        for pk, place, plays, said, since, before in rows
    }


# ---- vantage points ----------------------------------------------------------------------


def _places(shards: Sequence[models.Shard], now: datetime) -> Iterable[PlaceProgress]:
    by_place: dict[str, list[models.Shard]] = {}
    for shard in sorted(shards, key=lambda s: (s.vantage_point.name, s.part)):
        by_place.setdefault(shard.vantage_point.name, []).append(shard)
    for name, own in by_place.items():
        yield PlaceProgress(
            name=name,
            state=_stands(own, now),
            done=sum(len(s.targets) for s in own if s.done_at),
            total=sum(len(s.targets) for s in own),
        )


def _stands(own: Sequence[models.Shard], now: datetime) -> str:
    """Done, set aside, blind, working while a claim on a shard holds, else waiting."""
    if all(s.done_at for s in own):
        return "done"
    if any(s.aside_at for s in own):
        return "set aside"
    if any(_blind(s, now) for s in own):
        return "blind"
    if any(s.done_at is None and s.lease_until and s.lease_until > now for s in own):
        return "working"
    return "waiting"


# ---- what came of it ---------------------------------------------------------------------


def _said(
    of: models.Tenant,
    look: models.Round,
    shards: Sequence[models.Shard],
    arrived: Sequence[Arrived],
    now: datetime,
) -> str:
    """Nothing while it runs and is watched; at its end, what came of it."""
    ended = _ended(look, shards, now)
    if ended is None:
        if now - look.due_at <= WATCHED:
            return ""
        return "Still under way after 3 min. It goes on without being watched: look again later."
    if problem := look.tally.get("problem"):
        return f"Nothing was probed. {problem}"
    if not shards:
        return f"Nothing new was asked: {_nothing_new(of)}."
    seconds = (ended - (look.planned_at or look.due_at)).total_seconds()
    parts = [f"{_paths_in(len(arrived))} in {seconds:.1f} s: {_found(arrived)}."]
    parts += [_aside(shards), _unseen(shards, now), _moved(look, arrived)]
    return " ".join(filter(None, parts))


def _nothing_new(of: models.Tenant) -> str:
    """Why a look had nothing to ask: there is no path, or all of them are being asked already."""
    if of.paths.filter(retired_at=None, vantage_point__enabled=True).exists():
        return "every vantage point still owes an earlier look"
    domains = paths.accepted_domains(of)
    if domains is None:
        return "the accepted domains are not known, so that there is no path to ask at"
    return "no vantage point probes it" if domains else "it has no accepted domain"


def _paths_in(count: int) -> str:
    return f"{count:,} path{'s' if count != 1 else ''}"


def _found(arrived: Sequence[Arrived]) -> str:
    """Strangers' answers by verdict, then how the approved sources fare."""
    counts = Counter(p.verdict for p in arrived if p.stranger)
    words = {
        Verdict.OPEN: "open to strangers",
        Verdict.CLOSED: "closed",
        Verdict.UNKNOWN: "Unknown",
    }
    said = [f"{counts[verdict]:,} {word}" for verdict, word in words.items() if counts[verdict]]
    sources: dict[int, set[Verdict]] = {}
    for p in arrived:
        if not p.stranger:
            sources.setdefault(p.place, set()).add(p.verdict)
    if sources:
        inside = sum(access(v) is Access.GETS_IN for v in sources.values())
        verb = "gets" if inside == 1 else "get"
        said.append(f"{inside} of {len(sources)} approved sources {verb} in")
    return ", ".join(said) or "none answered"


def _aside(shards: Sequence[models.Shard]) -> str:
    names = sorted({s.vantage_point.name for s in shards if s.aside_at})
    if not names:
        return ""
    unseen = sum(len(s.targets) for s in shards if s.aside_at)
    return f"{_paths_in(unseen)} not seen: no result from {', '.join(names)} in three attempts."


def _unseen(shards: Sequence[models.Shard], now: datetime) -> str:
    left = [s for s in shards if _blind(s, now)]
    if not left:
        return ""
    names = sorted({s.vantage_point.name for s in left})
    count = sum(len(s.targets) for s in left)
    verb = "is" if len(names) == 1 else "are"
    return f"{_paths_in(count)} not waited for: {', '.join(names)} {verb} blind."


def _moved(look: models.Round, arrived: Sequence[Arrived]) -> str:
    """What of it is new. A path that never answered before has no before to differ from."""
    began = look.planned_at or look.due_at
    new = [p for p in arrived if p.since and p.since >= began]
    moved = sum(1 for p in new if p.before)
    first = len(new) - moved
    said = [f"{_paths_in(first)} answered for the first time."] if first else []
    if moved:
        verb = "answers" if moved == 1 else "answer"
        said.append(f"{_paths_in(moved)} {verb} otherwise than before.")
    elif len(arrived) > first:
        said.append(f"All {'others ' if first else ''}answer as before.")
    return " ".join(said)
