"""The command `tenant`: prompting or from files, never a secret in plain sight."""

import getpass
import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.management import CommandError, call_command
from django.test import override_settings

from mailposture import models
from mailposture.adapters.exchange.checking import Step
from mailposture.services import checking, secrets
from tests import factories
from tests.factories import NOW
from tests.labs import Lab, lab, lab_process
from tests.services.test_credentials import pem_of
from tests.web.setup_rows import APP, MISSING, UNKNOWN, found

__all__ = ["lab", "lab_process"]

pytestmark = pytest.mark.django_db
TENANT = "0b6f0d8e-55a7-4b0f-9f0a-6f1f3f2f1a10"
SECRET = "h8Q~a-secret-of-the-app"
NAMED = ("--name", "Litware", "--tenant-id", TENANT, "--client-id", APP)


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("tenant", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Type these answers, and this secret where nothing shows."""

    def type_in(*answers: str, hidden: str = "") -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{a}\n" for a in answers)))
        monkeypatch.setattr(getpass, "getpass", lambda _prompt: hidden)

    return type_in


def test_a_tenant_is_added_by_answering(typed: Callable[..., None]) -> None:
    typed("Litware", TENANT, APP, hidden=SECRET)
    said = run("add")
    tenant = models.Tenant.objects.get()
    assert (tenant.slug, str(tenant.tenant_id), tenant.cloud) == ("litware", TENANT, "worldwide")
    assert secrets.credential_of(tenant).secret == SECRET
    assert SECRET not in said
    assert "manage.py tenant check litware" in said


def test_a_wrong_answer_is_asked_again(
    typed: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    typed("Litware", "litware.com", TENANT, APP, hidden=SECRET)
    run("add")
    assert "'litware.com' is not a GUID" in capsys.readouterr().out
    assert models.Tenant.objects.exists()


def test_a_tenant_is_added_from_files(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    run("add", *NAMED, "--secret-file", str(file))
    assert secrets.credential_of(models.Tenant.objects.get()).secret == SECRET
    who = models.AuditEvent.objects.values_list("action", flat=True)
    assert set(who) == {"added tenant", "set credential"}


def test_a_name_that_turns_text_around_is_refused(
    typed: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET)
    with pytest.raises(CommandError, match=r"U\+202E"):
        run("add", "--name", "Lit\u202eware", *NAMED[2:], "--secret-file", str(file))
    typed("Lit\u202eware", "Litware")
    run("add", *NAMED[2:], "--secret-file", str(file))
    assert "U+202E" in capsys.readouterr().out
    assert models.Tenant.objects.get().name == "Litware"


def test_no_option_takes_a_secret_itself() -> None:
    for option in ("--secret", "--client-secret", "--passphrase", "--password"):
        with pytest.raises(CommandError):
            run("add", *NAMED, option, SECRET)
    assert not models.Tenant.objects.exists()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--cloud", "moon"), "There is no cloud 'moon'; there are worldwide, gcc-high"),
        (("--secret-file", "EMPTY"), "Give the client secret's value."),
        (("--certificate", "EMPTY", "--passphrase-file", "EMPTY"), "This is not a PFX file."),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_added(
    tmp_path: Path, more: tuple[str, ...], says: str
) -> None:
    (tmp_path / "EMPTY").write_text("")
    given = [str(tmp_path / m) if m == "EMPTY" else m for m in more]
    with pytest.raises(CommandError) as refused:
        run("add", *NAMED, *given)
    assert says in str(refused.value)
    assert refused.value.returncode == 2
    assert not models.Tenant.objects.exists()


@pytest.mark.parametrize("asks", [True, False], ids=["asked for", "from a file"])
def test_a_certificate_with_a_passphrase_is_opened(
    tmp_path: Path, typed: Callable[..., None], asks: bool
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (tmp_path / "app.pem").write_bytes(pem_of(key, b"wingtip"))
    (tmp_path / "passphrase").write_text("wingtip\n")
    typed(hidden="wingtip")
    more = () if asks else ("--passphrase-file", str(tmp_path / "passphrase"))
    said = run("add", *NAMED, "--certificate", str(tmp_path / "app.pem"), *more)
    assert "until 2028-01-01" in said
    assert "wingtip" not in said


def test_a_tenant_is_added_once(tmp_path: Path) -> None:
    factories.tenant(tenant_id=TENANT)
    with pytest.raises(CommandError, match="watched already, as contoso"):
        run("add", *NAMED)


def test_without_anyone_to_ask_it_says_what_is_missing(typed: Callable[..., None]) -> None:
    typed()
    with pytest.raises(CommandError, match="Nobody answered 'Name:'; give it as an option"):
        run("add")


def test_the_list_is_one_line_a_tenant() -> None:
    factories.tenant("fabrikam", state="open")
    factories.tenant("con\x1b[31mtoso", slug="contoso", fetched_at=None)
    lines = run("list").splitlines()
    assert lines[0] == "contoso\tunknown\tnever read\tcon [31mtoso"
    assert lines[1] == "fabrikam\topen\t2026-11-25 07:59\tfabrikam"


@pytest.mark.parametrize(
    ("checked", "code", "says"),
    [
        (found(), 0, "View-Only Configuration: granted. Yes."),
        (found(directory=MISSING), 4, "View-Only Configuration: missing. No."),
        (found(app=UNKNOWN, directory=UNKNOWN), 4, "Exchange.ManageAsApp: not known."),
        (
            found(token=Step(ok=False, says="AADSTS7000215", fix="Paste the value.")),
            4,
            "sign-in: missing. AADSTS7000215\n  Paste the value.",
        ),
    ],
)
def test_the_check_says_both_halves_and_exits_by_them(
    monkeypatch: pytest.MonkeyPatch, checked: checking.Checked, code: int, says: str
) -> None:
    factories.tenant()
    monkeypatch.setattr(checking, "check", lambda *_: checked)
    out, ended = io.StringIO(), 0
    try:
        call_command("tenant", "check", "contoso", stdout=out)
    except SystemExit as end:
        ended = int(str(end.code))
    assert ended == code
    assert says in out.getvalue()


def test_a_server_cannot_write_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    factories.tenant()
    loud = found(directory=Step(ok=True, says="\x1b]0;evil\x07"))
    monkeypatch.setattr(checking, "check", lambda *_: loud)
    assert "\x1b" not in run("check", "contoso")


@pytest.mark.parametrize("asked", ["check", "remove"])
def test_a_tenant_nobody_knows_is_refused(asked: str) -> None:
    with pytest.raises(CommandError, match="There is no tenant 'nobody'"):
        run(asked, "nobody")


def test_a_tenant_is_removed_by_typing_its_name(typed: Callable[..., None]) -> None:
    factories.tenant()
    typed("contos")
    with pytest.raises(CommandError, match="Nothing was removed"):
        run("remove", "contoso")
    assert models.Tenant.objects.exists()
    typed("contoso")
    assert "is watched no more" in run("remove", "contoso")
    assert not models.Tenant.objects.exists()


def test_a_tenant_is_removed_without_asking_where_told_so() -> None:
    factories.tenant()
    run("remove", "contoso", "--yes")
    assert not models.Tenant.objects.exists()
    assert models.AuditEvent.objects.get().action == "removed tenant"


def test_finished_reports_stay_when_their_tenant_goes_and_unfinished_ones_do_not() -> None:
    of = factories.tenant("fabrikam")
    for state in ("done", "waiting", "failed"):
        of.reports.create(
            tenant_name=of.name, since=NOW.date(), until=NOW.date(), created_at=NOW, due_at=NOW,
            state=state,
        )  # fmt: skip
    assert "Its finished reports stay: 1." in run("remove", "fabrikam", "--yes")
    (kept,) = models.Report.objects.all()
    assert (kept.state, kept.tenant, kept.tenant_name) == ("done", None, "fabrikam")
    assert models.AuditEvent.objects.get().detail["reports_kept"] == [kept.pk]


# ---- against the lab: real sign-in, real HTTPS ---------------------------------------------------


def add_from_lab(lab: Lab, slug: str, folder: Path) -> None:
    story = lab.tenant(slug)
    way = ["--certificate", story.get("certificate", "")]
    if secret := story.get("client_secret"):
        (folder / slug).write_text(secret)
        way = ["--secret-file", str(folder / slug)]
    named = ["--name", story["name"], "--tenant-id", story["tenant_id"], "--cloud", "lab"]
    run("add", *named, "--client-id", story["client_id"], *way)


@pytest.mark.parametrize("slug", ["contoso", "fabrikam"], ids=["by secret", "by certificate"])
def test_a_lab_tenant_is_added_and_both_halves_are_there(
    lab: Lab, tmp_path: Path, slug: str
) -> None:
    add_from_lab(lab, slug, tmp_path)
    said = run("check", slug)
    assert "Exchange.ManageAsApp: granted." in said
    assert "View-Only Configuration: granted." in said


def test_the_half_that_a_lab_tenant_lacks_is_named(lab: Lab, tmp_path: Path) -> None:
    add_from_lab(lab, "proseware", tmp_path)
    out = io.StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("tenant", "check", "proseware", stdout=out)
    assert end.value.code == 4
    assert "Exchange.ManageAsApp: granted." in out.getvalue()
    assert "View-Only Configuration: missing." in out.getvalue()
    assert "View-Only Configuration" in out.getvalue().splitlines()[-1]


def test_a_wrong_secret_is_told_from_a_missing_half(lab: Lab, tmp_path: Path) -> None:
    add_from_lab(lab, "contoso", tmp_path)
    (tmp_path / "wrong").write_text("wrong")
    models.Tenant.objects.all().delete()
    story = lab.tenant("contoso")
    named = ["--name", "Contoso", "--tenant-id", story["tenant_id"], "--cloud", "lab"]
    run("add", *named, "--client-id", APP, "--secret-file", str(tmp_path / "wrong"))
    out = io.StringIO()
    with pytest.raises(SystemExit), override_settings(LAB=lab.facts):
        call_command("tenant", "check", "contoso", stdout=out)
    assert "sign-in: missing." in out.getvalue()
    assert "Not asked" in out.getvalue()
