"""Workers on another machine, played by a second data folder: same database, queue and keys.

What runs is what docs/operations.md says to run there; nothing of the first folder runs but the
lab, and the other holds nothing but the keys.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.labs import Lab
from tests.servers import Guarded, ValkeyServer, own_database, until

ROOT = Path(__file__).parents[1]
MINUTE = 60.0
DONE = """
    select count(distinct s.tenant_id) from mailposture_snapshot s
    join mailposture_path p on p.tenant_id = s.tenant_id and p.current_id is not null
    join mailposture_vantagepoint v on v.id = p.vantage_point_id and v.slug = 'stranger'
"""


def environment(folder: Path, database: str, queue: str) -> dict[str, str]:
    """What a process on that machine is told."""
    return {
        "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"),
        "DATA_DIR": str(folder), "DATABASE_URL": database, "BROKER_URL": queue,
    }  # fmt: skip


def documented(folder: Path) -> list[list[str]]:
    """The commands of the documentation for another machine, as they are executed."""
    text = (ROOT / "docs" / "operations.md").read_text()
    section = text.split("## Workers on other machines")[1].split("\n## ")[0]
    lines = re.findall(r"^python -m (celery .+)$", section, re.MULTILINE)
    words = (shlex.split(line.replace("$DATA_DIR", str(folder))) for line in lines)
    return [[sys.executable, "-m", *found] for found in words]


@pytest.fixture
def database(lab: Lab, postgres_url: str) -> str:
    """A database on a server of its own, in which the lab's tenants wait for their first look."""
    url = own_database(postgres_url, "elsewhere")
    told = environment(lab.folder.parent, url, "")
    for words in (["migrate", "--verbosity", "0"], ["demo_seed"]):
        subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT, env=told, check=True, timeout=120, capture_output=True,
        )  # fmt: skip
    return url


@pytest.fixture
def machine(lab: Lab, tmp_path: Path, database: str) -> Path:
    """The other machine, on the lab's network: the keys were copied there once there were any."""
    assert database
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    shutil.copytree(lab.folder.parent / "keys", folder / "keys")
    (folder / "lab").symlink_to(lab.folder)
    return folder


@pytest.fixture
def elsewhere(
    machine: Path, database: str, valkey: ValkeyServer, lab: Lab
) -> Iterator[dict[str, Guarded]]:
    """Every worker and the clock there, and the vantage worker with its file."""
    told = environment(machine, database, valkey.url)
    place = lab.folder.parent / "vantage" / "stranger.toml"
    alone = {"MAILPOSTURE_VANTAGE": str(place), "DATABASE_URL": ""}
    vantage = [sys.executable, "-m", "celery", "-A", "mailposture.vantage", "worker"]
    processes = {" ".join(words[4:]): Guarded(words, told) for words in documented(machine)}
    processes["vantage"] = Guarded(vantage, told | alone)
    try:
        for process in processes.values():
            process.start()
        yield processes
    finally:
        for process in processes.values():
            process.kill()


@pytest.mark.timeout(240)
def test_workers_elsewhere_read_a_tenant_and_do_a_round(
    machine: Path, database: str, elsewhere: dict[str, Guarded]
) -> None:
    assert len(elsewhere) == 5
    with psycopg.connect(database, autocommit=True) as connection:

        def done() -> bool:
            (count,) = connection.execute(DONE).fetchone() or (0,)
            return bool(count)

        until(done, 2 * MINUTE)
        (failed,) = connection.execute(
            "select count(*) from mailposture_tenant where fetch_error like '%key%'"
        ).fetchone() or (None,)
    assert failed == 0
    assert not list(machine.glob("*.sqlite3"))
