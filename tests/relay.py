"""TLS before a server that has none, as a process: `python -m tests.relay PEM ADDRESS PORT TO`."""

import asyncio
import ssl
import sys
from contextlib import suppress


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, ssl.SSLError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def meet(to: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    there, back = await asyncio.open_connection("127.0.0.1", to)
    await asyncio.gather(carry(reader, back), carry(there, writer))


async def main(pem: str, address: str, port: int, to: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    await asyncio.start_server(lambda r, w: meet(to, r, w), address, port, ssl=context)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
