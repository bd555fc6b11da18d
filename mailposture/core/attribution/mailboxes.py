"""Mail addresses as SMTP has them in MAIL FROM and RCPT TO (RFC 5321, 4.1.2; RFC 6531, 3.3).

Quoted local parts, address literals, source routes and international names are taken; comments are
of message headers (RFC 5322) and no part of an envelope. One thing more is taken than the grammar
has, because real senders have it: dots where they like in a local part.
"""

import re
from typing import Final

from mailposture.core.hosts import is_name, plain

LONGEST: Final = 320  # RFC 3696, errata 1690: 64 + @ + 255

_ROUTE: Final = re.compile(r"@[^\s:\"<>]+:")
_LOCAL: Final = re.compile(
    r"""[^\s()<>\[\]:;@\\,"]+"""  # atoms and dots; beyond ASCII as RFC 6531 has them
    r"""|"(?:[^"\\]|\\[\x20-\x7e])*\""""
)
_LITERAL: Final = re.compile(r"\[[0-9a-z.:-]+\]", re.IGNORECASE)


class MailboxError(ValueError):
    """What is wrong with an address, in words."""


def mailbox(path: str) -> str:
    """An address out of a path, without its angle brackets and source route; empty for `<>`.

    Raises MailboxError for what no envelope can hold.
    """
    address = path.strip()
    if address.startswith("<") and address.endswith(">"):
        address = address[1:-1].strip()
    address = _ROUTE.sub("", address, count=1) if address.startswith("@") else address
    if not address:
        return ""
    if len(address) > LONGEST or not address.isprintable():
        raise MailboxError(f"{_short(address)} is not a mail address")
    if "@" not in address:
        raise MailboxError(f"{_short(address)} has no domain: write name@domain")
    local, _at, domain = address.rpartition("@")
    if not domain.strip("."):
        raise MailboxError(f"{_short(address)} has no domain: write name@domain")
    if not _LOCAL.fullmatch(local):
        more = ": comments are of headers, an envelope has none" if "(" in address else ""
        raise MailboxError(f"{_short(address)} is not a mail address{more}")
    if not (is_name(domain) or _LITERAL.fullmatch(domain)):
        raise MailboxError(
            f"{_short(address)} is not a mail address: {_short(domain)} is no domain"
        )
    return address


def domain_of(address: str) -> str:
    """The domain of a mail address, in one spelling; empty where there is none."""
    return plain(address.rpartition("@")[2]) if "@" in address else ""


def _short(text: str) -> str:
    return repr(text[:60])
