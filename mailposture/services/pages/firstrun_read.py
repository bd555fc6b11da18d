"""What the first read of a tenant brought, in numbers and in words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mailposture import models
from mailposture.core.configuration import Configuration
from mailposture.services import paths
from mailposture.services.pages import configured
from mailposture.services.pages.reading import Reading
from mailposture.services.pages.reading import load as load_reading

MOST_CONNECTORS: Final = 6
MOST_NAMES: Final = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadPage:
    """A first read that waits, runs, failed, or what it found."""

    sentence: str
    reading: Reading | None = None
    trouble: configured.Trouble | None = None
    facts: tuple[tuple[str, str], ...] = ()
    connectors: tuple[configured.ConnectorLine, ...] = ()
    more: int = 0
    not_read: tuple[configured.NotRead, ...] = ()
    known: bool = False

    @property
    def goes_on(self) -> bool:
        """Whether the page asks again by itself."""
        return self.reading is not None and not self.reading.over


def load(tenant: models.Tenant, now: datetime) -> ReadPage:
    """How the first read stands."""
    if paths.accepted_domains(tenant) is not None:
        return _found(tenant)
    if under_way(tenant, now):
        held = bool(tenant.fetch_lease_until and tenant.fetch_lease_until > now)
        running = load_reading(tenant, tenant.fetch_attempt + (not held), now)
        return ReadPage(sentence=f"{tenant.name} is being read.", reading=running)
    if tenant.fetch_error:
        trouble = configured.explained(tenant.fetch_error)
        return ReadPage(sentence=f"{tenant.name} could not be read.", trouble=trouble)
    if tenant.fetched_at:
        lacking = tuple(configured.load(tenant).not_read)
        words = f"{tenant.name} was read, but not its accepted domains."
        return ReadPage(sentence=words, not_read=lacking)
    return ReadPage(sentence=f"{tenant.name} has not been read yet.")


def under_way(tenant: models.Tenant, now: datetime) -> bool:
    """Whether a reading is due or running."""
    due = tenant.fetch_due_at is not None and tenant.fetch_due_at <= now
    held = tenant.fetch_lease_until is not None and tenant.fetch_lease_until > now
    return due or held


def _found(tenant: models.Tenant) -> ReadPage:
    known = configured.load(tenant)
    lines = configured.connectors(tenant, known, got_in=False)
    seen = known.configuration or Configuration()
    return ReadPage(
        sentence=f"{tenant.name} has {_domains(seen)} and {_connectors(seen)}.",
        facts=tuple(_facts(seen)),
        connectors=lines[:MOST_CONNECTORS],
        more=max(0, len(lines) - MOST_CONNECTORS),
        not_read=known.not_read,
        known=True,
    )


def _domains(seen: Configuration) -> str:
    if seen.accepted_domains is None:
        return "domains that are not known any more"
    return counted(len(seen.accepted_domains), "accepted domain")


def _connectors(seen: Configuration) -> str:
    """How many connectors there are, and whether one of them is meant to refuse strangers."""
    if not seen.knows("inbound_connectors") or seen.inbound_connectors is None:
        return "connectors that could not be read"
    found = seen.inbound_connectors
    if not found:
        return "no inbound connector, so nothing restricts who may deliver"
    locks = [c for c in found if c.enabled and c.demands_proof and c.covers_any_sender]
    count = counted(len(found), "inbound connector")
    if locks:
        return f"{count}; {locks[0].name} restricts who may deliver"
    return f"{count}; none of them restricts who may deliver"


def _facts(seen: Configuration) -> list[tuple[str, str]]:
    """Each part with what is in it; what was not read says so and is never a nought."""
    domains = [d.domain_name for d in seen.accepted_domains or ()]
    hosts = [h.host for f in seen.domain_facts or () for h in f.mx or ()]
    direct = seen.organization.reject_direct_send if seen.organization else None
    return [
        ("Accepted domains", _said(seen, "accepted_domains", listed(domains))),
        ("Their MX", _said(seen, "domain_facts", listed(hosts) or "none")),
        ("Outbound connectors", _number(seen, "outbound_connectors")),
        ("Mail-flow rules", _number(seen, "transport_rules")),
        ("RejectDirectSend", _said(seen, "organization", str(direct) if direct else "")),
    ]


def _said(seen: Configuration, part: str, words: str) -> str:
    return words if seen.knows(part) else words or "not read"


def _number(seen: Configuration, part: str) -> str:
    found = getattr(seen, part)
    return "not read" if found is None else f"{len(found):,}"


def listed(names: list[str]) -> str:
    """Names, each once, and how many more there are."""
    once = sorted(dict.fromkeys(names))
    more = len(once) - MOST_NAMES
    return ", ".join(once[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def counted(count: int, noun: str) -> str:
    """A number with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
