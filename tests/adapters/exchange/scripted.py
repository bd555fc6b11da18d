"""An HTTPS server that answers what a test wrote down, and a clock that only moves by sleeping."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import trustme

from mailposture.adapters.exchange.client import Waits
from mailposture.adapters.exchange.clouds import Cloud, lab_cloud
from mailposture.adapters.exchange.credential import Credential
from mailposture.adapters.exchange.tokens import Tokens

TENANT = "11111111-2222-3333-4444-555555555555"
CREDENTIAL = Credential(
    tenant_id=TENANT, client_id="33333333-4444-5555-6666-777777777777", secret="not-a-secret"
)


@dataclass
class Reply:
    """What to answer; `silent` says nothing until the server ends.

    `dripping` begins with these bytes and goes on by one more now and then, as long as it may.
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    dripping: bytes = b""

    @property
    def raw(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


HEAD = b"HTTP/1.1 200 OK\r\n"
# Where a server can be slow: in its status, a header, the body, the size of a chunk, and a chunk.
DRIPS = (
    b"HTTP/1.1 2",
    HEAD + b"X-Slow: ",
    HEAD + b"Content-Length: 9000\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n9000\r\n",
)


def rows(*values: dict[str, Any], **more: Any) -> Reply:
    return Reply(body={"@odata.context": "x", "@adminapi.warnings": [], "value": values} | more)


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Script:
    """The answers in order, the last one again and again; and what was asked."""

    def __init__(self, port: int, ca: Path) -> None:
        self.replies: list[Reply] = []
        self.asked: list[Asked] = []
        self.ended = threading.Event()
        self.base = f"https://127.0.0.1:{port}"
        self.cloud: Cloud = lab_cloud(
            {"authority": self.base, "api": self.base, "ca": str(ca), "smtp_port": 25}
        )

    def next(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def _drip(out: BufferedIOBase, ended: threading.Event, begin: bytes) -> None:
    out.write(begin)
    for _ in range(1000):
        if ended.wait(0.02):
            return
        out.write(b"1")


def _handler(scripts: list[Script]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            script = scripts[0]
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            script.asked.append(Asked(self.command, self.path, headers, body))
            reply = script.next()
            if reply.silent:
                script.ended.wait(30)
                self.close_connection = True
                return
            if reply.dripping:
                self.close_connection = True
                _drip(self.wfile, script.ended, reply.dripping)
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.raw)))
            self.end_headers()
            self.wfile.write(reply.raw)

        do_GET = do_POST = _answer  # noqa: N815 - the names http.server asks for

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that left is what some tests are about."""


@contextmanager
def scripted(folder: Path) -> Iterator[Script]:
    authority = trustme.CA()
    ca = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    scripts: list[Script] = []
    server = _Server(("127.0.0.1", 0), _handler(scripts))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    script = Script(server.server_address[1], ca)
    scripts.append(script)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield script
    finally:
        script.ended.set()
        server.shutdown()
        thread.join(10)
        server.server_close()


class Clock:
    """Moves by sleeping only, and remembers how long each sleep was."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def waits(self, **other: Any) -> Waits:
        fixed: dict[str, Any] = {
            "sleep": self.sleep,
            "clock": lambda: self.now,
            "random": lambda: 0.0,
        }
        return Waits(**fixed | other)


class Numbered(Tokens):
    """Tokens without a sign-in: a new one after each time they were forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self.forgotten = 0

    def token(self, cloud: Cloud, credential: Credential) -> str:
        return f"token-{self.forgotten}"

    def forget(self, cloud: Cloud, credential: Credential) -> None:
        self.forgotten += 1
