"""What ends blindness and what does not, who is told of it, and that one tenant costs no other."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from mailposture import models
from mailposture.services import arranging, blindness, planning, subscribing
from mailposture.services.pages import incident as page
from mailposture.services.pages import incidents as pages
from tests import factories as make
from tests.factories import NOW, ago
from tests.services.unseen import LONG_AGO, assess, credential, reasons, watched

pytestmark = pytest.mark.django_db

SILENT = {"heard_at": ago(minutes=10), "asked_at": ago(seconds=5)}


@pytest.fixture
def tenant() -> models.Tenant:
    """A tenant that can be read, and a stranger that sees."""
    return watched()


# ---- what ends it, and what does not -----------------------------------------------------


@pytest.mark.parametrize(
    ("of_tenant", "of_place"),
    [
        ({"fetched_at": ago(minutes=60)}, {}),
        ({"probed_at": ago(days=1)}, {}),
        ({"fetch_refused": "credential", "fetch_error": "secret-expired"}, {}),
        ({}, SILENT),
    ],
)
def test_what_is_unchanged_across_a_restart_is_not_told_again(
    tenant: models.Tenant, of_tenant: dict[str, Any], of_place: dict[str, Any]
) -> None:
    if of_tenant:
        models.Tenant.objects.update(**of_tenant)
    if of_place:
        models.VantagePoint.objects.update(**of_place)
    assert assess() == [("blind", "opened")]
    for minutes in (1, 2, 20, 50, 70, 300):
        now = NOW + timedelta(minutes=minutes)
        if of_place:
            models.VantagePoint.objects.update(asked_at=now)
        models.Awake.objects.create(since=now, until=now)
        blindness.assess(now)
        assert list(models.Alert.objects.values_list("event", flat=True)) == ["opened"]


def test_restarts_oftener_than_three_rounds_still_find_that_nobody_reads(
    tenant: models.Tenant,
) -> None:
    models.Tenant.objects.update(fetched_at=NOW)
    told: list[tuple[int, int]] = []
    for minute in range(120):
        # Twenty minutes it runs, ten it is down.
        if minute % 30 < 20:
            for second in (0, 30):
                blindness.assess(NOW + timedelta(minutes=minute, seconds=second))
            told.append((minute, models.Alert.objects.count()))
    # Twice twenty minutes, but for the half before each stop, and then those that lack to 45.
    assert next(minute for minute, count in told if count) == 66
    assert told[-1] == (109, 1)


def test_a_short_stop_of_ours_makes_no_place_silent(tenant: models.Tenant) -> None:
    blindness.assess(ago(seconds=11))
    for seconds in (0, 20, 40, 60, 76):
        assert not models.Incident.objects.exists()
        now = NOW + timedelta(minutes=5, seconds=seconds)
        models.VantagePoint.objects.update(asked_at=now)
        blindness.assess(now)
    assert models.Incident.objects.get().vantage_point


def test_who_is_paused_is_not_told_to_be_seen_again(tenant: models.Tenant) -> None:
    models.Tenant.objects.update(fetch_refused="credential", fetch_error="secret-expired")
    assess()
    models.Tenant.objects.update(paused_at=NOW)
    assert assess(NOW + timedelta(seconds=30)) == [("blind", "opened")]
    row = models.Incident.objects.get()
    assert row.resolved_at == NOW + timedelta(seconds=30)
    assert pages.sentence(row) == "contoso was left alone before it was seen again."
    shown = page.load(row, NOW + timedelta(minutes=1))
    assert (shown.badge, shown.word) == ("unknown", "No longer asked")
    assert [h.title for h in shown.happened if h.gate] == ["No longer seen.", "No longer asked."]

    models.Tenant.objects.update(paused_at=None)
    assert assess(NOW + timedelta(minutes=5))[1:] == [("blind", "again")]
    row.refresh_from_db()
    assert pages.sentence(row).startswith("The configuration of contoso is not read")


def test_a_silent_place_that_is_turned_off_does_not_answer_again(tenant: models.Tenant) -> None:
    make.stranger("singapore")
    frankfurt = models.VantagePoint.objects.filter(slug="frankfurt")
    frankfurt.update(**SILENT)
    assess()
    frankfurt.update(enabled=False)
    assert assess(NOW + timedelta(seconds=30)) == [("blind", "opened")]
    row = models.Incident.objects.get()
    assert row.resolved_at
    assert pages.sentence(row) == ("Stranger, frankfurt was turned off before it answered again.")


def test_who_is_not_probed_stays_so_when_the_last_stranger_goes_silent(
    tenant: models.Tenant,
) -> None:
    models.Tenant.objects.update(probed_at=ago(hours=19))
    assess()
    models.VantagePoint.objects.update(**SILENT)
    assert assess(NOW + timedelta(seconds=1)) == [("blind", "opened"), ("blind", "opened")]
    assert models.Incident.objects.filter(resolved_at=None).count() == 2


def test_another_error_is_no_sign_that_a_refused_tenant_is_read_again(
    tenant: models.Tenant,
) -> None:
    models.Tenant.objects.update(fetch_refused="credential", fetch_error="secret-expired")
    assess()
    models.Tenant.objects.update(fetch_refused="", fetch_error="timeout")
    assert assess(NOW + timedelta(minutes=1)) == [("blind", "opened")]
    models.Tenant.objects.update(fetch_error="", fetched_at=NOW + timedelta(minutes=2))
    assert assess(NOW + timedelta(minutes=2))[1:] == [("blind", "resolved")]


# ---- who is told -------------------------------------------------------------------------


def recipients() -> list[str]:
    return sorted(models.Delivery.objects.values_list("recipient", flat=True))


def test_who_asked_about_one_tenant_is_told_that_no_stranger_answers(
    tenant: models.Tenant,
) -> None:
    models.Subscription.objects.all().delete()
    subscribing.subscribe("one@example.com", tenant, LONG_AGO)
    subscribing.subscribe("idle@example.com", make.tenant("idle", paused_at=NOW), LONG_AGO)
    models.VantagePoint.objects.update(**SILENT)
    assess()
    assert recipients() == ["one@example.com"]


def test_that_no_stranger_is_turned_on_is_told_once_of_all_tenants(tenant: models.Tenant) -> None:
    other = make.tenant("fabrikam", fetched_at=NOW, probed_at=ago(hours=1))
    credential(other)
    subscribing.subscribe("one@example.com", tenant, LONG_AGO)
    subscribing.subscribe("two@example.com", other, LONG_AGO)
    models.VantagePoint.objects.update(enabled=False)
    assert assess() == []
    models.Tenant.objects.filter(pk=tenant.pk).update(probed_at=ago(hours=19))
    assert assess() == [("blind", "opened")]
    assert recipients() == ["one@example.com", "security@example.com", "two@example.com"]
    row = models.Incident.objects.get()
    assert (row.tenant, row.vantage_point, reasons()) == (None, None, ["no_stranger"])
    assert pages.sentence(row) == page.load(row, NOW).sentence == "No stranger is turned on."
    assert pages.listing(pages.Wanted(), NOW).lines[0].name == "Every tenant"

    arranging.turn_place(models.VantagePoint.objects.get(), NOW, on=True)
    assert assess(NOW + timedelta(seconds=1)) == [("blind", "opened")]
    models.VantagePoint.objects.update(heard_at=NOW)
    assert assess(NOW + timedelta(seconds=2))[1:] == [("blind", "resolved")]
    models.VantagePoint.objects.update(heard_at=NOW + timedelta(hours=18))
    models.Tenant.objects.update(fetched_at=NOW + timedelta(hours=18))
    assert len(assess(NOW + timedelta(hours=18))) == 2
    models.Tenant.objects.update(fetched_at=NOW + timedelta(hours=19))
    models.VantagePoint.objects.update(heard_at=NOW + timedelta(hours=19))
    assess(NOW + timedelta(hours=19))
    assert models.Incident.objects.filter(resolved_at=None).exclude(tenant=None).count() == 2


def test_a_stranger_that_answers_again_has_time_to_look(tenant: models.Tenant) -> None:
    models.Tenant.objects.update(probed_at=ago(days=1))
    models.VantagePoint.objects.update(**SILENT)
    assess()
    models.VantagePoint.objects.update(heard_at=NOW)
    assert assess(NOW + timedelta(seconds=5)) == [("blind", "opened"), ("blind", "resolved")]


def test_where_nothing_is_watched_nobody_misses_a_stranger(tenant: models.Tenant) -> None:
    models.VantagePoint.objects.update(enabled=False)
    models.Tenant.objects.update(probed_at=ago(hours=19))
    assess()
    models.Tenant.objects.update(paused_at=NOW)
    assert assess(NOW + timedelta(seconds=1)) == [("blind", "opened")]
    assert not models.Incident.objects.filter(resolved_at=None).exists()


# ---- one of many -------------------------------------------------------------------------


def test_one_tenant_that_goes_wrong_costs_no_other_its_news(
    tenant: models.Tenant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = make.tenant("fabrikam")
    credential(other)
    models.Tenant.objects.update(fetch_refused="role")
    real = planning.lock

    def removed(pk: int) -> models.Tenant:
        if pk == tenant.pk:
            raise models.Tenant.DoesNotExist
        return real(pk)

    monkeypatch.setattr(planning, "lock", removed)
    assert assess() == [("blind", "opened")]
    assert models.Incident.objects.get().tenant == other
    assert "could not be kept" in caplog.text


def test_a_tick_without_news_asks_the_same_of_many_blind_tenants_as_of_one(
    tenant: models.Tenant, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(30):
        credential(make.tenant(f"t{n}"))
    models.Tenant.objects.update(fetch_refused="role")
    assess()
    assert models.Incident.objects.count() == 31
    with django_assert_max_num_queries(8):
        assert blindness.assess(NOW + timedelta(seconds=10)) == 0
    models.Tenant.objects.filter(slug="t7").update(fetch_refused="", fetched_at=NOW)
    assert blindness.assess(NOW + timedelta(seconds=20)) == 1
