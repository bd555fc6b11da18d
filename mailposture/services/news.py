"""The news of an incident: what was known when it was written, and a mail for each subscriber.

The facts are frozen here, in the transaction that judged; the words are core/letters.py's.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import F, Q, QuerySet

from mailposture import models
from mailposture.core.alerting import Event
from mailposture.core.smtp.reply import escape
from mailposture.core.smtp.transcript import Transcript, Who
from mailposture.core.states import Access
from mailposture.core.verdict import Verdict
from mailposture.services import openings, spells, undoing

MOST_LINES: Final = 4
LONGEST_LINE: Final = 1000
# A change may be read some readings after its door was seen to move.
READINGS: Final = 2
# Whom an incident is about that is neither one tenant's nor one vantage point's.
EVERYBODY: Final = "Every tenant"


def write(row: models.Incident, event: Event, now: datetime) -> dict[str, Any]:
    """Write one alert and its deliveries; what it says is returned."""
    facts = gather(row, event, now)
    alert = models.Alert.objects.create(
        incident=row, event=event, key=f"{row.pk}.{row.news + 1}", at=now, facts=facts
    )
    models.Delivery.objects.bulk_create(
        models.Delivery(alert=alert, recipient=address, created_at=now, due_at=now)
        for address in recipients(row)
    )
    return facts


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
        "name": _named(row),
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
        **_change(row, now),
        "reasons": row.facts.get("reasons", []),
        "still": row.facts.get("still", ""),
    }


def _named(row: models.Incident) -> str:
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
    closed = openings.last_closed(doors) if not row.resolved_at else None
    earlier = row.facts.get("last_closed")
    domains = tenant.standing.get("domains", {})
    return {
        "state": tenant.state,
        "last_closed": closed.isoformat() if closed else earlier,
        "first_look": bypass and closed is None and earlier is None,
        "domains": len(found),
        "of": len(domains) or None,
        "subjects": found,
        "approved": _approved(tenant.standing.get("sources", {})),
    }


def _approved(sources: Mapping[str, str]) -> dict[str, int]:
    fares = Counter(sources.values())
    return {str(access): fares[access] for access in Access}


def _proof(row: models.Incident, doors: Sequence[openings.Door]) -> models.Observation | None:
    """The answer that shows it: the open door, the refused source, or the door that closed."""
    tenant = row.tenant
    if tenant is None or row.kind == models.Incident.Kind.BLIND:
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


def _change(row: models.Incident, now: datetime) -> dict[str, Any]:
    """The latest change that can have moved the door, and the line that takes it back."""
    found = _moved_it(row, now)
    if found is None:
        return {"change": None, "fix": None}
    said = {"pk": found.pk, "sentence": found.sentence, "at": found.at.isoformat()}
    fix = undoing.line(found) if row.resolved_at is None else None
    return {"change": said, "fix": fix}


def _moved_it(row: models.Incident, now: datetime) -> models.Change | None:
    if row.tenant is None or row.kind == models.Incident.Kind.BLIND:
        return None
    moved = row.resolved_at or spells.began(row)
    return cause(row.tenant, moved, now, opens=row.resolved_at is None)


def cause(
    tenant: models.Tenant, moved: datetime, now: datetime, *, opens: bool
) -> models.Change | None:
    """The latest change near this moment that can have opened, or closed, a door."""
    effects = models.Change.Effect
    reach = timedelta(seconds=tenant.fetch_every * READINGS)
    wanted = effects.OPENS if opens else effects.CLOSES
    around = tenant.changes.filter(
        decides=True, at__gte=moved - reach, at__lte=now, effect__in=(wanted, effects.PENDING)
    )
    return around.order_by("-at", "-pk").first()


def awaits_cause(tenant: models.Tenant, moved: datetime, now: datetime, *, asked: bool) -> bool:
    """Whether what opened a door is about to be read: it was closed before, no change that is
    known explains it, and the configuration can be read.

    `asked`: a reading was asked for when it opened, so that the one after it is the last word.
    """
    silent = tenant.fetch_refused or tenant.fetch_error or tenant.paused_at
    if silent or tenant.fetched_at is None or tenant.fetch_due_at is None:
        return False
    reading = tenant.fetch_due_at <= now or tenant.fetch_lease_until is not None
    if asked and not reading and tenant.fetched_at >= moved:
        return False
    if not models.Credential.objects.filter(tenant=tenant).exists():
        return False
    if openings.last_closed(openings.doors(tenant)) is None:
        return False
    return cause(tenant, moved, now, opens=True) is None
