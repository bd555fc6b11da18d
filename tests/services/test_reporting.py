"""Reports as rows: asked for, claimed, made from what is stored, and the same ever after."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from mailposture import models
from mailposture.core import codec
from mailposture.core.compliance import LeftOut, Period, Report
from mailposture.services import gathering, reporting
from tests import factories as make
from tests.factories import NOW, ago

pytestmark = pytest.mark.django_db

TODAY, TOMORROW = date(2026, 11, 25), date(2026, 11, 26)
CLOCK = lambda: NOW  # noqa: E731 - a clock that stands still


@pytest.fixture
def tenant() -> models.Tenant:
    """fabrikam: locked and refused since four days ago, opened for two hours yesterday."""
    found = make.tenant("fabrikam", standing={"sources": {}})
    make.source(found)
    domains = ("fabrikam.com",)
    make.snapshot(found, make.configuration(make.lock(), domains=domains), ago(days=4))
    place = make.stranger()
    for path in make.paths(found, place, domains):
        first = make.answered(path, "closed", ago(days=4))
        models.Observation.objects.filter(pk=first.pk).update(last_at=ago(days=1))
        opened = make.answered(path, "open", ago(hours=23))
        models.Observation.objects.filter(pk=opened.pk).update(last_at=ago(hours=21))
        make.answered(path, "closed", ago(hours=20))
        path.windows.create(
            tenant=found, last_closed_at=ago(days=1), first_open_at=ago(hours=23),
            last_open_at=ago(hours=21), first_closed_at=ago(hours=20),
        )  # fmt: skip
    found.coverage.create(
        vantage_point=place, part=0, since=ago(days=4), until=ago(minutes=4), runs=17
    )
    return found


def made(tenant: models.Tenant, since: date, until: date) -> models.Report:
    row = reporting.ask(tenant, since, until, NOW)
    ((pk, attempt),) = reporting.claim(NOW)
    reporting.make(pk, attempt, CLOCK)
    row.refresh_from_db()
    return row


def results(row: models.Report) -> dict[str, str]:
    return {one["id"]: one["result"] for one in row.document["requirements"]}


def test_a_report_is_made_from_the_rows(tenant: models.Tenant) -> None:
    row = made(tenant, date(2026, 11, 22), TOMORROW)
    assert (row.state, row.catalogue, row.as_of) == ("done", "mailposture 2026-11-25", NOW)
    report = codec.load(Report, row.document)
    assert report.minutes_open == 120
    assert report.minutes_at_most == 240
    assert len(report.windows) == 3
    assert report.state == "Closed"
    assert results(row) == {
        "MP-01": "satisfied", "MP-02": "not_satisfied", "MP-03": "not_satisfied",
        "MP-04": "not_satisfied", "MP-05": "not_satisfied", "MP-08": "satisfied",
        "MP-11": "satisfied",
    }  # fmt: skip
    lines = {p["line"] for r in row.document["requirements"] for p in r["evidence"]}
    assert "250 2.1.5 Recipient OK" in lines


def test_a_day_on_which_it_was_refused_throughout_is_satisfied(tenant: models.Tenant) -> None:
    found = results(made(tenant, date(2026, 11, 22), date(2026, 11, 23)))
    assert [found[i] for i in ("MP-01", "MP-03", "MP-04", "MP-05")] == ["satisfied"] * 4


def test_the_days_before_the_first_look_are_unknown(tenant: models.Tenant) -> None:
    found = results(made(tenant, date(2026, 11, 1), date(2026, 11, 23)))
    assert [found[i] for i in ("MP-01", "MP-04", "MP-05")] == ["unknown"] * 3
    assert found["MP-03"] == "unknown"


def test_an_open_door_lasts_until_it_was_last_seen(tenant: models.Tenant) -> None:
    for path in tenant.paths.all():
        path.windows.create(tenant=tenant, first_open_at=ago(hours=2))
        models.Observation.objects.filter(pk=path.current_id or 0).update(last_at=ago(hours=3))
        make.answered(path, "open", ago(hours=2))
    period = Period(since=TODAY, until=TOMORROW, as_of=NOW)
    openings = gathering.gather(tenant, period).openings
    assert {o.window.last_open for o in openings if o.window.first_closed is None} == {
        ago(minutes=4)
    }


def test_beyond_the_bound_the_weightiest_is_read_and_the_rest_is_counted(
    tenant: models.Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    period = Period(since=date(2026, 11, 22), until=TOMORROW, as_of=NOW)
    place = models.VantagePoint.objects.get(slug="frankfurt")
    (path,) = make.paths(tenant, place, ["fabrikam.net"], ["foreign"])
    make.answered(path, "unknown", ago(minutes=5))
    approved = models.VantagePoint.objects.get(plays="source")
    make.answered(make.paths(tenant, approved)[0], "open", ago(days=2))
    whole = gathering.gather(tenant, period)
    assert [sum(a.verdict == v for a in whole.answers) for v in ("open", "closed", "unknown")] == [
        3, 6, 1,
    ]  # fmt: skip
    assert whole.left_out == LeftOut()

    monkeypatch.setattr(gathering, "MOST", 7)
    cut = gathering.gather(tenant, period)
    assert [a.verdict for a in cut.answers] == ["open"] * 3 + ["closed"] * 4
    assert cut.left_out == LeftOut(answers=3)
    monkeypatch.setattr(gathering, "MOST", 2)
    cut = gathering.gather(tenant, period)
    assert (len(cut.answers), len(cut.openings)) == (2, 2)
    assert cut.left_out == LeftOut(answers=8, openings=1)
    assert cut.readings == whole.readings


def test_a_report_that_could_not_read_all_says_so_and_satisfies_nothing_by_answers(
    tenant: models.Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant.windows.all().delete()
    models.Observation.objects.filter(verdict="open").update(verdict="unknown")
    monkeypatch.setattr(gathering, "MOST", 9)
    row = made(tenant, TODAY, TOMORROW)
    assert [one["count"] for one in row.document["not_read"]] == []
    assert results(row)["MP-03"] == "satisfied"
    row.delete()
    monkeypatch.setattr(gathering, "MOST", 2)
    row = made(tenant, TODAY, TOMORROW)
    assert [one["what"] for one in row.document["not_read"]] == ["answers of strangers"]
    assert {results(row)[i] for i in ("MP-03", "MP-04", "MP-05")} == {"unknown"}
    assert b"were not read" in reporting.render(row, "csv").content


@pytest.mark.parametrize(
    ("since", "until", "why"),
    [
        (TODAY, TODAY, "ends before"),
        (TOMORROW, TODAY, "ends before"),
        (TOMORROW, date(2026, 11, 27), "not begun"),
        (date(2025, 1, 1), date(2026, 11, 1), "at most 400 days"),
        (date(1, 1, 1), date(2, 1, 31), "begins in 2000 or later"),
        (date(1999, 12, 31), date(2000, 1, 2), "begins in 2000 or later"),
    ],
)
def test_a_period_that_makes_no_sense_is_refused_in_words(
    tenant: models.Tenant, since: date, until: date, why: str
) -> None:
    with pytest.raises(reporting.PeriodError, match=why):
        reporting.ask(tenant, since, until, NOW)
    assert not models.Report.objects.exists()


def test_the_same_document_gives_the_same_files_whatever_happens_later(
    tenant: models.Tenant,
) -> None:
    row = made(tenant, TODAY, TOMORROW)
    before = [reporting.render(row, kind).content for kind in ("pdf", "csv")]
    models.Observation.objects.all().delete()
    tenant.name = "renamed"
    tenant.save()
    row = models.Report.objects.get()
    assert [reporting.render(row, kind).content for kind in ("pdf", "csv")] == before
    assert (
        reporting.render(row, "pdf").name == f"mailposture-fabrikam-20261125-20261126-{row.pk}.pdf"
    )


def test_a_document_that_was_touched_is_not_whole(tenant: models.Tenant) -> None:
    row = made(tenant, TODAY, TOMORROW)
    assert reporting.is_whole(row)
    row.document["requirements"][0]["result"] = "satisfied"
    row.document["lead"] = "All is well."
    assert not reporting.is_whole(row)


def test_a_claim_is_a_lease(tenant: models.Tenant) -> None:
    reporting.ask(tenant, TODAY, TOMORROW, NOW)
    ((pk, first),) = reporting.claim(NOW)
    assert reporting.claim(NOW) == []
    ((_, second),) = reporting.claim(NOW + reporting.LEASE)
    reporting.make(pk, first, CLOCK)
    assert models.Report.objects.get().state == "waiting"
    reporting.make(pk, second, CLOCK)
    assert models.Report.objects.get().state == "done"


def test_one_report_is_made_at_a_time_the_earliest_first(tenant: models.Tenant) -> None:
    for day in (23, 24, 22):
        reporting.ask(tenant, date(2026, 11, day), TOMORROW, NOW)
    order = []
    for _ in range(3):
        ((pk, attempt),) = reporting.claim(NOW)
        assert reporting.claim(NOW) == []
        reporting.make(pk, attempt, CLOCK)
        order.append(models.Report.objects.get(pk=pk).since.day)
    assert order == [23, 24, 22]
    assert reporting.claim(NOW) == []


def test_a_report_whose_maker_died_three_times_is_set_aside_and_can_be_asked_again(
    tenant: models.Tenant,
) -> None:
    row = reporting.ask(tenant, TODAY, TOMORROW, NOW)
    now = NOW
    for _ in range(3):
        assert reporting.claim(now)
        now += reporting.LEASE
    assert reporting.claim(now) == []
    row.refresh_from_db()
    assert row.state == "failed"
    assert "three attempts" in row.problem
    reporting.ask_again(row, now)
    assert len(reporting.claim(now)) == 1


def test_what_goes_wrong_is_said_on_the_report(
    tenant: models.Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Any:
        raise RuntimeError("rows of another time")

    monkeypatch.setattr(gathering, "gather", broken)
    row = made(tenant, TODAY, TOMORROW)
    assert (row.state, row.document) == ("failed", {})
    assert "worker's log" in row.problem


@pytest.mark.parametrize("paths", [1, 40])
def test_evidence_costs_the_same_queries(paths: int, django_assert_max_num_queries: Any) -> None:
    found = make.tenant()
    place = make.stranger()
    for path in make.paths(found, place, [f"d{n}.example" for n in range(paths)]):
        seen = make.answered(path, "open", ago(days=1))
        path.windows.create(tenant=found, first_open_at=ago(days=1))
        models.Observation.objects.filter(pk=seen.pk).update(last_at=ago(hours=9))
        make.answered(path, "unknown", ago(hours=8))
    with django_assert_max_num_queries(17):
        gathering.gather(found, Period(since=TODAY, until=TOMORROW, as_of=NOW))


# ---- the command ---------------------------------------------------------------------------


def test_the_command_writes_the_file_and_keeps_the_row(
    tenant: models.Tenant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    for kind, sign in (("pdf", b"%PDF-"), ("csv", b"tenant,")):
        out = tmp_path / f"report.{kind}"
        call_command(
            "report", "fabrikam", "--from", str(yesterday), "--to",
            str(yesterday + timedelta(days=1)), "--format", kind, "--out", str(out),
        )  # fmt: skip
        assert out.read_bytes().startswith(sign)
    assert models.Report.objects.filter(state="done").count() == 2
    row = models.Report.objects.latest("pk")
    assert row.sha256 in capsys.readouterr().out
    call_command("report", "--check", str(row.pk))
    assert "is whole" in capsys.readouterr().out

    models.Report.objects.filter(pk=row.pk).update(document={**row.document, "lead": "x"})
    with pytest.raises(CommandError, match="not the document"):
        call_command("report", "--check", str(row.pk))


@pytest.mark.parametrize(
    ("given_", "why"),
    [
        (["fabrikam"], "Say TENANT"),
        (["nobody", "--from", "2026-11-01", "--to", "2026-11-02"], "No tenant is called"),
        (["fabrikam", "--from", "yesterday", "--to", "2026-11-02"], "is not a day"),
        (["fabrikam", "--from", "2026-11-03", "--to", "2026-11-02"], "ends before"),
        (["--check", "999"], "no finished report"),
    ],
)
def test_what_the_command_cannot_do_it_says_in_one_line_and_exits_2(
    tenant: models.Tenant, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    given_: list[str], why: str,
) -> None:  # fmt: skip
    more = ["--format", "csv", "--out", str(tmp_path / "x.csv")] if "--from" in given_ else []
    with pytest.raises(SystemExit) as ended:
        call_command("report", *given_, *more)
    assert ended.value.code == 2
    said = capsys.readouterr().err.strip()
    assert why in said
    assert "\n" not in said


def test_a_file_that_cannot_be_written_is_said(
    tenant: models.Tenant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        call_command(
            "report", "fabrikam", "--from", "2026-11-20", "--to", "2026-11-21", "--format", "csv",
            "--out", str(tmp_path / "no" / "x.csv"),
        )  # fmt: skip
    assert "cannot be written" in capsys.readouterr().err
