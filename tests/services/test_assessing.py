"""Findings begin when a rule is violated, end when it is met, and outlive what is not known."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mailposture import models
from mailposture.core.configuration import PartStatus
from mailposture.services import assessing, predicting, reading
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db
PARTED = "Configuration closed, wire open"


@pytest.fixture(autouse=True)
def _identity(settings: Any) -> None:
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.fabrikam.com"


def standing(of: models.Tenant) -> set[str]:
    return set(of.findings.filter(closed_at=None).values_list("rule", flat=True))


def test_an_open_tenant_has_its_findings_with_severity_reason_and_near_miss() -> None:
    tenant = make.tenant()
    make.snapshot(tenant, make.configuration(make.lock(enabled=False)), make.ago(days=2))
    assessing.refresh(tenant, NOW)
    row = tenant.findings.get(rule="MP-01")
    assert (row.severity, row.rank, row.opened_at, row.closed_at) == ("critical", 0, NOW, None)
    assert row.document["because"]
    assert "Lock to gateway" in row.document["near_miss"]
    assert "MP-21" in standing(tenant)


def test_a_finding_ends_when_its_rule_is_met_and_a_later_one_is_another() -> None:
    tenant = make.tenant()
    opened, closed = make.configuration(make.lock(enabled=False)), make.configuration(make.lock())
    reading.record(tenant, opened, NOW)
    assert "MP-01" in standing(tenant)
    later = NOW + timedelta(hours=1)
    reading.record(tenant, closed, later)
    assert "MP-01" not in standing(tenant)
    assert tenant.findings.get(rule="MP-01").closed_at == later
    reading.record(tenant, opened, later + timedelta(hours=1))
    assert tenant.findings.filter(rule="MP-01").count() == 2


def test_what_stands_is_not_found_anew() -> None:
    tenant = make.tenant()
    make.snapshot(tenant, make.configuration(make.lock(enabled=False)), make.ago(days=2))
    first = assessing.refresh(tenant, NOW)
    assert first
    assert assessing.refresh(tenant, NOW + timedelta(hours=6)) == []
    assert tenant.findings.get(rule="MP-01").opened_at == NOW


def test_what_cannot_be_read_any_more_closes_no_finding() -> None:
    tenant = make.tenant()
    seen = make.configuration(make.lock(enabled=False))
    make.snapshot(tenant, seen, make.ago(days=2), NOW)
    assessing.refresh(tenant, NOW)
    tenant.snapshots.all().delete()
    unread = make.without(seen, "inbound_connectors", PartStatus.FORBIDDEN, "403")
    make.snapshot(tenant, unread, NOW, NOW)
    assessing.refresh(tenant, NOW + timedelta(hours=1))
    assert "MP-01" in standing(tenant)


def test_a_tenant_that_was_never_read_has_no_findings() -> None:
    tenant = make.tenant()
    assert assessing.refresh(tenant, NOW) == []
    assert not tenant.findings.exists()


def test_an_approved_gateway_that_is_named_too_widely_is_found() -> None:
    tenant = make.tenant()
    make.source(tenant)
    lock = make.lock(sender_ip_addresses=("203.0.113.0/24",))
    make.snapshot(tenant, make.configuration(lock), make.ago(days=2))
    assessing.refresh(tenant, NOW)
    row = tenant.findings.get(rule="MP-06")
    assert row.subject
    assert any("255 addresses" in line for line in (row.sentence, *row.document["evidence"]))


def contradicted(count: int) -> models.Tenant:
    """A locked tenant whose stranger gets in to every domain."""
    tenant = make.tenant()
    names = [f"d{n}.contoso.com" for n in range(count)]
    make.snapshot(tenant, make.configuration(make.lock(), domains=names), make.ago(days=2))
    for path in make.paths(tenant, make.stranger(), domains=names):
        make.answered(path, "open", make.ago(days=1))
    predicting.refresh(tenant, NOW)
    return tenant


def test_contradictions_are_found_once_for_all_domains_that_are_alike() -> None:
    tenant = contradicted(5)
    assessing.refresh(tenant, NOW)
    rows = tenant.findings.filter(rule="MP-10").order_by("rank")
    assert [(row.severity, row.subject) for row in rows] == [
        ("critical", f"Stranger, frankfurt, foreign sender: {PARTED}"),
        ("critical", f"Stranger, frankfurt, own sender: {PARTED}"),
        ("medium", "Stranger, frankfurt, null sender: Model assumption in doubt"),
    ]
    assert rows[0].sentence.startswith("At d0.contoso.com and 4 more domains: Predicted closed")
    assert "MP-03" in standing(tenant)


@pytest.mark.parametrize("count", [2, 30])
def test_the_number_of_queries_does_not_grow_with_the_domains(count: int) -> None:
    tenant = contradicted(count)
    with CaptureQueriesContext(connection) as queries:
        assessing.refresh(tenant, NOW)
    assert len(queries) <= 10


def test_two_findings_of_one_rule_and_subject_cannot_stand_at_once() -> None:
    tenant = make.tenant()
    make.snapshot(tenant, make.configuration(make.lock(enabled=False)), make.ago(days=2))
    assessing.refresh(tenant, NOW)
    row = tenant.findings.get(rule="MP-01")
    row.pk = None
    with pytest.raises(Exception, match=r"(?i)unique"):
        row.save(force_insert=True)
