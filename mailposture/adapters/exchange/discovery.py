"""Which tenant a domain belongs to, as the sign-in service tells everybody who asks.

OpenID Connect Discovery 1.0 section 4: the document below `/{domain}/v2.0` names its issuer, and
Entra's issuer carries the tenant's ID. Only the cloud's own authority is asked, without any
credential, and nothing it says but that ID is taken.
"""

import json
import uuid
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from mailposture.adapters.exchange.clouds import Cloud
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.adapters.exchange.tokens import network_words, refused
from mailposture.adapters.exchange.wire import body, session, within

TIMEOUT: Final = (5, 10)  # seconds to connect and between two bytes: somebody waits
WHOLE_ANSWER: Final = 15
BIGGEST_BODY: Final = 256 * 1024
# Where Microsoft keeps personal accounts (outlook.com and the like): no tenant of an organisation.
PERSONAL: Final = uuid.UUID("9188040d-6c67-4c5b-b112-36a304b66dad")


def tenant_id(cloud: Cloud, domain: str) -> uuid.UUID:
    """The ID of the tenant that this domain, in ASCII, belongs to; ExchangeError where none is."""
    address = f"{cloud.authority}/{domain}/v2.0/.well-known/openid-configuration"
    try:
        status, read = _asked(cloud, address)
    except requests.RequestException as problem:
        says = network_words(problem)
        raise ExchangeError("authority-unreachable", says, permanent=False) from None
    document = _document(read)
    if status == 200:
        return _issued(cloud, document)
    if status >= 500 or status == 429:
        raise ExchangeError("authority-busy", permanent=False, status=status)
    if 300 <= status < 400:
        says = "It sends elsewhere; that is not followed."
        raise ExchangeError("redirect-refused", says, permanent=True, status=status)
    raise refused(document)


def _asked(cloud: Cloud, address: str) -> tuple[int, bytes]:
    with (
        session(cloud) as http,
        within(WHOLE_ANSWER),
        http.get(
            address,
            auth=lambda request: request,  # nothing of a .netrc either
            headers={"Accept": "application/json", "User-Agent": "Mailposture"},
            timeout=TIMEOUT,
            allow_redirects=False,
            stream=True,
        ) as response,
    ):
        return response.status_code, body(response, BIGGEST_BODY)


def _document(read: bytes) -> dict[str, Any]:
    try:
        document = json.loads(read)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _issued(cloud: Cloud, document: dict[str, Any]) -> uuid.UUID:
    """The ID in `https://{authority}/{tenant ID}/v2.0`, and nothing that is not exactly that."""
    issuer = str(document.get("issuer", ""))
    home, slash, rest = issuer.removesuffix("/v2.0").rpartition("/")
    try:
        found = uuid.UUID(rest) if slash else None
    except ValueError:
        found = None
    if found is None or str(found) != rest.lower():
        raise ExchangeError("no-tenant-id", "Its answer names no tenant ID.", permanent=True)
    if home != cloud.authority:
        where = _host(home)
        raise ExchangeError("other-cloud", f"Its tenant signs in at {where}.", permanent=True)
    if found == PERSONAL:
        raise ExchangeError("personal", "Its mail is of personal accounts.", permanent=True)
    return found


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or "another place"
    except ValueError:
        return "another place"
