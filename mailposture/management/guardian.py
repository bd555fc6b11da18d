"""Stands over one child process: carries signals to it, and leaves nothing of it behind.

Run as a script, `guardian.py COMMAND...`, in a session of its own. Its standard input is a lifeline
that its owner holds: when that closes, however the owner ended, the child and all that the child
started are killed at once. It ends as the child ended. Single-threaded, standard library only, and
imports little: one runs beside every child.
"""

import ctypes
import os
import select
import signal
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

CARRIED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1)
LINUX: Final = sys.platform == "linux"
LIFELINE: Final = 0
# From linux/prctl.h.
PR_SET_PDEATHSIG: Final = 1
PR_SET_CHILD_SUBREAPER: Final = 36


def guard(command: Sequence[str]) -> int:
    """Run a command until it ends or the lifeline closes; return its exit status."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)
    adopt_orphans()
    # A signal that comes before there is a child to carry it to waits.
    signal.pthread_sigmask(signal.SIG_BLOCK, CARRIED)
    child = os.fork()
    if child == 0:
        _become(command)
    _carry_signals_to(child)
    status = _wait(child, woken)
    _kill_group(child)
    kill_children()
    return status


def adopt_orphans() -> None:
    """Have descendants that lose their parent become ours instead of init's; Linux only."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def kill_children(spare: Collection[int] = ()) -> None:
    """Kill all children but some, and theirs, which fall to us as their parents die."""
    while left := [pid for pid in _children() if pid not in spare]:
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        for pid in left:
            os.waitpid(pid, 0)


def _prctl(option: int, value: int) -> None:
    if LINUX:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _become(command: Sequence[str]) -> None:
    """Turn this fork into the command; never returns."""
    os.setsid()
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for carried in (*CARRIED, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(carried, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, CARRIED)
    os.dup2(os.open(os.devnull, os.O_RDONLY), LIFELINE)
    try:
        os.execvp(command[0], list(command))  # noqa: S606  that is its trade
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    os._exit(127)


def _carry_signals_to(child: int) -> None:
    def carry(signum: int, _frame: FrameType | None) -> None:
        try:
            os.kill(child, signum)
        except ProcessLookupError:
            return

    for carried in CARRIED:
        signal.signal(carried, carry)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, CARRIED)


def _wait(child: int, woken: int) -> int:
    """Wait for the child, killing it when the lifeline closes."""
    watched = [LIFELINE, woken]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if LIFELINE in ready and not os.read(LIFELINE, 1):
            watched.remove(LIFELINE)
            _kill_group(child)
        if woken in ready:
            os.read(woken, 512)
        while (ended := _reap())[0]:
            if ended[0] == child:
                code = os.waitstatus_to_exitcode(ended[1])
                return code if code >= 0 else 128 - code


def _reap() -> tuple[int, int]:
    try:
        return os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return 0, 0


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _children() -> list[int]:
    """Our children, as Linux lists them; elsewhere the group is all we know."""
    if not LINUX:
        return []
    me, found = os.getpid(), []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            # After the name in brackets: state, then the parent's number.
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        if parent == me:
            found.append(int(status.parent.name))
    return found


if __name__ == "__main__":
    sys.exit(guard(sys.argv[1:]))
