"""A tenant's worst findings, read along with the tenant itself: one question for both."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.db.models import F, JSONField, OuterRef, QuerySet, Subquery
from django.db.models.fields.json import KT
from django.db.models.functions import JSONObject
from django.urls import reverse

from mailposture import models
from mailposture.core import exceptions
from mailposture.services.pages import findings

SHOWN: Final = 5
_KEPT: Final = (
    "pk", "rule", "subject", "severity", "rank", "sentence", "opened_at", "exception",
    "accepted_until",
)  # fmt: skip


class Gathered(Subquery):
    """The `said` of several rows as one list."""

    template = "(SELECT JSONB_AGG(one.said) FROM (%(subquery)s) AS one)"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """SQLite calls it otherwise, and keeps documents as text."""
        template = "(SELECT JSON_GROUP_ARRAY(JSON(one.said)) FROM (%(subquery)s) AS one)"
        return self.as_sql(compiler, connection, template=template, **context)


def with_worst(found: QuerySet[models.Tenant]) -> QuerySet[models.Tenant]:
    """Tenants with their worst findings, for `of` to read."""
    standing = models.Finding.objects.filter(tenant=OuterRef("pk"), closed_at=None)
    said = JSONObject(
        **{name: F(name) for name in _KEPT},
        near_miss=KT("document__near_miss"),
        assumptions=KT("document__assumptions"),
    )
    worst = standing.order_by("rank", "opened_at", "pk").annotate(said=said).values("said")
    gathered = Gathered(worst[: SHOWN + 1], output_field=JSONField())
    return found.annotate(worst_findings=gathered)


def of(tenant: Any, now: datetime) -> tuple[tuple[findings.Line, ...], bool]:
    """The worst of a tenant that was asked with them, and whether there are more."""
    rows: Iterable[Mapping[str, Any]] = getattr(tenant, "worst_findings", None) or ()
    lines = [_line(tenant, row, now) for row in sorted(rows, key=_order)]
    return tuple(lines[:SHOWN]), len(lines) > SHOWN


def _order(row: Mapping[str, Any]) -> tuple[int, datetime, int]:
    return row["rank"], moment(row["opened_at"]), row["pk"]


def moment(text: str) -> datetime:
    """A moment as the database writes it in a document: SQLite leaves its zone out."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _text(said: str | None) -> str:
    """What a document holds; SQLite writes its nothing as a word."""
    return "" if said in (None, "null") else str(said)


def _line(tenant: models.Tenant, row: Mapping[str, Any], now: datetime) -> findings.Line:
    until = moment(row["accepted_until"]) if row["accepted_until"] else now
    accepted = bool(row["exception"]) and until > now
    return findings.Line(
        href=reverse("finding", args=[row["pk"]]),
        rule=row["rule"],
        title=findings.title(row["rule"]),
        sentence=row["sentence"],
        subject=findings.subject(row["subject"], row["sentence"]),
        near_miss=_text(row["near_miss"]),
        severity=row["severity"],
        tenant=tenant.name,
        tenant_href=tenant.get_absolute_url(),
        since=moment(row["opened_at"]),
        until=None,
        leans=len(json.loads(row["assumptions"] or "[]")),
        accepted=exceptions.until(until) if accepted else "",
        accepted_href=reverse("exception", args=[row["exception"]]) if accepted else "",
    )
