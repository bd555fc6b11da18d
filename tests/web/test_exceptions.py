"""Exceptions on pages: asking, deciding, the list and its file, what is counted apart."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from mailposture import models
from mailposture.core import exceptions as core
from mailposture.services import assessing, exceptions, reading
from mailposture.services.pages import fleet
from tests import factories as make
from tests.factories import NOW, ago
from tests.services.test_exceptions import ASKED, wide
from tests.web.fleet_rows import SCRIPT, page, signed_in, words
from tests.web.fleet_rows import rows_of as rows_of_table

pytestmark = pytest.mark.django_db
FORM = {"reason": "A printer delivers straight.", "owner": "Print team", "last_day": "2027-02-23"}


@pytest.fixture(autouse=True)
def at_one_moment(settings: Any) -> Iterator[None]:
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.fabrikam.com"
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def staff() -> Client:
    return signed_in(staff=True)


def found(name: str = "contoso", rule: str = "MP-06") -> models.Finding:
    """A finding that stands, of a lock that names too much."""
    tenant = models.Tenant.objects.filter(slug=name).first()
    if tenant is None:
        tenant = make.tenant(name)
        make.source(tenant)
        reading.record(tenant, wide("198.51.100.0/24"), ago(hours=1))
    return tenant.findings.get(rule=rule, closed_at=None)


def rows_of(markup: str) -> list[str]:
    """The rows of the page's list; none where it has no table."""
    return rows_of_table(markup) if "<tbody>" in markup else []


def robin() -> User:
    return User.objects.get_or_create(username="robin", defaults={"is_staff": True})[0]


def approved(name: str = "contoso", **changes: Any) -> models.Acceptance:
    """An exception in force, asked by one and approved by another."""
    alex, _ = User.objects.get_or_create(username="alex", defaults={"is_staff": True})
    row = exceptions.ask(found(name), ASKED, NOW, user=alex)
    row = exceptions.approve(row, "Seen.", NOW, user=robin())
    if changes:
        models.Acceptance.objects.filter(pk=row.pk).update(**changes)
        row.refresh_from_db()
        assessing.refresh(row.tenant, NOW)
    return row


# ---- to ask --------------------------------------------------------------------------------


def test_from_a_finding_one_asks_and_another_approves(staff: Client) -> None:
    finding, other = found(), Client()
    other.force_login(robin())
    assert f"/findings/{finding.pk}/exception/" in page(staff, finding.get_absolute_url())
    asked = page(staff, f"/findings/{finding.pk}/exception/")
    assert 'value="2027-02-23"' in asked
    assert 'value="2027-01-09"' in asked
    answer = staff.post(f"/findings/{finding.pk}/exception/", FORM | {"hosts": "198.51.100.7"})
    row = models.Acceptance.objects.get()
    assert answer["Location"] == f"/exceptions/{row.pk}/"
    own = words(page(staff, row.get_absolute_url()))
    assert "Who asks does not approve: another operator decides." in own
    assert "256 addresses: 198.51.100.0/24." in own
    assert staff.post(f"/exceptions/{row.pk}/approve/").status_code == 422
    assert "Approve until 23 Feb 2027" in words(page(other, row.get_absolute_url()))
    assert other.post(f"/exceptions/{row.pk}/approve/", {"why": "Seen."}).status_code == 302
    shown = words(page(staff, row.get_absolute_url()))
    assert "Accepted until 23 Feb 2027." in shown
    assert "staff asked for it. A printer delivers straight." in shown
    assert "robin approved it. Seen." in shown


def test_a_single_operator_approves_alone_and_the_page_says_so(staff: Client) -> None:
    staff.post(f"/findings/{found().pk}/exception/", FORM)
    row = models.Acceptance.objects.get()
    assert "No other operator is known" in words(page(staff, row.get_absolute_url()))
    staff.post(f"/exceptions/{row.pk}/approve/")
    shown = words(page(staff, row.get_absolute_url()))
    assert "who asked for it: no other operator could decide" in shown
    assert "staff approved it alone: no other operator could." in shown


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"reason": ""}, "Fill this in."),
        ({"reason": " "}, "Fill this in."),
        ({"owner": ""}, "Fill this in."),
        ({"last_day": ""}, "Fill this in."),
        ({"last_day": "soon"}, "Give a day, such as 2027-02-23."),
        ({"last_day": "2026-11-24"}, "This day is over."),
        ({"last_day": "2027-11-26"}, "At most a year"),
        ({"review_on": "2027-02-24"}, "Choose a day from today to its last, 23 Feb 2027."),
        ({"hosts": "printer"}, "is no address"),
        ({"reason": "x" * 2001}, "at most 2000 characters"),
    ],
)
def test_what_is_wrong_with_a_request_is_said_beside_it(
    staff: Client, given: dict[str, str], said: str
) -> None:
    answer = staff.post(f"/findings/{found().pk}/exception/", FORM | given)
    assert answer.status_code == 422
    assert said in words(answer.content.decode())
    assert not models.Acceptance.objects.exists()


def test_what_is_asked_for_already_is_said(staff: Client) -> None:
    staff.post(f"/findings/{found().pk}/exception/", FORM)
    answer = staff.post(f"/findings/{found().pk}/exception/", FORM)
    assert answer.status_code == 422
    assert "asks for this already" in words(answer.content.decode())


@pytest.mark.parametrize("what", ["approve", "refuse", "withdraw", "review"])
def test_a_viewer_sees_and_does_nothing(what: str) -> None:
    viewer, row = signed_in(staff=False), approved()
    shown = page(viewer, row.get_absolute_url())
    assert '<form class="form box"' not in shown
    assert "/exception/" not in page(viewer, found().get_absolute_url()).split("<main")[1]
    assert viewer.post(f"/exceptions/{row.pk}/{what}/", {"why": "x"}).status_code == 404
    assert viewer.get(f"/findings/{found().pk}/exception/").status_code == 404
    row.refresh_from_db()
    assert row.state == "approved"


@pytest.mark.parametrize("address", ["", "1/", "1/approve/"])
def test_nobody_sees_any_before_signing_in(address: str) -> None:
    approved()
    assert Client().get(f"/exceptions/{address}").status_code in (302, 405)
    assert "signin" in Client().get("/exceptions/")["Location"]


def test_what_there_is_not_is_not_found(staff: Client) -> None:
    for address in ("/exceptions/99/", "/findings/99/exception/"):
        assert staff.get(address).status_code == 404
    assert staff.post("/exceptions/99/approve/").status_code == 404


# ---- while it stands -----------------------------------------------------------------------


def test_one_is_refused_with_a_reason_or_not_at_all(staff: Client) -> None:
    row = exceptions.ask(found(), ASKED, NOW, user=robin())
    assert staff.post(f"/exceptions/{row.pk}/refuse/", {"why": " "}).status_code == 422
    staff.post(f"/exceptions/{row.pk}/refuse/", {"why": "Move the printer."})
    shown = words(page(staff, row.get_absolute_url()))
    assert "staff refused it. Move the printer." in shown


def test_one_is_reviewed_and_withdrawn(staff: Client) -> None:
    row = approved()
    bad = staff.post(f"/exceptions/{row.pk}/review/", {"review_on": "2028-01-01"})
    assert bad.status_code == 422
    assert "Choose a day from today to its last" in words(bad.content.decode())
    staff.post(f"/exceptions/{row.pk}/review/", {"review_on": "2027-02-01", "note": "Still so."})
    assert "staff reviewed it. Still so." in words(page(staff, row.get_absolute_url()))
    staff.post(f"/exceptions/{row.pk}/withdraw/", {"why": "The printer is gone."})
    shown = page(staff, row.get_absolute_url())
    assert "staff withdrew it. The printer is gone." in words(shown)
    assert 'id="withdraw"' not in shown
    assert staff.post(f"/exceptions/{row.pk}/withdraw/", {"why": "Again."}).status_code == 422


def test_a_renewal_begins_with_what_was_said(staff: Client) -> None:
    row = approved(ticket="CHG-12")
    shown = page(staff, f"/findings/{found().pk}/exception/")
    assert f"Shall {row.name} be renewed?" in words(shown)
    assert 'value="CHG-12"' in shown
    assert "A printer delivers straight." in shown


@pytest.mark.parametrize(
    ("ticket", "linked"),
    [
        ("https://tickets.contoso.com/12", True),
        ("CHG-12", False),
        ("javascript:alert(1)", False),
        ("//tickets.contoso.com", False),
        ("http://[bad", False),
    ],
)
def test_a_ticket_is_a_link_where_it_is_an_address_of_the_web(
    staff: Client, ticket: str, linked: bool
) -> None:
    shown = page(staff, approved(ticket=ticket).get_absolute_url())
    assert (f'href="{ticket}"' in shown) is linked
    assert ticket in words(shown)


def test_what_people_wrote_is_text(staff: Client) -> None:
    row = approved(reason=SCRIPT, owner=SCRIPT, ticket=SCRIPT, sentence=SCRIPT,
                   outside=[SCRIPT], decision=SCRIPT)  # fmt: skip
    for address in (row.get_absolute_url(), "/exceptions/", found().get_absolute_url()):
        assert SCRIPT not in page(staff, address)


# ---- the list ------------------------------------------------------------------------------


def many() -> dict[str, models.Acceptance]:
    """One exception of each state, each at a tenant of its own."""
    rows = {"in_force": approved("t1"), "review": approved("t2", review_on=NOW.date())}
    rows["soon"] = approved("t3", expires_at=NOW + timedelta(days=30))
    rows["expired"] = approved("t4", expires_at=NOW)
    rows["outgrown"] = approved("t5")
    reading.record(rows["outgrown"].tenant, wide("198.51.100.0/24", "192.0.2.30"), NOW)
    rows["pending"] = exceptions.ask(found("t6"), ASKED, NOW, user=robin())
    rows["withdrawn"] = exceptions.withdraw(approved("t7"), "Gone.", NOW, user=robin())
    alex = User.objects.get(username="alex")
    refused = exceptions.ask(found("t8"), ASKED, NOW, user=robin())
    rows["refused"] = exceptions.refuse(refused, "No.", NOW, user=alex)
    return rows


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("pending", {"pending"}),
        ("in_force", {"in_force", "review", "soon", "outgrown"}),
        ("soon", {"soon"}),
        ("review", {"review"}),
        ("outgrown", {"outgrown"}),
        ("expired", {"expired"}),
        ("withdrawn", {"withdrawn"}),
        ("refused", {"refused"}),
        ("renewed", set()),
        ("nonsense", {"in_force", "review", "soon", "expired", "outgrown", "pending", "withdrawn",
                      "refused"}),
        ("pending&state=refused", {"pending", "refused"}),
        ("in_force&tenant=t5", {"outgrown"}),
    ],
)  # fmt: skip
def test_the_list_is_filtered_by_state_and_tenant(
    staff: Client, state: str, shown: set[str]
) -> None:
    rows = many()
    names = set(re.findall(r"E-\d+", " ".join(rows_of(page(staff, f"/exceptions/?state={state}")))))
    assert names == {rows[name].name for name in shown}


def test_what_waits_stands_first_and_every_number_leads_to_its_list(staff: Client) -> None:
    rows = many()
    shown = page(staff, "/exceptions/")
    assert (
        "4 exceptions are in force, 1 waits for a decision, 1 ends within 30 days, 1 is outgrown"
        " and 1 has expired." in words(shown)
    )
    listed = [re.findall(r"E-\d+", row)[0] for row in rows_of(shown)]
    assert listed[:3] == [rows[name].name for name in ("pending", "expired", "soon")]
    for state, count in (("in_force", 4), ("pending", 1), ("soon", 1), ("expired", 1)):
        assert f'href="?state={state}"' in shown
        assert len(rows_of(page(staff, f"/exceptions/?state={state}"))) == count


def test_nothing_accepted_and_nothing_that_matches_are_two_things(staff: Client) -> None:
    assert "Nothing was ever accepted." in words(page(staff, "/exceptions/"))
    approved()
    assert "No exception matches." in words(page(staff, "/exceptions/?state=refused"))


def test_a_long_list_has_pages(staff: Client) -> None:
    row = approved()
    models.Acceptance.objects.bulk_create(
        models.Acceptance(
            tenant=row.tenant, rule="MP-06", subject=f"{n}", sentence="x", severity="high",
            scope=row.scope, reason="r", owner="o", state="withdrawn", asked_at=NOW,
            asked_by="alex", expires_at=NOW,
        )
        for n in range(150)
    )  # fmt: skip
    first = page(staff, "/exceptions/?state=withdrawn")
    assert len(rows_of(first)) == 100
    assert "state=withdrawn&amp;page=2" in first
    assert len(rows_of(page(staff, "/exceptions/?state=withdrawn&page=2"))) == 50
    assert len(rows_of(page(staff, "/exceptions/?state=withdrawn&page=nonsense"))) == 100


def test_the_number_of_queries_does_not_grow(
    staff: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    many()
    with django_assert_max_num_queries(12):
        page(staff, "/exceptions/")


def test_the_file_has_every_column_and_is_harmless(staff: Client) -> None:
    approved(owner="=1+1", ticket="CHG-12")
    answer = staff.get("/exceptions.csv?state=in_force")
    assert answer["Content-Disposition"].endswith('.csv"')
    (row,) = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert row["Owner"] == "'=1+1"
    assert (row["State"], row["Last day"], row["Asked by"], row["Decided by"]) == (
        "In force", "2027-02-23", "alex", "robin",
    )  # fmt: skip
    assert "198.51.100.0/24" in row["Accepted"]
    assert row["Finding stands"] == "yes"
    assert list(csv.DictReader(io.StringIO(
        staff.get("/exceptions.csv?state=refused").content.decode()))) == []  # fmt: skip


# ---- findings that are covered -------------------------------------------------------------


def test_an_accepted_finding_is_shown_and_counted_apart(staff: Client) -> None:
    found()
    before = words(page(staff, "/findings/"))
    high = int(re.findall(r"(\d+) high finding", before)[0])
    row = approved()
    shown = page(staff, "/findings/")
    said = words(shown)
    assert f"{high - 1} high finding" in said or "No critical or high finding stands." in said
    assert "1 accepted for a while." in said
    assert any("Accepted until 23 Feb 2027" in line for line in rows_of(shown))
    (only,) = rows_of(page(staff, "/findings/?state=accepted"))
    assert "MP-06" in only
    due = rows_of(page(staff, "/findings/?state=due"))
    assert len(due) == len(rows_of(shown)) - 1
    one = words(page(staff, found().get_absolute_url()))
    assert f"Accepted by exception {row.name} until 23 Feb 2027" in one
    rows = list(csv.DictReader(io.StringIO(staff.get("/findings.csv").getvalue().decode())))
    assert [(r["Exception"], r["Accepted until"]) for r in rows if r["Rule"] == "MP-06"] == [
        (row.name, "23 Feb 2027")
    ]


def test_what_is_accepted_is_in_no_count_of_what_is_grave(staff: Client) -> None:
    finding = found()
    grave = fleet.count(NOW).findings
    row = approved()
    assert fleet.count(NOW).findings == grave - 1
    assert fleet.count(row.expires_at).findings == grave
    shown = words(page(staff, finding.tenant.get_absolute_url()))
    assert "Accepted until 23 Feb 2027" in shown


@pytest.mark.parametrize("how", ["expired", "outgrown", "withdrawn"])
def test_what_is_not_covered_any_more_counts_again(staff: Client, how: str) -> None:
    row = approved()
    if how == "expired":
        models.Acceptance.objects.filter(pk=row.pk).update(expires_at=NOW)
        assessing.refresh(row.tenant, NOW)
    elif how == "outgrown":
        reading.record(row.tenant, wide("198.51.100.0/24", "192.0.2.30"), NOW)
    else:
        exceptions.withdraw(row, "Gone.", NOW, user=robin())
    assert rows_of(page(staff, "/findings/?state=accepted")) == []
    assert "accepted for a while" not in words(page(staff, "/findings/"))


def test_an_exception_ends_by_the_clock_alone(staff: Client) -> None:
    row = approved()
    with time_machine.travel(row.expires_at, tick=False):
        client = signed_in(staff=True)
        assert rows_of(page(client, "/findings/?state=accepted")) == []
        shown = words(page(client, row.get_absolute_url()))
    assert "Expired" in shown
    assert "It was accepted until 23 Feb 2027." in shown


def test_what_judges_exceptions_cannot_be_excepted(staff: Client) -> None:
    exceptions.ask(found(), ASKED, NOW, user=robin())
    pending = found(rule="MP-13")
    assert f"/findings/{pending.pk}/exception/" not in page(staff, pending.get_absolute_url())


def test_the_words_of_its_states_are_said(staff: Client) -> None:
    rows = many()
    for name, word in (("pending", "Pending"), ("expired", "Expired"), ("refused", "Refused")):
        shown = page(staff, rows[name].get_absolute_url())
        assert f'<b class="excepted-state">{word}</b>' in shown
    outgrown = words(page(staff, rows["outgrown"].get_absolute_url()))
    assert "Its finding goes beyond it" in outgrown
    assert core.until(rows["outgrown"].expires_at) in outgrown
