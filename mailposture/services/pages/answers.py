"""The answers of a tenant's paths as they count now: who asked, what came, and how old it is."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import FilteredRelation, Q

from mailposture import models
from mailposture.core.contradictions import Agreement
from mailposture.core.states import Access, Age, State, answer_age, counted, domain_state, worst
from mailposture.core.verdict import SenderClass, Verdict, class_of, sender_named
from mailposture.services import vantage_points

# Rows of coverage read for one page; consecutive complete runs are one row.
MOST_RUNS: Final = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A vantage point that probes this tenant, and whether it sees clearly."""

    pk: int
    slug: str
    name: str
    address: str
    stranger: bool
    health: vantage_points.Health


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One row of coverage: runs of one part from one place, without a gap."""

    place: int
    part: int
    since: datetime
    until: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One path and its last answer. `verdict` is what it still counts as."""

    place: Place
    domain: str
    sender_class: SenderClass
    verdict: Verdict
    age: Age
    seen_at: datetime | None
    observation: int | None
    first_at: datetime | None
    cause: str
    reason: str
    control: str
    code: str
    endpoint: str
    front_ends: int
    predicted: Verdict = Verdict.UNKNOWN
    predicted_by: str = ""
    predicted_code: str = ""
    agreement: Agreement = Agreement.NEITHER
    sender_domain: str = ""
    # Why its last run left it for the next one (core.work.PutOff).
    put_off: str = ""

    @property
    def sender(self) -> str:
        """Who asks; a partner is told apart by its domain."""
        return sender_named(self.sender_class, self.sender_domain)

    @property
    def state(self) -> str:
        """The name of its state: an approved source gets in or is cut off."""
        return str(self.verdict if self.place.stranger else Access.of(self.verdict))

    @property
    def believed(self) -> str:
        """The name of the state that the configuration predicts."""
        return str(self.predicted if self.place.stranger else Access.of(self.predicted))

    @property
    def contradicts(self) -> bool:
        """Whether what was predicted and what still counts as answered part."""
        return self.agreement.is_contradiction and self.verdict is not Verdict.UNKNOWN

    @property
    def how(self) -> str:
        """How the answer is drawn: a stale one is shown as such."""
        return "stale" if self.age is Age.STALE else ""


def runs(of: models.Tenant) -> list[Run]:
    """What was looked at and when, the newest first."""
    rows = models.Coverage.objects.filter(tenant=of).order_by("-until", "-pk")
    columns = rows.values_list("vantage_point_id", "part", "since", "until")
    return [Run(place=p, part=n, since=a, until=b) for p, n, a, b in columns[:MOST_RUNS]]


def ends(found: Iterable[Run]) -> dict[tuple[int, int], datetime]:
    """Until when each part was looked at from each place."""
    latest: dict[tuple[int, int], datetime] = {}
    for run in found:
        latest.setdefault((run.place, run.part), run.until)
    return latest


PATH_COLUMNS: Final = (
    "part",
    "domain",
    "sender_class",
    "sender_domain",
    "seen_until",
    "retired_at",
    "current_id",
    "vantage_point_id",
    "vantage_point__enabled",
    "predicted",
    "predicted_by",
    "predicted_code",
    "agreement",
    "put_off",
)
PLACE_COLUMNS: Final = (
    "name",
    "slug",
    "plays",
    "address",
    "certificate_name",
    "asked_at",
    "heard_at",
    "seen_as",
    "facts",
    "public_key",
)
SPAN_COLUMNS: Final = (
    "pk",
    "verdict",
    "first_at",
    "last_at",
    "cause",
    "reason",
    "control",
    "code",
    "endpoint",
    "front_ends",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A stranger's answer over a time, and how many paths of its part gave it.

    `group` numbers domains whose whole history is the same: they are judged together.
    """

    group: int
    place: int
    part: int
    sender_class: SenderClass
    verdict: Verdict
    first: datetime
    last: datetime
    paths: int
    sender_domain: str = ""

    @property
    def sender(self) -> str:
        """Who asked; a partner is told apart by its domain."""
        return sender_named(self.sender_class, self.sender_domain)


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """The answers that count now, strangers first, and what strangers were told since `start`."""

    answers: tuple[Answer, ...]
    spans: tuple[Span, ...]


def load(of: models.Tenant, seen: Iterable[Run], start: datetime, now: datetime) -> Loaded:
    """Every path with its answers since the start, in one query: the current one and the past."""
    until, every = ends(seen), timedelta(seconds=of.probe_every)
    places: dict[int, Place] = {}
    found: list[Answer] = []
    spans: dict[str, Counter[tuple[Any, ...]]] = {}
    for row in _rows(of, start):
        pk = row["vantage_point_id"]
        place = places.get(pk) or places.setdefault(pk, _place(row, now))
        # Where no coverage is left, nothing later than the answer itself is known.
        ended = row["seen_until"] or until.get((pk, row["part"])) or row["span__first_at"]
        if _counts(row):
            seen_at = ended if row["current_id"] else None
            found.append(_answer(row, place, seen_at, answer_age(seen_at, now, every)))
        if place.stranger and row["span__pk"]:
            last = row["span__last_at"] or row["retired_at"] or ended
            key = (pk, row["part"], *_said(row), max(last, row["span__first_at"]))
            spans.setdefault(row["domain"], Counter())[key] += 1
    return Loaded(answers=tuple(found), spans=tuple(_grouped(spans.values())))


def _counts(row: Mapping[str, Any]) -> bool:
    """Whether it is the present answer of a path that is still looked at."""
    looked_at = row["retired_at"] is None and row["vantage_point__enabled"]
    return looked_at and row["span__pk"] == row["current_id"]


def _rows(of: models.Tenant, start: datetime) -> Iterable[Mapping[str, Any]]:
    span = FilteredRelation(
        "observations",
        condition=Q(observations__last_at=None) | Q(observations__last_at__gte=start),
    )
    rows: Iterable[Mapping[str, Any]] = (
        of.paths.annotate(span=span)
        .filter(Q(retired_at=None) | Q(retired_at__gte=start))
        .order_by("-vantage_point__plays", "vantage_point__name", "domain", "pk")
        .values(
            *PATH_COLUMNS,
            *(f"vantage_point__{name}" for name in PLACE_COLUMNS),
            *(f"span__{name}" for name in SPAN_COLUMNS),
        )
    )
    return rows


def _said(row: Mapping[str, Any]) -> tuple[str, str, str, datetime]:
    return row["sender_class"], row["sender_domain"], row["span__verdict"], row["span__first_at"]


def _grouped(domains: Iterable[Mapping[tuple[Any, ...], int]]) -> Iterable[Span]:
    """The spans of all domains, those of domains with the very same ones as one."""
    alike = Counter(frozenset(spans.items()) for spans in domains)
    for group, (spans, count) in enumerate(alike.items()):
        for key, paths in spans:
            yield _span(group, key, paths * count)


def _span(group: int, key: tuple[Any, ...], paths: int) -> Span:
    place, part, sender_class, sender_domain, verdict, first, last = key
    return Span(
        group=group,
        place=place,
        part=part,
        sender_class=SenderClass(sender_class),
        sender_domain=sender_domain,
        verdict=Verdict(verdict),
        first=first,
        last=last,
        paths=paths,
    )


def _place(row: Mapping[str, Any], now: datetime) -> Place:
    fields = {name: row[f"vantage_point__{name}"] for name in PLACE_COLUMNS}
    point = models.VantagePoint(pk=row["vantage_point_id"], enabled=True, **fields)
    return Place(
        pk=point.pk,
        slug=point.slug,
        name=point.name,
        address=point.address or point.certificate_name or point.seen_as,
        stranger=point.plays == models.VantagePoint.Plays.STRANGER,
        health=vantage_points.health(point, now),
    )


def _answer(row: Mapping[str, Any], place: Place, seen_at: datetime | None, age: Age) -> Answer:
    lapsed = row["current_id"] is not None and age is Age.LAPSED
    return Answer(
        place=place,
        domain=row["domain"],
        sender_class=SenderClass(row["sender_class"]),
        sender_domain=row["sender_domain"],
        verdict=counted(Verdict(row["span__verdict"] or Verdict.UNKNOWN), age),
        age=age,
        seen_at=seen_at,
        observation=row["current_id"],
        first_at=row["span__first_at"],
        cause=LAPSED if lapsed else row["span__cause"] or UNASKED,
        reason=row["span__reason"] or "",
        control=row["span__control"] or "",
        code=row["span__code"] or "",
        endpoint=row["span__endpoint"] or "",
        front_ends=row["span__front_ends"] or 0,
        predicted=Verdict(row["predicted"]),
        predicted_by=row["predicted_by"],
        predicted_code=row["predicted_code"],
        agreement=Agreement(row["agreement"]),
        put_off=row["put_off"],
    )


# Causes of our own, beside those of a judgement.
LAPSED: Final = "lapsed"
UNASKED: Final = "unasked"

# By sender: each partner by itself.
type Classes = dict[str, Verdict]


def strangers(answers: Iterable[Answer]) -> list[Answer]:
    """The answers that make the tenant's state."""
    return [a for a in answers if a.place.stranger]


def by_domain(answers: Iterable[Answer]) -> dict[str, Classes]:
    """Domain -> sender -> what the worst stranger's answer is."""
    found: dict[str, dict[str, set[Verdict]]] = {}
    for a in strangers(answers):
        found.setdefault(a.domain, {}).setdefault(a.sender, set()).add(a.verdict)
    return {d: {c: worst(v) for c, v in classes.items()} for d, classes in found.items()}


def domain_states(domains: Mapping[str, Classes]) -> dict[str, State]:
    """Domain -> state."""
    return {name: domain_state(classes) for name, classes in domains.items()}


def class_states(domains: Mapping[str, Classes]) -> dict[SenderClass, State]:
    """Sender class -> how it fares over all domains, for those that were asked."""
    found: dict[SenderClass, list[Verdict]] = {}
    for classes in domains.values():
        for name, verdict in classes.items():
            found.setdefault(class_of(name), []).append(verdict)
    return {name: _over(found[name]) for name in SenderClass if name in found}


def _over(verdicts: list[Verdict]) -> State:
    known = [v for v in verdicts if v is not Verdict.UNKNOWN]
    if Verdict.OPEN in known:
        return State.PARTLY_OPEN if Verdict.CLOSED in known else State.OPEN
    return State.CLOSED if known and len(known) == len(verdicts) else State.UNKNOWN
