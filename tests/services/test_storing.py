"""Answers are stored together: what differs is told apart, and many cost no more than few."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mailposture import models
from mailposture.services import judging, rows
from tests import factories as make
from tests.factories import NOW
from tests.services.results import CLOSED, TAKEN, result
from tests.services.rounds import claim

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def who_asks(settings: Any) -> None:
    """The names without which no probe is planned."""
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.contoso.com"


def watched(name: str, domains: int) -> models.Tenant:
    """A tenant of so many domains, before its first round."""
    found = make.tenant(name, probe_every=3600)
    names = [f"d{n}.{name}.com" for n in range(domains)]
    make.snapshot(found, make.configuration(domains=names), make.ago(days=1))
    found.endpoints.create(
        domain=names[0], host=f"{name}.mail.protection.outlook.com", found_by="dash",
        first_seen_at=NOW,
    )  # fmt: skip
    return found


def queries_of_a_round(name: str, domains: int) -> list[int]:
    """How many queries each of three rounds took: all open, all closed, and as before."""
    watched(name, domains)
    models.Tenant.objects.exclude(slug=name).update(paused_at=NOW)
    counts = []
    for hour, rcpt in enumerate((TAKEN, CLOSED, CLOSED)):
        at = NOW + timedelta(hours=hour)
        answer = result(claim(at), rcpt)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            judging.take(answer, at)
        counts.append(len(asked))
    return counts


def test_a_hundred_paths_take_as_many_queries_as_three() -> None:
    make.stranger()
    few, many = queries_of_a_round("contoso", 1), queries_of_a_round("fabrikam", 34)
    assert many == few
    paths = models.Path.objects.filter(tenant__slug="fabrikam")
    assert {(p.verdict, p.observations.count(), p.windows.count()) for p in paths} == {
        ("closed", 2, 1)
    }
    window = models.ExposureWindow.objects.filter(tenant__slug="fabrikam").last()
    assert window is not None
    assert (window.first_open_at, window.first_closed_at) == (NOW, NOW + timedelta(hours=1))


def test_each_path_shows_its_own_span() -> None:
    make.stranger()
    watched("contoso", 3)
    judging.take(result(claim(NOW), TAKEN), NOW)
    for path in models.Path.objects.select_related("current"):
        assert path.current is not None
        assert path.current.path_id == path.pk


def test_rows_that_change_alike_are_written_in_one_statement() -> None:
    place, tenant = make.stranger(), make.tenant()
    paths = make.paths(tenant, place, [f"d{n}.com" for n in range(4)])
    for number, path in enumerate(paths):
        path.agreement = "agree" if number % 2 else "settling"
        path.leans_on = ["one assumption"]
    with CaptureQueriesContext(connection) as asked:
        rows.save(paths, ("agreement", "leans_on"))
    assert len(asked) == 2
    kept = models.Path.objects.order_by("pk").values_list("agreement", "leans_on")
    assert list(kept) == [(p.agreement, p.leans_on) for p in paths]


def test_more_rows_than_one_statement_holds_are_all_written() -> None:
    tenant, place = make.tenant(), make.stranger()
    models.Path.objects.bulk_create(
        models.Path(
            tenant=tenant, vantage_point=place, domain=f"d{n}.com", sender_class="null",
            created_at=NOW,
        )
        for n in range(501)
    )  # fmt: skip
    paths = list(models.Path.objects.all())
    for path in paths:
        path.predicted = "open"
    rows.save(paths, ("predicted",))
    assert models.Path.objects.filter(predicted="open").count() == 501
