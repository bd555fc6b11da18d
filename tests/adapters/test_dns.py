"""What DNS says of a domain, and what it does when it says nothing, or too much."""

import time

import pytest

from mailposture.adapters.dns import (
    MOST_ADDRESSES,
    MOST_EXCHANGERS,
    DnsError,
    Endpoint,
    Resolver,
    endpoints,
    exchangers,
    guesses,
    nameserver_of,
)
from tests.adapters.dns_server import Late, Zone, garbage, name_server, servfail, silence

CONTOSO = "contoso-com.mail.protection.outlook.com"
SIGNED = "contoso-com.o-v1.mx.microsoft"
GUESSED = guesses("contoso.com")


def found(zone: Zone, domain: str = "contoso.com") -> tuple[Endpoint, ...]:
    with name_server(zone) as server:
        return endpoints(domain, Resolver(server, timeout=1.0))


def test_the_doors_are_found_by_mx_by_dashes_and_by_letter() -> None:
    zone: Zone = {
        ("contoso.com", "MX"): ["10 gw.contoso.com.", f"20 {CONTOSO}."],
        (CONTOSO, "A"): ["52.101.68.3", "52.101.68.1"],
        (CONTOSO, "AAAA"): ["2a01:111:f403::3"],
        (SIGNED, "A"): ["52.101.73.9"],
        ("gw.contoso.com", "A"): ["192.0.2.10"],
    }
    assert found(zone) == (
        Endpoint(
            host=CONTOSO,
            addresses=("52.101.68.1", "52.101.68.3", "2a01:111:f403::3"),
            found_by="mx",
        ),
        Endpoint(host=SIGNED, addresses=("52.101.73.9",), found_by="dnssec"),
    )


def test_the_door_is_found_behind_a_gateway_mx() -> None:
    zone: Zone = {
        ("contoso.com", "MX"): ["10 gw.fabrikam.com."],
        (CONTOSO, "A"): ["52.101.68.1"],
    }
    assert [(e.host, e.found_by) for e in found(zone)] == [(CONTOSO, "dash")]


def test_an_mx_that_no_guess_would_find_is_taken_at_its_word() -> None:
    odd = "contoso-com01c.mail.protection.outlook.com"
    zone: Zone = {("contoso.com", "MX"): [f"0 {odd}."], (odd, "A"): ["52.101.68.1"]}
    assert [(e.host, e.found_by) for e in found(zone)] == [(odd, "mx")]


def test_names_that_are_missing_are_no_failure() -> None:
    assert found({}) == ()


@pytest.mark.parametrize("fault", [servfail, silence, garbage])
def test_a_failure_counts_only_where_nothing_was_found(fault: object) -> None:
    assert callable(fault)
    broken: Zone = {("contoso.com", "MX"): fault}
    with name_server(broken) as server, pytest.raises(DnsError) as failure:
        endpoints("contoso.com", Resolver(server, timeout=0.3))
    assert not failure.value.permanent
    half: Zone = {**broken, (CONTOSO, "A"): ["52.101.68.1"]}
    with name_server(half) as server:
        assert [e.host for e in endpoints("contoso.com", Resolver(server, timeout=0.3))] == [
            CONTOSO
        ]


def test_a_hostile_zone_is_cut_to_size() -> None:
    zone: Zone = {
        ("contoso.com", "MX"): [f"10 a{i}.mail.protection.outlook.com." for i in range(60)],
        (CONTOSO, "A"): [f"52.101.68.{i}" for i in range(40)],
    }
    with name_server(zone) as server:
        resolver = Resolver(server)
        assert len(resolver.mx("contoso.com")) == MOST_EXCHANGERS
        assert len(resolver.addresses(CONTOSO)) == MOST_ADDRESSES


def test_aliases_are_followed_but_not_in_circles() -> None:
    zone: Zone = {
        ("a.example", "CNAME"): ["b.example."],
        ("b.example", "A"): ["192.0.2.1"],
        ("x.example", "CNAME"): ["y.example."],
        ("y.example", "CNAME"): ["x.example."],
    }
    with name_server(zone) as server:
        resolver = Resolver(server, timeout=0.5)
        assert resolver.addresses("a.example", [4]) == ["192.0.2.1"]
        with pytest.raises(DnsError):
            resolver.addresses("x.example", [4])


def test_a_null_mx_and_names_that_are_no_hosts_are_left_out() -> None:
    zone: Zone = {
        ("null.example", "MX"): ["0 ."],
        ("odd.example", "MX"): ["5 bad\\032name.example.", "7 GW.Example."],
    }
    with name_server(zone) as server:
        assert Resolver(server).mx("null.example") == []
        assert Resolver(server).mx("odd.example") == [(7, "gw.example")]


def test_texts_are_joined_and_made_plain() -> None:
    zone: Zone = {
        ("_mailposture.contoso.com", "TXT"): ['"mailposture=" "abc"', '"\\255 other"'],
    }
    with name_server(zone) as server:
        assert Resolver(server).txt("_mailposture.contoso.com") == [
            "\\xff other",
            "mailposture=abc",
        ]


def test_families_can_be_asked_for_apart() -> None:
    zone: Zone = {("a.example", "A"): ["192.0.2.1"], ("a.example", "AAAA"): ["2001:db8::1"]}
    with name_server(zone) as server:
        resolver = Resolver(server)
        assert resolver.addresses("a.example", (4,)) == ["192.0.2.1"]
        assert resolver.addresses("a.example", (6,)) == ["2001:db8::1"]


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".example", "a." * 140 + "example", "\udcff"])
def test_what_is_no_name_is_a_permanent_failure(name: str) -> None:
    with name_server({}) as server, pytest.raises(DnsError):
        Resolver(server).mx(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:5353", ("127.0.0.1", 5353)),
        ("[::1]:53", ("::1", 53)),
        ("9.9.9.9", ("9.9.9.9", 53)),
        ("::1", ("::1", 53)),
    ],
)
def test_a_name_server_is_named_by_address_and_port(text: str, expected: tuple[str, int]) -> None:
    assert nameserver_of(text) == expected


@pytest.mark.parametrize(
    "text", ["", "localhost:53", "127.0.0.1:", "127.0.0.1:x", "1.2.3:53", "9.9.9.9:0"]
)
def test_anything_else_names_no_server(text: str) -> None:
    with pytest.raises(DnsError) as failure:
        nameserver_of(text)
    assert failure.value.permanent


# ---- the exchangers of a domain, and the time for all of it --------------------------------


def test_the_exchangers_of_a_domain_come_by_preference_with_their_addresses() -> None:
    zone: Zone = {
        ("contoso.com", "MX"): ["20 b.contoso.com.", "10 c.contoso.com.", "10 a.contoso.com."],
        ("a.contoso.com", "A"): ["192.0.2.2", "192.0.2.1"],
        ("a.contoso.com", "AAAA"): ["2001:db8::1"],
        ("b.contoso.com", "A"): ["192.0.2.3"],
    }
    with name_server(zone) as server:
        resolver = Resolver(server, timeout=1.0)
        assert exchangers("contoso.com", resolver) == [
            (10, "a.contoso.com", ("192.0.2.1", "192.0.2.2", "2001:db8::1")),
            (10, "c.contoso.com", ()),
            (20, "b.contoso.com", ("192.0.2.3",)),
        ]
        assert exchangers("fabrikam.com", resolver) == []


def slow_domain(count: int, delay: float) -> Zone:
    hosts = [f"mx{n:02}.contoso.com" for n in range(count)]
    answers: Zone = {(h, kind): Late(delay) for h in hosts for kind in ("A", "AAAA")}
    return {**answers, ("contoso.com", "MX"): [f"10 {h}." for h in hosts]}


def test_the_exchangers_are_looked_up_at_the_same_time() -> None:
    with name_server(slow_domain(32, 0.1)) as server:
        began = time.monotonic()
        found = exchangers("contoso.com", Resolver(server, timeout=2.0))
    assert time.monotonic() - began < 3  # one after the other it takes 6.4 seconds
    assert len(found) == 32


def test_the_time_for_all_the_exchangers_is_bounded() -> None:
    with name_server(slow_domain(32, 0.3)) as server:
        began = time.monotonic()
        with pytest.raises(DnsError, match=r"time|answer") as failure:
            exchangers("contoso.com", Resolver(server, timeout=5.0), seconds=0.5)
    assert time.monotonic() - began < 2
    assert not failure.value.permanent


@pytest.mark.parametrize("fault", [servfail, silence, garbage])
def test_an_exchanger_that_cannot_be_looked_up_is_a_failure_of_the_domain(fault: object) -> None:
    assert callable(fault)
    zone: Zone = {
        ("contoso.com", "MX"): ["10 a.contoso.com.", "10 b.contoso.com."],
        ("a.contoso.com", "A"): ["192.0.2.1"],
        ("b.contoso.com", "A"): fault,
    }
    with name_server(zone) as server, pytest.raises(DnsError):
        exchangers("contoso.com", Resolver(server, timeout=0.3))


def test_the_time_for_all_the_doors_of_a_domain_is_bounded() -> None:
    zone: Zone = {(host, "A"): silence for host, _ in GUESSED}
    with name_server(zone) as server:
        resolver = Resolver(server, timeout=5.0)
        began = time.monotonic()
        with pytest.raises(DnsError):
            endpoints("contoso.com", resolver, seconds=0.5)
        assert time.monotonic() - began < 3
    found: Zone = {
        **zone,
        ("contoso.com", "MX"): [f"0 {CONTOSO}."],
        (CONTOSO, "A"): ["52.101.68.1"],
    }
    with name_server(found) as server:
        doors = endpoints("contoso.com", Resolver(server, timeout=5.0), seconds=0.5)
    assert [door.host for door in doors] == [CONTOSO]


def test_a_bounded_resolver_leaves_the_one_it_came_from_as_it_was() -> None:
    zone: Zone = {("a.example", "A"): ["192.0.2.1"]}
    with name_server(zone) as server:
        resolver = Resolver(server)
        with pytest.raises(DnsError, match="the time for this domain is over"):
            resolver.within(0).addresses("a.example")
        with pytest.raises(DnsError, match="the time for this domain is over"):
            resolver.within(0).within(60).addresses("a.example")
        assert resolver.addresses("a.example") == ["192.0.2.1"]


def test_a_domain_too_long_for_a_label_gives_no_guess() -> None:
    assert len(guesses("contoso.com")) == 27
    assert guesses("a" * 60 + ".contoso.com") == []
