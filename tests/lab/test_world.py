"""The world's rows have the shape the real API was captured with, and scenes edit them honestly."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mailposture.lab import scenes
from mailposture.lab.making import LOCK
from mailposture.lab.rows import LAST_TOUCHED, guid, stamp
from mailposture.lab.scenes import SceneError, play
from mailposture.lab.stories import new_world
from mailposture.lab.world import (
    CONNECTION_FILTER,
    DOMAINS,
    INBOUND,
    ORGANIZATION,
    OUTBOUND,
    RULES,
    ApiFault,
    World,
)

ENVELOPES = Path(__file__).parent / "envelopes"
LATER = datetime(2026, 11, 25, 2, 0, 0, 120000, tzinfo=UTC)


def captured(name: str) -> dict[str, Any]:
    document = json.loads((ENVELOPES / f"{name}.json").read_text())
    row: dict[str, Any] = document["value"][0]
    return row


@pytest.mark.parametrize(
    ("cmdlet", "capture"),
    [
        (INBOUND, "inbound_connectors_hybrid"),
        (INBOUND, "inbound_connectors_lock"),
        (OUTBOUND, "outbound_connectors"),
        (ORGANIZATION, "organization_config"),
        (DOMAINS, "accepted_domains"),
        (RULES, "transport_rules"),
        (CONNECTION_FILTER, "hosted_connection_filter"),
    ],
)
def test_every_row_has_exactly_the_captured_properties(cmdlet: str, capture: str) -> None:
    wanted = set(captured(capture))
    for tenant in new_world().tenants:
        for row in tenant.rows[cmdlet]:
            assert set(row) == wanted


def test_identifiers_are_the_same_at_every_start() -> None:
    first, second = new_world(), new_world()
    assert [t.tenant_id for t in first.tenants] == [t.tenant_id for t in second.tenants]
    assert [t.connectors for t in first.tenants] == [t.connectors for t in second.tenants]
    assert guid("contoso", "tenant") == "f6ad825e-b429-55f9-a66e-a34a6c348ddf"


def test_identifiers_are_unique() -> None:
    found = [row["Guid"] for t in new_world().tenants for rows in t.rows.values() for row in rows]
    assert len(set(found)) == len(found)


def test_a_date_has_seven_digits() -> None:
    assert stamp(LAST_TOUCHED) == "2026-06-02T13:40:27.0000000"
    assert stamp(LATER) == "2026-11-25T02:00:00.1200000"


def test_no_two_hosts_share_an_address() -> None:
    hosts = new_world().hosts()
    assert len(set(hosts)) == len(hosts) == 30


def test_a_tenant_is_found_by_slug_id_and_domain() -> None:
    world = new_world()
    fabrikam = world.by_slug("fabrikam")
    assert fabrikam is not None
    assert world.by_id(fabrikam.tenant_id.upper()) is fabrikam
    assert world.by_domain("Fabrikam.mail.onmicrosoft.com") is fabrikam
    assert world.by_domain("example.net") is None
    assert fabrikam.initial_domain == "fabrikam.onmicrosoft.com"


@pytest.mark.parametrize(
    ("faults", "calls", "met"),
    [
        ([("429", None, 2)], ["A", "B", "A"], ["429", "429", None]),
        ([("429", "B", 1)], ["A", "B", "B"], [None, "429", None]),
        ([("403", None, None)], ["A", "A", "A"], ["403", "403", "403"]),
        ([("429", None, 1), ("503", None, 1)], ["A", "A", "A"], ["429", "503", None]),
    ],
)
def test_an_api_fault_meets_its_calls_and_is_used_up(
    faults: list[tuple[str, str | None, int | None]], calls: list[str], met: list[str | None]
) -> None:
    world = new_world()
    world.api_faults = [
        ApiFault(tenant="contoso", kind=kind, cmdlet=cmdlet, times=times)
        for kind, cmdlet, times in faults
    ]
    assert world.take_api_fault("fabrikam", "A") is None
    assert [world.take_api_fault("contoso", call) for call in calls] == met


def locked(world: World, slug: str) -> dict[str, Any]:
    tenant = world.by_slug(slug)
    assert tenant is not None
    row = tenant.connector(LOCK)
    assert row is not None
    return row


def test_lock_makes_the_connector_once_and_dates_it() -> None:
    world = new_world()
    assert "has a connector" in play(world, "lock", "contoso", LATER)
    row = dict(locked(world, "contoso"))
    assert (row["Enabled"], row["SenderIPAddresses"]) == (True, ["127.0.10.10"])
    assert row["WhenCreatedUTC"] == row["WhenChangedUTC"] == "2026-11-25T02:00:00.1200000Z"
    assert "already" in play(world, "lock", "contoso", LATER + timedelta(hours=1))
    assert locked(world, "contoso") == row


def test_unlock_turns_off_and_moves_when_changed_only() -> None:
    world = new_world()
    before = dict(locked(world, "fabrikam"))
    assert "is off" in play(world, "unlock", "fabrikam", LATER)
    after = locked(world, "fabrikam")
    moved = {key for key in after if after[key] != before[key]}
    assert moved == {"Enabled", "WhenChanged", "WhenChangedUTC"}
    assert "off already" in play(world, "unlock", "fabrikam", LATER + timedelta(hours=1))
    assert locked(world, "fabrikam") == after


def test_unlock_without_a_connector_changes_nothing() -> None:
    world = new_world()
    assert "nothing to turn off" in play(world, "unlock", "contoso", LATER)
    assert world == new_world()


def test_widen_takes_the_whole_network_once() -> None:
    world = new_world()
    assert "256 addresses" in play(world, "widen", "fabrikam", LATER)
    assert locked(world, "fabrikam")["SenderIPAddresses"] == ["127.0.11.0/24"]
    assert "already" in play(world, "widen", "fabrikam", LATER)


def test_widen_needs_something_to_widen() -> None:
    with pytest.raises(SceneError, match="play lock first"):
        play(new_world(), "widen", "contoso", LATER)


def test_contradict_locks_the_configuration_and_opens_the_wire_until_lock() -> None:
    world = new_world()
    tailspin = world.by_slug("tailspin")
    assert tailspin is not None
    play(world, "contradict", "tailspin", LATER)
    assert (locked(world, "tailspin")["Enabled"], tailspin.contradicted) == (True, True)
    assert "already" in play(world, "contradict", "tailspin", LATER)
    assert "agrees" in play(world, "lock", "tailspin", LATER)
    assert not tailspin.contradicted


@pytest.mark.parametrize("slug", [tenant.slug for tenant in new_world().tenants])
def test_reset_takes_settings_back_and_dates_forward(slug: str) -> None:
    world, fresh = new_world(), new_world().by_slug(slug)
    tenant = world.by_slug(slug)
    assert tenant is not None
    assert fresh is not None
    for scene in scenes.playable(tenant):
        if scene != "reset":
            play(world, scene, slug, LATER)
    for scene in ("lock", "widen"):
        play(world, scene, slug, LATER)
    tenant.front_ends[0].fault = "silent"
    world.api_faults = [ApiFault(tenant=slug, kind="429")]
    play(world, "reset", slug, LATER + timedelta(hours=1))
    held = [scenes.settings(row) for row in tenant.connectors]
    assert held == [scenes.settings(row) for row in fresh.connectors]
    assert tenant.front_ends == fresh.front_ends
    assert world.api_faults == []
    assert (tenant.renewed, tenant.registration) == (False, fresh.registration)
    if row := tenant.connector(LOCK):
        assert row["WhenChangedUTC"] == "2026-11-25T03:00:00.1200000Z"


def test_reset_of_an_untouched_tenant_changes_nothing() -> None:
    world = new_world()
    play(world, "reset", "fabrikam", LATER)
    assert world == new_world()


@pytest.mark.parametrize(
    ("scene", "slug", "why"),
    [("lock", "nobody", 'no tenant "nobody"'), ("dance", "contoso", 'no scene "dance"')],
)
def test_a_scene_that_cannot_be_played_says_what_there_is(scene: str, slug: str, why: str) -> None:
    with pytest.raises(SceneError, match=f"{why}.*; there are"):
        play(new_world(), scene, slug, LATER)
