"""A tenant that is being connected: it says so wherever tenants are shown, and has no doors yet."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client

from mailposture import models
from mailposture.core.states import State
from mailposture.services import enrolling
from mailposture.services.pages import exposure, fleet
from tests import factories
from tests.factories import NOW, ago
from tests.web.fleet_rows import CLOSED, OPEN, page, probed, rows_of, signed_in, words
from tests.web.setup_rows import read

pytestmark = pytest.mark.django_db
STATES = [state.word for state in State]


@pytest.fixture(autouse=True)
def at_one_moment() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def staff() -> Client:
    return signed_in(staff=True)


@pytest.fixture
def viewer() -> Client:
    return signed_in(staff=False)


def begun(name: str = "tailspin", step: int = enrolling.PERMISSIONS, **fields: Any) -> Any:
    """A tenant somebody left at this step."""
    given: dict[str, Any] = {"fetched_at": None, "probed_at": None, "created_at": ago(hours=2)}
    return factories.tenant(name, setup_step=step, **{**given, **fields})


def rail_of(markup: str) -> str:
    """What the rail says, in one line."""
    start = markup.index('<div class="rail"')
    return words(f"<main>{markup[start : markup.index('<div class="sheet">')]}")


# ---- counted nowhere ---------------------------------------------------------------------


def test_it_is_no_tenant_under_watch_and_no_unknown_one() -> None:
    probed("contoso", CLOSED)
    begun()
    counts = fleet.count(NOW)
    assert (counts.total, counts.closed, counts.unknown, counts.connecting) == (1, 1, 0, 1)


def test_the_fleet_that_refuses_strangers_still_does(viewer: Client) -> None:
    probed("contoso", CLOSED)
    begun()
    shown = words(page(viewer, "/"))
    assert "The one tenant refuses strangers." in shown
    assert "unknown" not in shown.partition("Worst first")[0]
    assert "tailspin" not in shown.partition("Worst first")[2]


def test_its_missing_credential_is_no_blindness(viewer: Client) -> None:
    probed("contoso", CLOSED)
    begun()
    assert "has no credential" not in words(page(viewer, "/"))
    models.Tenant.objects.update(setup_step=None)
    assert "tailspin has no credential" in words(page(viewer, "/"))


def test_no_day_of_it_is_drawn() -> None:
    probed("contoso", OPEN)
    begun()
    assert [row.name for row in exposure.figure(NOW).tenants] == ["contoso"]


# ---- said everywhere ---------------------------------------------------------------------


@pytest.mark.parametrize("step", range(2, 8))
def test_its_page_says_how_far_it_is_and_leads_on(staff: Client, step: int) -> None:
    begun(step=step)
    markup = page(staff, "/tenants/tailspin/")
    shown = words(markup)
    assert f"tailspin is being connected: step {step} of 7." in shown
    assert 'class="button primary" href="/tenants/tailspin/connect/"' in markup
    assert not [word for word in STATES if f"<span>{word}</span>" in markup]
    assert "Probe now" not in shown
    assert markup.count('<li class="done">') == step - 1


def test_who_may_only_look_is_told_and_led_nowhere(viewer: Client) -> None:
    begun()
    markup = page(viewer, "/tenants/tailspin/")
    assert "tailspin is being connected: step 3 of 7." in words(markup)
    assert "Someone who may set things up goes on from here." in words(markup)
    for address in ("/tenants/tailspin/", "/", "/tenants/"):
        assert "/connect/" not in page(viewer, address)


def test_a_read_that_is_over_counts_though_nobody_pressed(staff: Client) -> None:
    tenant = begun(step=enrolling.READ, fetched_at=ago(minutes=1))
    assert "step 4 of 7" in words(page(staff, "/tenants/tailspin/"))
    read(tenant, "tailspin.com")
    for address in ("/tenants/tailspin/", "/tenants/", "/"):
        assert "step 5 of 7" in words(page(staff, address)).lower()


def test_the_list_shows_it_last_with_the_way_on_and_without_a_state(staff: Client) -> None:
    probed("contoso", CLOSED)
    begun()
    markup = page(staff, "/tenants/")
    closed, connecting = rows_of(markup)
    assert "Closed" in closed
    assert "Being connected Step 3 of 7: Check permissions Go on connecting tailspin" in connecting
    assert not [word for word in STATES if word in connecting]
    assert "1 tenant under watch, 1 being connected." in words(markup)


def test_a_list_of_nothing_else_says_that_nothing_is_watched(viewer: Client) -> None:
    begun()
    shown = words(page(viewer, "/tenants/"))
    assert "Nothing is watched yet; 1 tenant is being connected." in shown
    assert "not probed before it is connected" in shown
    assert "domains not known" not in shown


def test_the_list_finds_those_that_are_being_connected(staff: Client) -> None:
    probed("contoso", CLOSED)
    begun()
    assert len(rows_of(page(staff, "/tenants/?state=connecting"))) == 1
    assert "tailspin" in rows_of(page(staff, "/tenants/?state=connecting"))[0]
    assert "contoso" in rows_of(page(staff, "/tenants/?state=closed&state=unknown"))[0]
    models.Tenant.objects.update(setup_step=None)
    shown = words(page(staff, "/tenants/?state=connecting"))
    assert "No tenant is being connected." in shown


def test_the_file_has_its_step_in_place_of_a_state(viewer: Client) -> None:
    probed("contoso", CLOSED)
    begun()
    file = csv.DictReader(io.StringIO(viewer.get("/tenants.csv").content.decode()))
    contoso, tailspin = file
    assert contoso["State"] == "Closed"
    assert (tailspin["Tenant"], tailspin["State"]) == ("tailspin", "Being connected: step 3 of 7")
    assert (tailspin["Who may deliver"], tailspin["Domains"], tailspin["foreign sender"]) == (
        "", "", "",
    )  # fmt: skip


def test_the_overview_names_those_begun_first_and_counts_the_others(staff: Client) -> None:
    probed("contoso", CLOSED)
    for n in range(7):
        begun(f"tailspin-{n}", created_at=ago(hours=20 - n))
    markup = page(staff, "/")
    shown = words(markup)
    assert "Being connected: tailspin-0, step 3 of 7; tailspin-1, step 3 of 7" in shown
    assert "tailspin-4, step 3 of 7 and 2 more." in shown
    assert 'href="/tenants/tailspin-0/connect/"' in markup
    assert "tailspin-5" not in shown


def test_an_installation_with_nothing_else_leads_on_with_it(staff: Client) -> None:
    begun()
    markup = page(staff, "/")
    assert "Nothing is watched yet." in words(markup)
    assert 'class="button primary" href="/tenants/tailspin/connect/"' in markup
    assert "A tenant: tailspin is being connected: step 3 of 7. Go on" in words(markup)


# ---- the rail ----------------------------------------------------------------------------


def test_the_rail_says_that_one_is_being_connected_and_not_that_no_round_was(
    staff: Client,
) -> None:
    begun()
    said = rail_of(page(staff, "/"))
    assert "1 tenant is being connected" in said
    assert "No round yet" not in said
    assert "No tenant yet" not in said
    assert "Tenants 0" in said


def test_the_rail_shows_an_open_incident_where_there_is_no_tenant(staff: Client) -> None:
    place = factories.stranger(heard_at=ago(hours=2))
    assert not models.Tenant.objects.exists()
    models.Incident.objects.create(
        kind="blind", severity="medium", vantage_point=place, opened_at=ago(hours=1),
        moved_at=ago(hours=1), fingerprint="blind/place",
    )  # fmt: skip
    assert "Incidents 1 open" in rail_of(page(staff, "/tenants/"))


def test_a_begun_tenant_costs_no_query_for_each_of_it(
    staff: Client, django_assert_max_num_queries: Any
) -> None:
    for n in range(12):
        tenant = begun(f"tailspin-{n}", step=enrolling.READ)
        read(tenant, "tailspin.com")
    for address in ("/", "/tenants/"):
        staff.get(address)
        with django_assert_max_num_queries(12):
            staff.get(address)
