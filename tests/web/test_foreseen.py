"""Prediction beside observation: in the matrix, on the map, and with its way at the answer."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from mailposture import models
from mailposture.services import predicting
from tests import factories as make
from tests.factories import NOW
from tests.web import fleet_rows as rows
from tests.web.fleet_rows import page, words

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_one_moment(settings: Any) -> Iterator[None]:
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.fabrikam.com"
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def viewer() -> Client:
    return rows.signed_in(staff=False)


def locked(verdict: str, **lock: Any) -> dict[str, models.Path]:
    """A locked tenant whose stranger was answered so, with the prediction kept."""
    tenant = make.tenant("contoso")
    make.snapshot(tenant, make.configuration(make.lock(**lock)), make.ago(days=2))
    found = make.paths(tenant, make.stranger())
    for path in found:
        make.answered(path, verdict, make.ago(hours=1))
    predicting.refresh(tenant, NOW)
    return {path.sender_class: path for path in found}


def test_a_contradiction_is_marked_in_the_matrix_with_what_was_predicted(viewer: Client) -> None:
    locked("open")
    shown = page(viewer, "/tenants/contoso/")
    assert "Predicted Closed by Lock to gateway, answered Open" in shown
    assert shown.count('class="cell is-open contra"') >= 3
    assert "3 against what was predicted" in shown


def test_where_both_agree_the_tooltip_says_what_was_predicted(viewer: Client) -> None:
    locked("closed")
    shown = page(viewer, "/tenants/contoso/")
    assert "Predicted Closed by Lock to gateway" in shown
    assert "contra" not in shown.split('id="paths"')[1].split("</section>")[0]


def test_the_map_draws_the_prediction_and_names_the_connector(viewer: Client) -> None:
    locked("closed")
    shown = page(viewer, "/tenants/contoso/")
    drawing = shown.split('<svg class="flow only-wide"')[1].split("only-narrow")[0]
    assert "predicted Closed, answered Closed" in drawing
    assert "Lock to gateway" in drawing
    assert "Agrees" in drawing


def test_an_answer_shows_the_way_to_its_prediction(viewer: Client) -> None:
    row = locked("open")["foreign"].current
    assert row is not None
    shown = page(viewer, f"/observations/{row.pk}/")
    predicted = words(shown.split('id="predicted"')[1].split("</section>")[0])
    assert "Configuration closed, wire open" in predicted
    assert "Lock to gateway (Partner) restricts to addresses" in predicted
    assert "Refused with 5.7.51 by Lock to gateway." in predicted


def test_an_answer_names_the_assumption_that_its_prediction_rests_on(viewer: Client) -> None:
    row = locked("open")["null"].current
    assert row is not None
    shown = page(viewer, f"/observations/{row.pk}/")
    predicted = words(shown.split('id="predicted"')[1].split("</section>")[0])
    assert (
        "Rests on an assumption. The null sender (&lt;&gt;) is within SenderDomains *." in predicted
    )
    assert "Model assumption in doubt" in predicted


def test_an_older_answer_is_held_against_the_configuration_of_its_time(viewer: Client) -> None:
    path = locked("open")["foreign"]
    old = path.current
    assert old is not None
    models.Observation.objects.filter(pk=old.pk).update(last_at=make.ago(minutes=30))
    tenant = path.tenant
    models.Snapshot.objects.filter(tenant=tenant).update(last_seen_at=make.ago(minutes=20))
    opened = make.configuration(make.lock(enabled=False))
    make.snapshot(tenant, opened, make.ago(minutes=10))
    shown = page(viewer, f"/observations/{old.pk}/")
    assert "Refused with 5.7.51 by Lock to gateway." in words(shown)


def test_a_tenant_that_was_not_read_by_then_says_nothing_of_a_prediction(viewer: Client) -> None:
    tenant = make.tenant("contoso")
    (path,) = make.paths(tenant, make.stranger(), classes=["foreign"])
    row = make.answered(path, "open", make.ago(hours=1), last_at=make.ago(minutes=30))
    make.snapshot(tenant, make.configuration(make.lock()), NOW - timedelta(minutes=5))
    assert 'id="predicted"' not in page(viewer, f"/observations/{row.pk}/")
    assert path.pk == row.path_id


def test_both_ways_stand_side_by_side(viewer: Client) -> None:
    row = locked("open")["foreign"].current
    assert row is not None
    shown = page(viewer, f"/observations/{row.pk}/").split('id="predicted"')[1]
    before, _, after = shown.split("</section>")[0].partition("Observed: what was said")
    assert "Refused with 5.7.51 by Lock to gateway." in words(before)
    assert "No conversation took place." in words(after)  # this answer was kept without one
    models.Observation.objects.filter(pk=row.pk).update(
        tries=rows.tries("open", ("192.0.2.20", rows.OK))
    )
    talked = page(viewer, f"/observations/{row.pk}/").split("Observed: what was said")[1]
    assert 'class="talk short' in talked.split("</section>")[0]
