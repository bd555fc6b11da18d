"""Findings begin when a rule is violated, end when it is met, and outlive what is not known."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mailposture import models
from mailposture.core import posture
from mailposture.core.configuration import ConnectorType, PartStatus
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


def test_a_hybrid_server_that_is_refused_is_cut_off_though_the_model_is_in_doubt() -> None:
    tenant = make.tenant()
    own = make.lock(
        guid=str(uuid4()),
        name="Own server",
        connector_type=ConnectorType.ON_PREMISES,
        sender_ip_addresses=(),
        restrict_domains_to_ip_addresses=False,
        tls_sender_certificate_name="*.contoso.com",
    )
    make.snapshot(tenant, make.configuration(make.lock(), own), make.ago(days=2))
    place = make.source(tenant, "hybrid", "198.51.100.9").vantage_point
    assert place
    models.VantagePoint.objects.update(certificate_name="mail.contoso.com")
    place.refresh_from_db()
    for path in make.paths(tenant, place):
        make.answered(path, "closed", make.ago(days=1))
    predicting.refresh(tenant, NOW)
    assessing.refresh(tenant, NOW)
    rows = tenant.findings.filter(rule="MP-10")
    assert {row.severity for row in rows} == {"high"}
    assert {row.subject.split(": ")[1] for row in rows} == {"Model assumption in doubt"}
    assert all("By the other reading" in row.sentence for row in rows)
    assert all(row.document["because"].startswith("An approved source is cut off") for row in rows)


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


# ---- one cause, one finding ----------------------------------------------------------------


def test_what_has_one_cause_is_told_by_one_finding() -> None:
    tenant = make.tenant()
    make.source(tenant)
    make.snapshot(tenant, make.configuration(), make.ago(days=2))
    assessing.refresh(tenant, NOW)
    assert "MP-01" in standing(tenant)
    assert not {"MP-05", "MP-06", "MP-25"} & standing(tenant)
    told = "\n".join(tenant.findings.get(rule="MP-01").document["evidence"])
    assert "MP-05, for the same reason: Outside the restriction: contoso.com" in told
    assert "MP-06, for the same reason: Hosts that no connector names may deliver." in told


def test_a_finding_that_stood_before_its_cause_was_told_stands_until_it_is_over() -> None:
    tenant = make.tenant()
    tenant.findings.create(
        rule="MP-05",
        severity="high",
        rank=1,
        sentence="Old.",
        document={},
        opened_at=make.ago(days=9),
    )
    reading.record(tenant, make.configuration(), NOW)
    row = tenant.findings.get(rule="MP-05")
    assert row.closed_at is None  # nothing was mended
    assert row.document["led_by"] == "MP-01"
    reading.record(tenant, make.configuration(make.lock()), NOW + timedelta(hours=1))
    assert tenant.findings.get(rule="MP-05").closed_at == NOW + timedelta(hours=1)


def test_a_list_that_grows_is_the_same_finding() -> None:
    tenant = make.tenant()

    def banks(count: int) -> Any:
        return make.configuration(
            *(
                make.lock(guid=f"g{n}", name=f"Bank {n}", sender_domains=(f"bank{n}.example",))
                for n in range(count)
            )
        )

    for hour, count in enumerate((1, 2, 50)):
        reading.record(tenant, banks(count), NOW + timedelta(hours=hour))
    row = tenant.findings.get(rule="MP-24")
    assert (row.opened_at, row.closed_at) == (NOW, None)
    assert row.sentence.startswith("50 connectors restrict mail from named senders alone: Bank 0")
    assert tenant.findings.filter(rule="MP-28").count() == 1


# ---- changes since the last report ---------------------------------------------------------


def changed(of: models.Tenant, effect: str, at: Any, **more: Any) -> models.Change:
    """A change of a reading of its own."""
    before = make.snapshot(of, make.configuration(make.lock()), at - timedelta(hours=1), at)
    after = make.snapshot(of, make.configuration(make.lock(enabled=False)), at)
    fields = {"part": "inbound_connectors", "subject": "Lock", "kind": "changed"} | more
    return models.Change.objects.create(
        tenant=of,
        before=before,
        after=after,
        at=at,
        effect=effect,
        sentence="Lock moved.",
        **fields,
    )


def reported(of: models.Tenant, as_of: Any) -> None:
    of.reports.create(
        tenant_name=of.name,
        since=as_of.date() - timedelta(days=30),
        until=as_of.date(),
        as_of=as_of,
        state="done",
        created_at=as_of,
        due_at=as_of,
    )


@pytest.mark.parametrize(
    ("effect", "age", "decides", "said"),
    [
        # Nobody can write down who meant a change, so that no change is satisfied by probes alone.
        ("closes", timedelta(days=1), True, "unknown"),
        ("neutral", timedelta(days=1), False, "unknown"),
        ("unknown", timedelta(days=1), True, "not_satisfied"),
        ("pending", timedelta(days=1), True, "not_satisfied"),
        # Its verification rounds are not over.
        ("pending", timedelta(minutes=20), True, "unknown"),
        ("closes", timedelta(minutes=20), True, "unknown"),
    ],
)
def test_a_change_is_verified_where_its_rounds_are_over_and_show_what_it_did(
    effect: str, age: timedelta, decides: bool, said: str
) -> None:
    tenant = make.tenant()
    changed(tenant, effect, NOW - age, decides=decides)
    (found,) = posture.judged(assessing.facts(tenant, NOW), "MP-12")
    assert found.result == said
    assert found.subject == ""  # one finding, however many changes
    assert "Lock moved." in " ".join((found.sentence, *found.evidence))


def test_a_change_before_the_last_report_was_dealt_with_there() -> None:
    tenant = make.tenant()
    assert [f.result for f in posture.judged(assessing.facts(tenant, NOW), "MP-12")] == [
        "satisfied"
    ]
    changed(tenant, "unknown", NOW - timedelta(days=3))
    reported(tenant, NOW - timedelta(days=5))
    (found,) = posture.judged(assessing.facts(tenant, NOW), "MP-12")
    assert found.result == "not_satisfied"
    reported(tenant, NOW - timedelta(days=2))
    (found,) = posture.judged(assessing.facts(tenant, NOW), "MP-12")
    assert found.result == "satisfied"


def test_without_a_moment_nothing_is_said_of_changes() -> None:
    tenant = make.tenant()
    changed(tenant, "unknown", NOW - timedelta(days=3))
    assert assessing.facts(tenant, None).observed.changes is None


# ---- what sees nothing ---------------------------------------------------------------------


def test_a_place_that_proves_nothing_on_any_path_is_blind() -> None:
    tenant = make.tenant()
    names = ["contoso.com", "contoso.net"]
    make.snapshot(tenant, make.configuration(make.lock(), domains=names), make.ago(days=2))
    blind, seeing = make.paths(tenant, make.stranger(), domains=names, classes=["foreign"])
    for path in (blind, seeing):
        make.answered(path, "unknown", make.ago(days=1))
    (found,) = posture.judged(assessing.facts(tenant, NOW), "MP-11")
    place = blind.vantage_point.name
    assert found.sentence == f"Nothing is seen by {place}."
    assert list(assessing.blind(tenant)) == [place]
    make.answered(seeing, "closed", make.ago(hours=1))
    (found,) = posture.judged(assessing.facts(tenant, NOW), "MP-11")
    assert found.result == "satisfied"
    assert not list(assessing.blind(tenant))


def test_before_the_first_round_nobody_is_called_blind() -> None:
    tenant = make.tenant(probed_at=None)
    make.paths(tenant, make.stranger())
    assert not list(assessing.blind(tenant))
    seen = assessing.facts(tenant, NOW).observed.evidence
    assert seen
    assert seen.blind == ()
