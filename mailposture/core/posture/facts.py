"""All that rules judge by: a configuration, who is approved, what others publish, what was seen.

What is not known is None or empty, and never stands for "none".
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property

from mailposture.core import addresses
from mailposture.core.addresses import NOWHERE, AddressError, AddressSet, union
from mailposture.core.attribution import Certificate, Decision, Session, decided, within
from mailposture.core.configuration import Configuration, InboundConnector
from mailposture.core.contradictions import Agreement
from mailposture.core.hosts import plain
from mailposture.core.reachability import OWN, Reachability, Witness, reachability, witness
from mailposture.core.reachability.questions import classes_of
from mailposture.core.verdict import Verdict


class SourceKind(StrEnum):
    """What an approved source is for."""

    GATEWAY = "gateway"
    HYBRID = "hybrid"
    RELAY = "relay"


OWN_SERVERS = frozenset({SourceKind.HYBRID, SourceKind.RELAY})


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCertificate:
    """What is known of the certificate that a source shows; None is not known.

    `untrusted` is why its chain leads to no public authority; empty where it does.
    """

    names: tuple[str, ...] = ()
    untrusted: str | None = None
    not_after: datetime | None = None
    client_auth: bool | None = None
    issuer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A host of the organisation that must get in, as a person declared it."""

    name: str
    kind: SourceKind = SourceKind.GATEWAY
    addresses: tuple[str, ...] = ()
    certificate_names: tuple[str, ...] = ()
    certificate: SeenCertificate | None = None

    @property
    def set(self) -> AddressSet:
        """Its addresses; what is none is left out."""
        return readable(self.addresses)

    @property
    def names(self) -> tuple[str, ...]:
        """Every certificate name it is known by."""
        seen = self.certificate.names if self.certificate else ()
        return tuple(dict.fromkeys(plain(n) for n in (*self.certificate_names, *seen)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Addresses that a provider publishes as its own, and who may send from them.

    `anyone`: a customer of it, whoever that is, sends from there. `microsoft`: any other tenant.
    `whole` is false where the list is a part of what is the provider's.
    """

    name: str
    kind: str  # cloud or mail service
    dated: date
    addresses: AddressSet
    url: str = ""
    anyone: bool = True
    microsoft: bool = False
    whole: bool = True


# ---- what was seen -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What strangers were last answered on one path."""

    domain: str
    sender_class: str
    verdict: str
    code: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """How a path's prediction and observation stand to one another; `observed` is the latter."""

    path: str
    agreement: Agreement
    sentence: str
    approved: bool = False
    observed: Verdict = Verdict.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """When the tenant was last read and asked, how old each may be, and what saw nothing."""

    read_at: datetime | None
    asked_at: datetime | None
    reading_counts: timedelta
    answer_counts: timedelta
    blind: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A change since the last report: whether somebody explained it, and probes showed what it did.

    `explained` is None where nobody could say so; `verified` is None while its probes are on their
    way. `seen` says what they showed, or why they did not.
    """

    sentence: str
    explained: bool | None
    verified: bool | None
    seen: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excepted:
    """An exception: an acceptance that somebody approves and that expires."""

    key: str
    sentence: str
    approved: bool
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was seen and decided besides the configuration; None is not known."""

    answers: tuple[Answered, ...] | None = None
    agreements: tuple[Apart, ...] | None = None
    evidence: Evidence | None = None
    changes: tuple[Moved, ...] | None = None
    exceptions: tuple[Excepted, ...] | None = None
    endpoint_addresses: tuple[str, ...] | None = None


NOTHING_OBSERVED = Observed()


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything the rules are given. `at` is the moment for which it is asked."""

    configuration: Configuration
    sources: tuple[Source, ...] = ()
    published: tuple[Published, ...] = ()
    observed: Observed = field(default=NOTHING_OBSERVED)
    at: datetime | None = None
    # What was tried already: a connector's guid -> the near miss in words, or None.
    tried: dict[str, str | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def knows(self, part: str) -> bool:
        """Whether a part that a rule reads is known: of the configuration, or beside it."""
        if part == "published":
            return bool(self.published)
        if part == "moment":
            return self.at is not None
        if part in Observed.__dataclass_fields__:
            return getattr(self.observed, part) is not None
        return self.configuration.knows(part)

    # ---- who may deliver -------------------------------------------------------------------

    def knowing(self, reach: Reachability) -> "Facts":
        """The same, who may deliver by this very configuration being worked out already, perhaps
        for more classes of sender than it can tell apart.
        """
        found = replace(self)
        own = reach.narrowed(classes_of(self.configuration))
        found.__dict__["reach"] = own  # where a cached property keeps what it found
        return found

    @cached_property
    def reach(self) -> Reachability:
        """Who may deliver, by the configuration."""
        return reachability(self.configuration)

    @cached_property
    def reachable(self) -> AddressSet:
        """Every address that may deliver to some domain with some sender."""
        return reached(self.reach)

    @cached_property
    def strangers(self) -> AddressSet:
        """Addresses that get in although no connector names them: the door is open to them."""
        return self.reachable - named(self.reach)

    @cached_property
    def stranger(self) -> Witness | None:
        """The smallest host that is not approved and gets in although no connector names it."""
        return witness(self.reach, self.everyone_approved) if self.strangers else None

    def decide(self, source: str, mail_from: str, recipient: str, **other: str) -> Decision:
        """What one session over TLS is answered; `certificate` names what it shows."""
        shown = other.get("certificate")
        session = Session(
            source=source,
            mail_from=mail_from,
            recipient=recipient,
            tls=True,
            certificate=Certificate.of(shown) if shown else None,
        )
        return decided(self.reach.rules, session)

    # ---- who is approved -------------------------------------------------------------------

    @cached_property
    def gateways(self) -> AddressSet:
        """Addresses of the approved gateways; empty where none is declared."""
        return self.approved(SourceKind.GATEWAY)

    @cached_property
    def everyone_approved(self) -> AddressSet:
        """Addresses of all approved sources."""
        return self.approved(*SourceKind)

    @cached_property
    def own_servers(self) -> AddressSet:
        """Addresses of the organisation's own servers: hybrid and relay."""
        return self.approved(*OWN_SERVERS)

    def approved(self, *kinds: SourceKind) -> AddressSet:
        """Addresses of the approved sources of these kinds."""
        return union([s.set for s in self.sources if s.kind in kinds] or [NOWHERE])

    def names_of(self, *kinds: SourceKind) -> tuple[str, ...]:
        """Certificate names of the approved sources of these kinds."""
        return tuple(name for s in self.sources if s.kind in kinds for name in s.names)

    def bears(self, pattern: str | None, *kinds: SourceKind) -> bool:
        """Whether some approved source of these kinds shows a certificate that this name means."""
        wanted = plain(pattern or "")
        return any(name == wanted or within(name, wanted) for name in self.names_of(*kinds))

    # ---- connectors ------------------------------------------------------------------------

    @property
    def connectors(self) -> tuple[InboundConnector, ...]:
        """The inbound connectors that were read."""
        return self.configuration.inbound_connectors or ()

    @cached_property
    def enabled(self) -> tuple[InboundConnector, ...]:
        """Those that are turned on."""
        return tuple(c for c in self.connectors if c.enabled)

    @cached_property
    def accepted(self) -> frozenset[str]:
        """The accepted domains in one spelling."""
        return frozenset(plain(name) for name in self.configuration.domains)


def gateways(entries: tuple[str, ...]) -> tuple[Source, ...]:
    """The declared addresses of the gateways as one approved source; none declared is none."""
    return (Source(name="Gateways", addresses=entries),) if entries else ()


def readable(entries: Iterable[str]) -> AddressSet:
    """The addresses among these; what is none is left out."""
    found = []
    for entry in entries:
        try:
            found.append(addresses.parse([entry]))
        except AddressError:
            continue
    return union(found) if found else NOWHERE


def ipv4(entries: Iterable[str]) -> AddressSet:
    """The IPv4 addresses among these: what SenderIPAddresses can mean."""
    return AddressSet(v4=readable(entries).v4)


def reached(reach: Reachability) -> AddressSet:
    """Every address that gets in over TLS, to some domain with some sender."""
    return reach.of_any(_unlike(reach))


def _unlike(reach: Reachability) -> Iterator[tuple[str, str]]:
    """Domains and sender classes that may differ: of domains that are associated with the same
    connectors one is enough, but where the sender's domain is the recipient's.
    """
    known = reach.rules.knows_domains
    first = {reach.names.associated.get(d, 0) if known else d: d for d in reach.domains[::-1]}
    for sender_class in reach.classes:
        domains = reach.domains if sender_class == OWN else first.values()
        for domain in domains:
            yield domain, sender_class


def named(reach: Reachability) -> AddressSet:
    """Every address that some enabled connector lists."""
    return union([sight.listed for sight in reach.rules.sights] or [NOWHERE])
