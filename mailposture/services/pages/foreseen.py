"""What the configuration said of a path when it was answered, and whether the two agree."""

from dataclasses import dataclass
from datetime import datetime

from mailposture import models
from mailposture.core.attribution import BY_NAME, Assumption
from mailposture.core.contradictions import WORDS, Agreement, hold, predicted
from mailposture.core.states import Access
from mailposture.core.verdict import Verdict
from mailposture.services import predicting, settling


@dataclass(frozen=True, kw_only=True, slots=True)
class Foreseen:
    """A prediction beside its observation, with the way to it and what it leans on."""

    state: str
    code: str
    connector: str
    agreement: Agreement
    word: str
    sentence: str
    trace: tuple[str, ...]
    assumptions: tuple[Assumption, ...]
    read_at: datetime

    @property
    def apart(self) -> bool:
        """Whether the two contradict one another."""
        return self.agreement.is_contradiction


def of(row: models.Observation, now: datetime) -> Foreseen | None:
    """The prediction of the configuration that held when this was last answered; None where none
    was read by then. The path with tenant and vantage point must be loaded.
    """
    path, tenant, at = row.path, row.path.tenant, row.last_at or now
    held_then = tenant.snapshots.filter(first_seen_at__lte=at)
    snapshot = held_then.order_by("-last_seen_at").first()
    if snapshot is None:
        return None
    oracle = predicting.oracle(tenant, snapshot.configuration)
    decision = oracle.of(path) if oracle else None
    if decision is None:
        return None
    unread = settling.is_unread(tenant, row.first_at, snapshot.last_seen_at, at)
    settles = unread or settling.is_under_way(tenant, at)
    held = hold(decision, Verdict(row.verdict), settles=settles)
    believed = predicted(decision)
    stranger = path.vantage_point.plays == models.VantagePoint.Plays.STRANGER
    return Foreseen(
        state=str(believed if stranger else Access.of(believed)),
        code=decision.code or "",
        connector=decision.connector or "",
        agreement=held.agreement,
        word=WORDS[held.agreement],
        sentence=held.sentence,
        trace=decision.trace,
        assumptions=tuple(BY_NAME[name] for name in decision.assumptions),
        read_at=snapshot.last_seen_at,
    )
