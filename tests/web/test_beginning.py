"""A new installation: what is still to be set up, in words, with the page that does it."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client

from mailposture import models
from mailposture.services import subscribing
from tests import factories as make
from tests.factories import NOW
from tests.web.fleet_rows import SCRIPT, page, signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_one_moment() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def begin(shown: str) -> list[str]:
    """The steps, as a reader sees them; none where the section is absent."""
    listed = shown.partition("<h2>To begin</h2>")[2].partition("</section>")[0]
    return [words(item) for item in listed.split("<li")[1:]]


def unheard(name: str = "Frankfurt") -> models.VantagePoint:
    return make.stranger(name=name, heard_at=None)


def test_an_empty_installation_names_three_things_to_do() -> None:
    shown = page(signed_in(staff=True), "/")
    tenant, place, mail = begin(shown)
    assert "No tenant is watched." in tenant
    assert "No place is named." in place
    assert "Mail is not set up: SMTP_URL is not set." in mail
    for address in ("/tenants/add/", "/vantage-points/add/", "/settings/"):
        assert f'href="{address}"' in shown


def test_who_may_only_look_is_offered_nothing_to_do() -> None:
    shown = page(signed_in(staff=False), "/")
    assert len(begin(shown)) == 3
    assert 'href="/vantage-points/add/"' not in shown


def test_a_place_that_was_never_heard_leads_to_its_worker() -> None:
    place = unheard()
    shown = page(signed_in(staff=True), "/")
    assert "Frankfurt was never heard: start its worker." in begin(shown)[1]
    assert f'href="/vantage-points/{place.slug}/">See its worker' in shown


@pytest.mark.parametrize(
    ("tenants", "heard", "steps"), [(0, False, 3), (1, False, 3), (0, True, 3), (1, True, 0)]
)
def test_the_steps_stand_until_a_tenant_is_watched_and_a_place_was_heard(
    *, tenants: int, heard: bool, steps: int
) -> None:
    if tenants:
        make.tenant("contoso")
    if heard:
        make.stranger()
    found = begin(page(signed_in(staff=True), "/"))
    assert len(found) == steps
    if steps:
        assert ("1 tenant is watched." in found[0]) == bool(tenants)
        assert ("was heard." in found[1]) == heard


@pytest.mark.parametrize("tenants", [0, 1])
def test_mail_is_done_when_it_is_set_up_and_somebody_is_told(settings: Any, tenants: int) -> None:
    settings.SMTP_URL = "smtp://127.0.0.1:2525"
    for n in range(tenants):
        make.tenant(f"tenant{n}")
    client = signed_in(staff=True)
    assert "Nobody is told by mail" in begin(page(client, "/"))[2]
    subscribing.subscribe("security@example.com", None, NOW)
    assert "Mail is set up, and somebody is on the list." in begin(page(client, "/"))[2]


def test_a_hostile_name_stays_a_name(client: Client) -> None:
    unheard(SCRIPT)
    client = signed_in(staff=True)
    shown = page(client, "/")
    assert SCRIPT not in shown
    assert SCRIPT.replace("<", "&lt;").replace(">", "&gt;") in shown
