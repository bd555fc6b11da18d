"""When a place tests itself, what is kept of its word, and what that means."""

from datetime import timedelta
from typing import Any

import pytest

from mailposture import models
from mailposture.core.work import HelloBack
from mailposture.services import halting, planning, selftests, vantage_points
from mailposture.services.doctor import watched
from mailposture.services.pages import blind
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db
DOOR = "contoso-com.mail.protection.outlook.com"
FOUND: dict[str, Any] = {
    "address": "192.0.2.7",
    "port": {"says": "open", "host": DOOR, "why": ""},
    "names": ["probe.example"],
    "confirmed": "probe.example",
    "lists": [{"zone": "list.example", "says": "clear", "codes": []}],
}


@pytest.fixture
def place(settings: Any) -> models.VantagePoint:
    settings.CANARY, settings.BLOCK_LISTS = "", ()
    found = make.stranger()
    found.address = found.seen_as = "192.0.2.7"
    found.heard_at = found.asked_at = NOW
    found.save()
    return found


def heard(place: models.VantagePoint, said: object, at: Any = NOW) -> models.VantagePoint:
    place.hello_nonce, place.asked_at = "0a", at
    place.save()
    word: Any = said
    back = HelloBack(vantage_point=place.slug, nonce="0a", version="1", clock=at, selftest=word)
    assert vantage_points.hear(back, at)
    place.refresh_from_db()
    return place


def canary(settings: Any, **of_tenant: Any) -> models.Tenant:
    tenant = make.tenant("contoso")
    models.Tenant.objects.filter(pk=tenant.pk).update(**of_tenant)
    tenant.endpoints.create(
        domain="contoso.com", host=DOOR, found_by="dash", first_seen_at=NOW, addresses=[]
    )
    settings.CANARY = "contoso"
    return tenant


def test_it_is_asked_with_the_first_hello_and_once_an_hour(place: models.VantagePoint) -> None:
    place.asked_at = None
    place.save()
    (hello,) = planning.greet(NOW)
    assert hello.test is not None
    assert (hello.test.address, hello.test.lists, hello.test.canary) == ("192.0.2.7", (), ())
    heard(place, FOUND)
    assert selftests.ask(place, NOW + timedelta(minutes=59)) is None
    assert selftests.ask(place, NOW + timedelta(minutes=60)) is not None


def test_an_address_that_servers_see_anew_is_tested_at_once(place: models.VantagePoint) -> None:
    heard(place, FOUND)
    place.seen_as = "192.0.2.8"
    assert selftests.ask(place, NOW + timedelta(seconds=59)) is None
    asked = selftests.ask(place, NOW + timedelta(seconds=60))
    assert asked is not None
    assert asked.address == "192.0.2.8"


def test_where_servers_do_not_answer_the_canary_is_asked_in_the_same_minute(
    place: models.VantagePoint, settings: Any
) -> None:
    tenant = canary(settings)
    heard(place, FOUND)
    later = NOW + timedelta(minutes=1)
    assert selftests.ask(place, later) is None
    (path,) = make.paths(tenant, place, classes=["null"])
    make.answered(path, "unknown", NOW, cause="no-answer")
    asked = selftests.ask(place, later)
    assert asked is not None
    assert (asked.canary, asked.port) == ((DOOR,), 25)


@pytest.mark.parametrize(
    "of_tenant", [{"paused_at": NOW}, {"setup_step": 3}], ids=["paused", "being connected"]
)
def test_a_canary_that_may_not_be_probed_is_not(
    place: models.VantagePoint, settings: Any, of_tenant: Any
) -> None:
    canary(settings, **of_tenant)
    asked = selftests.ask(place, NOW)
    assert asked is not None
    assert asked.canary == ()


def test_while_all_probing_is_stopped_the_canary_is_left_alone(
    place: models.VantagePoint, settings: Any
) -> None:
    canary(settings)
    halting.stop("Trying.", NOW)
    asked = selftests.ask(place, NOW)
    assert asked is not None
    assert asked.canary == ()


def test_a_source_of_another_tenant_does_not_ask_it(settings: Any) -> None:
    tenant = canary(settings)
    settings.BLOCK_LISTS = ()
    own = make.source(tenant, "hybrid", "198.51.100.25").vantage_point
    other = make.source(make.tenant("fabrikam"), "relay", "198.51.100.26").vantage_point
    assert own is not None
    assert other is not None
    asked = [selftests.ask(one, NOW) for one in (own, other)]
    assert [bool(test and test.canary) for test in asked] == [True, False]


BLOCKED = FOUND | {"port": {"says": "blocked", "host": DOOR, "why": "no answer in time"}}


def test_a_place_that_the_canary_does_not_answer_is_blind_until_it_does(
    place: models.VantagePoint,
) -> None:
    heard(place, BLOCKED)
    health = vantage_points.health(place, NOW)
    assert (health.clear, health.says) == (
        False,
        "Port 25 is blocked: the canary does not answer it either.",
    )
    said = [line.says for line in watched.places(NOW)]
    assert health.says in said
    assert f"Port 25: blocked: {DOOR}, the canary: no answer in time." in said
    assert selftests.ask(place, NOW + timedelta(minutes=1)) is not None
    (told,) = blind.of_places(blind.places(NOW))
    assert told.says == ": port 25 is blocked: the canary does not answer it either."
    heard(place, FOUND, NOW + timedelta(minutes=1))
    assert vantage_points.health(place, NOW + timedelta(minutes=1)).clear


def test_an_old_test_says_nothing_of_now(place: models.VantagePoint) -> None:
    heard(place, BLOCKED)
    later = NOW + timedelta(hours=2)
    place.heard_at = place.asked_at = later
    assert vantage_points.health(place, later).clear
    assert list(selftests.checks(place, later)) == []


def test_a_hello_without_a_test_keeps_the_last_one(place: models.VantagePoint) -> None:
    heard(place, FOUND)
    heard(place, None, NOW + timedelta(seconds=20))
    assert [c.state for c in selftests.checks(place, NOW)] == ["gets_in"] * 3


@pytest.mark.parametrize(
    ("change", "state", "what", "says"),
    [
        ({"names": None}, "unknown", "Reverse name", "not known: no answer for 192.0.2.7"),
        ({"names": []}, "cut_off", "Reverse name", "none: many servers refuse"),
        ({"confirmed": ""}, "cut_off", "Reverse name", "does not lead back to it"),
        ({"port": {"says": "unknown"}}, "unknown", "Port 25", "no canary tenant is named"),
        (
            {"lists": [{"zone": "list.example", "says": "listed", "codes": ["127.0.0.4"]}]},
            "cut_off", "list.example", "(127.0.0.4)",
        ),
        (
            {"lists": [{"zone": "list.example", "says": "refused", "codes": []}]},
            "unknown", "list.example", "which is no listing",
        ),
        (
            {"lists": [{"zone": "list.example", "says": "more", "codes": []}]},
            "unknown", "list.example", "said nothing known",
        ),
    ],
)  # fmt: skip
def test_each_thing_that_was_tested_is_said(
    place: models.VantagePoint, change: dict[str, Any], state: str, what: str, says: str
) -> None:
    heard(place, FOUND | change)
    (found,) = (c for c in selftests.checks(place, NOW) if c.what == what)
    assert found.state == state
    assert says in found.says
    assert vantage_points.health(place, NOW).clear


@pytest.mark.parametrize(
    "said",
    [
        7,
        [],
        {},
        {"port": "open", "names": "x", "lists": {"a": 1}, "address": 5, "confirmed": None},
        {"names": ["n" * 5000] * 500, "lists": [{"zone": "z" * 5000, "codes": [1] * 99}, 7] * 99},
        {"port": {"says": "o" * 5000, "why": ["a"]}, "address": "a" * 5000},
    ],
)
def test_a_places_word_is_held_to_kinds_and_lengths(
    place: models.VantagePoint, said: object
) -> None:
    heard(place, said)
    assert len(str(place.facts)) < 12_000
    assert all(len(check.says) < 600 for check in selftests.checks(place, NOW))
    assert vantage_points.health(place, NOW).clear
