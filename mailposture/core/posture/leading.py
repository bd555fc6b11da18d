"""Findings of one cause told by one of them (docs/findings.md, One cause, one finding).

All are judged. Where the leader is violated it names the others in its evidence, and they name it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from mailposture.core.posture.findings import Finding, Result

type Key = tuple[str, str]  # rule and subject

CERTIFICATE: Final = " certificate"


def _lock(_found: Finding) -> Iterator[Key]:
    """The missing or partial lock, seen from another side."""
    yield "MP-01", ""


def _lock_or_name(found: Finding) -> Iterator[Key]:
    """Of a door that stands open to everybody the lock; of a certificate those who share it."""
    if not found.subject:
        yield "MP-01", ""
    elif found.subject.endswith(CERTIFICATE):
        yield "MP-34", found.subject
        yield "MP-32", found.subject.removesuffix(CERTIFICATE)


def _every_tenant(found: Finding) -> Iterator[Key]:
    """A vendor's certificate that is Microsoft's, which is graver."""
    yield "MP-34", f"{found.subject}{CERTIFICATE}"


def _rented(found: Finding) -> Iterator[Key]:
    """A shared range in which anyone may rent, which is graver."""
    yield "MP-33", found.subject


# Whose findings may be told by others: of which, the gravest first.
LED: Final[Mapping[str, Callable[[Finding], Iterator[Key]]]] = {
    "MP-05": _lock,
    "MP-06": _lock_or_name,
    "MP-25": _lock,
    "MP-31": _rented,
    "MP-32": _every_tenant,
}


def with_leaders(found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The same findings; those that are led name their leader, and leaders tell them."""
    violated = {(f.rule, f.subject): f for f in found if f.result is Result.NOT_SATISFIED}
    led = {key: leader for key, f in violated.items() if (leader := _leader(f, violated))}
    return tuple(_told(f, led, violated) for f in found)


def _leader(found: Finding, violated: Mapping[Key, Finding]) -> Key | None:
    leaders = LED[found.rule](found) if found.rule in LED else iter(())
    return next((key for key in leaders if key in violated), None)


def _told(found: Finding, led: Mapping[Key, Key], violated: Mapping[Key, Finding]) -> Finding:
    key = (found.rule, found.subject)
    if violated.get(key) is not found:
        return found
    if key in led:
        return replace(found, led_by=led[key][0])
    others = [violated[one] for one, leader in led.items() if leader == key]
    also = (f"{f.rule}, for the same reason: {f.sentence}" for f in others)
    leans = dict.fromkeys(name for f in (found, *others) for name in f.assumptions)
    return replace(found, evidence=(*found.evidence, *also), assumptions=tuple(leans))
