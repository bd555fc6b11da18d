"""Certificates that a service shows for all of its customers alike: their names, as of a day.

A restriction to such a name lets in whatever any customer of the service sends (attribution.md
3.2). Only names that were seen in use, or that the service documents, stand here; what is not
here may be shared all the same.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from mailposture.core.attribution import within
from mailposture.core.attribution.reading import WILDCARD, bare
from mailposture.core.hosts import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedName:
    """The names of one service's certificate, who sends by it, and how that is known.

    `published` is the name of the list of addresses that its hosts send from, where one is
    published. `microsoft`: any other Microsoft 365 tenant sends so.
    """

    owner: str
    names: tuple[str, ...]
    who: str
    seen: date
    how: str
    published: str = ""
    microsoft: bool = False

    def is_meant_by(self, pattern: str) -> bool:
        """Whether a connector that asks for this name takes the service's certificate.

        A literal name below one of its wildcards counts: no one else can bear it.
        """
        wanted = plain(pattern)
        return any(_meets(name, wanted) for name in self.names)

    @property
    def told(self) -> str:
        """How it is known, as evidence."""
        return f"{self.owner} shows it for {self.who} ({self.how}, {self.seen.isoformat()})."


def _meets(name: str, wanted: str) -> bool:
    if within(bare(name), wanted):
        return True
    return name.startswith(WILDCARD) and within(bare(wanted), name)


SHARED_NAMES: Final = (
    # Names by https://learn.microsoft.com/en-us/archive/blogs/eopfieldnotes/tls-connectors-and-you
    # (2014); the common name shown by *.outbound.protection.outlook.com as a client, in Received
    # headers of public mailing lists from 2020 to this day.
    SharedName(
        owner="Microsoft 365",
        names=(
            "mail.protection.outlook.com",
            "*.mail.protection.outlook.com",
            "*.mail.eo.outlook.com",
            "mail.messaging.microsoft.com",
            "outlook.com",
        ),
        who="every tenant that sends out of Exchange Online",
        seen=date(2026, 7, 10),
        how="names by Microsoft's article; seen in use in public mail archives",
        published="Microsoft 365",
        microsoft=True,
    ),
    SharedName(
        owner="Proofpoint",
        names=("*.pphosted.com",),
        who="every customer whose mail its hosts at pphosted.com relay",
        seen=date(2025, 1, 9),
        how="seen in use in public mail archives",
    ),
    SharedName(
        owner="Google",
        names=("smtp.gmail.com",),
        who="every user of Gmail and Google Workspace",
        seen=date(2024, 7, 4),
        how="seen in use in public mail archives",
        published="Google Workspace",
    ),
)


def shared_name(pattern: str) -> SharedName | None:
    """The service whose certificate this name asks for, if it is one known to be shared."""
    if not pattern:
        return None
    return next((one for one in SHARED_NAMES if one.is_meant_by(pattern)), None)
