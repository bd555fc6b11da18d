"""Import who was seen to send to a tenant, from a report that an administrator exported."""

from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any, Final, NoReturn

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailposture import models
from mailposture.adapters.columns import ReportError
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.management import bundles
from mailposture.services import clouds, traffic

BAD_INPUT: Final = 2


class Command(BaseCommand):
    """`manage.py import_traffic TENANT FILE [--kind ...]`, or --trace DAYS, or --forget."""

    help = "Import a message trace or connector report: who sends, by domain and day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose, which file, and of what kind."""
        parser.add_argument("tenant", metavar="TENANT", help="its short name")
        parser.add_argument("file", metavar="FILE", nargs="?", help="CSV as it was exported")
        kinds = list(models.SeenSender.How.values)
        parser.add_argument("--kind", choices=kinds, default="trace", help="trace by default")
        parser.add_argument(
            "--trace",
            type=days,
            metavar="DAYS",
            help="ask Get-MessageTraceV2 for so many days instead (its role is needed)",
        )
        parser.add_argument(
            "--forget", action="store_true", help="drop all imported traffic of this tenant"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Import and say what is kept, or forget."""
        tenant = models.Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            _refuse(f"There is no tenant {options['tenant']!r}. manage.py tenant list names them.")
        elif [bool(options[name]) for name in ("file", "trace", "forget")].count(True) != 1:
            _refuse(
                "Name a file to import, or --trace DAYS, or --forget to drop what was imported."
            )
        elif options["trace"]:
            self.trace(tenant, options["trace"])
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
        self.say(done)

    def trace(self, tenant: models.Tenant, asked: int) -> None:
        """Ask the service itself, and say what came of it."""
        if not models.Credential.objects.filter(tenant=tenant).exists():
            _refuse(f"{tenant.slug} has no credential: import a file instead.")
        try:
            done = traffic.fetch(tenant, asked, timezone.now())
        except (ExchangeError, clouds.NotSetUpError) as problem:
            _refuse(f"Nothing was traced, which says nothing about who sends. {problem}")
        else:
            self.say(done)
            if not done.whole:
                self.stdout.write("  not all of it was returned: ask for fewer days")

    def say(self, done: traffic.Imported) -> None:
        """What is kept, and why lines are not."""
        span = f", {done.first} to {done.last}" if done.first else ""
        self.stdout.write(
            f"{_many(done.lines, 'line')} read. Kept by domain and day:"
            f" {_many(done.messages, 'message')} of {_many(done.senders, 'sender')}{span}."
        )
        for reason, lines in sorted(done.passed_over.items()):
            self.stdout.write(f"  passed over, {reason}: {lines:,}")


def days(text: str) -> int:
    """From one day to ninety, as far back as the service goes."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 90:
        raise ArgumentTypeError(f"{text!r} is not a number of days from 1 to 90")
    return int(text)


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}" + "s" * (number != 1)


def _refuse(why: str) -> NoReturn:
    raise CommandError(bundles.safe(why), returncode=BAD_INPUT)
