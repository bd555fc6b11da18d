"""Sets of addresses: every form Exchange writes, and an algebra that agrees with ipaddress."""

import ipaddress
import pickle
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailposture.core.addresses import (
    NOWHERE,
    AddressError,
    AddressSet,
    counted,
    parse,
    sort_key,
)

# A world small enough to list: the last 8 bits of a network of each family.
V4, V6 = int(ipaddress.ip_address("192.0.2.0")), int(ipaddress.ip_address("2001:db8::"))
WORLD = [str(ipaddress.IPv4Address(V4 + n)) for n in range(256)]
WORLD += [str(ipaddress.IPv6Address(V6 + n)) for n in range(256)]


@st.composite
def entries(draw: st.DrawFn) -> str:
    kind, first = draw(st.sampled_from([4, 6])), draw(st.integers(0, 255))
    base, make = (V4, ipaddress.IPv4Address) if kind == 4 else (V6, ipaddress.IPv6Address)
    start = str(make(base + first))
    form = draw(st.sampled_from(["single", "network", "range"]))
    if form == "network":
        return f"{start}/{make(0).max_prefixlen - draw(st.integers(0, 8))}"
    if form == "range":
        return f"{start} - {make(base + draw(st.integers(first, 255)))}"
    return start


def listed(entry: str) -> set[str]:
    """What ipaddress makes of an entry, address by address."""
    if "/" in entry:
        return {str(a) for a in ipaddress.ip_network(entry, strict=False)}
    low, _, high = entry.partition("-")
    first = ipaddress.ip_address(low.strip())
    last = ipaddress.ip_address((high or low).strip())
    return {str(first + n) for n in range(int(last) - int(first) + 1)}


def members(found: AddressSet) -> set[str]:
    return {address for address in WORLD if address in found}


sets = st.lists(entries(), max_size=8)


@given(sets, sets)
def test_union_intersection_and_difference_agree_with_sets_of_single_addresses(
    one: list[str], two: list[str]
) -> None:
    left: set[str] = set().union(*map(listed, one))
    right: set[str] = set().union(*map(listed, two))
    a, b = parse(one), parse(two)
    assert members(a | b) == left | right
    assert members(a & b) == left & right
    assert members(a - b) == left - right
    assert (a <= b) == (left <= right)
    assert a.size == len(left)


@given(sets)
def test_complement_is_everything_else_and_its_own_inverse(one: list[str]) -> None:
    a = parse(one)
    assert a | a.complement() == NOWHERE.complement()
    assert a & a.complement() == NOWHERE
    assert a.complement().complement() == a


@given(sets)
def test_cidrs_are_the_fewest_networks_and_read_back_as_the_same_set(one: list[str]) -> None:
    a = parse(one)
    assert parse(a.cidrs()) == a
    v4 = [ipaddress.IPv4Network(e) for e in a.cidrs() if ":" not in e]
    v6 = [ipaddress.IPv6Network(e) for e in a.cidrs() if ":" in e]
    assert list(ipaddress.collapse_addresses(v4)) == v4
    assert list(ipaddress.collapse_addresses(v6)) == v6


@given(sets)
def test_equal_sets_are_equal_values_however_they_were_written(one: list[str]) -> None:
    assert parse(one) == parse(reversed(one)) == parse([*one, *one])


@pytest.mark.parametrize(
    ("entry", "cidrs"),
    [
        ("203.0.113.10", ("203.0.113.10",)),
        (" 203.0.113.10 ", ("203.0.113.10",)),
        ("203.0.113.0/24", ("203.0.113.0/24",)),
        ("203.0.113.77/24", ("203.0.113.0/24",)),
        ("203.0.113.0 / 24", ("203.0.113.0/24",)),
        ("203.0.113.0(255.255.255.0)", ("203.0.113.0/24",)),
        ("192.0.2.0-192.0.2.255", ("192.0.2.0/24",)),
        ("192.0.2.1 - 192.0.2.4", ("192.0.2.1", "192.0.2.2/31", "192.0.2.4")),
        ("0.0.0.0/0", ("0.0.0.0/0",)),
        ("2001:DB8::1", ("2001:db8::1",)),
        ("2001:db8::/32", ("2001:db8::/32",)),
        ("2001:db8::1-2001:db8::2", ("2001:db8::1", "2001:db8::2")),
        ("", ()),
        ("   ", ()),
    ],
)
def test_every_form_that_exchange_writes_is_read(entry: str, cidrs: tuple[str, ...]) -> None:
    assert parse([entry]).cidrs() == cidrs


@pytest.mark.parametrize(
    "entry",
    [
        "gateway.contoso.com",
        "203.0.113",
        "203.0.113.256",
        "203.0.113.0/33",
        "203.0.113.0/",
        "203.0.113.0/-1",
        "203.0.113.0/٢٤",
        "203.0.113.0(255.0.255.0)",
        "192.0.2.9-192.0.2.1",
        "192.0.2.1-2001:db8::1",
        "192.0.2.1-",
        "fe80::1%eth0",
    ],
)
def test_what_is_no_address_is_an_error_that_names_it(entry: str) -> None:
    with pytest.raises(AddressError) as raised:
        parse([entry])
    assert str(raised.value)


def test_everywhere_is_all_of_both_families() -> None:
    everywhere = NOWHERE.complement()
    assert everywhere.size == 2**32 + 2**128
    assert everywhere.cidrs() == ("0.0.0.0/0", "::/0")
    assert not NOWHERE


def test_entries_are_ordered_as_people_read_them() -> None:
    given = ["2001:db8::1", "nonsense", "203.0.113.9", "203.0.113.0/24", "198.51.100.7"]
    in_order = ["198.51.100.7", "203.0.113.0/24", "203.0.113.9", "2001:db8::1", "nonsense"]
    assert sorted(given, key=sort_key) == in_order


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 addresses"), (1, "1 address"), (65536, "65,536 addresses")]
)
def test_a_count_is_said_in_words(size: int, words: str) -> None:
    assert counted(size) == words


@pytest.mark.parametrize(
    "written", ["::ffff:192.0.2.1", "::FFFF:c000:201", "0:0:0:0:0:ffff:192.0.2.1"]
)
def test_a_mapped_address_is_the_ipv4_address_it_stands_for(written: str) -> None:
    assert parse([written]) == parse(["192.0.2.1"])
    assert written in parse(["192.0.2.0/24"])
    assert written in parse(["192.0.2.0/24"]).finder()
    assert "::1" not in parse(["192.0.2.0/24"]).finder()
    assert "2001:db8::1" in parse(["2001:db8::/32"]).finder()


class Summed(tuple[tuple[int, int], ...]):
    """Intervals that note how often they are gone through."""

    __slots__ = ()
    times: ClassVar[list[str]] = []

    def __add__(self, other: tuple[Any, ...]) -> tuple[Any, ...]:
        self.times.append("summed")
        return (*self, *other)


def test_the_size_of_a_set_is_summed_once_and_is_no_part_of_it() -> None:
    held = AddressSet(v4=Summed([(1, 4), (9, 9)]))
    assert [held.size, held.size, held.size] == [5, 5, 5]
    assert Summed.times == ["summed"]
    fresh = AddressSet(v4=((1, 4), (9, 9)))
    assert held == fresh
    assert hash(held) == hash(fresh)
    assert repr(held) == repr(fresh)
    assert pickle.loads(pickle.dumps(fresh)).size == 5  # noqa: S301 - our own bytes
