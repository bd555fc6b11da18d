"""`manage.py probe` as its user runs it: a process of its own, against the lab."""

import dataclasses
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mailposture import models
from mailposture.services import oneoff, ownership
from tests.factories import NOW
from tests.labs import Lab

MANAGE = Path(__file__).parents[2] / "manage.py"


def run(*arguments: str, data: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command with nothing of this process's environment but the path."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    return subprocess.run(
        [sys.executable, str(MANAGE), "probe", *arguments],
        env={**kept, "DATA_DIR": str(data), **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def answer(*arguments: str, data: Path, **environment: str) -> tuple[int, dict[str, Any]]:
    """Its exit and the one document on its standard output."""
    done = run(*arguments, "--json", data=data, **environment)
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def data(lab: Lab) -> Path:
    """The data folder of the running lab: nothing else needs to be set."""
    return lab.folder.parent


@pytest.mark.parametrize(
    ("domain", "options", "exit_code", "verdicts"),
    [
        ("contoso.com", [], 3, {"foreign": "open", "own": "open", "null": "open"}),
        ("fabrikam.com", [], 0, {"foreign": "closed", "own": "closed", "null": "closed"}),
        ("tailspin.com", ["--sender-class", "null"], 3, {"null": "open"}),
        ("fabrikam.com", ["--source", "127.0.11.10", "--sender-class", "own"], 3, {"own": "open"}),
        ("contoso.com", ["--recipient", "nobody-here@contoso.com"], 4,
         {"foreign": "unknown", "own": "unknown", "null": "unknown"}),
    ],
)  # fmt: skip
def test_each_story_has_its_verdict_and_exit(
    data: Path, domain: str, options: list[str], exit_code: int, verdicts: dict[str, str]
) -> None:
    code, found = answer(domain, *options, data=data)
    assert code == exit_code
    assert {c: v["verdict"] for c, v in found["classes"].items()} == verdicts
    assert found["front_ends"] == 2


def test_the_document_has_what_the_readme_promises(data: Path) -> None:
    _, found = answer("fabrikam.com", data=data)
    assert set(found) >= {"domain", "endpoints", "verdict", "front_ends", "classes"}
    one = found["classes"]["foreign"]
    assert set(one) >= {
        "verdict", "reason", "control", "code", "reply", "stage", "endpoint", "source", "tls",
        "transcript",
    }  # fmt: skip
    assert one["control"] == "inbound connector"
    assert one["code"] == "550 5.7.51"
    assert one["stage"] == "rcpt"
    assert one["tls"]["version"] == "TLSv1.3"
    assert one["source"].startswith("127.")


def test_a_client_certificate_lets_the_hybrid_server_in(data: Path, lab: Lab) -> None:
    hybrid = next(s for s in lab.tenant("fabrikam")["sources"] if s["kind"] == "hybrid")
    code, found = answer(
        "fabrikam.com", "--source", hybrid["address"], "--client-cert", hybrid["certificate"],
        data=data,
    )  # fmt: skip
    assert code == 3
    assert found["classes"]["own"]["tls"]["client_certificate"] == "shown"


def test_it_prints_the_conversation_and_its_limits_in_words(data: Path) -> None:
    done = run("contoso.com", data=data)
    assert done.returncode == 3
    assert "RCPT TO:<postmaster@contoso.com>" in done.stdout
    assert "MAIL FROM:<>" in done.stdout
    assert "No DATA was sent" in done.stdout
    assert done.stderr == ""


def test_in_a_lab_it_writes_nothing_and_many_run_at_once(data: Path, tmp_path: Path) -> None:
    before = sorted(data.rglob("*"))
    codes: list[int] = []
    threads = [
        threading.Thread(target=lambda: codes.append(run("contoso.com", data=data).returncode))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [3, 3, 3, 3]
    assert sorted(data.rglob("*")) == before


@pytest.mark.parametrize(
    ("fault", "verdict", "why"),
    [
        ("no-starttls", "open", "In clear text: STARTTLS was not offered."),
        ("refuse-tls", "unknown", "The server refused STARTTLS."),
        ("break-tls", "unknown", "The TLS handshake came to nothing."),
    ],
)
def test_without_tls_it_goes_on_in_clear_and_says_so(
    data: Path, lab: Lab, fault: str, verdict: str, why: str
) -> None:
    lab.fault(tenant="contoso", fault=fault)
    _, found = answer("contoso.com", "--sender-class", "foreign", data=data)
    one = found["classes"]["foreign"]
    assert one["verdict"] == verdict
    assert one["reason"].endswith(why)
    assert one["tls"] is None


def test_front_ends_that_disagree_prove_nothing(data: Path, lab: Lab) -> None:
    front = lab.tenant("contoso")["front_ends"][1]
    lab.fault(tenant="contoso", fault="reputation", front_end=front)
    code, found = answer("contoso.com", "--sender-class", "foreign", data=data)
    assert code == 4
    assert "front end" in found["classes"]["foreign"]["reason"].lower()


def test_a_single_address_decides_alone_and_says_so(data: Path, lab: Lab) -> None:
    front = lab.tenant("contoso")["front_ends"][0]
    code, found = answer("contoso.com", "--endpoint", front, "--resolver", "127.0.0.1:9", data=data)
    assert (code, found["front_ends"]) == (3, 1)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port on loopback where nobody listens."""
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_where_nothing_answers_every_class_is_there_and_unknown(
    tmp_path: Path, closed_port: int
) -> None:
    code, found = answer(
        "contoso.com", "--endpoint", "127.0.0.1", "--port", str(closed_port),
        data=tmp_path, MAILPOSTURE_LAB_NETWORKS="127.0.0.0/8",
    )  # fmt: skip
    assert code == 4
    assert {c: v["verdict"] for c, v in found["classes"].items()} == dict.fromkeys(
        ("foreign", "own", "null"), "unknown"
    )
    assert "refused" in found["classes"]["own"]["reason"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["contoso.com", "--endpoint", "127.0.0.1"], "Microsoft mail name"),
        (["contoso.com", "--endpoint", "10.0.0.1"], "Microsoft mail name"),
        (["contoso.com", "--endpoint", "192.0.2.1", "--port", "587"], "25"),
        (["not a domain"], "not a mail domain"),
        (["contoso.com", "--port", "0"], "not a port"),
        (["contoso.com", "--source", "here"], "not an IP address"),
        (["contoso.com", "--recipient", "a>b@contoso.com"], "not an address"),
        (["contoso.com", "--client-cert", "/nowhere.pem"], "not a file"),
        (["contoso.com", "--resolver", "127.0.0.1:99999"], "not a port"),
    ],
)
def test_what_may_not_be_asked_is_refused_with_exit_2(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    done = run(*arguments, data=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_is_one_json_document_too(tmp_path: Path) -> None:
    code, found = answer("contoso.com", "--endpoint", "127.0.0.1", data=tmp_path)
    assert code == 2
    assert "Microsoft mail name" in found["error"]


class Answers:
    """A resolver that knows some TXT records; the real one is tested with real DNS."""

    def __init__(self, **known: list[str]) -> None:
        self.known = known

    def txt(self, name: str) -> list[str]:
        """The strings at this name."""
        return self.known.get(name.replace(".", "_"), [])


@pytest.mark.django_db
def test_a_txt_record_proves_a_domain_to_this_instance_alone(settings: Any, tmp_path: Path) -> None:
    settings.KEYS_DIR = tmp_path
    name, value = ownership.challenge("contoso.com")
    assert name == "_mailposture.contoso.com"
    assert value.startswith("mailposture=")
    assert value != ownership.challenge("fabrikam.com")[1]
    right = Answers(_mailposture_contoso_com=["v=spf1 -all", value])
    assert "TXT" in ownership.prove("contoso.com", right, NOW).how  # type: ignore[arg-type]
    wrong = Answers(_mailposture_contoso_com=["mailposture=00"])
    with pytest.raises(ownership.NotProvenError, match=r"_mailposture\.contoso\.com"):
        ownership.prove("contoso.com", wrong, NOW)  # type: ignore[arg-type]


@pytest.mark.django_db
def test_a_persons_word_counts_and_is_kept(settings: Any, tmp_path: Path) -> None:
    settings.KEYS_DIR = tmp_path
    nothing = Answers()
    with pytest.raises(ownership.NotProvenError):
        ownership.prove("contoso.com", nothing, NOW, "  ")  # type: ignore[arg-type]
    proof = ownership.prove("contoso.com", nothing, NOW, "asked by the owner")  # type: ignore[arg-type]
    assert "audit" in proof.how
    kept = models.AuditEvent.objects.get()
    assert (kept.subject, kept.detail) == ("contoso.com", {"reason": "asked by the owner"})


@pytest.mark.django_db
def test_a_recipient_elsewhere_needs_a_proof_of_its_own(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KEYS_DIR = tmp_path
    monkeypatch.setattr(oneoff, "Resolver", lambda _: Answers())
    asked = oneoff.Question(domain="contoso.com", classes=(), attest="asked by the owner")
    assert "attested" in oneoff._proof(asked, NOW)
    own = dataclasses.replace(asked, recipient="sales@contoso.com")
    assert "attested" in oneoff._proof(own, NOW)
    elsewhere = dataclasses.replace(asked, recipient="someone@fabrikam.com")
    with pytest.raises(ownership.NotProvenError, match=r"fabrikam\.com"):
        oneoff._proof(elsewhere, NOW)


def test_a_dead_resolver_beside_a_lab_is_unknown_whatever_the_port(tmp_path: Path) -> None:
    code, found = answer(
        "contoso.com", "--resolver", "127.0.0.1:9", "--port", "2525",
        data=tmp_path, MAILPOSTURE_LAB_NETWORKS="127.0.0.0/8",
    )  # fmt: skip
    assert code == 4
    assert set(found["classes"]) == {"foreign", "own", "null"}
    assert "DNS about contoso.com failed" in found["classes"]["own"]["reason"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAILPOSTURE_LAB_NETWORKS", "garbage"),
        ("PORT", "abc"),
        ("MAILPOSTURE_PROBE_EVERY", "often"),
    ],
)
def test_a_setting_that_cannot_be_read_is_one_line_and_exit_2(
    tmp_path: Path, name: str, value: str
) -> None:
    done = run("contoso.com", data=tmp_path, **{name: value})
    assert done.returncode == 2
    assert done.stderr.startswith(f"{name} cannot be read")
    assert len(done.stderr.splitlines()) == 1
