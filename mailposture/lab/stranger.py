"""What a stranger would find at a tenant's doors as its rules stand: the lab's own reckoning.

The page lays it beside what the product has found out by itself. A fault of a front end is not
counted in: it is shown for what it is.
"""

from collections.abc import Sequence

from mailposture.lab.decide import Outcome, Session, decide
from mailposture.lab.reading import Rules, read
from mailposture.lab.world import STRANGER, Tenant, World
from mailposture.lab.zones import PROBE_DOMAIN

OPEN, PARTLY, CLOSED, UNKNOWN = "open", "partly", "closed", "unknown"
MEANS = {
    Outcome.ACCEPTED: OPEN,
    Outcome.RELAYED: OPEN,
    Outcome.LOCKED: CLOSED,
    Outcome.DIRECT_SEND: CLOSED,
}


def finds(world: World, tenant: Tenant) -> str:
    """Say how the tenant stands: open, partly, closed or unknown."""
    everyone = [read(other) for other in world.tenants]
    domains = {domain_state(everyone, domain) for domain in tenant.domains}
    if domains - {UNKNOWN} == {OPEN}:
        return OPEN
    if domains & {OPEN, PARTLY}:
        return PARTLY
    return CLOSED if domains == {CLOSED} else UNKNOWN


def domain_state(everyone: Sequence[Rules], domain: str) -> str:
    """Open to a foreign sender, partly open to another alone, closed to all three, else unknown."""
    senders = (f"postmaster@{PROBE_DOMAIN}", f"postmaster@{domain}", "")
    foreign, *others = (answer(everyone, domain, sender) for sender in senders)
    if foreign == OPEN:
        return OPEN
    if OPEN in others:
        return PARTLY
    return CLOSED if {foreign, *others} == {CLOSED} else UNKNOWN


def answer(everyone: Sequence[Rules], domain: str, sender: str) -> str:
    """Ask for the domain's postmaster from the stranger's address, over TLS."""
    session = Session(address=STRANGER, tls=True, mail_from=sender, rcpt_to=f"postmaster@{domain}")
    return MEANS.get(decide(everyone, session).outcome, UNKNOWN)
