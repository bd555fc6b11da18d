"""Say what a mail server's reply, or a whole bounce message, means: `explain '550 5.7.51 ...'`."""

import json
import sys
import textwrap
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from mailposture.core import replies
from mailposture.core.signs import Sign

STAGES: Final = (*replies.STAGES, "unknown")
# A bounce with a large message in it is still read; what lies beyond says nothing of the reply.
MOST_BYTES: Final = 32 * 1024 * 1024


class Command(BaseCommand):
    """Names what answered. Needs no database, broker or key, and writes nothing."""

    help = "Say what a mail server's reply, or a whole bounce message, means."
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the reply as an argument, or from standard input."""
        add = parser.add_argument
        add(
            "reply",
            nargs="?",
            metavar="REPLY",
            help="a reply, conversation or bounce; - or nothing reads standard input",
        )
        add(
            "--stage",
            type=str.lower,
            choices=STAGES,
            help="the step of the conversation at which it was said (eod: end of data)",
        )
        add("--json", action="store_true", help="print one JSON document")

    def handle(self, *_: Any, **options: Any) -> None:
        """Read, name, print."""
        text = given(options["reply"])
        if not text.strip():
            raise CommandError("There is no reply to explain.", returncode=2)
        stage = None if options["stage"] == "unknown" else options["stage"]
        sign = replies.classify(text, stage)
        self.stdout.write(as_json(sign) if options["json"] else as_text(sign))


def given(reply: str | None) -> str:
    """The text from the argument, else whatever is piped in."""
    if reply not in (None, "-"):
        return str(reply)
    if reply is None and sys.stdin.isatty():
        raise CommandError("Give a reply, or pipe one in: explain < bounce.eml", returncode=2)
    buffer = getattr(sys.stdin, "buffer", None)
    return sys.stdin.read(MOST_BYTES) if buffer is None else decoded(buffer.read(MOST_BYTES))


def decoded(data: bytes) -> str:
    """Bytes as text: UTF-16 where marked so, as PowerShell pipes it; else UTF-8, come what may."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")


def as_json(sign: Sign) -> str:
    """The answer as one JSON object."""
    said = {"verdict": sign.name, "control": sign.control, "meaning": sign.meaning}
    return json.dumps(said | {"next": sign.next}, indent=2)


def as_text(sign: Sign) -> str:
    """The answer for people. Nothing of the pasted text is in it, so nothing can be smuggled."""
    control = sign.control or "none that we know"
    rows = (
        ("Verdict", str(sign.name)),
        ("Control", control),
        ("Meaning", sign.meaning),
        ("Next", sign.next),
    )
    return "\n".join(
        textwrap.fill(said, 88, initial_indent=f"{label:<9}", subsequent_indent=" " * 9)
        for label, said in rows
    )
