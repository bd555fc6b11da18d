"""The same product on PostgreSQL: migrated, seeded, ticked, asked again, by its commands alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.labs import Lab
from tests.servers import own_database

MANAGE = Path(__file__).parents[1] / "manage.py"


def manage(lab: Lab, url: str, *arguments: str) -> str:
    """Run a command against this database; its output if it went well."""
    done = subprocess.run(
        [sys.executable, str(MANAGE), *arguments],
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "DATA_DIR": str(lab.folder.parent),
            "DATABASE_URL": url,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def database(lab: Lab, postgres_url: str) -> str:
    """PostgreSQL with the lab's tenants read and probed once."""
    url = own_database(postgres_url, "main_job")
    manage(lab, url, "migrate", "--verbosity", "0")
    manage(lab, url, "demo_seed")
    manage(lab, url, "tick")
    return url


def test_the_main_job_runs_on_postgresql(lab: Lab, database: str) -> None:
    with psycopg.connect(database) as connection:
        rows = connection.execute("select slug, state from mailposture_tenant").fetchall()
        assert dict(rows) == {
            "contoso": "open",
            "fabrikam": "closed",
            "tailspin": "open",
            "proseware": "unknown",
            "northwind": "closed",
            "adatum": "open",
            "litware": "partly",
            "wingtip": "open",
        }
        counted = "select count(*) from mailposture_observation"
        before = connection.execute(counted).fetchone()
    lab.scene("lock", "contoso")
    manage(lab, database, "tick", "--now", "2099-01-01T00:00:00")
    with psycopg.connect(database) as connection:
        changed = connection.execute(
            "select effect from mailposture_change where field = '' or field = 'Enabled'"
        ).fetchall()
        assert ("closes",) in changed
        assert connection.execute(counted).fetchone() > before  # type: ignore[operator]


def test_two_workers_at_once_lose_no_round_and_double_no_span(
    tmp_path: Path, postgres_url: str
) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "DATA_DIR": str(tmp_path),
        "DATABASE_URL": own_database(postgres_url, "races"),
        "MAILPOSTURE_EHLO_NAME": "probe.contoso.com",
        "MAILPOSTURE_SENDER_DOMAIN": "probe.contoso.com",
    }
    said = ""
    for command in ([str(MANAGE), "migrate", "--verbosity", "0"], ["-m", "tests.races"]):
        done = subprocess.run(
            [sys.executable, *command],
            env=environment,
            cwd=MANAGE.parent,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said = done.stdout
    found = json.loads(said)
    assert found == {
        "stuck": 0, "problems": [], "doubled": 0, "spans": 72, "state": "open",
        # The stranger's door opens every other hour, and the gateway's shuts then.
        "told": "orororororo" + "orororororor",
        "mails": 23,
        "removals": [],
    }  # fmt: skip
