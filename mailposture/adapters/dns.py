"""DNS: what a domain publishes, and the doors of its tenant. A missing name proves nothing."""

import copy
import re
import string
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final, Self

import dns.exception
import dns.name
import dns.resolver

from mailposture.adapters.targets import NAMES, host_name, is_below

# A hostile zone may answer with thousands of records; each would become work.
MOST_ADDRESSES: Final = 16
MOST_EXCHANGERS: Final = 32
MOST_TEXTS: Final = 64
AT_ONCE: Final = 8
# For all that is asked about one domain: a slow zone must not hold up the others of its tenant.
WHOLE_DOMAIN: Final = 20.0

DASH_SUFFIX: Final = "mail.protection.outlook.com"
SIGNED_SUFFIX: Final = "mx.microsoft"

_NAMESERVER: Final = re.compile(r"(?:\[([0-9A-Fa-f.:]+)\]|([0-9.]+)):([0-9]{1,5})\Z")


class DnsError(Exception):
    """A look-up that gave no answer, which is not the same as the answer "nothing"."""

    def __init__(self, what: str, *, permanent: bool = False) -> None:
        super().__init__(what)
        self.permanent = permanent


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A host that takes mail for a tenant, its addresses, and how we came upon it."""

    host: str
    addresses: tuple[str, ...]
    found_by: str


class Resolver:
    """Look-ups at one name server, or at the system's where none is named."""

    def __init__(self, nameserver: str | None = None, timeout: float = 5.0) -> None:
        try:
            self._resolver = dns.resolver.Resolver(configure=nameserver is None)
        except dns.resolver.NoResolverConfiguration as missing:
            raise DnsError("this system names no DNS server", permanent=True) from missing
        if nameserver is not None:
            address, port = nameserver_of(nameserver)
            self._resolver.nameservers, self._resolver.port = [address], port
        self._resolver.timeout, self._resolver.lifetime = timeout, timeout
        self._resolver.search = []
        self._timeout, self._ends = timeout, float("inf")

    def within(self, seconds: float) -> Self:
        """The same resolver, with so many seconds for all its look-ups together."""
        bounded = copy.copy(self)
        bounded._ends = min(self._ends, time.monotonic() + seconds)  # noqa: SLF001 - one of us
        return bounded

    def mx(self, domain: str) -> list[tuple[int, str]]:
        """The mail exchangers by preference; a null MX (RFC 7505) is none."""
        found = {
            (int(record.preference), host)
            for record in self._ask(domain, "MX")
            if (host := host_name(record.exchange.to_text()))
        }
        return sorted(found)[:MOST_EXCHANGERS]

    def addresses(self, host: str, families: Iterable[int] = (4, 6)) -> list[str]:
        """The addresses of a host, in order, IPv4 first; ``families`` holds 4, 6 or both."""
        wanted = [record for family, record in ((4, "A"), (6, "AAAA")) if family in set(families)]
        found = {ip_address(r.address) for record in wanted for r in self._ask(host, record)}
        ordered = sorted(found, key=lambda address: (address.version, int(address)))
        return [str(address) for address in ordered[:MOST_ADDRESSES]]

    def names(self, address: str) -> list[str]:
        """The names of an address, as its reverse zone has them."""
        zone = "in-addr.arpa" if ip_address(address).version == 4 else "ip6.arpa"
        records = self._ask(f"{reversed_labels(address)}.{zone}", "PTR")
        return sorted({h for r in records if (h := host_name(r.target.to_text()))})

    def txt(self, name: str) -> list[str]:
        """The texts at a name, each one's strings joined (RFC 7208 section 3.3)."""
        texts = [b"".join(r.strings) for r in self._ask(name, "TXT")[:MOST_TEXTS]]
        return sorted(text.decode("ascii", "backslashreplace") for text in texts)

    def _ask(self, name: str, kind: str) -> list[Any]:
        left = min(self._timeout, self._ends - time.monotonic())
        if left <= 0:
            raise DnsError(f"{kind} of {name!r}: the time for this domain is over")
        try:
            question = dns.name.from_text(name)
            return list(self._resolver.resolve(question, kind, search=False, lifetime=left))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.Timeout as late:
            raise DnsError(f"{kind} of {name!r}: no answer in time") from late
        except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel) as odd:
            raise DnsError(f"{name!r} is not a domain name", permanent=True) from odd
        except (dns.exception.DNSException, UnicodeError, OSError) as failed:
            raise DnsError(f"{kind} of {name!r}: {type(failed).__name__}") from failed


def reversed_labels(address: str) -> str:
    """An address as reverse zones and block lists spell it (RFC 5782 sections 2.1 and 2.4)."""
    found = ip_address(address)
    digits = str(found).split(".") if found.version == 4 else f"{int(found):032x}"
    return ".".join(reversed(digits))


def nameserver_of(text: str) -> tuple[str, int]:
    """Read ``ip:port``, ``[ip]:port`` or an address alone; DnsError if it is none of them."""
    match = _NAMESERVER.match(text)
    port = int(match[3]) if match else 53
    try:
        address = str(ip_address((match[1] or match[2]) if match else text))
    except ValueError as odd:
        raise DnsError(f"{text!r} is not a name server's IP:PORT", permanent=True) from odd
    if not 0 < port < 65536:
        raise DnsError(f"{text!r}: {port} is not a port", permanent=True)
    return address, port


def exchangers(
    domain: str, resolver: Resolver, *, seconds: float = WHOLE_DOMAIN
) -> list[tuple[int, str, tuple[str, ...]]]:
    """The mail exchangers of a domain by preference and host, each with its addresses.

    DnsError where any look-up went without an answer, or the time for all of them was over.
    """
    resolver = resolver.within(seconds)
    found = resolver.mx(domain)
    hosts = list(dict.fromkeys(host for _, host in found))
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="dns") as threads:
        addresses = dict(zip(hosts, threads.map(resolver.addresses, hosts), strict=True))
    return [(preference, host, tuple(addresses[host])) for preference, host in found]


def endpoints(
    domain: str,
    resolver: Resolver,
    suffixes: Iterable[str] = NAMES,
    *,
    seconds: float = WHOLE_DOMAIN,
) -> tuple[Endpoint, ...]:
    """The tenant's doors that DNS shows for a domain, each host once.

    DnsError only where nothing was found and some look-up went without an answer, in its own
    time or in that for all of them. What the domain's MX names is asked for first.
    """
    resolver = resolver.within(seconds)
    failures: list[DnsError] = []
    suffixes = tuple(suffixes)
    hosts: dict[str, str] = {}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="dns") as threads:
        exchangers = _or_note(failures, lambda: resolver.mx(domain)) or []
        named = [(host, "mx") for _, host in exchangers if is_below(host, suffixes)]
        for host, how in named + guesses(domain):
            hosts.setdefault(host, how)
        looked_up = threads.map(
            lambda host: _or_note(failures, lambda: resolver.addresses(host)), hosts
        )
        found = tuple(
            Endpoint(host=host, addresses=tuple(addresses), found_by=how)
            for (host, how), addresses in zip(hosts.items(), looked_up, strict=True)
            if addresses
        )
    if failures and not found:
        raise failures[0]
    return found


def guesses(domain: str) -> list[tuple[str, str]]:
    """The names a tenant's door has by habit: the domain with dashes for dots."""
    label = domain.removesuffix(".").lower().replace(".", "-")
    names = [(f"{label}.{DASH_SUFFIX}", "dash")]
    names += [(f"{label}.{x}-v1.{SIGNED_SUFFIX}", "dnssec") for x in string.ascii_lowercase]
    return [(host, how) for name, how in names if (host := host_name(name))]


def _or_note[T](failures: list[DnsError], look_up: Callable[[], T]) -> T | None:
    try:
        return look_up()
    except DnsError as failure:
        failures.append(failure)
        return None
