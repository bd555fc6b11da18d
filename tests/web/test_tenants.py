"""The list of tenants: found, filtered, sorted, paged, and taken away as a file."""

import csv
import io
import uuid
from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from mailposture.adapters.documents.tables import harmless
from tests import factories
from tests.factories import NOW, ago
from tests.web import fleet_rows as rows
from tests.web.fleet_rows import CLOSED, OPEN, SCRIPT, UNKNOWN, page, probed, words

pytestmark = pytest.mark.django_db
NULL_ONLY = {"foreign": "closed", "own": "closed", "null": "open"}


@pytest.fixture(autouse=True)
def at_one_moment() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def viewer() -> Client:
    return rows.signed_in(staff=False)


@pytest.fixture
def fleet() -> None:
    probed("contoso", OPEN, ago(days=6))
    probed("fabrikam", NULL_ONLY, ago(hours=5), probed_at=ago(minutes=2))
    probed("northwind", CLOSED, ago(days=41), probed_at=ago(hours=1))
    probed("proseware", UNKNOWN, ago(hours=16))
    source = factories.source(factories.tenant("adatum", probed_at=None), address="203.0.113.77")
    assert source.addresses == "203.0.113.77"


def names(markup: str) -> list[str]:
    if "<tbody>" not in markup:
        return []
    return [row.split(">")[-1].split()[0] for row in rows.rows_of(markup)]


def table(client: Client, query: str = "") -> list[dict[str, str]]:
    answer = client.get(f"/tenants.csv{query}")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


# ---- who may see it ----------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/tenants/", "/tenants.csv"])
def test_someone_not_signed_in_is_asked_to(client: Client, address: str) -> None:
    assert client.get(address).headers["Location"].startswith("/signin/")


def test_only_staff_is_offered_to_add_one(viewer: Client) -> None:
    probed("contoso", OPEN)
    assert "Add a tenant" not in page(viewer, "/tenants/")
    assert "Add a tenant" in page(rows.signed_in(staff=True), "/tenants/")


# ---- the file ----------------------------------------------------------------------------


def test_of_a_tenant_whose_answers_have_lapsed_the_file_counts_nothing(viewer: Client) -> None:
    of = probed("contoso", OPEN, ago(days=6))
    place = factories.source(of).vantage_point
    assert place is not None
    for path in factories.paths(of, place):
        factories.answered(path, "closed", ago(days=6))
    rows.stood(of, ago(days=6))
    counted = ("State", "Domains open to strangers", "Approved sources cut off")
    assert [table(viewer)[0][name] for name in counted] == ["Open", "1", "1"]
    assert "1 approved source cut off" in words(page(viewer, "/tenants/"))
    of.probed_at = ago(days=2)
    of.save(update_fields=["probed_at"])
    assert [table(viewer)[0][name] for name in counted] == ["Unknown", "0", "0"]
    assert "cut off" not in words(page(viewer, "/tenants/"))


# ---- the list ----------------------------------------------------------------------------


@pytest.mark.usefixtures("fleet")
def test_every_tenant_is_one_row_with_its_state_in_words_worst_first(viewer: Client) -> None:
    shown = page(viewer, "/tenants/")
    assert names(shown) == ["contoso", "fabrikam", "proseware", "adatum", "northwind"]
    listed = rows.rows_of(shown)
    assert [state in row for state, row in zip(
        ("Open", "Partly open", "Unknown", "Unknown", "Closed"), listed, strict=True
    )] == [True] * 5  # fmt: skip
    assert "domains not known Unknown never probed Not known its accepted domains are" in listed[3]
    assert "<title>Tenants - Mailposture</title>" in shown
    assert "5 tenants under watch." in words(shown)


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=CONT", ["contoso"]),
        ("?q=northwind.com", ["northwind"]),
        (f"?q={uuid.uuid5(uuid.NAMESPACE_DNS, 'fabrikam')}", ["fabrikam"]),
        ("?q=203.0.113.77", ["adatum"]),
        ("?q=open", []),
        ("?q=%25", []),
        ("?q=%00contoso", ["contoso"]),
        ("?state=open", ["contoso"]),
        ("?state=open&state=partly", ["contoso", "fabrikam"]),
        ("?state=nonsense", ["contoso", "fabrikam", "proseware", "adatum", "northwind"]),
        ("?class=null", ["contoso", "fabrikam"]),
        ("?class=null&class=own", ["contoso"]),
        ("?class=foreign&state=closed", []),
        ("?sort=name", ["adatum", "contoso", "fabrikam", "northwind", "proseware"]),
        ("?sort=-name", ["proseware", "northwind", "fabrikam", "contoso", "adatum"]),
        ("?sort=since", ["northwind", "contoso", "proseware", "fabrikam", "adatum"]),
        ("?sort=-since", ["fabrikam", "proseware", "contoso", "northwind", "adatum"]),
        ("?sort=-probed", ["fabrikam", "contoso", "proseware", "northwind", "adatum"]),
        ("?sort=-state", ["northwind", "adatum", "proseware", "fabrikam", "contoso"]),
        ("?sort=password", ["contoso", "fabrikam", "proseware", "adatum", "northwind"]),
        ("?page=99", ["contoso", "fabrikam", "proseware", "adatum", "northwind"]),
    ],
)
def test_search_filters_and_order_are_in_the_address(
    viewer: Client, query: str, found: list[str]
) -> None:
    assert names(page(viewer, f"/tenants/{query}")) == found
    assert [row["Address name"] for row in table(viewer, query)] == found


@pytest.mark.usefixtures("fleet")
def test_a_chosen_filter_shows_its_values_and_how_to_clear_it(viewer: Client) -> None:
    shown = page(viewer, "/tenants/?state=open&state=closed&q=o&sort=name")
    assert "State <b>Open, Closed</b>" in shown
    assert 'href="?q=o&amp;sort=name" title="Clear this filter"' in shown
    assert "2 of 5 tenants" in words(shown)
    assert 'href="/tenants.csv?state=open&amp;state=closed&amp;q=o&amp;sort=name"' in shown


@pytest.mark.usefixtures("fleet")
def test_nothing_found_says_what_was_looked_for(viewer: Client) -> None:
    shown = words(page(viewer, "/tenants/?state=closed&class=foreign&q=xyz"))
    assert "No tenant is Closed, lets strangers in by foreign sender and has “xyz”" in shown
    assert "5 tenants were looked through." in shown
    assert "Clear filters" in shown


@pytest.mark.usefixtures("fleet")
def test_a_reply_in_the_search_field_leads_to_its_explanation(viewer: Client) -> None:
    shown = page(viewer, "/tenants/?q=550 5.7.51 TenantInboundAttribution")
    assert "This looks like a reply of a mail server." in words(shown)
    assert 'href="/explain/">Explain a reply' in shown


def test_nothing_watched_is_another_thing_than_nothing_found(viewer: Client) -> None:
    assert "Nothing is watched yet." in words(page(viewer, "/tenants/"))


def test_what_a_person_searched_for_is_escaped(viewer: Client) -> None:
    probed("contoso", OPEN, name=SCRIPT)
    shown = page(viewer, f"/tenants/?q={SCRIPT}")
    assert SCRIPT not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown


def test_a_lapsed_answer_is_no_longer_open_in_filters_either(viewer: Client) -> None:
    probed("contoso", OPEN, probed_at=ago(days=3))
    assert names(page(viewer, "/tenants/?state=open")) == []
    assert names(page(viewer, "/tenants/?class=foreign")) == []
    assert names(page(viewer, "/tenants/?state=unknown")) == ["contoso"]


def test_an_approved_source_that_is_cut_off_is_said_in_the_row(viewer: Client) -> None:
    of = probed("contoso", CLOSED)
    source = factories.source(of)
    assert source.vantage_point is not None
    for path in factories.paths(of, source.vantage_point):
        factories.answered(path, "closed", ago(days=1))
    rows.stood(of, ago(days=1))
    assert "1 approved source cut off" in rows.rows_of(page(viewer, "/tenants/"))[0]


@pytest.mark.parametrize("count", [12, 120])
def test_a_hundred_a_page_in_twelve_queries(
    viewer: Client, count: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    rows.many(count, [OPEN, NULL_ONLY, UNKNOWN])
    with django_assert_max_num_queries(12):
        shown = page(viewer, "/tenants/?state=open&state=partly&state=unknown&q=tenant")
    assert len(names(shown)) == min(count, 100)
    if count > 100:
        assert "Page 1 of 2" in words(shown)
        assert len(names(page(viewer, "/tenants/?page=2"))) == 20


# ---- the file ----------------------------------------------------------------------------


def test_the_file_says_what_the_list_says_with_exact_times(viewer: Client) -> None:
    probed("fabrikam", NULL_ONLY, ago(hours=5))
    (row,) = table(viewer)
    assert row["State"] == "Partly open"
    assert row["Since (UTC)"] == "2026-11-25 03:02:00"
    assert [row[f"{name} sender"] for name in rows.ALL] == ["Closed", "Closed", "Open"]
    assert row["Who may deliver"] == "Any host, null sender"
    assert row["Domains open to strangers"] == "1"
    assert row["Answered (UTC)"] == "2026-11-25 07:58:00"


@pytest.mark.parametrize("name", ["=cmd()", "+1", "-1", "@sum", "\tx", "\rx"])
def test_no_cell_of_the_file_is_a_formula(viewer: Client, name: str) -> None:
    probed("contoso", OPEN, name=name, fetch_error="=HYPERLINK(1)")
    (row,) = table(viewer)
    assert row["Tenant"] == f"'{name}"
    assert row["Reading failed"] == "'=HYPERLINK(1)"


@pytest.mark.parametrize("cell", ["contoso", "", "a=b", "1-2", "(=x)"])
def test_a_cell_that_is_no_formula_stays_as_it_is(cell: str) -> None:
    assert harmless(cell) == cell


def test_the_file_costs_the_same_queries_for_ten_times_the_tenants(
    viewer: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    rows.many(40, [OPEN, CLOSED])
    with django_assert_max_num_queries(5):
        assert len(table(viewer)) == 40
