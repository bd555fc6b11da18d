"""A scripted SMTP server: the tests' own peer, with every fault a test can think of."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import trustme

BANNER = b"220 FE1.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready\r\n"
HELLO = b"250-FE1.mail.protection.outlook.com Hello [192.0.2.7]\r\n"
RCPT_OK = b"250 2.1.5 Recipient OK\r\n"
LOCKED = b"550 5.7.51 TenantInboundAttribution; Rejecting\r\n"

type Script = Callable[["Peer"], Awaitable[None]]


@dataclass
class Peer:
    """One client as the server meets it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: list[bytes] = field(default_factory=list)

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def hear(self) -> bytes:
        line = await self.reader.readline()
        if not line:
            raise ConnectionResetError
        self.heard.append(line)
        return line

    async def start_tls(self, context: ssl.SSLContext) -> None:
        await self.writer.start_tls(context)

    async def shake_by_hand(self, context: ssl.SSLContext) -> "Tls":
        """A handshake whose failure reaches the client as an alert; asyncio only hangs up."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        shaken = context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                shaken.do_handshake()
            except ssl.SSLWantReadError:
                await self.say(outgoing.read())
            except ssl.SSLError:
                await self.say(outgoing.read())
                await self.silence()
                raise ConnectionResetError from None
            else:
                await self.say(outgoing.read())
                return Tls(self, shaken, incoming, outgoing)
            incoming.write(await self.reader.read(65536))

    async def silence(self) -> None:
        """Say nothing until the client is gone."""
        while await self.reader.read(65536):
            pass

    def reset(self) -> None:
        """Break off with a TCP reset."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.writer.transport.abort()

    @property
    def source(self) -> str:
        return str(self.writer.get_extra_info("peername")[0])


@dataclass
class Tls:
    """The server's end of a channel shaken by hand."""

    peer: Peer
    shaken: ssl.SSLObject
    incoming: ssl.MemoryBIO
    outgoing: ssl.MemoryBIO

    async def say(self, data: bytes) -> None:
        self.shaken.write(data)
        await self.peer.say(self.outgoing.read())

    async def hear(self) -> bytes:
        while True:
            try:
                return self.shaken.read(65536)
            except ssl.SSLWantReadError:
                self.incoming.write(await self.peer.reader.read(65536))

    async def end(self) -> None:
        """Close the channel in good order, and the connection not yet."""
        with suppress(ssl.SSLError):
            self.shaken.unwrap()
        await self.peer.say(self.outgoing.read())


class Server:
    """Listens on loopback: the first client gets the first script; the last script stays."""

    def __init__(self, scripts: tuple[Script, ...]) -> None:
        self.address, self.port = "127.0.0.1", 0
        self.peers: list[Peer] = []
        self._scripts = scripts
        self._busy: set[asyncio.Task[None]] = set()

    @property
    def heard(self) -> list[bytes]:
        return [line for peer in self.peers for line in peer.heard]

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        script = self._scripts[min(len(self.peers), len(self._scripts) - 1)]
        self.peers.append(peer)
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await script(peer)
        finally:
            writer.transport.abort()

    async def leave(self) -> None:
        busy = list(self._busy)
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)


@asynccontextmanager
async def serving(*scripts: Script, backlog: int = 100) -> AsyncIterator[Server]:
    """A scripted server for as long as the block lasts."""
    found = Server(scripts)
    server = await asyncio.start_server(found.meet, found.address, 0, backlog=backlog)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        await found.leave()
        await server.wait_closed()


@dataclass(kw_only=True)
class ExchangeOnline:
    """A script that behaves, but for what a test changes."""

    tls: ssl.SSLContext | None = None
    offers: tuple[bytes, ...] = (b"SIZE 157286400", b"PIPELINING", b"8BITMIME")
    replies: dict[bytes, bytes] = field(default_factory=dict)
    banner: bytes = BANNER
    injected: bytes = b""  # sent in clear in one go with the 220 of STARTTLS

    async def __call__(self, peer: Peer) -> None:
        await peer.say(self.banner)
        secure = False
        while True:
            verb = (await peer.hear()).split(b" ")[0].strip().upper()
            if verb == b"STARTTLS" and verb not in self.replies and self.tls:
                await peer.say(b"220 2.0.0 SMTP server ready\r\n" + self.injected)
                await peer.start_tls(self.tls)
                secure = True
                continue
            await peer.say(self.replies.get(verb) or self.usual(verb, secure))
            if verb == b"QUIT":
                return

    def usual(self, verb: bytes, secure: bool) -> bytes:
        if verb == b"EHLO":
            starttls = (b"STARTTLS",) if self.tls and not secure else ()
            extensions = [*self.offers, *starttls, b"CHUNKING"]
            lines = [b"250-" + extension for extension in extensions[:-1]]
            return HELLO + b"".join(line + b"\r\n" for line in lines) + b"250 CHUNKING\r\n"
        return {
            b"HELO": b"250 FE1.mail.protection.outlook.com Hello [192.0.2.7]\r\n",
            b"MAIL": b"250 2.1.0 Sender OK\r\n",
            b"RCPT": RCPT_OK,
            b"QUIT": b"221 2.0.0 Service closing transmission channel\r\n",
        }.get(verb, b"500 5.3.3 Unrecognized command\r\n")


def server_context(authority: trustme.CA, *names: str, latest: bool = True) -> ssl.SSLContext:
    """A server's context with a certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    if not latest:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context
