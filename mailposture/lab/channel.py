"""Lines in, lines out, with STARTTLS in the middle: one connection to a front end.

TLS goes through pyOpenSSL and memory buffers. The standard library can ask for a client
certificate only by breaking off every client whose certificate it does not trust; the real
service asks, takes whatever it is shown, and judges it afterwards. So does this.
"""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID
from OpenSSL import SSL, crypto

LONGEST_LINE = 4096
AT_ONCE = 65536


class LineTooLongError(Exception):
    """The peer sent a line longer than any command may be."""


@dataclass
class Pace:
    """How slowly to answer: a wait before each flight, and one after each of its bytes."""

    before: float = 0.0
    each: float = 0.0


class Tls:
    """The front ends' TLS: their certificate, and which client certificates they believe."""

    def __init__(self, certificate: Path, authority: Path) -> None:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.use_certificate_chain_file(str(certificate))
        context.use_privatekey_file(str(certificate))
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_options(SSL.OP_NO_TICKET)
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        self.context = context
        self.store = crypto.X509Store()
        self.store.add_cert(crypto.load_certificate(crypto.FILETYPE_PEM, authority.read_bytes()))

    def trusted_names(self, connection: SSL.Connection) -> frozenset[str]:
        """Give CN and DNS names of the client's certificate, none if its chain is not ours."""
        shown = connection.get_peer_certificate()
        if shown is None:
            return frozenset()
        chain = connection.get_peer_cert_chain() or []
        try:
            crypto.X509StoreContext(self.store, shown, chain[1:]).verify_certificate()
        except crypto.X509StoreContextError:
            return frozenset()
        return certificate_names(shown.to_cryptography())


def certificate_names(certificate: x509.Certificate) -> frozenset[str]:
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    names = [str(attribute.value) for attribute in common]
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return frozenset(name.lower() for name in names)
    names += found.value.get_values_for_type(x509.DNSName)
    return frozenset(name.lower() for name in names)


@dataclass
class Channel:
    """A connection that reads lines and gathers answers until it must wait for the peer."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    pace: Pace = field(default_factory=Pace)
    tls: SSL.Connection | None = None
    incoming: bytearray = field(default_factory=bytearray)
    outgoing: bytearray = field(default_factory=bytearray)

    @property
    def peer(self) -> str:
        return str(self.writer.get_extra_info("peername")[0])

    def say(self, text: str) -> None:
        self.outgoing += text.encode() + b"\r\n"

    async def line(self) -> bytes:
        """Give the next line without its end; EOFError once the peer has gone."""
        too_long = False
        while (end := self.incoming.find(b"\n")) < 0:
            if len(self.incoming) > LONGEST_LINE:
                too_long = True
                self.incoming.clear()
            await self.more()
        found = bytes(self.incoming[:end]).removesuffix(b"\r")
        del self.incoming[: end + 1]
        if too_long or len(found) > LONGEST_LINE:
            raise LineTooLongError
        return found

    async def skip(self, size: int) -> None:
        """Read so many bytes and forget them."""
        while size:
            if not self.incoming:
                await self.more()
            taken = min(size, len(self.incoming))
            del self.incoming[:taken]
            size -= taken

    async def more(self) -> None:
        await self.flush()
        data = await self.receive()
        if not data:
            raise EOFError
        self.incoming += data

    async def receive(self) -> bytes:
        if self.tls is None:
            return await self.reader.read(AT_ONCE)
        while True:
            try:
                return self.tls.recv(AT_ONCE)
            except SSL.WantReadError:
                await self.push()
            except SSL.ZeroReturnError:
                return b""
            data = await self.reader.read(AT_ONCE)
            if not data:
                return b""
            self.tls.bio_write(data)

    async def flush(self) -> None:
        """Send what was said since the last wait, at the pace the fault asks for."""
        said = bytes(self.outgoing)
        self.outgoing.clear()
        if not said:
            return
        if self.pace.before:
            await asyncio.sleep(self.pace.before)
        if not self.pace.each:
            await self.send(said)
            return
        for byte in said:
            await self.send(bytes([byte]))
            await asyncio.sleep(self.pace.each)

    async def send(self, data: bytes) -> None:
        if self.tls is None:
            self.writer.write(data)
            await self.writer.drain()
        else:
            self.tls.sendall(data)
            await self.push()

    async def push(self) -> None:
        """Carry what TLS has to say to the socket."""
        if self.tls is None:
            return
        while True:
            try:
                self.writer.write(self.tls.bio_read(AT_ONCE))
            except SSL.WantReadError:
                break
        await self.writer.drain()

    async def start_tls(self, tls: Tls) -> frozenset[str]:
        """Shake hands and give the names the client proved; clear text left over is dropped."""
        await self.flush()
        self.incoming.clear()
        self.tls = SSL.Connection(tls.context, None)
        self.tls.set_accept_state()
        while True:
            try:
                self.tls.do_handshake()
            except SSL.WantReadError:
                await self.push()
            except SSL.Error:
                await self.push()
                raise
            else:
                break
            data = await self.reader.read(AT_ONCE)
            if not data:
                raise EOFError
            self.tls.bio_write(data)
        await self.push()
        return tls.trusted_names(self.tls)

    async def close(self) -> None:
        if self.tls is not None:
            self.tls.shutdown()
            await self.push()
        self.writer.close()
        await self.writer.wait_closed()
