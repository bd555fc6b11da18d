"""Keep beside a tenant who may deliver to it, so that a list of thousands shows it.

The number is that of its own page: with a foreign sender, to the domain that the most may reach.
"""

from typing import Any, Final

from mailposture import models
from mailposture.core.addresses import EVERYWHERE, AddressSet
from mailposture.core.attribution import BY_NAME
from mailposture.core.configuration import Configuration
from mailposture.core.reachability import FOREIGN, Reach, Reachability, reachability

OPEN: Final = "open"
CLOSED: Final = "closed"
UNKNOWN: Final = "unknown"
UNDECIDED: Final = frozenset(a.name for a in BY_NAME.values() if a.undecided)


def state(found: Reach) -> str:
    """Open where any host on IPv4 or IPv6 may deliver; else closed but for those counted."""
    if not UNDECIDED.isdisjoint(found.assumptions):
        return UNKNOWN
    whole = found.addresses.v4 == EVERYWHERE.v4 or found.addresses.v6 == EVERYWHERE.v6
    return OPEN if whole else CLOSED


def widest(reach: Reachability, sender_class: str) -> str:
    """The domain that the most addresses may reach."""
    return max(reach.domains, key=lambda d: reach.of(d, sender_class).addresses.size)


def keep(tenant: models.Tenant, known: Configuration) -> None:
    """Work it out by this configuration, and write it down where it is anything new."""
    before = tenant.reach_state, tenant.reach
    tenant.reach_state, tenant.reach = _worked_out(known)
    if (tenant.reach_state, tenant.reach) != before:
        models.Tenant.objects.filter(pk=tenant.pk).update(
            reach_state=tenant.reach_state, reach=tenant.reach
        )


def _worked_out(known: Configuration) -> tuple[str, dict[str, Any]]:
    if not known.parts:
        return UNKNOWN, {}
    reach = reachability(known)
    if not reach.domains:
        return CLOSED, {"addresses": 0, "networks": 0, "names": 0, "domain": ""}
    domain = widest(reach, FOREIGN)
    found = reach.of(domain, FOREIGN)
    if (stands := state(found)) == UNKNOWN:
        return UNKNOWN, {}
    return stands, {
        "addresses": AddressSet(v4=found.addresses.v4).size,
        "networks": len(found.addresses.cidrs()),
        "names": len(found.certificates),
        "domain": domain,
    }
