"""Settings come from the environment, else from a running demo, and leave nothing on disk."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from django.conf import settings
from django.http import StreamingHttpResponse
from django.test import AsyncClient, Client

from mailposture import runtime
from tests.servers import free_port

ROOT = Path(__file__).parent.parent
ASK = """
import json, django, sys
django.setup()
from django.conf import settings
print(json.dumps({name: eval("settings." + name) for name in sys.argv[1:]}, default=str))
"""


def ask(data: Path, *names: str, **environment: str) -> dict[str, Any]:
    """What a fresh process finds in its settings, on this data folder."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MAILPOSTURE_")}
    answer = subprocess.run(
        [sys.executable, "-c", ASK, *names],
        env={**clean, "DATA_DIR": str(data), **environment},
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def test_loading_them_writes_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert ask(data, "DEBUG", "LAB", "BROKER_URL") == {
        "DEBUG": False,
        "LAB": None,
        "BROKER_URL": None,
    }
    assert not data.exists()


def test_the_secret_key_is_made_when_it_is_first_used(tmp_path: Path) -> None:
    first = ask(tmp_path / "data", "SECRET_KEY")
    assert len(first["SECRET_KEY"]) > 50
    assert ask(tmp_path / "data", "SECRET_KEY") == first
    assert [p.name for p in (tmp_path / "data" / "keys").iterdir()] == ["secret"]


def test_the_defaults_are_this_machine_alone(tmp_path: Path) -> None:
    names = ("ALLOWED_HOSTS", "PORT", "LAB_NETWORKS", "SENDER_DOMAIN", "RESOLVER", "FETCH_EVERY")
    assert ask(tmp_path, *names) == {
        "ALLOWED_HOSTS": ["127.0.0.1", "localhost", "[::1]"],
        "PORT": 8000,
        "LAB_NETWORKS": [],
        "SENDER_DOMAIN": None,
        "RESOLVER": None,
        "FETCH_EVERY": "0:15:00",
    }


def test_the_environment_is_honoured(tmp_path: Path) -> None:
    found = ask(
        tmp_path,
        *("ALLOWED_HOSTS", "PORT", "LAB_NETWORKS", "RESOLVER", "PROBE_EVERY", "DATABASES"),
        ALLOWED_HOSTS="posture.example, mail.example",
        PORT="8123",
        DATABASE_URL="postgres://u:p@db.example:5432/posture",
        MAILPOSTURE_LAB_NETWORKS="127.0.0.0/8, ::1/128",
        MAILPOSTURE_RESOLVER="127.0.0.1:53",
        MAILPOSTURE_PROBE_EVERY="90",
    )
    assert found.pop("DATABASES")["default"]["HOST"] == "db.example"
    assert found == {
        "ALLOWED_HOSTS": ["posture.example", "mail.example", "127.0.0.1", "localhost", "[::1]"],
        "PORT": 8123,
        "LAB_NETWORKS": ["127.0.0.0/8", "::1/128"],
        "RESOLVER": "127.0.0.1:53",
        "PROBE_EVERY": "0:01:30",
    }


def test_a_network_with_a_slip_of_the_pen_is_refused(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        ask(tmp_path, "LAB_NETWORKS", MAILPOSTURE_LAB_NETWORKS="127.0.0.1/8")
    assert "has host bits set" in refused.value.stderr


def test_a_running_demo_is_found_by_its_data_folder(tmp_path: Path) -> None:
    runtime.write(tmp_path / "runtime.json", {"broker_url": "redis://127.0.0.1:7/0"})
    lab = {"networks": "127.0.0.0/8", "resolver": "127.0.0.1:5300"}
    runtime.write(tmp_path / "lab" / "lab.json", lab)
    names = ("BROKER_URL", "LAB", "LAB_NETWORKS", "RESOLVER", "FETCH_EVERY", "PROBE_EVERY")
    locks = (tmp_path / "supervisor.lock", tmp_path / "lab" / "lab.lock")
    with runtime.holding(locks[0]), runtime.holding(locks[1]):
        found = ask(tmp_path, *names)
    assert found == {
        "BROKER_URL": "redis://127.0.0.1:7/0",
        "LAB": lab,
        "LAB_NETWORKS": ["127.0.0.0/8"],
        "RESOLVER": "127.0.0.1:5300",
        "FETCH_EVERY": "0:00:15",
        "PROBE_EVERY": "0:00:30",
    }


def test_sqlite_waits_its_turn_and_keeps_a_journal(tmp_path: Path) -> None:
    options = ask(tmp_path, "DATABASES")["DATABASES"]["default"]["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert options["timeout"] == 20
    assert "journal_mode=WAL" in options["init_command"]


def test_the_first_command_that_needs_the_database_makes_its_folder(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    environment = {**os.environ, "DATA_DIR": str(data)}
    command = [sys.executable, "manage.py", "check", "--database", "default"]
    subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True)
    assert [p.name for p in data.iterdir()] == ["mailposture.sqlite3"]
    assert data.stat().st_mode & 0o077 == 0


def test_every_answer_carries_the_policy_for_browsers(client: Client) -> None:
    policy = client.get("/healthz").headers["Content-Security-Policy"]
    assert policy.split("; ")[:3] == [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    ]
    assert "unsafe" not in policy
    assert {"form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(
        policy.split("; ")
    )


def test_the_health_page_asks_for_no_sign_in(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")


async def test_static_files_are_served_with_debug_off() -> None:
    assert settings.DEBUG is False
    source = next(p for p in sorted((ROOT / "static").rglob("*")) if p.suffix == ".css")
    address = f"/static/{source.relative_to(ROOT / 'static').as_posix()}"
    answer = await AsyncClient().get(address)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/css")
    body = cast("StreamingHttpResponse", answer)
    assert b"".join([part async for part in body]) == source.read_bytes()
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_sign_in_token_never_reaches_a_log(tmp_path: Path) -> None:
    port = free_port()
    script = f"""
import asyncio, sys, urllib.request, urllib.error, uvicorn
server = uvicorn.Server(uvicorn.Config("mailposture.asgi:application", port={port}, lifespan="off"))
async def main():
    serving = asyncio.create_task(server.serve())
    while not server.started: await asyncio.sleep(0.02)
    for path in ("start/very-secret-token", "start/very-secret-token/?next=1", "healthz"):
        try: await asyncio.to_thread(urllib.request.urlopen, "http://127.0.0.1:{port}/" + path)
        except urllib.error.HTTPError: pass
    server.should_exit = True
    await serving
asyncio.run(main())
"""
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "NO_PROXY": "*"}
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    said = ran.stdout + ran.stderr
    assert "GET /start/..." in said
    assert "GET /healthz" in said
    assert "very-secret-token" not in said


def test_a_budget_is_two_numbers(tmp_path: Path) -> None:
    names = ("BUDGET_TARGET", "BUDGET_ADDRESS")
    assert ask(tmp_path, *names) == {"BUDGET_TARGET": [120, 240], "BUDGET_ADDRESS": [600, 20]}
    told = ask(tmp_path, *names, MAILPOSTURE_BUDGET_TARGET="0.5/10")
    assert told == {"BUDGET_TARGET": [0.5, 10], "BUDGET_ADDRESS": [600, 20]}


@pytest.mark.parametrize("said", ["120", "0/10", "10/0", "nan/5", "a/b", "1/2/3", "-1/5", "inf/5"])
def test_a_budget_that_is_none_is_said_in_one_line(tmp_path: Path, said: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        ask(tmp_path, "BUDGET_WHOLE", MAILPOSTURE_BUDGET_WHOLE=said)
    assert refused.value.returncode == 2
    assert refused.value.stderr.startswith("MAILPOSTURE_BUDGET_WHOLE cannot be read: ")
    assert refused.value.stderr.count("\n") == 1
