"""The names below which Microsoft keeps the SMTP doors of tenants, and the hosts behind them."""

from typing import Final

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
