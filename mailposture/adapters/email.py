"""Hand one mail to an SMTP server and keep what the server said.

Django's backend and `smtplib.sendmail` drop the answer; here it is the proof that somebody was
told. One recipient a transaction, so that one refusal costs nobody else's mail.
"""

import asyncio
import base64
import ipaddress
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from aiosmtplib import (
    SMTP,
    SMTPConnectError,
    SMTPDataError,
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from mailposture.core.smtp.reply import printable

# However slowly a server answers, a mail takes no longer than this.
WHOLE: Final = 60.0
STEP: Final = 30.0
LONGEST: Final = 500

BLOT: Final = "[...]"
LONG_ENOUGH: Final = 8
_PORTS: Final = {"smtp": 25, "starttls": 587, "smtps": 465}
_ENHANCED: Final = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})\b")


class AddressError(ValueError):
    """SMTP_URL cannot be used; says why, never with the password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where mails are handed in. `scheme` is smtp (clear text), starttls or smtps."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Server({self})"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def is_here(self) -> bool:
        """Whether it is this machine, so that clear text stays in it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


@dataclass(frozen=True, slots=True)
class Answer:
    """The server's last word: its code, enhanced code and text, safe to show."""

    code: int
    text: str

    @property
    def enhanced(self) -> str:
        """The enhanced status code, if the text begins with one (RFC 3463)."""
        found = _ENHANCED.match(self.text)
        return found[1] if found else ""

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()


class DeliveryError(Exception):
    """The mail was not taken, or it is not known whether it was.

    `about` says whom the refusal is about: "recipient", "message" or "us" (the server, the
    channel, our sign-in, our sender). `permanent` is the server's word for it. `maybe` is a mail
    of which nothing was answered from DATA on: its last byte may have been sent and taken.
    """

    def __init__(
        self, about: str, says: str, *, code: int | None = None, maybe: bool = False
    ) -> None:
        self.about, self.code, self.maybe = about, code, maybe
        self.says = _short(says)
        super().__init__(self.says)

    @property
    def permanent(self) -> bool:
        """Whether the server said that trying again cannot help (RFC 5321 section 4.2.1)."""
        return self.code is not None and 500 <= self.code < 600


def read(url: str) -> Server:
    """Read SMTP_URL: smtp://host, starttls://user:password@host:587 or smtps://...

    Raises AddressError.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise AddressError("SMTP_URL has a port that is no number, or is no address.") from None
    if parts.scheme not in _PORTS:
        known = ", ".join(f"{name}://" for name in _PORTS)
        raise AddressError(f"SMTP_URL must begin with one of {known}")
    if not parts.hostname:
        raise AddressError("SMTP_URL names no host: write starttls://mail.example.com")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise AddressError("SMTP_URL has more than user, password, host and port.")
    return _server(parts, parts.hostname, port or _PORTS[parts.scheme])


def _server(parts: SplitResult, host: str, port: int) -> Server:
    server = Server(
        scheme=parts.scheme,
        host=host,
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )
    if bool(server.user) != bool(server.password):
        raise AddressError("SMTP_URL has a user without a password, or the reverse.")
    if server.user and server.scheme == "smtp" and not server.is_here:
        raise AddressError("SMTP_URL would send the password in clear text: use starttls://")
    return server


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One message for one recipient: envelope, and 7-bit content (RFC 5322)."""

    sender: str
    recipient: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What we call ourselves, whom we trust (the system's authorities if none), our patience."""

    hello: str
    trust: ssl.SSLContext | None = None
    whole: float = WHOLE


def send(server: Server, mail: Mail, manner: Manner) -> Answer:
    """Hand in one mail; what the server answered to its last byte. Raises DeliveryError."""
    return asyncio.run(_within(_Given(server, mail, manner)))


def greet(server: Server, manner: Manner) -> Answer:
    """Connect and sign in without sending anything, to see whether a mail could be sent."""
    return asyncio.run(_within(_Given(server, None, manner)))


@dataclass(frozen=True, slots=True)
class _Given:
    server: Server
    mail: Mail | None
    manner: Manner


async def _within(given: _Given) -> Answer:
    said = _Said()
    try:
        async with asyncio.timeout(given.manner.whole):
            return await _carry(given, said)
    except TimeoutError:
        words = f"{given.server.host} took longer than {given.manner.whole:.0f} s."
        raise DeliveryError("us", words, maybe=said.all) from None


@dataclass(slots=True)
class _Said:
    """Whether the whole message may have reached the server."""

    all: bool = False


async def _carry(given: _Given, said: _Said) -> Answer:
    server = given.server
    trust = given.manner.trust or ssl.create_default_context()
    client = SMTP(
        hostname=server.host,
        port=server.port,
        local_hostname=given.manner.hello,
        timeout=STEP,
        use_tls=server.scheme == "smtps",
        start_tls=False,
        tls_context=trust,
    )
    try:
        with _told("us", server):
            await client.connect()
        hello = await _sign_in(client, server, trust)
        return await _transact(client, server, given.mail, said) if given.mail else hello
    finally:
        await _hang_up(client)


async def _hang_up(client: SMTP) -> None:
    """Leave at once: what counts was answered. The loop closes the socket in its next turns."""
    transport = client.transport
    client.close()
    if isinstance(transport, asyncio.Transport):
        transport.abort()
    for _ in range(3):
        await asyncio.sleep(0)


async def _sign_in(client: SMTP, server: Server, trust: ssl.SSLContext) -> Answer:
    with _told("us", server):
        hello = await client.ehlo()
        if server.scheme == "starttls":
            await client.starttls(server_hostname=server.host, tls_context=trust)
            hello = await client.ehlo()
        if server.user:
            hello = await client.login(server.user, server.password)
    return _answer(hello.code, hello.message.split("\n")[0], server)


async def _transact(client: SMTP, server: Server, mail: Mail, said: _Said) -> Answer:
    with _told("us", server):
        await client.mail(mail.sender, encoding="ascii")
    with _told("recipient", server):
        await client.rcpt(mail.recipient, encoding="ascii")
    # From here on only the server's word tells whether it has the mail.
    said.all = True
    with _told("message", server, maybe=True):
        try:
            last = await client.data(mail.content)
        except SMTPDataError as error:
            # aiosmtplib knows 250 alone; any 2xx says taken (RFC 5321 section 4.2.1).
            if not 200 <= error.code < 300:
                raise
            return _answer(error.code, error.message, server)
    return _answer(last.code, last.message, server)


def _answer(code: int, message: str, server: Server) -> Answer:
    return Answer(code, _short(blotted(message, server)))


@contextmanager
def _told(about: str, server: Server, *, maybe: bool = False) -> Iterator[None]:
    """Turn what goes wrong in a step into what it says about the mail."""
    try:
        yield
    except SMTPResponseException as error:
        # aiosmtplib gives a code of its own to what is no reply at all.
        code = error.code if 400 <= error.code < 600 else None
        says = f"{error.code} {error.message}" if code else error.message
        unsure = maybe and code is None
        raise DeliveryError(about, blotted(says, server), code=code, maybe=unsure) from None
    except UnicodeEncodeError:
        says = "The address is not ASCII, and the server was not asked for SMTPUTF8."
        raise DeliveryError(about, says, code=553) from None
    except (SMTPTimeoutError, SMTPServerDisconnected, SMTPConnectError, OSError) as error:
        raise DeliveryError("us", blotted(_why(error, server), server), maybe=maybe) from None
    except (SMTPException, ValueError) as error:
        raise DeliveryError(about, blotted(str(error), server)) from None


def _why(error: Exception, server: Server) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of {server.host} is not trusted: {error.verify_message}."
    words = str(error) or type(error).__name__
    return words if server.host in words else f"{server.host}: {words}"


def blotted(words: str, server: Server) -> str:
    """A server's words without our credentials, which some repeat: in clear or as they went out."""
    user, password = server.user.encode(), server.password.encode()
    if not user:
        return words
    carried = [b"\0".join(parts) for parts in ((b"", user, password), (user, user, password))]
    encoded = [base64.b64encode(one).decode().rstrip("=") for one in (*carried, password, user)]
    for secret in (*encoded, server.password, server.user):
        # A short one is a word of many a sentence: it goes where it stands by itself.
        edge = "" if len(secret) >= LONG_ENOUGH else r"(?![^\W_])"
        before = "(?<![^\\W_])" if edge else ""
        words = re.sub(f"{before}{re.escape(secret)}{edge}=*", BLOT, words, flags=re.IGNORECASE)
    return words


def _short(words: str) -> str:
    """A server's words in one line, escaped and cut."""
    line = printable(" ".join(words.split("\n")))
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
