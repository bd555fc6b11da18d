"""Probe one domain from here, without a tenant: who may deliver past its gateway?"""

import json
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailposture.adapters.targets import Refusal
from mailposture.core.verdict import SenderClass, Verdict
from mailposture.management import arguments, probe_report
from mailposture.services import clouds, halting, oneoff, ownership

EXIT: Final = {Verdict.CLOSED: 0, Verdict.OPEN: 3, Verdict.UNKNOWN: 4}
STOPS: Final = (
    Refusal,
    halting.StoppedError,
    ownership.NotProvenError,
    clouds.NotSetUpError,
)
ALL: Final = (SenderClass.FOREIGN, SenderClass.OWN, SenderClass.NULL)


class Command(BaseCommand):
    """`manage.py probe DOMAIN`. Exit: 0 closed, 3 open, 4 unknown, 2 refused, 1 our defect."""

    help = "Probe one domain from here and say what the answers prove. No message is sent."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to ask, from where, and on what grounds."""
        add = parser.add_argument
        add("domain", type=arguments.mail_domain)
        add("--source", type=arguments.address, metavar="IP", help="connect from this address")
        add("--endpoint", type=arguments.host, metavar="HOST", help="no discovery: this door")
        add("--port", type=arguments.port, metavar="N", help="25; others only in lab networks")
        add("--resolver", type=arguments.nameserver, metavar="IP:PORT", help="for discovery")
        add("--sender-class", choices=["foreign", "own", "null", "all"], default="all")
        add("--recipient", type=arguments.mailbox, metavar="ADDR", help="an existing mailbox")
        add("--client-cert", type=arguments.client_certificate, metavar="PEM", help="key and chain")
        add("--any-server", action="store_true", help="judge any server, and say so")
        add("--attest", metavar="REASON", help="say why you may; kept in the audit trail")
        add("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Look, print, and exit with the verdict."""
        try:
            found = oneoff.look(_question(options), timezone.now)
        except STOPS as refused:
            if options["json"]:
                refusal = {"domain": options["domain"], "error": str(refused)}
                self.stdout.write(json.dumps(refusal))
            raise CommandError(str(refused), returncode=2) from refused
        report = probe_report.document(found)
        text = json.dumps(report, indent=2) if options["json"] else probe_report.words(found)
        self.stdout.write(text)
        raise SystemExit(EXIT[found.verdict])


def _question(options: dict[str, Any]) -> oneoff.Question:
    asked = options["sender_class"]
    return oneoff.Question(
        domain=options["domain"],
        classes=ALL if asked == "all" else (SenderClass(asked),),
        endpoint=options["endpoint"],
        port=options["port"],
        resolver=options["resolver"],
        source=options["source"],
        recipient=options["recipient"],
        certificate=options["client_cert"],
        any_server=options["any_server"],
        attest=options["attest"],
    )
