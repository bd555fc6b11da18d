"""What is watched, and whether it is: workers, places, credentials, each tenant's grants."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db.models import Min, Model, QuerySet

from mailposture import models
from mailposture.adapters.exchange.checking import Step
from mailposture.services import checking, delivering, idling, secrets, selftests, vantage_points
from mailposture.services.doctor.lines import Line, ok, problem, warning

# A tenant's answer may take half a minute; however many there are, this is for all of them.
ALL_TENANTS: Final = timedelta(minutes=3)


def workers(now: datetime) -> Iterator[Line]:
    """Whether each worker does what is due, by what was left undone."""
    yield _central(now)
    late = now - settings.FETCH_LEASE - idling.grace()
    unread = _oldest(
        models.Tenant.objects.filter(paused_at=None, setup_step=None, credential__isnull=False),
        "fetch_due_at",
    )
    yield _doing("reader", "readings", unread, late)
    late = now - delivering.LEASE - idling.grace()
    mails = models.Delivery.objects.filter(state=models.Delivery.State.WAITING)
    reports = models.Report.objects.filter(state=models.Report.State.WAITING)
    waiting = [_oldest(reports, "due_at")]
    if settings.SMTP_URL:
        waiting.append(_oldest(mails, "due_at"))
    yield _doing(
        "errands worker", "mails or reports", min(filter(None, waiting), default=None), late
    )


def _oldest(rows: QuerySet[Model], name: str) -> datetime | None:
    found: datetime | None = rows.aggregate(oldest=Min(name))["oldest"]
    return found


def _doing(worker: str, what: str, oldest: datetime | None, late: datetime) -> Line:
    if oldest is not None and oldest < late:
        says = f"Since {oldest:%d %b %H:%M} UTC {what} wait."
        return problem(worker, says, f"Start the {worker} (docs/operations.md), or see its log.")
    return ok(worker, f"No {what} wait for longer than they should.")


def _central(now: datetime) -> Line:
    asked = models.VantagePoint.objects.filter(enabled=True).values_list("asked_at", flat=True)
    watched = models.Tenant.objects.filter(paused_at=None, setup_step=None)
    due = watched.aggregate(due=Min("probe_due_at"))["due"]
    since = idling.since(asked, due, now)
    if since is not None:
        says = f"Nothing was asked or planned since {since:%d %b %H:%M} UTC."
        return problem("central worker", says, "Start the central worker and the clock.")
    return ok("central worker", "No hello and no round is overdue.")


def places(now: datetime) -> Iterator[Line]:
    """How clearly each place sees."""
    rows = list(vantage_points.seen().filter(enabled=True))
    if not rows:
        yield warning("vantage points", "There is none.", "Add one, start its worker.")
    for place in rows:
        health, name = vantage_points.health(place, now), f"vantage point {place.slug}"
        if health.clear:
            yield ok(name, health.says)
        else:
            yield warning(name, health.says, "Start its worker, or see docs/operations.md.")
        for check in selftests.checks(place, now):
            if check.state == "cut_off":
                says = f"{check.what}: {check.says}."
                yield warning(name, says, "See docs/vantage-points.md, Self-test.")


def credentials() -> Iterator[Line]:
    """Whether every sealed credential opens with a key that is here. No key is made for it."""
    rows = models.Credential.objects.select_related("tenant").order_by("tenant__slug")
    if not rows:
        return
    ring = settings.KEYS_DIR / "ring"
    lost = [row.tenant.slug for row in rows if not ring.exists() or not _opens(row)]
    if lost:
        shown = ", ".join(lost[:10]) + (f" and {len(lost) - 10} more" if len(lost) > 10 else "")
        says = f"Sealed with a key that is not here: {shown}."
        yield problem("credentials", says, f"Bring {ring} back from a copy, or give them again.")
    else:
        yield ok("credentials", f"{len(rows)} sealed, and the key ring opens every one.")


def _opens(row: models.Credential) -> bool:
    try:
        secrets.credential_of(row.tenant)
    except (InvalidToken, ValueError, KeyError):  # no key of ours, or a ring that is none
        return False
    return True


def tenants(clock: Callable[[], datetime], only: str) -> Iterator[Line]:
    """What each tenant's app was granted, asked live; one tenant alone where it is named."""
    rows = models.Tenant.objects.filter(credential__isnull=False).order_by("slug")
    if only:
        rows = rows.filter(slug=only)
        if not rows:
            yield problem(
                f"tenant {only}",
                "None of this name has a credential.",
                "See manage.py tenant list.",
            )
    ends, left = clock() + ALL_TENANTS, 0
    for tenant in rows:
        if clock() > ends:
            left += 1
        else:
            yield _granted(tenant, clock)
    if left:
        says = f"{left} were not asked: the time for all of them was over."
        yield warning("tenants", says, "Ask one with --tenant SLUG.")


def _granted(tenant: models.Tenant, clock: Callable[[], datetime]) -> Line:
    found, name = checking.check(tenant, clock), f"tenant {tenant.slug}"
    steps: tuple[Step, ...] = (found.token, found.app_role, found.directory_role)
    failed = next((step for step in steps if not step.ok), None)
    if failed is None:
        return ok(name, "Both halves of its grant are there.")
    return problem(name, failed.says, failed.fix)
