"""Look now, read now, and watch either go by: rows first, then a word to the queue."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from kombu import Producer
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from mailposture import models, tasks
from mailposture.celery import app
from mailposture.services import fetches, planning
from mailposture.services.pages import live as pages
from mailposture.services.pages import reading
from mailposture.services.pages.live import Progress
from mailposture.services.pages.reading import Reading
from mailposture.web.access import operated_tenant, seen_tenant

UNREACHABLE = "The queue is not reachable; the work is kept and done when it is back."


@require_POST
def fetch_now(request: HttpRequest, slug: str) -> HttpResponse:
    """Read this tenant's configuration without waiting for its turn, and watch."""
    of = operated_tenant(request, slug)
    fetches.ask(of, timezone.now())
    transaction.on_commit(partial(wake, request))
    # The claim that will read it: the next one, also where a reading is under way already.
    watched = urlencode({"fetch": of.fetch_attempt + 1})
    return redirect(f"{of.get_absolute_url()}?{watched}")


@require_POST
def probe_now(request: HttpRequest, slug: str) -> HttpResponse:
    """Look at all paths of this tenant, and watch."""
    of = operated_tenant(request, slug)
    look = planning.ask_round(of, timezone.now())
    transaction.on_commit(partial(wake, request))
    return redirect(f"{of.get_absolute_url()}?{urlencode({'round': look.pk})}")


def wake(request: HttpRequest) -> None:
    """The row is the work and the tick finds it; this only spares the wait."""
    try:
        # Kombu tries for six seconds by itself; nobody should stare at a button that long.
        with app.connection_for_write(transport_options={"max_retries": 0}) as queue:
            tasks.tick.apply_async(producer=Producer(queue, auto_declare=False), retry=False)
    except (OperationalError, RedisError, OSError):
        messages.warning(request, UNREACHABLE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """What somebody watches: a look, a reading, or neither. `address` asks how far it is."""

    address: str = ""
    look: int = 0
    progress: Progress | None = None
    reading: Reading | None = None

    @property
    def found(self) -> Progress | Reading | None:
        """Whichever of the two it is; None where its record is gone."""
        return self.reading or self.progress


def watched(request: HttpRequest, of: models.Tenant, now: datetime) -> Watched:
    """What the address names: `round` a look, `fetch` the claim of a reading."""
    address = reverse("progress", args=[of.slug])
    if look := small_number(request, "round"):
        found = pages.load(of, look, now)
        return Watched(address=f"{address}?round={look}", look=look, progress=found)
    if attempt := small_number(request, "fetch"):
        read = reading.load(of, attempt, now)
        return Watched(address=f"{address}?fetch={attempt}", reading=read)
    return Watched()


def small_number(request: HttpRequest, name: str, default: int = 0) -> int:
    """A small positive number of the address; nonsense is as good as nothing."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default


@require_safe
def progress(request: HttpRequest, slug: str) -> HttpResponse:
    """What is under way: a fragment for the poll, a page of its own without script."""
    of = seen_tenant(request, slug)
    now = timezone.now()
    what = watched(request, of, now)
    if not what.address:
        raise Http404
    fragment = "HX-Request" in request.headers
    template = "tenant/progress.html" if fragment else "tenant/watch.html"
    context = {"now": now, "tenant": of, "watched": what, "fragment": fragment}
    response = render(request, template, context)
    response["Cache-Control"] = "no-store"
    return response
