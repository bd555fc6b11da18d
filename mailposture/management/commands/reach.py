"""Say who may deliver, exactly: by a configuration alone, and after a proposed change."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from mailposture.adapters.exchange.proposed import read_proposal
from mailposture.core.configuration import Configuration
from mailposture.core.proposals import Proposal
from mailposture.management import bundles, reaching


class Command(BaseCommand):
    """Works out who may deliver. Needs no database, broker or key, and writes nothing."""

    help = "Say who may deliver to each domain, and what a proposed change opens and closes."
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the bundle, and a proposal."""
        add = parser.add_argument
        add("bundle", metavar="BUNDLE.json", help="outputs of cmdlets in one JSON object; - piped")
        add("--propose", metavar="FILE", help="a change as PowerShell or JSON, never run; - piped")
        add("--json", action="store_true", help="print one JSON document")

    def handle(self, *_: Any, **options: Any) -> None:
        """Read, work out, print."""
        bundles.once_from_stdin(options["bundle"], options["propose"])
        before = bundles.configuration_of(options["bundle"], self.stderr.write)
        proposal = proposed(before, options["propose"])
        write = reaching.as_json if options["json"] else reaching.as_text
        for warning in proposal.warnings if proposal and options["json"] else ():
            self.stderr.write(bundles.safe(warning))
        with bundles.reader_may_leave():
            for piece in write(before, proposal):
                self.stdout.write(piece, ending="")


def proposed(before: Configuration, name: str | None) -> Proposal | None:
    """The proposal in a file; None where none was named."""
    if name is None:
        return None
    try:
        return read_proposal(before, bundles.bytes_of(name))
    except ValueError as problem:
        raise bundles.bad_input(name, str(problem)) from None
