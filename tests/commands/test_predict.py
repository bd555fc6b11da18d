"""`predict` answers sessions from a bundle alone: one with its reasons, or many in one run."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from mailposture.core.attribution import read
from mailposture.core.configuration import Configuration
from mailposture.management.commands.predict import answers
from tests.commands.bundles import (
    GATEWAY,
    ROOT,
    STRANGER,
    bundle,
    connector,
    hybrid,
    kept,
    run,
    said,
)

LOCKED = bundle(connector("Lock"), hybrid())
OPEN = bundle()


def predicted(path: str, source: str, mail_from: str, *more: str) -> dict[str, Any]:
    session = ("--source", source, "--mail-from", mail_from, "--rcpt", "b@contoso.com")
    out, err = said("predict", path, *session, *more, "--json")
    assert err == ""
    found: dict[str, Any] = json.loads(out)
    return found


CERTIFIED = ("--tls", "--cert-name", "contoso.com")


@pytest.mark.parametrize(
    ("source", "mail_from", "more", "end"),
    [
        (STRANGER, "a@fabrikam.com", (), (False, "5.7.51", "Lock")),
        (STRANGER, "", (), (False, "5.7.51", "Lock")),
        (STRANGER, "<>", (), (False, "5.7.51", "Lock")),
        (GATEWAY, "a@fabrikam.com", (), (True, None, "Lock")),
        ("2001:db8::1", "a@fabrikam.com", (), (False, "5.7.51", "Lock")),
        (STRANGER, "a@contoso.com", CERTIFIED, (True, None, "Hybrid")),
        (STRANGER, "a@contoso.com", CERTIFIED[1:], (False, "5.7.51", "Lock")),
    ],
)
def test_one_session_is_answered(
    tmp_path: Path, source: str, mail_from: str, more: tuple[str, ...], end: tuple[Any, ...]
) -> None:
    found = predicted(kept(tmp_path, LOCKED), source, mail_from, *more)
    assert list(found) == ["accepted", "code", "connector", "assumptions", "trace"]
    assert (found["accepted"], found["code"], found["connector"]) == end
    assert all(isinstance(sentence, str) for sentence in found["trace"])


def test_a_certificate_without_tls_is_left_out_and_said_to_be(tmp_path: Path) -> None:
    found = predicted(kept(tmp_path, LOCKED), STRANGER, "", "--cert-name", "contoso.com")
    assert found["trace"][0].endswith("contoso.com was left out.")


def test_a_mapped_address_is_the_ipv4_address_it_stands_for_and_said_to_be(tmp_path: Path) -> None:
    path = kept(tmp_path, LOCKED)
    mapped = predicted(path, f"::ffff:{GATEWAY}", "a@fabrikam.com")
    plain = predicted(path, GATEWAY, "a@fabrikam.com")
    note = f"::ffff:{GATEWAY} is {GATEWAY} in the spelling of hosts with both families."
    assert mapped == plain | {"trace": [note, *plain["trace"]]}


@pytest.mark.parametrize(
    ("lacking", "assumption"),
    [
        ("InboundConnector", "inbound_connectors_unknown"),
        ("AcceptedDomain", "accepted_domains_unknown"),
        ("OrganizationConfig", "direct_send_setting_unknown"),
    ],
)
def test_what_the_bundle_lacks_is_named_and_answered_by_the_default(
    tmp_path: Path, lacking: str, assumption: str
) -> None:
    path = kept(tmp_path, bundle(**{lacking: None}))
    found = predicted(path, STRANGER, "a@contoso.com")
    assert found["accepted"]
    assert assumption in found["assumptions"]


def test_a_part_that_failed_is_noted_beside_the_answer(tmp_path: Path) -> None:
    path = kept(tmp_path, bundle(InboundConnector=[connector("Lock", Enabled="odd\x1b[2J")]))
    session = ("--source", STRANGER, "--mail-from", "", "--rcpt", "b@contoso.com")
    out, err = said("predict", path, *session)
    assert err == "Get-InboundConnector is incomplete: Enabled of Lock\n"
    assert "inbound_connectors_unknown: The answer is that of the connectors that were read" in out


def test_what_is_not_understood_of_a_connector_is_noted_beside_the_answer(tmp_path: Path) -> None:
    odd = connector("Lock", SenderIPAddresses=[GATEWAY, "gateway.example.net"])
    path = kept(tmp_path, bundle(odd))
    said_of = "SenderIPAddresses of Lock holds 'gateway.example.net', which is no address"
    session = ("--source", STRANGER, "--mail-from", "", "--rcpt", "b@contoso.com", "--json")
    out, err = said("predict", path, *session)
    assert err == f"Not understood: {said_of}.\n"
    assert f"Not understood: {said_of}." in json.loads(out)["trace"]
    assert said("reach", path, "--json")[1] == err


def test_a_bundle_of_other_cmdlets_is_answered_as_an_empty_one_is(tmp_path: Path) -> None:
    other = predicted(kept(tmp_path, {"Get-Foo": []}), STRANGER, "a@fabrikam.com")
    assert other == predicted(kept(tmp_path, {}), STRANGER, "a@fabrikam.com")


def test_the_text_for_people_gives_the_end_the_reasons_and_what_they_rest_on(
    tmp_path: Path,
) -> None:
    name = "Lock \x1b[31m\u202e to\ngateway"
    path = kept(tmp_path, bundle(connector(name)))
    session = ("--source", STRANGER, "--mail-from", "", "--rcpt", "b@contoso.com")
    out, _err = said("predict", path, *session)
    lines = out.splitlines()
    assert lines[0] == r"Refused: 5.7.51, decided by Lock \x1B[31m\u202E to gateway"
    assert [line for line in lines if line and line[0] != " "][1:] == ["Why", "Rests on"]
    assert "  null_sender_in_wildcard: " in out
    assert out.isascii()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--source", "here", "--mail-from", "", "--rcpt", "b@contoso.com"), "not an IP address"),
        (("--source", GATEWAY, "--mail-from", "a", "--rcpt", "b@contoso.com"), "has no domain"),
        (("--source", GATEWAY, "--mail-from", "", "--rcpt", "b"), "has no domain"),
        (("--source", GATEWAY), "Give --mail-from, --rcpt, or --sessions"),
        (("--sessions", "nowhere.jsonl"), "nowhere.jsonl: No such file"),
    ],
)
def test_bad_input_is_an_error_with_its_code(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    with pytest.raises(CommandError) as refused:
        said("predict", kept(tmp_path, OPEN), *arguments)
    assert says in str(refused.value)
    assert refused.value.returncode == 2


@pytest.mark.parametrize(
    ("document", "says"),
    [("{", "this is no JSON"), ("[]", "one JSON object"), ('{"a": 1}', "holds none of these")],
)
def test_a_bad_bundle_is_an_error_that_names_the_file(
    tmp_path: Path, document: str, says: str
) -> None:
    path = kept(tmp_path, document)
    with pytest.raises(CommandError) as refused:
        predicted(path, GATEWAY, "")
    assert str(refused.value).startswith(f"{path}: ")
    assert says in str(refused.value)
    assert refused.value.returncode == 2


# ---- many ----------------------------------------------------------------------------------

SESSIONS = [
    {"source": STRANGER, "mail_from": "a@fabrikam.com", "rcpt": "b@contoso.com", "tls": True},
    {"source": GATEWAY, "mail_from": "", "rcpt": "b@contoso.com", "tls": False, "cert_name": None},
    {
        "source": STRANGER,
        "mail_from": "a@contoso.com",
        "rcpt": "b@contoso.com",
        "tls": True,
        "cert_name": "contoso.com",
    },
    {"source": GATEWAY, "mail_from": None, "rcpt": "b@example.net"},
]
ENDS = ["5.7.51", None, None, "5.7.64"]


def test_many_sessions_are_answered_in_their_order_as_one_alone_is(tmp_path: Path) -> None:
    path = kept(tmp_path, LOCKED)
    lines = "\n".join(map(json.dumps, SESSIONS))
    out, err = said("predict", path, "--sessions", kept(tmp_path, lines, "s.jsonl"))
    found = [json.loads(line) for line in out.splitlines()]
    assert [one["code"] for one in found] == ENDS
    assert found[0] == predicted(path, STRANGER, "a@fabrikam.com", "--tls")
    assert err == ""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{", "the line is no JSON"),
        (b"\xff", "the line is no JSON"),
        (b"[" * 5000, "the line is no JSON"),
        (b"[]", "a session is a JSON object"),
        (b"{}", "source is missing"),
        (b'{"source": 1}', "source is no text"),
        (b'{"source": "203.0.113.10", "rcpt": ""}', "has no domain"),
        (b'{"source": "203.0.113.10", "rcpt": "b@c.d", "tls": "yes"}', "tls is true or false"),
        (b'{"source": "x"' + b" " * 100_000 + b"}", "too long"),
    ],
)
def test_a_line_that_is_no_session_is_answered_as_such(line: bytes, says: str) -> None:
    good = json.dumps(SESSIONS[0]).encode()
    first, bad, last = answers(read(Configuration()), iter([good, b" \n", line, good]))
    assert says in bad["error"]
    assert bad["line"] == 3
    assert first == last
    assert "error" not in first


def test_bad_lines_make_the_run_fail_after_all_are_answered(tmp_path: Path) -> None:
    lines = "\n".join(["odd", json.dumps(SESSIONS[0]), "{}"]).encode()
    (tmp_path / "s.jsonl").write_bytes(lines)
    ran = run(tmp_path, "predict", kept(tmp_path, LOCKED), "--sessions", "s.jsonl")
    assert [next(iter(json.loads(x))) for x in ran.stdout.splitlines()] == [
        "error",
        "accepted",
        "error",
    ]
    assert (ran.returncode, ran.stderr) == (
        1,
        b"CommandError: 2 lines are no session; the others are answered.\n",
    )


# ---- as it is run --------------------------------------------------------------------------


def test_nothing_is_needed_and_nothing_is_left_behind(tmp_path: Path) -> None:
    path = kept(tmp_path, LOCKED)
    session = ("--source", STRANGER, "--mail-from", "", "--rcpt", "b@contoso.com", "--json")
    ran = run(tmp_path, "predict", path, *session)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert json.loads(ran.stdout)["code"] == "5.7.51"
    assert [one.name for one in tmp_path.iterdir()] == ["bundle.json"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
def test_sessions_come_from_standard_input_as_either_powershell_pipes_them(
    tmp_path: Path, encoding: str
) -> None:
    lines = "\n".join(map(json.dumps, SESSIONS)).encode(encoding)
    ran = run(tmp_path, "predict", kept(tmp_path, LOCKED), "--sessions", "-", given=lines)
    assert [json.loads(line)["code"] for line in ran.stdout.splitlines()] == ENDS


def test_the_bundle_comes_from_standard_input_but_not_both(tmp_path: Path) -> None:
    given = json.dumps(LOCKED).encode()
    sessions = kept(tmp_path, json.dumps(SESSIONS[0]), "s.jsonl")
    ran = run(tmp_path, "predict", "-", "--sessions", sessions, given=given)
    assert json.loads(ran.stdout)["code"] == "5.7.51"
    ran = run(tmp_path, "predict", "-", "--sessions", "-", given=given)
    assert ran.returncode == 2
    assert b"Only one file" in ran.stderr


def test_each_answer_is_given_before_the_next_session_is_asked_for(tmp_path: Path) -> None:
    asked = [sys.executable, str(ROOT / "manage.py"), "predict", kept(tmp_path, LOCKED)]
    with subprocess.Popen(
        [*asked, "--sessions", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env={"PATH": os.environ["PATH"]},
    ) as running:
        assert running.stdin
        assert running.stdout
        for session, code in zip(SESSIONS, ENDS, strict=True):
            running.stdin.write(json.dumps(session) + "\n")
            assert json.loads(running.stdout.readline())["code"] == code
        running.stdin.close()
        assert running.wait(30) == 0


def test_whoever_reads_may_stop_reading(tmp_path: Path) -> None:
    lines = "\n".join([json.dumps(SESSIONS[0])] * 3000)
    sessions = kept(tmp_path, lines, "s.jsonl")
    asked = [sys.executable, str(ROOT / "manage.py"), "predict", kept(tmp_path, LOCKED)]
    with subprocess.Popen(
        [*asked, "--sessions", sessions],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"]},
    ) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(60) == 1
