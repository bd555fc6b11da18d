"""The front ends on the wire: sockets bound to loopback addresses, one conversation a client."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from OpenSSL import SSL

from mailposture.lab import replies
from mailposture.lab.channel import LONGEST_LINE, Channel, LineTooLongError, Tls
from mailposture.lab.conversation import Conversation, Reaction, Step
from mailposture.lab.decide import Answer, Session, decide
from mailposture.lab.faults import Fault
from mailposture.lab.reading import read
from mailposture.lab.world import FrontEnd, World

IDLE_SECONDS = 300
BACKLOG = 1024
TARPIT_SECONDS_PER_BYTE = 1.0
PREFERRED_PORT = 2525
PORTS_TO_TRY = range(PREFERRED_PORT, PREFERRED_PORT + 200)
GONE = (EOFError, ConnectionError, SSL.Error, TimeoutError)


class NoPortError(Exception):
    """No port of the range is free on every address."""


class FrontEnds:
    """All front ends of the world, listening on one port."""

    def __init__(self, world: World, tls: Tls, sockets: dict[str, socket.socket]) -> None:
        self.world, self.tls, self.sockets = world, tls, sockets
        self.servers: list[asyncio.Server] = []
        self.clients: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        for _, front in self.world.front_ends():
            held = self.sockets[front.address]
            self.servers.append(
                await asyncio.start_server(self.client_of(front), sock=held, backlog=BACKLOG)
            )

    async def close(self) -> None:
        """Stop listening and hang up on everyone."""
        for server in self.servers:
            server.close()
        for client in self.clients:
            client.cancel()
        await asyncio.gather(*self.clients, return_exceptions=True)

    def client_of(
        self, front: FrontEnd
    ) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self.serve(front, Channel(reader, writer)))
            self.clients.add(task)
            task.add_done_callback(self.clients.discard)

        return connected

    async def serve(self, front: FrontEnd, channel: Channel) -> None:
        """Talk to one client until either side has had enough."""
        try:
            if front.fault == Fault.RESET:
                reset(channel.writer)
            elif front.fault == Fault.SILENT:
                await wait_for_the_end(channel.reader)
            else:
                await self.talk(front, channel)
        except GONE:
            pass
        finally:
            with contextlib.suppress(*GONE):
                channel.writer.close()

    async def talk(self, front: FrontEnd, channel: Channel) -> None:
        conversation = Conversation(front, channel.peer, self.ask, now)
        channel.say(conversation.banner())
        while True:
            pace(channel, front)
            reaction = await next_reaction(conversation, channel)
            await channel.skip(reaction.size)
            channel.say(reaction.text)
            if reaction.step is Step.HANG_UP:
                await channel.flush()
                await channel.close()
                return
            await self.carry_out(reaction, conversation, channel)

    async def carry_out(
        self, reaction: Reaction, conversation: Conversation, channel: Channel
    ) -> None:
        """Do what a command asks for besides its reply."""
        if reaction.step is Step.START_TLS:
            async with asyncio.timeout(IDLE_SECONDS):
                conversation.tls_started(await channel.start_tls(self.tls))
        elif reaction.step is Step.BREAK_TLS:
            await channel.flush()
            await channel.send(b"\x15\x03\x03\x00\x02\x02\x50")
            raise EOFError
        elif reaction.step is Step.TAKE_DATA:
            channel.say(conversation.message_taken(await take_message(channel)))
        elif reaction.step is Step.LAST_CHUNK:
            conversation.forget()

    def ask(self, session: Session) -> Answer:
        return decide([read(tenant) for tenant in self.world.tenants], session)


async def next_reaction(conversation: Conversation, channel: Channel) -> Reaction:
    try:
        async with asyncio.timeout(IDLE_SECONDS):
            return conversation.command(await channel.line())
    except LineTooLongError:
        return Reaction(replies.TOO_LONG)
    except TimeoutError:
        return Reaction(replies.IDLE, Step.HANG_UP)


async def take_message(channel: Channel) -> int:
    """Read a message to its lone dot and forget it; give its size."""
    size = 0
    async with asyncio.timeout(IDLE_SECONDS):
        while True:
            try:
                line = await channel.line()
            except LineTooLongError:
                size += LONGEST_LINE
                continue
            if line == b".":
                return size
            size += len(line) + 2


async def wait_for_the_end(reader: asyncio.StreamReader) -> None:
    while await reader.read(4096):
        pass


def pace(channel: Channel, front: FrontEnd) -> None:
    """Follow the front end's present fault, which may change in mid-conversation."""
    channel.pace.before = front.delay / 1000
    channel.pace.each = TARPIT_SECONDS_PER_BYTE if front.fault == Fault.TARPIT else 0.0


def reset(writer: asyncio.StreamWriter) -> None:
    """Break off with RST instead of FIN: linger on, for no time."""
    held = writer.get_extra_info("socket")
    held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def now() -> datetime:
    return datetime.now(UTC)


def bind_everywhere(addresses: Iterable[str], preferred: int | None) -> dict[str, socket.socket]:
    """Listen on all addresses at the first port that is free on every one of them."""
    wanted = list(addresses)
    first = [preferred] if preferred else []
    for port in [*first, *PORTS_TO_TRY]:
        if held := bind_all(wanted, port):
            return held
    raise NoPortError(f"no port from {PORTS_TO_TRY[0]} to {PORTS_TO_TRY[-1]} is free")


def bind_all(addresses: list[str], port: int) -> dict[str, socket.socket]:
    held: dict[str, socket.socket] = {}
    for address in addresses:
        try:
            held[address] = socket.create_server((address, port), backlog=BACKLOG)
        except OSError:
            for other in held.values():
                other.close()
            return {}
    return held
