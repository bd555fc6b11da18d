"""SMTP servers to hand mails to: a real one that keeps them, and one that misbehaves as told."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Sink:
    """Keeps what it takes; refuses the recipients it is told to, with the answers it is told.

    While `holds` is not set, a mail that was taken is not answered.
    """

    refuses: dict[str, str] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    taken: list[Envelope] = field(default_factory=list)
    url: str = ""
    holds: threading.Event | None = None

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        said = self.answers.pop(0) if self.answers else "250 2.0.0 taken as 4711"
        if said.startswith("2"):
            self.taken.append(envelope)
        if self.holds:
            await asyncio.to_thread(self.holds.wait, 60)
        return said

    @property
    def recipients(self) -> list[str]:
        """To whom mails were taken, in their order."""
        return [address for envelope in self.taken for address in envelope.rcpt_tos]


@contextmanager
def sink(**given: Any) -> Iterator[Sink]:
    """A real SMTP server on a free port."""
    kept = Sink()
    controller = Controller(kept, hostname="127.0.0.1", port=free_port(), **given)
    controller.start()
    kept.url = f"smtp://127.0.0.1:{controller.port}"
    try:
        yield kept
    finally:
        controller.stop()


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        return int(listening.getsockname()[1])


type Talk = Callable[[socket.socket], None]


@contextmanager
def scripted(talk: Talk) -> Iterator[str]:
    """A server that does to each connection what the script says; its SMTP_URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0.1)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = listening.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(5)
                try:
                    talk(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"smtp://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        over.set()
        thread.join(10)
        listening.close()


def answers(*lines: bytes, to_message: bytes | None = b"250 2.0.0 taken\r\n") -> Talk:
    """A script: the banner and one answer a command; then one to the message, or a hang-up."""

    def talk(connection: socket.socket) -> None:
        reader = connection.makefile("rb")
        for line in lines:
            connection.sendall(line)
            if line.startswith(b"354"):
                while reader.readline() not in (b".\r\n", b""):
                    pass
                if to_message is None:
                    return
                connection.sendall(to_message)
            if not reader.readline():
                return

    return talk
