"""The clouds as a table: where to sign in, what to ask a token for, where to read.

The hosts of DoD and 21Vianet differ between Microsoft's own pages, so that a row can be changed
with `dataclasses.replace`. The lab is one more row, built from the facts it writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True, slots=True)
class Cloud:
    """One cloud. `redirect_suffix` ends every host of it that may be given a token."""

    name: str
    label: str
    authority: str
    resource: str
    api: str
    redirect_suffix: str
    mail_suffixes: tuple[str, ...]
    pace: float = 1.0  # seconds between two calls: a guess that others' readers ship as well
    smtp_port: int = 25
    ca: str | None = None  # a CA of its own; where it is set, proxies of the machine are ignored
    resolver: str | None = None
    is_lab: bool = False

    @property
    def scope(self) -> str:
        """The scope of an app-only token."""
        return f"{self.resource}/.default"

    def owns(self, url: str) -> bool:
        """Whether a URL is on a host of this cloud, by HTTPS on its port; the lab has several."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return False
        host = (parts.hostname or "").lower()
        ends = host == self.redirect_suffix or host.endswith(f".{self.redirect_suffix}")
        return parts.scheme == "https" and ends and (self.is_lab or (port or 443) == 443)


WORLDWIDE: Final = Cloud(
    name="worldwide",
    label="Worldwide and GCC",
    authority="https://login.microsoftonline.com",
    resource="https://outlook.office365.com",
    api="https://outlook.office365.com",
    redirect_suffix="outlook.office365.com",
    mail_suffixes=("mail.protection.outlook.com", "mx.microsoft"),
)
GCC_HIGH: Final = Cloud(
    name="gcc-high",
    label="GCC High",
    authority="https://login.microsoftonline.us",
    resource="https://outlook.office365.us",
    api="https://outlook.office365.us",
    redirect_suffix="outlook.office365.us",
    mail_suffixes=("mail.protection.office365.us", "protection.office365.us"),
)
DOD: Final = Cloud(
    name="dod",
    label="DoD",
    authority="https://login.microsoftonline.us",
    resource="https://outlook-dod.office365.us",
    api="https://outlook-dod.office365.us",
    redirect_suffix="outlook-dod.office365.us",
    mail_suffixes=("mail.protection.office365.us", "protection.office365.us"),
)
CHINA: Final = Cloud(
    name="21vianet",
    label="China (21Vianet)",
    authority="https://login.partner.microsoftonline.cn",
    resource="https://partner.outlook.cn",
    api="https://partner.outlook.cn",
    redirect_suffix="partner.outlook.cn",
    mail_suffixes=("mail.protection.partner.outlook.cn", "partner.outlook.cn"),
)

CLOUDS: Final[Mapping[str, Cloud]] = MappingProxyType(
    {cloud.name: cloud for cloud in (WORLDWIDE, GCC_HIGH, DOD, CHINA)}
)


def lab_cloud(facts: Mapping[str, Any]) -> Cloud:
    """The lab's row, from what it says of itself (lab.json)."""
    return Cloud(
        name="lab",
        label="Lab",
        authority=facts["authority"].rstrip("/"),
        resource=facts["api"].rstrip("/"),
        api=facts["api"].rstrip("/"),
        redirect_suffix=urlsplit(facts["api"]).hostname or "",
        mail_suffixes=("mail.protection.outlook.com", "mx.microsoft"),
        pace=0.0,
        smtp_port=int(facts["smtp_port"]),
        ca=facts["ca"],
        resolver=facts.get("resolver"),
        is_lab=True,
    )
