"""Scenes: what a person may change in the lab, each safe to repeat, each saying what it did."""

import copy
from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_network

from mailposture.lab import making, stories
from mailposture.lab.faults import Fault
from mailposture.lab.making import LOCK
from mailposture.lab.rows import Row
from mailposture.lab.world import Source, Tenant, World, touch

ADDRESSES, NAME = "SenderIPAddresses", "TlsSenderCertificateName"


class SceneError(Exception):
    """The scene cannot be played here; the message says why."""


def lock(tenant: Tenant, now: datetime) -> str:
    """Turn the lock-down connector on, making it where there is none; end a contradiction."""
    agreed, tenant.contradicted = tenant.contradicted, False
    note = " The wire agrees with the configuration again." if agreed else ""
    row = tenant.connector(LOCK)
    if row is None:
        made = making.lock(tenant)
        tenant.connectors.append(made)
        touch(made, now, created=True)
        return f'{tenant.name} has a connector "{LOCK}" now, and it is on.{note}'
    if row["Enabled"]:
        return f'{tenant.name}\'s connector "{LOCK}" was on already.{note}'
    row["Enabled"] = True
    touch(row, now)
    return f'{tenant.name}\'s connector "{LOCK}" is on.{note}'


def unlock(tenant: Tenant, now: datetime) -> str:
    """Turn the lock-down connector off."""
    tenant.contradicted = False
    row = tenant.connector(LOCK)
    if row is None:
        return f"{tenant.name} has no lock-down connector, so there was nothing to turn off."
    if not row["Enabled"]:
        return f'{tenant.name}\'s connector "{LOCK}" was off already.'
    row["Enabled"] = False
    touch(row, now)
    return f'{tenant.name}\'s connector "{LOCK}" is off: it keeps nobody out.'


def widen(tenant: Tenant, now: datetime) -> str:
    """Let the lock-down connector take the gateway's whole /24, or every name beside its own."""
    row = tenant.connector(LOCK)
    if row is None:
        raise SceneError(f"{tenant.name} has no lock-down connector to widen; play lock first")
    if row["RestrictDomainsToCertificate"]:
        return widen_name(tenant, row, now)
    wide = str(ip_network(f"{tenant.gateway.address}/24", strict=False))
    if row[ADDRESSES] == [wide]:
        return f'{tenant.name}\'s connector "{LOCK}" took all of {wide} already.'
    row[ADDRESSES] = [wide]
    touch(row, now)
    return f'{tenant.name}\'s connector "{LOCK}" takes all of {wide} (256 addresses) now.'


def widen_name(tenant: Tenant, row: Row, now: datetime) -> str:
    if row[NAME].startswith("*."):
        return (
            f'{tenant.name}\'s connector "{LOCK}" took every certificate for {row[NAME]} already.'
        )
    row[NAME] = wide = f"*.{row[NAME].partition('.')[2]}"
    touch(row, now)
    return f'{tenant.name}\'s connector "{LOCK}" takes every certificate for {wide} now.'


def contradict(tenant: Tenant, now: datetime) -> str:
    """Make the wire say open although the configuration says closed."""
    was = tenant.contradicted
    lock(tenant, now)
    tenant.contradicted = True
    already = " already" if was else ""
    return f"{tenant.name} is locked in its configuration and{already} open on the wire."


def renew_certificate(tenant: Tenant, _now: datetime) -> str:
    """Let the hybrid server show a certificate for another name, as after a bad renewal."""
    source = hybrid_of(tenant)
    already = " already" if tenant.renewed else ""
    tenant.renewed = True
    shown = tenant.shown_by(source)
    return f"{tenant.name}'s hybrid server shows a certificate for {shown}{already}."


def restore_certificate(tenant: Tenant, _now: datetime) -> str:
    """Let the hybrid server show its own name again."""
    source = hybrid_of(tenant)
    again = " again" if tenant.renewed else ""
    tenant.renewed = False
    return f"{tenant.name}'s hybrid server shows {source.certificate_name}{again}."


def hybrid_of(tenant: Tenant) -> Source:
    if tenant.hybrid is None:
        raise SceneError(f"{tenant.name} has no hybrid server, so there is none to renew for")
    return tenant.hybrid


def throttle(tenant: Tenant, _now: datetime) -> str:
    """Let both front ends say that they are busy (4.7.500)."""
    for front in tenant.front_ends:
        front.fault = Fault.THROTTLE
    return f"Every mail door of {tenant.name} says that the server is busy (4.7.500)."


def expire(tenant: Tenant, _now: datetime) -> str:
    """Let the secret that reads the tenant expire (AADSTS7000222)."""
    if tenant.registration.client_secret is None:
        raise SceneError(f"{tenant.name} is read with a certificate, so no secret can expire")
    already = " already" if tenant.registration.secret_expired else ""
    tenant.registration.secret_expired = True
    return f"The secret that reads {tenant.name} has expired{already} (AADSTS7000222)."


def break_front_end(tenant: Tenant, _now: datetime) -> str:
    """Let one of the two front ends say the contrary of the other."""
    *sound, broken = tenant.front_ends
    for front in sound:
        front.fault = None
    broken.fault = Fault.CONTRARY
    return f"{tenant.name}'s front end {broken.address} says the contrary of the other."


def reset(tenant: Tenant, now: datetime) -> str:
    """Take the tenant back to its story: rows, wire, faults, secret.

    Certificates that people uploaded to its app stay, so that whoever reads by one still may.
    """
    fresh = stories.new_world().by_slug(tenant.slug)
    if fresh is None:
        raise SceneError(f"{tenant.slug} has no story to go back to")
    for cmdlet, wanted in fresh.rows.items():
        held = {row["Identity"]: row for row in tenant.rows[cmdlet]}
        tenant.rows[cmdlet] = [restored(held.get(row["Identity"]), row, now) for row in wanted]
    tenant.contradicted = tenant.renewed = False
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
    "renew-certificate": renew_certificate,
    "restore-certificate": restore_certificate,
    "throttle": throttle,
    "expire": expire,
    "break-front-end": break_front_end,
    "reset": reset,
}


def playable(tenant: Tenant) -> list[str]:
    """Name the scenes that this tenant can play as it stands."""
    row = tenant.connector(LOCK)
    unfit = set()
    if row is None:
        unfit |= {"unlock", "widen"}
    if tenant.hybrid is None:
        unfit |= {"renew-certificate", "restore-certificate"}
    if tenant.registration.client_secret is None:
        unfit.add("expire")
    return [name for name in SCENES if name not in unfit]


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
