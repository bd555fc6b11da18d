"""Reports on pages: asked for, watched, read, taken along as files."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from mailposture import models
from mailposture.services import arranging, reporting
from mailposture.services.pages import reports as pages
from tests import factories as make
from tests.factories import NOW, ago
from tests.web.fleet_rows import SCRIPT, page, signed_in, words

pytestmark = pytest.mark.django_db
ASKED = {"tenant": "fabrikam", "from": "2026-11-24", "to": "2026-11-26"}


@pytest.fixture(autouse=True)
def at_one_moment() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def tenant() -> models.Tenant:
    found = make.tenant("fabrikam")
    make.snapshot(found, make.configuration(make.lock(name=f"={SCRIPT}")), ago(days=3))
    for path in make.paths(found, make.stranger(), ("fabrikam.com",)):
        make.answered(path, "closed", ago(days=3))
    return found


@pytest.fixture
def staff() -> Client:
    return signed_in(staff=True)


def finish() -> models.Report:
    for pk, attempt in reporting.claim(NOW):
        reporting.make(pk, attempt, lambda: NOW)
    return models.Report.objects.latest("pk")


def test_nothing_yet_says_what_to_do(staff: Client) -> None:
    said = words(page(staff, "/reports/"))
    assert said.startswith("No report was made yet.")
    assert "There is no tenant to report on." in said


def test_the_form_offers_thirty_days_and_the_tenant_of_the_address(
    staff: Client, tenant: models.Tenant
) -> None:
    markup = page(staff, "/reports/?tenant=fabrikam")
    assert 'value="2026-10-27"' in markup
    assert 'value="2026-11-26"' in markup
    assert '<option value="fabrikam" selected>' in markup


def test_a_report_is_asked_for_watched_and_read(staff: Client, tenant: models.Tenant) -> None:
    said = words(staff.post("/reports/", ASKED, follow=True).content.decode())
    assert "Being made" in said
    assert 'hx-trigger="every 2s"' in page(staff, "/reports/table/")
    row = finish()
    assert "hx-trigger" not in page(staff, "/reports/table/")
    said = words(page(staff, f"/reports/{row.pk}/"))
    assert "MP-03" in said
    assert "CIS has no control" in said
    assert row.sha256 in said


@pytest.mark.parametrize(
    ("kind", "type_", "sign"),
    [("pdf", "application/pdf", b"%PDF-"), ("csv", "text/csv; charset=utf-8", b"tenant,since")],
)
def test_files_come_as_attachments_with_a_safe_name(
    staff: Client, tenant: models.Tenant, kind: str, type_: str, sign: bytes
) -> None:
    staff.post("/reports/", ASKED)
    row = finish()
    answer = staff.get(f"/reports/{row.pk}.{kind}")
    assert answer.status_code == 200
    assert answer["Content-Type"] == type_
    name = f"mailposture-fabrikam-20261124-20261126-{row.pk}.{kind}"
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    assert answer.content.startswith(sign)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"from": "2026-11-26"}, "ends before"), ({"from": "yesterday"}, "Write a day as"),
        ({"to": ""}, "Write a day as"), ({"from": "2020-01-01"}, "at most 400 days"),
    ],
)  # fmt: skip
def test_a_period_that_makes_no_sense_stays_in_the_form_with_the_reason(
    staff: Client, tenant: models.Tenant, change: dict[str, str], why: str
) -> None:
    answer = staff.post("/reports/", {**ASKED, **change})
    assert answer.status_code == 422
    assert why in words(answer.content.decode())
    assert not models.Report.objects.exists()


def test_a_tenant_that_no_database_can_look_up_is_not_there(
    staff: Client, tenant: models.Tenant
) -> None:
    assert staff.post("/reports/", {**ASKED, "tenant": "fabri\0kan"}).status_code == 404
    assert "\0" not in staff.get("/reports/?tenant=a%00b").content.decode()
    assert not models.Report.objects.exists()


def test_one_that_failed_can_be_made_again(staff: Client, tenant: models.Tenant) -> None:
    staff.post("/reports/", ASKED)
    models.Report.objects.update(state="failed", problem="It could not be made.")
    row = models.Report.objects.get()
    assert "It could not be made." in words(page(staff, "/reports/"))
    staff.post(f"/reports/{row.pk}/again/")
    assert finish().state == "done"


def test_what_is_not_finished_or_not_there_is_404(staff: Client, tenant: models.Tenant) -> None:
    staff.post("/reports/", ASKED)
    row = models.Report.objects.get()
    for address in (f"/reports/{row.pk}/", f"/reports/{row.pk}.pdf", "/reports/99/"):
        assert staff.get(address).status_code == 404
    finish()
    assert staff.get(f"/reports/{row.pk}.exe").status_code == 404
    assert staff.post("/reports/", {**ASKED, "tenant": "nobody"}).status_code == 404


def test_who_may_only_look_reads_and_asks_for_none(staff: Client, tenant: models.Tenant) -> None:
    staff.post("/reports/", ASKED)
    row = finish()
    viewer = signed_in(staff=False)
    assert "Make the report" not in page(viewer, "/reports/")
    assert viewer.get(f"/reports/{row.pk}.pdf").status_code == 200
    assert viewer.post("/reports/", ASKED).status_code == 404
    assert viewer.post(f"/reports/{row.pk}/again/").status_code == 404
    assert Client().get(f"/reports/{row.pk}.pdf").status_code == 302


def test_hostile_names_stay_text(staff: Client, tenant: models.Tenant) -> None:
    staff.post("/reports/", ASKED)
    row = finish()
    assert SCRIPT not in page(staff, f"/reports/{row.pk}/")
    assert row.document["connectors"][0]["name"] == f"={SCRIPT}"


def test_the_page_says_what_the_files_hold_and_what_no_file_does(
    staff: Client, tenant: models.Tenant
) -> None:
    reporting.ask(tenant, NOW.date(), NOW.date() + timedelta(days=1), NOW)
    row = finish()
    (first, *rest) = row.document["requirements"]
    more = {"evidence": first["evidence"][:1] * 200, "left_out": 100}
    models.Report.objects.update(document=row.document | {"requirements": [first | more, *rest]})
    said = words(page(staff, f"/reports/{row.pk}/"))
    (known,) = [v for n, v in row.document["rests_on"] if n == "Known from strangers' answers"]
    assert f"Known from answers {known}" in said
    assert "And 190 more in the files. 100 more of the same kind are in none" in said
    assert "a report lists 200 at most for each requirement." in said


def test_a_report_of_a_tenant_that_is_gone_is_read_without_links_to_it(
    staff: Client, tenant: models.Tenant
) -> None:
    reporting.ask(tenant, NOW.date(), NOW.date() + timedelta(days=1), NOW)
    row = finish()
    arranging.remove_tenant(tenant, NOW)
    shown = page(staff, f"/reports/{row.pk}/")
    assert "fabrikam, watched no more" in words(shown)
    assert "/tenants/fabrikam/" not in shown
    assert 'href="/observations/' not in shown
    listed = words(page(staff, "/reports/"))
    assert f"fabrikam #{row.pk}, watched no more" in listed
    assert staff.get(f"/reports/{row.pk}.csv").content.startswith(b"tenant,")


def test_a_document_that_was_touched_is_said_so(staff: Client, tenant: models.Tenant) -> None:
    staff.post("/reports/", ASKED)
    row = finish()
    models.Report.objects.update(document={**row.document, "lead": "All is well."})
    assert "not the document that was made" in words(page(staff, f"/reports/{row.pk}/"))


@pytest.mark.parametrize("count", [2, 60])
def test_the_list_costs_the_same_for_many(
    staff: Client, tenant: models.Tenant, count: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    for _ in range(count):
        models.Report.objects.create(
            tenant=tenant, tenant_name=tenant.name, since=NOW.date(), until=NOW.date(),
            created_at=NOW, due_at=NOW,
        )  # fmt: skip
    with django_assert_max_num_queries(10):
        page(staff, "/reports/")


def test_of_very_many_tenants_the_name_is_typed_and_the_list_asks_for_none(
    staff: Client, tenant: models.Tenant, monkeypatch: pytest.MonkeyPatch,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    make.tenant("northwind")
    assert '<select id="of"' in page(staff, "/reports/")
    monkeypatch.setattr(pages, "MOST_TENANTS", 1)
    assert "The name of a tenant." in page(staff, "/reports/")
    assert staff.post("/reports/", {**ASKED, "tenant": "Fabrikam"}).status_code == 302
    assert models.Report.objects.get().tenant == tenant
    assert (
        "No tenant has this name."
        in staff.post("/reports/", {**ASKED, "tenant": "fabri"}).content.decode()
    )
    with django_assert_max_num_queries(10) as asked:
        assert staff.get("/reports/table/").status_code == 200
    of_tenants = [
        q["sql"] for q in asked.captured_queries if 'FROM "mailposture_tenant"' in q["sql"]
    ]
    assert all("LIMIT" in sql for sql in of_tenants)
