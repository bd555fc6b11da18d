"""An order is done once; one whose worker was killed, once more and not a third time."""

import os
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailposture.adapters.nonces import SeenError, forget, taken

ROOT = Path(__file__).parents[2]


def killed_while_doing(folder: Path, nonce: str) -> None:
    """Another process takes the order and is killed with -9 in the middle of it."""
    code = f"""
        import pathlib, sys
        from mailposture.adapters.nonces import taken
        with taken(pathlib.Path({str(folder)!r}), {nonce!r}):
            print("taken", flush=True)
            sys.stdin.read()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "taken\n"
        with pytest.raises(SeenError, match="being done"), taken(folder, nonce):
            pass
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)


def test_an_answered_order_is_not_done_again(tmp_path: Path) -> None:
    with taken(tmp_path / "seen", "0a"):
        pass
    with pytest.raises(SeenError, match="answered"), taken(tmp_path / "seen", "0a"):
        pass
    with taken(tmp_path / "seen", "0b"):
        pass


def test_an_order_is_not_done_beside_itself(tmp_path: Path) -> None:
    with (
        taken(tmp_path, "0a"),
        pytest.raises(SeenError, match="being done"),
        taken(tmp_path, "0a"),
    ):
        pass


def test_an_order_that_failed_may_be_done_once_more(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ConnectionError), taken(tmp_path, "0a"):
            raise ConnectionError
    with pytest.raises(SeenError, match="twice"), taken(tmp_path, "0a"):
        pass


def test_an_order_whose_worker_was_killed_is_done_once_more_and_no_third_time(
    tmp_path: Path,
) -> None:
    killed_while_doing(tmp_path, "0a")
    killed_while_doing(tmp_path, "0a")
    with pytest.raises(SeenError, match="ended its worker twice"), taken(tmp_path, "0a"):
        pass


@pytest.mark.parametrize("nonce", ["", "0", "../0a", "0A", "0a/0b", "0a\n", "a" * 65, "."])
def test_what_is_no_nonce_names_no_file(tmp_path: Path, nonce: str) -> None:
    with pytest.raises(SeenError, match="without a nonce"), taken(tmp_path / "seen", nonce):
        pass
    assert not list(tmp_path.rglob("*"))


def test_what_is_too_old_to_be_taken_is_forgotten(tmp_path: Path) -> None:
    for nonce in ("0a", "0b"):
        with taken(tmp_path, nonce):
            pass
    old = datetime.now(tz=UTC) - timedelta(hours=2)
    os.utime(tmp_path / "0a", (old.timestamp(), old.timestamp()))
    forget(tmp_path, old + timedelta(hours=1))
    forget(tmp_path / "nowhere", old)
    assert [file.name for file in tmp_path.iterdir()] == ["0b"]


def test_it_is_for_its_user_alone(tmp_path: Path) -> None:
    with taken(tmp_path / "seen", "0a"):
        pass
    assert (tmp_path / "seen").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "seen" / "0a").stat().st_mode & 0o777 == 0o600
