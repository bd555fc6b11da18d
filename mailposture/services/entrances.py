"""What conversations tell of the hosts they were held with: that one is an entrance of Exchange
Online, or one of another region, which is no verdict but a reason to try the next.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from mailposture import models
from mailposture.core.smtp.transcript import Transcript
from mailposture.core.verdict import Cause, Judgement, Trust, Verdict, entrance

# What is proved again all the time is noted this often.
AGAIN: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Knock:
    """What one conversation said of its host."""

    host: str
    proof: Mapping[str, str] | None
    elsewhere: bool
    serves: bool


def knock(host: str, said: Transcript, judged: Judgement, trust: Trust) -> Knock:
    """Read a conversation for what it says of the host itself."""
    return Knock(
        host=host,
        proof=entrance(said, trust),
        elsewhere=judged.cause is Cause.WRONG_ENTRANCE,
        serves=judged.verdict is not Verdict.UNKNOWN,
    )


def learn(tenant: models.Tenant, knocks: Iterable[Knock], at: datetime) -> None:
    """Keep the proof of each endpoint, when it was last given, and whether it serves this tenant.

    A host that decided for any domain serves the tenant, whatever another front end of it says.
    """
    found = list(knocks)
    proofs = {k.host: dict(k.proof) for k in found if k.proof}
    serves = {k.host for k in found if k.serves}
    elsewhere = {k.host for k in found if k.elsewhere} - serves
    hosts = proofs.keys() | serves | elsewhere
    moved = []
    for row in tenant.endpoints.filter(host__in=hosts):
        before = _facts(row)
        if proof := proofs.get(row.host):
            row.proof = proof
            if row.proved_at is None or at - row.proved_at >= AGAIN:
                row.proved_at = at
        if row.host in serves:
            row.elsewhere_at = None
        elif row.host in elsewhere:
            row.elsewhere_at = at
        if _facts(row) != before:
            moved.append(row)
    models.Endpoint.objects.bulk_update(moved, ("proof", "proved_at", "elsewhere_at"))


def _facts(row: models.Endpoint) -> tuple[Any, ...]:
    """What is kept. Another session of the same host says the same of it."""
    return row.proof, row.proved_at, row.elsewhere_at
