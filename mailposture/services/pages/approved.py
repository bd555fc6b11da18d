"""How approved sources fare over all tenants: all that are declared, also those nobody plays."""

from collections import Counter
from datetime import datetime
from typing import Any, Final

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.urls import reverse

from mailposture import models
from mailposture.core.states import A_DAY
from mailposture.services.pages import lapsing
from mailposture.services.pages.pieces import Piece

NOT_PROBED: Final = Q(vantage_point=None) | Q(vantage_point__enabled=False)


def count(now: datetime) -> Counter[str]:
    """Sources that are cut_off, partly_cut_off, get in (gets_in), are unknown, or are not_probed;
    one query, and one more where not all of them get in.

    One gets in where every answer lets it in; one that is refused somewhere and gets in elsewhere
    is partly cut off.
    """
    mine = {"tenant": OuterRef("tenant"), "vantage_point": OuterRef("vantage_point")}
    asked = models.Path.objects.filter(retired_at=None, **mine)
    # What an answer that may have lapsed comes to is worked out only where there is one.
    doubtful: Any = ~NOT_PROBED & Exists(asked.filter(~Q(verdict="open") | _may_have_lapsed(now)))
    silent: Any = NOT_PROBED | ~Exists(asked)
    sources = models.ApprovedSource.objects.order_by()
    found = sources.aggregate(
        n=Count("pk"),
        doubtful=Count("pk", filter=doubtful),
        not_probed=Count("pk", filter=silent),
    )
    fares = Counter(
        not_probed=found["not_probed"],
        gets_in=found["n"] - found["doubtful"] - found["not_probed"],
    )
    if found["doubtful"]:
        exactly = _exactly(lapsing.paths(now).filter(**mine))
        fares.update(sources.filter(doubtful).values_list(exactly, flat=True))
    return fares


def _may_have_lapsed(now: datetime) -> Q:
    """Paths that nobody has looked at for a day, or never; no other answer lapses."""
    looked = models.Coverage.objects.filter(
        tenant=OuterRef("tenant"), vantage_point=OuterRef("vantage_point"), part=OuterRef("part"),
        until__gte=now - A_DAY,
    )  # fmt: skip
    return Q(seen_until__lt=now - A_DAY) | (Q(seen_until=None) & Q(~Exists(looked)))


def _exactly(live: QuerySet[Any]) -> Subquery:
    """How one source fares by the answers that still count."""
    sums = {"n": Count("pk"), "refused": _of("closed"), "inside": _of("open")}
    said: Any = Case(
        When(refused__gt=0, inside__gt=0, then=Value("partly_cut_off")),
        When(refused__gt=0, then=Value("cut_off")),
        When(inside=F("n"), then=Value("gets_in")),
        default=Value("unknown"),
        output_field=CharField(),
    )
    grouped = live.order_by().values("tenant").annotate(**sums).annotate(said=said)
    return Subquery(grouped.values("said"))


def _of(counted: str) -> Count:
    return Count("pk", filter=Q(counted=counted))


def pieces(fares: Counter[str]) -> list[Piece]:
    """What the overview says of them; bad news is strong."""
    total = fares.total()
    if not total:
        return []
    href = reverse("vantage_points")
    noun = "approved source" if total == 1 else "approved sources"
    bad = [(fares[k], k.replace("_", " ")) for k in ("cut_off", "partly_cut_off") if fares[k]]
    rest = "".join([*(f", {n:,} {word}" for n, word in bad[1:]), *_rest(fares)])
    if bad:
        count, word = bad[0]
        text = f"{count:,} of {total:,} {noun} {'is' if count == 1 else 'are'} {word}"
        return [Piece(text=text, href=href, strong=True), Piece(text=f"{rest}.")]
    inside = fares["gets_in"]
    verb = "gets" if 1 in (inside, total) else "get"
    if inside == total:
        who = f"The {noun}" if inside == 1 else f"All {inside:,} {noun}"
        return [Piece(text=who, href=href), Piece(text=f" {verb} in.")]
    return [Piece(text=f"{inside:,} of {total:,} {noun}", href=href),
            Piece(text=f" {verb} in{rest}.")]  # fmt: skip


def _rest(fares: Counter[str]) -> list[str]:
    """What is known of neither kind, and why."""
    said = (("unknown", "unknown"), ("not_probed", "not probed"))
    return [f", {fares[k]:,} {'is' if fares[k] == 1 else 'are'} {w}" for k, w in said if fares[k]]
