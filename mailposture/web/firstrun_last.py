"""Connecting a tenant, from its first read on: approved sources, who gets mail, the first probe."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from mailposture import models
from mailposture.core import codec
from mailposture.core.configuration import Configuration
from mailposture.services import arranging, delivering, enrolling, proposing, subscribing
from mailposture.services.pages import firstrun as pages
from mailposture.services.pages import firstrun_probe
from mailposture.web.firstrun import page, step
from mailposture.web.firstrun_forms import MailForm, ProposalForm
from mailposture.web.forms import RecipientsForm
from mailposture.web.live import small_number, wake
from mailposture.web.tenant_forms import A_PAGE, FORM

NOTHING: Final = proposing.Proposal(name="", kind="relay", sure=False)


# ---- approved sources --------------------------------------------------------------------


@never_cache
@require_http_methods(FORM)
@step(enrolling.SOURCES)
def sources(request: HttpRequest, tenant: models.Tenant) -> HttpResponse:
    """What is proposed, for a person to tick, edit and confirm."""
    proposed = _proposed(request, tenant)
    forms = _rows(request, tenant, proposed.rows)
    if request.method == "POST":
        taken = [form for form in forms if form.taken]
        wrong = [form for form in taken if not form.is_valid()]
        if not wrong and _differ(taken):
            return _confirmed(request, tenant, taken)
    context = {
        "rows": forms[:-1],
        "blank": forms[-1],
        "problems": proposed.problems,
        "declared": list(tenant.sources.select_related("vantage_point")),
    }
    return page(request, tenant, enrolling.SOURCES, "sources", **context)


def _proposed(request: HttpRequest, tenant: models.Tenant) -> proposing.Proposals:
    """What was proposed in this visit; DNS is asked once, or again where that is wanted."""
    key = f"proposed-{tenant.pk}"
    if request.method == "POST" or "again" not in request.GET:
        try:
            return codec.load(proposing.Proposals, request.session.get(key))
        except codec.CodecError:
            pass
    if request.method == "POST":
        # The visit is forgotten; what was ticked stands in what was sent.
        sent = min(_count(request.POST.get("rows", "")), proposing.MOST)
        return proposing.Proposals(rows=(NOTHING,) * sent)
    found = proposing.propose(tenant, pages.latest(tenant) or Configuration())
    request.session[key] = codec.dump(found)
    return found


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 3 else 0


def _rows(
    request: HttpRequest, tenant: models.Tenant, proposed: Sequence[proposing.Proposal]
) -> list[ProposalForm]:
    """A form for each proposal, and an empty one for what nobody proposed."""
    plays = models.VantagePoint.Plays.SOURCE
    places = list(models.VantagePoint.objects.filter(plays=plays))
    rows = [
        *proposed,
        proposing.Proposal(name="", kind=models.ApprovedSource.Kind.RELAY, sure=False),
    ]
    return [
        ProposalForm(
            request.POST or None,
            prefix=f"s{number}",
            initial=_initial(row),
            tenant=tenant,
            places=places,
            grounds=row.grounds,
        )
        for number, row in enumerate(rows)
    ]


def _initial(row: proposing.Proposal) -> dict[str, object]:
    return {
        "take": row.sure,
        "name": row.name,
        "kind": row.kind,
        "addresses": "\n".join(row.addresses),
        "certificate_name": row.certificate_name,
        "vantage_point": row.place or "",
    }


def _differ(taken: Sequence[ProposalForm]) -> bool:
    """Whether no two of them bear one name; the second one that does says so."""
    names: set[str] = set()
    for form in taken:
        if form.cleaned_data["name"] in names:
            form.add_error("name", "Another one here has this name.")
            return False
        names.add(form.cleaned_data["name"])
    return True


def _confirmed(
    request: HttpRequest, tenant: models.Tenant, taken: Sequence[ProposalForm]
) -> HttpResponse:
    now = timezone.now()
    with transaction.atomic():
        for form in taken:
            arranging.add_source(tenant, form.settings(), now, user=request.user)
        enrolling.reach(tenant, enrolling.MAIL)
    request.session.pop(f"proposed-{tenant.pk}", None)
    if taken:
        count = "1 source" if len(taken) == 1 else f"{len(taken)} sources"
        messages.info(request, f"{count} must get in from now on.")
    return redirect("connect_mail", slug=tenant.slug)


# ---- who gets mail, and who is named -----------------------------------------------------


@require_http_methods(FORM)
@step(enrolling.MAIL)
def mail(request: HttpRequest, tenant: models.Tenant) -> HttpResponse:
    """Whom a probe names in each domain, and who is told."""
    known = pages.recipients(tenant)
    domains = dict(list(known.items())[:A_PAGE])
    told = list(pages.told_about(tenant).order_by("address"))
    sent = request.POST if request.method == "POST" else None
    recipients = RecipientsForm(sent, domains=domains)
    form = MailForm(sent, told=bool(told))
    valid = recipients.is_valid(), form.is_valid()
    if all(valid):
        return _told(request, tenant, recipients, form)
    context = {
        "form": form,
        "recipients": recipients,
        "more": len(known) - len(domains),
        "told": told,
        "problem": _no_mail(),
    }
    return page(request, tenant, enrolling.MAIL, "mail", **context)


def _no_mail() -> str:
    """Why no mail can be sent, empty where it can."""
    try:
        delivering.server()
    except delivering.NotSetUpError as missing:
        return str(missing)
    return ""


def _told(
    request: HttpRequest, tenant: models.Tenant, recipients: RecipientsForm, form: MailForm
) -> HttpResponse:
    now = timezone.now()
    with transaction.atomic():
        arranging.name_recipients(tenant, recipients.addresses(), now, user=request.user)
        for address in form.cleaned_data["addresses"]:
            subscribing.subscribe(address, tenant, now, user=request.user)
        enrolling.reach(tenant, enrolling.PROBE)
    return redirect("connect_probe", slug=tenant.slug)


# ---- first probe -------------------------------------------------------------------------


@never_cache
@require_http_methods(FORM)
@step(enrolling.PROBE)
def probe(request: HttpRequest, tenant: models.Tenant) -> HttpResponse:
    """Proof, places, then the look itself and what came of it."""
    look = small_number(request, "round")
    if request.method == "POST":
        return _look(request, tenant)
    if tenant.setup_step is None and not look:
        return redirect(tenant)
    shown = firstrun_probe.load(tenant, look, timezone.now())
    return page(request, tenant, enrolling.PROBE, "probe", probe=shown)


def _look(request: HttpRequest, tenant: models.Tenant) -> HttpResponse:
    """Take the last step, unless nobody could look."""
    address = reverse("connect_probe", args=[tenant.slug])
    now = timezone.now()
    if pages.who_we_are(tenant) or not pages.heard(now):
        return redirect(address)
    look = enrolling.probe_first(tenant, now, user=request.user)
    transaction.on_commit(partial(wake, request))
    return redirect(f"{address}?round={look.pk}")
