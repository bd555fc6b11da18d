"""Make a tenant's report from the command line, or check that a stored one is whole."""

import sys
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailposture import models
from mailposture.services import reporting

USAGE = 2


class Command(BaseCommand):
    """`manage.py report TENANT --from DATE --to DATE --format pdf|csv --out FILE`."""

    help = "Make a report of UTC days; the day of --to is not counted in. Or --check NUMBER."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which tenant, which days, which file."""
        parser.add_argument("tenant", nargs="?", metavar="TENANT", help="its name in addresses")
        parser.add_argument("--from", dest="since", metavar="DATE", help="first day: 2026-11-01")
        parser.add_argument("--to", dest="until", metavar="DATE", help="day after the last")
        parser.add_argument("--format", dest="kind", choices=sorted(reporting.FORMATS))
        parser.add_argument("--out", metavar="FILE", help="where to write it")
        parser.add_argument("--check", type=int, metavar="NUMBER", help="check a stored report")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make and write, or check."""
        if options["check"] is not None:
            self.check_stored(options["check"])
            return
        missing = [n for n in ("tenant", "since", "until", "kind", "out") if not options[n]]
        if missing:
            self.give_up("Say TENANT, --from, --to, --format and --out; or --check NUMBER.")
        tenant = models.Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            self.give_up(f"No tenant is called {options['tenant']!r}. `manage.py tenant list`.")
        row = self.made(tenant, self.day(options["since"]), self.day(options["until"]))
        file = reporting.render(row, options["kind"])
        try:
            Path(options["out"]).write_bytes(file.content)
        except OSError as error:
            self.give_up(f"{options['out']} cannot be written: {error.strerror}.")
        self.stdout.write(f"report {row.pk}, {row.sha256}, written to {options['out']}")

    def made(self, tenant: models.Tenant, since: date, until: date) -> models.Report:
        """Ask for the report and make it here and now, claimed like any other."""
        now = timezone.now()
        try:
            row = reporting.ask(tenant, since, until, now)
        except reporting.PeriodError as error:
            self.give_up(str(error))
        models.Report.objects.filter(pk=row.pk).update(
            attempts=1, lease_until=now + reporting.LEASE
        )
        reporting.make(row.pk, 1, timezone.now)
        row.refresh_from_db()
        if row.state != models.Report.State.DONE:
            raise CommandError(row.problem)
        return row

    def day(self, text: str) -> date:
        """A day as it was given."""
        try:
            return date.fromisoformat(text)
        except ValueError:
            self.give_up(f"{text!r} is not a day: write it as 2026-11-24.")

    def check_stored(self, number: int) -> None:
        """Say whether a stored document still has the digest that its files name."""
        row = models.Report.objects.filter(pk=number).first()
        if row is None or row.state != models.Report.State.DONE:
            self.give_up(f"There is no finished report {number}.")
        if not reporting.is_whole(row):
            raise CommandError(f"report {number} is not the document that was made")
        self.stdout.write(f"report {number} is whole: {row.sha256}")

    def give_up(self, why: str) -> NoReturn:
        """Say why in one line, exit 2."""
        self.stderr.write(why)
        sys.exit(USAGE)
