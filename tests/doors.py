"""Two front ends and the name server that leads to them, as a process on a host of its own:
`python -m tests.doors LOG SECONDS ADDRESS...`.

A front end greets after some seconds, takes the recipient, and writes down who asked for what.
"""

import asyncio
import socket
import sys
import threading
from pathlib import Path

import dns.message

from tests.adapters.dns_server import answer_to

HOST = "contoso-com.mail.protection.outlook.com"


async def meet(
    log: Path, seconds: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """One conversation in clear text."""
    peer, here = writer.get_extra_info("peername")[0], writer.get_extra_info("sockname")[0]
    note(log, f"{peer} {here} connected")
    await asyncio.sleep(seconds)
    writer.write(b"220 FE1.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready\r\n")
    sender = ""
    while line := (await reader.readline()).decode("ascii", "replace").strip():
        word = line.split(":")[0].upper()
        if word == "MAIL FROM":
            sender = line.partition(":")[2]
        if word == "RCPT TO":
            note(log, f"{peer} {here} {sender}")
        writer.write(b"221 bye\r\n" if word == "QUIT" else b"250 2.1.0 fine\r\n")
    writer.close()


def note(log: Path, line: str) -> None:
    with log.open("a") as file:
        file.write(f"{line}\n")


def names(addresses: list[str]) -> None:
    """Answer every question for as long as this process lives."""
    zone = {(HOST, "A"): addresses}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind((addresses[0], 53))
        while True:
            query, peer = listener.recvfrom(4096)
            if answer := answer_to(dns.message.from_wire(query), zone):
                listener.sendto(answer, peer)


async def main(log: Path, seconds: float, addresses: list[str]) -> None:
    threading.Thread(target=names, args=(addresses,), daemon=True).start()
    for address in addresses:
        await asyncio.start_server(lambda r, w: meet(log, seconds, r, w), address, 25)
    note(log, "ready")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
