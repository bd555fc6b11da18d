"""Vantage points on hosts of their own: they join over HTTPS, probe, are cut off and come back.

Every process is a real one, and each side's files lie in a folder of its own; the two places have
nothing but what a vantage point installs.
"""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from mailposture.management.programs import queue_binary, queue_configuration
from tests.hosts import CENTRE, DOORS, ROOT, Network, network
from tests.servers import Guarded, until

PYTHON = sys.executable
FAR = str(ROOT / ".venv-vantage" / "bin" / "python")
LEASE = 45
# Greet late enough that a cable can be pulled while a place waits.
GREETS_AFTER = 3.0
CELERY = (PYTHON, "-m", "celery", "-A", "mailposture.celery")

FILL = """
from datetime import timedelta
from django.utils import timezone
from mailposture import models
from mailposture.services import arranging, planning
from tests import factories as make
now = timezone.now()
tenant = make.tenant("contoso", created_at=now)
make.snapshot(tenant, make.configuration(make.lock()), now, now)
tenant.endpoints.create(domain="contoso.com", host="contoso-com.mail.protection.outlook.com",
                        found_by="dash", first_seen_at=now)
for slug in ("oslo", "porto"):
    arranging.add_place(slug, arranging.PlaceSettings(name=slug.title(), plays="stranger"), now)
"""
ROUND = """
from django.utils import timezone
from mailposture import models
from mailposture.services import planning
planning.ask_round(models.Tenant.objects.get(), timezone.now())
"""
PAGE = """
import sys
from django.contrib.auth.models import User
from django.test import Client
client = Client(SERVER_NAME="127.0.0.1")
client.force_login(User.objects.get_or_create(username="alex", is_staff=True)[0])
page = client.get("/vantage-points/porto/")
sys.stdout.write(f"{page.status_code} {page.content.decode()}")
"""
SETUP = "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'mailposture.settings'\n"


@dataclass
class World:
    """The hosts with all that runs on them."""

    net: Network
    folder: Path
    running: dict[str, Guarded]

    @property
    def central(self) -> dict[str, str]:
        """What the centre's processes are told."""
        return {
            "PATH": os.environ["PATH"], "HOME": "/nonexistent",
            "DATA_DIR": str(self.folder / "centre"),
            "BROKER_URL": "redis://:of-tests@127.0.0.1:6379/0",
            "ALLOWED_HOSTS": CENTRE, "MAILPOSTURE_HTTPS": "1",
            "MAILPOSTURE_PUBLIC_URL": f"https://{CENTRE}:8443",
            "MAILPOSTURE_QUEUE_ELSEWHERE": f"rediss://{CENTRE}:6380/0",
            "MAILPOSTURE_QUEUE_AUTHORITY": str(self.folder / "ca.pem"),
            "MAILPOSTURE_SENDER_DOMAIN": "probe.example", "MAILPOSTURE_EHLO_NAME": "probe.example",
            "MAILPOSTURE_LEASE": str(LEASE), "MAILPOSTURE_TICK_EVERY": "1",
        }  # fmt: skip

    @property
    def far(self) -> dict[str, str]:
        """What a place is told: whom to believe over HTTPS, and where the code lies."""
        return {
            "PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONPATH": str(ROOT),
            "SSL_CERT_FILE": str(self.folder / "ca.pem"),
        }  # fmt: skip

    def central_code(self, code: str) -> str:
        """Do something with the centre's rows."""
        done = self.net.centre.run(self.central, PYTHON, "-c", f"{SETUP}django.setup()\n{code}")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def manage(self, *words: str) -> str:
        done = self.net.centre.run(self.central, PYTHON, "manage.py", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def join(self, number: int, line: str) -> "subprocess.CompletedProcess[str]":
        """Join a place, as its operator would."""
        folder = str(self.folder / f"place{number}")
        return self.net.places[number].run(
            self.far, FAR, "-m", "mailposture.vantage_point", "join", line, "--folder", folder,
            "--resolver", f"{DOORS[0]}:53", "--lab-network", "10.77.9.0/24",
        )  # fmt: skip

    def work(self, number: int) -> None:
        """Start the worker of a place."""
        folder = str(self.folder / f"place{number}")
        words = (FAR, "-m", "mailposture.vantage_point", "run", "--folder", folder)
        self.running[f"place{number}"] = self.net.places[number].start(self.far, *words)

    def ask(self, query: str) -> list[Any]:
        """Rows of the centre's database."""
        file = self.folder / "centre" / "mailposture.sqlite3"
        with closing(sqlite3.connect(file, timeout=20)) as rows:
            return list(rows.execute(query))

    def asked(self, number: int) -> list[str]:
        """What the doors heard of a place: its conversations, each by front end and sender."""
        log = (self.folder / "doors.log").read_text().splitlines()
        return [line.partition(" ")[2] for line in log if line.startswith(f"10.77.2{number}.2 ")]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A centre that knows a tenant and two places, the doors, and no worker of a place yet."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    pem = tmp_path / "centre.pem"
    authority.issue_cert(CENTRE).private_key_and_cert_chain_pem.write_to_path(pem)
    (tmp_path / "centre").mkdir()
    configuration = tmp_path / "valkey.conf"
    configuration.write_text(queue_configuration(tmp_path, 6379, "of-tests"))
    with network() as net:
        found = World(net, tmp_path, {})
        web = ("uvicorn", "mailposture.asgi:application", "--host", CENTRE, "--port", "8443")
        commands: dict[str, tuple[str, ...]] = {
            "queue": (queue_binary(), str(configuration)),
            "tls": (PYTHON, "-m", "tests.relay", str(pem), CENTRE, "6380", "6379"),
            "web": (PYTHON, "-m", *web, "--ssl-keyfile", str(pem), "--ssl-certfile", str(pem)),
            "central": (*CELERY, "worker", "-Q", "central", "-c", "1", "--without-mingle",
                        "--without-gossip"),
            "beat": (*CELERY, "beat", "--schedule", str(tmp_path / "beat"), "--pidfile", ""),
        }  # fmt: skip
        try:
            found.manage("migrate", "--verbosity", "0")
            found.central_code(FILL)
            for name, words in commands.items():
                found.running[name] = net.centre.start(found.central, *words)
            log = tmp_path / "doors.log"
            found.running["doors"] = net.doors.start(
                found.far, PYTHON, "-m", "tests.doors", str(log), str(GREETS_AFTER), *DOORS
            )
            until(lambda: log.exists() and "ready" in log.read_text(), 30)
            yield found
        finally:
            for process in reversed(found.running.values()):
                with suppress(OSError):
                    process.kill()


def joined(world: World, number: int, slug: str) -> None:
    """Join a place as soon as the site answers."""
    line = world.manage("vantage_point", "join", slug)

    def tried() -> bool:
        done = world.join(number, line)
        assert done.returncode == 0 or "was not reached" in done.stderr, done.stderr
        return bool(done.returncode == 0)

    until(tried, 60)


DONE = """select p.slug, count(*) from mailposture_shard s join mailposture_vantagepoint p
    on p.id = s.vantage_point_id where s.done_at is not null group by 1 order by 1"""
ANSWERS = """select p.slug, count(*), count(distinct o.path_id) from mailposture_observation o
    join mailposture_path t on t.id = o.path_id
    join mailposture_vantagepoint p on p.id = t.vantage_point_id group by 1 order by 1"""
RUNS = """select p.slug, count(*), max(c.missing) from mailposture_coverage c
    join mailposture_vantagepoint p on p.id = c.vantage_point_id group by 1 order by 1"""


@pytest.mark.timeout(420)
def test_a_place_cut_off_in_mid_round_comes_back_with_nothing_lost_and_nothing_twice(
    world: World,
) -> None:
    for number, slug in enumerate(("oslo", "porto")):
        joined(world, number, slug)
        world.work(number)
    heard = "select count(*) from mailposture_vantagepoint where heard_at is not null"
    until(lambda: world.ask(heard) == [(2,)], 60)

    world.central_code(ROUND)
    until(lambda: any("connected" in line for line in world.asked(1)), 60)
    world.net.cut(1)

    # The other one is not held up, and the page says who is not heard.
    until(lambda: world.ask(DONE) == [("oslo", 1)], 60)
    until(lambda: "Porto: silent. Its worker does not answer." in world.central_code(PAGE), 120)
    assert world.ask(ANSWERS) == [("oslo", 3, 3)]
    assert world.ask("select count(*) from mailposture_round where finished_at is not null") == [
        (0,)
    ]

    world.net.mend(1)
    until(lambda: world.ask(DONE) == [("oslo", 1), ("porto", 1)], 120)
    until(lambda: "Porto sees clearly." in world.central_code(PAGE), 60)
    assert world.ask(ANSWERS) == [("oslo", 3, 3), ("porto", 3, 3)]
    assert [(slug, runs, json.loads(missing)) for slug, runs, missing in world.ask(RUNS)] == [
        ("oslo", 1, []),
        ("porto", 1, []),
    ]
    assert world.ask("select count(*) from mailposture_shard where aside_at is not null") == [(0,)]


HEARD = "select count(*) from mailposture_vantagepoint where slug = 'oslo' and heard_at > '{}'"
ENTER = """
import redis, sys
from mailposture.adapters import vantage_file
from pathlib import Path
url = vantage_file.queue(Path(sys.argv[1]) / "vantage.toml")
with redis.Redis.from_url(url) as queue:
    queue.ping()
"""


def heard_since(world: World, moment: str) -> None:
    """Wait for a sign of life of Oslo after this moment."""
    until(lambda: world.ask(HEARD.format(moment)) == [(1,)], 90)


def now(world: World) -> str:
    """The database's own word for the moment."""
    return str(world.ask("select strftime('%Y-%m-%d %H:%M:%f', 'now')")[0][0])


@pytest.mark.timeout(420)
def test_who_is_revoked_can_do_nothing_more_and_who_joins_anew_can(world: World) -> None:
    joined(world, 0, "oslo")
    world.work(0)
    heard_since(world, "")
    folder = str(world.folder / "place0")
    enter = (FAR, "-c", ENTER, folder)
    assert world.net.places[0].run(world.far, *enter).returncode == 0

    world.manage("vantage_point", "revoke", "oslo")
    done = world.net.places[0].run(world.far, *enter)
    assert "invalid username-password" in done.stderr
    world.central_code(ROUND)
    until(lambda: world.ask("select count(*) from mailposture_round where paths > 0") == [(1,)], 30)
    asked = "select p.slug from mailposture_shard s join mailposture_vantagepoint p on p.id ="
    assert world.ask(f"{asked} s.vantage_point_id") == [("porto",)]

    # A new line into the same folder, and its worker is the one that is heard.
    joined(world, 0, "oslo")
    world.running["place0"].kill()
    world.work(0)
    heard_since(world, now(world))

    # A queue that starts anew knows no account before the centre's tick told it.
    world.running["queue"].kill()
    world.running["queue"].start()
    heard_since(world, now(world))
