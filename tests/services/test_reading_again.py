"""A reading that says what the last one said: known by its bytes, kept without being read."""

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mailposture import models
from mailposture.adapters.exchange.client import marked
from mailposture.adapters.exchange.cmdlets import CMDLETS
from mailposture.adapters.exchange.envelope import Answer
from mailposture.adapters.exchange.reader import taken
from mailposture.core import codec
from mailposture.core.configuration import Configuration
from mailposture.services import credentials, enrolling, fetches, importing, reading
from tests import factories as make
from tests.adapters.dns_server import name_server
from tests.commands.bundles import bundle, connector
from tests.factories import NOW
from tests.web.setup_rows import APP

pytestmark = pytest.mark.django_db
DOOR = "contoso-com.mail.protection.outlook.com"
LOCK = connector("Lock", WhenChangedUTC="2026-11-24T08:00:00Z", OriginatingServer="DB3PR05A01DC003")

type Bodies = dict[str, list[dict[str, Any]]]


class Exchange:
    """What the tenant's Exchange answers: rows by part, as bytes, marked as the client does."""

    def __init__(self) -> None:
        self.rows: Bodies = {
            "inbound_connectors": [LOCK],
            "organization": [{"Name": "contoso", "RejectDirectSend": False}],
            "accepted_domains": [{"DomainName": "contoso.com", "DomainType": "Authoritative"}],
        }
        self.read: list[bool] = []

    def fetch(self, *_: Any, known: Any = (), **__: Any) -> Any:
        seen = taken(
            [
                [self._page(cmdlet.part, str(n), known) for n in range(len(cmdlet.calls))]
                for cmdlet in CMDLETS
            ],
            known,
        )
        self.read.append(seen.configuration is not None)
        return seen

    def _page(self, part: str, call: str, known: Any) -> Any:
        said = {"@odata.context": "x", "value": self.rows.get(part, [])}
        answer = Answer(status=200, headers={}, body=json.dumps(said).encode())
        return marked(f"{part} {call}", answer, known)


@pytest.fixture
def zone(settings: Any) -> Iterator[dict[tuple[str, str], Any]]:
    table: dict[tuple[str, str], Any] = {
        ("contoso.com", "MX"): ["10 gate.example.net."],
        ("gate.example.net", "A"): ["203.0.113.10"],
        (DOOR, "A"): ["192.0.2.25"],
    }
    with name_server(table) as server:
        settings.RESOLVER = server
        yield table


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Exchange:
    made = Exchange()
    monkeypatch.setattr(reading, "read_configuration", made.fetch)
    return made


@pytest.fixture
def tenant(zone: Any, exchange: Exchange, settings: Any) -> models.Tenant:
    del zone, exchange
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.fabrikam.com"
    row = enrolling.begin("Contoso", uuid.uuid4(), "worldwide", NOW)
    enrolling.keep_credential(row, credentials.from_secret(uuid.UUID(APP), "a-secret"), NOW)
    enrolling.read_first(models.Tenant.objects.get(pk=row.pk), NOW)
    return models.Tenant.objects.get(pk=row.pk)


def read_at(tenant: models.Tenant, moment: datetime) -> reading.Read:
    models.Tenant.objects.filter(pk=tenant.pk).update(fetch_due_at=moment)
    ((pk, attempt),) = fetches.claim(moment)
    done = reading.fetch(pk, attempt, lambda: moment)
    assert done is not None
    assert done.error == ""
    return done


def after(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def test_an_unchanged_tenant_is_known_by_its_bytes_and_its_snapshot_goes_on(
    tenant: models.Tenant, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_at(tenant, NOW)
    make.paths(tenant, make.stranger())
    before = tenant.snapshots.get()
    # Nothing of a known answer is worked out: neither a value nor a digest.
    monkeypatch.setattr(codec, "load", None)
    monkeypatch.setattr(codec, "digest", None)
    done = read_at(tenant, after(15))
    now = tenant.snapshots.get()
    assert (exchange.read, done.changes) == ([True, False], 0)
    assert now.last_seen_at == after(15)
    assert (now.document, now.digest, now.marks) == (before.document, before.digest, before.marks)
    tenant.refresh_from_db()
    assert (tenant.fetched_at, tenant.fetch_error) == (after(15), "")


def test_an_unchanged_reading_writes_no_document(tenant: models.Tenant) -> None:
    read_at(tenant, NOW)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        read_at(tenant, after(15))
    written = [q["sql"] for q in asked if q["sql"].startswith(("UPDATE", "INSERT"))]
    assert not [sql for sql in written if '"document" = ' in sql or "Snapshot" in sql]


@pytest.mark.parametrize(
    ("move", "changes", "snapshots"),
    [
        (lambda rows: rows | {"inbound_connectors": [LOCK | {"Enabled": False}]}, 1, 2),
        (lambda rows: rows | {"inbound_connectors": []}, 1, 2),
        # Beside what is compared: kept in the document, and no change.
        (
            lambda rows: rows | {"inbound_connectors": [LOCK | {"WhenChangedUTC": "2026-11-25"}]},
            0,
            1,
        ),
        # Only where it was held: not even read.
        (lambda rows: rows | {"inbound_connectors": [LOCK | {"OriginatingServer": "X"}]}, 0, 1),
    ],
)
def test_what_moved_is_stored_as_if_nothing_had_been_known(
    tenant: models.Tenant,
    exchange: Exchange,
    move: Callable[[Bodies], Bodies],
    changes: int,
    snapshots: int,
) -> None:
    read_at(tenant, NOW)
    exchange.rows = move(exchange.rows)
    assert read_at(tenant, after(15)).changes == changes
    kept = list(tenant.snapshots.all())
    assert len(kept) == snapshots
    assert codec.dump(_without_dns(kept[-1].configuration)) == codec.dump(
        exchange.fetch().configuration
    )
    # And from there on it is known again.
    exchange.read.clear()
    read_at(tenant, after(30))
    assert exchange.read == [False]


def _without_dns(seen: Configuration) -> Configuration:
    parts = [part for part in codec.dump(seen)["parts"] if part["name"] != "domain_facts"]
    return codec.load(Configuration, codec.dump(seen) | {"parts": parts, "domain_facts": None})


def test_dns_that_moved_is_a_change_though_no_answer_of_exchange_did(
    tenant: models.Tenant, exchange: Exchange, zone: dict[tuple[str, str], Any]
) -> None:
    read_at(tenant, NOW)
    zone["gate.example.net", "A"] = ["203.0.113.99"]
    zone[DOOR, "A"] = ["192.0.2.26"]
    assert read_at(tenant, after(15)).changes == 1
    assert exchange.read == [True, False]
    assert "203.0.113.99" in tenant.changes.get().sentence
    assert tenant.endpoints.get().addresses == ["192.0.2.26"]
    read_at(tenant, after(30))
    assert tenant.snapshots.count() == 2


def test_doors_that_moved_are_kept_though_the_configuration_did_not(
    tenant: models.Tenant, zone: dict[tuple[str, str], Any]
) -> None:
    read_at(tenant, NOW)
    zone[DOOR, "A"] = ["192.0.2.26"]
    assert read_at(tenant, after(15)).changes == 0
    assert tenant.endpoints.get().addresses == ["192.0.2.26"]


def test_what_a_person_brought_in_since_is_never_taken_for_what_was_answered(
    tenant: models.Tenant, exchange: Exchange
) -> None:
    read_at(tenant, NOW)
    importing.bring_in(tenant, bundle(connector("Other")), after(5))
    read_at(tenant, after(15))
    assert exchange.read == [True, True]
    latest = tenant.snapshots.order_by("last_seen_at").last()
    assert latest is not None
    assert [c.name for c in latest.configuration.inbound_connectors or ()] == ["Lock"]


def test_what_a_person_brings_in_while_exchange_is_asked_is_not_hidden(
    tenant: models.Tenant, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_at(tenant, NOW)

    def meanwhile(*given: Any, **named: Any) -> Any:
        importing.bring_in(tenant, bundle(connector("Other")), after(14))
        return exchange.fetch(*given, **named)

    monkeypatch.setattr(reading, "read_configuration", meanwhile)
    read_at(tenant, after(15))
    shown = [
        [c.name for c in s.configuration.inbound_connectors or ()]
        for s in tenant.snapshots.order_by("first_seen_at")
    ]
    assert shown == [["Lock"], ["Other"], ["Lock"]]


def test_a_time_in_which_nobody_read_is_noted_also_where_the_answers_are_known(
    tenant: models.Tenant,
) -> None:
    read_at(tenant, NOW)
    late = NOW + timedelta(days=2)
    read_at(tenant, late)
    assert tenant.snapshots.get().unread == [[NOW.isoformat(), late.isoformat()]]


def test_an_answer_that_lacks_what_decides_stays_incomplete_where_it_is_known(
    tenant: models.Tenant, exchange: Exchange
) -> None:
    exchange.rows["accepted_domains"] = [{"DomainType": "Authoritative"}]
    read_at(tenant, NOW)
    read_at(tenant, after(15))
    assert exchange.read == [True, False]
    assert tenant.snapshots.get().configuration.domains == ()
