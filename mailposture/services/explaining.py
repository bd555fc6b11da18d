"""Write down who meant a change, or that nobody here did: the rule MP-12 asks for it."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from mailposture import models
from mailposture.services import assessing, audit, planning
from mailposture.services.audit import User

LONGEST = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """What somebody says of a change; with `beside` of every other of the same reading, too, of
    which nobody said anything yet.
    """

    said: models.Change.Said
    why: str
    beside: bool = False


@transaction.atomic
def explain(change: models.Change, word: Word, now: datetime, *, user: User = None) -> int:
    """Keep what somebody says. Returns of how many changes it was said.

    What was said last counts; the audit trail keeps what was said before.
    """
    planning.lock(change.tenant_id)
    wanted = models.Change.objects.filter(pk=change.pk)
    if word.beside:
        wanted |= models.Change.objects.filter(after_id=change.after_id, said="")
    act = audit.record(
        "explained change", change.tenant.slug, now,
        user=user, change=change.pk, said=str(word.said), why=word.why, beside=word.beside,
    )  # fmt: skip
    number = wanted.update(said=word.said, why=word.why, said_by=act.who[:150], said_at=now)
    assessing.refresh(change.tenant, now)
    return number
