"""Vantage points from the command line: a join line for one elsewhere, or the end of one."""

from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailposture import models
from mailposture.services import joining
from mailposture.services.queue_accounts import NoQueueError


class Command(BaseCommand):
    """`manage.py vantage_point join SLUG`, `manage.py vantage_point revoke SLUG`."""

    help = "Print a join line for a vantage point, good once and for a day, or revoke one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do, and to which place."""
        what = parser.add_subparsers(dest="what", required=True)
        line = what.add_parser("join", help="print a join line")
        line.add_argument("slug", help="short name of the vantage point")
        line.add_argument(
            "--queue",
            metavar="URL",
            help="how this place reaches the queue, where not as set by"
            " MAILPOSTURE_QUEUE_ELSEWHERE; taken as it is, also without TLS; '' takes it back",
        )
        end = what.add_parser("revoke", help="forget its key, delete its account")
        end.add_argument("slug", help="short name of the vantage point")

    def handle(self, *_args: Any, what: str, slug: str, **options: Any) -> None:
        """Do it, and print the line where one was made."""
        place = models.VantagePoint.objects.filter(slug=slug).first()
        if place is None:
            raise CommandError(f"There is no vantage point {slug}.", returncode=2)
        if what == "revoke":
            self._revoke(place)
        else:
            self._join(place, options["queue"])

    def _join(self, place: models.VantagePoint, queue: str | None) -> None:
        if queue and (urlsplit(queue).scheme not in ("redis", "rediss") or len(queue) > 300):
            raise CommandError("--queue is an address such as rediss://host:6380/0.", returncode=2)
        try:
            line = joining.invite(place, timezone.now(), queue=queue)
        except NoQueueError as error:
            raise CommandError(str(error), returncode=1) from None
        self.stdout.write(str(line))

    def _revoke(self, place: models.VantagePoint) -> None:
        if not joining.revoke(place, timezone.now()):
            raise CommandError(
                f"{place.slug} is revoked: nothing that it says is believed. The queue was not told"
                " yet: its account there is deleted with the next tick that reaches it.",
                returncode=1,
            )
        self.stdout.write(f"{place.slug} is revoked: its key and its account are gone.")
