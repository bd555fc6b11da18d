"""What `predict` and `reach` share: files given by name or piped in, and text safe to print."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import Final, cast

from django.core.management.base import CommandError

from mailposture.adapters.exchange.bundle import BundleError, document, read_bundle, remarks
from mailposture.core.attribution import BY_NAME, read
from mailposture.core.configuration import Configuration
from mailposture.core.words import wire

STDIN: Final = "-"
BAD_INPUT: Final = 2
MOST_BYTES: Final = 512 * 1024 * 1024


def once_from_stdin(*names: str | None) -> None:
    """Refuse to read two files from one standard input."""
    if names.count(STDIN) > 1:
        raise CommandError("Only one file can be read from standard input.", returncode=BAD_INPUT)


def bytes_of(name: str) -> bytes:
    """The whole of a file; - is standard input."""
    try:
        if name == STDIN:
            data = _stdin().read(MOST_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(MOST_BYTES + 1)
    except OSError as problem:
        raise bad_input(name, problem.strerror or str(problem)) from None
    if len(data) > MOST_BYTES:
        raise bad_input(name, f"larger than {MOST_BYTES // 1024 // 1024} MB")
    return data


def lines_of(name: str) -> Iterator[bytes]:
    """The lines of a file as they come; - is standard input."""
    if name == STDIN:
        yield from _lines(_stdin())
        return
    try:
        with Path(name).open("rb") as file:
            yield from _lines(file)
    except OSError as problem:
        raise bad_input(name, problem.strerror or str(problem)) from None


def _lines(file: BufferedReader) -> Iterator[bytes]:
    """Lines in UTF-8, also of a file that Windows PowerShell wrote in UTF-16."""
    begins = file.peek(2)[:2]
    marked = begins in (b"\xff\xfe", b"\xfe\xff")
    if not marked and b"\0" not in begins:
        yield from file
        return
    without = "utf-16-be" if begins[:1] == b"\0" else "utf-16-le"
    for line in TextIOWrapper(file, "utf-16" if marked else without, errors="replace"):
        yield line.encode()


def _stdin() -> BufferedReader:
    return cast(BufferedReader, sys.stdin.buffer)


def bad_input(name: str, why: str) -> CommandError:
    """The error of a file that says nothing usable."""
    shown = "standard input" if name == STDIN else name
    return CommandError(safe(f"{shown}: {why}"), returncode=BAD_INPUT)


def configuration_of(name: str, note: Callable[[str], object]) -> Configuration:
    """The configuration in a bundle; what is not whole in it is noted."""
    try:
        found = read_bundle(document(bytes_of(name)), may_lack_all=True)
    except BundleError as problem:
        raise bad_input(name, str(problem)) from None
    for remark in (*remarks(found.parts), *not_understood(found)):
        note(safe(remark))
    return found


def not_understood(configuration: Configuration) -> list[str]:
    """A sentence for each value of a connector that a decision reads and cannot."""
    return [f"Not understood: {clause}." for clause in read(configuration).unreadable]


def safe(text: str) -> str:
    """A line with names in it that others chose: nothing in it moves a terminal."""
    return wire(text.replace("\n", " "))


def assumed(names: Iterable[str]) -> list[str]:
    """What an answer rests on, a sentence each, and what else may be so."""
    known = [BY_NAME[name] for name in names if name in BY_NAME]
    return [f"{one.name}: {one.default} Else: {one.alternative}" for one in known]


def together(pairs: Iterable[tuple[str, str]]) -> dict[str, list[list[str]]]:
    """The member that names assumptions which only two at a time bear on an answer, if any do."""
    found = [list(pair) for pair in pairs]
    return {"together": found} if found else {}


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Let whoever reads the output stop reading: `reach ... | head` is no failure of ours."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer has nowhere to go (docs.python.org, library/signal).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
