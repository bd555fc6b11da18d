"""Probe now and Fetch now: who may ask, what is kept without a queue, and that watching ends."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.test import Client
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from mailposture import broker, models, tasks
from mailposture.celery import app
from mailposture.core.configuration import PARTS, PartStatus
from tests import factories
from tests.factories import NOW, ago
from tests.servers import ValkeyServer
from tests.web.tenant_rows import probed, shard, signed_in

pytestmark = pytest.mark.django_db
SOON = NOW + timedelta(seconds=30)


@pytest.fixture
def at_one_moment() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def staff() -> Client:
    return signed_in(staff=True)


@pytest.fixture
def contoso() -> models.Tenant:
    return factories.tenant("contoso")


def queue_at(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Point the app at this broker."""
    monkeypatch.setattr(app.conf, "broker_url", url)


@pytest.fixture
def no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address at which nobody listens: port 1 needs root to be served."""
    queue_at(monkeypatch, "redis://127.0.0.1:1/0")


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was put into the queue, without one."""
    sent: list[str] = []
    monkeypatch.setattr(tasks.tick, "apply_async", lambda **_options: sent.append("tick"))
    return sent


# ---- who may ask ------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["probe", "fetch"])
def test_who_may_only_look_may_not_ask(
    contoso: models.Tenant, client: Client, woken: list[str], what: str
) -> None:
    address = f"/tenants/contoso/{what}/"
    assert client.post(address).headers["Location"].startswith("/signin/")
    assert signed_in(staff=False).post(address).status_code == 404
    assert not contoso.rounds.exists()
    assert woken == []


@pytest.mark.parametrize("what", ["probe", "fetch"])
def test_a_link_alone_asks_nothing(contoso: models.Tenant, staff: Client, what: str) -> None:
    assert staff.get(f"/tenants/contoso/{what}/").status_code == 405
    assert staff.post(f"/tenants/wingtip/{what}/").status_code == 404


@pytest.mark.parametrize("what", ["probe", "fetch"])
def test_a_form_of_another_site_asks_nothing(contoso: models.Tenant, what: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = signed_in(staff=True).cookies
    assert strict.post(f"/tenants/contoso/{what}/").status_code == 403


# ---- what asking does -------------------------------------------------------------------------


def test_probe_now_writes_a_round_wakes_the_queue_and_leads_to_it(
    contoso: models.Tenant,
    staff: Client,
    woken: list[str],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = staff.post("/tenants/contoso/probe/")
        assert woken == []  # nobody is woken for a row that is not there yet
    look = contoso.rounds.get()
    assert answer.headers["Location"] == f"/tenants/contoso/?round={look.pk}"
    assert look.kind == models.Round.Kind.ASKED
    assert woken == ["tick"]


def test_probe_now_twice_is_one_look(
    contoso: models.Tenant, staff: Client, woken: list[str]
) -> None:
    first = staff.post("/tenants/contoso/probe/").headers["Location"]
    assert staff.post("/tenants/contoso/probe/").headers["Location"] == first
    assert contoso.rounds.count() == 1


@pytest.mark.usefixtures("at_one_moment", "woken")
def test_fetch_now_makes_the_reading_due_and_leads_to_it(
    contoso: models.Tenant, staff: Client
) -> None:
    models.Tenant.objects.update(fetch_attempt=7)
    answer = staff.post("/tenants/contoso/fetch/")
    contoso.refresh_from_db()
    assert contoso.fetch_due_at == NOW
    assert answer.headers["Location"] == "/tenants/contoso/?fetch=8"


@pytest.mark.parametrize("what", ["probe", "fetch"])
def test_without_a_queue_the_work_is_kept_and_said_to_be(
    contoso: models.Tenant,
    staff: Client,
    no_queue: None,
    what: str,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = staff.post(f"/tenants/contoso/{what}/")
    assert answer.status_code == 302
    said = [str(m) for m in get_messages(answer.wsgi_request)]
    assert "The queue is not reachable; the work is kept and done when it is back." in said
    contoso.refresh_from_db()
    assert contoso.rounds.exists() or contoso.fetch_due_at is not None


def test_the_wake_reaches_a_real_queue(
    contoso: models.Tenant,
    staff: Client,
    valkey: ValkeyServer,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    queue_at(monkeypatch, valkey.url)
    with django_capture_on_commit_callbacks(execute=True):
        staff.post("/tenants/contoso/probe/")
    with app.connection_for_read() as connection:
        queue = broker.queue(broker.CENTRAL).bind(connection.default_channel)
        message = queue.get(no_ack=True)
    assert message is not None
    assert message.headers["task"] == "mailposture.tasks.tick"


# ---- watching ---------------------------------------------------------------------------------


@pytest.fixture
def look(contoso: models.Tenant) -> models.Round:
    return contoso.rounds.create(
        kind="asked", due_at=ago(seconds=3), planned_at=ago(seconds=2), paths=9
    )


def fragment(look: models.Round, client: Client | None = None) -> str:
    answer = (client or signed_in(staff=False)).get(
        f"/tenants/contoso/progress/?round={look.pk}", headers={"HX-Request": "true"}
    )
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.content.decode()


def words(markup: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", markup).split())


def polls(markup: str) -> bool:
    return 'hx-trigger="load delay:1s"' in markup


def finish(look: models.Round, at: datetime = NOW, **fields: Any) -> None:
    models.Round.objects.filter(pk=look.pk).update(finished_at=at, **fields)


def test_the_page_of_the_tenant_says_at_each_load_how_far_the_look_is(
    contoso: models.Tenant, look: models.Round, at_one_moment: None
) -> None:
    def shown() -> str:
        return signed_in(staff=False).get(f"/tenants/contoso/?round={look.pk}").content.decode()

    address = f"/tenants/contoso/progress/?round={look.pk}"
    assert "waiting for its turn, 2 s" in words(shown())
    assert f'hx-get="{address}" hx-trigger="load delay:1s"' in shown()
    assert f'<noscript><p class="foot-note"><a href="{address}">' in shown()
    place = factories.stranger()
    shard(look, place, probed(contoso, place, "closed"), done_at=NOW)
    shard(look, place, factories.paths(contoso, place, ("contoso.net",)), part=1)
    assert "3 of 6 paths, 2 s" in words(shown())
    look.shards.update(done_at=NOW)
    finish(look)
    assert "in 2.0 s: 3 closed" in words(shown())
    assert "hx-get" not in shown()


def test_a_running_look_says_how_far_it_is_and_where_each_place_stands(
    contoso: models.Tenant, look: models.Round, at_one_moment: None
) -> None:
    gateway, hybrid = (factories.source(contoso, k, a).vantage_point for k, a in KINDS)
    assert gateway
    assert hybrid
    first, second = factories.stranger("frankfurt"), factories.stranger("singapore")
    seen = probed(contoso, first, {"foreign": "closed", "own": "open", "null": "closed"})
    shard(look, first, seen, done_at=ago(seconds=1))
    shard(look, second, factories.paths(contoso, second), lease_until=SOON)
    shard(look, gateway, factories.paths(contoso, gateway))
    shard(look, hybrid, factories.paths(contoso, hybrid), aside_at=ago(seconds=1))
    shown = fragment(look)
    said = words(shown)
    assert "Probing contoso 3 of 12 paths, 2 s" in said
    assert "Stranger, frankfurt: done, 3 of 3" in said
    assert "Stranger, singapore: working" in said
    assert "gateway of contoso: waiting" in said
    assert "hybrid of contoso: set aside: no result after three attempts" in said
    assert re.findall(r'<rect[^>]*class="(is-[a-z]+)"', shown) == [
        "is-closed", "is-open", "is-closed", *["is-none"] * 9,
    ]  # fmt: skip
    assert polls(shown)


KINDS = (("gateway", "203.0.113.10"), ("hybrid", "203.0.113.25"))


def test_ticks_come_in_the_order_of_arrival(
    contoso: models.Tenant, look: models.Round, at_one_moment: None
) -> None:
    early, late = factories.stranger("zurich"), factories.stranger("amsterdam")
    shard(look, late, probed(contoso, late, "closed"), done_at=ago(seconds=0.5))
    shard(look, early, probed(contoso, early, "open"), done_at=ago(seconds=1))
    ticks = re.findall(r'<rect[^>]*class="(is-[a-z]+)"', fragment(look))
    assert ticks == ["is-open"] * 3 + ["is-closed"] * 3


def test_a_look_not_yet_cut_into_shards_waits(contoso: models.Tenant, at_one_moment: None) -> None:
    look = contoso.rounds.create(kind="asked", due_at=ago(seconds=1))
    shown = fragment(look)
    assert "Probing contoso waiting for its turn, 1 s" in words(shown)
    assert polls(shown)


def test_its_end_says_what_came_of_it_shows_the_answers_and_stops(
    contoso: models.Tenant, look: models.Round, at_one_moment: None
) -> None:
    source = factories.source(contoso).vantage_point
    assert source
    stranger = factories.stranger()
    paths = probed(contoso, stranger, {"foreign": "closed", "own": "open", "null": "unknown"})
    shard(look, stranger, paths, done_at=ago(seconds=1))
    shard(look, source, probed(contoso, source, "open"), done_at=ago(seconds=1))
    factories.answered(paths[1], "closed", ago(seconds=1))
    finish(look)
    shown = fragment(look)
    assert (
        "6 paths in 2.0 s: 2 closed, 1 Unknown, 1 of 1 approved sources gets in."
        " 1 path answers otherwise than before."
    ) in words(shown)
    assert not polls(shown)
    assert 'hx-trigger="load" hx-target="#paths" hx-select="#paths"' in shown
    assert '<a href="/tenants/contoso/"' in shown


def test_a_place_that_gave_no_result_is_named_at_the_end(
    contoso: models.Tenant, look: models.Round, at_one_moment: None
) -> None:
    seen, silent = factories.stranger("frankfurt"), factories.stranger("singapore")
    shard(look, seen, probed(contoso, seen, "closed"), done_at=ago(seconds=1))
    shard(look, silent, factories.paths(contoso, silent), aside_at=NOW)
    finish(look)
    said = words(fragment(look))
    assert (
        "3 paths in 2.0 s: 3 closed. 3 paths not seen: no result from Stranger, singapore" in said
    )
    assert "All answer as before." in said


@pytest.mark.usefixtures("at_one_moment")
@pytest.mark.parametrize(
    ("before", "moved", "says"),
    [
        (0, 0, "3 paths answered for the first time."),
        (2, 0, "1 path answered for the first time. All others answer as before."),
        (
            2,
            1,
            "1 path answered for the first time. 1 path answers otherwise than before.",
        ),
        (3, 0, "All answer as before."),
        (3, 3, "3 paths answer otherwise than before."),
    ],
)
def test_a_path_that_never_answered_has_no_before(
    contoso: models.Tenant,
    look: models.Round,
    before: int,
    moved: int,
    says: str,
) -> None:
    place = factories.stranger()
    paths = factories.paths(contoso, place)
    for path in paths[:before]:
        factories.answered(path, "open", ago(days=1))
    for path in [*paths[:moved], *paths[before:]]:
        factories.answered(path, "closed", ago(seconds=1))
    shard(look, place, paths, done_at=ago(seconds=1))
    finish(look)
    said = words(fragment(look))
    assert says in said
    assert said.count("before") == says.count("before")


@pytest.mark.parametrize(
    ("tally", "says"),
    [
        (
            {},
            "Nothing new was asked: the accepted domains are not known, so that there is no path",
        ),
        (
            {"problem": "Set MAILPOSTURE_EHLO_NAME."},
            "Nothing was probed. Set MAILPOSTURE_EHLO_NAME.",
        ),
    ],
)
def test_a_look_at_nothing_says_why(
    contoso: models.Tenant,
    look: models.Round,
    at_one_moment: None,
    tally: dict[str, str],
    says: str,
) -> None:
    finish(look, tally=tally)
    shown = fragment(look)
    assert says in words(shown)
    assert not polls(shown)


def test_a_look_at_nothing_tells_what_is_owed_from_what_is_not_known(
    contoso: models.Tenant, look: models.Round, at_one_moment: None
) -> None:
    finish(look)
    factories.snapshot(contoso, factories.configuration(), ago(days=1))
    assert "Nothing new was asked: no vantage point probes it." in words(fragment(look))
    factories.paths(contoso, factories.stranger())
    assert "every vantage point still owes an earlier look." in words(fragment(look))


BLIND = (
    {"heard_at": None},
    {"heard_at": ago(minutes=5)},
    {"facts": {"skew": 60}},
)


@pytest.mark.parametrize("how", BLIND)
def test_nobody_waits_for_a_place_that_does_not_see(
    contoso: models.Tenant, look: models.Round, at_one_moment: None, how: dict[str, Any]
) -> None:
    seen, blind = factories.stranger("frankfurt"), factories.stranger("singapore", **how)
    first = shard(look, seen, probed(contoso, seen, "closed"), lease_until=SOON)
    shard(look, blind, factories.paths(contoso, blind), lease_until=SOON)
    shown = fragment(look)
    assert "Stranger, frankfurt: working" in words(shown)
    assert "Stranger, singapore: blind, not waited for" in words(shown)
    assert polls(shown)
    models.Shard.objects.filter(pk=first.pk).update(done_at=ago(seconds=1))
    shown = fragment(look)
    assert (
        "contoso probed 3 paths in 1.0 s: 3 closed. 3 paths not waited for: Stranger, singapore is"
        " blind."
    ) in words(shown)
    assert not polls(shown)


@pytest.mark.parametrize(("seconds", "goes_on"), [(179, True), (181, False)])
def test_nobody_watches_longer_than_three_minutes(
    contoso: models.Tenant, at_one_moment: None, seconds: int, goes_on: bool
) -> None:
    look = contoso.rounds.create(kind="asked", due_at=ago(seconds=seconds), planned_at=NOW)
    place = factories.stranger()
    shard(look, place, factories.paths(contoso, place), lease_until=SOON)
    shown = fragment(look)
    assert polls(shown) is goes_on
    assert ("Still under way after 3 min." in shown) is not goes_on


def test_a_look_whose_record_is_gone_or_anothers_ends_the_watching(
    contoso: models.Tenant, look: models.Round
) -> None:
    elsewhere = factories.tenant("fabrikam").rounds.create(kind="asked", due_at=NOW)
    for gone in (elsewhere, models.Round(pk=999)):
        shown = fragment(gone)
        assert "The record of this look is gone" in shown
        assert not polls(shown)


# ---- watching a reading -----------------------------------------------------------------------


@pytest.fixture
def asked(contoso: models.Tenant, at_one_moment: None) -> models.Tenant:
    """Asked for three seconds ago, after two claims before it."""
    factories.snapshot(contoso, factories.configuration(), ago(days=1))
    models.Credential.objects.create(
        tenant=contoso, kind="secret", client_id=contoso.tenant_id, sealed="x", updated_at=NOW
    )
    return stand(contoso, fetch_attempt=2, fetch_due_at=ago(seconds=3))


def stand(of: models.Tenant, **fields: Any) -> models.Tenant:
    models.Tenant.objects.filter(pk=of.pk).update(**fields)
    of.refresh_from_db()
    return of


def reading(attempt: int = 3) -> str:
    answer = signed_in(staff=False).get(
        f"/tenants/contoso/progress/?fetch={attempt}", headers={"HX-Request": "true"}
    )
    assert answer.status_code == 200
    return answer.content.decode()


CLAIMED = {"fetch_attempt": 3, "fetch_tries": 1, "fetch_lease_until": SOON}
ENDED = {"fetch_attempt": 3, "fetch_due_at": ago(seconds=-900), "fetched_at": NOW}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "Reading contoso waiting for its turn, 3 s"),
        ({"fetch_lease_until": SOON}, "Reading contoso an earlier reading is under way, 3 s"),
        (CLAIMED, "Reading contoso asking Exchange Online and DNS, 3 s"),
        (
            {**CLAIMED, "fetch_attempt": 4, "fetch_tries": 2},
            "asking Exchange Online and DNS, attempt 2, 3 s",
        ),
        ({**CLAIMED, "fetch_lease_until": ago(seconds=1)}, "waiting for its turn, 3 s"),
    ],
)
def test_a_reading_under_way_says_how_it_stands_and_goes_on(
    asked: models.Tenant, fields: dict[str, Any], says: str
) -> None:
    stand(asked, **fields)
    shown = reading()
    assert says in words(shown)
    assert polls(shown)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (ENDED, "contoso Read: nothing changed."),
        (
            {**ENDED, "fetch_error": "secret-expired (401): The keys are expired."},
            "Not read: 401. The keys are expired. Make a new client secret",
        ),
        ({"paused_at": NOW}, "contoso is paused: it is not read."),
        ({"fetch_due_at": ago(minutes=4)}, "Not read after 3 min."),
        ({"fetch_due_at": ago(minutes=-4)}, "No such reading was asked for."),
    ],
)
def test_watching_a_reading_ends_with_what_came_of_it(
    asked: models.Tenant, fields: dict[str, Any], says: str
) -> None:
    stand(asked, **fields)
    shown = reading()
    assert says in words(shown)
    assert not polls(shown)


def test_a_reading_that_nobody_asked_for_is_not_watched(asked: models.Tenant) -> None:
    assert not polls(reading(4))
    models.Credential.objects.all().delete()
    assert "No credential is stored: nothing can be read." in words(reading())


def test_a_reading_that_found_changes_links_them_and_shows_them(asked: models.Tenant) -> None:
    before, after = (
        asked.snapshots.get(),
        factories.snapshot(asked, factories.configuration(factories.lock()), NOW),
    )
    made = [
        asked.changes.create(
            before=before, after=after, at=at, part="x", kind="changed", subject="x",
            sentence=f"<i>{at:%H} was changed",
        )
        for at in (NOW, NOW, ago(hours=1))
    ]  # fmt: skip
    stand(asked, **ENDED)
    shown = reading()
    assert "Read: 2 changes." in words(shown)
    for change in made[:2]:
        assert f'<a href="/changes/{change.pk}/">&lt;i&gt;08 was changed</a>' in shown
    assert f"/changes/{made[2].pk}/" not in shown
    assert 'hx-target="#changes"' in shown


def test_a_reading_that_brought_nothing_is_no_reading(asked: models.Tenant) -> None:
    seen = factories.configuration()
    for name in PARTS:
        seen = factories.without(seen, name, PartStatus.FORBIDDEN, "role-missing (403): No role.")
    factories.snapshot(asked, seen, NOW)
    stand(asked, **ENDED)
    assert "Nothing could be read: 403." in words(reading())


def test_without_script_the_reading_is_a_page_too(asked: models.Tenant) -> None:
    client, address = signed_in(staff=False), "/tenants/contoso/progress/?fetch=3"
    assert f'<a href="{address}">Reload' in client.get(address).content.decode()
    stand(asked, **ENDED)
    over = client.get(address).content.decode()
    assert "<h1>The reading of contoso is over.</h1>" in over
    assert "Read: nothing changed." in words(
        client.get("/tenants/contoso/?fetch=3").content.decode()
    )


@pytest.mark.parametrize("asked", ["", "x", "-1", "²", "1" * 30])
def test_a_number_that_is_none_is_not_found(contoso: models.Tenant, asked: str) -> None:
    client = signed_in(staff=False)
    assert client.get(f"/tenants/contoso/progress/?round={asked}").status_code == 404


def test_without_script_the_progress_is_a_page_with_a_way_to_reload(
    contoso: models.Tenant, look: models.Round, at_one_moment: None
) -> None:
    address = f"/tenants/contoso/progress/?round={look.pk}"
    shown = signed_in(staff=False).get(address).content.decode()
    assert "<title>Probing contoso - Mailposture</title>" in shown
    assert f'<noscript><p class="foot-note"><a href="{address}">Reload' in shown
    finish(look)
    over = signed_in(staff=False).get(address).content.decode()
    assert "The look at contoso is over." in over
    assert "<noscript>" not in over
    assert "hx-" not in over.split("<main")[1]


def test_someone_not_signed_in_watches_nothing(client: Client, contoso: models.Tenant) -> None:
    answer = client.get("/tenants/contoso/progress/?round=1", headers={"HX-Request": "true"})
    assert answer.headers["Location"].startswith("/signin/")


def test_foreign_words_in_the_progress_stay_words(
    contoso: models.Tenant, look: models.Round, at_one_moment: None
) -> None:
    place = factories.stranger(name="<script>alert(1)</script>")
    shard(look, place, factories.paths(contoso, place), aside_at=NOW)
    finish(look)
    shown = fragment(look)
    assert "<script>" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown


@pytest.mark.parametrize("places", [1, 10])
def test_a_poll_costs_the_same_at_any_size(
    contoso: models.Tenant,
    look: models.Round,
    at_one_moment: None,
    places: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for n in range(places):
        place = factories.stranger(f"place-{n}")
        shard(look, place, probed(contoso, place, "closed"), done_at=NOW)
    client = signed_in(staff=False)
    with django_assert_max_num_queries(10):
        fragment(look, client)
