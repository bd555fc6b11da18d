"""`manage.py report`: files of a stored report, and nothing made that could not be written."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pypdf
import pytest
from django.core.management import call_command

from mailposture import models
from mailposture.services import arranging
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant() -> models.Tenant:
    found = factories.tenant("fabrikam")
    factories.snapshot(found, factories.configuration(factories.lock()), factories.ago(days=3))
    return found


def asked(out: Path, kind: str = "csv") -> list[str]:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    days = ["--from", str(yesterday), "--to", str(yesterday + timedelta(days=1))]
    return ["fabrikam", *days, "--format", kind, "--out", str(out)]


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What the command says before it ends with 2."""
    with pytest.raises(SystemExit) as ended:
        call_command("report", *words)
    assert ended.value.code == 2
    return capsys.readouterr().err.strip()


def test_one_document_is_written_as_both_files(
    tenant: models.Tenant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("report", *asked(first := tmp_path / "first.csv"))
    row = models.Report.objects.get()
    for kind in ("csv", "pdf"):
        out = str(tmp_path / f"again.{kind}")
        call_command("report", "--number", str(row.pk), "--format", kind, "--out", out)
    assert models.Report.objects.count() == 1
    assert (tmp_path / "again.csv").read_bytes() == first.read_bytes()
    said = " ".join(pypdf.PdfReader(tmp_path / "again.pdf").pages[0].extract_text().split())
    assert row.sha256 in said
    assert capsys.readouterr().out.count(row.sha256) == 3


def test_a_report_of_a_tenant_that_was_removed_is_still_written(
    tenant: models.Tenant, tmp_path: Path
) -> None:
    call_command("report", *asked(first := tmp_path / "first.csv"))
    arranging.remove_tenant(tenant, factories.NOW)
    row = models.Report.objects.get()
    assert (row.tenant, row.tenant_name) == (None, "fabrikam")
    out = tmp_path / "later.csv"
    call_command("report", "--number", str(row.pk), "--format", "csv", "--out", str(out))
    assert out.read_bytes() == first.read_bytes()
    call_command("report", "--check", str(row.pk))


def test_where_it_cannot_be_written_no_report_is_made(
    tenant: models.Tenant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder").mkdir()
    for out in (tmp_path / "missing" / "x.csv", tmp_path / "folder"):
        assert f"{out} cannot be written" in refusal(capsys, *asked(out))
    assert not models.Report.objects.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize(
    "words",
    [
        ["--number", "1"],
        ["--number", "1", "--format", "csv"],
        ["fabrikam", "--number", "1", "--format", "csv", "--out", "x"],
        ["fabrikam", "--format", "csv", "--out", "x"],
        [],
    ],
)
def test_half_a_question_or_two_at_once_are_refused(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert refusal(capsys, *words).startswith("Say TENANT")


def test_a_number_nobody_gave_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x.csv"
    said = refusal(capsys, "--number", "7", "--format", "csv", "--out", str(out))
    assert said == "There is no finished report 7."
    assert not out.exists()
