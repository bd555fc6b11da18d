"""What is reached from here: the mail server and the resolver; and mails that came to nobody."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from mailposture import models
from mailposture.adapters import dns, email
from mailposture.services import clouds, delivering
from mailposture.services.doctor.lines import Line, ok, problem, warning

# Somebody waits for the answer: less patience than a mail has.
MAIL_SECONDS: Final = 20.0
NAME: Final = "outlook.com"
LATELY: Final = timedelta(days=7)


def mail(*, tables: bool) -> Line:
    """Whether a mail could be handed in: greeted and signed in to, and nothing sent."""
    try:
        server = delivering.server()
        answer = email.greet(server, replace(delivering.manner(), whole=MAIL_SECONDS))
    except delivering.NotSetUpError as error:
        waiting = delivering.waiting() if tables else 0
        says = f"{error} {_waiting(waiting)}" if waiting else str(error)
        return warning("mail", says, "Set SMTP_URL: nobody is told otherwise.")
    except email.DeliveryError as error:
        return problem("mail", error.says, "Check SMTP_URL, and that port from here.")
    return ok("mail", f"{server} answers: {answer}")


def _waiting(count: int) -> str:
    return "1 mail waits." if count == 1 else f"{count:,} mails wait."


def given_up(now: datetime) -> Iterator[Line]:
    """Mails of the last days that are not tried any more, and why the latest of them is not."""
    rows = delivering.given_up().filter(done_at__gte=now - LATELY)
    latest = rows.first()
    if latest is None:
        return
    count = rows.count()
    what = "1 mail was" if count == 1 else f"{count:,} mails were"
    says = f"In the last {LATELY.days} days {what} refused or given up; the latest: {latest.answer}"
    yield warning("mail", says, "The page of its incident says to whom; mend that, or tell them.")


def names(*, tables: bool) -> Line:
    """Whether the resolver answers. The lab's knows the names of its own tenants alone."""
    name: str | None = NAME
    if settings.LAB:
        doors = models.Endpoint.objects.filter(tenant__cloud=clouds.LAB).order_by("pk")
        name = doors.values_list("domain", flat=True).first() if tables else None
    if name is None:
        return ok("names", "Not asked: the lab knows its own tenants alone, and none is read yet.")
    try:
        clouds.resolver(clouds.LAB if settings.LAB else "worldwide").mx(name)
    except dns.DnsError as error:
        mend = "Check the resolver of this machine, or MAILPOSTURE_RESOLVER."
        return problem("names", f"Asked for the MX of {name}: {error}", mend)
    return ok("names", f"{'The lab' if settings.LAB else 'The resolver'} answers.")
