"""Find the ID of a tenant by one of its domains, and say what to do where that fails."""

import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from mailposture.adapters.exchange import discovery
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.services import clouds


class NotFoundError(Exception):
    """No ID for this domain; the text says why, and what to do."""


OR_THE_ID: Final = "Or give the tenant ID itself: Entra admin centre, Overview."
LATER: Final = "Try again in some minutes."
FIXES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "tenant-not-found": "Check its spelling, and that this is the right cloud.",
        "other-cloud": "Choose the cloud that the tenant lives in.",
        "personal": "Give a domain of the organisation.",
        "authority-unreachable": "Check that this machine reaches it by HTTPS.",
    }
)


def asked_of(cloud: str) -> str:
    """The host that is asked, and no other."""
    return urlsplit(clouds.of(cloud).authority).netloc


def tenant_id(cloud: str, domain: str) -> uuid.UUID:
    """Ask the cloud's sign-in service; NotFoundError where it knows no tenant of this domain."""
    try:
        return discovery.tenant_id(clouds.of(cloud), domain)
    except clouds.NotSetUpError as missing:
        raise NotFoundError(str(missing)) from None
    except ExchangeError as error:
        raise NotFoundError(_words(error, domain, asked_of(cloud))) from None


def _words(error: ExchangeError, domain: str, host: str) -> str:
    if error.cause == "tenant-not-found":
        said = f"{host} knows no tenant with the domain {domain}."
    elif error.cause == "authority-busy":
        said = f"{host} is not well: it answered {error.status}."
    else:
        said = f"{host} did not tell whose domain {domain} is. {error.says or error.cause}"
    fix = FIXES.get(error.cause, "" if error.permanent else LATER)
    return " ".join(filter(None, (said, fix, OR_THE_ID)))
