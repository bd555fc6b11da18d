"""Two configurations of a tenant beside one another: who may deliver by each, and what moves."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mailposture import models
from mailposture.adapters.drawings.internet import Map, draw
from mailposture.core.addresses import AddressSet
from mailposture.core.posture.findings import many
from mailposture.core.reachability import FOREIGN, Comparison, Reach, Together
from mailposture.services import reached
from mailposture.services.pages import reaching
from mailposture.services.pages.reaching import Count, Listed


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """Who may deliver before, or after; the map in its small form."""

    count: Count
    drawing: str
    networks: Listed


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One group of domains and a sender class whose reachability moves."""

    domains: tuple[str, ...]
    sender: str
    before: Listed
    after: Listed
    after_href: str
    gained: Listed
    lost: Listed


def most_moved(comparison: Comparison) -> tuple[str, str] | None:
    """The domain and class whose reachability moves most; None where none does."""
    most = max(comparison.together, key=_weight, default=None)
    return (most.domains[0], most.sender_class) if most else None


def _weight(one: Together) -> tuple[int, bool]:
    return one.moved.gained.size + one.moved.lost.size, one.sender_class == FOREIGN


def side(key: str, found: Reach) -> Side:
    """One of the two, with its small map."""
    known = found.addresses if reached.state(found) != "unknown" else None
    return Side(
        count=reaching.count(found),
        drawing=draw(Map(key=key, addresses=known, title=key.capitalize(), small=True)),
        networks=unfolds(found, " IPv4"),
    )


def unfolds(found: Reach, unit: str = "") -> Listed:
    """How many may deliver, with the networks behind the number."""
    count = reaching.count(found)
    if count.state == "unknown":
        return Listed(words="not known")
    return reaching.listed(f"{count.number}{unit}", found.addresses)


def differences(
    tenant: models.Tenant, moving: Iterable[Together], *, present: bool
) -> Iterator[Difference]:
    """What moves; where what it is after is so still, with the page that shows it in full."""
    for one in moving:
        domains, sender_class, moved = one.domains, one.sender_class, one.moved
        at = f"{reaching.address(tenant)}?domain={domains[0]}&class={sender_class}#shown"
        yield Difference(
            domains=tuple(reaching.named(name) for name in domains),
            sender=reaching.words(sender_class),
            before=unfolds(moved.before),
            after=unfolds(moved.after),
            after_href=at if present else "",
            gained=numbered(moved.gained, moved.certificates_gained),
            lost=numbered(moved.lost, moved.certificates_lost),
        )


def alike(comparison: Comparison) -> list[Together]:
    """What moves, domains that move alike together; what is gained first."""
    return sorted(
        comparison.together, key=lambda one: (-one.moved.gained.size, -one.moved.lost.size)
    )


def numbered(found: AddressSet, names: Sequence[str] = ()) -> Listed:
    """How many addresses, and which names, with the networks behind the number."""
    said = [many(found)] if found else []
    if names:
        said.append(f"certificate {', '.join(names)}")
    return reaching.listed("; ".join(said) or "none", found)
