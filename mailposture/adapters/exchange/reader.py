"""Read a tenant's whole configuration, or say which half of its grant is missing.

`fetch` and `check` are one small interface, so that a supported API can take their place.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailposture.adapters.exchange import expected
from mailposture.adapters.exchange.checking import Grants, check
from mailposture.adapters.exchange.client import Client, Waits
from mailposture.adapters.exchange.clouds import Cloud
from mailposture.adapters.exchange.cmdlets import CMDLETS, Cmdlet, Read, not_read, read
from mailposture.adapters.exchange.credential import Credential
from mailposture.adapters.exchange.envelope import Page, page
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.adapters.exchange.tokens import Tokens
from mailposture.core.configuration import Configuration, with_part

__all__ = ["Fetched", "Grants", "check", "expected_mx", "fetch", "taken"]

# Kept by the process, so that a token serves until it expires.
_TOKENS = Tokens()

# Where nothing answers at all, the other cmdlets need not wait for the same silence.
NOBODY_THERE = frozenset({"unreachable", "timeout", "redirect-refused", "out-of-time"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """What a tenant answered; no configuration where every answer is the one already known.

    `marks` know these answers again, one for each call; none where an answer was an error or
    came in several pages, for which the next reading says nothing about this one.
    """

    configuration: Configuration | None
    marks: tuple[str, ...] = ()


def fetch(
    cloud: Cloud,
    credential: Credential,
    *,
    waits: Waits | None = None,
    tokens: Tokens | None = None,
    known: Sequence[str] = (),
) -> Fetched:
    """Ask for every part, one after the other; what was forbidden or failed is said by its part.

    `known`: the marks of the answers that are at hand already. An ExchangeError leaves only where
    no token was given or where nothing was answered.
    """
    tokens = tokens or _TOKENS
    tokens.token(cloud, credential)  # a refused sign-in is the error of the whole fetch
    client = Client(cloud, credential, tokens, waits or Waits(), known)
    try:
        return taken([_asked(client, cmdlet) for cmdlet in CMDLETS], known)
    finally:
        client.close()


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


type Pages = list[Page] | ExchangeError


def _asked(client: Client, cmdlet: Cmdlet) -> Pages:
    try:
        return [client.invoke(cmdlet.name, call, cmdlet.select) for call in cmdlet.calls]
    except ExchangeError as error:
        if error.cause in NOBODY_THERE and cmdlet is CMDLETS[0]:
            raise
        return error


def taken(answers: Sequence[Pages], known: Sequence[str] = ()) -> Fetched:
    """What these answers to CMDLETS say, read only where they are not all known."""
    marks = _marks(answers)
    if marks and marks == tuple(known):
        return Fetched(configuration=None, marks=marks)
    found = [_part(cmdlet, pages) for cmdlet, pages in zip(CMDLETS, answers, strict=True)]
    return Fetched(configuration=_whole(found), marks=marks)


def _marks(answers: Sequence[Pages]) -> tuple[str, ...]:
    marks = []
    for pages in answers:
        if isinstance(pages, ExchangeError):
            return ()
        marks += [page.mark for page in pages]
    return tuple(marks) if all(marks) else ()


def _part(cmdlet: Cmdlet, pages: Pages) -> Read:
    if isinstance(pages, ExchangeError):
        return not_read(cmdlet, pages)
    try:
        return read(cmdlet, [page(p.unread) if p.unread else p for p in pages])
    except ExchangeError as error:
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
