"""SPF: which hosts a domain says may send in its name, followed to a bounded depth (RFC 7208).

It is read for hints alone: a sender to the world need not be one that delivers to the tenant.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from itertools import islice
from typing import Final

from mailposture.adapters.dns import DnsError, Resolver
from mailposture.adapters.targets import host_name

# RFC 7208 section 4.6.4 bounds the terms that ask DNS to ten, and the hosts of an MX likewise: here
# those of all terms together. Depth, terms and what they name are bounded as well.
MOST_LOOKUPS: Final = 10
# Look-ups that find nothing, by the same section: a third one makes the record an error.
MOST_VOIDS: Final = 2
MOST_EXCHANGERS: Final = 10
DEEPEST: Final = 5
MOST_TERMS: Final = 500
MOST_ENTRIES: Final = 500
VERSION: Final = re.compile(r"v=spf1(?:\s|$)", re.IGNORECASE)
TERM: Final = re.compile(
    r"(?P<sign>[+?~-])?(?P<name>ip4|ip6|a|mx|include)"
    r"(?::(?P<value>[^/\s]+))?(?P<length>(?:/\d{1,3}){0,2})",
    re.IGNORECASE,
)
NETWORK: Final = re.compile(r"\+?ip[46]:(?P<value>[0-9A-Fa-f.:]+(?:/\d{1,3})?)", re.IGNORECASE)
REDIRECT: Final = re.compile(r"redirect=(?P<value>\S+)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hosts:
    """Addresses that a domain's SPF names: by itself, or through one include of it."""

    domain: str
    through: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Followed:
    """What was found of one domain's record, and in words what could not be followed."""

    hosts: tuple[Hosts, ...]
    problems: tuple[str, ...]


@dataclass(slots=True)
class _Walk:
    """What is left of the bounds while one domain's record is followed."""

    resolver: Resolver
    passed_by: tuple[str, ...]
    left: int = MOST_LOOKUPS
    exchangers: int = MOST_EXCHANGERS
    entries: int = MOST_ENTRIES
    voids: int = MOST_VOIDS
    seen: set[str] = field(default_factory=set)
    problems: dict[str, None] = field(default_factory=dict)

    def spend(self) -> bool:
        """Take one of the look-ups that are left."""
        self.left -= 1
        if self.left < 0:
            self.note(f"It takes more than {MOST_LOOKUPS} look-ups: the rest is not followed.")
        return self.left >= 0 and self.voids >= 0

    def void(self, name: str) -> None:
        """Count a look-up that found nothing; after the last one allowed, all is over."""
        self.voids -= 1
        self.note(f"It names {name}, where nothing was found.")
        if self.voids < 0:
            self.note(
                f"More than {MOST_VOIDS} of its look-ups find nothing: the rest is not asked."
            )

    def note(self, problem: str) -> None:
        """Say once what could not be followed."""
        self.problems[problem] = None

    def hosts_of(self, name: str) -> list[str]:
        """The mail exchangers of a name, as many as may still be asked for."""
        exchangers = self.resolver.mx(name)
        if not exchangers:
            self.void(name)
        named = [host for _, host in exchangers if not self.passes_by(host)]
        taken = named[: self.exchangers]
        self.exchangers -= len(taken)
        return taken

    def take(self, found: Iterable[str]) -> tuple[str, ...]:
        """Each entry once, as many as are left for this domain; no more is asked for."""
        taken = tuple(dict.fromkeys(islice(found, self.entries)))
        self.entries -= len(taken)
        return taken

    def passes_by(self, name: str) -> bool:
        """Whether a name belongs to those whose hosts are nobody's in particular."""
        return any(name == one or name.endswith(f".{one}") for one in self.passed_by)


def hosts(domain: str, resolver: Resolver, passed_by: Iterable[str] = ()) -> tuple[Hosts, ...]:
    """What the SPF record of a domain names, its own hosts first, then include by include.

    Includes of `passed_by` are left out. DnsError where the domain's own record gave no answer;
    an include that gives none is left out, since this is a hint and no verdict.
    """
    return followed(domain, resolver, passed_by).hosts


def followed(domain: str, resolver: Resolver, passed_by: Iterable[str] = ()) -> Followed:
    """The same, with what could not be followed; DnsError as there."""
    walk = _Walk(resolver, tuple(passed_by))
    terms = _record(domain, resolver)
    own = walk.take(_plain(terms, domain, walk))
    found = [Hosts(domain=domain, through="", addresses=own)] if own else []
    for name in _includes(terms, walk):
        beneath = walk.take(_beneath(name, walk, 1))
        if beneath:
            found.append(Hosts(domain=domain, through=name, addresses=beneath))
    return Followed(hosts=tuple(found), problems=tuple(walk.problems))


def _record(domain: str, resolver: Resolver) -> list[str]:
    """The terms of a domain's one SPF record; none where there is none, or more than one."""
    records = [text for text in resolver.txt(domain) if VERSION.match(text)]
    return records[0].split()[1 : MOST_TERMS + 1] if len(records) == 1 else []


def _plain(terms: Iterable[str], domain: str, walk: _Walk) -> Iterator[str]:
    """The addresses of ip4, ip6, a and mx; what is not let pass by `+` names no sender."""
    for term in terms:
        if network := NETWORK.fullmatch(term):
            yield from _network(network["value"])
        elif (found := TERM.fullmatch(term)) and found["sign"] in (None, "+"):
            kind, name = found["name"].lower(), host_name(found["value"] or domain)
            # A length widens each address to its network: too wide a guess to propose.
            if kind in ("a", "mx") and name and not found["length"] and walk.spend():
                yield from _addresses(kind, name, walk)


def _network(text: str) -> Iterator[str]:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return
    yield str(network.network_address) if network.num_addresses == 1 else str(network)


def _addresses(kind: str, name: str, walk: _Walk) -> Iterator[str]:
    try:
        if kind == "mx":
            for host in walk.hosts_of(name):
                yield from walk.resolver.addresses(host)
        elif not walk.passes_by(name):
            found = walk.resolver.addresses(name)
            if not found:
                walk.void(name)
            yield from found
    except DnsError as error:
        walk.note(f"{name} gave no answer: {error}.")


def _includes(terms: Iterable[str], walk: _Walk) -> Iterator[str]:
    """The names that are included or redirected to, each once, but for those passed by."""
    for term in terms:
        name = _follows(term)
        if name and name not in walk.seen and not walk.passes_by(name):
            walk.seen.add(name)
            yield name


def _follows(term: str) -> str | None:
    """The name whose record goes on from this term, if it is such a term."""
    if redirect := REDIRECT.fullmatch(term):
        return host_name(redirect["value"])
    found = TERM.fullmatch(term)
    if found and found["name"].lower() == "include" and found["sign"] in (None, "+"):
        return host_name(found["value"] or "")
    return None


def _beneath(name: str, walk: _Walk, depth: int) -> Iterator[str]:
    if depth > DEEPEST or not walk.spend():
        return
    try:
        terms = _record(name, walk.resolver)
    except DnsError as error:
        walk.note(f"{name} gave no answer: {error}.")
        return
    if not terms:
        walk.void(name)
    yield from _plain(terms, name, walk)
    for further in _includes(terms, walk):
        yield from _beneath(further, walk, depth + 1)
