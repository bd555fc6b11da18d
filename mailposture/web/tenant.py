"""One tenant: what its door does, who was seen to pass, what its configuration says."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from mailposture import models
from mailposture.services.pages import begun, firstrun, incidents, worst_findings
from mailposture.services.pages import tenant as pages
from mailposture.services.pages.matrix import Band, Grid, GridRow
from mailposture.services.pages.timeline import REACHES, address, reach
from mailposture.templatetags.matrix import Cell, Matrix, MatrixRow
from mailposture.web.access import may_operate, seen_tenant
from mailposture.web.live import small_number, watched


@require_safe
def tenant(request: HttpRequest, slug: str) -> HttpResponse:
    """The tenant's page; `domains` is a page of its matrix, `days` the reach of its timeline."""
    found = worst_findings.with_worst(incidents.with_standing(models.Tenant.objects.all()))
    of = seen_tenant(request, slug, found)
    now = timezone.now()
    if of.setup_step is not None:
        return _connecting(request, of, now)
    asked = pages.Asked(page=small_number(request, "domains", 1), days=days_asked(request, of, now))
    page = pages.load(of, asked, now)
    return render(
        request,
        "tenant/tenant.html",
        {
            "now": now,
            "page": page,
            "operates": may_operate(request),
            "bands": [(band, _matrix(page.grid, band)) for band in page.grid.bands],
            "figure_at": address(of, page.days),
            "table": page.timeline.table(),
            "spans": [(d, one.word, d == page.days) for d, one in REACHES.items()],
            "tenant": of,
            "watched": watched(request, of, now),
        },
    )


def _connecting(request: HttpRequest, of: models.Tenant, now: datetime) -> HttpResponse:
    """A tenant that is being connected has no doors to show: how far it is, and the way on."""
    one = begun.gather([of])[of.pk]
    operates = may_operate(request)
    walk = firstrun.walk(of, one.step, now, linked=operates)
    context = {"now": now, "tenant": of, "one": one, "walk": walk, "operates": operates}
    return render(request, "tenant/connecting.html", context)


def days_asked(request: HttpRequest, of: models.Tenant, now: datetime) -> int:
    """The reach of the timeline, one of those offered."""
    days = small_number(request, "days", -1)
    return days if days in REACHES else reach(of, now)


def _matrix(grid: Grid, band: Band) -> Matrix:
    return Matrix(
        domains=band.domains,
        classes=grid.classes,
        rows=tuple(_row(row) for row in band.rows),
    )


def _row(row: GridRow) -> MatrixRow:
    cells = tuple(
        tuple(
            Cell(state=c.state, href=c.href, why=c.why, how=c.how, contradicts=c.contradicts)
            for c in of_domain
        )
        for of_domain in row.cells
    )
    return MatrixRow(name=row.name, address=row.address, approved=row.approved, cells=cells)
