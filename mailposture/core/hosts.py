"""The names below which Microsoft keeps the SMTP doors of tenants, and the hosts behind them."""

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
