"""Do what is due now, in this one process: fetch, probe, judge, save."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from mailposture.adapters.shards import Place
from mailposture.adapters.vantage_file import places
from mailposture.services import ticking


class Command(BaseCommand):
    """`manage.py tick`: one turn of the whole product without broker or workers."""

    help = "Fetch, probe, judge and save what is due now, in this process."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """At what time, and from which places."""
        parser.add_argument("--now", metavar="ISO", help="pretend that it is this time (UTC)")
        parser.add_argument(
            "--vantage",
            action="append",
            type=Path,
            metavar="FILE",
            help="play the places of this file (default: all of DATA_DIR/vantage)",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Tick once and say what was done."""
        start = _time(options["now"])
        began = timezone.now()
        done = ticking.tick(lambda: start + (timezone.now() - began), _places(options["vantage"]))
        for read in done.read:
            say = read.error or f"{read.changes} changes"
            self.stdout.write(f"read tenant {read.tenant_id}: {say}")
        self.stdout.write(f"{done.shards} shards judged, {done.rounds} rounds finished")


def _time(text: str | None) -> datetime:
    if text is None:
        return timezone.now()
    try:
        found = parse_datetime(text)
    except ValueError as error:
        raise CommandError(f"--now {text}: {error}", returncode=2) from error
    if found is None:
        raise CommandError(f"--now {text} is not an ISO time", returncode=2)
    return found if timezone.is_aware(found) else found.replace(tzinfo=UTC)


def _places(files: list[Path] | None) -> dict[str, Place]:
    known = files or sorted((settings.DATA_DIR / "vantage").glob("*.toml"))
    return {slug: place for file in known for slug, place in places(file).items()}
