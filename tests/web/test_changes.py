"""Changes: the list with its filters, and one change with its difference and its probes."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from mailposture import models
from mailposture.core.configuration import Configuration
from tests import factories
from tests.factories import NOW, ago, configuration, lock
from tests.web import fleet_rows as rows
from tests.web.fleet_rows import CLOSED, SCRIPT, changed, page, probed, settled, words

pytestmark = pytest.mark.django_db
YESTERDAY = ago(hours=22)


@pytest.fixture(autouse=True)
def at_one_moment() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def viewer() -> Client:
    return rows.signed_in(staff=False)


def opened(at: datetime = YESTERDAY) -> models.Change:
    """tailspin's lock was turned off and its comment rewritten; strangers were refused before."""
    of = factories.tenant("tailspin")
    place = factories.stranger()
    for path in factories.paths(of, place, ("tailspin.com", "tailspin.net")):
        ended = factories.answered(path, "closed", ago(days=9))
        models.Observation.objects.filter(pk=ended.pk).update(last_at=at + timedelta(seconds=30))
        factories.answered(path, "open", at + timedelta(minutes=2))
    found = changed(
        of,
        configuration(lock(comment="Accept mail only from the gateway")),
        configuration(lock(comment="Off while the relay moves", enabled=False)),
        at,
    )
    change = next(c for c in found if c.field == "Enabled")
    settled(change, "opens", {"tailspin.com": "closed", "tailspin.net": "closed"})
    return change


def looked(change: models.Change, done: int = 5) -> None:
    """So many of the looks that the change asked for are over."""
    for row in change.tenant.rounds.filter(kind="verify").order_by("minutes")[:done]:
        planned = row.due_at + timedelta(minutes=1)
        models.Round.objects.filter(pk=row.pk).update(
            planned_at=planned, finished_at=planned + timedelta(minutes=1.5), paths=6
        )


def probes(markup: str) -> list[str]:
    listed = markup.split('<ol class="rounds">')[1].split("</ol>", maxsplit=1)[0]
    return [words(item).split(">")[-1].strip() for item in listed.split("<li")[1:]]


# ---- the list ----------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/changes/", "/changes/1/"])
def test_someone_not_signed_in_is_asked_to(client: Client, address: str) -> None:
    assert client.get(address).headers["Location"].startswith("/signin/")


def test_no_change_yet_is_another_thing_than_none_found(viewer: Client) -> None:
    shown = words(page(viewer, "/changes/"))
    assert "No configuration has changed since watching began." in shown
    opened()
    shown = words(page(viewer, "/changes/?effect=closes"))
    assert "No configuration change matches." in shown
    assert "Clear filters" in shown


def test_each_change_is_a_row_with_its_effect_and_field(viewer: Client) -> None:
    change = opened()
    shown = page(viewer, "/changes/")
    listed = rows.rows_of(shown)
    assert "2 configuration changes." in words(shown)
    assert any(
        "tailspin Opens Enabled True → False on connector Lock to gateway. by: author unknown."
        in row
        for row in listed
    )
    assert any("tailspin Neutral Comment was rewritten" in row for row in listed)
    assert f'href="/changes/{change.pk}/"' in shown
    assert f'href="/tenants/tailspin/connectors/{factories.LOCK}/"' in shown


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3),
        ("?tenant=tailspin", 2),
        ("?tenant=TAIL", 2),
        ("?tenant=nobody", 0),
        ("?effect=opens", 1),
        ("?effect=opens&effect=neutral", 2),
        ("?effect=pending", 1),
        ("?effect=rubbish", 3),
        ("?from=2026-11-24", 2),
        ("?to=2026-11-23", 1),
        ("?from=2026-11-22&to=2026-11-22", 1),
        ("?from=2026-11-25", 0),
        ("?tenant=%00tailspin&page=zzz", 2),
    ],
)
def test_filters_are_in_the_address(viewer: Client, query: str, count: int) -> None:
    opened()
    other = factories.tenant("contoso")
    wide = lock(sender_ip_addresses=("203.0.113.10", "198.51.100.0/24"))
    changed(other, configuration(lock()), configuration(wide), ago(days=2, hours=12))
    shown = page(viewer, f"/changes/{query}")
    assert (len(rows.rows_of(shown)) if "<tbody>" in shown else 0) == count


@pytest.mark.parametrize("day", ["yesterday", "2026-02-30", "9999-12-31", "0001-01-01", "'"])
def test_a_day_that_is_none_is_said_and_left_out(viewer: Client, day: str) -> None:
    opened()
    shown = page(viewer, "/changes/?" + f"from={day}&to={day}")
    assert "“from” is not a day: write it as 2026-11-24." in words(shown)
    assert len(rows.rows_of(shown)) == 2


@pytest.mark.parametrize("count", [20, 120])
def test_a_hundred_a_page_in_few_queries(
    viewer: Client, count: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    change = opened()
    models.Change.objects.bulk_create(
        models.Change(
            tenant=change.tenant, before=change.before, after=change.after, at=ago(days=n + 2),
            part="organization", subject="tailspin", field="Name", kind="changed", was=str(n),
            now=str(n + 1), sentence="Name", effect="neutral",
        )
        for n in range(count)
    )  # fmt: skip
    with django_assert_max_num_queries(8):
        shown = page(viewer, "/changes/")
    assert len(rows.rows_of(shown)) == min(count + 2, 100)
    assert ("Page 1 of 2" in words(shown)) is (count > 100)


def test_a_servers_words_are_escaped_everywhere(viewer: Client) -> None:
    of = probed("contoso", CLOSED)
    before, after = lock(name=SCRIPT), lock(name=SCRIPT, comment=SCRIPT, enabled=False)
    for change in changed(of, configuration(before), configuration(after), ago(hours=2)):
        assert SCRIPT not in page(viewer, f"/changes/{change.pk}/")
    for address in ("/", "/changes/"):
        shown = page(viewer, address)
        assert SCRIPT not in shown
        assert "&lt;script&gt;" in shown


# ---- one change --------------------------------------------------------------------------


def test_a_change_that_is_not_there(viewer: Client) -> None:
    page(viewer, "/changes/99999999999999999999/", status=404)


def test_the_sentence_says_what_the_probes_showed(viewer: Client) -> None:
    change = opened()
    looked(change)
    shown = words(page(viewer, f"/changes/{change.pk}/"))
    assert (
        "Strangers get in to both domains of tailspin since this change. Before, they were refused."
    ) in shown
    assert "What Enabled True → False on Lock to gateway By author unknown" in shown
    assert "When 22 h ago 24 Nov 10:02 Part Inbound connectors" in shown
    assert "between two reads, 10:00:00 and 10:02:00 UTC" in shown


@pytest.mark.parametrize(
    ("effect", "said"),
    [
        (
            "closes",
            "Strangers are refused by tailspin since this change. Before, they were refused.",
        ),
        ("pending", "Lock to gateway was turned off. Not yet seen by probes."),
        ("unknown", "Probes before and after do not show its effect."),
        ("neutral", "Probes before and after were answered alike."),
    ],
)
def test_an_effect_is_said_as_far_as_it_is_known(viewer: Client, effect: str, said: str) -> None:
    change = opened()
    models.Change.objects.filter(pk=change.pk).update(effect=effect)
    assert said in words(page(viewer, f"/changes/{change.pk}/"))


def test_changed_fields_stand_on_top_deciding_ones_below_the_rest_folded(viewer: Client) -> None:
    change = opened()
    shown = page(viewer, f"/changes/{change.pk}/")
    table = shown.split('<div class="diff">')[1]
    top, _, folded = table.partition("<details>")
    order = [top.index(f'<th scope="row">{name}<') for name in (
        "Enabled", "Comment", "ConnectorType", "SenderIPAddresses", "RequireTls")]  # fmt: skip
    assert order == sorted(order)
    assert "CloudServicesMailEnabled" not in top
    assert "CloudServicesMailEnabled" in folded
    assert "12 more fields, unchanged." in words(folded)
    assert "Volatile fields (WhenChangedUTC, WhenCreatedUTC) are never compared." in words(folded)
    assert "2 of 23 fields changed." in words(shown)
    assert "Opens" in words(top)
    assert "Neutral" in words(top)


def pair(before: Configuration, after: Configuration) -> models.Change:
    (change,) = changed(factories.tenant("contoso"), before, after, ago(hours=1))
    return change


def test_a_set_shows_as_written_and_what_it_gained_and_lost_with_counts(viewer: Client) -> None:
    change = pair(
        configuration(lock(sender_ip_addresses=("203.0.113.10", "198.51.100.0/24"))),
        configuration(lock(sender_ip_addresses=("203.0.113.10", "192.0.2.0/25"))),
    )
    head, _, table = page(viewer, f"/changes/{change.pk}/").partition('<div class="diff">')
    assert "What SenderIPAddresses 128 addresses gained, 256 addresses lost on Lock" in words(head)
    before = "203.0.113.10, 198.51.100.0/24 198.51.100.0/24 (256 addresses)"
    after = "203.0.113.10, 192.0.2.0/25 192.0.2.0/25 (128 addresses)"
    assert f"SenderIPAddresses {before} {after}" in words(table)


@pytest.mark.parametrize("came", [True, False])
def test_a_whole_connector_that_came_or_went(viewer: Client, came: bool) -> None:
    sides = (configuration(), configuration(lock()))
    change = pair(*(sides if came else sides[::-1]))
    shown = words(page(viewer, f"/changes/{change.pk}/"))
    gone = ", which was turned on, was removed from the inbound connectors."
    assert f"Lock to gateway{' was added as an inbound connector' if came else gone}" in shown
    table = words(page(viewer, f"/changes/{change.pk}/").split('<div class="diff">')[1])
    both = ["not there", "Lock to gateway"]
    assert f"Connector {' '.join(both if came else both[::-1])} Not yet seen" in table
    assert "Enabled True ConnectorType Partner" in table
    assert f"The whole of it was {'added' if came else 'removed'}." in shown


def test_an_accepted_domain_that_came_has_no_connector_page(viewer: Client) -> None:
    of = factories.tenant("contoso")
    both = configuration(domains=("contoso.com", "contoso.net"))
    found = changed(of, configuration(), both, ago(hours=1))
    for change in found:
        shown = page(viewer, f"/changes/{change.pk}/")
        assert "contoso.net" in shown
        assert "/connectors/" not in shown
    assert "In the same reading" in page(viewer, f"/changes/{found[0].pk}/")


# ---- its probes --------------------------------------------------------------------------


def test_probes_stand_before_and_after_with_their_minutes(viewer: Client) -> None:
    change = opened()
    looked(change)
    change.tenant.rounds.create(
        kind="scheduled", due_at=ago(minutes=5), planned_at=ago(minutes=5),
        finished_at=ago(minutes=4),
    )  # fmt: skip
    shown = page(viewer, f"/changes/{change.pk}/")
    found = probes(shown)
    assert found[0] == "before 10:00 Closed 550 5.7.51 6 of 6 paths"
    assert found[1] == "at once 10:03 Open 250 2.1.5 6 of 6 paths"
    assert [line.split(" 1")[0] for line in found[2:6]] == [
        "+2 min", "+10 min", "+30 min", "+60 min",
    ]  # fmt: skip
    assert found[6] == "last round 07:57 Open 250 2.1.5 6 of 6 paths"
    assert shown.count('<li class="now">') == 1
    assert '<li class="now"><span>at once' in shown


def test_looks_that_are_still_due_are_counted_not_guessed(viewer: Client) -> None:
    change = opened(at=ago(minutes=5))
    looked(change, done=2)
    shown = page(viewer, f"/changes/{change.pk}/")
    found = probes(shown)
    assert found[3] == "+10 min 08:07 due"
    assert "3 more looks to come." in words(shown)


def test_front_ends_that_were_late_are_said(viewer: Client) -> None:
    change = opened()
    looked(change)
    late = models.Path.objects.filter(domain="tailspin.net")
    at = change.at + timedelta(minutes=3)
    models.Observation.objects.filter(path__in=late, verdict="closed").update(last_at=at)
    models.Observation.objects.filter(path__in=late, verdict="open").update(
        first_at=at + timedelta(minutes=1)
    )
    shown = words(page(viewer, f"/changes/{change.pk}/"))
    assert "At once, 3 of 6 paths still answered otherwise." in shown


def test_a_field_that_decides_nothing_asked_for_no_look(viewer: Client) -> None:
    change = pair(configuration(lock(comment="a")), configuration(lock(comment="b")))
    shown = words(page(viewer, f"/changes/{change.pk}/"))
    assert "No look was asked for: this field takes no part in who gets in." in shown
    assert "not probed" in shown


def test_what_was_last_seen_before_a_flip_within_one_round_stands_before(viewer: Client) -> None:
    change = opened()
    looked(change)
    began = change.at - timedelta(minutes=1)
    models.Observation.objects.filter(verdict="closed").update(last_at=began)
    change.tenant.rounds.create(
        kind="scheduled", due_at=began, planned_at=began - timedelta(seconds=1),
        finished_at=began + timedelta(seconds=30),
    )  # fmt: skip
    found = probes(page(viewer, f"/changes/{change.pk}/"))
    assert found[0] == "before 10:00 Closed 550 5.7.51 6 of 6 paths"
    assert found[1] == "at once 10:03 Open 250 2.1.5 6 of 6 paths"


def test_a_look_between_the_reading_and_the_change_is_not_the_one_before(viewer: Client) -> None:
    change = opened()
    looked(change)
    read = change.before.last_seen_at
    for minutes in (-20, 1):
        at = read + timedelta(minutes=minutes)
        change.tenant.rounds.create(
            kind="scheduled", due_at=at, planned_at=at, finished_at=at + timedelta(seconds=50),
        )  # fmt: skip
    models.Observation.objects.filter(verdict="closed").update(last_at=read)
    models.Observation.objects.filter(verdict="open").update(first_at=read + timedelta(minutes=1))
    found = probes(page(viewer, f"/changes/{change.pk}/"))
    assert found[0] == "before 09:40 Closed 550 5.7.51 6 of 6 paths"


def test_a_look_from_before_the_old_configuration_held_is_not_the_one_before(
    viewer: Client,
) -> None:
    change = opened()
    looked(change)
    read = change.before.last_seen_at
    models.Snapshot.objects.filter(pk=change.before_id).update(first_seen_at=read)
    at = read - timedelta(minutes=1)
    change.tenant.rounds.create(
        kind="scheduled", due_at=at, planned_at=at, finished_at=at + timedelta(seconds=2),
    )  # fmt: skip
    models.Observation.objects.filter(verdict="closed").update(last_at=at)
    found = probes(page(viewer, f"/changes/{change.pk}/"))
    assert "Closed" not in found[0]


def test_what_the_next_change_did_is_not_told_of_this_one(viewer: Client) -> None:
    change = opened()
    looked(change)
    closed = change.at + timedelta(minutes=12)
    models.Observation.objects.filter(verdict="open").update(last_at=closed)
    for path in models.Path.objects.all():
        factories.answered(path, "closed", closed + timedelta(minutes=1))
    models.Change.objects.create(
        tenant=change.tenant, before=change.after, after=change.after, at=closed,
        part="inbound_connectors", subject="Lock", field="Enabled", kind="changed", sentence="on",
    )  # fmt: skip
    shown = page(viewer, f"/changes/{change.pk}/")
    found = probes(shown)
    assert "Strangers get in to both domains of tailspin since this change." in words(shown)
    assert found[1] == "at once 10:03 Open 250 2.1.5 6 of 6 paths"
    assert found[4] == "+30 min 10:33 after the next change"
    assert [line for line in found if "last round" in line] == []


@pytest.mark.parametrize("domains", [1, 40])
def test_one_change_costs_twelve_queries(
    viewer: Client, domains: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    of = factories.tenant("contoso")
    names = tuple(f"d{n}.contoso.com" for n in range(domains))
    for path in factories.paths(of, factories.stranger(), names):
        factories.answered(path, "open", ago(days=3))
    found = changed(
        of, configuration(lock(), domains=names), configuration(lock(enabled=False), domains=names),
        ago(hours=3),
    )  # fmt: skip
    rows.stood(of, ago(days=3))
    with django_assert_max_num_queries(12):
        shown = page(viewer, f"/changes/{found[0].pk}/")
    assert probes(shown)[0].endswith(f"Open 250 2.1.5 {domains * 3} of {domains * 3} paths")
