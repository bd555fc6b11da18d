"""The lab's name server: DNS over UDP and TCP on one loopback port. dnspython has the format."""

import asyncio
import contextlib
import socket

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from mailposture.lab.world import SERVICE, World
from mailposture.lab.zones import Finding, Kind, look_up, records

TTL = 60
PLAIN_UDP = 512
# Keeps an answer in one unfragmented packet, whatever the client says it could take.
LARGEST_UDP = 1232
IDLE_SECONDS = 30


class NameServer:
    """Answers for the world's domains."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.port = 0
        self.udp: asyncio.DatagramTransport | None = None
        self.tcp: asyncio.Server | None = None

    async def start(self, preferred: int = 0) -> None:
        """Listen on the same port of both protocols, the preferred one if it is free."""
        stream, datagram = bind_both(preferred)
        self.port = stream.getsockname()[1]
        self.tcp = await asyncio.start_server(self.serve, sock=stream)
        loop = asyncio.get_running_loop()
        self.udp, _ = await loop.create_datagram_endpoint(lambda: Datagrams(self), sock=datagram)

    async def close(self) -> None:
        if self.udp:
            self.udp.close()
        if self.tcp:
            self.tcp.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one TCP connection's questions, each led by its length (RFC 7766)."""
        with contextlib.suppress(EOFError, ConnectionError, TimeoutError):
            while True:
                async with asyncio.timeout(IDLE_SECONDS):
                    size = int.from_bytes(await reader.readexactly(2))
                    answer = self.answer(await reader.readexactly(size), largest=65535)
                if not answer:
                    break
                writer.write(len(answer).to_bytes(2) + answer)
                await writer.drain()
        writer.close()

    def answer(self, wire: bytes, *, largest: int | None = None) -> bytes:
        """Answer one message; nothing at all to what is no question."""
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return b""
        if query.flags & dns.flags.QR or len(query.question) != 1:
            return b""
        response = self.respond(query)
        room = largest or min(max(query.payload, PLAIN_UDP), LARGEST_UDP)
        try:
            return response.to_wire(max_size=room)
        except dns.exception.TooBig:
            return truncated(query).to_wire()

    def respond(self, query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query)
        if query.opcode() != dns.opcode.QUERY:
            response.set_rcode(dns.rcode.NOTIMP)
            return response
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True)
        kind = dns.rdatatype.to_text(question.rdtype)
        found = look_up(self.world, name.lower(), kind)
        if found.kind is Kind.NOT_OURS:
            response.set_rcode(dns.rcode.REFUSED)
            return response
        response.flags |= dns.flags.AA
        if found.kind is Kind.NO_NAME:
            response.set_rcode(dns.rcode.NXDOMAIN)
        self.fill(response, found, asked=name)
        return response

    def fill(self, response: dns.message.Message, found: Finding, *, asked: str) -> None:
        """Put the records in, the name as the client spelled it; a no carries the zone's SOA."""
        for owner, kind, text in found.records:
            spelled = asked if owner == asked.lower() else owner
            add(response.answer, spelled, kind, text)
        if found.kind in {Kind.NO_DATA, Kind.NO_NAME}:
            add(response.authority, found.zone, "SOA", records(self.world)[found.zone]["SOA"][0])


def add(section: list[dns.rrset.RRset], owner: str, kind: str, text: str) -> None:
    """Add one record, to its own set if that is there already."""
    made = dns.rrset.from_text(f"{owner}.", TTL, dns.rdataclass.IN, kind, text)
    for held in section:
        if held.name == made.name and held.rdtype == made.rdtype:
            held.add(made[0])
            return
    section.append(made)


def truncated(query: dns.message.Message) -> dns.message.Message:
    """Tell the client to come again over TCP."""
    short = dns.message.make_response(query)
    short.flags |= dns.flags.TC | dns.flags.AA
    return short


class Datagrams(asyncio.DatagramProtocol):
    """Hands UDP packets to the name server and its answers back."""

    def __init__(self, server: NameServer) -> None:
        self.server = server
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.DatagramTransport):
            self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self.server.answer(data)
        if answer and self.transport:
            self.transport.sendto(answer, addr)


def bind_both(preferred: int) -> tuple[socket.socket, socket.socket]:
    """Bind TCP and UDP to one port; where the system's choice is half taken, ask again."""
    for port in [preferred, *[0] * 20]:
        with contextlib.suppress(OSError):
            stream = socket.create_server((SERVICE, port))
            datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                datagram.bind((SERVICE, stream.getsockname()[1]))
            except OSError:
                stream.close()
                datagram.close()
                raise
            return stream, datagram
    raise OSError("no port is free for both UDP and TCP")
