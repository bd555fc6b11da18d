"""What SPF names, how far it is followed, and what it does when a zone is hostile or silent."""

from collections.abc import Sequence

import pytest

from mailposture.adapters import spf
from mailposture.adapters.dns import DnsError, Resolver
from mailposture.adapters.spf import Hosts
from tests.adapters.dns_server import Zone, garbage, name_server, servfail

PASSED_BY = ("protection.outlook.com",)


def hosts(zone: Zone, domain: str = "contoso.com") -> tuple[Hosts, ...]:
    with name_server(zone) as server:
        return spf.hosts(domain, Resolver(server, timeout=1.0), PASSED_BY)


def own(record: str, **more: Sequence[str]) -> tuple[str, ...]:
    """The addresses that contoso.com's record names by itself."""
    zone: dict[tuple[str, str], Sequence[str]] = {("contoso.com", "TXT"): [f'"{record}"']}
    for key, records in more.items():
        name, kind = key.rsplit("__", 1)
        zone[name.replace("_", "."), kind] = records
    found = [one.addresses for one in hosts(zone) if not one.through]
    return found[0] if found else ()


@pytest.mark.parametrize(
    ("record", "addresses"),
    [
        ("v=spf1 ip4:203.0.113.10 -all", ("203.0.113.10",)),
        ("v=spf1 +ip4:203.0.113.0/28 ip6:2001:db8::/48 ~all", ("203.0.113.0/28", "2001:db8::/48")),
        ("V=SPF1 IP4:203.0.113.10/32 -ALL", ("203.0.113.10",)),
        ("v=spf1 ip4:203.0.113.10 ip4:203.0.113.10 -all", ("203.0.113.10",)),
        ("v=spf1 -ip4:203.0.113.10 ?ip4:203.0.113.11 all", ()),
        ("v=spf1 ip4:999.1.1.1 ip6:zz ip4: -all", ()),
        ("v=spf10 ip4:203.0.113.10 -all", ()),
        ("v=spf1 include:spf.protection.outlook.com -all", ()),
        ("v=spf1 exists:%{i}.contoso.com ptr -all", ()),
        ("v=spf1", ()),
    ],
)
def test_a_record_names_what_it_lets_pass(record: str, addresses: tuple[str, ...]) -> None:
    assert own(record) == addresses


def test_names_are_looked_up_but_never_widened() -> None:
    found = own(
        "v=spf1 a:mail.contoso.com mx a:wide.contoso.com/8 -all",
        mail_contoso_com__A=["203.0.113.25"],
        wide_contoso_com__A=["198.51.100.1"],
        contoso_com__MX=["10 mx1.contoso.com.", "20 contoso-com.mail.protection.outlook.com."],
        mx1_contoso_com__A=["203.0.113.10"],
    )
    assert found == ("203.0.113.25", "203.0.113.10")


@pytest.mark.parametrize("sign", ["-", "~", "?"])
def test_names_that_are_not_let_pass_name_no_sender(sign: str) -> None:
    record = f"v=spf1 {sign}a:mail.contoso.com {sign}mx {sign}include:more.example.net ~all"
    zone: Zone = {
        ("contoso.com", "TXT"): [f'"{record}"'],
        ("contoso.com", "MX"): ["10 mx1.contoso.com."],
        ("mail.contoso.com", "A"): ["203.0.113.25"],
        ("mx1.contoso.com", "A"): ["203.0.113.10"],
        ("more.example.net", "TXT"): ['"v=spf1 ip4:192.0.2.1 -all"'],
    }
    assert hosts(zone) == ()


def test_each_include_is_a_group_with_all_that_lies_beneath() -> None:
    zone: Zone = {
        ("contoso.com", "TXT"): ['"v=spf1 include:a.example.net include:b.example.net -all"'],
        ("a.example.net", "TXT"): ['"v=spf1 ip4:192.0.2.1 include:c.example.net -all"'],
        ("b.example.net", "TXT"): ['"v=spf1 redirect=d.example.net"'],
        ("c.example.net", "TXT"): ['"v=spf1 ip4:192.0.2.2 -all"'],
        ("d.example.net", "TXT"): ['"v=spf1 ip4:192.0.2.3 -all"'],
    }
    assert hosts(zone) == (
        Hosts(domain="contoso.com", through="a.example.net", addresses=("192.0.2.1", "192.0.2.2")),
        Hosts(domain="contoso.com", through="b.example.net", addresses=("192.0.2.3",)),
    )


def test_a_circle_ends() -> None:
    zone: Zone = {
        ("contoso.com", "TXT"): ['"v=spf1 include:a.example.net -all"'],
        ("a.example.net", "TXT"): ['"v=spf1 ip4:192.0.2.1 include:b.example.net -all"'],
        ("b.example.net", "TXT"): ['"v=spf1 include:a.example.net ip4:192.0.2.2 -all"'],
    }
    assert [one.addresses for one in hosts(zone)] == [("192.0.2.1", "192.0.2.2")]


def test_a_chain_without_end_is_followed_five_deep() -> None:
    zone = {
        (f"n{n}.example.net", "TXT"): [
            f'"v=spf1 ip4:192.0.2.{n} include:n{n + 1}.example.net -all"'
        ]
        for n in range(1, 40)
    }
    zone["contoso.com", "TXT"] = ['"v=spf1 include:n1.example.net -all"']
    (found,) = hosts(zone)
    assert found.addresses == tuple(f"192.0.2.{n}" for n in range(1, spf.DEEPEST + 1))


def test_a_record_with_hundreds_of_includes_asks_ten_times() -> None:
    many = " ".join(f"include:n{n}.example.net" for n in range(60))
    zone = {(f"n{n}.example.net", "TXT"): [f'"v=spf1 ip4:192.0.2.{n} -all"'] for n in range(60)}
    strings = [many[start : start + 200] for start in range(0, len(many), 200)]
    zone["contoso.com", "TXT"] = [" ".join(f'"{s}"' for s in ("v=spf1 ", *strings))]
    assert len(hosts(zone)) == spf.MOST_LOOKUPS


def test_two_records_are_none() -> None:
    zone: Zone = {("contoso.com", "TXT"): ['"v=spf1 ip4:192.0.2.1"', '"v=spf1 ip4:192.0.2.2"']}
    assert hosts(zone) == ()


def test_an_include_that_does_not_answer_is_left_out() -> None:
    zone: Zone = {
        ("contoso.com", "TXT"): ['"v=spf1 ip4:192.0.2.1 include:a.example.net a:b.example.net"'],
        ("a.example.net", "TXT"): servfail,
        ("b.example.net", "A"): servfail,
    }
    assert [one.addresses for one in hosts(zone)] == [("192.0.2.1",)]


@pytest.mark.parametrize("fault", [servfail, garbage])
def test_a_domain_that_does_not_answer_is_not_one_without_spf(fault: object) -> None:
    with pytest.raises(DnsError):
        hosts({("contoso.com", "TXT"): fault})  # type: ignore[dict-item]  # a fault of this table


class Wide:
    """A name server in whose zone every name has thirty exchangers, a host and a full record."""

    def __init__(self, record: str) -> None:
        self.record = record
        self.asked: list[str] = []

    def txt(self, _name: str) -> list[str]:
        self.asked.append("TXT")
        return [self.record]

    def mx(self, name: str) -> list[tuple[int, str]]:
        self.asked.append("MX")
        return [(10, f"mx{n}.{name}") for n in range(30)]

    def addresses(self, _host: str) -> list[str]:
        self.asked.append("A")
        return [f"192.0.2.{self.asked.count('A') % 250}"]


def scattered(first: int, count: int) -> str:
    """Terms that name single addresses, no two of them neighbours."""
    numbers = range(first * 2, (first + count) * 2, 2)
    return " ".join(f"ip4:203.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in numbers)


def test_exchangers_of_many_names_are_asked_ten_times_in_all() -> None:
    wide = Wide("v=spf1 " + " ".join(f"mx:n{n}.example.net" for n in range(20)) + " -all")
    (found,) = spf.hosts("contoso.com", wide)  # type: ignore[arg-type]  # all of it that is asked
    assert len(found.addresses) == spf.MOST_EXCHANGERS
    assert wide.asked.count("MX") == spf.MOST_LOOKUPS
    assert wide.asked.count("A") == spf.MOST_EXCHANGERS


def test_a_record_of_thousands_of_hosts_names_five_hundred_for_all_its_includes() -> None:
    includes = " ".join(f"include:n{n}.example.net" for n in range(10))
    wide = Wide(f"v=spf1 {includes} {scattered(0, 3000)} -all")
    found = spf.hosts("contoso.com", wide)  # type: ignore[arg-type]  # all of it that is asked
    assert sum(len(one.addresses) for one in found) <= spf.MOST_ENTRIES
    assert len(wide.asked) <= 1 + spf.MOST_LOOKUPS


# ---- what could not be followed ------------------------------------------------------------


def problems(zone: Zone) -> tuple[str, ...]:
    with name_server(zone) as server:
        return spf.followed("contoso.com", Resolver(server, timeout=1.0), PASSED_BY).problems


def test_a_record_that_can_be_followed_has_no_problem() -> None:
    zone: Zone = {
        ("contoso.com", "TXT"): ['"v=spf1 a:mail.contoso.com include:a.example.net -all"'],
        ("mail.contoso.com", "A"): ["203.0.113.25"],
        ("a.example.net", "TXT"): ['"v=spf1 ip4:192.0.2.1 -all"'],
    }
    assert problems(zone) == ()


def test_an_include_that_does_not_answer_is_named() -> None:
    zone: Zone = {
        ("contoso.com", "TXT"): ['"v=spf1 include:a.example.net a:b.example.net"'],
        ("a.example.net", "TXT"): servfail,
        ("b.example.net", "A"): servfail,
    }
    assert [said.partition(" gave")[0] for said in problems(zone)] == [
        "b.example.net",
        "a.example.net",
    ]


def test_the_eleventh_look_up_is_named_and_not_made() -> None:
    zone = {(f"n{n}.example.net", "TXT"): [f'"v=spf1 ip4:192.0.2.{n} -all"'] for n in range(12)}
    record = " ".join(f"include:n{n}.example.net" for n in range(11))
    zone["contoso.com", "TXT"] = [f'"v=spf1 {record[:200]}" "{record[200:]} -all"']
    assert problems(zone) == ("It takes more than 10 look-ups: the rest is not followed.",)


def test_the_third_look_up_that_finds_nothing_ends_the_walk() -> None:
    zone: Zone = {
        ("contoso.com", "TXT"): [
            '"v=spf1 a:a.example.net a:b.example.net mx:c.example.net include:d.example.net -all"'
        ],
        ("d.example.net", "TXT"): ['"v=spf1 ip4:192.0.2.4 -all"'],
    }
    assert problems(zone)[-1] == (
        "More than 2 of its look-ups find nothing: the rest is not asked."
    )
    assert hosts(zone) == ()
