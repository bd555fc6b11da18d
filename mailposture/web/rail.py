"""What every page shows around its content: navigation, tenants, vantage points, last round."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from mailposture import models
from mailposture.services import halting, vantage_points
from mailposture.services.pages import fleet
from mailposture.web.access import may_operate

SWITCHER_TENANTS = 200
IN_LAB = ("Lab", "lab", "server", None)
# Beside the pages of every day: where they hang from, and what explains them.
BESIDE = (
    ("Exceptions", "exceptions"),
    ("Vantage points", "vantage_points"),
    ("Explain a reply", "explain"),
    ("Words", "glossary"),
)
BESIDE_IN_LAB = ("Mailbox", "mailbox")
# Pages of one tenant, and where its page stands for the list of tenants to choose from.
OF_A_TENANT = {"what_if_start": "what_if", "exposure_start": "exposure_of"}
BAD_NEWS = ("overview", "findings", "incidents")
COUNTED = "fleet_counts"
MARKED = "places_marked"


def counted(
    request: HttpRequest, counts: fleet.Counts, marks: Sequence[bool] | None = None
) -> None:
    """Let the rail show what its view has read already: counts, and which places see clearly."""
    setattr(request, COUNTED, counts)
    setattr(request, MARKED, marks)


def rail(request: HttpRequest) -> dict[str, Any]:
    """The context of the rail and the top bar; empty for those not signed in."""
    now = timezone.now()
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {"now": now, "rail": None}
    known = getattr(request, MARKED, None)
    marks = _marks(now) if known is None else list(known)
    names = models.Tenant.objects.values_list("slug", "name")[:SWITCHER_TENANTS]
    counts = getattr(request, COUNTED, None) or fleet.count(now)
    return {
        "now": now,
        "rail": {
            "tenants": list(names),
            "tenant": _tenant(request),
            "nav": _navigation(request, counts),
            "beside": _beside(request),
            "vantage": {"clear": sum(marks), "all": len(marks), "marks": marks},
            "last_round": counts.last_look,
            "watched": counts.total,
            "connecting": counts.connecting,
            "halt": halting.standing() if counts.halt else None,
            "may_halt": may_operate(request),
            "lab": bool(settings.LAB),
            "sign_out": reverse("signout"),
        },
    }


def _marks(now: datetime) -> list[bool]:
    places = vantage_points.seen().filter(enabled=True)
    return [vantage_points.health(place, now).clear for place in places]


def _tenant(request: HttpRequest) -> str | None:
    match = request.resolver_match
    return str(match.kwargs["slug"]) if match and "slug" in match.kwargs else None


def _navigation(request: HttpRequest, counts: fleet.Counts) -> list[dict[str, Any]]:
    here = request.resolver_match.url_name if request.resolver_match else ""
    rows = [
        ("Overview", "overview", "layout-dashboard", counts.open or None),
        ("Tenants", "tenants", "building", counts.total),
        ("Exposure", "exposure_start", "door", None),
        ("Findings", "findings", "shield", counts.findings or None),
        ("Contradictions", "contradictions", "equal-not", counts.apart or None),
        ("Changes", "changes", "history", None),
        ("Incidents", "incidents", "urgent", counts.incidents or None),
        ("What-if", "what_if_start", "flask", None),
        ("Reports", "reports", "file-text", None),
        ("Settings", "settings", "settings", None),
        *((IN_LAB,) if settings.LAB else ()),
    ]
    return [
        {
            "name": name,
            "url": _leads(url, _tenant(request)),
            "icon": icon,
            "count": count,
            # How much of it is bad news: open tenants, grave findings, open incidents.
            "bad": count if url in BAD_NEWS else None,
            "current": _belongs(here or "", url),
        }
        for name, url, icon, count in rows
    ]


def _leads(url: str, tenant: str | None) -> str:
    """Where an entry leads: to this page of the tenant that is looked at, if one is."""
    if tenant and url in OF_A_TENANT:
        return reverse(OF_A_TENANT[url], args=[tenant])
    return reverse(url)


def _beside(request: HttpRequest) -> list[dict[str, Any]]:
    here = request.resolver_match.url_name if request.resolver_match else ""
    return [
        {"name": name, "url": reverse(url), "current": _belongs(here or "", url)}
        for name, url in (*BESIDE, *((BESIDE_IN_LAB,) if settings.LAB else ()))
    ]


# Pages without an entry of their own light up the one they hang from.
UNDER = {
    **dict.fromkeys(
        (
            "tenant",
            "tenant_add",
            "tenant_edit",
            "tenant_credential",
            "tenant_check",
            "tenant_recipients",
            *(f"connect_{x}" for x in ("name", "app", "permissions", "read")),
            *(f"connect_{x}" for x in ("sources", "mail", "probe")),
            "sources",
            "source_add",
            "source_edit",
            "source_remove",
            "connector",
            "observation",
        ),
        "tenants",
    ),
    "finding": "findings",
    **dict.fromkeys(("exception", "exception_ask"), "exceptions"),
    "exposure_of": "exposure_start",
    "what_if": "what_if_start",
    "change": "changes",
    "incident": "incidents",
    "report": "reports",
    "incident_acknowledge": "incidents",
    "mailbox_message": "mailbox",
    "send_test": "settings",
    "subscribe": "settings",
    "vantage_point": "vantage_points",
    "vantage_point_add": "vantage_points",
    "probing_stop": "vantage_points",
}


def _belongs(here: str, url: str) -> bool:
    return url in (here, UNDER.get(here))
