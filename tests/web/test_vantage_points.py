"""Vantage points: health in words, what each plays and did, and how one is set up."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from mailposture import models
from tests import factories
from tests.factories import NOW, ago
from tests.web.fleet_rows import words
from tests.web.setup_rows import EVIL, acts, staff, viewer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_now")]
ROOM = ("Plays", "Paths", "Last shards", "Its worker")


@pytest.fixture
def fixed_now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def listing(client: Client) -> str:
    return client.get("/vantage-points/").content.decode()


def shard(place: models.VantagePoint, of: models.Tenant, **fields: Any) -> models.Shard:
    of_round = of.rounds.create(kind="asked", due_at=NOW)
    given = {"targets": [{}, {}], "due_at": ago(minutes=4), "attempt": 1}
    return models.Shard.objects.create(
        round=of_round, tenant=of, vantage_point=place, **{**given, **fields}
    )


def test_someone_not_signed_in_is_asked_to(client: Client) -> None:
    factories.stranger()
    for address in ("/vantage-points/", "/vantage-points/add/", "/vantage-points/frankfurt/"):
        assert client.get(address).headers["Location"].startswith("/signin/")


def test_a_viewer_sees_and_changes_nothing() -> None:
    factories.stranger()
    client = viewer()
    assert "Add a vantage point" not in listing(client)
    page = client.get("/vantage-points/frankfurt/").content.decode()
    assert [part for part in ROOM if part not in page] == []
    assert "Turn it off" not in page
    assert "Declared</h2>" not in page
    assert client.get("/vantage-points/add/").status_code == 404
    assert client.post("/vantage-points/frankfurt/", {"turn": "off"}).status_code == 404
    assert models.VantagePoint.objects.get().enabled


def test_nothing_to_probe_from_is_said_with_what_it_means() -> None:
    page = listing(staff())
    assert "There is no vantage point yet." in page
    assert "every tenant is Unknown" in page


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "The vantage point sees clearly."),
        ({"heard_at": None}, "Has not joined: its worker has no key that is known here."),
        ({"heard_at": None, "public_key": "0a"}, "Never heard. Start its worker."),
        ({"heard_at": ago(minutes=2)}, "Silent. Its worker does not answer."),
        ({"facts": {"skew": 42.0, "version": "0.1.0"}}, "Its clock is +42 s off."),
        ({"seen_as": "203.0.113.99"}, "Servers see it as 203.0.113.99"),
        ({"enabled": False}, "no vantage point is turned on"),
    ],
)
def test_health_is_said_in_words(fields: dict[str, Any], says: str) -> None:
    factories.stranger(**fields)
    assert says in listing(viewer())


def test_the_sentence_counts_only_what_is_turned_on() -> None:
    factories.stranger("frankfurt")
    factories.stranger("singapore", heard_at=None)
    factories.stranger("old", enabled=False)
    assert "<h1>1 of 2 vantage points see clearly.</h1>" in listing(viewer())


def test_a_row_says_what_is_played_seen_and_done() -> None:
    tenant = factories.tenant()
    source = factories.source(tenant)
    place = source.vantage_point
    assert place
    factories.paths(tenant, place)
    shard(place, tenant, done_at=ago(minutes=3), attempt=2)
    models.VantagePoint.objects.filter(pk=place.pk).update(
        seen_as="203.0.113.10", facts={"version": "0.1.0", "skew": 0.2}
    )
    page = listing(viewer())
    assert 'Gateway of <a href="/tenants/contoso/">contoso</a>' in page
    assert "<code>203.0.113.10</code>" in page
    assert "0.1.0, clock +0.2 s" in page
    assert '<td class="num half" data-label="Paths">3</td>' in page
    assert "attempt 2" in page


def test_what_was_set_aside_is_shown_with_its_reason() -> None:
    tenant, place = factories.tenant(), factories.stranger()
    shard(place, tenant, attempt=3, aside_at=ago(hours=1), problem=f"No result. {EVIL}")
    assert "1 set aside" in listing(viewer())
    page = viewer().get("/vantage-points/frankfurt/").content.decode()
    assert "No result. &lt;script&gt;" in page
    assert EVIL not in page


def test_old_troubles_are_listed_but_no_longer_counted() -> None:
    tenant, place = factories.tenant(), factories.stranger()
    shard(place, tenant, aside_at=ago(days=3), problem="No result.")
    assert "set aside" not in listing(viewer())
    assert "Set aside</h2>" in viewer().get("/vantage-points/frankfurt/").content.decode()


def test_answers_are_in_the_words_of_who_asked() -> None:
    tenant = factories.tenant()
    source = factories.source(tenant)
    place = source.vantage_point
    assert place
    for path, verdict in zip(
        factories.paths(tenant, place), ("open", "closed", "unknown"), strict=True
    ):
        factories.answered(path, verdict, ago(hours=1))
    page = viewer().get(f"/vantage-points/{place.slug}/").content.decode()
    assert page.index("Cut off") < page.index("Unknown") < page.index("Gets in")


def test_a_place_is_added_and_its_page_makes_its_join_line() -> None:
    given = {
        "name": "Frankfurt",
        "slug": "frankfurt",
        "plays": "stranger",
        "address": "198.51.100.7",
        "certificate_name": "Probe.Example.COM",
    }
    answer = staff().post("/vantage-points/add/", given, follow=True)
    assert answer.redirect_chain == [("/vantage-points/frankfurt/", 302)]
    page = answer.content.decode()
    assert "Frankfurt is added. It sees nothing until its worker joins." in page
    assert 'action="/vantage-points/frankfurt/join/"' in page
    assert "Make a join line</button>" in page
    place = models.VantagePoint.objects.get()
    assert place.certificate_name == "probe.example.com"
    assert acts() == [("staff", "added vantage point", "frankfurt")]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"slug": "add"}, "This short name is taken."),
        ({"slug": "taken"}, "This short name is taken."),
        ({"slug": "two words"}, "Use letters a to z, digits, - and _ alone"),
        ({"address": "198.51.100.7/24"}, "Give one address, such as 198.51.100.7."),
        ({"certificate_name": "a..b"}, "Give a name such as mail.contoso.com"),
        ({"plays": "both"}, "valid choice"),
        ({"name": ""}, "Fill this in."),
        ({"name": "Frank\u2066furt"}, "U+2066"),
    ],
)
def test_what_cannot_be_is_refused_and_stays_in_the_form(wrong: dict[str, str], says: str) -> None:
    factories.stranger("taken")
    given = {"name": "Frankfurt", "slug": "frankfurt", "plays": "stranger", **wrong}
    page = staff().post("/vantage-points/add/", given)
    assert page.status_code == 200
    assert says in page.content.decode()
    assert all(value in page.content.decode() for value in wrong.values() if value != "both")
    assert models.VantagePoint.objects.count() == 1


def test_no_password_of_the_queue_is_ever_shown(settings: Any) -> None:
    settings.BROKER_URL = "redis://:hunter2@127.0.0.1:6379/0"
    factories.stranger()
    assert "hunter2" not in staff().get("/vantage-points/frankfurt/").content.decode()


def test_what_is_declared_can_be_changed_and_leaves_a_trace() -> None:
    factories.stranger()
    given = {"name": "Frankfurt 2", "plays": "stranger", "address": ""}
    page = staff().post("/vantage-points/frankfurt/", given, follow=True).content.decode()
    assert "is changed." in page
    event = models.AuditEvent.objects.get()
    assert event.detail["name"] == ["Stranger, frankfurt", "Frankfurt 2"]
    assert event.detail["address"] == ["198.51.100.7", None]
    again = staff().post("/vantage-points/frankfurt/", given, follow=True).content.decode()
    assert "Nothing was changed." in again
    assert models.AuditEvent.objects.count() == 1


def test_what_plays_a_source_cannot_become_a_stranger() -> None:
    source = factories.source(factories.tenant())
    place = source.vantage_point
    assert place
    given = {"name": "x", "plays": "stranger"}
    page = staff().post(f"/vantage-points/{place.slug}/", given).content.decode()
    assert "It plays Gateway of contoso. Change that source first." in page


def test_a_place_is_turned_off_and_on_once_each() -> None:
    factories.stranger()
    client = staff()
    client.post("/vantage-points/frankfurt/", {"turn": "off"})
    page = client.post("/vantage-points/frankfurt/", {"turn": "off"}, follow=True)
    assert "it is asked no more" in page.content.decode()
    assert not models.VantagePoint.objects.get().enabled
    client.post("/vantage-points/frankfurt/", {"turn": "on"})
    assert models.VantagePoint.objects.get().enabled
    assert [action for _, action, _ in acts()] == [
        "turned off vantage point",
        "turned on vantage point",
    ]


def test_names_cannot_act() -> None:
    factories.stranger(name=EVIL, seen_as="<b>")
    assert EVIL not in listing(viewer())
    assert EVIL not in viewer().get("/vantage-points/frankfurt/").content.decode()


def test_a_place_nobody_knows_is_not_there() -> None:
    assert viewer().get("/vantage-points/nowhere/").status_code == 404


@pytest.mark.parametrize("times", [1, 10])
def test_the_pages_ask_a_bounded_number_of_times(
    times: int, django_assert_max_num_queries: Any
) -> None:
    for n in range(times):
        tenant, place = factories.tenant(f"tenant{n}"), factories.stranger(f"place{n}")
        factories.source(tenant)
        factories.paths(tenant, place)
        shard(place, tenant, done_at=NOW - timedelta(minutes=1))
        shard(place, tenant, aside_at=NOW, problem="No result.")
    client = viewer()
    with django_assert_max_num_queries(10):
        client.get("/vantage-points/")
    with django_assert_max_num_queries(12):
        client.get("/vantage-points/place0/")


def test_how_busy_its_worker_is_is_said() -> None:
    tenant, place = factories.tenant(), factories.stranger()
    took = {"claimed_at": ago(minutes=3, seconds=6), "done_at": ago(minutes=3)}
    shard(place, tenant, targets=[{"path": n} for n in range(20)], attempt=1, **took)
    later = NOW + timedelta(minutes=5)
    shard(place, tenant, attempt=1, claimed_at=NOW, lease_until=later)
    page = viewer().get("/vantage-points/frankfurt/").content.decode()
    assert "In hand</dt><dd>1 shard</dd>" in page
    assert "Last shard took</dt><dd>6.0 s</dd>" in page
    assert "Pace</dt><dd>200 paths a minute</dd>" in page
    assert "Joined</dt><dd>not yet</dd>" in page


def test_its_page_says_what_it_found_of_itself_and_what_it_shows() -> None:
    place = factories.stranger()
    assert "Nothing is known of late" in viewer().get(f"/vantage-points/{place.slug}/").text
    place.facts = {
        **place.facts,
        "selftest": {
            "at": ago(minutes=5).isoformat(), "address": "192.0.2.7", "names": [EVIL],
            "port": "blocked", "host": "door.example", "why": "no answer in time",
            "confirmed": "", "lists": [{"zone": "list.example", "says": "listed", "codes": []}],
        },
        "certificate": {
            "common_name": "mail.contoso.com", "names": ["mail.contoso.com"],
            "issuer": "Tailspin Trust", "not_after": (NOW + timedelta(days=9)).isoformat(),
            "client_auth": False, "untrusted": "unable to get local issuer certificate",
        },
    }  # fmt: skip
    place.save()
    page = viewer().get(f"/vantage-points/{place.slug}/").text
    text = words(page)
    for said in (
        "Port 25: blocked: door.example, the canary: no answer in time.",
        "list.example: lists it: its refusals are about reputation",
        "9 days left",
        "no: what Exchange Online does with it is not known",
        "no: unable to get local issuer certificate",
    ):
        assert said in text
    assert EVIL not in page
