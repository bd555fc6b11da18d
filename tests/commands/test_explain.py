"""`explain` names a reply with nothing set up, whatever is pasted into it."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from mailposture.core.signs import Name
from mailposture.management.commands.explain import Command, decoded
from tests.core.bounces import BOUNCES, DSN_FOLDED, LOCKED

ROOT = Path(__file__).parents[2]


def explain(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("explain", *arguments, stdout=out, **options)
    return out.getvalue()


def run(tmp_path: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """The command as people run it: in a folder of its own, with an empty environment."""
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "explain", *arguments],
        input=given,
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path / "data")},
        timeout=60,
    )


def test_json_holds_exactly_the_four_things() -> None:
    said = json.loads(explain(LOCKED, "--json"))
    assert list(said) == ["verdict", "control", "meaning", "next"]
    assert said["verdict"] == "restricted_connector"
    assert said["control"] == "inbound connector"


def test_the_text_names_all_four_and_breaks_its_lines() -> None:
    text = explain(LOCKED)
    assert [line.split()[0] for line in text.splitlines() if line[0] != " "] == [
        "Verdict",
        "Control",
        "Meaning",
        "Next",
    ]
    assert max(map(len, text.splitlines())) <= 88
    assert "none that we know" in explain("250 2.1.5 Recipient OK")


@pytest.mark.parametrize(
    ("stage", "name"),
    [("rcpt", "accepted"), ("RCPT", "accepted"), ("mail", "other"), ("unknown", "other")],
)
def test_the_stage_may_be_told(stage: str, name: str) -> None:
    assert json.loads(explain("250 OK", "--stage", stage, "--json"))["verdict"] == name


@pytest.mark.parametrize("arguments", [["-"], []])
def test_a_bounce_is_read_from_standard_input(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(DSN_FOLDED.encode())))
    assert json.loads(explain(*arguments, "--json"))["verdict"] == "restricted_connector"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (LOCKED.encode(), LOCKED),
        (b"\xef\xbb\xbf" + LOCKED.encode(), LOCKED),
        (LOCKED.encode("utf-16"), LOCKED),
        (b"550 \xff\x00", "550 \N{REPLACEMENT CHARACTER}\x00"),
    ],
)
def test_any_bytes_are_text(data: bytes, text: str) -> None:
    assert decoded(data) == text


@pytest.mark.parametrize("nothing", ["", "  \n"])
def test_nothing_to_explain_is_a_mistake_of_use(nothing: str) -> None:
    with pytest.raises(CommandError) as raised:
        explain(nothing)
    assert raised.value.returncode == 2


def test_a_terminal_without_a_reply_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    with pytest.raises(CommandError, match="pipe one in"):
        explain()


def test_it_asks_for_no_system_check() -> None:
    assert tuple(Command.requires_system_checks) == ()


def test_it_runs_with_nothing_set_up_and_writes_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, "--json", given="\n".join(text for _, text in BOUNCES.values()).encode())
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["verdict"] in set(Name)
    assert list(tmp_path.iterdir()) == []


def test_control_characters_never_reach_the_terminal(tmp_path: Path) -> None:
    nasty = b"550 5.7.51 \x1b]0;owned\x07\x1b[2J\x9b31m TenantInboundAttribution \xff"
    done = run(tmp_path, given=nasty)
    assert done.returncode == 0
    assert done.stdout.startswith(b"Verdict  restricted_connector\n")
    assert done.stdout.replace(b"\n", b"").decode("ascii").isprintable()


@pytest.mark.parametrize(
    "arguments", [["--stage", "never", "x"], ["--nonsense"], ["a", "b"], ["-"]]
)
def test_a_mistake_of_use_ends_with_two(arguments: list[str], tmp_path: Path) -> None:
    done = run(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr
