"""Near misses: the smallest change after which strangers are refused, found by trying it.

A change is made to a copy of the configuration, and the model is asked who may deliver then. What
was not tried is not said.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from mailposture.core.addresses import AddressSet
from mailposture.core.configuration import (
    ANY_DOMAIN,
    Configuration,
    ConnectorType,
    InboundConnector,
    Part,
    PartStatus,
    with_part,
)
from mailposture.core.posture.facts import Facts, Source, named, reached
from mailposture.core.posture.findings import Said, many
from mailposture.core.posture.locks import restricts
from mailposture.core.reachability import reachability
from mailposture.core.words import joined

# More edits than this are no near miss; and so many connectors are tried, nearest first.
MOST_EDITS: Final = 3
MOST_TRIED: Final = 8
CONNECTORS: Final = "inbound_connectors"
CUT: Final = " That would cut off "


@dataclass(frozen=True, slots=True)
class Edit:
    """One field of a connector set to another value, and how that is said."""

    field: str
    value: Any
    words: str


@dataclass(frozen=True, slots=True)
class Near:
    """A connector and the few edits that would make a lock of it."""

    connector: InboundConnector
    edits: tuple[Edit, ...]

    @property
    def changed(self) -> InboundConnector:
        """The connector after the edits."""
        return replace(self.connector, **{edit.field: edit.value for edit in self.edits})

    @property
    def words(self) -> str:
        """The edits in a sentence's words."""
        return f"{self.connector.name} {joined([edit.words for edit in self.edits])}"


ENABLED: Final = Edit("enabled", value=True, words="were enabled")
PARTNER: Final = Edit("connector_type", ConnectorType.PARTNER, "were a Partner connector")
EVERY_SENDER: Final = Edit("sender_domains", (ANY_DOMAIN,), "spoke for SenderDomains *")
EVERY_DOMAIN: Final = Edit("associated_accepted_domains", (), "named no AssociatedAcceptedDomains")
BY_ADDRESS: Final = Edit(
    "restrict_domains_to_ip_addresses", value=True, words="had RestrictDomainsToIPAddresses on"
)
BY_NAME: Final = Edit(
    "restrict_domains_to_certificate", value=True, words="had RestrictDomainsToCertificate on"
)


def edits(connector: InboundConnector) -> tuple[Edit, ...] | None:
    """What a connector lacks to be a lock for every domain; None where no few edits do."""
    found = []
    if not connector.is_partner:
        # Only what was meant as a lock: a connector of a hybrid server is none.
        if not restricts(connector):
            return None
        found.append(PARTNER)
    if not connector.enabled:
        found.append(ENABLED)
    if not connector.covers_any_sender:
        found.append(EVERY_SENDER)
    if connector.associated_accepted_domains:
        found.append(EVERY_DOMAIN)
    proved = _proves(connector)
    if proved is None:
        return None
    return (*found, *proved)


def _proves(connector: InboundConnector) -> tuple[Edit, ...] | None:
    """What is missing of a restriction to what it names; None where it names nothing."""
    by_address = connector.restrict_domains_to_ip_addresses
    by_name = connector.restrict_domains_to_certificate
    if by_address and connector.sender_ip_addresses:
        return ()
    if by_name and connector.tls_sender_certificate_name:
        return ()
    if connector.sender_ip_addresses:
        return (BY_ADDRESS,)
    return (BY_NAME,) if connector.tls_sender_certificate_name else None


def candidates(connectors: Iterable[InboundConnector]) -> Iterator[Near]:
    """Connectors that few edits would make a lock, nearest first."""
    lacking = ((connector, edits(connector)) for connector in connectors)
    found = [Near(c, few) for c, few in lacking if few and len(few) <= MOST_EDITS]
    yield from sorted(found, key=lambda near: len(near.edits))


def with_values(configuration: Configuration, part: str, values: object) -> Configuration:
    """The configuration with these values of a part."""
    status = configuration.part(part) or Part(name=part, status=PartStatus.OK)
    return with_part(configuration, status, values)


def with_connector(configuration: Configuration, changed: InboundConnector) -> Configuration:
    """The configuration with this connector in the place of the one of its guid."""
    kept = tuple(
        changed if c.guid == changed.guid else c for c in configuration.inbound_connectors or ()
    )
    return with_values(configuration, CONNECTORS, kept)


def nearest(facts: Facts, connectors: Iterable[InboundConnector]) -> str | None:
    """The smallest change of these connectors after which no stranger gets in, in a sentence.

    One that cuts off nobody comes first.
    """
    if not facts.strangers:
        return None
    near = islice(candidates(connectors), MOST_TRIED)
    costly = None
    for found in filter(None, (_once(facts, one) for one in near)):
        if CUT not in found:
            return found
        costly = costly or found
    return costly


def _once(facts: Facts, near: Near) -> str | None:
    """Many findings ask for the same change: it is tried once."""
    guid = near.connector.guid
    if guid not in facts.tried:
        facts.tried[guid] = _tried(facts, near)
    return facts.tried[guid]


def _tried(facts: Facts, near: Near) -> str | None:
    """Make the change on a copy: None where strangers get in all the same."""
    after = reachability(with_connector(facts.configuration, near.changed))
    left = reached(after)
    closes = not left - named(after)
    counts = f"{many(facts.reachable)} may deliver now, {many(left) or 'none'} then"
    lost = [s.name for s in facts.sources if _loses(facts, s, left)]
    cut = f"{CUT}{joined(lost)}." if lost else ""
    if not closes:
        return None
    return f"Would be closed if {near.words}: {counts}.{_not_approved(facts, left)}{cut}"


def _not_approved(facts: Facts, left: AddressSet) -> str:
    """Whom it lets in that nobody approved: a reader is not to take its list on trust."""
    beyond = left - facts.everyone_approved
    if not (facts.sources and beyond):
        return ""
    return f" Of these nobody approved {many(beyond)}: find out whose they are first."


def _loses(facts: Facts, source: Source, left: AddressSet) -> bool:
    """Whether an approved source, known by address alone, would no longer get in."""
    held = AddressSet(v4=source.set.v4) & facts.reachable
    return not source.names and bool(held - left)


# ---- what the table names ------------------------------------------------------------------


def of_any(facts: Facts, _said: Said) -> str | None:
    """The smallest change of any connector."""
    return nearest(facts, facts.connectors)


def of_this(facts: Facts, said: Said) -> str | None:
    """The smallest change of the connector that the finding is about."""
    return nearest(facts, [c for c in facts.connectors if c.guid == said.subject])


def of_scoped(facts: Facts, _said: Said) -> str | None:
    """The smallest change of a connector that speaks for named senders alone."""
    return nearest(facts, [c for c in facts.enabled if not c.covers_any_sender])


def open_door(facts: Facts, said: Said) -> str | None:
    """The same where the door stands open to everybody, and no connector is to blame."""
    return None if said.subject else of_any(facts, said)


def never(_facts: Facts, _said: Said) -> str | None:
    """No setting can be tried; the rule says why."""
    return None
