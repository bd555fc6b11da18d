"""Stop all probing at once, or let it go on."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailposture.services import halting


class Command(BaseCommand):
    """`manage.py halt --reason TEXT`, `manage.py halt --end`, or alone: say how it stands."""

    help = "Stop all probing at once (--reason), let it go on (--end), or say how it stands."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One of the two, or none."""
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--reason", metavar="TEXT", help="stop, and keep why in the audit trail")
        what.add_argument("--end", action="store_true", help="let probing go on")

    def handle(self, *_args: Any, reason: str | None, end: bool, **_options: Any) -> None:
        """Stop or go on, tell the places, and say how it stands."""
        now = timezone.now()
        if reason is not None:
            said = reason.strip()
            if not said or len(said) > halting.LONGEST_REASON:
                longest = halting.LONGEST_REASON
                raise CommandError(f"A reason has 1 to {longest} characters.", returncode=2)
            halting.stop(said, now)
        elif end:
            halting.go_on(now)
        self._say_how_it_stands()
        if (reason is not None or end) and not halting.announce(timezone.now()):
            raise CommandError(
                "The queue was not reached. Orders are given out or not as said; places that are in"
                " the middle of a shard hear of it with the next tick.",
                returncode=1,
            )

    def _say_how_it_stands(self) -> None:
        halt = halting.standing()
        if halt is None:
            self.stdout.write("Probing is not stopped.")
            return
        at = f"{halt.since:%d %b %Y %H:%M} UTC"
        self.stdout.write(f"All probing is stopped since {at} by {halt.who}: {halt.reason}")
