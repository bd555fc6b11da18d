"""A tenant that may not be read lives on what is brought in: snapshots, marked, parts honest."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from mailposture import models
from mailposture.adapters.exchange.bundle import BundleError
from mailposture.core import posture
from mailposture.services import assessing, fetches, history, importing
from tests import factories as make
from tests.adapters.dns_server import Zone, name_server
from tests.commands.bundles import bundle, connector
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
ZONE: Zone = {
    ("contoso.com", "MX"): ["10 gate.example.net."],
    ("gate.example.net", "A"): ["203.0.113.10"],
    ("contoso-com.mail.protection.outlook.com", "A"): ["192.0.2.25"],
}


@pytest.fixture(autouse=True)
def _dns(settings: Any) -> Any:
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.fabrikam.com"
    with name_server(ZONE) as server:
        settings.RESOLVER = server
        yield


@pytest.fixture
def unread() -> models.Tenant:
    return importing.enrol("Contoso", uuid.uuid4(), "worldwide", NOW)


def test_a_bundle_becomes_a_snapshot_that_says_it_was_imported(unread: models.Tenant) -> None:
    done = importing.bring_in(unread, bundle(connector("Lock")), NOW)
    snapshot = unread.snapshots.get()
    assert (done.changes, done.first, snapshot.imported_at) == (0, True, NOW)
    assert [c.name for c in snapshot.configuration.inbound_connectors or ()] == ["Lock"]
    unread.refresh_from_db()
    assert unread.fetched_at == NOW
    assert fetches.claim(LATER) == []


def test_dns_is_asked_as_at_a_reading_of_our_own(unread: models.Tenant) -> None:
    importing.bring_in(unread, bundle(), NOW)
    facts = {f.domain: f.mx for f in unread.snapshots.get().configuration.domain_facts or ()}
    assert [host.host for host in facts["contoso.com"] or ()] == ["gate.example.net"]
    assert unread.endpoints.get().host == "contoso-com.mail.protection.outlook.com"
    assert unread.rounds.count() == 1


def test_a_part_that_the_bundle_lacks_is_never_none(unread: models.Tenant) -> None:
    importing.bring_in(unread, bundle(connector("Lock")), NOW)
    short = bundle(InboundConnector=None, OrganizationConfig=None)
    done = importing.bring_in(unread, short, LATER)
    assert done.lacking == (
        "inbound_connectors",
        "outbound_connectors",
        "organization",
        "transport_rules",
        "connection_filters",
    )
    assert done.changes == 0
    known = history.known(unread)
    assert [c.name for c in known.inbound_connectors or ()] == ["Lock"]


def test_a_part_that_is_not_whole_is_said(unread: models.Tenant) -> None:
    broken = connector("Lock")
    del broken["SenderIPAddresses"]
    done = importing.bring_in(unread, bundle(broken), NOW)
    assert len(done.remarks) == 1
    assert "Get-InboundConnector is incomplete" in done.remarks[0]
    assert "inbound_connectors" not in done.lacking


def test_a_second_bundle_brings_its_changes_and_the_same_one_none(unread: models.Tenant) -> None:
    importing.bring_in(unread, bundle(connector("Lock")), NOW)
    again = importing.bring_in(unread, bundle(connector("Lock")), LATER)
    assert (again.changes, unread.snapshots.get().imported_at) == (0, LATER)
    off = importing.bring_in(
        unread, bundle(connector("Lock", Enabled=False)), LATER + timedelta(hours=1)
    )
    assert off.changes == 1
    assert models.Change.objects.get().sentence


def test_findings_are_judged_on_what_was_brought_in(unread: models.Tenant) -> None:
    importing.bring_in(unread, bundle(), NOW)
    assert unread.findings.filter(rule="MP-01", closed_at=None).exists()
    rented = connector("Lock", SenderIPAddresses=["88.99.0.0/24"])
    importing.bring_in(unread, bundle(rented), LATER)
    found = unread.findings.get(rule="MP-33", closed_at=None)
    assert found.sentence == "Anyone with an account at Hetzner can send from 88.99.0.0."


def test_a_tenant_that_we_read_ourselves_keeps_the_time_of_its_reading() -> None:
    tenant = make.tenant()
    models.Credential.objects.create(
        tenant=tenant, kind="secret", client_id=uuid.uuid4(), sealed="x", updated_at=NOW
    )
    importing.bring_in(tenant, bundle(), NOW)
    tenant.refresh_from_db()
    assert tenant.fetched_at == make.ago(minutes=3)


def test_what_is_no_bundle_leaves_nothing_behind(unread: models.Tenant) -> None:
    with pytest.raises(BundleError):
        importing.bring_in(unread, {"Get-Mailbox": []}, NOW)
    assert not unread.snapshots.exists()
    assert not models.AuditEvent.objects.filter(action="imported configuration").exists()


def stale(of: models.Tenant, now: Any) -> list[str]:
    """What MP-11 says of the age of a tenant's configuration."""
    of.refresh_from_db()
    found = posture.judged(assessing.facts(of, now), "MP-11")
    return [one.sentence for one in found if one.subject == "reading"]


CUT = {"value": [], "@odata.nextLink": "https://outlook.office365.com/next"}


@pytest.mark.parametrize(
    "short",
    [
        {"Get-AcceptedDomain": bundle()["Get-AcceptedDomain"]},
        {**bundle(), "Get-InboundConnector": None},
        {**bundle(), "Get-InboundConnector": CUT},
        {"Get-TransportRule": []},
    ],
)
def test_what_a_bundle_does_not_bring_grows_no_younger_by_it(
    unread: models.Tenant, short: dict[str, Any]
) -> None:
    importing.bring_in(unread, bundle(connector("Lock")), NOW)
    later = NOW + timedelta(days=10)
    assert stale(unread, later) == ["The configuration was last read 10 d ago."]
    importing.bring_in(unread, short, later)
    (sentence,) = stale(unread, later)
    assert sentence.endswith("last read 10 d ago.")
    assert "inbound connectors" in sentence or sentence.startswith("The configuration was")


def test_a_whole_bundle_makes_the_configuration_young_again(unread: models.Tenant) -> None:
    importing.bring_in(unread, bundle(connector("Lock")), NOW)
    later = NOW + timedelta(days=10)
    importing.bring_in(unread, bundle(connector("Other")), later)
    assert stale(unread, later) == []


@pytest.mark.parametrize("empty", [{}, {"Foo": []}])
def test_a_bundle_that_brings_nothing_is_refused(
    unread: models.Tenant, empty: dict[str, Any]
) -> None:
    with pytest.raises(BundleError):
        importing.bring_in(unread, empty, NOW)
    assert not unread.snapshots.exists()


def test_what_dns_has_no_time_for_is_not_known_and_never_none(
    unread: models.Tenant, settings: Any
) -> None:
    settings.FETCH_LEASE = timedelta(seconds=-1)
    importing.bring_in(unread, bundle(connector("Lock")), NOW)
    held = unread.snapshots.get().configuration
    assert not held.knows("domain_facts")
    assert {one.mx for one in held.domain_facts or ()} == {None}
    assert not unread.endpoints.exists()
