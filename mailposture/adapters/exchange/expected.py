"""The MX that Exchange Online expects of a domain (Get-DnssecStatusForVerifiedDomain): a name
of the tenant's entrance that no rule of spelling gives away.

No decision rests on it: where it is forbidden, unknown or
says nothing, the names that DNS shows are all there are.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from mailposture.adapters.exchange.client import Client, Waits
from mailposture.adapters.exchange.clouds import Cloud
from mailposture.adapters.exchange.credential import Credential
from mailposture.adapters.exchange.envelope import Page
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.adapters.exchange.tokens import Tokens
from mailposture.adapters.targets import host_name, is_below

CMDLET: Final = "Get-DnssecStatusForVerifiedDomain"
# A call each, one after the other: more would make a reading of a large tenant wait.
MOST_DOMAINS: Final = 20
SECONDS: Final = 30.0
# In zone-file spelling, "@ 60 IN MX 10 contoso-com.e-v1.mx.microsoft".
_RECORD: Final = re.compile(r"\bMX\s+\d{1,5}\s+(?P<host>[\w.-]{1,254})", re.ASCII | re.IGNORECASE)


def exchangers(
    cloud: Cloud,
    credential: Credential,
    domains: Iterable[str],
    tokens: Tokens,
    waits: Waits,
) -> dict[str, str]:
    """Domain -> the host that Exchange Online expects as its MX, for those of which it says one."""
    client = Client(cloud, credential, tokens, waits)
    try:
        return dict(_answers(client, list(domains)[:MOST_DOMAINS], cloud.mail_suffixes))
    finally:
        client.close()


def _answers(
    client: Client, domains: Iterable[str], suffixes: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    for domain in domains:
        try:
            page = client.invoke(CMDLET, {"DomainName": domain})
        except ExchangeError as error:
            if error.cause == "object-not-found":
                continue  # this one is not verified; the next may be
            return
        if host := expected(page, suffixes):
            yield domain, host


def expected(page: Page, suffixes: tuple[str, ...]) -> str | None:
    """The host that an answer names, if it is one of the cloud's mail names."""
    for row in page.rows:
        match = _RECORD.search(_record(row.get("ExpectedMxRecord")))
        host = host_name(match["host"]) if match else None
        if host and is_below(host, suffixes):
            return host
    return None


def _record(value: object) -> str:
    """The record's text: in an object of its own, as documented, or by itself."""
    held: Any = value.get("Record") if isinstance(value, Mapping) else value
    return held if isinstance(held, str) else ""
