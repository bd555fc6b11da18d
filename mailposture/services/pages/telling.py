"""The settings of mail: whether it can be sent, what waits, who is told, and how a test went."""

from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings

from mailposture import models
from mailposture.services import delivering

MOST_TESTS: Final = 5
# More are not offered in a list: their name is typed.
MOST_TENANTS: Final = 200
FORMS: Final = (
    ("smtp://mail.example.com:25", "clear text, for a relay on this machine or in this network"),
    ("starttls://user:password@mail.example.com:587", "STARTTLS, and signed in"),
    ("smtps://user:password@mail.example.com:465", "TLS from the first byte, and signed in"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """All that the settings page shows."""

    sentence: str
    server: str
    signs_in: bool
    sender: str
    public_url: str
    box: delivering.Outbox
    tests: tuple[models.Delivery, ...]
    subscriptions: tuple[models.Subscription, ...]
    tenants: tuple[tuple[str, str], ...]
    too_many: bool
    forms: tuple[tuple[str, str], ...] = FORMS


def load() -> Page:
    """How mail stands now."""
    box = delivering.outbox()
    try:
        server = delivering.server()
        shown, signs_in = str(server), bool(server.user)
    except delivering.NotSetUpError:
        shown, signs_in = "", False
    rows = models.Subscription.objects.select_related("tenant")
    found = tuple(rows.order_by("address", "tenant__name"))
    tenants = tuple(models.Tenant.objects.values_list("slug", "name")[: MOST_TENANTS + 1])
    too_many = len(tenants) > MOST_TENANTS
    return Page(
        sentence=_sentence(box, len({row.address for row in found})),
        server=shown,
        signs_in=signs_in,
        sender=settings.MAIL_FROM,
        public_url=settings.PUBLIC_URL,
        box=box,
        tests=tuple(tests()),
        subscriptions=found,
        tenants=() if too_many else tenants,
        too_many=too_many,
    )


def named(said: str) -> models.Tenant | None:
    """The tenant with this slug, or else with this name where that is no other's."""
    known = models.Tenant.objects
    found = known.filter(slug=said).first()
    by_name = [] if found else list(known.filter(name__iexact=said)[:2])
    return by_name[0] if len(by_name) == 1 else found


def progress() -> dict[str, Any]:
    """The last tests, and what of the page's head changes with them."""
    page = load()
    return {"tests": page.tests, "page": page, "problem_of_mail": page.box.problem, "again": True}


def is_told(address: str, tenant: models.Tenant | None) -> bool:
    """Whether the address is on the list for this tenant, or for all."""
    given = address.replace("\0", "").strip()
    return models.Subscription.objects.filter(address=given, tenant=tenant).exists()


def tests() -> list[models.Delivery]:
    """The tests that people asked for last, the newest first."""
    found = models.Delivery.objects.filter(alert=None)
    return list(found.order_by("-created_at", "-pk")[:MOST_TESTS])


def _sentence(box: delivering.Outbox, addresses: int) -> str:
    if box.problem:
        waits = f"; {_mails(box.waiting)}." if box.waiting else "."
        return f"Mail is not set up{waits}"
    if not addresses:
        return "Mail is set up, and nobody is told."
    who = "1 address is told" if addresses == 1 else f"{addresses:,} addresses are told"
    waits = f"; {_mails(box.waiting)}" if box.waiting else ""
    return f"{who} by mail{waits}."


def _mails(count: int) -> str:
    return "1 mail waits" if count == 1 else f"{count:,} mails wait"
