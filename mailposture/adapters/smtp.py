"""The asyncio driver of the SMTP session: pinned addresses, deadlines, TLS, one send a flight."""

import asyncio
import errno
import sys
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, cast

from OpenSSL import SSL

from mailposture.adapters import tls
from mailposture.core.smtp.session import Limits, Plan, Session, Want
from mailposture.core.smtp.transcript import Ended, Transcript

__all__ = ["AT_ONCE", "Limits", "Order", "converse", "converse_all", "run", "why_not"]

AT_ONCE: Final = 256
LIMITS: Final = Limits()
# Bytes within TLS, be they words or not: without end are the tickets and empty records of some,
# which no cap on what is said would ever count. OpenSSL takes 100 KB of certificates.
MOST_SEALED: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One conversation to hold. ``address`` is where we connect, whatever ``host`` resolves to."""

    address: str
    port: int = 25
    host: str = ""
    ehlo: str
    mail_from: str
    rcpt_to: str
    source: str | None = None
    certificate: Path | None = None
    starttls: bool = True

    @property
    def plan(self) -> Plan:
        """What the session says; ValueError if it cannot be said in SMTP."""
        return _plan(self.ehlo, self.mail_from, self.rcpt_to, self.starttls)


@lru_cache(maxsize=4096)  # asked before the first packet and again at each front end
def _plan(ehlo: str, mail_from: str, rcpt_to: str, starttls: bool) -> Plan:  # noqa: FBT001 - a cache's key
    return Plan(ehlo=ehlo, mail_from=mail_from, rcpt_to=rcpt_to, starttls=starttls)


class Clock:
    """Milliseconds since the first connect of a conversation began."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self) -> float:
        """Now, to a tenth of a millisecond."""
        return round((time.monotonic() - self._started) * 1000, 1)


async def converse(
    order: Order,
    limits: Limits = LIMITS,
    *,
    trust: tls.Trust | None = None,
    alarm: "Alarm | None" = None,
) -> Transcript:
    """Hold one conversation; whatever happens on the wire is in the transcript.

    Where STARTTLS was refused or came to nothing, once more in clear on a fresh connection,
    as any mail server with opportunistic TLS would (RFC 7435). ValueError only for an order
    that cannot be carried out: an address that is none, words that are no SMTP, a file that
    holds no certificate.
    """
    return await _converse(order, limits, trust or tls.system_trust(), alarm or Alarm())


async def converse_all(
    orders: Sequence[Order],
    limits: Limits = LIMITS,
    at_once: int = AT_ONCE,
    *,
    trust: tls.Trust | None = None,
) -> list[Transcript]:
    """Hold many conversations, so many at a time; the transcripts come in the orders' order.

    ValueError for all of them where one cannot be carried out: ask ``why_not`` of each before.
    """
    for order in orders:
        _check(order)
    waiting = iter(enumerate(orders))
    done: dict[int, Transcript] = {}
    proofs, alarm = trust or tls.system_trust(), Alarm()

    async def work() -> None:
        for index, order in waiting:
            done[index] = await _converse(order, limits, proofs, alarm)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(at_once, len(orders))):
            group.create_task(work())
    return [done[index] for index in range(len(orders))]


async def _converse(order: Order, limits: Limits, trust: tls.Trust, alarm: "Alarm") -> Transcript:
    clock = Clock()
    first = await _attempt(order, limits, clock, trust, alarm)
    if not first.clear_instead or clock() >= limits.session * 1000:
        return first.transcript()
    first.note("once more in clear, on a fresh connection", clock())
    second = await _attempt(replace(order, starttls=False), limits, clock, trust, alarm)
    return first.transcript().followed_by(second.transcript())


def run[T](work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine of this module from synchronous code, on uvloop where there is one."""
    if sys.platform == "win32":
        return asyncio.run(work)
    import uvloop  # noqa: PLC0415 - it has no wheel for Windows

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def why_not(order: Order) -> str | None:
    """Why an order cannot be carried out, in words for people, or None if it can."""
    try:
        _check(order)
    except ValueError as reason:
        return str(reason)
    return None


@lru_cache(maxsize=4096)
def _family(address: str) -> int:
    return ip_address(address).version


def _check(order: Order) -> tuple[Plan, SSL.Context]:
    # Names would be looked up behind our back, and lead elsewhere than where we were let to.
    for address in filter(None, (order.address, order.source)):
        _family(address)
    if not 0 < order.port < 65536:
        raise ValueError(f"{order.port} is not a port")
    try:
        return order.plan, tls.client_context(order.certificate)
    except (OSError, SSL.Error) as unusable:
        # Where files lie on this machine is nobody's business elsewhere: the name will do.
        name = order.certificate.name if order.certificate else "no file"
        raise ValueError(f"{name}: no certificate with its key") from unusable


async def _attempt(
    order: Order, limits: Limits, clock: Clock, trust: tls.Trust, alarm: "Alarm"
) -> Session:
    plan, context = _check(order)
    session = Session(plan, limits, address=order.address, port=order.port)
    conversation = _Conversation(session, clock, limits.session * 1000, alarm)
    conversation.security(context, order.host, trust)
    patience = min(limits.connect, limits.session - clock() / 1000)
    try:
        await conversation.connect(order, patience)
    except TimeoutError:
        session.end(
            Ended.CONNECT_TIMEOUT,
            clock(),
            f"no answer in {patience:.0f} s; port {order.port} may be blocked on the way",
        )
    except OSError as failed:
        session.end(_reason(failed), clock(), failed.strerror or str(failed))
    else:
        await conversation.finished()
    return session


def _reason(failed: OSError) -> Ended:
    if failed.errno == errno.ECONNREFUSED:
        return Ended.REFUSED
    if failed.errno in {errno.ECONNRESET, errno.ENOTCONN}:
        return Ended.RESET  # by a server that was reached: so fast that nobody saw it connect
    unusable = {errno.EADDRNOTAVAIL, errno.EADDRINUSE, errno.EAFNOSUPPORT}
    return Ended.SOURCE_NOT_USABLE if failed.errno in unusable else Ended.NOT_REACHED


class Alarm:
    """One timer for all conversations under way: it looks at each whether its time is up.

    Deadlines are seconds away and move with every reply, so that nearly all of them never come:
    a timer for each would be set and cancelled a dozen times in a conversation.
    """

    EVERY: Final = 0.05

    def __init__(self) -> None:
        self._watched: set[_Conversation] = set()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, conversation: "_Conversation") -> None:
        """See to it that this one ends in time."""
        self._watched.add(conversation)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.EVERY, self._look)

    def leave(self, conversation: "_Conversation") -> None:
        """This one is over."""
        self._watched.discard(conversation)
        if not self._watched and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        for conversation in tuple(self._watched):
            conversation.look()
        if self._watched:
            self._timer = asyncio.get_running_loop().call_later(self.EVERY, self._look)


class _Conversation(asyncio.Protocol):
    """Carries bytes between one session and one connection, through TLS once that is up."""

    __slots__ = (
        "_alarm",
        "_channel",
        "_clock",
        "_context",
        "_done",
        "_host",
        "_loop",
        "_sealed",
        "_session",
        "_session_end",
        "_transport",
        "_trust",
    )

    def __init__(self, session: Session, clock: Clock, session_end: float, alarm: Alarm) -> None:
        self._session, self._clock, self._session_end = session, clock, session_end
        self._alarm = alarm
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._channel: tls.Channel | None = None
        self._sealed = 0

    def security(self, context: SSL.Context, host: str, trust: tls.Trust) -> None:
        """What STARTTLS shall use, should it come to it."""
        self._context, self._host, self._trust = context, host, trust

    async def connect(self, order: Order, patience: float) -> None:
        """Connect from the source to the pinned address; OSError if it fails."""
        if order.source and _family(order.source) != _family(order.address):
            raise OSError(errno.EAFNOSUPPORT, "source and target are of different families")
        local = (order.source, 0) if order.source else None
        async with asyncio.timeout(max(patience, 0)):
            await self._loop.create_connection(
                lambda: self, order.address, order.port, local_addr=local
            )

    async def finished(self) -> None:
        """Wait for the end, and leave nothing open, also when cancelled."""
        try:
            await self._done
        finally:
            self._alarm.leave(self)
            if self._transport is not None:
                self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's word that the connection stands. TCP_NODELAY is its default."""
        self._transport = cast(asyncio.Transport, transport)
        local = transport.get_extra_info("sockname")
        self._session.connected(str(local[0]) if local else "", self._clock())
        self._alarm.watch(self)

    def data_received(self, data: bytes) -> None:
        """Bytes from the server: decrypt, tell the session, do what it wants next."""
        if self._session.want is Want.CLOSE:
            return
        try:
            self._take(data)
            self._serve()
        except tls.TlsError as broken:
            self._broken(str(broken))

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone: closed by the server, reset, or a defect of ours."""
        if exc is not None and not isinstance(exc, OSError):
            self._finish(exc)
        elif self._shaking:
            self._broken("connection lost" if exc is None else str(exc))
        elif exc is None:
            self._session.receive(b"", self._clock())
            self._finish()
        else:
            self._session.end(Ended.RESET, self._clock(), exc.strerror or "")
            self._finish()

    @property
    def _shaking(self) -> bool:
        """In a TLS 1.3 handshake the server may refuse after we think it is done."""
        return self._channel is not None and not self._session.answered_in_tls

    def _take(self, data: bytes) -> None:
        session, channel = self._session, self._channel
        if channel is None:
            session.receive(data, self._clock())
            return
        self._sealed += len(data)
        if self._sealed > MOST_SEALED:
            session.end(Ended.TOO_MUCH, self._clock(), "within TLS")
            return
        if not channel.established:
            if not channel.shake(data):
                return
            session.tls_started(channel.facts(self._trust), self._clock())
            data = b""
        clear, ended = channel.decrypt(data)
        if clear:
            session.receive(clear, self._clock())
        if ended:
            raise tls.TlsError(ended)
        if ended is not None:
            session.receive(b"", self._clock())

    def _serve(self) -> None:
        """Do what the session wants until it wants to hear or to close; one write at the end.

        Our Finished and the EHLO after it leave in one segment that way (performance.md).
        """
        session, pending = self._session, b""
        while (want := session.want) is not Want.RECEIVE and want is not Want.CLOSE:
            if want is Want.SEND:
                pending += self._flight()
            elif self._channel is None:
                session.tls_starting(self._clock())
                self._channel = tls.Channel(self._context, self._host)
                self._channel.shake()
            else:
                break  # in the handshake, whose next step is the server's
        self._write(pending)
        if want is Want.CLOSE:
            self._finish()

    def _flight(self) -> bytes:
        """What the session has to say: in clear, or put into the channel."""
        said = self._session.outgoing(self._clock())
        if self._channel is None:
            return said
        self._channel.encrypt(said)
        return b""

    def _write(self, data: bytes) -> None:
        data += self._channel.outgoing() if self._channel else b""
        if data and self._transport is not None:
            self._transport.write(data)

    def _broken(self, detail: str) -> None:
        why = Ended.TLS_BROKEN if self._shaking else Ended.TLS_ERROR
        if self._shaking and self._channel is not None:
            self._session.tls_broken(self._channel.facts(self._trust), self._clock())
        self._session.end(why, self._clock(), detail)
        self._write(b"")  # our alert tells the server why
        self._finish()

    def look(self) -> None:
        """End what is overdue."""
        now = self._clock()
        if now >= self._session_end:
            self._session.end(Ended.SESSION_TIMEOUT, now)
        elif now < self._session.due:
            return
        elif self._shaking and self._session.want is Want.TLS:
            self._session.end(Ended.TLS_BROKEN, now, "no answer in time")
        else:
            self._session.end(Ended.REPLY_TIMEOUT, now, f"waiting for {self._session.state}")
        self._finish()

    def _finish(self, defect: Exception | None = None) -> None:
        self._alarm.leave(self)
        if self._transport is not None:
            self._transport.close()
        if not self._done.done():
            if defect is None:
                self._done.set_result(None)
            else:
                self._done.set_exception(defect)
