"""Look now, read now, and watch a look go by: rows first, then a word to the queue."""

from functools import partial
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from kombu import Producer
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from mailposture import tasks
from mailposture.celery import app
from mailposture.services import fetches, planning
from mailposture.services.pages import live as pages
from mailposture.web.access import operated_tenant, seen_tenant

UNREACHABLE = "The queue is not reachable; the work is kept and done when it is back."


@require_POST
def fetch_now(request: HttpRequest, slug: str) -> HttpResponse:
    """Read this tenant's configuration without waiting for its turn."""
    of = operated_tenant(request, slug)
    fetches.ask(of, timezone.now())
    messages.info(request, f"{of.name} is being read. What changed is here after a reload.")
    transaction.on_commit(partial(_wake, request))
    return redirect(of)


@require_POST
def probe_now(request: HttpRequest, slug: str) -> HttpResponse:
    """Look at all paths of this tenant, and watch."""
    of = operated_tenant(request, slug)
    look = planning.ask_round(of, timezone.now())
    transaction.on_commit(partial(_wake, request))
    return redirect(f"{of.get_absolute_url()}?{urlencode({'round': look.pk})}")


def _wake(request: HttpRequest) -> None:
    """The row is the work and the tick finds it; this only spares the wait."""
    try:
        # Kombu tries for six seconds by itself; nobody should stare at a button that long.
        with app.connection_for_write(transport_options={"max_retries": 0}) as queue:
            tasks.tick.apply_async(producer=Producer(queue, auto_declare=False), retry=False)
    except (OperationalError, RedisError, OSError):
        messages.warning(request, UNREACHABLE)


@require_safe
def progress(request: HttpRequest, slug: str) -> HttpResponse:
    """A look under way: a fragment for the poll, a page of its own without script."""
    of = seen_tenant(request, slug)
    round_id = request.GET.get("round", "")
    if not (round_id.isascii() and round_id.isdigit() and len(round_id) < 10):
        raise Http404
    now = timezone.now()
    found = pages.load(of, int(round_id), now)
    fragment = "HX-Request" in request.headers
    template = "tenant/progress.html" if fragment else "tenant/watch.html"
    context = {
        "now": now,
        "tenant": of,
        "progress": found,
        "round_id": int(round_id),
        "fragment": fragment,
    }
    response = render(request, template, context)
    response["Cache-Control"] = "no-store"
    return response
