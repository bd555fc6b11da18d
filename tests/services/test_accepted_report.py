"""A report made from rows says which requirement is accepted for a while, in every file of it."""

import csv
import io
from datetime import timedelta
from typing import Any

import pypdf
import pytest
from django.contrib.auth.models import User
from django.test import Client

from mailposture import models
from mailposture.adapters.documents import pdf
from mailposture.services import exceptions, reading, reporting
from tests import factories as make
from tests.factories import NOW, ago
from tests.services.test_exceptions import ASKED

pytestmark = pytest.mark.django_db
SAID = "Accepted by exception {name} from 24 Nov 2026 until 23 Feb 2027"


@pytest.fixture
def report(settings: Any) -> models.Report:
    """The report of a day of a tenant whose lock is turned off, by an exception."""
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.fabrikam.com"
    tenant = make.tenant()
    make.source(tenant)
    reading.record(tenant, make.configuration(make.lock(enabled=False)), ago(days=3))
    tenant.snapshots.update(last_seen_at=NOW)
    finding = tenant.findings.get(rule="MP-01", closed_at=None)
    alex = User.objects.create_user("alex", is_staff=True)
    row = exceptions.ask(finding, ASKED, ago(days=1, hours=1), user=alex)
    exceptions.approve(row, "", ago(days=1), user=alex)
    today = NOW.date()
    found = reporting.ask(tenant, today - timedelta(days=2), today, NOW)
    ((pk, attempt),) = reporting.claim(NOW)
    reporting.make(pk, attempt, lambda: NOW)
    found.refresh_from_db()
    assert found.state == "done", found.problem
    return found


def test_every_file_says_accepted_and_none_says_satisfied(report: models.Report) -> None:
    row = models.Acceptance.objects.get()
    said = SAID.format(name=row.name)
    kept = {one["id"]: one for one in report.document["requirements"]}
    assert (kept["MP-01"]["result"], kept["MP-01"]["accepted"]) == ("not_satisfied", said)
    assert kept["MP-02"]["accepted"] == ""
    assert kept["MP-13"]["result"] == "satisfied"
    assert "approved by alex, who asked for it" in kept["MP-13"]["evidence"][0]["says"]
    file = reporting.render(report, "csv")
    rows = list(csv.DictReader(io.StringIO(file.content.decode())))
    assert {r["accepted"] for r in rows if r["requirement"] == "MP-01"} == {said}
    drawn = pdf.render(report.document, number=str(report.pk), sha256=report.sha256)
    pages = " ".join(p.extract_text() for p in pypdf.PdfReader(io.BytesIO(drawn)).pages)
    assert said in " ".join(pages.split())


def test_the_page_says_so_as_well(report: models.Report) -> None:
    client = Client()
    client.force_login(User.objects.get())
    shown = client.get(f"/reports/{report.pk}/").content.decode()
    row = models.Acceptance.objects.get()
    assert shown.count(SAID.format(name=row.name)) == 2
    assert "Not met, and accepted for a while." in shown
