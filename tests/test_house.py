"""The whole product from one command, as a person starts, finds and stops it."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import requests

from mailposture import runtime
from mailposture.management import house
from mailposture.management.programs import Plan, programs
from mailposture.management.supervisor import StartError
from tests.servers import ValkeyServer, descendants, is_alive, until

ROOT = Path(__file__).parent.parent
LINK = re.compile(r"Open http://127\.0\.0\.1:(\d+)/start/([\w-]{20,})")


class Demo:
    """`manage.py demo` in a process of its own."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "demo"],
            cwd=ROOT,
            env={**os.environ, "DATA_DIR": str(data), "PORT": "0", **environment},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.said: list[str] = []

    def address(self) -> re.Match[str]:
        """Wait for the line that says where it is."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(line)
            if line.startswith("Open"):
                break
        found = LINK.fullmatch(self.said[-1].rstrip("\n"))
        assert found, self.said
        return found


@pytest.fixture
def demos() -> Iterator[list[Demo]]:
    found: list[Demo] = []
    yield found
    for demo in found:
        if demo.process.poll() is None:
            demo.process.kill()
        demo.process.communicate()


def manage(data: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(data)},
        check=False,
        capture_output=True,
        text=True,
    )


def test_a_demo_is_started_found_stopped_and_started_again(
    demos: list[Demo], tmp_path: Path
) -> None:
    demos.append(Demo(tmp_path))
    port, token = demos[0].address().groups()
    site = f"http://127.0.0.1:{port}"
    assert requests.get(f"{site}/healthz", timeout=10).status_code == 200
    assert sum("Open " in line for line in demos[0].said) == 1
    second = manage(tmp_path, "demo")
    assert (second.returncode, second.stdout) == (
        1,
        f"Mailposture already runs on {tmp_path}: stop it, or set DATA_DIR to another folder.\n",
    )
    assert manage(tmp_path, "signin_link").stdout.startswith(f"{site}/start/")
    broker_url = runtime.broker_url(tmp_path, {})
    assert broker_url
    with redis.Redis.from_url(broker_url) as client:
        assert client.config_get("appendonly") == {"appendonly": "yes"}
    everybody = descendants(demos[0].process.pid)
    assert len(everybody) >= 12
    os.killpg(demos[0].process.pid, signal.SIGINT)
    assert demos[0].process.wait(10) == 0
    assert [pid for pid in everybody if is_alive(pid)] == []
    assert runtime.lab(tmp_path) is runtime.supervisor(tmp_path) is None

    demos.append(Demo(tmp_path))
    assert demos[1].address()[2] != token
    everybody = descendants(demos[1].process.pid)
    demos[1].process.kill()
    demos[1].process.wait(10)
    until(lambda: not any(is_alive(pid) for pid in everybody), seconds=20)
    assert all(token not in log.read_text() for log in (tmp_path / "log").iterdir())


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        demo = subprocess.run(
            [sys.executable, "manage.py", "run"],
            cwd=ROOT,
            env={**os.environ, "DATA_DIR": str(tmp_path), "PORT": str(port)},
            check=False,
            capture_output=True,
            text=True,
        )
    assert demo.returncode == 1
    assert demo.stdout == f"Port {port} is taken: set PORT to another one.\n"
    assert demo.stderr == ""


def test_a_queue_that_does_not_answer_is_one_clear_line(tmp_path: Path) -> None:
    demo = Demo(tmp_path, BROKER_URL="redis://127.0.0.1:1/0")
    said, _ = demo.process.communicate(timeout=30)
    assert demo.process.returncode == 1
    assert said.startswith("The queue at 127.0.0.1 does not answer: ")
    assert said.count("\n") == 1


def test_a_database_that_does_not_answer_is_one_clear_line(tmp_path: Path) -> None:
    demo = Demo(tmp_path, DATABASE_URL="postgres://nobody@127.0.0.1:1/none?connect_timeout=2")
    said, _ = demo.process.communicate(timeout=30)
    assert demo.process.returncode == 1
    assert said.startswith("The database cannot be used: ")
    assert said.count("\n") == 1


def plan(data: Path, **changed: Any) -> Plan:
    facts = {"port": 8000, "queue_port": 7000, "with_lab": False, "manage": ROOT / "manage.py"}
    return Plan(data=data, **{**facts, **changed})


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        (
            {},
            ["valkey", "demo_seed", "web", "central", "reader", "errands", "vantage-here", "beat"],
        ),
        (
            {"queue_port": None},
            ["demo_seed", "web", "central", "reader", "errands", "vantage-here", "beat"],
        ),
        (
            {"with_lab": True},
            ["lab", "valkey", "demo_seed", "web", "central", "reader", "errands"]
            + [f"vantage-{name}" for name in ("gateway", "hybrid", "stranger")]
            + ["beat"],
        ),
    ],
)
def test_what_runs_starts_in_this_order(
    tmp_path: Path, changed: dict[str, Any], names: list[str]
) -> None:
    found = programs(plan(tmp_path, **changed))
    assert [program.name for program in found] == names
    assert [program.stage for program in found] == sorted(p.stage for p in found)


def test_a_vantage_worker_for_each_file_beside_that_of_this_host(tmp_path: Path) -> None:
    (tmp_path / "vantage").mkdir()
    for name in ("frankfurt", "stranger"):
        (tmp_path / "vantage" / f"{name}.toml").touch()
    found = {p.name: p for p in programs(plan(tmp_path)) if p.name.startswith("vantage")}
    assert sorted(found) == ["vantage-frankfurt", "vantage-here"]
    environment = found["vantage-frankfurt"].environment
    assert environment["MAILPOSTURE_VANTAGE"] == str(tmp_path / "vantage" / "frankfurt.toml")
    assert environment["DATABASE_URL"] == ""


def test_all_graces_together_are_less_than_ten_seconds(tmp_path: Path) -> None:
    stages: dict[int, float] = {}
    for program in programs(plan(tmp_path, with_lab=True)):
        if not program.once:
            stages[program.stage] = max(stages.get(program.stage, 0), program.grace)
    assert sum(stages.values()) < 10


def test_an_old_queue_is_refused_by_its_version(valkey: ValkeyServer) -> None:
    house.try_queue(valkey.url)
    with pytest.raises(StartError, match=r"is version 7\.2\.\d+: 99 or newer is needed"):
        house.try_queue(valkey.url, oldest=(99,))
