"""One round of one place, from its claim to its result, on a clock that the test holds."""

from datetime import datetime

from mailposture import models
from mailposture.adapters import buckets
from mailposture.core.work import Envelope
from mailposture.services import judging, planning
from tests.services.results import result


def claim(at: datetime, slug: str = "frankfurt") -> Envelope:
    """Plan a round at this time and claim this place's shard; hours lie between two, in which
    budgets fill again.
    """
    buckets.HERE.forget()
    models.Tenant.objects.update(probe_due_at=at)
    planning.schedule_rounds(at)
    planning.plan_rounds(at)
    (envelope,) = planning.claim_shards(at, only=[slug])
    return envelope


def look(at: datetime, rcpt: bytes, slug: str = "frankfurt") -> judging.Taken:
    """One whole round of one place."""
    return judging.take(result(claim(at, slug), rcpt), at)
