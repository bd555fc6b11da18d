"""Move from SQLite to PostgreSQL: copy every row, prove every table, change nothing here."""

import sys
from argparse import ArgumentParser
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from mailposture import runtime
from mailposture.services import moving

USAGE = 2


class Command(BaseCommand):
    """`manage.py move_database --to postgres://user@host/name`."""

    help = "Copy all rows to an empty PostgreSQL database and prove that they arrived."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to."""
        parser.add_argument("--to", required=True, metavar="URL", help="postgres://user@host/name")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Move, and print what arrived, table by table."""
        if runtime.supervisor(settings.DATA_DIR) is not None:
            self.give_up("Mailposture runs on this data folder: stop it first.")
        try:
            moved = moving.move(options["to"], timezone.now())
        except moving.MoveError as error:
            self.give_up(str(error))
        for one in moved:
            self.stdout.write(f"{one.rows:>10,}  {one.table}  {one.digest[:16]}")
        total = sum(one.rows for one in moved)
        self.stdout.write(
            f"{total:,} rows of {len(moved)} tables arrived as they were. "
            "Set DATABASE_URL to the new address, and start."
        )

    def give_up(self, why: str) -> NoReturn:
        """Say why in one line, exit 2."""
        self.stderr.write(why)
        sys.exit(USAGE)
