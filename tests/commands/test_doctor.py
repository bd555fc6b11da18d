"""`manage.py doctor`: what is wrong is said in words with its cure, and the exit code tells."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from mailposture import models
from mailposture.adapters.exchange.checking import Step
from mailposture.services import checking, doctor
from mailposture.services.doctor import Level, Line, reach, stands, watched
from mailposture.services.doctor import lines as words
from tests import factories as make
from tests.adapters.dns_server import name_server
from tests.mailservers import answers, free_port, scripted, sink

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(
    request: pytest.FixtureRequest, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A data folder of its own, whose keys others cannot read; names are asked in one test."""
    if "resolver" not in request.node.name:
        monkeypatch.setattr(reach, "names", lambda **_: Line(Level.OK, "names", "not asked"))
    settings.DATA_DIR = tmp_path
    settings.KEYS_DIR = tmp_path / "keys"
    settings.BROKER_URL = None
    settings.RESOLVER = f"127.0.0.1:{free_port()}"
    return tmp_path


def lines(*, offline: bool = True, tenant: str = "") -> dict[str, Line]:
    """What is found, by what it is about; the last of each."""
    found = doctor.examine(timezone.now, offline=offline, tenant=tenant)
    return {line.what: line for line in found}


def test_an_installation_that_is_well_says_so() -> None:
    now = timezone.now()
    place = make.stranger(heard_at=now, asked_at=now)
    tenant = make.tenant(probe_due_at=now, fetch_due_at=now)
    make.answered(make.paths(tenant, place)[0], "closed", now)
    found = lines()
    assert {line.level for line in found.values()} == {Level.OK}
    assert found.keys() == {
        "keys", "data folder", "database", "central worker", "reader", "errands worker",
        "vantage point frankfurt", "port 25 from frankfurt",
    }  # fmt: skip


def test_before_there_is_a_table_nothing_of_what_is_watched_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    missing = iter(
        [words.problem("database", "3 migrations are not applied.", "manage.py migrate")]
    )
    monkeypatch.setattr(stands, "database", lambda _clock: missing)
    assert lines().keys() == {"keys", "data folder", "database"}


def test_without_the_network_nothing_is_asked() -> None:
    assert not {"queue", "mail", "names", "port 25", "clock"} & lines().keys()


def test_keys_that_others_may_read_are_a_problem(folder: Path) -> None:
    (folder / "keys").mkdir(mode=0o700)
    (folder / "keys" / "ring").write_text("x")
    (folder / "keys" / "ring").chmod(0o644)
    line = lines()["keys"]
    assert (line.level, line.mend) == (Level.PROBLEM, f"chmod -R go-rwx {folder / 'keys'}")


def test_a_silent_place_is_to_be_looked_at() -> None:
    now = timezone.now()
    make.stranger(heard_at=now - timedelta(minutes=9), asked_at=now)
    line = lines()["vantage point frankfurt"]
    assert line.level is Level.WARNING
    assert "Silent" in line.says


def test_a_credential_that_no_key_here_opens_is_named() -> None:
    tenant = make.tenant()
    models.Credential.objects.create(
        tenant=tenant,
        kind="secret",
        client_id=tenant.tenant_id,
        sealed="gAAAA",
        updated_at=make.NOW,
    )
    line = lines()["credentials"]
    assert line.level is Level.PROBLEM
    assert "contoso" in line.says


@pytest.mark.parametrize(
    ("url", "level", "says"),
    [
        (None, Level.WARNING, "SMTP_URL is not set. 1 mail waits."),
        ("smtp://", Level.WARNING, "names no host"),
        ("smtp://127.0.0.1:1", Level.PROBLEM, "127.0.0.1"),
    ],
)
def test_mail_that_cannot_be_sent_is_said(
    settings: Any, url: str | None, level: Level, says: str
) -> None:
    models.Delivery.objects.create(recipient="me@example.com", created_at=make.NOW, due_at=make.NOW)
    settings.SMTP_URL = url
    line = lines(offline=False)["mail"]
    assert line.level is level
    assert says in line.says


def test_a_mail_server_is_greeted_and_handed_nothing(settings: Any) -> None:
    with sink() as server:
        settings.SMTP_URL = server.url
        assert lines(offline=False)["mail"].level is Level.OK
    assert server.taken == []
    with scripted(answers(b"554 \x1b[31mno\r\n")) as url:
        settings.SMTP_URL = url
        line = lines(offline=False)["mail"]
    assert (line.level, "\x1b" in line.says) == (Level.PROBLEM, False)


def test_a_real_queue_answers_and_a_missing_one_is_a_problem(settings: Any, valkey: Any) -> None:
    settings.BROKER_URL = valkey if isinstance(valkey, str) else valkey.url
    found = lines(offline=False)
    assert found["queue"].level is not Level.PROBLEM
    assert found["clock"] == Line(Level.OK, "clock", "The clock of the queue agrees with ours.")
    settings.BROKER_URL = f"redis://127.0.0.1:{free_port()}/0"
    line = lines(offline=False)["queue"]
    assert (line.level, line.mend) == (Level.PROBLEM, "Start it, or check BROKER_URL.")
    settings.BROKER_URL = None
    assert "nothing runs" in lines(offline=False)["queue"].says


@pytest.mark.parametrize(
    ("seconds", "says"),
    [(-11, "is 11 s behind."), (9, "agrees with ours."), (3600, "is 3600 s ahead.")],
)
def test_a_clock_that_is_off_is_said_with_how_far(seconds: int, says: str) -> None:
    line = words.clock("queue", make.NOW + timedelta(seconds=seconds), make.NOW)
    assert line.says.endswith(says)
    assert (line.level is Level.OK) == (not line.mend)


def test_an_empty_key_is_a_problem(folder: Path) -> None:
    (folder / "keys").mkdir(mode=0o700)
    (folder / "keys" / "ring").touch(mode=0o600)
    assert (lines()["keys"].level, lines()["keys"].says) == (Level.PROBLEM, "Nothing is in ring.")


def test_mails_that_came_to_nobody_lately_are_said_with_the_latest_reason() -> None:
    now = timezone.now()
    for days, state, answer in (
        (1, "gave_up", "The sender ended"), (2, "refused", "550 5.1.1 no"), (8, "gave_up", "old"),
        (0, "sent", "250 ok"),
    ):  # fmt: skip
        at = now - timedelta(days=days)
        models.Delivery.objects.create(
            recipient="me@example.com", created_at=at, due_at=at, done_at=at, state=state,
            answer=answer,
        )  # fmt: skip
    line = lines()["mail"]
    assert line.level is Level.WARNING
    assert line.says == (
        "In the last 7 days 2 mails were refused or given up; the latest: The sender ended"
    )


@pytest.mark.parametrize(
    ("late", "worker"),
    [({"probe_due_at": 1}, "central worker"), ({"fetch_due_at": 1}, "reader"),
     ({"mail": 1}, "errands worker")],
)  # fmt: skip
def test_work_that_nobody_did_names_the_worker_that_is_missing(
    settings: Any, late: dict[str, int], worker: str
) -> None:
    settings.SMTP_URL = "smtp://127.0.0.1:1"
    long_ago = timezone.now() - timedelta(hours=2)
    due: dict[str, Any] = {name: long_ago for name in late if name != "mail"}
    tenant = make.tenant(**due)
    models.Credential.objects.create(
        tenant=tenant, kind="secret", client_id=tenant.tenant_id, sealed="", updated_at=make.NOW
    )
    if "mail" in late:
        models.Delivery.objects.create(
            recipient="me@example.com", created_at=long_ago, due_at=long_ago
        )
    found = lines()
    workers = {name: found[name].level for name in ("central worker", "reader", "errands worker")}
    assert workers.pop(worker) is Level.PROBLEM
    assert set(workers.values()) == {Level.OK}


def test_a_resolver_that_does_not_answer_is_a_problem() -> None:
    assert lines(offline=False)["names"].level is Level.PROBLEM


def test_in_a_lab_the_resolver_is_asked_for_what_the_lab_knows(settings: Any) -> None:
    with name_server({("contoso.com", "MX"): ["10 mx1.contoso.com."]}) as address:
        settings.LAB = {"resolver": address}
        assert reach.names(tables=True).says.startswith("Not asked")
        make.tenant(cloud="lab").endpoints.create(
            domain="contoso.com", host="x.mail.protection.outlook.com", found_by="mx",
            first_seen_at=make.NOW,
        )  # fmt: skip
        assert reach.names(tables=True) == Line(Level.OK, "names", "The lab answers.")
        assert reach.names(tables=False).says.startswith("Not asked")
    assert reach.names(tables=True).level is Level.PROBLEM


def test_each_tenants_grant_is_asked_or_only_the_one_that_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("contoso", "fabrikam"):
        tenant = make.tenant(name)
        models.Credential.objects.create(
            tenant=tenant, kind="secret", client_id=tenant.tenant_id, sealed="", updated_at=make.NOW
        )

    def asked(tenant: models.Tenant, _clock: object) -> checking.Checked:
        good, bad = Step(ok=True, says="yes"), Step(ok=False, says="403", fix="Give it the role.")
        role = good if tenant.name == "contoso" else bad
        return checking.Checked(
            at=make.NOW, took=0.1, token=good, app_role=good, directory_role=role
        )

    monkeypatch.setattr(checking, "check", asked)
    monkeypatch.setattr(watched, "credentials", lambda: iter(()))
    found = lines(offline=False)
    assert found["tenant contoso"].level is Level.OK
    line = found["tenant fabrikam"]
    assert (line.level, line.says, line.mend) == (Level.PROBLEM, "403", "Give it the role.")
    assert "tenant fabrikam" not in lines(offline=False, tenant="contoso")


@pytest.mark.parametrize(("well", "code"), [(True, 0), (False, 1)])
def test_the_command_says_it_in_lines_and_by_its_exit_code(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    well: bool,
    code: int,
) -> None:
    if not well:
        (folder / "keys").mkdir(mode=0o755)
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", "--offline")
    assert ended.value.code == code
    said = capsys.readouterr().out.splitlines()
    assert all(line.split()[0] in ("ok", "warning", "problem") for line in said)

    with pytest.raises(SystemExit):
        call_command("doctor", "--offline", "--json")
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all(document.keys() == {"level", "what", "says", "mend"} for document in documents)


def test_however_many_tenants_do_not_answer_the_whole_ends_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    clock = [make.NOW]

    def slow(tenant: models.Tenant, _clock: object) -> checking.Checked:
        asked.append(tenant.slug)
        clock[0] += timedelta(seconds=25)
        late = Step(ok=False, says="no answer in time", fix="Try later.")
        return checking.Checked(
            at=clock[0], took=25, token=late, app_role=late, directory_role=late
        )

    for n in range(30):
        tenant = make.tenant(f"t{n:02}")
        models.Credential.objects.create(
            tenant=tenant, kind="secret", client_id=tenant.tenant_id, sealed="", updated_at=make.NOW
        )
    monkeypatch.setattr(checking, "check", slow)
    found = list(watched.tenants(lambda: clock[0], ""))
    assert clock[0] - make.NOW <= watched.ALL_TENANTS + timedelta(seconds=25)
    assert (len(asked), len(found)) == (8, 9)
    assert found[-1].says == "22 were not asked: the time for all of them was over."
