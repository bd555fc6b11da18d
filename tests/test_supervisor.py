"""The supervisor with small children: order, restarts, and nothing left behind, ever."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from mailposture.management.supervisor import Log, plain
from tests.servers import is_alive, until

ROOT = Path(__file__).parent.parent

# A family: prints its numbers; the grandchild hides in a session of its own. Tells its end.
FAMILY = """
import os, signal, subprocess, sys, time
name = sys.argv[1]
nap = "import os, time; os.setsid(); time.sleep(600)"
grandchild = subprocess.Popen([sys.executable, "-c", nap])
def leave(*_):
    print(name, "leaves", time.monotonic_ns(), flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if "deaf" in sys.argv else leave)
print("pid", os.getpid(), flush=True)
print("pid", grandchild.pid, flush=True)
time.sleep(600)
"""

HOUSE = """
import asyncio, os, sys
from pathlib import Path
from mailposture.management.supervisor import Program, StartError, Supervisor
data, family = Path(sys.argv[1]), sys.argv[2]
def say(line): print(line, flush=True)
def member(name, stage, *more, **options):
    command = (sys.executable, "-c", family, name, *more)
    return Program(name=name, command=command, stage=stage, **options)
def shell(name, stage, script, **options):
    return Program(name=name, command=("/bin/sh", "-c", script), stage=stage, **options)
async def never(): return False
async def up(): say("up")
PROGRAMS = [{programs}]
house = Supervisor(logs=data, folder=data, environment=dict(os.environ), say=say)
try: asyncio.run(house.run(PROGRAMS, up))
except StartError as error:
    say(str(error)); sys.exit(1)
"""


class House:
    """A supervisor in a process of its own, and what it and its children said."""

    def __init__(self, data: Path, programs: str) -> None:
        self.data = data
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOUSE.format(programs=programs), str(data), FAMILY],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().rstrip("\n")

    def log(self, name: str) -> list[list[str]]:
        path = self.data / f"{name}.log"
        if not path.exists():
            return []
        return [
            line.split()
            for line in path.read_text().splitlines(keepends=True)
            if line.endswith("\n")
        ]

    def family(self, name: str, members: int = 2) -> list[int]:
        """The numbers of a child and its grandchild, once both are there."""
        return until(lambda: found if len(found := self._pids(name)) >= members else [])

    def _pids(self, name: str) -> list[int]:
        return [int(line[1]) for line in self.log(name) if line[0] == "pid"]

    def guardians(self) -> list[int]:
        return [child.pid for child in psutil.Process(self.process.pid).children()]


def gone(pids: list[int]) -> bool:
    return not any(is_alive(pid) for pid in pids)


@pytest.fixture
def houses() -> Iterator[list[House]]:
    found: list[House] = []
    yield found
    for house in found:
        if house.process.poll() is None:
            house.process.kill()
        house.process.communicate()


def settle(houses: list[House], data: Path, programs: str) -> House:
    houses.append(House(data, programs))
    assert houses[-1].line() == "up"
    return houses[-1]


THREE = 'member("first", 0), member("second", 1), member("third", 2)'


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_latest_first(
    houses: list[House], tmp_path: Path, signum: signal.Signals
) -> None:
    house = settle(houses, tmp_path, THREE)
    everybody = [pid for name in ("first", "second", "third") for pid in house.family(name)]
    # To the whole group, as a terminal does it: the children must not hear it themselves.
    os.killpg(house.process.pid, signum)
    assert house.process.wait(10) == 0
    assert gone(everybody)
    left = {
        line[0]: int(line[2])
        for name in ("first", "second", "third")
        for line in house.log(name)
        if "leaves" in line
    }
    assert sorted(left, key=lambda name: left[name]) == ["third", "second", "first"]


def test_kill_9_leaves_nobody_grandchildren_included(houses: list[House], tmp_path: Path) -> None:
    house = settle(houses, tmp_path, 'member("first", 0), member("second", 1, "deaf")')
    everybody = [*house.family("first"), *house.family("second"), *house.guardians()]
    assert len(everybody) == 6
    house.process.kill()
    house.process.wait(10)
    until(lambda: gone(everybody), seconds=5)
    assert not any("leaves" in line for line in house.log("first"))


def test_kill_9_while_it_starts_leaves_nobody(houses: list[House], tmp_path: Path) -> None:
    houses.append(House(tmp_path, 'member("slow", 0, ready=never)'))
    everybody = houses[0].family("slow")
    houses[0].process.kill()
    houses[0].process.wait(10)
    until(lambda: gone(everybody), seconds=5)
    assert gone(everybody)


def test_a_guardian_killed_9_takes_its_child_and_is_replaced(
    houses: list[House], tmp_path: Path
) -> None:
    house = settle(houses, tmp_path, 'member("first", 0)')
    before = house.family("first")
    os.kill(house.guardians()[0], signal.SIGKILL)
    assert house.line() == "first ended with -9; starting it again in 0.5 s"
    assert gone(before)
    after = house.family("first", members=4)[2:]
    assert not gone(after)


def test_a_child_that_dies_is_started_again_with_growing_pauses(
    houses: list[House], tmp_path: Path
) -> None:
    house = settle(houses, tmp_path, 'shell("frail", 0, "echo once more; exit 3")')
    assert [house.line() for _ in range(3)] == [
        "frail ended with 3; starting it again in 0.5 s",
        "frail ended with 3; starting it again in 1 s",
        "frail ended with 3; starting it again in 2 s",
    ]
    assert house.log("frail") == [["once", "more"]] * 3


def test_a_child_killed_by_a_signal_is_said_so(houses: list[House], tmp_path: Path) -> None:
    house = settle(houses, tmp_path, 'shell("frail", 0, "kill -9 $$")')
    assert house.line() == "frail ended with 137; starting it again in 0.5 s"


def test_a_deaf_child_is_killed_after_its_grace(houses: list[House], tmp_path: Path) -> None:
    house = settle(houses, tmp_path, 'member("deaf", 0, "deaf", grace=0.3)')
    everybody = house.family("deaf")
    house.process.terminate()
    assert house.process.wait(5) == 0
    assert gone(everybody)


def test_asked_twice_it_does_not_wait_for_the_deaf(houses: list[House], tmp_path: Path) -> None:
    house = settle(houses, tmp_path, 'member("deaf", 0, "deaf", grace=600)')
    everybody = house.family("deaf")
    house.process.terminate()
    assert house.line() == "Stopping. Ctrl-C once more stops everything at once."
    house.process.terminate()
    assert house.process.wait(5) == 0
    assert gone(everybody)


def test_what_does_not_start_is_said_with_its_last_words(
    houses: list[House], tmp_path: Path
) -> None:
    script = "until grep -c pid first.log | grep -q 2; do :; done; echo no such address; exit 2"
    broken = f'shell("broken", 1, "{script}", ready=never)'
    houses.append(House(tmp_path, f'member("first", 0), {broken}'))
    said, _ = houses[0].process.communicate(timeout=10)
    assert said == "broken did not start:\nno such address\n"
    assert houses[0].process.returncode == 1
    assert gone(houses[0].family("first"))


def test_what_never_gets_ready_is_given_up(houses: list[House], tmp_path: Path) -> None:
    houses.append(House(tmp_path, 'member("slow", 0, ready=never, patience=0.4)'))
    said, _ = houses[0].process.communicate(timeout=10)
    assert said == f"slow was not ready after 0.4 s: see {tmp_path / 'slow.log'}\n"
    assert gone(houses[0].family("slow"))


def test_a_step_runs_once_before_what_follows_it(houses: list[House], tmp_path: Path) -> None:
    step = 'shell("step", 0, "sleep 0.2; echo done > made; echo ran", once=True)'
    house = settle(houses, tmp_path, f'{step}, shell("after", 1, "cat made; sleep 600")')
    until(lambda: house.log("after") == [["done"]])
    assert house.log("step") == [["ran"]]


def test_a_step_that_fails_stops_the_start(houses: list[House], tmp_path: Path) -> None:
    step = 'shell("step", 0, "echo nothing to enrol; exit 1", once=True)'
    houses.append(House(tmp_path, f'{step}, member("after", 1)'))
    said, _ = houses[0].process.communicate(timeout=10)
    assert said == "step did not start:\nnothing to enrol\n"
    assert not (tmp_path / "after.log").exists()


def test_a_command_that_is_not_there_is_named(houses: list[House], tmp_path: Path) -> None:
    houses.append(House(tmp_path, 'Program(name="x", command=("/no/such",), stage=0, ready=never)'))
    said, _ = houses[0].process.communicate(timeout=10)
    assert said == "x did not start:\n/no/such: No such file or directory\n"


def test_a_child_sees_its_own_environment_and_no_keyboard(
    houses: list[House], tmp_path: Path
) -> None:
    script = 'shell("child", 0, "cat; echo $COLOUR; sleep 600", environment=dict(COLOUR="blue"))'
    house = settle(houses, tmp_path, script)
    until(lambda: house.log("child") == [["blue"]])
    assert house.process.poll() is None


def test_a_log_has_a_cap_and_keeps_the_file_before(tmp_path: Path) -> None:
    log = Log(tmp_path / "child.log", largest=100)
    for number in range(30):
        log.write(b"line %03d\n" % number)
    log.close()
    assert (tmp_path / "child.log.1").stat().st_size <= 100
    kept = (tmp_path / "child.log.1").read_text() + (tmp_path / "child.log").read_text()
    assert kept.splitlines()[-1] == "line 029"
    assert len(kept.splitlines()) > 10
    assert list(log.last) == [f"line {n:03d}" for n in range(22, 30)]


def test_a_line_may_come_in_pieces(tmp_path: Path) -> None:
    log = Log(tmp_path / "child.log")
    for piece in (b"no su", b"ch add", b"ress\nand"):
        log.write(piece)
    log.close()
    assert list(log.last) == ["no such address"]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("plain words", "plain words"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("bell\x07", "bell\\x07"),
        ("Grüße", "Grüße"),
    ],
)
def test_what_a_child_says_cannot_steer_the_terminal(said: str, shown: str) -> None:
    assert plain(said) == shown
