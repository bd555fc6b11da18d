"""Read a tenant's whole configuration, or say which half of its grant is missing.

`fetch` and `check` are one small interface, so that a supported API can take their place.
"""

from collections.abc import Iterable

from mailposture.adapters.exchange import expected
from mailposture.adapters.exchange.checking import Grants, check
from mailposture.adapters.exchange.client import Client, Waits
from mailposture.adapters.exchange.clouds import Cloud
from mailposture.adapters.exchange.cmdlets import CMDLETS, Cmdlet, Read, not_read, read
from mailposture.adapters.exchange.credential import Credential
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.adapters.exchange.tokens import Tokens
from mailposture.core.configuration import Configuration, with_part

__all__ = ["Grants", "check", "expected_mx", "fetch"]

# Kept by the process, so that a token serves until it expires.
_TOKENS = Tokens()

# Where nothing answers at all, the other cmdlets need not wait for the same silence.
NOBODY_THERE = frozenset({"unreachable", "timeout", "redirect-refused", "out-of-time"})


def fetch(
    cloud: Cloud,
    credential: Credential,
    *,
    waits: Waits | None = None,
    tokens: Tokens | None = None,
) -> Configuration:
    """Read every part, one after the other; what was forbidden or failed is said by its part.

    An ExchangeError leaves only where no token was given or where nothing was answered.
    """
    tokens = tokens or _TOKENS
    tokens.token(cloud, credential)  # a refused sign-in is the error of the whole fetch
    client = Client(cloud, credential, tokens, waits or Waits())
    try:
        found = [_part(client, cmdlet) for cmdlet in CMDLETS]
    finally:
        client.close()
    return _whole(found)


def expected_mx(
    cloud: Cloud,
    credential: Credential,
    domains: Iterable[str],
    *,
    waits: Waits | None = None,
    tokens: Tokens | None = None,
) -> dict[str, str]:
    """Domain -> the host that Exchange Online expects as its MX; empty where it does not say."""
    patience = waits or Waits(budget=expected.SECONDS)
    return expected.exchangers(cloud, credential, domains, tokens or _TOKENS, patience)


def _part(client: Client, cmdlet: Cmdlet) -> Read:
    try:
        pages = [client.invoke(cmdlet.name, call, cmdlet.select) for call in cmdlet.calls]
        return read(cmdlet, pages)
    except ExchangeError as error:
        if error.cause in NOBODY_THERE and cmdlet is CMDLETS[0]:
            raise
        return not_read(cmdlet, error)


def _whole(found: list[Read]) -> Configuration:
    errors = [one.error for one in found if one.error]
    # A role that is missing everywhere is a finding about the grant, shown part by part. Where
    # nothing was read for any other cause, the fetch itself failed, and is tried again.
    others = [error for error in errors if error.cause != "role-missing"]
    if others and len(errors) == len(found):
        raise others[0]
    configuration = Configuration()
    for one in found:
        configuration = with_part(configuration, one.part, one.value)
    return configuration
