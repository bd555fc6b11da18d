"""Make a tenant's report from the command line, write a stored one to a file, or check it."""

import os
import sys
import tempfile
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailposture import models
from mailposture.services import reporting

USAGE = 2
NEEDED = (
    "Say TENANT, --from, --to, --format and --out; or --number, --format and --out; "
    "or --check NUMBER."
)


class Command(BaseCommand):
    """`manage.py report TENANT --from DATE --to DATE --format pdf|csv --out FILE`."""

    help = (
        "Make a report of UTC days; the day of --to is not counted in. "
        "Or write a stored one with --number, or --check NUMBER."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which tenant, which days, which file."""
        parser.add_argument("tenant", nargs="?", metavar="TENANT", help="its name in addresses")
        parser.add_argument("--from", dest="since", metavar="DATE", help="first day: 2026-11-01")
        parser.add_argument("--to", dest="until", metavar="DATE", help="day after the last")
        parser.add_argument("--number", type=int, metavar="NUMBER", help="write a stored report")
        parser.add_argument("--format", dest="kind", choices=sorted(reporting.FORMATS))
        parser.add_argument("--out", metavar="FILE", help="where to write it")
        parser.add_argument("--check", type=int, metavar="NUMBER", help="check a stored report")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make and write, write what is stored, or check."""
        if options["check"] is not None:
            self.check_stored(options["check"])
            return
        self.refuse_half(options)
        out = Path(options["out"])
        if options["number"] is not None:
            row = self.stored(options["number"])
            self.try_folder(out)
        else:
            since, until = self.day(options["since"]), self.day(options["until"])
            tenant = self.tenant(options["tenant"])
            # Before there is a report: one that cannot be written is not wanted.
            self.try_folder(out)
            row = self.made(tenant, since, until)
        self.write(out, reporting.render(row, options["kind"]).content)
        self.stdout.write(f"report {row.pk}, {row.sha256}, written to {out}")

    def refuse_half(self, options: dict[str, Any]) -> None:
        """Refuse what does not say all, or says two things at once."""
        making = [options[name] for name in ("tenant", "since", "until")]
        stored = options["number"] is not None
        whole = not any(making) if stored else all(making)
        if not (whole and options["kind"] and options["out"]):
            self.give_up(NEEDED)

    def tenant(self, slug: str) -> models.Tenant:
        """The tenant of that short name."""
        found = models.Tenant.objects.filter(slug=slug).first()
        if found is None:
            self.give_up(f"No tenant is called {slug!r}. `manage.py tenant list`.")
        return found

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

    def stored(self, number: int) -> models.Report:
        """A finished report by its number, whether its tenant is still watched or not."""
        row = models.Report.objects.filter(pk=number, state=models.Report.State.DONE).first()
        if row is None:
            self.give_up(f"There is no finished report {number}.")
        return row

    def check_stored(self, number: int) -> None:
        """Say whether a stored document still has the digest that its files name."""
        if not reporting.is_whole(row := self.stored(number)):
            raise CommandError(f"report {number} is not the document that was made")
        self.stdout.write(f"report {number} is whole: {row.sha256}")

    def try_folder(self, out: Path) -> None:
        """Say now if the file could not be written; what stands there is not touched."""
        try:
            if out.is_dir() or (out.exists() and not os.access(out, os.W_OK)):
                self.give_up(f"{out} cannot be written: it is a folder, or not yours to write.")
            if not out.exists():
                tempfile.TemporaryFile(dir=out.parent).close()
        except OSError as error:
            self.give_up(f"{out} cannot be written: {error.strerror}.")

    def write(self, out: Path, content: bytes) -> None:
        """Write the file."""
        try:
            out.write_bytes(content)
        except OSError as error:
            self.give_up(f"{out} cannot be written: {error.strerror}.")

    def give_up(self, why: str) -> NoReturn:
        """Say why in one line, exit 2."""
        self.stderr.write(why)
        sys.exit(USAGE)
