"""`manage.py move_database`: every row of every table arrives on a real PostgreSQL, proved."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from mailposture import runtime
from mailposture.services import moving
from tests.servers import free_port, own_database

ROOT = Path(__file__).parents[1]

# Rows of every kind, with a path and its answer that name each other.
FILL = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "mailposture.settings"
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.db import SessionStore
from mailposture import models
from mailposture.core.alerting import Kind, Level, Seen
from mailposture.services import audit, incidents, reporting, subscribing
from tests import factories as make
from tests.factories import NOW, ago
tenant = make.tenant("contoso", state="open", standing={"domains": {"contoso.com": "open"}})
make.source(tenant)
before = make.snapshot(tenant, make.configuration(make.lock()), ago(days=2), ago(days=1))
after = make.snapshot(tenant, make.configuration(), ago(hours=20))
after.changes.create(tenant=tenant, before=before, at=ago(hours=20), part="inbound_connectors",
    subject='Lock "to" \\u202e gateway', kind="removed", was="x", now=None, sentence="gone")
place = make.stranger()
for path in make.paths(tenant, place):
    make.answered(path, "open", ago(hours=19), tries=[{"transcript": {"a": [1, 2.5, None]}}])
    path.windows.create(tenant=tenant, first_open_at=ago(hours=19))
tenant.coverage.create(vantage_point=place, since=ago(days=1), until=NOW, missing=[1])
tenant.endpoints.create(domain="contoso.com", host="h", found_by="dash", first_seen_at=NOW)
tenant.recipients.create(domain="contoso.com", address="a@contoso.com")
look = tenant.rounds.create(kind="asked", due_at=NOW, tally={"strangers": {"open": 3}})
look.shards.create(tenant=tenant, vantage_point=place, due_at=NOW, targets=[{"path": 1}])
models.Credential.objects.create(tenant=tenant, kind="secret", client_id=tenant.tenant_id,
    sealed="s", updated_at=NOW)
models.StartLink.objects.create(digest="d", created_at=NOW, expires_at=NOW)
user = User.objects.create_user("alex", is_staff=True)
user.groups.add(Group.objects.create(name="security"))
user.user_permissions.add(1)
subscribing.subscribe("security@example.com", None, NOW, user=user)
tenant.findings.create(rule="MP-01", severity="critical", rank=0, sentence="open", opened_at=NOW,
    document={"evidence": ["x", 1, None]})
tenant.exceptions.create(rule="MP-01", sentence="open", severity="critical", reason="a printer",
    scope={"addresses": ["192.0.2.30"]}, owner="alex", asked_at=NOW, asker=user, asked_by="alex",
    expires_at=NOW, outside=["more"]).findings.add(tenant.findings.get())
models.Awake.objects.create(since=ago(days=1), until=NOW)
models.Halt.objects.create(since=ago(days=1), until=NOW, who="operator", reason="a test")
tenant.seen_senders.create(how="trace", source="198.51.100.7", recipient_domain="contoso.com",
                           day=NOW.date(), messages=7, imported_at=NOW)
case = incidents.Case(kind=Kind.BYPASS, tenant=tenant)
incidents.look(case, Seen(level=Level.WHOLE, at=NOW), NOW)
reporting.ask(tenant, NOW.date(), NOW.date().replace(day=26), NOW, user=user)
session = SessionStore(); session["a"] = 1; session.save()
"""


def python(folder: Path, *arguments: str, database: str = "") -> "subprocess.CompletedProcess[str]":
    """A process of its own on this data folder."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"),
            "DATA_DIR": str(folder), "DATABASE_URL": database,
        },
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose SQLite database has rows of every model."""
    folder = tmp_path_factory.mktemp("moving")
    done = python(folder, "-c", FILL)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def target(postgres_url: str) -> str:
    """An empty database on a real server."""
    return own_database(postgres_url, f"moved_{time.monotonic_ns()}")


def move(folder: Path, url: str) -> "subprocess.CompletedProcess[str]":
    return python(folder, "manage.py", "move_database", "--to", url)


def test_every_row_of_every_table_arrives_and_the_product_goes_on(
    filled: Path, target: str
) -> None:
    done = move(filled, target)
    assert done.returncode == 0, done.stderr
    counts = {
        words[1]: int(words[0].replace(",", ""))
        for words in (line.split() for line in done.stdout.splitlines()[:-1])
    }
    # A model that nobody fills here would be moved without proof.
    empty = {table for table, rows in counts.items() if not rows}
    assert empty == {"auth_group_permissions"}
    with psycopg.connect(target) as connection:
        for table, rows in counts.items():
            counted = sql.SQL("select count(*) from {}").format(sql.Identifier(table))
            # That it was moved is one act more in the trail there.
            acts = int(table == "mailposture_auditevent")
            assert connection.execute(counted).fetchone() == (rows + acts,)
        named = connection.execute(
            "select count(*) from mailposture_path p join mailposture_observation o "
            "on p.current_id = o.id and o.path_id = p.id"
        ).fetchone()
        assert named == (3,)
    more = (
        "import os, django; os.environ['DJANGO_SETTINGS_MODULE']='mailposture.settings';"
        "django.setup(); from tests import factories as make; print(make.tenant('fabrikam').pk)"
    )
    assert int(python(filled, "-c", more, database=target).stdout) > 1
    there = python(filled, "manage.py", "audit", database=target).stdout
    assert "moved the database" in there
    assert "moved the database" not in python(filled, "manage.py", "audit").stdout


def test_a_target_that_holds_rows_is_refused_and_left_alone(filled: Path, target: str) -> None:
    assert move(filled, target).returncode == 0
    again = move(filled, target)
    assert again.returncode == 2
    assert "already holds rows" in again.stderr
    assert len(again.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("sqlite:///x.sqlite3", "Only PostgreSQL"),
        ("nonsense", "none of a database"),
        ("postgres://127.0.0.1:{port}/nowhere", "refused"),
    ],
)
def test_what_cannot_be_moved_to_is_said_in_one_line(filled: Path, url: str, why: str) -> None:
    done = move(filled, url.format(port=free_port()))
    assert done.returncode == 2
    assert why in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


LONG_NAME = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "mailposture.settings"
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from mailposture import models
from tests.factories import NOW
models.Subscription.objects.create(address="x" * 300 + "@example.com", created_at=NOW)
"""


def test_a_row_that_the_target_cannot_hold_is_said_with_its_table(
    tmp_path: Path, target: str
) -> None:
    assert python(tmp_path, "-c", LONG_NAME).returncode == 0
    done = move(tmp_path, target)
    assert done.returncode == 2
    assert "mailposture_subscription cannot be moved: value too long" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_nothing_is_moved_while_the_product_runs(filled: Path, target: str) -> None:
    with runtime.holding(filled / "supervisor.lock"):
        runtime.write(filled / "runtime.json", {"pid": os.getpid(), "port": 1})
        done = move(filled, target)
    (filled / "runtime.json").unlink()
    assert done.returncode == 2
    assert "stop it first" in done.stderr


def test_the_models_in_order_are_all_there_are() -> None:
    names = {model.__name__ for model in moving.tables()}
    assert {"Tenant", "Report", "Delivery", "User", "Session", "ContentType"} <= names
