"""Runs the lab alone, or steers the one that runs: scenes, faults, records, state."""

import asyncio
import json
import logging
import ssl
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, NoReturn, override

from django.conf import settings
from django.core.management.base import BaseCommand

from mailposture import runtime
from mailposture.lab import client, faults, mailbox, scenes
from mailposture.lab.frontend import NoPortError
from mailposture.lab.run import NoAddressError, run
from mailposture.lab.store import BusyError

USAGE = 2
MOST_BYTES = 32 * 1024


class Command(BaseCommand):
    help = "Run the lab, a double of Exchange Online on loopback, or change what it plays."
    requires_system_checks = ()

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say what may be asked; nothing asked runs the lab."""
        asked = parser.add_subparsers(dest="asked", metavar="|".join(ASKS))
        add_scene(asked.add_parser("scene", help="play a scene for a tenant"))
        add_fault(asked.add_parser("fault", help="make a tenant's front ends or API fail"))
        add_txt(asked.add_parser("txt", help="add a TXT record, or take it away"))
        add_mailbox(asked.add_parser("mailbox", help="say how the lab's mailbox treats mails"))
        add_certificate(
            asked.add_parser("register-certificate", help="upload a certificate to a tenant's app")
        )
        asked.add_parser("state", help="print how everything stands, as JSON")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Run, or ask the lab that runs."""
        if options["asked"] is None:
            self.run_alone(settings.DATA_DIR / "lab")
            return
        found = runtime.lab(settings.DATA_DIR)
        if found is None:
            self.give_up("No lab is running. Start one with `manage.py lab` or `make demo`.")
        try:
            self.stdout.write(ASKS[options["asked"]](found, options))
        except client.ControlError as error:
            self.give_up(str(error))

    def run_alone(self, directory: Path) -> None:
        """Run until interrupted, without the HTTP server's own chatter."""
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        try:
            asyncio.run(run(directory, ready=self.introduce))
        except (BusyError, NoAddressError, NoPortError) as error:
            self.give_up(f"The lab cannot start: {error}")

    def introduce(self, facts: dict[str, Any]) -> None:
        """Say what to set where this lab is not found by itself."""
        port = facts["smtp_port"]
        self.stdout.write(
            f"The lab is up: SMTP on port {port}, names at {facts['resolver']}, sign-in and "
            f"Admin API at {facts['api']}.\n"
            "Commands with this DATA_DIR find it. Elsewhere set\n"
            f"  MAILPOSTURE_LAB_NETWORKS={facts['networks']}\n"
            f"  MAILPOSTURE_RESOLVER={facts['resolver']}\n"
            f"Try: manage.py probe contoso.com --port {port} --source {facts['stranger']}\n"
            "Ctrl-C ends it."
        )
        self.stdout.flush()

    def give_up(self, why: str) -> NoReturn:
        """Say why in one line, exit 2."""
        self.stderr.write(why)
        sys.exit(USAGE)


def add_scene(parser: ArgumentParser) -> None:
    """Say what a scene takes."""
    known = ", ".join(scenes.SCENES)
    parser.add_argument("scene", metavar="SCENE", help=f"one of {known}")
    parser.add_argument("tenant", metavar="TENANT", help="such as contoso; `state` lists them")


def add_fault(parser: ArgumentParser) -> None:
    """Say what a fault takes."""
    known = ", ".join([*faults.MEANINGS, faults.DELAY, faults.NONE])
    parser.add_argument("tenant", metavar="TENANT")
    parser.add_argument("fault", metavar="FAULT", help=f"one of {known}; with --api, such as 429:2")
    parser.add_argument("--front-end", metavar="ADDRESS", help="one of its two, else both")
    parser.add_argument("--milliseconds", type=int, default=0, help="for delay")
    parser.add_argument("--api", action="store_true", help="the Admin API instead of SMTP")
    parser.add_argument("--cmdlet", metavar="NAME", help="with --api: this cmdlet only")
    parser.add_argument("--times", type=int, metavar="N", help="with --api: the next N calls only")


def add_txt(parser: ArgumentParser) -> None:
    """Say what a record takes."""
    parser.add_argument("name", metavar="NAME", help="such as _mailposture.contoso.com")
    parser.add_argument("value", metavar="VALUE")
    parser.add_argument("--remove", action="store_true")


def add_mailbox(parser: ArgumentParser) -> None:
    """Say what the mailbox can be told."""
    known = "; ".join(f"{mode}: {meaning}" for mode, meaning in mailbox.MEANINGS.items())
    parser.add_argument("mode", metavar="MODE", help=known)


def add_certificate(parser: ArgumentParser) -> None:
    """Say what an upload takes."""
    parser.add_argument("tenant", metavar="TENANT", help="such as contoso; `state` lists them")
    parser.add_argument("file", metavar="FILE", type=Path, help="its public part: .cer or PEM")


def ask_scene(facts: dict[str, Any], options: dict[str, Any]) -> str:
    """Play a scene."""
    asked = {"scene": options["scene"], "tenant": options["tenant"]}
    return str(client.ask(facts, "/scene", asked)["changed"])


def ask_fault(facts: dict[str, Any], options: dict[str, Any]) -> str:
    """Set a fault."""
    names = ("tenant", "fault", "front_end", "milliseconds", "cmdlet", "times")
    asked = {name: options[name] for name in names}
    asked["on"] = "api" if options["api"] else "smtp"
    return str(client.ask(facts, "/fault", asked)["changed"])


def ask_txt(facts: dict[str, Any], options: dict[str, Any]) -> str:
    """Add or remove a record."""
    asked = {name: options[name] for name in ("name", "value", "remove")}
    return str(client.ask(facts, "/txt", asked)["changed"])


def ask_mailbox(facts: dict[str, Any], options: dict[str, Any]) -> str:
    """Tell the mailbox how to treat mails."""
    return str(client.ask(facts, "/mailbox", {"mode": options["mode"]})["changed"])


def ask_certificate(facts: dict[str, Any], options: dict[str, Any]) -> str:
    """Upload the public part of a certificate, which a .cer file holds as DER or as PEM."""
    file: Path = options["file"]
    try:
        read = file.read_bytes()[:MOST_BYTES]
    except OSError as problem:
        raise client.ControlError(f"{file} cannot be read: {problem.strerror}.") from None
    # SEQUENCE is the first tag of every certificate in DER (X.690 section 8.9).
    pem = ssl.DER_cert_to_PEM_cert(read) if read[:1] == b"0" else read.decode("latin-1")
    asked = {"tenant": options["tenant"], "certificate": pem}
    return str(client.ask(facts, "/certificate", asked)["changed"])


def ask_state(facts: dict[str, Any], _options: dict[str, Any]) -> str:
    """Tell how everything stands."""
    return json.dumps(client.ask(facts, "/state"), indent=1)


ASKS = {
    "scene": ask_scene,
    "fault": ask_fault,
    "txt": ask_txt,
    "mailbox": ask_mailbox,
    "register-certificate": ask_certificate,
    "state": ask_state,
}
