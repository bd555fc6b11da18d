"""Exact sets of IPv4 and IPv6 addresses, kept as sorted intervals.

An interval is (first, last) as whole numbers, both inside the set. Intervals of a set are
sorted, apart from one another and never adjacent, so that equal sets are equal values. All
algebra is one sweep over edges; nothing walks single addresses.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from operator import itemgetter
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import NamedTuple

type Interval = tuple[int, int]
type Intervals = tuple[Interval, ...]

BITS = {4: 32, 6: 128}
# Sorting by one number is faster than by pairs, and joining minds no order of equal beginnings.
_FIRST = itemgetter(0)
_BEYOND = 1 << 128
_LOW = (1 << 32) - 1
_MAPPED = 0xFFFF

# The forms Exchange writes and takes: an address, an address with a prefix length or (in
# older exports) a mask in brackets, and a range from low to high.
_MASKED = re.compile(r"^(?P<address>[^()]+)\((?P<mask>[^()]+)\)$")
_NOT_ONE_ADDRESS = re.compile(r"[-/(]")
# The bits below a prefix length, by how the length is written; none is written for one address.
_BELOW_V4 = {"": 0, **{str(n): (1 << 32 - n) - 1 for n in range(33)}}
_BELOW_V6 = {"": 0, **{str(n): (1 << 128 - n) - 1 for n in range(129)}}


class AddressError(ValueError):
    """Text that names no address, network or range."""


def _number(text: str) -> tuple[int, int]:
    """Read one address: its family and its number. ::ffff:192.0.2.1 is 192.0.2.1 (RFC 4291
    section 2.5.5.2): so the service sees such a client.
    """
    text = text.strip()
    try:
        if ":" in text:
            number = int.from_bytes(inet_pton(AF_INET6, text))
            return (4, number & _LOW) if number >> 32 == _MAPPED else (6, number)
        return 4, int.from_bytes(inet_pton(AF_INET, text))
    except (OSError, ValueError):
        raise AddressError(f"{text!r} is not an address") from None


def _network(family: int, number: int, length: int) -> Interval:
    """Span a network; host bits below the prefix are dropped, as Exchange does."""
    host = (1 << (BITS[family] - length)) - 1
    return number & ~host, number | host


def _prefix_length(family: int, text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and int(text) <= BITS[family]):
        raise AddressError(f"{text!r} is not a prefix length of IPv{family}")
    return int(text)


def _mask_length(text: str) -> int:
    family, mask = _number(text)
    host = mask ^ ((1 << BITS[family]) - 1)
    if host & (host + 1):
        raise AddressError(f"{text.strip()!r} is not a mask: its ones are not together")
    return BITS[family] - host.bit_length()


def parse_entry(text: str) -> tuple[int, Interval]:
    """Read one entry as Exchange writes it: its family and the interval it covers."""
    return _plain(text) or _odd(text)


def _plain(text: str) -> tuple[int, Interval] | None:
    """An address or network in its usual spelling, which nearly all entries are.

    inet_pton takes what it takes in C: an object of ipaddress for each would cost ten times more.
    """
    address, slash, length = text.partition("/")
    try:
        if ":" in text:
            number, below = int.from_bytes(inet_pton(AF_INET6, address)), _BELOW_V6[length]
            if number >> 32 == _MAPPED:
                return None
            family = 6
        else:
            number, below = int.from_bytes(inet_pton(AF_INET, address)), _BELOW_V4[length]
            family = 4
    except (OSError, ValueError, KeyError):
        return None
    if slash and not length:
        return None
    first = number & ~below
    return family, (first, first + below)


def _odd(text: str) -> tuple[int, Interval]:
    """Every other spelling, or what is none."""
    if not _NOT_ONE_ADDRESS.search(text):
        family, number = _number(text)
        return family, (number, number)
    if "/" in text:
        address, _, length = text.partition("/")
        family, number = _number(address)
        return family, _network(family, number, _prefix_length(family, length))
    if masked := _MASKED.match(text.strip()):
        family, number = _number(masked["address"])
        return family, _network(family, number, _mask_length(masked["mask"]))
    return _range(text)


def _range(text: str) -> tuple[int, Interval]:
    low, _, high = text.partition("-")
    (family, first), (other, last) = _number(low), _number(high)
    if family != other:
        raise AddressError(f"{text.strip()!r} goes from one family to the other")
    if first > last:
        raise AddressError(f"{text.strip()!r} ends before it begins")
    return family, (first, last)


def _joined(intervals: Iterable[Interval]) -> Intervals:
    """Sort intervals and join those that overlap or touch."""
    joined: list[Interval] = []
    for first, last in sorted(intervals, key=_FIRST):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)


def _common(left: Intervals, right: Intervals) -> Intervals:
    if not left or not right:
        return ()
    for one, other in ((left, right), (right, left)):
        if other[0][0] <= one[0][0] and one[-1][1] <= other[0][1]:
            return one  # all of it lies in the first stretch of the other
    return _cut(left, right)


def _cut(left: Intervals, right: Intervals) -> Intervals:
    """The stretches that lie in both, neither of which is empty."""
    found: list[Interval] = []
    ahead, beside = iter(left), iter(right)
    (first, last), (start, end) = next(ahead), next(beside)
    try:
        while True:
            if last < start:
                first, last = next(ahead)
            elif end < first:
                start, end = next(beside)
            elif last < end:
                found.append((max(first, start), last))
                first, last = next(ahead)
            else:
                found.append((max(first, start), end))
                start, end = next(beside)
    except StopIteration:
        return tuple(found)


def _outside(intervals: Intervals, bits: int) -> Intervals:
    found: list[Interval] = []
    start = 0
    for first, last in intervals:
        if first > start:
            found.append((start, first - 1))
        start = last + 1
    if start < 1 << bits:
        found.append((start, (1 << bits) - 1))
    return tuple(found)


class Networks(NamedTuple):
    """Networks side by side: `zip` of the two gives each its first address and prefix length.

    Two lists of numbers cost a quarter less to make than one list of pairs.
    """

    starts: list[int]
    lengths: list[int]


def networks(intervals: Intervals, bits: int) -> Networks:
    """The fewest networks that make up these intervals, in order."""
    found = Networks([], [])
    start_at, of_length, above = found.starts.append, found.lengths.append, bits + 1
    for start, last in intervals:
        first, end = start, last + 1
        # Up: the largest network that begins here, as long as it ends within.
        while (step := first & -first) and first + step <= end:
            start_at(first)
            of_length(above - step.bit_length())
            first += step
        # Down: the largest that still fits. From 0, where everything may begin, all of it.
        while left := end - first:
            size = left.bit_length()
            start_at(first)
            of_length(above - size)
            first += 1 << size - 1
    return found


class _Counted:
    """Room for how many addresses there are, once somebody asked: a field would cost every set."""

    __slots__ = ("_size",)
    _size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AddressSet(_Counted):
    """A set of addresses of both families. Equal sets are equal values."""

    v4: Intervals = ()
    v6: Intervals = ()

    def __bool__(self) -> bool:
        return bool(self.v4 or self.v6)

    def __or__(self, other: "AddressSet") -> "AddressSet":
        return AddressSet(v4=_joined(self.v4 + other.v4), v6=_joined(self.v6 + other.v6))

    def __and__(self, other: "AddressSet") -> "AddressSet":
        return AddressSet(v4=_common(self.v4, other.v4), v6=_common(self.v6, other.v6))

    def __sub__(self, other: "AddressSet") -> "AddressSet":
        return self & other.complement()

    def __le__(self, other: "AddressSet") -> bool:
        return not self - other

    def __contains__(self, address: str) -> bool:
        family, number = _number(address)
        return holds(self.v4 if family == 4 else self.v6, number)

    def complement(self) -> "AddressSet":
        """Every address of both families that is not in this set."""
        return AddressSet(v4=_outside(self.v4, BITS[4]), v6=_outside(self.v6, BITS[6]))

    @property
    def size(self) -> int:
        """How many addresses the set holds; counted once."""
        try:
            return self._size
        except AttributeError:
            found = sum(last - first + 1 for first, last in self.v4 + self.v6)
            object.__setattr__(self, "_size", found)
            return found

    def first(self) -> str | None:
        """The lowest address, IPv4 before IPv6; None where the set is empty."""
        if self.v4:
            return str(IPv4Address(self.v4[0][0]))
        return str(IPv6Address(self.v6[0][0])) if self.v6 else None

    def cidrs(self) -> tuple[str, ...]:
        """The fewest networks that make up the set; a single address has no prefix length."""
        return (
            *_written(networks(self.v4, 32), AF_INET, 4),
            *_written(networks(self.v6, 128), AF_INET6, 16),
        )

    def finder(self) -> "Finder":
        """The set made ready for very many questions."""
        return Finder(_edges(self.v4), _edges(self.v6))


@dataclass(frozen=True, slots=True)
class Finder:
    """Whether addresses are in a set: by their edges, flat, so that one bisection answers."""

    v4: list[int]
    v6: list[int]

    def __contains__(self, address: str) -> bool:
        if ":" in address:
            family, number = _number(address)
            return bisect_right(self.v6 if family == 6 else self.v4, number) & 1 > 0
        try:
            return bisect_right(self.v4, int.from_bytes(inet_pton(AF_INET, address))) & 1 > 0
        except (OSError, ValueError):
            raise AddressError(f"{address!r} is not an address") from None


def _edges(intervals: Intervals) -> list[int]:
    return [edge for first, last in intervals for edge in (first, last + 1)]


def _written(found: Networks, family: int, size: int) -> list[str]:
    full = 8 * size
    return [
        inet_ntop(family, first.to_bytes(size)) + ("" if length == full else f"/{length}")
        for first, length in zip(*found, strict=True)
    ]


NOWHERE = AddressSet()
EVERYWHERE = AddressSet(v4=((0, (1 << 32) - 1),), v6=((0, (1 << 128) - 1),))


def holds(intervals: Intervals, number: int) -> bool:
    """Whether a number lies in one of these sorted intervals."""
    at = bisect_right(intervals, (number, _BEYOND)) - 1
    return at >= 0 and number <= intervals[at][1]


def of_intervals(v4: Iterable[Interval] = (), v6: Iterable[Interval] = ()) -> AddressSet:
    """The set of all addresses in these intervals, in any order and overlap."""
    return AddressSet(v4=_joined(v4), v6=_joined(v6))


def union(sets: Sequence[AddressSet]) -> AddressSet:
    """All addresses of all these, in one sweep."""
    return of_intervals(
        v4=(interval for one in sets for interval in one.v4),
        v6=(interval for one in sets for interval in one.v6),
    )


def parse(entries: Iterable[str]) -> AddressSet:
    """Read entries as Exchange writes them; blank ones are skipped, bad ones are an error."""
    v4: list[Interval] = []
    v6: list[Interval] = []
    for entry in entries:
        read = _plain(entry)
        if read is None:
            if not entry.strip():
                continue
            read = _odd(entry)
        (v4 if read[0] == 4 else v6).append(read[1])
    return of_intervals(v4=v4, v6=v6)


def sort_key(text: str) -> tuple[int, int, int, str]:
    """Order entries as people read them: IPv4 first, by number; what is no address last."""
    try:
        family, (first, last) = parse_entry(text)
    except AddressError:
        return 9, 0, 0, text
    return family, first, last, text


def counted(size: int) -> str:
    """Say how many addresses, in words."""
    return "1 address" if size == 1 else f"{size:,} addresses"
