"""The switch that stops all probing: who may, what it says, and that every page says so."""

from typing import Any

import pytest

from mailposture import models
from tests import factories
from tests.factories import ago
from tests.web.setup_rows import EVIL, acts, staff, viewer

pytestmark = pytest.mark.django_db
STOP, ON = "/vantage-points/stop/", "/vantage-points/go-on/"


@pytest.fixture(autouse=True)
def _no_broker(settings: Any) -> None:
    settings.BROKER_URL = None


def test_an_operator_stops_all_probing_with_a_reason_and_lets_it_go_on() -> None:
    factories.stranger()
    client = staff()
    assert "Stop all probing" in client.get("/vantage-points/").content.decode()
    assert client.post(STOP, {"reason": "  "}).status_code == 200
    assert not models.Halt.objects.exists()
    page = client.post(STOP, {"reason": "Complaint of a provider"}, follow=True).content.decode()
    assert "All probing is stopped" in page
    assert "Complaint of a provider" in page
    client.post(ON)
    assert models.Halt.objects.get().until is not None
    assert "All probing is stopped" not in client.get("/vantage-points/").content.decode()
    assert {"stopped all probing", "let probing go on"} <= {action for _, action, _ in acts()}


@pytest.mark.django_db(transaction=True)
def test_a_queue_that_does_not_answer_is_said() -> None:
    page = staff().post(STOP, {"reason": "x"}, follow=True).content.decode()
    assert "The queue was not reached" in page
    assert models.Halt.objects.get().until is None


@pytest.mark.parametrize("address", ["/", "/tenants/", "/findings/", "/vantage-points/"])
def test_every_page_says_that_probing_is_stopped_and_by_whom(address: str) -> None:
    models.Halt.objects.create(since=ago(hours=1), who="operator", reason=EVIL)
    page = viewer().get(address).content.decode()
    assert "All probing is stopped" in page
    assert "<script>alert" not in page
    assert "Let it go on" not in page
    assert "Let it go on" in staff().get(address).content.decode()


def test_a_viewer_can_neither_stop_nor_go_on() -> None:
    client = viewer()
    assert client.get(STOP).status_code == 404
    assert client.post(STOP, {"reason": "x"}).status_code == 404
    models.Halt.objects.create(since=ago(hours=1), who="operator", reason="x")
    assert client.post(ON).status_code == 404
    assert models.Halt.objects.get().until is None


def test_going_on_is_no_link() -> None:
    assert staff().get(ON).status_code == 405
