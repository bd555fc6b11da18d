"""Serves the sign-in authority and the Admin API over HTTPS, in the loop that is running."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from mailposture.lab.api import AdminApi
from mailposture.lab.authority import Authority
from mailposture.lab.messages import Answer, Request
from mailposture.lab.tokens import Tokens, signing_key
from mailposture.lab.world import World

type Scope = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
type Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LARGEST_BODY = 1 << 20
SIGNING_KEY = "tokens.pem"
TOO_LARGE = Answer(status=413)
NOT_FOUND = Answer(status=404)


class Server(uvicorn.Server):
    """uvicorn as a guest: signals belong to whoever runs the loop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop. Clients keep idle connections for ever, so those are cut and not waited for."""
        self._cut(idle_only=True)
        await super().shutdown(sockets)
        self._cut(idle_only=False)
        # An aborted transport lets go of its socket in the turns of the loop that follow.
        for _ in range(3):
            await asyncio.sleep(0)

    def _cut(self, *, idle_only: bool) -> None:
        for connection in list(self.server_state.connections):
            # None until the first request, which uvicorn's annotation does not say.
            cycle = getattr(connection, "cycle", None)
            if not idle_only or cycle is None or cycle.response_complete:
                connection.transport.abort()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class Front:
    """One ASGI application for both: bytes in, a Request to the two, their Answer out."""

    def __init__(self, authority: Authority, api: AdminApi) -> None:
        self._authority = authority
        self._api = api
        self.closing = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        body = await _body(receive)
        if body is None:
            answer = TOO_LARGE
        else:
            request = _request(scope, body)
            answer = self._authority.answer(request) or self._api.answer(request) or NOT_FOUND
        if answer.never or answer.after:
            await self._linger(receive, None if answer.never else answer.after)
        await _say(send, answer)

    async def _linger(self, receive: Receive, seconds: float | None) -> None:
        """Let time pass, until the client has gone or the lab closes."""
        waits = {asyncio.create_task(_gone(receive)), asyncio.create_task(_set(self.closing))}
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


@dataclass
class Served:
    """What runs, where, and how to end it."""

    authority_url: str
    api_url: str
    region_url: str
    tokens: Tokens
    authority: Authority
    api: AdminApi
    _server: Server
    _front: Front
    _running: asyncio.Task[None]

    async def close(self) -> None:
        """Stop listening, let go of everybody, wait for the end."""
        self._front.closing.set()
        self._server.should_exit = True
        await self._running


async def serve(
    world: World,
    certificate_pem: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    clock: Callable[[], float] = time.time,
) -> Served:
    """Start; `certificate_pem` holds key and chain for `host`. Returns once requests are taken.

    The key that signs tokens is kept beside it.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate_pem)
    with contextlib.ExitStack() as opened:
        listeners = [opened.enter_context(_listen(host, wanted)) for wanted in (port, 0)]
        base, region = (_url(listener) for listener in listeners)
        tokens = Tokens(base, signing_key(certificate_pem.with_name(SIGNING_KEY)), clock)
        authority = Authority(world=world, tokens=tokens, base=base, api=base, clock=clock)
        api = AdminApi(world=world, tokens=tokens, base=base, region=region, clock=clock)
        front = Front(authority, api)
        server = Server(_config(front, context))
        running = asyncio.create_task(server.serve(sockets=listeners))
        # Whichever comes first: it listens, or it failed, and then the failure is ours to raise.
        running.add_done_callback(lambda _: server.listening.set())
        await server.listening.wait()
        if running.done():
            await running
        opened.pop_all()
    return Served(base, base, region, tokens, authority, api, server, front, running)


def _config(front: Front, context: ssl.SSLContext) -> uvicorn.Config:
    return uvicorn.Config(
        front,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        # Longer than clients keep an idle connection, so that theirs is the side that closes.
        timeout_keep_alive=120,
        timeout_graceful_shutdown=1,
        ssl_context_factory=lambda _config, _default: context,
    )


def _listen(host: str, port: int) -> socket.socket:
    return socket.create_server((host, port))


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"https://{host}:{port}"


def _request(scope: Scope, body: bytes) -> Request:
    host, port = scope["server"]
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers={name.decode("latin-1"): text.decode("latin-1") for name, text in scope["headers"]},
        body=body,
        base=f"https://{host}:{port}",
    )


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or None where it is larger than anybody needs."""
    whole = b""
    while True:
        message = await receive()
        whole += bytes(message.get("body", b""))
        if len(whole) > LARGEST_BODY:
            return None
        if not message.get("more_body"):
            return whole


async def _say(send: Send, answer: Answer) -> None:
    headers = {**answer.headers, "Content-Length": str(len(answer.body))}
    lines = [(name.lower().encode(), text.encode("latin-1")) for name, text in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": lines})
    await send({"type": "http.response.body", "body": answer.body})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _set(event: asyncio.Event) -> None:
    await event.wait()
