"""What a vantage point may still probe now, and what it left for the next round."""

from dataclasses import dataclass

from mailposture import models
from mailposture.adapters.buckets import Bucket, Standing
from mailposture.services import budgets, putting_off


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """One budget, in conversations."""

    of: str
    # At once now, out of so many; below zero it owes.
    left: int
    most: int
    a_minute: int

    @property
    def word(self) -> str:
        """How it stands."""
        return "Waiting" if self.left < 1 else "Free"


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """The budgets of one place, as far as they are known, and what waits."""

    spent: tuple[Spent, ...]
    waits: tuple[str, ...]


def of(row: models.VantagePoint) -> Budget:
    """One place's; one query, and one question to the queue."""
    asked = (("This vantage point", budgets.place(row.slug)), ("All together", budgets.whole()))
    found = budgets.standing([bucket for _, bucket in asked]) or []
    reasons = models.Path.objects.filter(vantage_point=row, retired_at=None).exclude(put_off="")
    return Budget(
        spent=tuple(
            _spent(name, bucket, one) for (name, bucket), one in zip(asked, found, strict=False)
        ),
        waits=tuple(putting_off.sentences(reasons.values_list("put_off", flat=True))),
    )


def _spent(name: str, bucket: Bucket, standing: Standing) -> Spent:
    return Spent(
        of=name,
        left=int(standing.level),
        most=int(bucket.size),
        a_minute=round(bucket.rate * 60 * standing.pace),
    )
