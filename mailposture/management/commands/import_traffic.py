"""Import who was seen to send to a tenant, from a report that an administrator exported."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailposture import models
from mailposture.adapters.columns import ReportError
from mailposture.management import bundles
from mailposture.services import traffic

BAD_INPUT: Final = 2


class Command(BaseCommand):
    """`manage.py import_traffic TENANT FILE [--kind trace|connector|inbound]`, or --forget."""

    help = "Import a message trace or connector report: who sends, by domain and day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose, which file, and of what kind."""
        parser.add_argument("tenant", metavar="TENANT", help="its short name")
        parser.add_argument("file", metavar="FILE", nargs="?", help="CSV as it was exported")
        kinds = list(models.SeenSender.How.values)
        parser.add_argument("--kind", choices=kinds, default="trace", help="trace by default")
        parser.add_argument(
            "--forget", action="store_true", help="drop all imported traffic of this tenant"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Import and say what is kept, or forget."""
        tenant = models.Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            _refuse(f"There is no tenant {options['tenant']!r}. manage.py tenant list names them.")
        elif options["forget"] == (options["file"] is not None):
            _refuse("Name a file to import, or --forget to drop what was imported.")
        elif options["forget"]:
            gone = traffic.forget(tenant, timezone.now())
            self.stdout.write(
                f"Dropped {_many(gone, 'row')} of traffic of {bundles.safe(tenant.name)}."
            )
        else:
            self.import_file(tenant, Path(options["file"]), options["kind"])

    def import_file(self, tenant: models.Tenant, path: Path, kind: str) -> None:
        """Read one file and say what came of it."""
        try:
            with path.open("rb") as file:
                done = traffic.import_file(tenant, file, kind, timezone.now())
        except OSError as problem:
            raise bundles.bad_input(str(path), problem.strerror or str(problem)) from None
        except ReportError as problem:
            raise bundles.bad_input(str(path), str(problem)) from None
        span = f", {done.first} to {done.last}" if done.first else ""
        self.stdout.write(
            f"{_many(done.lines, 'line')} read. Kept by domain and day:"
            f" {_many(done.messages, 'message')} of {_many(done.senders, 'sender')}{span}."
        )
        for reason, lines in sorted(done.passed_over.items()):
            self.stdout.write(f"  passed over, {reason}: {lines:,}")


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}" + "s" * (number != 1)


def _refuse(why: str) -> None:
    raise CommandError(bundles.safe(why), returncode=BAD_INPUT)
