"""The names below which Microsoft keeps the SMTP doors of tenants, and the hosts behind them."""

import re
from typing import Final

import idna

# Consumer mail (olc.protection.outlook.com) and submission (office365.com) are other
# services and stay out, however alike their names look.
MAIL_NAMES: Final = (
    "mail.protection.outlook.com",  # worldwide
    "mx.microsoft",  # worldwide, signed zones
    "mail.eo.outlook.com",  # worldwide, old
    "mail.protection.outlook.de",  # Germany, old
    "protection.office365.us",  # GCC High and DoD
    "partner.outlook.cn",  # 21Vianet
)

# As lenient as resolvers are: underscores are met, and a single label is a name.
_NAME: Final = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
LONGEST_NAME: Final = 253  # RFC 1035, 2.3.4, as text


def a_label(name: str) -> str | None:
    """A host or domain name in lower case and ASCII, by IDNA 2008; None for what is none.

    The older rules of Python's own codec lead some names to other domains (straße to strasse).
    """
    plain = name.strip().rstrip(".")
    if plain.isascii():
        return plain.lower() or None
    try:
        return idna.encode(plain, uts46=True).decode("ascii")
    except UnicodeError:
        return None


def plain(name: str) -> str:
    """A host or domain name in one spelling: as DNS and SMTP have it, in lower case. A wildcard
    keeps its sign, and what is no name at all its letters.
    """
    lowered = name.strip().rstrip(".").lower()
    if lowered.isascii():
        return lowered
    sign = "*." * lowered.startswith("*.")
    return sign + (a_label(lowered.removeprefix(sign)) or lowered.removeprefix(sign))


def is_name(name: str) -> bool:
    """Whether this can be the name of a host or domain: labels of letters, digits and hyphens."""
    found = plain(name)
    return len(found) <= LONGEST_NAME and bool(_NAME.fullmatch(found))


def is_pattern(name: str) -> bool:
    """Whether this can mean domains: *, *. and a name, or a name."""
    return name == "*" or is_name(name.removeprefix("*."))
