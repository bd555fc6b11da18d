"""What is on this machine: keys and room."""

import os
import shutil
import stat
from collections.abc import Iterator
from typing import Final

from django.conf import settings

from mailposture.services.doctor.lines import Line, ok, problem, warning

LEAST_FREE: Final = 1_000_000_000
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def keys() -> Iterator[Line]:
    """Whether they are there, and for this user alone."""
    folder = settings.KEYS_DIR
    if not folder.exists():
        yield ok("keys", "None yet: they are made on first need.")
        return
    files = [file for file in folder.iterdir() if not file.name.startswith(".")]
    if any(file.stat().st_mode & _OTHERS for file in (folder, *files)):
        says = f"Others on this machine may read {folder}."
        yield problem("keys", says, f"chmod -R go-rwx {folder}")
        return
    empty = sorted(f.name for f in files if f.suffix != ".lock" and not f.read_bytes().strip())
    if empty:
        says = f"Nothing is in {', '.join(empty)}."
        yield problem("keys", says, "Bring it back from a copy; removed, it is made anew.")
        return
    names = ", ".join(sorted(file.name for file in files if file.suffix != ".lock"))
    yield ok("keys", f"For this user alone: {names or 'none yet'}.")


def disk() -> Line:
    """Whether evidence has room."""
    place = settings.DATA_DIR if settings.DATA_DIR.exists() else settings.DATA_DIR.parent
    if not os.access(place, os.W_OK):
        mend = "Give it to the user that runs this."
        return problem("data folder", f"{place} cannot be written.", mend)
    free = shutil.disk_usage(place).free
    says = f"{free / 1e9:,.1f} GB are free."
    if free < LEAST_FREE:
        return warning("data folder", says, "Make room before evidence is lost.")
    return ok("data folder", says)
