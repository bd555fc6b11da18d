"""Which approved sources are proposed, on what grounds, and what is left to a person."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from mailposture.adapters import spf
from mailposture.adapters.dns import DnsError
from mailposture.core import addresses
from mailposture.core.configuration import (
    Configuration,
    ConnectorType,
    DomainFacts,
    InboundConnector,
    MxHost,
)
from mailposture.services import proposing
from mailposture.services.proposing import Proposals
from tests import factories

pytestmark = pytest.mark.django_db
HYBRID = factories.lock(
    guid="b5f1c6c0-0f7e-4e53-a1de-6f3f3f1e9a10",
    name="Inbound from hybrid",
    connector_type=ConnectorType.ON_PREMISES,
    sender_ip_addresses=(),
    restrict_domains_to_ip_addresses=False,
    tls_sender_certificate_name="*.contoso.com",
)
PARTNER = factories.lock(
    guid="c5f1c6c0-0f7e-4e53-a1de-6f3f3f1e9a10",
    name="From Fabrikam",
    sender_domains=("fabrikam.com",),
    sender_ip_addresses=("192.0.2.40",),
)


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[spf.Hosts, ...]]:
    """The SPF records there are, by domain; what is asked beside them has none."""
    records: dict[str, tuple[spf.Hosts, ...]] = {}
    monkeypatch.setattr(spf, "hosts", lambda name, *_: records.get(name, ()))
    return records


def without_mx(seen: Configuration) -> Configuration:
    facts = tuple(DomainFacts(domain=d.domain, mx=()) for d in seen.domain_facts or ())
    return replace(seen, domain_facts=facts)


def propose(seen: Configuration) -> Proposals:
    return proposing.propose(factories.tenant(), seen)


def short(found: Proposals) -> list[tuple[str, str, tuple[str, ...], bool]]:
    return [(row.name, row.kind, row.addresses, row.sure) for row in found.rows]


@pytest.mark.usefixtures("published")
def test_connector_and_mx_that_agree_are_one_gateway_with_both_grounds() -> None:
    (row,) = propose(factories.configuration(factories.lock())).rows
    assert (row.name, row.kind, row.addresses) == ("Gateway", "gateway", ("203.0.113.10",))
    assert row.grounds == (
        "The inbound connector Lock to gateway names 203.0.113.10.",
        "The MX of contoso.com is mx1.contoso.com.",
    )


@pytest.mark.usefixtures("published")
def test_what_only_the_mx_names_is_proposed_by_its_name() -> None:
    assert short(propose(factories.configuration())) == [
        ("mx1.contoso.com", "gateway", ("203.0.113.10",), True)
    ]


@pytest.mark.usefixtures("published")
def test_connectors_tell_gateway_hybrid_server_and_partner_apart() -> None:
    seen = without_mx(factories.configuration(PARTNER, HYBRID, factories.lock()))
    rows = {row.kind: row for row in propose(seen).rows}
    assert (rows["gateway"].name, rows["gateway"].sure) == ("Gateway", True)
    assert (rows["hybrid"].name, rows["hybrid"].certificate_name) == (
        "Hybrid server",
        "*.contoso.com",
    )
    assert (rows["relay"].name, rows["relay"].sure) == ("From Fabrikam", False)
    assert rows["relay"].grounds[0].endswith("for fabrikam.com.")


@pytest.mark.usefixtures("published")
def test_a_connector_that_is_turned_off_says_so() -> None:
    (row,) = propose(without_mx(factories.configuration(factories.lock(enabled=False)))).rows
    assert "Lock to gateway, which is turned off, names" in row.grounds[0]


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("mail.contoso.com", "mail.contoso.com"),
        ("<I>CN=CA<S>CN=mail.contoso.com", ""),
        ("contoso", ""),
        (None, ""),
    ],
)
def test_only_a_host_name_is_taken_for_a_certificates_name(name: str | None, kept: str) -> None:
    lock = factories.lock(tls_sender_certificate_name=name)
    (row,) = propose(without_mx(factories.configuration(lock))).rows
    assert row.certificate_name == kept


@pytest.mark.usefixtures("published")
def test_a_connector_that_names_nobody_proposes_nobody() -> None:
    lock = factories.lock(sender_ip_addresses=())
    assert propose(without_mx(factories.configuration(lock))).rows == ()


@pytest.mark.usefixtures("published")
def test_microsofts_own_doors_are_no_gateway() -> None:
    host = MxHost(
        preference=0,
        host="contoso-com.mail.protection.outlook.com",
        addresses=("203.0.113.200",),
    )
    seen = factories.configuration()
    seen = replace(seen, domain_facts=(DomainFacts(domain="contoso.com", mx=(host,)),))
    assert propose(seen).rows == ()


def test_spf_that_names_the_same_hosts_is_one_more_ground(
    published: dict[str, tuple[spf.Hosts, ...]],
) -> None:
    published["contoso.com"] = (
        spf.Hosts(domain="contoso.com", through="", addresses=("203.0.113.10",)),
    )
    (row,) = propose(factories.configuration(factories.lock())).rows
    assert row.grounds[-1] == "The SPF record of contoso.com names it."


def test_spf_alone_is_a_faint_guess_that_nobody_ticked(
    published: dict[str, tuple[spf.Hosts, ...]],
) -> None:
    news = spf.Hosts(domain="contoso.com", through="spf.example.net", addresses=("192.0.2.0/24",))
    published["contoso.com"] = (
        spf.Hosts(domain="contoso.com", through="", addresses=("203.0.113.10", "192.0.2.99")),
        news,
    )
    found = short(propose(factories.configuration(factories.lock())))
    assert found[1:] == [
        ("Senders of contoso.com", "relay", ("192.0.2.99",), False),
        ("spf.example.net", "relay", ("192.0.2.0/24",), False),
    ]


def test_domains_with_the_same_spf_share_a_row(
    published: dict[str, tuple[spf.Hosts, ...]],
) -> None:
    names = ("contoso.com", "contoso.net", "contoso.org", "contoso.example")
    for name in names:
        published[name] = (
            spf.Hosts(domain=name, through="x.example.net", addresses=("192.0.2.7",)),
        )
    (row,) = propose(without_mx(factories.configuration(domains=names))).rows
    assert "and 1 more domains names it through x.example.net" in row.grounds[0]


def test_a_domain_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, *_: Any) -> tuple[spf.Hosts, ...]:
        raise DnsError(f"TXT of {name!r}: no answer in time")

    monkeypatch.setattr(spf, "hosts", refuse)
    found = propose(factories.configuration(domains=("contoso.com", "contoso.onmicrosoft.com")))
    assert [row.name for row in found.rows] == ["mx1.contoso.com"]
    assert found.problems == (
        "The SPF record of contoso.com is not known: TXT of 'contoso.com': no answer in time.",
    )


@pytest.mark.usefixtures("published")
def test_what_is_declared_already_is_not_proposed_again() -> None:
    tenant = factories.tenant()
    factories.source(tenant, address="203.0.113.10")
    seen = factories.configuration(factories.lock(), HYBRID)
    assert [row.kind for row in proposing.propose(tenant, seen).rows] == ["hybrid"]
    tenant.sources.create(name="H", kind="hybrid", certificate_name="*.contoso.com")
    assert proposing.propose(tenant, seen).rows == ()


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ({"address": "203.0.113.10"}, "gateway"),
        ({"address": "198.51.100.9", "certificate_name": "mail.contoso.com"}, "hybrid"),
        ({"address": "198.51.100.9", "certificate_name": "a.mail.contoso.com"}, None),
        ({"address": None}, None),
    ],
)
def test_a_vantage_point_that_has_the_address_or_the_name_is_offered(
    place: Mapping[str, Any], kind: str | None
) -> None:
    row = factories.stranger("gw", plays="source", **place)
    found = propose(factories.configuration(factories.lock(), HYBRID))
    assert [p.kind for p in found.rows if p.place == row.pk] == ([kind] if kind else [])


@pytest.mark.usefixtures("published")
def test_an_entry_that_cannot_be_read_breaks_nothing() -> None:
    lock = factories.lock(sender_ip_addresses=("not an address", "203.0.113.10"))
    (row,) = propose(factories.configuration(lock)).rows
    assert row.addresses == ("not an address", "203.0.113.10")


@pytest.mark.usefixtures("published")
def test_no_two_proposals_bear_one_name_and_there_are_not_too_many() -> None:
    locks = [
        factories.lock(guid=f"{n:08}-0000-4000-8000-000000000000", name=f"L{n}",
                       sender_ip_addresses=(f"192.0.2.{n}",))
        for n in range(30)
    ]  # fmt: skip
    found = propose(without_mx(factories.configuration(*locks)))
    names = [row.name for row in found.rows]
    assert names[:3] == ["Gateway", "Gateway 2", "Gateway 3"]
    assert len(set(names)) == len(names) == proposing.MOST


@pytest.mark.usefixtures("published")
def test_what_was_not_read_proposes_nothing() -> None:
    assert propose(Configuration()) == Proposals()


def scattered(group: int, count: int) -> tuple[str, ...]:
    """Addresses of which no two are neighbours, others for each group."""
    numbers = range(group * 2000, group * 2000 + 2 * count, 2)
    return tuple(f"192.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in numbers)


def test_hostile_spf_is_looked_at_up_to_a_bound_and_that_is_said(
    published: dict[str, tuple[spf.Hosts, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = tuple(f"d{n}.example" for n in range(20))
    for number, name in enumerate(names):
        published[name] = tuple(
            spf.Hosts(domain=name, through=f"i{n}.{name}", addresses=scattered(10 * number + n, 50))
            for n in range(10)
        )
    parsed: list[int] = []
    real = addresses.parse

    def counting(entries: Iterable[str]) -> addresses.AddressSet:
        given = list(entries)
        parsed.append(len(given))
        return real(given)

    monkeypatch.setattr(addresses, "parse", counting)
    found = propose(without_mx(factories.configuration(factories.lock(), domains=names)))
    # Each entry once by itself, and once in the row that it comes into; beside them the lock's.
    assert sum(parsed) == 2 * proposing.MOST_ENTRIES + 1
    assert found.problems == (
        "SPF names more hosts than can be told apart here: the first 400 are.",
    )
    assert len(found.rows) == 1 + 400 // 50


@pytest.mark.usefixtures("published")
def test_an_mx_of_hundreds_of_hosts_is_looked_at_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    merged: list[str] = []
    real = proposing._merge

    def counting(rows: Any, fresh: Any, grounds: str) -> None:
        merged.append(grounds)
        real(rows, fresh, grounds)

    monkeypatch.setattr(proposing, "_merge", counting)
    hosts = tuple(
        MxHost(preference=n, host=f"mx{n}.contoso.com", addresses=scattered(n, 2))
        for n in range(300)
    )
    facts = DomainFacts(domain="contoso.com", mx=hosts)
    found = propose(replace(factories.configuration(), domain_facts=(facts,)))
    assert len(merged) == proposing.MOST_HOSTS
    assert len(found.rows) == proposing.MOST


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("partners", "says"),
    [
        (11, ()),
        (12, ("1 more host was found than are listed here: confirm these, then ask again.",)),
        (30, ("19 more hosts were found than are listed here: confirm these, then ask again.",)),
    ],
)
def test_what_is_sure_is_listed_first_and_how_many_are_left_is_said(
    partners: int, says: tuple[str, ...]
) -> None:
    locks = [
        factories.lock(guid=f"{n:08}-0000-4000-8000-000000000000", name=f"P{n:02}",
                       sender_domains=("fabrikam.com",), sender_ip_addresses=(f"192.0.2.{n}",))
        for n in range(partners)
    ]  # fmt: skip
    found = propose(factories.configuration(*locks))
    assert [row.name for row in found.rows][:2] == ["mx1.contoso.com", "P00"]
    assert (len(found.rows), found.problems) == (12, says)


@pytest.mark.usefixtures("published")
def test_connectors_that_refuse_come_before_those_that_do_not_and_those_turned_off() -> None:
    def lock(number: int, name: str, **fields: Any) -> InboundConnector:
        guid = f"{number:08}-0000-4000-8000-000000000000"
        return factories.lock(
            guid=guid, name=name, sender_ip_addresses=(f"192.0.2.{number}",), **fields
        )

    seen = factories.configuration(
        lock(1, "A", enabled=False),
        lock(2, "B", restrict_domains_to_ip_addresses=False),
        lock(4, "D"),
        lock(3, "C"),
    )
    rows = propose(without_mx(seen)).rows
    assert [row.addresses[0] for row in rows] == [
        "192.0.2.3", "192.0.2.4", "192.0.2.2", "192.0.2.1",
    ]  # fmt: skip


def test_an_entry_that_a_connector_covers_only_in_part_is_proposed(
    published: dict[str, tuple[spf.Hosts, ...]],
) -> None:
    published["contoso.com"] = (
        spf.Hosts(domain="contoso.com", through="", addresses=("203.0.113.10/31",)),
    )
    gateway, senders = propose(factories.configuration(factories.lock())).rows
    assert (senders.addresses, senders.sure) == (("203.0.113.10/31",), False)
    assert not any("SPF" in grounds for grounds in gateway.grounds)
