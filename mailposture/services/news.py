"""The news of an incident: what was known when it was written, and a mail for each subscriber.

The facts are frozen here, in the transaction that judged; the words are core/letters.py's.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db.models import F, Q, QuerySet

from mailposture import models
from mailposture.core.alerting import Event
from mailposture.core.smtp.reply import escape
from mailposture.core.smtp.transcript import Transcript, Who
from mailposture.core.states import Access
from mailposture.core.verdict import Verdict
from mailposture.services import causes, openings, spells

MOST_LINES: Final = 4
LONGEST_LINE: Final = 1000
# Domains that are listed; beyond them they are counted.
MOST_SUBJECTS: Final = 1000
# Whom an incident is about that is neither one tenant's nor one vantage point's.
EVERYBODY: Final = "Every tenant"


def write(row: models.Incident, event: Event, now: datetime) -> dict[str, Any]:
    """Write one alert and its deliveries; what it says is returned."""
    facts = _as_begun(row, event, now) or gather(row, event, now)
    alert = models.Alert.objects.create(
        incident=row, event=event, key=f"{row.pk}.{row.news + 1}", at=now, facts=facts
    )
    models.Delivery.objects.bulk_create(
        models.Delivery(alert=alert, recipient=address, created_at=now, due_at=now)
        for address in recipients(row)
    )
    return facts


def _as_begun(row: models.Incident, event: Event, now: datetime) -> dict[str, Any] | None:
    """An opening, or a return, that is told only once it is over is told as it was seen."""
    seen = row.facts.get("seen")
    if event not in (Event.OPENED, Event.AGAIN) or not seen or stands(row):
        return None
    change = causes.told(row, now, opens=True)["change"]
    return {**seen, "event": str(event), "at": now.isoformat(), "change": change, "fix": None}


def stands(row: models.Incident) -> bool:
    """Whether it is still there, by the answers that there are now."""
    if row.resolved_at is not None:
        return False
    if row.kind in (models.Incident.Kind.BLIND, models.Incident.Kind.EXCEPTION):
        return True
    return bool(_open_doors(row) or _fare(row))


def recipients(row: models.Incident) -> list[str]:
    """Who is told: those who asked about all, and about the tenants concerned; each once."""
    about = Q(tenant=None)
    if row.tenant_id:
        about |= Q(tenant=row.tenant_id)
    elif _is_a_strangers(row):
        # What a stranger does not see, it does not see of all that are watched.
        about |= Q(tenant__paused_at=None, tenant__setup_step=None)
    else:
        about |= Q(tenant__sources__vantage_point=row.vantage_point_id)
    found = models.Subscription.objects.filter(about).values_list("address", flat=True)
    by_address = {address.casefold(): address for address in found.order_by("-address")}
    return sorted(by_address.values())


def _is_a_strangers(row: models.Incident) -> bool:
    place = row.vantage_point
    return place is None or place.plays == models.VantagePoint.Plays.STRANGER


def gather(row: models.Incident, event: Event, now: datetime) -> dict[str, Any]:
    """All that is known of an incident now, as the words and the pages need it."""
    tenant, place = row.tenant, row.vantage_point
    doors = _open_doors(row)
    shown = _proof(row, doors)
    fare = _fare(row)
    return {
        "incident": row.pk,
        "event": str(event),
        "kind": row.kind,
        "severity": row.severity,
        "name": named(row),
        "slug": tenant.slug if tenant else None,
        "place": _place(place),
        "source": _source(row),
        "at": now.isoformat(),
        "since": row.opened_at.isoformat(),
        "until": row.resolved_at.isoformat() if row.resolved_at else None,
        "seconds": int(spells.lasted(row, now).total_seconds()) if row.resolved_at else None,
        "times": spells.times(row),
        "back": None if row.resolved_at else spells.began(row).isoformat(),
        **_doors(row, openings.refusals(fare) if fare else openings.subjects(doors), doors),
        "inside": _inside(row, fare),
        "proof": _said(shown) if shown else None,
        **causes.told(row, now, opens=row.resolved_at is None),
        "reasons": row.facts.get("reasons", []),
        "still": row.facts.get("still", ""),
        "exception": row.facts.get("exception"),
    }


def named(row: models.Incident) -> str:
    """Whom an incident is about."""
    subject = row.tenant or row.vantage_point
    return subject.name if subject else EVERYBODY


def _place(place: models.VantagePoint | None) -> dict[str, Any] | None:
    if place is None:
        return None
    return {"name": place.name, "slug": place.slug, "address": place.address}


def _source(row: models.Incident) -> dict[str, Any] | None:
    """The approved source that an incident is about."""
    if row.kind != models.Incident.Kind.CUT_OFF or row.tenant is None:
        return None
    found = row.tenant.sources.filter(vantage_point=row.vantage_point_id).first()
    if found is None:
        return None
    address = found.addresses.split("\n")[0].strip()
    return {"name": found.name, "kind": found.kind, "address": address or found.certificate_name}


def _open_doors(row: models.Incident) -> list[openings.Door]:
    """The doors that a bypass is about, while it lasts."""
    bypass = row.kind == models.Incident.Kind.BYPASS and row.tenant is not None
    return openings.doors(row.tenant) if bypass and row.tenant else []


def _fare(row: models.Incident) -> openings.Fare | None:
    """How the source fares that an incident is about, while that is known."""
    if row.kind != models.Incident.Kind.CUT_OFF or row.tenant is None or row.resolved_at:
        return None
    found = openings.fare(row.tenant, row.vantage_point_id)
    return found if found.refused else None


def _inside(row: models.Incident, fare: openings.Fare | None) -> list[str]:
    """The sender classes with which a source that is refused gets in all the same."""
    return openings.gets_in(fare) if fare else list(row.facts.get("inside", []))


def _doors(
    row: models.Incident, about: list[dict[str, Any]], doors: Sequence[openings.Door]
) -> dict[str, Any]:
    """How the tenant's doors stand: which it is about, and how its own sources fare."""
    tenant = row.tenant
    if tenant is None:
        return {
            "state": "unknown", "last_closed": None, "first_look": False, "domains": 0, "of": None,
            "subjects": [], "approved": _approved({}),
        }  # fmt: skip
    bypass = row.kind == models.Incident.Kind.BYPASS
    # Once it ended, the doors are those that it was last told about.
    found = about or row.facts.get("subjects", [])
    closed = _last_closed(row, doors)
    domains = tenant.standing.get("domains", {})
    return {
        "state": tenant.state,
        "last_closed": closed,
        "first_look": bypass and closed is None,
        "domains": len(about) or row.facts.get("domains", len(found)),
        "of": len(domains) or None,
        "subjects": found[:MOST_SUBJECTS],
        "approved": _approved(tenant.standing.get("sources", {})),
    }


def _last_closed(row: models.Incident, doors: Sequence[openings.Door]) -> str | None:
    """When the door was last seen closed that opened first: it is kept from the beginning."""
    if "last_closed" in row.facts or row.resolved_at:
        kept: str | None = row.facts.get("last_closed")
        return kept
    closed = openings.last_closed(doors)
    return closed.isoformat() if closed else None


def _approved(sources: Mapping[str, str]) -> dict[str, int]:
    fares = Counter(sources.values())
    return {str(access): fares[access] for access in Access}


def _proof(row: models.Incident, doors: Sequence[openings.Door]) -> models.Observation | None:
    """The answer that shows it: the open door, the refused source, or the door that closed."""
    tenant = row.tenant
    if tenant is None or row.kind in (
        models.Incident.Kind.BLIND, models.Incident.Kind.EXCEPTION,
    ):  # fmt: skip
        return None
    if row.kind == models.Incident.Kind.BYPASS:
        return _closing(row, tenant) if row.resolved_at else openings.proof(doors)
    wanted = Verdict.OPEN if row.resolved_at else Verdict.CLOSED
    return _answers(tenant, wanted).filter(path__vantage_point=row.vantage_point_id).first()


def _closing(row: models.Incident, tenant: models.Tenant) -> models.Observation | None:
    told = (row.facts.get("proof") or {}).get("observation")
    found = _answers(tenant, Verdict.CLOSED).filter(
        path__vantage_point__plays=models.VantagePoint.Plays.STRANGER
    )
    return found.filter(path__observations=told).first() or found.first()


def _answers(tenant: models.Tenant, verdict: Verdict) -> QuerySet[models.Observation]:
    """The standing answers of one verdict, the newest first."""
    found = models.Observation.objects.filter(
        path__tenant=tenant, path__retired_at=None, path__current=F("pk"), verdict=verdict
    )
    return found.select_related("path__vantage_point").order_by("-first_at", "-pk")


def _said(shown: models.Observation) -> dict[str, Any]:
    path = shown.path
    first = shown.tries[0] if shown.tries else {}
    return {
        "observation": shown.pk,
        "vantage_point": path.vantage_point.name,
        "source": shown.source or path.vantage_point.address or "",
        "endpoint": shown.endpoint,
        "address": str(first.get("address", "")),
        "domain": path.domain,
        "sender_class": path.sender_class,
        "verdict": shown.verdict,
        "control": shown.control,
        "code": shown.code,
        "line": shown.reply[:LONGEST_LINE],
        "at": shown.first_at.isoformat(),
        "front_ends": shown.front_ends,
        "lines": _lines(first, shown.stage),
    }


def _lines(first: Mapping[str, Any], stage: str) -> list[dict[str, Any]]:
    """The wire lines that show it: who was named, and the reply that decides."""
    try:
        said = Transcript.from_document(first["transcript"])
    except (KeyError, ValueError):
        return []
    ours = [
        {"who": "C", "text": escape(line.data.rstrip(b"\r\n"))[:LONGEST_LINE], "decides": False}
        for line in said.lines
        if line.who is Who.CLIENT and line.data[:5].upper() in (b"MAIL ", b"RCPT ")
    ]
    reply = said.reply_to(stage) if stage else None
    decides = [{"who": "S", "text": reply.said[:LONGEST_LINE], "decides": True}] if reply else []
    return [*ours[-(MOST_LINES - 1) :], *decides]
