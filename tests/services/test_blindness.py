"""Where we stopped seeing is told once, and ends when we see again."""

from datetime import timedelta
from typing import Any

import pytest

from mailposture import models
from mailposture.core.configuration import DECIDING
from mailposture.services import fetches, subscribing
from tests import factories as make
from tests.factories import NOW, ago
from tests.services.unseen import LONG_AGO, assess, credential, reasons, watched

pytestmark = pytest.mark.django_db

SILENT = {"heard_at": ago(minutes=10), "asked_at": ago(seconds=5)}


@pytest.fixture
def tenant() -> models.Tenant:
    """A tenant that can be read, and a stranger that sees."""
    return watched()


def test_who_sees_is_not_blind(tenant: models.Tenant) -> None:
    assert assess() == []


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"fetch_refused": "credential", "fetch_error": "secret-expired"}, "credential"),
        ({"fetch_refused": "role"}, "role"),
        ({"fetched_at": ago(minutes=46)}, "not_read"),
        ({"fetched_at": ago(minutes=46), "fetch_error": "timeout"}, "not_read"),
        ({"probed_at": ago(hours=18, minutes=1)}, "not_probed"),
    ],
)
def test_each_way_of_being_blind_is_told_once_and_ends(
    tenant: models.Tenant, fields: dict[str, Any], what: str
) -> None:
    models.Tenant.objects.update(**fields)
    assert assess() == [("blind", "opened")]
    assert reasons() == [what]
    assert assess(NOW + timedelta(seconds=20)) == [("blind", "opened")]

    models.Tenant.objects.update(fetch_refused="", fetch_error="", fetched_at=NOW, probed_at=NOW)
    assert assess(NOW + timedelta(minutes=1)) == [("blind", "opened"), ("blind", "resolved")]
    assert models.Delivery.objects.count() == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"fetched_at": ago(minutes=44)},
        {"probed_at": ago(hours=17)},
        {"fetched_at": ago(minutes=46), "paused_at": ago(days=1)},
        {"fetched_at": None, "probed_at": None, "created_at": ago(minutes=5)},
    ],
)
def test_being_a_little_late_paused_or_new_is_not_blindness(
    tenant: models.Tenant, fields: dict[str, Any]
) -> None:
    models.Tenant.objects.update(**fields)
    assert assess() == []


def test_what_was_late_because_nothing_ran_is_not_the_tenants_blindness(
    tenant: models.Tenant,
) -> None:
    models.Tenant.objects.update(fetched_at=ago(days=1), probed_at=ago(days=1))
    assert assess(awake_since=ago(minutes=1)) == []
    assert assess(awake_since=ago(minutes=46)) == [("blind", "opened")]
    assert reasons() == ["not_read"]


def test_a_silent_stranger_is_told_once_and_not_by_tenant(tenant: models.Tenant) -> None:
    credential(make.tenant("fabrikam", fetched_at=NOW, probed_at=ago(days=1)))
    models.Tenant.objects.update(probed_at=ago(days=1))
    models.VantagePoint.objects.update(**SILENT)
    assert assess() == [("blind", "opened")]
    incident = models.Incident.objects.get()
    assert incident.tenant is None
    assert incident.vantage_point == models.VantagePoint.objects.get()
    assert reasons() == ["silent"]

    # One more that sees, and long did: now it is the tenants that nobody looks at.
    make.stranger("singapore")
    assess(NOW + timedelta(seconds=5))
    blind = models.Incident.objects.exclude(tenant=None).values_list("tenant__slug", flat=True)
    assert sorted(blind) == ["contoso", "fabrikam"]

    models.VantagePoint.objects.update(heard_at=NOW + timedelta(seconds=5))
    assert assess(NOW + timedelta(seconds=6))[-1] == ("blind", "resolved")


def test_a_source_that_answers_is_no_stranger_that_sees(tenant: models.Tenant) -> None:
    make.source(tenant)
    models.Tenant.objects.update(probed_at=ago(days=1))
    strangers = models.VantagePoint.objects.filter(plays="stranger")
    strangers.update(heard_at=ago(minutes=10), asked_at=ago(seconds=5))
    assert assess() == [("blind", "opened")]
    assert models.Incident.objects.get().tenant is None


def test_a_tenant_that_was_never_connected_is_not_watched(tenant: models.Tenant) -> None:
    make.tenant("fabrikam", fetched_at=ago(days=3), probed_at=ago(days=3))
    assert assess() == []


@pytest.mark.parametrize(("seconds", "told"), [(0, []), (1, [("blind", "opened")])])
@pytest.mark.parametrize(
    ("field", "rounds"),
    [("fetched_at", timedelta(minutes=45)), ("probed_at", timedelta(hours=18))],
)
def test_three_whole_rounds_must_be_missed(
    tenant: models.Tenant, field: str, rounds: timedelta, seconds: int, told: list[Any]
) -> None:
    models.Tenant.objects.update(**{field: NOW - rounds - timedelta(seconds=seconds)})
    assert assess() == told


def test_a_place_that_was_asked_only_since_our_own_start_is_not_silent_yet(
    tenant: models.Tenant,
) -> None:
    models.VantagePoint.objects.update(heard_at=ago(days=1), asked_at=ago(seconds=1))
    assert assess(awake_since=ago(seconds=60)) == []
    assert assess(awake_since=ago(seconds=80)) == [("blind", "opened")]


@pytest.mark.parametrize(
    "fields",
    [
        {"heard_at": None},
        {"heard_at": ago(minutes=10), "asked_at": ago(minutes=9)},
        {"heard_at": ago(minutes=10), "enabled": False},
    ],
)
def test_a_place_that_nobody_asked_or_that_is_turned_off_is_not_silent(
    tenant: models.Tenant, fields: dict[str, Any]
) -> None:
    models.VantagePoint.objects.update(**fields)
    assert assess() == []


def test_a_source_that_is_silent_is_told_to_the_tenants_that_name_it(
    tenant: models.Tenant,
) -> None:
    make.source(tenant)
    subscribing.subscribe("owner@example.com", tenant, LONG_AGO)
    subscribing.subscribe("other@example.com", make.tenant("fabrikam"), LONG_AGO)
    models.VantagePoint.objects.filter(plays="source").update(heard_at=ago(minutes=10))
    assess()
    told = set(models.Delivery.objects.values_list("recipient", flat=True))
    assert told == {"owner@example.com", "security@example.com"}


def test_why_we_are_blind_may_change_without_news(tenant: models.Tenant) -> None:
    models.Tenant.objects.update(fetch_refused="credential", fetch_error="secret-expired")
    assess()
    models.Tenant.objects.update(fetch_refused="role")
    assert assess() == [("blind", "opened")]
    assert reasons() == ["role"]


def test_a_reading_that_is_refused_says_by_what(tenant: models.Tenant) -> None:
    models.Tenant.objects.update(fetch_attempt=1, fetch_lease_until=NOW)
    tenant.refresh_from_db()
    assert fetches.failed(tenant, 1, "secret-expired", NOW, refused="credential")
    tenant.refresh_from_db()
    assert (tenant.fetch_refused, tenant.fetch_failing_since) == ("credential", NOW)

    models.Tenant.objects.update(fetch_attempt=2, fetch_lease_until=NOW)
    assert fetches.done(tenant, 2, NOW)
    tenant.refresh_from_db()
    assert (tenant.fetch_refused, tenant.fetch_failing_since) == ("", None)


def test_the_parts_that_decide_are_parts() -> None:
    seen = make.configuration()
    assert {part.name for part in seen.parts} >= set(DECIDING)
