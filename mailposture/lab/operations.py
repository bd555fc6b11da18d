"""What the control does besides scenes: tell the state, set a fault, add a TXT record."""

import re
from typing import Any

from mailposture.lab import faults, mailbox
from mailposture.lab.apifaults import KINDS, parted
from mailposture.lab.making import LOCK
from mailposture.lab.reading import Connector
from mailposture.lab.scenes import SCENES, SceneError, playable
from mailposture.lab.stranger import finds
from mailposture.lab.world import ApiFault, FrontEnd, Tenant, World
from mailposture.lab.zones import zone_of

type Document = dict[str, Any]

LONGEST_DELAY = 120_000
NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})+")


def state(world: World) -> Document:
    """Tell how everything stands, for the page and the command."""
    return {
        "tenants": [tenant_state(world, tenant) for tenant in world.tenants],
        "txt": world.txt,
        "scenes": {name: (scene.__doc__ or "").strip() for name, scene in SCENES.items()},
        "faults": {str(fault): meaning for fault, meaning in faults.MEANINGS.items()},
        "api_faults": list(KINDS),
        "mailbox_modes": {str(mode): meaning for mode, meaning in mailbox.MEANINGS.items()},
    }


def tenant_state(world: World, tenant: Tenant) -> Document:
    row = tenant.connector(LOCK)
    return {
        "slug": tenant.slug,
        "name": tenant.name,
        "story": tenant.story,
        "domains": list(tenant.domains),
        "lock": "none" if row is None else "on" if row["Enabled"] else "off",
        "wire": finds(world, tenant),
        "scenes": playable(tenant),
        "instead_of_postmaster": without_postmaster(tenant),
        "contradicted": tenant.contradicted,
        "shows": tenant.shown_by(tenant.hybrid) if tenant.hybrid else None,
        "renewed": tenant.renewed,
        "secret_expired": tenant.registration.secret_expired,
        "connectors": [connector_state(Connector(row)) for row in tenant.connectors],
        "front_ends": [front_state(front) for front in tenant.front_ends],
        "api_faults": [
            {"kind": fault.kind, "cmdlet": fault.cmdlet, "times": fault.times}
            for fault in world.api_faults
            if fault.tenant == tenant.slug
        ],
    }


def without_postmaster(tenant: Tenant) -> dict[str, str]:
    """Name a mailbox that exists for each domain whose postmaster does not."""
    lacking = [d for d in tenant.domains if f"postmaster@{d}" not in tenant.mailboxes]
    known = {
        domain: sorted(m for m in tenant.mailboxes if m.endswith(f"@{domain}"))
        for domain in lacking
    }
    return {domain: boxes[0] for domain, boxes in known.items() if boxes}


def connector_state(connector: Connector) -> Document:
    return {
        "name": connector.name,
        "kind": connector.row["ConnectorType"],
        "enabled": connector.enabled,
        "addresses": list(connector.row["SenderIPAddresses"]),
        "certificate": connector.certificate_name or None,
        "sender_domains": list(connector.sender_domains),
    }


def front_state(front: FrontEnd) -> Document:
    return {
        "address": front.address,
        "host": front.host,
        "fault": front.fault,
        "delay": front.delay,
    }


def set_fault(world: World, asked: Document) -> str:
    """Make a tenant's front ends, or its Admin API (`"on": "api"`), fail as asked."""
    tenant = world.by_slug(str(asked.get("tenant")))
    if tenant is None:
        raise SceneError(f'there is no tenant "{asked.get("tenant")}" in the lab')
    kind = str(asked.get("fault"))
    if asked.get("on", "smtp") == "api":
        return set_api_fault(world, tenant, kind, asked)
    fronts = chosen(tenant, asked.get("front_end"))
    where = " and ".join(front.address for front in fronts)
    if kind == faults.DELAY:
        return set_delay(fronts, where, asked.get("milliseconds", 0))
    return set_smtp_fault(fronts, where, kind)


def chosen(tenant: Tenant, address: object) -> list[FrontEnd]:
    """Give the front end of that address, or all of the tenant's."""
    found = [f for f in tenant.front_ends if address in {None, f.address}]
    if not found:
        raise SceneError(f"{tenant.name} has no front end at {address}")
    return found


def set_delay(fronts: list[FrontEnd], where: str, milliseconds: object) -> str:
    if not isinstance(milliseconds, int) or not 0 <= milliseconds <= LONGEST_DELAY:
        raise SceneError(f"milliseconds must be a number from 0 to {LONGEST_DELAY}")
    for front in fronts:
        front.delay = milliseconds
    return f"Every reply of {where} waits {milliseconds} ms."


def set_smtp_fault(fronts: list[FrontEnd], where: str, kind: str) -> str:
    if kind == faults.NONE:
        for front in fronts:
            front.fault, front.delay = None, 0
        return f"{where}: no fault."
    if kind not in faults.MEANINGS:
        known = ", ".join([*faults.MEANINGS, faults.DELAY, faults.NONE])
        raise SceneError(f'there is no fault "{kind}"; there are {known}')
    for front in fronts:
        front.fault = kind
    return f"{where}: from now on it {faults.MEANINGS[faults.Fault(kind)]}."


def set_api_fault(world: World, tenant: Tenant, kind: str, asked: Document) -> str:
    """Set what meets the tenant's next calls; some kinds carry a value after a colon."""
    if kind == faults.NONE:
        world.api_faults = [fault for fault in world.api_faults if fault.tenant != tenant.slug]
        return f"{tenant.name}'s Admin API: no fault."
    parted(kind)
    times = asked.get("times")
    if times is not None and (not isinstance(times, int) or times < 1):
        raise SceneError("times must be a number of calls, or absent for all of them")
    cmdlet = asked.get("cmdlet")
    fault = ApiFault(
        tenant=tenant.slug, kind=kind, cmdlet=str(cmdlet) if cmdlet else None, times=times
    )
    # The last word counts: a fault of the same calls takes the place of the one before.
    others = [f for f in world.api_faults if (f.tenant, f.cmdlet) != (fault.tenant, fault.cmdlet)]
    world.api_faults = [*others, fault]
    calls = (
        "every call"
        if times is None
        else "the next call"
        if times == 1
        else f"the next {times} calls"
    )
    return f"{tenant.name}'s Admin API answers {calls} of {cmdlet or 'any cmdlet'} with {kind}."


def set_txt(world: World, asked: Document) -> str:
    """Add a TXT record, or with `"remove": true` take it away."""
    name = str(asked.get("name")).lower().removesuffix(".")
    value = asked.get("value")
    if not NAME.fullmatch(name) or zone_of(world, name) is None:
        raise SceneError(f'"{name}" is no name in a zone of the lab')
    if not isinstance(value, str):
        raise SceneError("value must be the record's text")
    held = world.txt.setdefault(name, [])
    there = value in held
    if asked.get("remove"):
        world.txt[name] = [other for other in held if other != value]
        world.txt = {key: values for key, values in world.txt.items() if values}
        return f"{name} has lost that TXT record." if there else f"{name} had no such TXT record."
    if there:
        return f"{name} had that TXT record already."
    held.append(value)
    return f"{name} has a new TXT record."
