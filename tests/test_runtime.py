"""Facts of a running demo are believed exactly as long as somebody holds their lock."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mailposture import runtime

HOLD = """
import sys, time
from pathlib import Path
from mailposture import runtime
with runtime.holding(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def hold_elsewhere(lock: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"held\n"
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_the_lab_is_found_while_it_holds_its_lock_and_not_after_a_kill(tmp_path: Path) -> None:
    runtime.write(tmp_path / "lab" / "lab.json", {"resolver": "127.0.0.1:5353"})
    assert runtime.lab(tmp_path) is None
    holder = hold_elsewhere(tmp_path / "lab" / "lab.lock")
    assert runtime.lab(tmp_path) == {"resolver": "127.0.0.1:5353"}
    end(holder)
    assert runtime.lab(tmp_path) is None


def test_a_lock_is_held_by_one_process_at_a_time(tmp_path: Path) -> None:
    lock = tmp_path / "supervisor.lock"
    holder = hold_elsewhere(lock)
    with pytest.raises(runtime.AlreadyRunningError), runtime.holding(lock, patience=0.1):
        pass
    end(holder)
    with runtime.holding(lock, patience=5):
        assert runtime.is_held(lock)


def test_a_reader_at_the_wrong_moment_does_not_stop_a_start(tmp_path: Path) -> None:
    lock = tmp_path / "supervisor.lock"
    lock.touch()
    script = (
        "import fcntl, sys, time\nf = open(sys.argv[1])\nfcntl.flock(f, fcntl.LOCK_SH)\n"
        "print('read', flush=True)\ntime.sleep(0.3)"
    )
    reader = subprocess.Popen([sys.executable, "-c", script, lock], stdout=subprocess.PIPE)
    assert reader.stdout
    assert reader.stdout.readline() == b"read\n"
    with runtime.holding(lock, patience=10):
        assert reader.wait(5) == 0
    reader.communicate()


def test_asking_creates_nothing(tmp_path: Path) -> None:
    assert runtime.supervisor(tmp_path) is None
    assert runtime.lab(tmp_path / "nowhere") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", "[]", '"text"', "\x00"])
def test_what_is_no_json_object_counts_as_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "runtime.json").write_text(content)
    with runtime.holding(tmp_path / "supervisor.lock"):
        assert runtime.supervisor(tmp_path) is None


def test_the_environment_wins_over_a_running_supervisor(tmp_path: Path) -> None:
    runtime.write(tmp_path / "runtime.json", {"broker_url": "redis://own", "database_url": None})
    with runtime.holding(tmp_path / "supervisor.lock"):
        assert runtime.broker_url(tmp_path, {}) == "redis://own"
        assert runtime.broker_url(tmp_path, {"BROKER_URL": "redis://other"}) == "redis://other"
        assert runtime.database_url(tmp_path, {}) is None
        assert runtime.database_url(tmp_path, {"DATABASE_URL": "postgres://x"}) == "postgres://x"
    assert runtime.broker_url(tmp_path, {}) is None


def test_facts_are_written_whole_and_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "runtime.json"
    runtime.write(path, {"broker_url": "redis://:password@127.0.0.1:1/0"})
    runtime.write(path, {"pid": 1})
    assert runtime.read(path) == {"pid": 1}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["runtime.json"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Path.cwd() / "data"),
        ({"DATA_DIR": ""}, Path.cwd() / "data"),
        ({"DATA_DIR": "elsewhere"}, Path.cwd() / "elsewhere"),
        ({"DATA_DIR": "/srv/mailposture"}, Path("/srv/mailposture")),
    ],
)
def test_the_data_folder_is_absolute(environment: dict[str, str], expected: Path) -> None:
    assert runtime.data_dir(environment) == expected


def test_a_child_does_not_inherit_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "supervisor.lock"
    with runtime.holding(lock):
        child = subprocess.Popen(["sleep", "600"], close_fds=False)
    try:
        assert not runtime.is_held(lock)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
