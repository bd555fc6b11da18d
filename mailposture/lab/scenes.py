"""Scenes: what a person may change in the lab, each safe to repeat, each saying what it did."""

import copy
from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_network

from mailposture.lab import stories
from mailposture.lab.rows import Row
from mailposture.lab.world import Tenant, World, touch

ADDRESSES = "SenderIPAddresses"


class SceneError(Exception):
    """The scene cannot be played here; the message says why."""


def lock(tenant: Tenant, now: datetime) -> str:
    """Turn the lock-down connector on, making it where there is none; end a contradiction."""
    agreed, tenant.contradicted = tenant.contradicted, False
    note = " The wire agrees with the configuration again." if agreed else ""
    row = tenant.connector(stories.LOCK)
    if row is None:
        made = stories.lock(tenant)
        tenant.connectors.append(made)
        touch(made, now, created=True)
        return f'{tenant.name} has a connector "{stories.LOCK}" now, and it is on.{note}'
    if row["Enabled"]:
        return f'{tenant.name}\'s connector "{stories.LOCK}" was on already.{note}'
    row["Enabled"] = True
    touch(row, now)
    return f'{tenant.name}\'s connector "{stories.LOCK}" is on.{note}'


def unlock(tenant: Tenant, now: datetime) -> str:
    """Turn the lock-down connector off."""
    tenant.contradicted = False
    row = tenant.connector(stories.LOCK)
    if row is None:
        return f"{tenant.name} has no lock-down connector, so there was nothing to turn off."
    if not row["Enabled"]:
        return f'{tenant.name}\'s connector "{stories.LOCK}" was off already.'
    row["Enabled"] = False
    touch(row, now)
    return f'{tenant.name}\'s connector "{stories.LOCK}" is off: anyone gets in.'


def widen(tenant: Tenant, now: datetime) -> str:
    """Let the lock-down connector take the gateway's whole /24."""
    row = tenant.connector(stories.LOCK)
    if row is None:
        raise SceneError(f"{tenant.name} has no lock-down connector to widen; play lock first")
    wide = str(ip_network(f"{tenant.gateway.address}/24", strict=False))
    if row[ADDRESSES] == [wide]:
        return f'{tenant.name}\'s connector "{stories.LOCK}" took all of {wide} already.'
    row[ADDRESSES] = [wide]
    touch(row, now)
    return f'{tenant.name}\'s connector "{stories.LOCK}" takes all of {wide} (256 addresses) now.'


def contradict(tenant: Tenant, now: datetime) -> str:
    """Make the wire say open although the configuration says closed."""
    was = tenant.contradicted
    lock(tenant, now)
    tenant.contradicted = True
    already = " already" if was else ""
    return f"{tenant.name} is locked in its configuration and{already} open on the wire."


def reset(tenant: Tenant, now: datetime) -> str:
    """Take the tenant back to its story: rows, wire, faults, registration."""
    fresh = stories.new_world().by_slug(tenant.slug)
    if fresh is None:
        raise SceneError(f"{tenant.slug} has no story to go back to")
    for cmdlet, wanted in fresh.rows.items():
        held = {row["Identity"]: row for row in tenant.rows[cmdlet]}
        tenant.rows[cmdlet] = [restored(held.get(row["Identity"]), row, now) for row in wanted]
    tenant.contradicted = False
    tenant.registration.secret_expired = False
    for front in tenant.front_ends:
        front.fault, front.delay = None, 0
    return f"{tenant.name} is as its story tells: {tenant.story}"


def restored(held: Row | None, wanted: Row, now: datetime) -> Row:
    """Give a row its first settings back; its dates only ever move forward."""
    if held is not None and settings(held) == settings(wanted):
        return held
    fresh = copy.deepcopy(wanted)
    touch(fresh, now)
    return fresh


def settings(row: Row) -> Row:
    return {key: value for key, value in row.items() if not key.startswith("When")}


SCENES: dict[str, Callable[[Tenant, datetime], str]] = {
    "lock": lock,
    "unlock": unlock,
    "widen": widen,
    "contradict": contradict,
    "reset": reset,
}


def play(world: World, scene: str, slug: str, now: datetime) -> str:
    """Play a scene and give the sentence that says what changed."""
    tenant = world.by_slug(slug)
    if tenant is None:
        known = ", ".join(each.slug for each in world.tenants)
        raise SceneError(f'there is no tenant "{slug}" in the lab; there are {known}')
    act = SCENES.get(scene)
    if act is None:
        raise SceneError(f'there is no scene "{scene}"; there are {", ".join(SCENES)}')
    said = act(tenant, now)
    if scene == "reset":
        world.api_faults = [fault for fault in world.api_faults if fault.tenant != slug]
    return said
