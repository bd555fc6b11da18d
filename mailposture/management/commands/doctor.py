"""Look at everything the product stands on, and say in words what is wrong and how to mend it."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from mailposture.core.smtp.reply import printable
from mailposture.services import doctor


class Command(BaseCommand):
    """`manage.py doctor`: exit 1 where something is in the way."""

    help = (
        "Check keys, disk, database, queue, clocks, mail, names, port 25, workers, vantage points, "
        "credentials and each tenant's grants."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How far to look."""
        parser.add_argument("--tenant", default="", metavar="SLUG", help="ask this tenant alone")
        parser.add_argument("--offline", action="store_true", help="leave the network out")
        parser.add_argument("--json", action="store_true", help="one JSON document a line")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print a line as soon as each is known."""
        worst = False
        lines = doctor.examine(timezone.now, tenant=options["tenant"], offline=options["offline"])
        for line in lines:
            worst = worst or line.level is doctor.Level.PROBLEM
            said = json.dumps(asdict(line)) if options["json"] else _in_words(line)
            self.stdout.write(printable(said))
            self.stdout.flush()
        sys.exit(1 if worst else 0)


def _in_words(line: doctor.Line) -> str:
    mend = f" {line.mend}" if line.mend else ""
    return f"{line.level:8} {line.what}: {line.says}{mend}"
