"""How an endpoint was found and what proves that it is one, for the page of an observation."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from mailposture import models
from mailposture.core.words import joined, minute

FOUND: Final[Mapping[str, str]] = {
    "mx": "the domain's MX",
    "dash": "the form of its name: the domain with dashes",
    "dnssec": "the form of its name in the signed zone",
    "expected": "Exchange Online: the MX that it expects",
}


def facts(row: models.Observation, now: datetime) -> tuple[tuple[str, str], ...]:
    """What is kept of the endpoint that was asked, name and words; nothing where it is no more."""
    found = (
        models.Endpoint.objects.filter(tenant=row.path.tenant_id, host=row.endpoint)
        .order_by("-proved_at")
        .first()
        if row.endpoint
        else None
    )
    if found is None:
        return ()
    told = [
        ("Found by", FOUND.get(found.found_by, found.found_by)),
        ("Proved", _proved(found, now)),
    ]
    if found.elsewhere_at:
        told.append(("Leads elsewhere", f"since {minute(found.elsewhere_at, now)} UTC (4.4.62)"))
    if found.missing_since:
        told.append(("Name missing", f"since {minute(found.missing_since, now)} UTC"))
    return tuple(told)


def _proved(row: models.Endpoint, now: datetime) -> str:
    if row.proved_at is None:
        return "not yet"
    said = {
        "certificate": f"certificate {row.proof.get('certificate')}",
        "banner": f"banner {row.proof.get('banner')}",
        "hello": f"Hello [{row.proof.get('hello')}]",
    }
    by = joined([words for name, words in said.items() if row.proof.get(name)])
    return f"{minute(row.proved_at, now)} UTC, by {by}"
