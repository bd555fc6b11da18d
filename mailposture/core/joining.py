"""What a place and its centre say to one another once, so that they know each other from then on.

The centre prints a line: its address, and behind the # the place, a token that is good once, and
the centre's own key. So the place knows whom to believe before it has heard from anybody, and what
stands between the two can change nothing that is answered: it is signed, and bound to the token.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

# What a message is for; it is signed with it.
JOIN: Final = "join"
JOINED: Final = "joined"
_SLUG: Final = re.compile(r"[A-Za-z0-9_-]{1,63}\Z")
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{32,86}\Z")


class LineError(ValueError):
    """This is no join line; the sentence says what is wrong with it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A join line. `centre` is a public key, as seals.py writes it."""

    url: str
    slug: str
    token: str
    centre: str

    def __str__(self) -> str:
        return f"{self.url}#{self.slug}.{self.token}.{_short(self.centre)}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what was pasted; raises LineError."""
        url, _, secret = text.strip().partition("#")
        slug, token, key = (*secret.split("."), "", "")[:3]
        if secret.count(".") != 2 or not (_SLUG.match(slug) and _TOKEN.match(token)):
            raise LineError(
                "This is no join line. Copy the whole of it, with what stands behind the #, and"
                " put it between single quotes."
            )
        try:
            host, scheme = urlsplit(url).hostname, urlsplit(url).scheme
        except ValueError:
            host, scheme = None, ""
        if not host or scheme not in ("https", "http"):
            raise LineError("A join line begins with the https address of its centre.")
        if scheme == "http" and host not in ("127.0.0.1", "::1", "localhost"):
            raise LineError("The token would go in clear text: a centre elsewhere needs https.")
        return cls(url=url, slug=slug, token=token, centre=_long(key))


def digest(token: str) -> str:
    """What is kept of a token: who reads it there cannot join by it."""
    return hashlib.sha256(token.encode()).hexdigest()


def fingerprint(public: str) -> str:
    """The beginning of a public key's SHA-256, for people to compare."""
    found = hashlib.sha256(base64.b64decode(public)).hexdigest()[:32]
    return " ".join(found[i : i + 4] for i in range(0, 32, 4))


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a place says: it signs it with the key that it names, to show that it holds it."""

    token: str
    public_key: str
    version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Welcome:
    """What the centre answers, signed. `digest` and `public_key` are those of the wish: an answer
    to another wish is none. `authority` is the certificate that the queue's own must stem from,
    where it is none of the public ones.
    """

    digest: str
    public_key: str
    vantage_point: str
    queue: str
    authority: str = ""


def _short(public: str) -> str:
    return base64.urlsafe_b64encode(base64.b64decode(public)).decode().rstrip("=")


def _long(text: str) -> str:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 32:
        raise LineError("The end of this join line is missing or was changed. Copy it again.")
    return base64.b64encode(raw).decode()
