"""The server of all contenders: TLS 1.3 and Exchange Online's words, near and 50 ms away.

A process of its own. Its first line says three ports: the server's, that of a relay before it
which holds everything back for half a round trip, and one that tells, as JSON, how many round
trips each conversation through the relay took to its verdict since it was asked last.

On loopback a connection stands at once. So the relay, too, holds back what a real one costs: the
server hears of it one and a half round trips after the client began, and its banner is there half
a round trip later.
"""

import argparse
import asyncio
import json
import resource
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import trustme
import uvloop

HOST = "contoso-com.mail.protection.outlook.com"
HALF = 0.025
BANNER = b"220 FE1.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready\r\n"
ANSWERS = {
    b"EHLO": b"250-FE1 Hello [192.0.2.7]\r\n250-SIZE 157286400\r\n250-PIPELINING\r\n"
    b"250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250-STARTTLS\r\n250-8BITMIME\r\n250 CHUNKING\r\n",
    b"MAIL": b"250 2.1.0 Sender OK\r\n",
    b"RCPT": b"550 5.7.51 TenantInboundAttribution; Rejecting\r\n",
    b"QUIT": b"221 2.0.0 Service closing transmission channel\r\n",
}


@dataclass(frozen=True)
class Ports:
    """Where the server is met near, where far away, and where its figures are told."""

    near: int
    far: int
    figures: int


@dataclass
class Trips:
    """Round trips to the verdict of each conversation through the relay."""

    began: dict[int, float] = field(default_factory=dict)
    taken: list[float] = field(default_factory=list)

    def verdict(self, port: int) -> None:
        """The answer to RCPT leaves for the client; it arrives half a round trip later."""
        if port in self.began:
            seconds = asyncio.get_running_loop().time() + HALF - self.began.pop(port)
            self.taken.append(seconds / (2 * HALF))


def _port_of(writer: asyncio.StreamWriter, name: str) -> int:
    return int(writer.get_extra_info(name)[1])


@dataclass(frozen=True)
class Server:
    """One front end of Exchange Online, as far as a probe goes."""

    context: ssl.SSLContext
    trips: Trips

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hold one conversation."""
        port = _port_of(writer, "peername")
        writer.write(BANNER)
        try:
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"STAR":
                    writer.write(b"220 2.0.0 SMTP server ready\r\n")
                    await writer.start_tls(self.context)
                    continue
                writer.write(ANSWERS.get(verb, b"500 5.3.3 Unrecognized command\r\n"))
                if verb == b"RCPT":
                    self.trips.verdict(port)
                if verb == b"QUIT":
                    break
        except OSError:
            pass  # whoever asked is gone
        writer.close()


class _Late(asyncio.Protocol):
    """One side of a relayed connection: what comes in goes out at the other side, later."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport | None = None
        self.other: _Late | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.loop.call_later(HALF, self._pass_on, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.loop.call_later(HALF, self._close)

    def _pass_on(self, data: bytes) -> None:
        if self.other and self.other.transport and not self.other.transport.is_closing():
            self.other.transport.write(data)

    def _close(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.close()


class Relay(_Late):
    """The client's side of a connection through the relay."""

    def __init__(self, port: int, trips: Trips) -> None:
        super().__init__()
        self.port, self.trips = port, trips

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client believes to be connected; the server hears of it one and a half trips on."""
        super().connection_made(transport)
        began = self.loop.time()
        self.loop.call_later(3 * HALF, lambda: self.loop.create_task(self._reach(began)))

    async def _reach(self, began: float) -> None:
        transport, self.other = await self.loop.create_connection(_Late, "127.0.0.1", self.port)
        self.other.other = self
        self.trips.began[int(transport.get_extra_info("sockname")[1])] = began


async def _serve(certificate: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate)
    loop, trips = asyncio.get_running_loop(), Trips()

    async def tell(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(json.dumps(trips.taken).encode())
        trips.taken.clear()
        writer.close()

    meet = Server(context, trips).meet
    near = await asyncio.start_server(meet, "127.0.0.1", 0, backlog=4096)
    port = int(near.sockets[0].getsockname()[1])
    far = await loop.create_server(lambda: Relay(port, trips), "127.0.0.1", 0, backlog=4096)
    figures = await asyncio.start_server(tell, "127.0.0.1", 0)
    ports = [port, *(int(s.sockets[0].getsockname()[1]) for s in (far, figures))]
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    async with near, far, figures:
        # It ends with whoever started it, however that ends.
        await asyncio.to_thread(sys.stdin.read)


def many_files() -> None:
    """As many open connections as this machine allows."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextmanager
def running() -> Iterator[Ports]:
    """The server's process, for as long as the block lasts."""
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        trustme.CA().issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(file.name)
        command = [sys.executable, str(Path(__file__)), file.name]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:  # noqa: S603
            try:
                line = process.stdout.readline() if process.stdout else ""
                yield Ports(*json.loads(line))
            finally:
                process.terminate()


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("certificate")
    many_files()
    uvloop.run(_serve(asked.parse_args().certificate))
