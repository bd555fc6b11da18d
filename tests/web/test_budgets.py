"""What a place may still probe, and what it left for the next round, on its page and a tenant's."""

from typing import Any

import pytest
from django.test import Client, override_settings

from mailposture import models
from mailposture.adapters.buckets import Shared, Take
from mailposture.services import budgets
from tests import factories as make
from tests.servers import ValkeyServer
from tests.web.setup_rows import viewer

pytestmark = pytest.mark.django_db


def text(client: Client, address: str) -> str:
    return " ".join(client.get(address).content.decode().split())


def test_a_place_shows_what_is_left_in_the_queue(valkey: ValkeyServer) -> None:
    make.stranger()
    with override_settings(BROKER_URL=valkey.url, BUDGET_PLACE=(60.0, 500.0)):
        Shared(valkey.url).take([[Take(budgets.place("frankfurt"), 900)]])
        page = text(viewer(), "/vantage-points/frankfurt/")
    assert "This vantage point" in page
    assert "Waiting" in page
    assert '<td class="num">500</td><td class="num">60</td>' in page


@pytest.mark.parametrize("url", [None, "redis://127.0.0.1:1/0"])
def test_without_a_queue_the_page_says_that_it_does_not_know(url: str | None) -> None:
    make.stranger()
    with override_settings(BROKER_URL=url):
        assert "the queue, which keeps it, was not reached" in text(
            viewer(), "/vantage-points/frankfurt/"
        )


@pytest.mark.parametrize(
    ("count", "reason", "says"),
    [
        (1, "slow-down", "1 path was not tried: the server asked us to slow down."),
        (2, "no-time", "2 paths were not tried: the answers before took all the time there was."),
    ],
)
def test_what_was_put_off_is_said_with_its_reason(count: int, reason: str, says: str) -> None:
    tenant, place = make.tenant(), make.stranger()
    paths = make.paths(tenant, place)
    make.snapshot(tenant, make.configuration(domains=("contoso.com",)), make.ago(days=1))
    for path in paths[:count]:
        models.Path.objects.filter(pk=path.pk).update(put_off=reason)
        make.answered(path, "closed", make.ago(hours=1))
    assert says in text(viewer(), "/vantage-points/frankfurt/")
    assert says in text(viewer(), f"/tenants/{tenant.slug}/")


def test_the_page_of_a_place_asks_little(django_assert_max_num_queries: Any) -> None:
    place = make.stranger()
    make.paths(make.tenant(), place)
    client = viewer()
    with django_assert_max_num_queries(12):
        client.get("/vantage-points/frankfurt/")
