"""The lab's mailbox as files: list what was mailed, and read one mail without trusting it."""

import email
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.paginator import Page, Paginator

from mailposture.core.told import plain

A_PAGE: Final = 50
LARGEST: Final = 2_000_000
HEAD: Final = 65_536
LONGEST_HEADER: Final = 300
NAME: Final = re.compile(r"(\d{8}T\d{12})-\d{4,}\.eml")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mail:
    """One mail of the list."""

    name: str
    at: datetime
    to: str
    subject: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One mail: its headers made printable, its text, and its HTML as it came."""

    mail: Mail
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str


def folder() -> Path:
    """Where the lab keeps them."""
    return settings.DATA_DIR / "lab" / "mailbox"


def mails(number: str | int | None = 1) -> Page[Mail]:
    """A page of them, the newest first; what is no mail of the lab's is left alone."""
    found = sorted((f for f in folder().glob("*.eml") if NAME.fullmatch(f.name)), reverse=True)
    paginator: Paginator[Any] = Paginator(found, A_PAGE)
    files = paginator.get_page(number)
    listed = [mail for file in files if (mail := _listed(file))]
    return Page(listed, files.number, paginator)


def _listed(file: Path) -> Mail | None:
    try:
        with file.open("rb") as opened:
            head = opened.read(HEAD)
    except OSError:  # the oldest go while one looks
        return None
    return _mail(file.name, _parsed(head))


def read(name: str) -> Message | None:
    """One mail by the name of its file, if it is one."""
    if not NAME.fullmatch(name):
        return None
    try:
        with (folder() / name).open("rb") as opened:
            parsed = _parsed(opened.read(LARGEST))
    except OSError:
        return None
    return Message(
        mail=_mail(name, parsed),
        headers=tuple(_headers(parsed)),
        text=_body(parsed, "plain"),
        html=_body(parsed, "html"),
    )


def _parsed(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=default)


def _mail(name: str, parsed: EmailMessage) -> Mail:
    stamp = name.partition("-")[0]
    at = datetime.strptime(stamp, "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    return Mail(name=name, at=at, to=_header(parsed, "To"), subject=_header(parsed, "Subject"))


def _header(parsed: EmailMessage, name: str) -> str:
    try:
        return plain(parsed.get(name, ""), LONGEST_HEADER)
    except (ValueError, IndexError, TypeError, AttributeError):  # the parser's own bounds
        return "cannot be read"


def _headers(parsed: EmailMessage) -> Iterator[tuple[str, str]]:
    for name in dict.fromkeys(parsed.keys()):
        yield plain(name, 80), _header(parsed, name)


def _body(parsed: EmailMessage, kind: str) -> str:
    """The part of this kind, or nothing; a part that cannot be decoded is none."""
    try:
        part = parsed.get_body((kind,))
        content = part.get_content() if part is not None else ""
    except (LookupError, ValueError, AttributeError, TypeError):
        return ""
    return content.replace("\0", "") if isinstance(content, str) else ""
