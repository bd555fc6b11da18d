"""A reading that somebody asked for: whether it waits, runs, or what came of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mailposture import models
from mailposture.services.pages import configured
from mailposture.services.pages.live import WATCHED

LINKED: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A reading under way (`stands`), or what came of it (`said`), with the changes it brought."""

    title: str
    stands: str
    seconds: float
    said: str = ""
    failed: bool = False
    changes: tuple[tuple[str, str], ...] = ()

    @property
    def over(self) -> bool:
        """Whether there is nothing more to watch."""
        return bool(self.said)


def load(of: models.Tenant, attempt: int, now: datetime) -> Reading | None:
    """The claim with this number, or the one after it; None where nobody asked for it.

    A tenant keeps no row for a reading: the number of its claim, its lease and what became of
    the latest one tell how it stands.
    """
    if attempt <= of.fetch_attempt and of.fetch_lease_until is None:
        return _ended(of, of.fetched_at)
    if of.fetch_due_at is None or of.fetch_due_at > now or attempt > of.fetch_attempt + 1:
        return None
    seconds = round((now - of.fetch_due_at).total_seconds(), 1)
    title = f"Reading {of.name}"
    if why := _never(of):
        return Reading(title=title, stands="", seconds=seconds, said=why, failed=True)
    late = now - of.fetch_due_at > WATCHED
    return Reading(
        title=title,
        stands=_stands(of, attempt, now),
        seconds=seconds,
        said="Not read after 3 min. It goes on without being watched." if late else "",
    )


def _stands(of: models.Tenant, attempt: int, now: datetime) -> str:
    held = of.fetch_lease_until is not None and of.fetch_lease_until > now
    if attempt <= of.fetch_attempt and held:
        again = f", attempt {of.fetch_tries}" if of.fetch_tries > 1 else ""
        return f"asking Exchange Online and DNS{again}"
    return "an earlier reading is under way" if held else "waiting for its turn"


def _never(of: models.Tenant) -> str:
    """Why nobody will take it up."""
    if of.paused_at:
        return f"{of.name} is paused: it is not read."
    if not models.Credential.objects.filter(tenant=of).exists():
        return "No credential is stored: nothing can be read."
    return ""


def _ended(of: models.Tenant, at: datetime | None) -> Reading:
    """What the latest reading brought: its changes were stored at the moment of its end."""
    if of.fetch_error or at is None:
        trouble = configured.explained(of.fetch_error)
        words = " ".join(filter(None, (f"Not read: {trouble.short}.", trouble.says, trouble.fix)))
        return _over(of, words, failed=True)
    found = list(of.changes.filter(at=at).order_by("pk"))
    known = configured.load(of)
    if known.brought == "nothing read":
        lacking = known.not_read[0]
        words = f"Nothing could be read: {lacking.short}."
        return _over(of, " ".join(filter(None, (words, lacking.fix))), failed=True)
    if found:
        said = f"Read: {len(found):,} change{'s' if len(found) > 1 else ''}."
    else:
        said = "Read: nothing changed."
    if known.brought:
        said = f"{said} Only {known.brought} could be read."
    return _over(of, said, found=found)


def _over(
    of: models.Tenant, said: str, *, failed: bool = False, found: list[models.Change] | None = None
) -> Reading:
    return Reading(
        title=of.name,
        stands="",
        seconds=0.0,
        said=said,
        failed=failed,
        changes=tuple((c.sentence, c.get_absolute_url()) for c in (found or [])[:LINKED]),
    )
