"""How approved sources fare over all tenants: all that are declared, also those nobody plays."""

from collections import Counter
from datetime import datetime
from typing import Any, Final

from django.db.models import Case, Count, Exists, OuterRef, Q, Value, When
from django.urls import reverse

from mailposture import models
from mailposture.services.pages import lapsing
from mailposture.services.pages.pieces import Piece

NOT_PROBED: Final = Q(vantage_point=None) | Q(vantage_point__enabled=False)


def count(now: datetime) -> Counter[str]:
    """Sources that are cut_off, partly_cut_off, get in (gets_in), are unknown, or are not_probed;
    one query.

    One gets in where every answer lets it in; one that is refused somewhere and gets in elsewhere
    is partly cut off.
    """
    live = lapsing.paths(now).filter(
        tenant=OuterRef("tenant"), vantage_point=OuterRef("vantage_point")
    )
    # One look at all paths where all get in, which is the rule.
    refused, inside = (Exists(live.filter(counted=said)) for said in ("closed", "open"))
    doubted: Any = Case(
        When(refused & inside, then=Value("partly_cut_off")),
        When(refused, then=Value("cut_off")),
        default=Value("unknown"),
    )
    fares = Case(
        When(NOT_PROBED, then=Value("not_probed")),
        When(Exists(live.exclude(counted="open")), then=doubted),
        When(Exists(live), then=Value("gets_in")),
        default=Value("not_probed"),
    )
    rows = models.ApprovedSource.objects.order_by().annotate(fares=fares)
    return Counter(dict(rows.values_list("fares").annotate(n=Count("pk"))))


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
