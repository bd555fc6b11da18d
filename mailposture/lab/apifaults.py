"""What each kind of Admin API fault does to a call. The world keeps who meets which, how often.

A kind may carry a value after a colon: `429:2` (Retry-After 2), `503:1`, `slow:1.5` (seconds),
`concurrency:503` (the status it hides under), `redirect:https://...` (somewhere else than the
regional host).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from mailposture.lab import envelopes
from mailposture.lab.messages import Answer, as_json


@dataclass(frozen=True, kw_only=True)
class Struck:
    """The call that a fault strikes; `value` is what followed the colon, else empty."""

    value: str
    cmdlet: str
    app_id: str
    now: float
    elsewhere: str


def _too_many(struck: Struck) -> Answer:
    return envelopes.too_many(int(struck.value or 30), struck.now)


def _unavailable(struck: Struck) -> Answer:
    return envelopes.unavailable(int(struck.value or 10))


def _concurrency(struck: Struck) -> Answer:
    return envelopes.concurrency(int(struck.value or 400))


def _redirect(struck: Struck) -> Answer:
    return Answer(status=302, headers={"Location": struck.value or struck.elsewhere})


def _html(_struck: Struck) -> Answer:
    page = b"<html><body>Our services aren't available right now</body></html>"
    return Answer(status=200, headers={"Content-Type": "text/html"}, body=page)


# These answer instead of the rows.
INSTEAD: dict[str, Callable[[Struck], Answer]] = {
    "401": lambda _: envelopes.unauthorized(),
    "403": lambda _: envelopes.forbidden_nul(),
    "403-text": lambda struck: envelopes.forbidden_text(struck.app_id),
    "403-json": lambda struck: envelopes.not_in_role(struck.cmdlet),
    "429": _too_many,
    "500": lambda struck: envelopes.proxy_trouble(struck.cmdlet),
    "503": _unavailable,
    "concurrency": _concurrency,
    "hang": lambda _: Answer(status=503, never=True),
    "html": _html,
    "no-value": lambda _: as_json({}),
    "redirect": _redirect,
}
# With these the rows come, but cut short or late.
SPOILT = ("slow", "truncated")
KINDS = (*INSTEAD, *SPOILT)
SLOW = 2.0

WHOLE, DECIMAL, ANYTHING = re.compile(r"\d+"), re.compile(r"\d+(\.\d+)?"), re.compile(r".+")
VALUES = {
    "429": WHOLE,
    "503": WHOLE,
    "concurrency": WHOLE,
    "slow": DECIMAL,
    "redirect": ANYTHING,
}


def parted(fault: str) -> tuple[str, str]:
    """A fault's kind and its value; ValueError, in words, for one that cannot be."""
    kind, _, value = fault.partition(":")
    if kind not in KINDS:
        raise ValueError(f"no API fault is called {kind!r}; there are {', '.join(KINDS)}")
    if value and kind not in VALUES:
        raise ValueError(f"{kind} takes no value")
    if value and not VALUES[kind].fullmatch(value):
        raise ValueError(f"{kind} takes a number, not {value!r}")
    return kind, value
