"""Propose approved sources: what connectors, MX and SPF say of the hosts that must get in.

A proposal is a guess with its grounds; only a person makes a source of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, Self

from mailposture import models
from mailposture.adapters import spf
from mailposture.adapters.dns import DnsError
from mailposture.core import addresses
from mailposture.core.configuration import Configuration, InboundConnector
from mailposture.core.hosts import MAIL_NAMES
from mailposture.services import clouds

KINDS: Final = models.ApprovedSource.Kind
MOST: Final = 12
# A tenant may have hundreds of domains; the first ones tell nearly all.
MOST_DOMAINS: Final = 20
# What MX and SPF may name of all domains together: a hostile zone names as much as it likes.
MOST_HOSTS: Final = 50
MOST_ENTRIES: Final = 400
AT_ONCE: Final = 8
WHOLE: Final = 8.0
# Names below which Microsoft keeps what every tenant's SPF includes.
MICROSOFT: Final = (
    "protection.outlook.com", "spf.protection.office365.us", "spf.protection.partner.outlook.cn",
    "onmicrosoft.com", *MAIL_NAMES,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """A host, or a group of them, with the grounds for it. `sure`: worth ticking beforehand."""

    name: str
    kind: str
    addresses: tuple[str, ...] = ()
    certificate_name: str = ""
    grounds: tuple[str, ...] = ()
    sure: bool = True
    place: int | None = None


@dataclass(slots=True)
class _Row:
    """A proposal in the making, with the set of its addresses: parsed once."""

    proposal: Proposal
    own: addresses.AddressSet

    @classmethod
    def of(cls, proposal: Proposal) -> Self:
        return cls(proposal, _parsed(proposal.addresses))

    def add(self, grounds: str) -> None:
        """One more reason to propose it."""
        found = self.proposal
        self.proposal = replace(found, grounds=(*found.grounds, grounds))


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposals:
    """All proposals, and what could not be asked."""

    rows: tuple[Proposal, ...] = ()
    problems: tuple[str, ...] = ()


def propose(tenant: models.Tenant, seen: Configuration) -> Proposals:
    """Ask DNS for SPF with no transaction open, then put together what all three say."""
    published, problems = _published(tenant, seen)
    rows = [_Row.of(one) for one in _from_connectors(seen.inbound_connectors or ())]
    _add_mx(rows, seen)
    if _add_spf(rows, published):
        cut = f"SPF names more hosts than can be told apart here: the first {MOST_ENTRIES} are."
        problems = (*problems, cut)
    known = [(s, _parsed(s.addresses.split())) for s in tenant.sources.all()]
    places = list(models.VantagePoint.objects.filter(plays=models.VantagePoint.Plays.SOURCE))
    fresh = sorted((r for r in rows if not _declared(r, known)), key=lambda r: not r.proposal.sure)
    if len(fresh) > MOST:
        problems = (*problems, _left_out(len(fresh) - MOST))
    found = _named(replace(row.proposal, place=_place(row, places)) for row in fresh[:MOST])
    return Proposals(rows=tuple(found), problems=problems)


def _left_out(count: int) -> str:
    what = "1 more host was" if count == 1 else f"{count:,} more hosts were"
    return f"{what} found than are listed here: confirm these, then ask again."


# ---- connectors --------------------------------------------------------------------------


def _from_connectors(connectors: Iterable[InboundConnector]) -> Iterator[Proposal]:
    """Connectors that refuse first, since what they let in is what the organisation relies on."""
    ordered = sorted(connectors, key=lambda c: (not c.enabled, not c.demands_proof, c.name))
    for connector in ordered:
        certificate = _certificate(connector.tls_sender_certificate_name)
        if not connector.sender_ip_addresses and not certificate:
            continue
        kind, name = _kind(connector)
        yield Proposal(
            name=name,
            kind=kind,
            addresses=connector.sender_ip_addresses,
            certificate_name=certificate,
            grounds=(_about(connector),),
            sure=connector.covers_any_sender,
        )


def _kind(connector: InboundConnector) -> tuple[str, str]:
    """What a host that a connector names is for, and how to call it until a person does."""
    if not connector.is_partner:
        return KINDS.HYBRID, "Hybrid server"
    if connector.covers_any_sender:
        return KINDS.GATEWAY, "Gateway"
    return KINDS.RELAY, connector.name[:70]


def _about(connector: InboundConnector) -> str:
    state = "" if connector.enabled else ", which is turned off,"
    names = list(connector.sender_ip_addresses[:3])
    if more := len(connector.sender_ip_addresses) - len(names):
        names.append(f"{more} more")
    if connector.tls_sender_certificate_name:
        names.append(f"the certificate {connector.tls_sender_certificate_name}")
    scope = "" if connector.covers_any_sender else f" for {', '.join(connector.sender_domains[:3])}"
    return f"The inbound connector {connector.name}{state} names {', '.join(names)}{scope}."


def _certificate(name: str | None) -> str:
    """A host name with or without `*.`; Exchange also takes whole subjects, which name no host."""
    text = (name or "").strip().lower()
    bare = text.removeprefix("*.")
    return text if "." in bare and all(c.isalnum() or c in ".-" for c in bare) else ""


# ---- MX and SPF --------------------------------------------------------------------------


def _add_mx(rows: list[_Row], seen: Configuration) -> None:
    """Whom the MX names, where that is not Microsoft itself, is a gateway."""
    hosts: dict[str, tuple[list[str], tuple[str, ...]]] = {}
    for facts in seen.domain_facts or ():
        for host in facts.mx or ():
            if not _is_microsofts(host.host):
                hosts.setdefault(host.host, ([], tuple(host.addresses)))[0].append(facts.domain)
    for name, (domains, found) in islice(hosts.items(), MOST_HOSTS):
        grounds = f"The MX of {_listed(domains)} is {name}."
        fresh = Proposal(name=name[:80], kind=KINDS.GATEWAY, addresses=found, grounds=(grounds,))
        _merge(rows, _Row.of(fresh), grounds)


def _merge(rows: list[_Row], fresh: _Row, grounds: str) -> None:
    """Grounds for a proposal that covers all these addresses already, else one more proposal."""
    for row in rows:
        if fresh.own and fresh.own <= row.own:
            return row.add(grounds)
    if fresh.proposal.addresses:
        rows.append(fresh)
    return None


def _add_spf(rows: list[_Row], published: Iterable[spf.Hosts]) -> bool:
    """SPF names who sends to the world: grounds for what is proposed, else a faint guess.

    Whether some of it was left out, since it was too much.
    """
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for found in published:
        groups.setdefault((found.through, found.addresses), []).append(found.domain)
    covered = addresses.union([row.own for row in rows])
    budget = MOST_ENTRIES
    for (through, named), domains in groups.items():
        entries = {entry: _parsed([entry]) for entry in named[:budget]}
        budget -= len(entries)
        beneath = f" through {through}" if through else ""
        grounds = f"The SPF record of {_listed(domains)} names it{beneath}."
        for row in rows:
            if any(_inside(entry, row.own) for entry in entries.values()):
                row.add(grounds)
        if left := tuple(e for e, own in entries.items() if not _inside(own, covered)):
            name = (through or f"Senders of {domains[0]}")[:80]
            faint = Proposal(
                name=name, kind=KINDS.RELAY, sure=False, addresses=left, grounds=(grounds,)
            )
            rows.append(_Row.of(faint))
            covered |= rows[-1].own
    return sum(len(named) for _, named in groups) > MOST_ENTRIES


def _inside(entry: addresses.AddressSet, whole: addresses.AddressSet) -> bool:
    """Whether an entry lies in a set; its first address tells nearly always that it does not."""
    first = entry.first()
    return first is not None and first in whole and entry <= whole


def _parsed(entries: Iterable[str]) -> addresses.AddressSet:
    """The set of what can be read; an entry that cannot be is left for a person to see."""
    return addresses.parse(entry for entry in entries if _is_readable(entry))


def _is_readable(entry: str) -> bool:
    try:
        addresses.parse_entry(entry)
    except addresses.AddressError:
        return False
    return True


def _published(
    tenant: models.Tenant, seen: Configuration
) -> tuple[list[spf.Hosts], tuple[str, ...]]:
    """The SPF records of the first domains, and which of them gave no answer."""
    names = [d.lower() for d in seen.domains if not _is_microsofts(d)][:MOST_DOMAINS]
    if not names:
        return [], ()
    try:
        resolver = clouds.resolver(tenant.cloud).within(WHOLE)
    except DnsError as error:
        return [], (f"DNS was not asked for SPF: {error}.",)
    problems: list[str] = []

    def ask(name: str) -> tuple[spf.Hosts, ...]:
        try:
            return spf.hosts(name, resolver, MICROSOFT)
        except DnsError as error:
            problems.append(f"The SPF record of {name} is not known: {error}.")
            return ()

    with ThreadPoolExecutor(min(AT_ONCE, len(names)), thread_name_prefix="spf") as threads:
        found = [hosts for each in threads.map(ask, names) for hosts in each]
    return found, tuple(sorted(problems))


# ---- names, places, what is declared -----------------------------------------------------


def _is_microsofts(host: str) -> bool:
    return any(host == one or host.endswith(f".{one}") for one in MICROSOFT)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more domains" if len(names) > 3 else shown


def _named(rows: Iterable[Proposal]) -> list[Proposal]:
    """The rows with names that differ: a tenant's sources go by them."""
    taken: dict[str, int] = {}
    found = []
    for row in rows:
        taken[row.name] = taken.get(row.name, 0) + 1
        number = taken[row.name]
        found.append(row if number == 1 else replace(row, name=f"{row.name} {number}"))
    return found


def _declared(
    row: _Row, known: Iterable[tuple[models.ApprovedSource, addresses.AddressSet]]
) -> bool:
    """Whether a source covers all its addresses, or bears its certificate's name."""
    wanted = row.proposal.certificate_name
    for source, covers in known:
        same = source.certificate_name and source.certificate_name == wanted
        if same or (row.proposal.addresses and row.own <= covers):
            return True
    return False


def _place(row: _Row, places: Iterable[models.VantagePoint]) -> int | None:
    """A vantage point that has one of the addresses, or a certificate of that name."""
    wanted = row.proposal.certificate_name
    for place in places:
        if place.address and place.address in row.own:
            return place.pk
        if place.certificate_name and _bears(wanted, place.certificate_name):
            return place.pk
    return None


def _bears(wanted: str, name: str) -> bool:
    """Whether a certificate's name is the one wanted; `*.` stands for one label."""
    if wanted.startswith("*."):
        return name.partition(".")[2] == wanted[2:]
    return bool(wanted) and name == wanted
