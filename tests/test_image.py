"""The image and its compose file, held to what can be tried without building them."""

import configparser
import json
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from mailposture import broker
from mailposture.celery import app
from tests.servers import free_port

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
FAR: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "vantage.compose.yaml").read_text())[
    "services"
]["vantage"]
QUEUE_TLS: dict[str, Any] = yaml.safe_load(
    (ROOT / "deploy" / "queue-tls.compose.yaml").read_text()
)["services"]["queue"]
OURS = sorted(SERVICES.keys() - {"database", "queue"})
HADOLINT = Path(sys.executable).with_name("hadolint")


def copied() -> list[str]:
    """What the image takes from the source tree."""
    lines = re.findall(r"^COPY (?!--)(.+)$", DOCKERFILE, re.MULTILINE)
    return sorted({part for line in lines for part in line.split()[:-1]})


def command(words: str) -> list[str]:
    """The last CMD or HEALTHCHECK of the file, as it is executed."""
    found: list[str] = json.loads(re.findall(rf"{words} (\[.*\])", DOCKERFILE)[-1])
    return found


def test_the_linter_finds_nothing() -> None:
    done = subprocess.run(
        [HADOLINT, ROOT / "Dockerfile"], capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_it_runs_as_a_number_that_is_not_root_and_keeps_its_data_in_a_volume() -> None:
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    assert re.search(r"^VOLUME /data$", DOCKERFILE, re.MULTILINE)
    assert DOCKERFILE.index("USER 10001") < DOCKERFILE.index("\nCMD ")
    assert "--require-hashes" in DOCKERFILE
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["python:3.13-slim-bookworm"] * 2


def test_what_it_copies_is_there_and_reaches_the_builder() -> None:
    sent = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert copied() == sorted(sent)
    assert all((ROOT / path).exists() for path in sent)


def test_every_process_of_ours_is_read_only_and_without_rights() -> None:
    for name in OURS:
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["image"] == "mailposture"


def test_only_the_site_is_published_and_only_on_loopback() -> None:
    published = {name: s["ports"] for name, s in SERVICES.items() if "ports" in s}
    assert published == {"web": ["127.0.0.1:8000:8000"]}


def test_secrets_stand_in_no_file() -> None:
    text = (ROOT / "compose.yaml").read_text()
    for line in text.splitlines():
        if "PASSWORD" in line and not line.lstrip().startswith("#"):
            assert "${" in line


def interpolated(given: Mapping[str, str]) -> dict[str, str]:
    """The environment of the site as Compose makes it of what stands in `.env`."""

    def value(found: re.Match[str]) -> str:
        name, sign, more = found["name"], found["sign"], found["more"]
        if sign == ":?" and not given.get(name):
            raise KeyError(f"{name}: {more}")
        return given.get(name) or (more if sign == ":-" else "")

    variable = re.compile(r"\$\{(?P<name>\w+)(?:(?P<sign>:[-?])(?P<more>[^}]*))?\}")
    return {
        name: variable.sub(value, text) for name, text in SERVICES["web"]["environment"].items()
    }


ENV = {
    "POSTGRES_PASSWORD": "p/a@ss:w#rd%41", "VALKEY_PASSWORD": "a1b2c3",
    "ALLOWED_HOSTS": "posture.example.org, posture.example.net",
}  # fmt: skip
LOOK = """
import json, os, django
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailposture.settings")
django.setup()
from django.conf import settings as s
d = s.DATABASES["default"]
print(json.dumps([d["HOST"], d["PASSWORD"], s.PUBLIC_URL, s.NAMES, s.CSRF_TRUSTED_ORIGINS,
                  s.MAIL_FROM, s.FETCH_EVERY.total_seconds(), s.PROBE_EVERY.total_seconds()]))
"""


def found_in_the_site(tmp_path: Path, **more: str) -> list[Any]:
    """What the site makes of the environment that Compose gives it."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", LOOK],
        cwd=ROOT, env={**interpolated(ENV | more), **environment},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    found: list[Any] = json.loads(done.stdout)
    return found


def test_several_names_and_a_password_of_any_signs_arrive_whole(tmp_path: Path) -> None:
    names = ["posture.example.org", "posture.example.net"]
    assert found_in_the_site(tmp_path) == [
        "database", "p/a@ss:w#rd%41", "https://posture.example.org", names,
        [f"https://{name}" for name in names], "mailposture@localhost", 900.0, 21600.0,
    ]  # fmt: skip


def test_what_is_set_in_the_file_of_secrets_reaches_every_process_of_ours(tmp_path: Path) -> None:
    more = {
        "MAILPOSTURE_PUBLIC_URL": "https://mail.example.org/",
        "MAILPOSTURE_MAIL_FROM": "a@b.example",
        "MAILPOSTURE_FETCH_EVERY": "600", "MAILPOSTURE_PROBE_EVERY": "7200",
    }  # fmt: skip
    found = found_in_the_site(tmp_path, **more)
    assert found[2] == "https://mail.example.org"
    assert found[5:] == ["a@b.example", 600.0, 7200.0]
    for name in ("migrate", "central", "reader", "errands", "beat"):
        assert set(interpolated(ENV)) - {"FORWARDED_ALLOW_IPS"} == set(
            SERVICES[name]["environment"]
        )


@pytest.mark.parametrize("name", sorted(ENV))
def test_without_what_it_cannot_do_without_nothing_starts(name: str) -> None:
    with pytest.raises(KeyError, match=name):
        interpolated({**ENV, name: ""})


def test_the_documentation_names_what_the_file_of_secrets_may_hold() -> None:
    pages = ("README.md", "docs/operations.md", "docs/vantage-points.md")
    said = "".join((ROOT / page).read_text() for page in pages)
    names = re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text())
    assert [name for name in names if name not in said] == []


def test_what_the_documentation_says_can_be_set_reaches_the_processes() -> None:
    said = (ROOT / "docs" / "operations.md").read_text() + (ROOT / "README.md").read_text()
    tables = {
        name
        for line in said.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(MAILPOSTURE_[A-Z_]+|SMTP_URL)`", line.split("|")[1])
    }
    assert {"MAILPOSTURE_TRAFFIC_DAYS", "MAILPOSTURE_LEASE"} <= tables
    # A lab is no part of what runs in containers.
    lacking = tables - SERVICES["web"]["environment"].keys() - {"MAILPOSTURE_LAB_NETWORKS"}
    assert lacking == set()


def test_every_queue_has_a_worker_and_every_worker_a_queue_that_exists() -> None:
    served = [
        s["command"][s["command"].index("-Q") + 1]
        for s in SERVICES.values()
        if "-Q" in s.get("command", [])
    ]
    assert sorted(served) == sorted(queue.name for queue in app.conf.task_queues)
    assert broker.ERRANDS in served


def test_whoever_uses_the_database_waits_for_its_migration() -> None:
    for name in OURS:
        if name not in ("migrate", "vantage"):
            waits = SERVICES[name]["depends_on"]
            assert waits["migrate"] == {"condition": "service_completed_successfully"}
            assert waits["queue"] == {"condition": "service_healthy"}
    assert SERVICES["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}


def test_a_vantage_point_is_told_no_address_of_the_database() -> None:
    for service in (SERVICES["vantage"], FAR):
        assert service.get("environment", {}) == {}
        assert service["volumes"] == ["vantage:/vantage"]
    assert re.search(r"install -d -o 10001 .* /vantage$", DOCKERFILE, re.MULTILINE)


def test_a_vantage_point_elsewhere_is_run_as_the_one_here() -> None:
    for part in ("image", "command", "read_only", "cap_drop", "security_opt", "tmpfs", "restart"):
        assert FAR[part] == SERVICES["vantage"][part]
    assert FAR["healthcheck"] == {"disable": True}
    assert "ports" not in FAR


def test_the_queue_speaks_tls_to_others_and_is_else_the_same() -> None:
    plain, tls = SERVICES["queue"], QUEUE_TLS
    assert tls["command"][: len(plain["command"])] == plain["command"]
    assert tls["ports"] == ["6380:6380"]
    assert set(plain["volumes"]) <= set(tls["volumes"])
    for name in ("--tls-cert-file", "--tls-key-file"):
        assert tls["command"][tls["command"].index(name) + 1].startswith("/tls/")


def test_the_unit_runs_what_there_is_with_a_folder_for_each_place() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.read(ROOT / "deploy" / "mailposture-vantage@.service")
    service = unit["Service"]
    words = service["ExecStart"].split()
    assert words[1:4] == ["-m", "mailposture.vantage_point", "run"]
    assert words[4:] == ["--folder", "/var/lib/mailposture-vantage/%i"]
    assert [service[n] for n in ("NoNewPrivileges", "ProtectHome", "PrivateTmp")] == ["yes"] * 3
    assert service["User"] == "mailposture-vantage"


@pytest.mark.parametrize("name", [n for n in OURS if "command" in SERVICES[n]])
def test_every_command_is_one_that_exists(name: str) -> None:
    words = [w for w in SERVICES[name]["command"] if w]
    if words[:2] == ["python", "-m"]:
        asked = [sys.executable, *words[1:4], "--help"]
    elif words[0] == "python":
        asked = [sys.executable, str(ROOT / words[1]), words[2], "--help"]
    else:
        asked = [sys.executable, "-m", "celery", *words[1:4], "--help"]
    done = subprocess.run(
        asked, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": "/usr/bin:/bin", "MAILPOSTURE_VANTAGE": "", "HOME": "/nonexistent"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    options = {w for w in words if w.startswith("--")}
    assert all(option in done.stdout for option in options)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image's own steps in a bare folder: its files, a bare environment, the locked list."""
    folder = tmp_path_factory.mktemp("image")
    for path in copied():
        source, target = ROOT / path, folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    subprocess.run([sys.executable, "-m", "venv", folder / ".venv"], check=True, timeout=60)
    python = folder / ".venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "--no-cache-dir", "--require-hashes", "-r",
         folder / "requirements.txt"],
        check=True, timeout=300,
    )  # fmt: skip
    return folder


@pytest.mark.timeout(420)
def test_the_same_steps_make_a_site_that_says_it_is_well(installed: Path, tmp_path: Path) -> None:
    port = free_port()
    environment = {
        "PATH": f"{installed / '.venv' / 'bin'}:/usr/bin:/bin", "DATA_DIR": str(tmp_path),
        "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/nonexistent",
    }  # fmt: skip
    subprocess.run(
        ["python", "manage.py", "migrate", "--noinput", "--verbosity", "0"],
        cwd=installed, env=environment, check=True, timeout=120,
    )  # fmt: skip
    words = [str(port) if word == "8000" else word for word in command("CMD")]
    words = ["127.0.0.1" if word == "0.0.0.0" else word for word in words]  # noqa: S104
    process = subprocess.Popen(words, cwd=installed, env=environment, stderr=subprocess.PIPE)
    try:
        assert answers(f"http://127.0.0.1:{port}/healthz") == 200
        assert not list(installed.rglob("__pycache__/settings*"))
    finally:
        process.terminate()
        process.wait(20)
        assert process.stderr
        process.stderr.close()


def answers(address: str) -> int:
    """The status there, once something listens."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.URLError:
            time.sleep(0.1)  # between two tries only
    return 0


def test_the_health_check_asks_the_address_that_answers() -> None:
    (line,) = [w for w in command("CMD") if "healthz" in w] or [
        w for w in json.loads(re.findall(r"CMD (\[.*healthz.*\])", DOCKERFILE)[0]) if "healthz" in w
    ]
    compile(line, "healthcheck", "exec")
    assert "http://127.0.0.1:8000/healthz" in line
