"""Owns a set of child processes: starts them in order, restarts what dies, stops them in order.

Every child stands under a guardian (guardian.py) in a session of its own, so that a signal to the
terminal's group reaches only the supervisor, and so that nothing outlives it, not even a kill -9.
Standard library only, and of the product it knows nothing but its guardian.
"""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Final

from mailposture.management import guardian

GUARDIAN: Final = (sys.executable, "-I", "-S", guardian.__file__)
LARGEST_LOG: Final = 5_000_000
FIRST_PAUSE, LONGEST_PAUSE, SETTLED_AFTER = 0.5, 30.0, 60.0
STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

type Say = Callable[[str], None]
type Ready = Callable[[], Awaitable[bool]]


class StartError(Exception):
    """A program did not come up; the message is for people."""


async def at_once() -> bool:
    """Readiness of a program that nothing waits for."""
    return True


@dataclass(frozen=True, kw_only=True)
class Program:
    """One child: how it is run, when others may count on it, how long it gets to end."""

    name: str
    command: Sequence[str]
    # Lower stages start first and stop last; one stage stops together.
    stage: int
    ready: Ready = at_once
    patience: float = 30.0
    grace: float = 2.0
    # Runs to its end before the next one starts, and is not run again.
    once: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


def plain(line: str) -> str:
    """A line that a terminal can only show, whatever a child or a mail server put in it."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in line)


class Log:
    """A child's output in a file with a cap: one full file is kept beside the current one."""

    def __init__(self, path: Path, largest: int = LARGEST_LOG) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.largest = path, largest
        self.last: deque[str] = deque(maxlen=8)
        self._part = ""
        self._file = path.open("ab", buffering=0)

    def write(self, chunk: bytes) -> None:
        """Keep what was said, and its last lines at hand."""
        # A full disk is no reason to stop reading: the child would block on its output.
        with contextlib.suppress(OSError):
            self._keep(chunk)
        *lines, self._part = (self._part + chunk.decode(errors="replace")).split("\n")
        self._part = self._part[-1000:]
        self.last.extend(plain(line) for line in lines if line.strip())

    def _keep(self, chunk: bytes) -> None:
        if self._file.tell() + len(chunk) > self.largest:
            self.path.replace(self.path.with_suffix(".log.1"))
            self._file.close()
            self._file = self.path.open("ab", buffering=0)
        self._file.write(chunk)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


@dataclass(kw_only=True)
class Child:
    """A program as it runs: again and again, until told to stop."""

    program: Program
    log: Log
    say: Say
    environment: Mapping[str, str]
    folder: Path
    siblings: Callable[[], set[int]]
    process: Process | None = None
    up: bool = False
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def keep(self) -> int:
        """Run the program, and run it anew with growing pauses whenever it dies."""
        pause, clock = FIRST_PAUSE, asyncio.get_running_loop().time
        while not self.stopping.is_set():
            self.ended.clear()
            started = clock()
            code = await self._run()
            self.ended.set()
            if self.stopping.is_set() or not self.up or self.program.once:
                return code
            pause = FIRST_PAUSE if clock() - started > SETTLED_AFTER else pause
            self.say(f"{self.program.name} ended with {code}; starting it again in {pause:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        return 0

    async def _run(self) -> int:
        # A pipe of our own: asyncio's would hold up the news of an end for as long as some
        # grandchild keeps the output open.
        output, into = os.pipe()
        try:
            self.process = process = await asyncio.create_subprocess_exec(
                *GUARDIAN,
                *self.program.command,
                stdin=PIPE,
                stdout=into,
                stderr=STDOUT,
                env={**self.environment, **self.program.environment},
                cwd=self.folder,
                start_new_session=True,
            )
        finally:
            os.close(into)
        if self.stopping.is_set():
            self.cut()
        reading = asyncio.create_task(self._read(output))
        code = await process.wait()
        if code < 0:
            # The guardian itself was killed: its wards have fallen to us.
            guardian.kill_children(spare=self.siblings())
        await asyncio.wait({reading}, timeout=1)
        reading.cancel()
        return code

    async def _read(self, output: int) -> None:
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        pipe = open(output, "rb", buffering=0)  # noqa: SIM115, ASYNC230  a pipe's end
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
        try:
            while chunk := await reader.read(65536):
                self.log.write(chunk)
        finally:
            transport.close()

    async def until_ready(self) -> None:
        """Wait until others may count on this program; StartError with its words if it dies."""
        name, patience = self.program.name, self.program.patience
        try:
            async with asyncio.timeout(patience):
                while not await self._is_ready():  # noqa: ASYNC110  a server sends no event
                    await asyncio.sleep(0.05)
        except TimeoutError:
            late = f"{name} was not ready after {patience:g} s: see {self.log.path}"
            raise StartError(late) from None
        self.up = True

    async def _is_ready(self) -> bool:
        if self.program.once:
            await self.ended.wait()
            if self.process and self.process.returncode == 0:
                return True
        elif await self.program.ready():
            return True
        if self.ended.is_set():
            raise StartError("\n".join((f"{self.program.name} did not start:", *self.log.last)))
        return False

    async def stop(self) -> None:
        """Ask the program to end; after its grace, cut its lifeline."""
        self.stopping.set()
        self._signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._gone(), self.program.grace)
            return
        self.cut()
        await self._gone()

    async def _gone(self) -> None:
        if self.process:
            await self.process.wait()

    def _signal(self, signum: signal.Signals) -> None:
        if self.process and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signum)

    def cut(self) -> None:
        """Kill the program and all it started, at once."""
        self.stopping.set()
        if self.process and self.process.stdin:
            self.process.stdin.close()


class Supervisor:
    """Starts programs stage by stage, keeps them, and ends them in reverse."""

    def __init__(self, *, logs: Path, folder: Path, environment: Mapping[str, str], say: Say):
        self._logs, self._folder, self._environment, self._say = logs, folder, environment, say
        self._children: list[Child] = []
        self._tasks: list[asyncio.Task[int]] = []
        self._stop = asyncio.Event()

    async def run(
        self, programs: Iterable[Program], when_up: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Start all, call `when_up`, and stay until a signal; nothing is left afterwards."""
        guardian.adopt_orphans()
        self._listen()
        starting = asyncio.create_task(self._start(programs, when_up))
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await stopping
        finally:
            starting.cancel()
            stopping.cancel()
            await asyncio.gather(starting, stopping, return_exceptions=True)
            await self._end()

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for signum in STOPPING:
            loop.add_signal_handler(signum, self._asked)

    def _asked(self) -> None:
        """Stop in order; asked a second time, at once."""
        if self._stop.is_set():
            for child in self._children:
                child.cut()
        else:
            self._say("Stopping. Ctrl-C once more stops everything at once.")
        self._stop.set()

    async def _start(
        self, programs: Iterable[Program], when_up: Callable[[], Awaitable[None]] | None
    ) -> None:
        for program in sorted(programs, key=_stage):
            child = Child(
                program=program,
                log=Log(self._logs / f"{program.name}.log"),
                say=self._say,
                environment=self._environment,
                folder=self._folder,
                siblings=self._guardians,
            )
            self._children.append(child)
            self._tasks.append(asyncio.create_task(child.keep()))
            await child.until_ready()
        if when_up:
            await when_up()

    def _guardians(self) -> set[int]:
        running = (child.process for child in self._children)
        return {p.pid for p in running if p is not None and p.returncode is None}

    async def _end(self) -> None:
        latest_first = sorted(self._children, key=lambda c: -c.program.stage)
        for child in self._children:
            child.stopping.set()
        for _, stage in groupby(latest_first, key=lambda c: c.program.stage):
            await asyncio.gather(*(child.stop() for child in stage))
        await asyncio.gather(*self._tasks)
        for child in self._children:
            child.log.close()


def _stage(program: Program) -> int:
    return program.stage
