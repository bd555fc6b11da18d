"""Kinds of command-line arguments, each with an error that says what is allowed."""

import ipaddress
import re
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Final

from OpenSSL import SSL

from mailposture.core.hosts import a_label

LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# RFC 5321 section 4.1.2, dot-string only: a probe names postmaster or a configured mailbox.
LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")


def mail_domain(text: str) -> str:
    """A mail domain in lower case and ASCII; internationalised ones in their A-label form."""
    name = a_label(text) or ""
    labels = name.split(".")
    if len(name) > 253 or len(labels) < 2 or not all(LABEL.fullmatch(x) for x in labels):
        raise ArgumentTypeError(f"{text!r} is not a mail domain such as contoso.com")
    return name


def mailbox(text: str) -> str:
    """An address such as postmaster@contoso.com; nothing in it can break a command line."""
    local, at, domain = text.strip().rpartition("@")
    if not at or not LOCAL.fullmatch(local):
        raise ArgumentTypeError(f"{text!r} is not an address such as postmaster@contoso.com")
    return f"{local}@{mail_domain(domain)}"


def address(text: str) -> str:
    """An IP address."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not an IP address") from None


def host(text: str) -> str:
    """A host name or an address."""
    try:
        return address(text)
    except ArgumentTypeError:
        return mail_domain(text)


def port(text: str) -> int:
    """A port from 1 to 65535."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise ArgumentTypeError(f"{text!r} is not a port from 1 to 65535")
    return int(text)


def nameserver(text: str) -> str:
    """IP:PORT, or IP alone for port 53; an IPv6 address stands in brackets."""
    if found := re.fullmatch(r"\[([^\]]+)\]:(\d+)|([^:]+):(\d+)", text.strip()):
        ip, number = found[1] or found[3], found[2] or found[4]
        bare = address(ip)
        return f"[{bare}]:{port(number)}" if ":" in bare else f"{bare}:{port(number)}"
    bare = address(text)
    return f"[{bare}]:53" if ":" in bare else f"{bare}:53"


def readable_file(text: str) -> Path:
    """A file that can be read."""
    path = Path(text)
    if not path.is_file():
        raise ArgumentTypeError(f"{text} is not a file")
    return path


def client_certificate(text: str) -> Path:
    """A PEM file with a private key and its certificate chain, checked before any packet."""
    path = readable_file(text)
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    try:
        context.use_certificate_chain_file(str(path))
        context.use_privatekey_file(str(path))
        context.check_privatekey()
    except SSL.Error as error:
        raise ArgumentTypeError(
            f"{text} does not hold a private key and its certificate in PEM"
        ) from error
    return path
