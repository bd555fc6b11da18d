"""The fleet's pages on PostgreSQL: ages, unread parts and unions are worked out by the database."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = """
import sys
import django
django.setup()
from datetime import timedelta
from django.core.management import call_command
from django.utils import timezone
call_command("migrate", verbosity=0)
from mailposture.core.configuration import PartStatus
from tests import factories
from tests.web import fleet_rows as rows
now = timezone.now()
fresh, old = now - timedelta(minutes=4), now - timedelta(days=3)
rows.stood.__globals__["NOW"] = now
contoso = rows.probed("contoso", rows.OPEN, now - timedelta(hours=5), probed_at=fresh)
rows.probed("adatum", rows.OPEN, old, probed_at=old)
of = rows.probed("litware", rows.CLOSED, old, probed_at=fresh)
rows.window(of.paths.first(), old, last_open_at=old + timedelta(hours=1))
path = of.paths.last()
factories.answered(path, "unknown", fresh, cause="reputation")
whole = factories.configuration(factories.lock())
factories.snapshot(of, factories.without(whole, "transport_rules", PartStatus.TRUNCATED, ""), old)
off = factories.configuration(factories.lock(enabled=False))
(change,) = rows.changed(contoso, whole, off, now)
from mailposture.core.alerting import Kind, Level, Seen
from mailposture.services import incidents, subscribing
subscribing.subscribe("security@example.com", None, now)
case = incidents.Case(kind=Kind.BYPASS, tenant=contoso)
row = incidents.look(case, Seen(level=Level.WHOLE, at=now), now)
client = rows.signed_in(staff=False)
client.defaults["HTTP_HOST"] = "127.0.0.1"
for address in sys.argv[1:]:
    asked = address.replace("PATH", str(path.current_id)).replace("CHANGE", str(change.pk))
    asked = asked.replace("INCIDENT", str(row.pk))
    answer = client.get(asked)
    print(answer.status_code, address)
    print(rows.words(answer.getvalue().decode()))
"""
ADDRESSES = (
    "/", "/tenants/?state=open&class=own&q=contoso.com&sort=since", "/tenants/?state=unknown",
    "/tenants.csv", "/exposure.json", "/changes/?effect=pending&from=2020-01-01",
    "/changes/CHANGE/", "/observations/PATH/", "/observations/PATH.json",
    "/tenants/contoso/", "/incidents/?state=open&kind=bypass&tenant=CONTO", "/incidents/INCIDENT/",
    "/settings/", "/exposure/", "/contradictions/", "/findings.csv",
    "/tenants/contoso/connectors/6f1e54a4-3c2b-4f52-9a7d-1d2f3b4c5d6e/",
)  # fmt: skip


@pytest.fixture(scope="module")
def served(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Every page once, from a database of PostgreSQL, by a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", PAGES, *ADDRESSES],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "DJANGO_SETTINGS_MODULE": "mailposture.settings",
            "DATA_DIR": str(tmp_path_factory.mktemp("data")),
            "DATABASE_URL": postgres_url,
        },
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_page_is_served(served: str, address: str) -> None:
    assert f"\n200 {address}\n" in f"\n{served}"


@pytest.mark.parametrize(
    "said",
    [
        "1 of 3 tenants accepts mail from any host; longest 5 h.",
        "1 tenant rests on answers older than four rounds.",
        "the last answers are older than a day",
        "litware: mail-flow rules came cut short.",
        "Stranger, frankfurt is on a block list.",
        "Minutes open to strangers, 60 in all",
        "1 of 3 tenants.",
        "adatum 1 domain Unknown answered 3 d ago",
        "Lock to gateway was turned off. Not yet seen by probes.",
        "Critical #1 New",
        "1 incident is open, for",
        "Incident Critical #1",
        "contoso takes mail from any host. #1, contoso Critical New",
        "Told: opened. 0 of 1 mails sent.",
        "Mail is not set up: SMTP_URL is not set. 1 mail waits.",
    ],
)
def test_it_says_what_it_says_on_sqlite(served: str, said: str) -> None:
    assert said in served
