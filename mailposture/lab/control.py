"""The lab's control over loopback HTTP: what stands, play a scene, set a fault, add a TXT record,
upload a certificate to an app.

JSON in and out. Every request bears the token that `lab.json` names, and its Host must be the
loopback address itself, so that no web page can reach it through a browser.
"""

import asyncio
import hmac
import http
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from mailposture.lab import operations, registering, scenes
from mailposture.lab.mailbox import Mailbox
from mailposture.lab.world import SERVICE, World

type Document = dict[str, Any]
type Reply = tuple[int, Document]

LARGEST_BODY = 65536
PATIENCE = 10
ASKED = ("/scene", "/fault", "/txt", "/mailbox", "/certificate")
ROUTES = {"/state": "GET", **dict.fromkeys(ASKED, "POST")}


class Control:
    """A small HTTP server for the page and the command that steer the lab."""

    def __init__(self, world: World, token: str, changed: Callable[[], None], box: Mailbox) -> None:
        self.world, self.token, self.changed, self.box = world, token, changed, box
        self.server: asyncio.Server | None = None
        self.port = 0

    async def start(self, preferred: int = 0) -> None:
        try:
            self.server = await asyncio.start_server(self.serve, SERVICE, preferred)
        except OSError:
            self.server = await asyncio.start_server(self.serve, SERVICE, 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self.server:
            self.server.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close."""
        try:
            async with asyncio.timeout(PATIENCE):
                status, document = await self.request(reader)
                writer.write(response(status, document))
                await writer.drain()
        except (EOFError, ConnectionError, TimeoutError, ValueError):
            pass
        finally:
            writer.close()

    async def request(self, reader: asyncio.StreamReader) -> Reply:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines if ":" in line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        method, _, target = first.partition(" ")
        path = target.partition(" ")[0]
        if refused := self.refuse(method, path, headers):
            return refused
        size = int(headers.get("content-length", "0"))
        if not 0 <= size <= LARGEST_BODY:
            return 413, {"error": "the body is too large"}
        return self.answer(path, await reader.readexactly(size))

    def refuse(self, method: str, path: str, headers: dict[str, str]) -> Reply | None:
        """Turn away whoever may not ask, or asks for what is not there."""
        if headers.get("host") != f"{SERVICE}:{self.port}":
            return 421, {"error": "this is not the host you meant"}
        shown = headers.get("x-lab-token", "")
        if not hmac.compare_digest(shown.encode(), self.token.encode()):
            return 401, {"error": "the X-Lab-Token header is missing or wrong; lab.json has it"}
        if path not in ROUTES:
            return 404, {"error": f"there are {', '.join(ROUTES)}"}
        if method != ROUTES[path]:
            return 405, {"error": f"{path} takes {ROUTES[path]}"}
        kind = headers.get("content-type", "").partition(";")[0].strip()
        if method == "POST" and kind != "application/json":
            return 415, {"error": "the body must be application/json"}
        return None

    def answer(self, path: str, body: bytes) -> Reply:
        """Do what was asked, keep it, and say what changed."""
        if path == "/state":
            return 200, {**operations.state(self.world), "mailbox": str(self.box.mode)}
        try:
            asked = json.loads(body)
            said = self.change(path, asked if isinstance(asked, dict) else {})
        except (scenes.SceneError, ValueError) as error:
            return 400, {"error": str(error)}
        self.changed()
        return 200, {"changed": said}

    def change(self, path: str, asked: Document) -> str:
        if path == "/scene":
            moment = datetime.now(UTC)
            scene, tenant = str(asked.get("scene")), str(asked.get("tenant"))
            return scenes.play(self.world, scene, tenant, moment)
        if path == "/fault":
            return operations.set_fault(self.world, asked)
        if path == "/certificate":
            return registering.register(self.world, asked, datetime.now(UTC))
        if path == "/mailbox":
            return self.box.turn(str(asked.get("mode")))
        return operations.set_txt(self.world, asked)


def response(status: int, document: Document) -> bytes:
    body = json.dumps(document).encode()
    head = (
        f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body
