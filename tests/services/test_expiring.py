"""Exceptions that end are told two weeks before and on the day; what outgrows one, at once."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from mailposture import models
from mailposture.core import letters
from mailposture.services import exceptions, expiring, incidents, reading, subscribing
from mailposture.services.pages import incident as page
from mailposture.services.pages import incidents as pages
from tests import factories as make
from tests.factories import NOW
from tests.services.test_exceptions import ASKED, wide

pytestmark = pytest.mark.django_db
BASE = "https://posture.contoso.com"


@pytest.fixture(autouse=True)
def _identity(settings: Any) -> None:
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.fabrikam.com"


@pytest.fixture
def row() -> models.Acceptance:
    """An exception in force at a tenant about which somebody is told."""
    tenant = make.tenant()
    make.source(tenant)
    reading.record(tenant, wide("198.51.100.0/24"), NOW)
    subscribing.subscribe("security@example.com", None, NOW)
    found = tenant.findings.get(rule="MP-06", closed_at=None)
    alex = User.objects.create_user("alex", is_staff=True)
    asked = exceptions.ask(found, ASKED, NOW, user=alex)
    return exceptions.approve(asked, "", NOW, user=alex)


def told() -> list[tuple[str, str]]:
    """Each mail, by its subject's mark and what is after the tenant's name."""
    alerts = models.Alert.objects.order_by("pk")
    return [(a.event, letters.compose(a.facts, BASE).subject) for a in alerts]


def before(row: models.Acceptance, **span: float) -> datetime:
    return row.expires_at - timedelta(**span)


def test_nothing_is_told_of_one_that_holds_for_long(row: models.Acceptance) -> None:
    expiring.assess(before(row, days=14, seconds=1))
    assert told() == []


def test_its_end_is_told_two_weeks_before_and_on_the_day_and_once_each(
    row: models.Acceptance,
) -> None:
    name = f"Exception {row.name} at contoso"
    for at in (before(row, days=14), before(row, days=13), before(row, seconds=1)):
        expiring.assess(at)
    assert told() == [("opened", f"[Medium] {name} ends after 23 Feb 2027")]
    for at in (row.expires_at, row.expires_at + timedelta(days=3)):
        expiring.assess(at)
    assert told()[1:] == [("worse", f"[High] {name} has expired")]
    assert models.Delivery.objects.count() == 2
    assert row.tenant.findings.filter(rule="MP-13", closed_at=None).exists()
    letter = letters.compose(models.Alert.objects.latest("pk").facts, BASE)
    assert "MP-06" in letter.lead
    assert ("Owner", "Print team") in letter.rows


def test_one_that_nobody_looked_at_in_time_is_told_as_expired(row: models.Acceptance) -> None:
    expiring.assess(row.expires_at + timedelta(days=2))
    assert [event for event, _ in told()] == ["opened"]
    assert "has expired" in told()[0][1]


def test_nothing_is_told_of_one_that_has_nothing_left_to_accept(row: models.Acceptance) -> None:
    reading.record(row.tenant, wide(), NOW + timedelta(hours=1))
    expiring.assess(row.expires_at)
    assert told() == []


def test_once_the_finding_is_gone_that_is_told(row: models.Acceptance) -> None:
    expiring.assess(before(row, days=9))
    reading.record(row.tenant, wide(), before(row, days=8))
    expiring.assess(before(row, days=7))
    assert told()[1] == (
        "resolved", f"[Over] Exception {row.name} at contoso has nothing left to accept",
    )  # fmt: skip


@pytest.mark.parametrize("how", ["renewed", "withdrawn"])
def test_nobody_is_told_of_what_people_did(row: models.Acceptance, how: str) -> None:
    alex, at = User.objects.get(), before(row, days=9)
    expiring.assess(at)
    if how == "withdrawn":
        exceptions.withdraw(row, "The printer is gone.", at, user=alex)
    else:
        found = row.tenant.findings.get(rule="MP-06", closed_at=None)
        again = exceptions.ask(found, ASKED, at, user=alex)
        models.Acceptance.objects.filter(pk=again.pk).update(
            expires_at=row.expires_at + timedelta(days=90)
        )
        exceptions.approve(again, "", at, user=alex)
    expiring.assess(at)
    assert len(told()) == 1
    incident = models.Incident.objects.get()
    assert incident.resolved_at == at
    assert pages.sentence(incident) == f"Exception {row.name} was renewed or withdrawn."
    assert expiring.assess(at + timedelta(minutes=1)) == 0


def test_what_was_told_as_it_stands_costs_two_questions_however_many_there_are(
    row: models.Acceptance, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(3):
        models.Acceptance.objects.create(
            tenant=row.tenant, rule="MP-02", subject=str(n), sentence="x", severity="low",
            scope=row.scope, reason="r", owner="o", state="approved", asked_at=NOW,
            asked_by="alex", expires_at=row.expires_at,
        )  # fmt: skip
        row.tenant.findings.create(
            rule="MP-02",
            subject=str(n),
            severity="low",
            rank=3,
            sentence="x",
            document={},
            opened_at=NOW,
        )
    at = before(row, days=9)
    assert expiring.assess(at) == 4
    with django_assert_num_queries(2):
        assert expiring.assess(at + timedelta(minutes=1)) == 0


def test_what_outgrows_an_exception_is_told_with_what_is_more_and_when_it_is_over(
    row: models.Acceptance,
) -> None:
    later = NOW + timedelta(days=1)
    reading.record(row.tenant, wide("198.51.100.0/24", "192.0.2.30"), later)
    expiring.assess(later)
    expiring.assess(later + timedelta(hours=1))
    assert told() == [
        ("opened", f"[High] Exception {row.name} at contoso no longer covers its finding")
    ]
    letter = letters.compose(models.Alert.objects.get().facts, BASE)
    assert "1 address more than were accepted: 192.0.2.30." in letter.lead
    reading.record(row.tenant, wide("198.51.100.0/24"), later + timedelta(hours=2))
    expiring.assess(later + timedelta(hours=2))
    assert told()[1] == (
        "resolved", f"[Covered] Exception {row.name} at contoso covers its finding again",
    )  # fmt: skip


def test_the_incident_has_a_page_before_and_after(row: models.Acceptance) -> None:
    expiring.assess(before(row, days=9))
    incident = models.Incident.objects.select_related("tenant", "vantage_point").get()
    shown = page.load(incident, before(row, days=9))
    assert shown.sentence == f"Exception {row.name} at contoso ends after 23 Feb 2027."
    assert shown.word == "Ends soon"
    client = Client()
    client.force_login(User.objects.get())
    markup = client.get(incident.get_absolute_url()).content.decode()
    assert f'href="/exceptions/{row.pk}/">Exception {row.name}</a>' in markup
    assert "Probe now" not in markup
    assert incident.get_absolute_url() in client.get("/incidents/?kind=exception").content.decode()
    reading.record(row.tenant, wide(), before(row, days=8))
    expiring.assess(before(row, days=7))
    incident.refresh_from_db()
    assert page.load(incident, before(row, days=7)).word == "Over"


def test_what_goes_wrong_with_one_stops_no_other(
    row: models.Acceptance, monkeypatch: pytest.MonkeyPatch
) -> None:
    models.Acceptance.objects.filter(pk=row.pk).update(outside_since=NOW, outside=["more"])

    def fails(*_given: Any, **_also: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(incidents, "look", fails)
    assert expiring.assess(NOW) == 0
