"""The self-test of a place: when it is asked, what is kept of its answer, and what that means.

The canary is a tenant of the user's own (MAILPOSTURE_CANARY): a place that it does not answer
either is blind. The block lists are those the user names (MAILPOSTURE_BLOCK_LISTS), else none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.utils.dateparse import parse_datetime

from mailposture import models
from mailposture.core.verdict import Cause
from mailposture.core.work import SelfTest
from mailposture.services import halting

EVERY: Final = timedelta(hours=1)
# Where servers do not answer: in the same minute, whether the canary does.
AGAIN: Final = timedelta(minutes=1)
# An answer older than this says nothing of now.
COUNTS: Final = EVERY * 2
MOST: Final = 10
LONGEST: Final = 253
_WORDS: Final = {
    "listed": "lists it: its refusals are about reputation and prove nothing",
    "clear": "does not list it",
    "refused": "refuses questions of its resolver, which is no listing",
    "odd": "does not answer as a block list does (RFC 5782), so that nothing is known",
    "silent": "does not answer",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tested: how it is drawn, what it is, and what came of it."""

    state: str  # gets_in, cut_off or unknown
    what: str
    says: str


def ask(place: models.VantagePoint, now: datetime) -> SelfTest | None:
    """What the place is to test with this hello; None while its last test will do."""
    last = _at(place)
    address = place.seen_as or place.address or ""
    if last and now - last < AGAIN:
        return None
    known = place.facts.get("selftest") or {}
    due = last is None or now - last >= EVERY or known.get("address") != address
    if not due and known.get("port") != "blocked" and not _unanswered(place):
        return None
    return SelfTest(address=address, lists=settings.BLOCK_LISTS, **_canary(place))


def _unanswered(place: models.VantagePoint) -> bool:
    live = place.paths.filter(retired_at=None, current__cause=str(Cause.NO_ANSWER))
    return live.exists()


def _canary(place: models.VantagePoint) -> dict[str, Any]:
    """The doors of the user's own tenant, for a place that may probe it at all."""
    rows = models.Endpoint.objects.filter(
        tenant__slug=settings.CANARY, tenant__paused_at=None, tenant__setup_step=None
    )
    if place.plays != models.VantagePoint.Plays.STRANGER:
        rows = rows.filter(tenant__sources__vantage_point=place)
    if not settings.CANARY or halting.standing():
        return {}
    found = list(rows.order_by("domain", "pk").distinct()[:2])
    return {"canary": tuple(r.host for r in found), "port": found[0].port} if found else {}


def kept(said: object, now: datetime) -> dict[str, Any] | None:
    """What is kept of a place's word, each field held to its kind and length."""
    if not isinstance(said, Mapping):
        return None
    port, names, lists = said.get("port"), said.get("names"), said.get("lists")
    port = port if isinstance(port, Mapping) else {}
    return {
        "at": now.isoformat(),
        "address": _text(said.get("address"))[:45],
        "port": _text(port.get("says")),
        "host": _text(port.get("host")),
        "why": _text(port.get("why")),
        "names": [_text(n) for n in names[:MOST]] if isinstance(names, list) else None,
        "confirmed": _text(said.get("confirmed")),
        "lists": [
            {
                "zone": _text(one.get("zone")),
                "says": _text(one.get("says")),
                "codes": _codes(one.get("codes")),
            }
            for one in (lists[:MOST] if isinstance(lists, list) else ())
            if isinstance(one, Mapping)
        ],
    }


def _text(said: object) -> str:
    return said[:LONGEST] if isinstance(said, str) else ""


def _codes(said: object) -> list[str]:
    return [_text(code)[:15] for code in said[:MOST]] if isinstance(said, list) else []


def _at(place: models.VantagePoint) -> datetime | None:
    known = place.facts.get("selftest") or {}
    return parse_datetime(known.get("at", ""))


def blocked(place: models.VantagePoint, now: datetime) -> bool:
    """Whether the canary does not answer the place either, so that it sees nothing."""
    at = _at(place)
    return bool(at and now - at < COUNTS and place.facts["selftest"]["port"] == "blocked")


def checks(place: models.VantagePoint, now: datetime) -> Iterator[Check]:
    """All that the last test found, in sentences; nothing where there was none lately."""
    at = _at(place)
    if at is None or now - at >= COUNTS:
        return
    known = place.facts["selftest"]
    yield _port(known)
    yield _name(known)
    for one in known["lists"]:
        state = {"listed": "cut_off", "clear": "gets_in"}.get(one["says"], "unknown")
        codes = f" ({', '.join(one['codes'])})" if one["codes"] else ""
        yield Check(state, one["zone"], f"{_WORDS.get(one['says'], 'said nothing known')}{codes}")


def _port(known: Mapping[str, Any]) -> Check:
    if known["port"] == "open":
        return Check("gets_in", "Port 25", f"open: {known['host']}, the canary, answers")
    if known["port"] == "blocked":
        return Check("cut_off", "Port 25", f"blocked: {known['host']}, the canary: {known['why']}")
    return Check("unknown", "Port 25", "not known: no canary tenant is named, or none was reached")


def _name(known: Mapping[str, Any]) -> Check:
    address = known["address"] or "its address"
    if known["names"] is None:
        return Check("unknown", "Reverse name", f"not known: no answer for {address}")
    if not known["names"]:
        return Check("cut_off", "Reverse name", f"none: many servers refuse {address} for it")
    if known["confirmed"]:
        return Check("gets_in", "Reverse name", f"{known['confirmed']}, which leads back to it")
    return Check("cut_off", "Reverse name", f"{known['names'][0]}, which does not lead back to it")
