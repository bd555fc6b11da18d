"""What is turned away before the site reads it, on the site as uvicorn runs it."""

import asyncio
import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from mailposture import entrance
from tests.servers import Guarded, free_port, until

ROOT = Path(__file__).parents[1]
MB = entrance.MOST_BYTES
GATEWAY, STRANGER = "127.0.0.9", "127.0.0.10"
OPERATOR = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "mailposture.settings"
django.setup()
from django.contrib.auth import get_user_model
from django.core.management import call_command
call_command("migrate", verbosity=0)
get_user_model().objects.create_user("oper", password="right and long")
"""


@contextmanager
def site(folder: Path, **more: str) -> Iterator[tuple[int, Guarded]]:
    """The site as the image runs it; its port on loopback."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "DATA_DIR": str(folder),
        "PYTHONPATH": str(ROOT), "BROKER_URL": "memory://", **more,
    }  # fmt: skip
    subprocess.run([sys.executable, "-c", OPERATOR], env=environment, check=True, timeout=60)
    port = free_port()
    words = ("--host", "127.0.0.1", "--port", str(port), "--lifespan", "off")
    running = Guarded(
        [sys.executable, "-m", "uvicorn", "mailposture.asgi:application", *words], environment
    )
    running.start()
    try:
        until(lambda: is_up(port), 60)
        yield port, running
    finally:
        running.stop()


def is_up(port: int) -> bool:
    try:
        return ask(port, "GET", "/healthz")[0] == 200
    except OSError:
        return False


def ask(
    port: int, method: str, path: str, *, frm: str = "127.0.0.1", **given: Any
) -> tuple[int, str]:
    """One request from this loopback address; status and text."""
    with closing(
        http.client.HTTPConnection("127.0.0.1", port, timeout=20, source_address=(frm, 0))
    ) as line:
        line.request(method, path, **given)
        answer = line.getresponse()
        return answer.status, answer.read().decode()


# ---- the body ----------------------------------------------------------------------------


def heads(*lines: str) -> bytes:
    return "\r\n".join(("POST /signin/ HTTP/1.1", "Host: 127.0.0.1", *lines, "", "")).encode()


def answered(port: int, *parts: bytes) -> bytes:
    """What comes back while these parts are sent, until the server hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        found = b""
        try:
            for part in parts:
                line.sendall(part)
        except OSError:
            found = b"(hung up) "
        try:
            while some := line.recv(4096):
                found += some
        except ConnectionResetError:
            return found
        return found


def kept(running: Guarded) -> int:
    """Bytes in files without a name that the site holds: bodies that Django laid aside."""
    assert running.process
    below = psutil.Process(running.process.pid).children(recursive=True)
    files = [fd for one in below for fd in Path(f"/proc/{one.pid}/fd").iterdir()]
    unnamed = [fd for fd in files if "(deleted)" in str(fd.readlink())]
    return sum(fd.stat().st_size for fd in unnamed)


def test_an_upload_without_end_is_refused_and_not_kept(tmp_path: Path) -> None:
    with site(tmp_path) as (port, running):
        declared = answered(port, heads(f"Content-Length: {100 * MB}"))
        assert declared.startswith(b"HTTP/1.1 413 ")
        assert b"connection: close" in declared
        assert declared.endswith(entrance.TOO_LARGE.encode())

        part = b"%x\r\n%b\r\n" % (MB // 10, b"x" * (MB // 10))
        counted = answered(port, heads("Transfer-Encoding: chunked"), *[part] * 11)
        assert b"HTTP/1.1 413 " in counted
        assert kept(running) < 2 * MB

        whole = b"x" * MB
        assert ask(port, "POST", "/signin/", body=whole)[0] == 403  # no token of ours in it
        assert ask(port, "POST", "/signin/", body=whole + b"x")[0] == 413


# ---- where it came in --------------------------------------------------------------------


def through(server: tuple[str, int | None] | None, *, https: bool, kind: str = "http") -> int:
    """The status that a request meets which came in at this address; 200 is the site's own."""
    told: list[Any] = []

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(event: Any) -> None:
        told.append(event)

    scope = {"type": kind, "server": server, "headers": [(b"host", b"127.0.0.1")]}
    asyncio.run(entrance.guarded(application, https=https)(scope, receive, send))
    return int(told[0]["status"])


@pytest.mark.parametrize(
    ("server", "https", "status"),
    [
        (("127.0.0.1", 8000), False, 200),
        (("127.0.0.5", 8000), False, 200),
        (("::1", 8000), False, 200),
        (("::ffff:127.0.0.1", 8000), False, 200),
        (("localhost", 8000), False, 200),
        (("/run/site.sock", None), False, 200),
        (None, False, 200),
        (("192.0.2.1", 8000), False, 400),
        (("2001:db8::1", 8000), False, 400),
        (("::ffff:192.0.2.1", 8000), False, 400),
        (("posture.contoso.com", 8000), False, 400),
        (("192.0.2.1", 8000), True, 200),
    ],
)
def test_clear_text_is_spoken_on_loopback_alone(
    server: tuple[str, int | None] | None, https: bool, status: int
) -> None:
    assert through(server, https=https) == status


def test_what_is_no_request_passes() -> None:
    assert through(("192.0.2.1", 8000), https=False, kind="lifespan") == 200


def test_a_length_that_is_no_number_is_counted_as_it_comes() -> None:
    events = [{"type": "http.request", "body": b"x" * MB, "more_body": True}] * 2
    told: list[Any] = []
    heard: list[str] = []

    async def application(_scope: Any, receive: Any, _send: Any) -> None:
        while not heard or heard[-1] != "http.disconnect":
            heard.append((await receive())["type"])

    async def receive() -> dict[str, Any]:
        return events.pop(0)

    async def send(event: Any) -> None:
        told.append(event)

    scope = {"type": "http", "server": None, "headers": [(b"content-length", b"-1")]}
    asyncio.run(entrance.guarded(application, https=False)(scope, receive, send))
    assert heard == ["http.request", "http.disconnect"]
    assert told[0]["status"] == 413


# ---- on whose behalf ---------------------------------------------------------------------


def sign_in(port: int, password: str, *, frm: str, behalf: str) -> int:
    """Try this password from this address, which says on whose behalf."""
    token = "a" * 32
    return ask(
        port, "POST", "/signin/", frm=frm, body=f"username=oper&password={password}"
        f"&csrfmiddlewaretoken={token}", headers={
            "Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": behalf,
            "X-Forwarded-Proto": "https", "Host": "127.0.0.1", "Cookie": f"csrftoken={token}",
            "Referer": "https://127.0.0.1/signin/",
        },
    )[0]  # fmt: skip


def test_behind_a_trusted_proxy_each_client_is_counted_by_its_own_address(tmp_path: Path) -> None:
    trusted = {"MAILPOSTURE_HTTPS": "1", "FORWARDED_ALLOW_IPS": GATEWAY}
    with site(tmp_path, **trusted) as (port, _):
        guesses = [sign_in(port, "no", frm=GATEWAY, behalf="198.51.100.66") for _ in range(11)]
        assert guesses == [200] * 10 + [429]
        # Who says so himself is believed by nobody: all he tries is counted as his own.
        lies = [sign_in(port, "no", frm=STRANGER, behalf=f"198.51.100.{n}") for n in range(11)]
        assert lies == [200] * 10 + [429]
        right = "right+and+long"
        assert sign_in(port, right, frm=GATEWAY, behalf="198.51.100.66") == 429
        assert sign_in(port, right, frm=GATEWAY, behalf="203.0.113.7") == 302


def test_in_containers_the_gateway_of_their_network_is_trusted_and_nobody_else() -> None:
    found = yaml.safe_load((ROOT / "compose.yaml").read_text())
    (network,) = found["networks"]["default"]["ipam"]["config"]
    trusted = found["services"]["web"]["environment"]["FORWARDED_ALLOW_IPS"]
    assert trusted == network["gateway"]
