"""Which answers of paths still count, worked out by the database, for lists that load no path."""

from datetime import datetime
from typing import Any, Final

from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from mailposture import models
from mailposture.core.states import A_DAY, ROUNDS
from mailposture.core.verdict import Verdict


class Seconds(Func):
    """A moment as whole seconds since 1970, worked out by the database."""

    template = "CAST(EXTRACT(EPOCH FROM %(expressions)s) AS BIGINT)"
    output_field = BigIntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """SQLite keeps moments as text in UTC."""
        template = "CAST(strftime('%%%%s', %(expressions)s) AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **context)


def quiet(since: str, now: datetime) -> Any:
    """Seconds from the moment in this column until now."""
    return Value(int(now.timestamp()), BigIntegerField()) - Seconds(since)


# The coverage of a path's own part, the latest first.
LOOKS: Final = models.Coverage.objects.filter(
    tenant=OuterRef("tenant"), vantage_point=OuterRef("vantage_point"), part=OuterRef("part")
).order_by("-until")


def paths(now: datetime) -> QuerySet[Any]:
    """Paths that are looked at, with `counted`: their verdict, or unknown where it has lapsed.

    An answer was seen until its part was last looked at; without coverage, only when it came.
    """
    # Each is looked for only where the one before it says nothing: a join would be, every time.
    first = models.Observation.objects.filter(pk=OuterRef("current")).values("first_at")
    seen = Coalesce("seen_until", Subquery(LOOKS.values("until")[:1]), Subquery(first[:1]))
    # Most fail the cheaper half, which therefore stands first.
    lapsed = Q(seen__lt=now - A_DAY) & Q(quiet__gt=F("tenant__probe_every") * ROUNDS)
    unknown = When(lapsed, then=Value(str(Verdict.UNKNOWN)))
    return (
        models.Path.objects.filter(retired_at=None)
        .annotate(seen=seen)
        .annotate(quiet=quiet("seen", now))
        .annotate(counted=Case(unknown, default=F("verdict"), output_field=CharField()))
    )
