"""Show the audit trail: who did what, and on whose word a domain was probed."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from mailposture import models
from mailposture.core.smtp.reply import printable


class Command(BaseCommand):
    """`manage.py audit`."""

    help = "Show the audit trail, newest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How much, and in which form."""
        parser.add_argument("--last", type=int, default=50, metavar="N", help="so many (50)")
        parser.add_argument("--json", action="store_true", help="one JSON document a line")

    def handle(self, *_args: Any, last: int, **options: Any) -> None:
        """Print one line an act."""
        write = _as_json if options["json"] else _in_words
        for event in models.AuditEvent.objects.order_by("-at", "-pk")[: max(last, 0)]:
            self.stdout.write(write(event))


def _as_json(event: models.AuditEvent) -> str:
    return json.dumps(
        {
            "at": event.at.isoformat(),
            "who": event.who,
            "action": event.action,
            "subject": event.subject,
            "detail": event.detail,
        }
    )


def _in_words(event: models.AuditEvent) -> str:
    detail = ", ".join(f"{key}: {value}" for key, value in event.detail.items())
    said = f"{event.at:%Y-%m-%d %H:%M:%S} UTC  {event.who}  {event.action}  {event.subject}"
    return printable(f"{said}  ({detail})" if detail else said)
