"""Say what Exchange Online answers to one session, by a configuration alone, and why."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from mailposture.core.attribution import (
    Decision,
    Rules,
    Session,
    SessionError,
    decided,
    read,
    session,
)
from mailposture.management import bundles

WITHOUT_TLS: Final = "A client certificate is shown over TLS only: {name} was left out."
MAPPED: Final = "{given} is {address} in the spelling of hosts with both families."
# Far more than a session takes; a longer line is no session.
LONGEST_LINE: Final = 100_000


class Command(BaseCommand):
    """Predicts sessions. Needs no database, broker or key, and writes nothing."""

    help = "Say what Exchange Online answers to a session, by a configuration alone, and why."
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the bundle, and one session or a file of them."""
        add = parser.add_argument
        add("bundle", metavar="BUNDLE.json", help="outputs of cmdlets in one JSON object; - piped")
        add("--source", metavar="IP", help="address of the host that connects")
        add("--mail-from", metavar="ADDR", help="envelope sender; empty: the null sender")
        add("--rcpt", metavar="ADDR", help="recipient")
        add("--tls", action="store_true", help="the session is encrypted")
        add("--cert-name", metavar="NAME", help="name in the client certificate, which is trusted")
        add("--json", action="store_true", help="print one JSON document")
        add("--sessions", metavar="FILE.jsonl", help="a session a line, an answer a line; - piped")

    def handle(self, *_: Any, **options: Any) -> None:
        """Read the bundle once, then answer."""
        bundles.once_from_stdin(options["bundle"], options["sessions"])
        if not options["sessions"]:
            _complete(options)
        rules = read(bundles.configuration_of(options["bundle"], self.stderr.write))
        with bundles.reader_may_leave():
            if options["sessions"]:
                self._many(rules, options["sessions"])
            else:
                self._one(rules, options)

    def _one(self, rules: Rules, options: Mapping[str, Any]) -> None:
        try:
            found = answer(rules, options)
        except SessionError as problem:
            raise CommandError(bundles.safe(str(problem)), returncode=2) from None
        said = json.dumps(found, indent=2) if options["json"] else as_text(found)
        self.stdout.write(said)

    def _many(self, rules: Rules, name: str) -> None:
        bad = 0
        for found in answers(rules, bundles.lines_of(name)):
            bad += "error" in found
            self.stdout.write(json.dumps(found))
            if name == bundles.STDIN:  # whoever pipes sessions in may wait for each answer
                self.stdout.flush()
        if bad:
            lines = "1 line is" if bad == 1 else f"{bad} lines are"
            raise CommandError(f"{lines} no session; the others are answered.")


def _complete(options: Mapping[str, Any]) -> None:
    names = ("source", "mail_from", "rcpt")
    lacking = [f"--{name.replace('_', '-')}" for name in names if options[name] is None]
    if lacking:
        raise CommandError(f"Give {', '.join(lacking)}, or --sessions.", returncode=2)


def answers(rules: Rules, lines: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """An answer for every line but the blank ones, in their order."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield answer(rules, _given(line))
        except SessionError as problem:
            yield {"error": str(problem), "line": number}


def _given(line: bytes) -> Mapping[str, Any]:
    if len(line) > LONGEST_LINE:
        raise SessionError("the line is too long for a session")
    try:
        found = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        raise SessionError("the line is no JSON") from None
    if not isinstance(found, dict):
        raise SessionError("a session is a JSON object")
    return found


def answer(rules: Rules, given: Mapping[str, Any]) -> dict[str, Any]:
    """The decision on a session, as it is printed; SessionError where it is none."""
    cert_name, tls = _text(given, "cert_name"), given.get("tls") or False
    if not isinstance(tls, bool):
        raise SessionError("tls is true or false")
    shown = cert_name if tls else ""
    asked = session(
        source=_text(given, "source", needed=True),
        mail_from=_text(given, "mail_from"),
        recipient=_text(given, "rcpt", needed=True),
        tls=tls,
        cert_name=shown or None,
    )
    before: tuple[str, ...] = ()
    if shown != cert_name:
        before = (WITHOUT_TLS.format(name=cert_name),)
    if asked.source != given["source"].strip() and not asked.is_ipv6:
        before += (MAPPED.format(given=given["source"].strip(), address=asked.source),)
    return _written(rules, asked, before)


def _text(given: Mapping[str, Any], name: str, *, needed: bool = False) -> str:
    found = given.get(name)
    if found is None and not needed:
        return ""
    if not isinstance(found, str):
        raise SessionError(f"{name} is missing" if found is None else f"{name} is no text")
    return found


def _written(rules: Rules, asked: Session, before: tuple[str, ...]) -> dict[str, Any]:
    found: Decision = decided(rules, asked)
    return {
        "accepted": found.accepted,
        "code": found.code,
        "connector": found.connector,
        "assumptions": list(found.assumptions),
        **bundles.together(found.together),
        "trace": [*before, *found.trace],
    }


def as_text(found: Mapping[str, Any]) -> str:
    """The answer for people."""
    end = "Accepted" if found["accepted"] else f"Refused: {found['code']}"
    lines = [end + (f", decided by {found['connector']}" if found["connector"] else ""), ""]
    lines += ["Why", *(f"  {sentence}" for sentence in found["trace"])]
    if found["assumptions"]:
        lines += ["", "Rests on", *(f"  {one}" for one in bundles.assumed(found["assumptions"]))]
    return "\n".join(bundles.safe(line) for line in lines)
