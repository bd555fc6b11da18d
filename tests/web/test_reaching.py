"""The page of who may deliver: exact numbers, the map, the reasons, and what is not known."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from mailposture import models
from mailposture.core.configuration import PartStatus
from mailposture.core.reachability import Reach, Reachability
from mailposture.core.reachability.questions import Question
from tests import factories as make
from tests.factories import NOW
from tests.web import fleet_rows as rows
from tests.web.fleet_rows import page, words

pytestmark = pytest.mark.django_db
AT = "/tenants/contoso/exposure/"


@pytest.fixture(autouse=True)
def at_one_moment() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def viewer() -> Client:
    return rows.signed_in(staff=False)


def read(*connectors: Any, domains: tuple[str, ...] = ("contoso.com",)) -> models.Tenant:
    tenant = make.tenant("contoso")
    make.snapshot(tenant, make.configuration(*connectors, domains=domains), make.ago(days=2))
    return tenant


def heading(shown: str) -> str:
    return words(shown.split("<h1>")[1].split("</h1>", maxsplit=1)[0])


def test_an_open_tenant_is_reached_by_the_whole_internet(viewer: Client) -> None:
    read()
    shown = page(viewer, AT)
    assert heading(shown) == "4,294,967,296 IPv4 addresses may deliver directly to contoso."
    assert "all of IPv6, no certificate name" in shown
    assert "is-open" in shown.split("<h1>")[0].split('class="head"')[1]


def test_a_locked_tenant_is_reached_by_one_address_and_says_why(viewer: Client) -> None:
    read(make.lock())
    shown = page(viewer, AT)
    assert heading(shown) == "1 IPv4 address may deliver directly to contoso."
    why = words(shown.split("<h2>Why</h2>")[1].split("</section>")[0])
    assert "203.0.113.10 with or without TLS taken satisfies a restriction: Lock to gateway" in why
    assert "4,294,967,295 IPv4 addresses" in why
    assert "203.0.113.11 203.0.113.12/30" in why
    assert "with or without TLS 5.7.51 refused by a restriction" in why
    assert "rests on ipv6_never_listed" in why


def test_the_map_is_drawn_with_its_chain_of_closer_looks(viewer: Client) -> None:
    read(make.lock())
    drawing = page(viewer, AT).split('<svg viewBox="-1 -1')[1]
    assert "203.0.113.0/24" in drawing
    assert 'class="range" tabindex="0"' in drawing


def test_domains_that_are_reached_alike_stand_together(viewer: Client) -> None:
    lock = make.lock(associated_accepted_domains=("contoso.com",))
    read(lock, domains=("contoso.com", "contoso.onmicrosoft.com", "fabrikam.com"))
    shown = page(viewer, AT)
    table = words(shown.split("<h2>Domains and senders</h2>")[1].split("</section>")[0])
    assert "contoso.onmicrosoft.com and 1 more" in table
    assert heading(shown).startswith("4,294,967,296")


def test_a_domain_and_a_sender_can_be_chosen(viewer: Client) -> None:
    lock = make.lock(sender_domains=("fabrikam.com",))
    read(lock)
    assert heading(page(viewer, f"{AT}?class=foreign")).startswith("4,294,967,296")
    shown = page(viewer, f"{AT}?class=fabrikam.com&domain=contoso.com")
    assert heading(shown) == "1 IPv4 address may deliver directly to contoso."
    assert "With a sender fabrikam.com to contoso.com" in words(shown)


@pytest.mark.parametrize("asked", ["?class=nonsense", "?domain=elsewhere.example", "?domain=<b>"])
def test_what_does_not_exist_is_answered_by_the_widest(viewer: Client, asked: str) -> None:
    read()
    shown = page(viewer, AT + asked)
    assert heading(shown).startswith("4,294,967,296")
    assert "<b>&" not in shown


def test_the_smallest_proof_names_a_host_that_nobody_approved(viewer: Client) -> None:
    tenant = read(make.lock(sender_ip_addresses=("203.0.113.8/30",)))
    make.source(tenant)
    shown = words(page(viewer, AT).split("<h2>The smallest proof</h2>")[1])
    assert "203.0.113.8 may deliver to contoso.com as foreign sender." in shown


def test_only_approved_hosts_leave_no_proof(viewer: Client) -> None:
    make.source(read(make.lock()))
    assert "The smallest proof" not in page(viewer, AT)


def test_a_tenant_that_was_never_read_says_so(viewer: Client) -> None:
    make.tenant("contoso")
    shown = page(viewer, AT)
    assert heading(shown) == "It is not known who may deliver."
    assert "IPv4 address" not in words(shown.split("<h1>")[1])


def test_connectors_that_could_not_be_read_are_named_and_counted_as_not_known(
    viewer: Client,
) -> None:
    tenant = make.tenant("contoso")
    seen = make.without(make.configuration(), "inbound_connectors", PartStatus.FORBIDDEN, "403")
    make.snapshot(tenant, seen, make.ago(days=2))
    shown = page(viewer, AT)
    assert "Get-InboundConnector was not read, or not whole" in shown
    assert "is-unknown" in shown.split("<h1>")[0].split('class="head"')[1]
    assert heading(shown) == "It is not known who may deliver directly to contoso."
    assert "Hatched: the configuration does not say." in words(shown)
    assert 'class="not-known"' in shown
    assert 'class="warm"' not in shown
    assert shown.count(">not known</a>") == 3
    assert "4,294,967,296" not in shown
    assert "Its connectors were not read: nothing can be counted." in words(shown)
    assert "nothing stands in the way" not in shown


@pytest.mark.parametrize(
    ("verdict", "says"), [("closed", "Observed Closed"), ("open", "Observed Open")]
)
def test_what_is_only_believed_says_so_and_what_was_seen_stands_beside_it(
    viewer: Client, verdict: str, says: str
) -> None:
    tenant = read(make.lock())
    spine = words(page(viewer, AT).split("<h1>")[0].split('class="head"')[1])
    assert "Predicted closed" in spine
    assert "No stranger was answered there yet." in spine
    for path in make.paths(tenant, make.stranger()):
        make.answered(path, verdict, make.ago(minutes=5))
    head = page(viewer, AT).split("<h1>")[0].split('class="head"')[1]
    assert says in words(head)
    assert 'href="/observations/' in head


def test_an_answer_that_lapsed_is_not_shown_as_seen(viewer: Client) -> None:
    tenant = read(make.lock())
    for path in make.paths(tenant, make.stranger()):
        make.answered(path, "closed", make.ago(days=3))
    spine = words(page(viewer, AT).split("<h1>")[0].split('class="head"')[1])
    assert "Observed Unknown" in spine


def test_who_gets_in_by_certificate_alone_is_not_called_nobody(viewer: Client) -> None:
    read(
        make.lock(
            sender_ip_addresses=(),
            restrict_domains_to_ip_addresses=False,
            restrict_domains_to_certificate=True,
            require_tls=True,
            tls_sender_certificate_name="gateway.example.net",
        )
    )
    shown = page(viewer, AT)
    assert heading(shown) == "No address may deliver directly to contoso without a certificate."
    assert "and 1 certificate name: gateway.example.net" in words(shown)


def test_what_an_answer_rests_on_leads_to_its_words(viewer: Client) -> None:
    read(make.lock())
    shown = page(viewer, AT)
    assert 'href="#rests-ipv6_never_listed"' in shown
    assert 'id="rests-ipv6_never_listed"' in shown


def test_accepted_domains_that_were_not_read_are_whatever_they_are(viewer: Client) -> None:
    tenant = make.tenant("contoso")
    seen = make.without(
        make.configuration(make.lock()), "accepted_domains", PartStatus.FORBIDDEN, "403"
    )
    make.snapshot(tenant, seen, make.ago(days=2))
    shown = page(viewer, AT)
    assert "to any accepted domain" in words(shown)
    assert "With an own sender to" in words(page(viewer, f"{AT}?class=own"))


def test_every_network_can_be_had_as_text(viewer: Client) -> None:
    read(make.lock(sender_ip_addresses=("203.0.113.10", "198.51.100.0/24")))
    answer = viewer.get(f"{AT}networks.txt?domain=contoso.com&class=foreign")
    assert answer.content.decode() == "198.51.100.0/24\n203.0.113.10\n"
    assert answer["Content-Type"].startswith("text/plain")
    assert 'filename="contoso-networks.txt"' in answer["Content-Disposition"]
    assert viewer.get(f"{AT}networks.txt?domain=elsewhere.example&class=foreign").status_code == 404


def test_a_hostile_name_of_a_connector_stays_text(viewer: Client) -> None:
    read(make.lock(name="<script>alert(1)</script>"))
    shown = page(viewer, AT)
    assert "<script>alert" not in shown
    assert "&lt;script&gt;" in shown


def test_it_is_for_those_signed_in(client: Client) -> None:
    read()
    assert client.get(AT).status_code == 302
    assert client.get(f"{AT}networks.txt").status_code == 302


def test_the_number_of_queries_stays(
    viewer: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    read(make.lock(), domains=tuple(f"d{n}.contoso.com" for n in range(60)))
    with django_assert_max_num_queries(12):
        page(viewer, AT)


def test_on_a_narrow_page_each_number_says_of_which_sender_it_is(viewer: Client) -> None:
    read()
    table = page(viewer, AT).split("<h2>Domains and senders</h2>")[1].split("</table>")[0]
    assert 'class="table listed"' in table
    assert [f'data-label="{c} sender"' in table for c in ("foreign", "own", "null")] == [True] * 3


# ---- a large tenant ------------------------------------------------------------------------


def read_large() -> None:
    """Ninety domains that are reached each in its own way, and forty senders that are named."""
    domains = tuple(f"d{n:02}.example.com" for n in range(90))
    by_domain = [
        make.lock(guid=f"d{n}", name=f"D{n}", associated_accepted_domains=(name,),
                  sender_ip_addresses=(f"203.0.113.{n}",))
        for n, name in enumerate(domains)
    ]  # fmt: skip
    by_sender = [
        make.lock(guid=f"s{n}", name=f"S{n}", sender_domains=(f"s{n:02}.example.net",))
        for n in range(40)
    ]
    read(*by_domain, *by_sender, domains=domains)


def table_of(shown: str) -> str:
    return shown.split("<h2>Domains and senders</h2>")[1].split("</section>", maxsplit=1)[0]


def test_a_large_table_comes_page_by_page(viewer: Client) -> None:
    read_large()
    shown = page(viewer, AT)
    table = table_of(shown)
    assert table.count("<tr>") == 1 + 40
    assert table.count('scope="col" class="num"') == 3 + 9
    assert "Groups 1 to 40 of 90" in words(table)
    assert "Senders 1 to 9 of 40 that connectors name" in words(table)
    assert len(shown) < 400_000


def test_every_row_and_column_of_a_large_table_can_be_come_to(viewer: Client) -> None:
    read_large()
    rows_seen: set[str] = set()
    for number in (1, 2, 3):
        table = table_of(page(viewer, f"{AT}?rows={number}"))
        rows_seen |= set(re.findall(r"d\d\d\.example\.com(?=</th>)", table))
    assert len(rows_seen) == 90
    columns_seen: set[str] = set()
    for number in (1, 2, 3, 4, 5):
        table = table_of(page(viewer, f"{AT}?senders={number}"))
        columns_seen |= set(re.findall(r"sender (s\d\d\.example\.net)</th>", table))
    assert len(columns_seen) == 40


def test_the_page_that_opens_holds_what_is_chosen(viewer: Client) -> None:
    read_large()
    table = table_of(page(viewer, f"{AT}?domain=d85.example.com&class=s33.example.net"))
    assert table.count("num half chosen") == 1
    assert "Senders 28 to 36 of 40" in words(table)
    beyond = table_of(page(viewer, f"{AT}?rows=999&senders=x"))
    assert "Groups 81 to 90 of 90" in words(beyond)


def test_very_many_domains_that_are_reached_alike_are_not_all_named(viewer: Client) -> None:
    read(make.lock(), domains=tuple(f"d{n:03}.example.com" for n in range(300)))
    table = words(table_of(page(viewer, AT)))
    assert "and 299 more" in table
    assert "d100.example.com and 199 more" in table
    assert "d101.example.com" not in table


def test_the_table_of_many_domains_asks_once_for_those_that_are_alike(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(make.lock(), domains=tuple(f"d{n:03}.example.com" for n in range(300)))
    asked: list[str] = []
    worked_out = Reachability._reach

    def reach(self: Reachability, question: Question) -> Reach:
        asked.append("once")
        return worked_out(self, question)

    monkeypatch.setattr(Reachability, "_reach", reach)
    page(viewer, AT)
    assert len(asked) == 3  # a foreign, an own and a null sender
