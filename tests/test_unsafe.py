"""What is unsafe is not started, and each line says how to mend it."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailposture.unsafe import EVERYWHERE, Start, faults, listener

ROOT = Path(__file__).parents[1]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """A start of which nothing is wrong."""
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    (keys / "secret").write_text("x" * 64)
    (keys / "secret").chmod(0o600)
    return Start(
        debug=False, names=(), https=False, keys=keys, database={"HOST": ""},
        broker_url="redis://:secret@127.0.0.1:6379/0",
    )  # fmt: skip


def test_a_safe_start_has_no_fault(start: Start) -> None:
    assert list(faults(start)) == []
    public = replace(start, names=("posture.contoso.com",), https=True)
    assert list(faults(public)) == []
    assert list(faults(replace(start, keys=start.keys / "none"))) == []


@pytest.mark.parametrize(
    ("changes", "says", "mend"),
    [
        ({"debug": True}, "DEBUG is on", "Turn it off"),
        ({"names": ("*",), "https": True}, "any name", "Write the site's own"),
        ({"names": ("*.contoso.com",), "https": True}, "any name", "Write the site's own"),
        ({"names": (".com",), "https": True}, "any name", "Write the site's own"),
        ({"names": (".",), "https": True}, "any name", "Write the site's own"),
        ({"listener": EVERYWHERE, "https": True}, "on 0.0.0.0", "ALLOWED_HOSTS"),
        ({"listener": "192.0.2.7:8000", "https": True, "names": ("localhost",)}, "192.0.2.7",
         "ALLOWED_HOSTS"),
        ({"listener": ":8000", "https": True}, "on :8000", "ALLOWED_HOSTS"),
        ({"listener": "::", "names": ("posture.contoso.com",)}, "clear text",
         "MAILPOSTURE_HTTPS=1"),
        ({"names": ("posture.contoso.com",)}, "clear text", "MAILPOSTURE_HTTPS=1"),
        ({"names": ("192.0.2.7",)}, "clear text", "MAILPOSTURE_HTTPS=1"),
        ({"database": {"HOST": "192.0.2.5"}}, "database on 192.0.2.5", "DATABASE_URL"),
        ({"database": {"HOST": "db.contoso.com", "PASSWORD": ""}}, "on db.contoso.com",
         "DATABASE_URL"),
        ({"broker_url": "redis://192.0.2.6:6379/0"}, "queue on 192.0.2.6", "BROKER_URL"),
        ({"proxies": "*"}, "FORWARDED_ALLOW_IPS is *", "that the proxy connects from"),
        ({"proxies": "172.31.77.1,*"}, "guess passwords", "that the proxy connects from"),
    ],
)  # fmt: skip
def test_each_unsafe_setting_is_named_with_its_cure(
    start: Start, changes: dict[str, Any], says: str, mend: str
) -> None:
    (fault,) = faults(replace(start, **changes))
    assert says in fault
    assert mend in fault


@pytest.mark.parametrize(
    "changes",
    [
        {"names": ("localhost", "127.0.0.1", "[::1]")},
        {"database": {"HOST": "/var/run/postgresql"}},
        {"database": {"HOST": "192.0.2.5", "PASSWORD": "x"}},
        {"broker_url": None},
        {"broker_url": "rediss://:x@192.0.2.6:6379/0"},
        {"broker_url": "redis://127.0.0.1/0"},
        {"names": (".contoso.com",), "https": True},
        {"listener": EVERYWHERE, "names": ("posture.contoso.com",), "https": True},
        {"listener": "127.0.0.1:8000"},
        {"listener": "[::1]:8000"},
        {"listener": "unix:/run/site.sock"},
    ],
)
def test_what_stays_on_this_machine_or_is_locked_is_safe(
    start: Start, changes: dict[str, Any]
) -> None:
    assert list(faults(replace(start, **changes))) == []


def test_listening_for_others_needs_a_name_and_https(start: Start) -> None:
    for_all = list(faults(replace(start, listener=EVERYWHERE)))
    assert [("ALLOWED_HOSTS" in f, "MAILPOSTURE_HTTPS=1" in f) for f in for_all] == [
        (True, False), (False, True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "environment", "found"),
    [
        ("", {}, "127.0.0.1"),
        ("mailposture.asgi:application", {}, "127.0.0.1"),
        ("mailposture.asgi:application --host 0.0.0.0 --port 8000", {}, EVERYWHERE),
        ("--host=::", {}, "::"),
        ("--bind [::]:8000 app", {}, "[::]:8000"),
        ("app -b unix:/run/site.sock", {}, "unix:/run/site.sock"),
        ("app --uds /run/site.sock", {"UVICORN_HOST": EVERYWHERE}, "127.0.0.1"),
        ("app", {"UVICORN_HOST": "192.0.2.7"}, "192.0.2.7"),
        ("app --host 127.0.0.1", {"UVICORN_HOST": "192.0.2.7"}, "127.0.0.1"),
        ("app --port 8000 --host", {}, EVERYWHERE),
    ],
)
def test_where_the_site_listens_is_what_its_server_was_told(
    words: str, environment: dict[str, str], found: str
) -> None:
    assert listener(words.split(), environment) == found


def test_the_image_as_it_is_started_refuses_to_be_reached_without_a_name(tmp_path: Path) -> None:
    (command,) = re.findall(r"^CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    words = ["0" if word == "8000" else word for word in json.loads(command)]
    done = subprocess.run(
        [sys.executable, *words[1:]],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "DATA_DIR": str(tmp_path)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    refused = [line for line in done.stderr.splitlines() if line.startswith("Not started: ")]
    assert len(refused) == 2
    assert "listens on 0.0.0.0" in refused[0]


def test_keys_that_others_may_read_and_short_ones_are_refused(start: Start) -> None:
    (start.keys / "secret").write_text("short")
    (fault,) = faults(start)
    assert "too short" in fault
    (start.keys / "secret").chmod(0o640)
    assert any("chmod -R go-rwx" in fault for fault in faults(start))


@pytest.mark.parametrize(
    "words",
    [
        ["-m", "uvicorn", "mailposture.asgi:application", "--port", "0", "--lifespan", "off"],
        ["-m", "celery", "-A", "mailposture.celery", "worker", "--pool", "solo"],
        ["-m", "celery", "-A", "mailposture.celery", "beat", "--pidfile", "", "--schedule", "beat"],
    ],
    ids=["site", "worker", "clock"],
)
def test_site_worker_and_clock_refuse_alike(tmp_path: Path, words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"),
            "DATA_DIR": str(tmp_path), "ALLOWED_HOSTS": "posture.contoso.com",
            "BROKER_URL": "redis://127.0.0.1:1/0", "PYTHONPATH": str(ROOT),
        },
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    refused = [line for line in done.stderr.splitlines() if line.startswith("Not started: ")]
    assert len(refused) == 1
    assert "MAILPOSTURE_HTTPS=1" in refused[0]
