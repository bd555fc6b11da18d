"""What a proposal does to the exceptions of its tenant: contradicts, outgrows or outlives them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mailposture import models
from mailposture.core import exceptions as core
from mailposture.core.exceptions import Touch
from mailposture.core.posture import Facts, Finding, Result
from mailposture.core.posture.scopes import Scope, scope
from mailposture.core.reachability import Comparison
from mailposture.services import assessing, excepting

MOST: Final = 50
WORDS: Final = {
    Touch.CONTRADICTED: "Contradicted",
    Touch.AGAIN: "Covers again",
    Touch.WIDER: "Outgrown",
    Touch.NEEDLESS: "Needless",
}
# How each is drawn: it cuts off somebody who was meant, it lacks, or nothing is left to do.
GATES: Final = {
    Touch.CONTRADICTED: "contradicts",
    Touch.AGAIN: "unknown",
    Touch.WIDER: "unknown",
    Touch.NEEDLESS: "agrees",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One exception, and what the proposal does to it."""

    name: str
    href: str
    rule: str
    until: str
    word: str
    gate: str
    sentence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Touching:
    """The exceptions that a proposal touches, of so many that are in force."""

    lines: tuple[Line, ...]
    more: int
    in_force: int


def load(
    tenant: models.Tenant,
    after: Facts,
    found: tuple[Iterable[Finding], Iterable[Finding]],
    comparison: Comparison,
    now: datetime,
) -> Touching:
    """What the proposal does to each exception in force; `found` is what is found before and after
    it.
    """
    rows = list(
        tenant.exceptions.filter(
            state=models.Acceptance.State.APPROVED, expires_at__gt=now
        ).order_by("expires_at", "pk")
    )
    if not rows:
        return Touching(lines=(), more=0, in_force=0)
    known = {row.pk: row for row in rows}
    held = [excepting.held(row) for row in rows]
    wanted = {one.about for one in held}
    then = dict(_after(wanted, after, found[1]))
    over = set(_over(wanted, found[0]))
    names = {n for _, _, moved in comparison.all() for n in moved.certificates_lost}
    touched = core.touched(held, then, comparison.lost, names, over)
    lines = [_line(known[one.held.key], one) for one in touched]
    return Touching(lines=tuple(lines[:MOST]), more=max(0, len(lines) - MOST), in_force=len(rows))


def _after(
    wanted: set[tuple[str, str]], after: Facts, found: Iterable[Finding]
) -> Iterator[tuple[tuple[str, str], Scope | None]]:
    """What stands after it of these findings; None where a rule cannot be judged."""
    silent = set()
    stands = {}
    for one in found:
        key = _key(one)
        if one.result is Result.UNKNOWN:
            silent.add(one.rule)
        elif one.result is Result.NOT_SATISFIED and key in wanted:
            stands[key] = scope(after, one)
    yield from stands.items()
    for key in wanted - stands.keys():
        if key[0] in silent:
            yield key, None


def _over(wanted: set[tuple[str, str]], before: Iterable[Finding]) -> Iterator[tuple[str, str]]:
    """Those that surely do not stand before it; of a rule that cannot be judged none is."""
    found = [one for one in before if one.result is not Result.SATISFIED]
    silent = {one.rule for one in found if one.result is Result.UNKNOWN}
    standing = {_key(one) for one in found}
    yield from (key for key in wanted - standing if key[0] not in silent)


def _key(one: Finding) -> tuple[str, str]:
    return one.rule, one.subject[: assessing.LONGEST_SUBJECT]


def _line(row: models.Acceptance, one: core.Touched) -> Line:
    return Line(
        name=row.name,
        href=row.get_absolute_url(),
        rule=row.rule,
        until=core.until(row.expires_at),
        word=WORDS[one.how],
        gate=GATES[one.how],
        sentence=one.sentence,
    )
