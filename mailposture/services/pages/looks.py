"""When somebody looked, for lengths that count no time in which nobody did."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from mailposture.core.spans import Span, cut, union
from mailposture.services.pages import spans
from mailposture.services.pages.answers import Run

type Part = tuple[int, int]


class Looks:
    """Looks part by part; those no more than `within` apart, as long as an answer counts, are in a
    row. Of what was before `known_from` nothing is said to be unseen.
    """

    def __init__(
        self, runs: Iterable[Run], within: timedelta, known_from: datetime | None = None
    ) -> None:
        self.within = within
        self._known_from = known_from
        by_part: dict[Part, list[Span]] = {}
        for run in runs:
            by_part.setdefault((run.place, run.part), []).append((run.since, run.until))
        self._parts = {part: union(found, within) for part, found in by_part.items()}

    def during(self, part: Part, begin: datetime, end: datetime) -> list[Span]:
        """The looks between two moments, of which the first is one. A part of which no look was
        kept was looked at all the time.
        """
        if part not in self._parts:
            return [(begin, end)]
        return [(begin, begin), *self._known(begin, end), *cut(self._parts[part], begin, end)]

    def surely(self, part: Part, begin: datetime, end: datetime) -> list[Span]:
        """A time of one answer, both ends of which are looks, without the outages in it."""
        looked = union([*self.during(part, begin, end), (end, end)], self.within)
        return spans.minus([(begin, end)], self._long(spans.minus([(begin, end)], looked)))

    def nobody(self, begin: datetime, end: datetime) -> list[Span]:
        """When no part was looked at from any place; where no look was kept, nothing is said."""
        if not self._parts or begin >= end:
            return []
        every = [span for found in self._parts.values() for span in cut(found, begin, end)]
        looked = union([*every, *self._known(begin, end)], self.within)
        return self._long(spans.minus([(begin, end)], looked))

    def _known(self, begin: datetime, end: datetime) -> list[Span]:
        if self._known_from is None or begin >= self._known_from:
            return []
        return [(begin, min(end, self._known_from))]

    def _long(self, gaps: Iterable[Span]) -> list[Span]:
        return [(a, b) for a, b in gaps if b - a > self.within]
