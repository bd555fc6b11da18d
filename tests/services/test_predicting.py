"""Beside every path stands what the configuration says of it, and how the two stand."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mailposture import models
from mailposture.core.configuration import PartStatus
from mailposture.services import predicting, reading
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _identity(settings: Any) -> None:
    settings.EHLO_NAME = "probe.fabrikam.com"
    settings.SENDER_DOMAIN = "probe.fabrikam.com"


def kept(of: models.Tenant) -> dict[str, tuple[str, str, str, str]]:
    rows = models.Path.objects.filter(tenant=of).order_by("sender_class")
    return {
        p.sender_class: (p.predicted, p.predicted_code, p.predicted_by, p.agreement) for p in rows
    }


def test_a_locked_door_that_refuses_agrees() -> None:
    tenant = make.tenant()
    make.snapshot(tenant, make.configuration(make.lock()), make.ago(days=2))
    for path in make.paths(tenant, make.stranger()):
        make.answered(path, "closed", make.ago(days=1))
    assert predicting.refresh(tenant, NOW) == 0
    agrees = ("closed", "5.7.51", "Lock to gateway", "agrees")
    assert kept(tenant) == dict.fromkeys(("foreign", "null", "own"), agrees)


def test_the_gateway_is_predicted_to_get_in_by_its_address() -> None:
    tenant = make.tenant()
    make.snapshot(tenant, make.configuration(make.lock()), make.ago(days=2))
    place = make.source(tenant).vantage_point
    assert place is not None
    (path,) = make.paths(tenant, place, classes=["foreign"])
    make.answered(path, "closed", make.ago(days=1))
    assert predicting.refresh(tenant, NOW) == 1
    assert kept(tenant)["foreign"] == ("open", "", "Lock to gateway", "open_closed")


def test_a_contradiction_has_a_beginning_and_an_end() -> None:
    tenant = make.tenant()
    make.snapshot(tenant, make.configuration(make.lock()), make.ago(days=2))
    (path,) = make.paths(tenant, make.stranger(), classes=["foreign"])
    make.answered(path, "open", make.ago(days=1))
    assert predicting.refresh(tenant, NOW) == 1
    later = NOW + timedelta(hours=6)
    assert predicting.refresh(tenant, later) == 1
    path.refresh_from_db()
    assert (path.agreement, path.apart_since) == ("closed_open", NOW)
    make.answered(path, "closed", later)
    assert predicting.refresh(tenant, later) == 0
    path.refresh_from_db()
    assert (path.agreement, path.apart_since) == ("agrees", None)


def test_what_parts_them_after_a_change_is_first_settling() -> None:
    tenant = make.tenant()
    opened = make.configuration(make.lock(enabled=False))
    make.snapshot(tenant, opened, make.ago(days=2), make.ago(minutes=15))
    for path in make.paths(tenant, make.stranger()):
        make.answered(path, "open", make.ago(days=1))
    reading.record(tenant, make.configuration(make.lock()), NOW)
    assert {row[3] for row in kept(tenant).values()} == {"settling"}
    assert predicting.refresh(tenant, NOW + timedelta(hours=2)) == 3
    assert kept(tenant)["foreign"][3] == "closed_open"
    assert kept(tenant)["null"][3] == "in_doubt"


def test_a_place_whose_address_nobody_knows_is_not_predicted() -> None:
    tenant = make.tenant()
    make.snapshot(tenant, make.configuration(make.lock()), make.ago(days=2))
    (path,) = make.paths(tenant, make.stranger(address=None), classes=["foreign"])
    make.answered(path, "closed", make.ago(days=1))
    predicting.refresh(tenant, NOW)
    assert kept(tenant)["foreign"] == ("unknown", "", "", "unpredicted")


def test_what_the_door_says_of_our_address_counts_more_than_what_was_declared() -> None:
    tenant = make.tenant()
    make.snapshot(tenant, make.configuration(make.lock()), make.ago(days=2))
    place = make.stranger(address="198.51.100.7", seen_as="203.0.113.10")
    make.paths(tenant, place, classes=["foreign"])
    predicting.refresh(tenant, NOW)
    assert kept(tenant)["foreign"][:3] == ("open", "", "Lock to gateway")


def test_a_tenant_that_was_never_read_predicts_nothing() -> None:
    tenant = make.tenant()
    for path in make.paths(tenant, make.stranger()):
        make.answered(path, "open", make.ago(days=1))
    assert predicting.refresh(tenant, NOW) == 0
    assert kept(tenant)["foreign"] == ("unknown", "", "", "unpredicted")


def test_connectors_that_were_never_read_predict_nothing() -> None:
    tenant = make.tenant()
    seen = make.without(make.configuration(), "inbound_connectors", PartStatus.FORBIDDEN, "403")
    make.snapshot(tenant, seen, make.ago(days=2))
    for path in make.paths(tenant, make.stranger()):
        make.answered(path, "open", make.ago(days=1))
    predicting.refresh(tenant, NOW)
    assert kept(tenant)["foreign"][3] == "unpredicted"
    leans = models.Path.objects.filter(tenant=tenant).values_list("leans_on", flat=True)
    assert "inbound_connectors_unknown" in leans[0]


def test_without_a_name_of_our_own_nothing_is_predicted(settings: Any) -> None:
    settings.SENDER_DOMAIN = ""
    tenant = make.tenant()
    make.snapshot(tenant, make.configuration(make.lock()), make.ago(days=2))
    make.paths(tenant, make.stranger(), classes=["foreign"])
    predicting.refresh(tenant, NOW)
    assert kept(tenant)["foreign"][3] == "neither"


@pytest.mark.parametrize("count", [2, 40])
def test_the_number_of_queries_does_not_grow_with_the_domains(count: int) -> None:
    tenant = make.tenant()
    names = [f"d{n}.contoso.com" for n in range(count)]
    make.snapshot(tenant, make.configuration(make.lock(), domains=names), make.ago(days=2))
    make.paths(tenant, make.stranger(), domains=names)
    with CaptureQueriesContext(connection) as first:
        predicting.refresh(tenant, NOW)
    with CaptureQueriesContext(connection) as again:
        predicting.refresh(tenant, NOW)
    assert len(first) <= 6
    assert not [q for q in again if q["sql"].startswith("UPDATE")]
