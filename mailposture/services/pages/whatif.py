"""What a proposed change would open and close, and whom it would cut off. Nothing is changed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from mailposture import models
from mailposture.adapters.exchange.proposed import Most, read_documents, read_proposal
from mailposture.core import posture
from mailposture.core.attribution import BY_NAME, Assumption
from mailposture.core.configuration import ANY_DOMAIN, Configuration, InboundConnector
from mailposture.core.posture import Finding, Result
from mailposture.core.posture.remediation import Script
from mailposture.core.posture.remediation.proposed import proposed
from mailposture.core.proposals import Proposal
from mailposture.core.reachability import FOREIGN, Comparison, Reach, Together, compare
from mailposture.services import assessing, history
from mailposture.services.pages import (
    comparing,
    faring,
    findings,
    foreseeing,
    reaching,
    staging,
    touching,
)
from mailposture.services.pages.faring import Fares
from mailposture.services.pages.reaching import Count, Listed

# What a person may ask on a page; a tenant's connectors are a hundredth of it. The command, which
# holds up nobody else, takes more.
LONGEST_PASTE: Final = 256 * 1024
MOST: Final = Most(objects=200, values=2_000)
LIMIT: Final = (
    f"At most {MOST.objects} commands or connectors with {MOST.values:,} values;"
    " manage.py reach --propose takes more."
)
MOST_ROWS: Final = 40
# Seconds of work; a tenant of 50 connectors and 900 domains puts a fifth of it.
MOST_QUESTIONS: Final = 20_000
NEW: Final = "new"


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """Who may deliver before, or after."""

    count: Count
    drawing: str
    networks: Listed

    @property
    def looks_closer(self) -> bool:
        """Whether closer looks stand beside the map, so that it needs more room."""
        return "internet closer" in self.drawing


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One group of domains and a sender class whose reachability moves."""

    domains: tuple[str, ...]
    sender: str
    before: str
    before_href: str
    after: Listed
    gained: Listed
    lost: Listed


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A finding that would be gone or new, and where its rule's findings stand."""

    rule: str
    title: str
    severity: str
    sentence: str
    href: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """All that a what-if shows."""

    steps: tuple[str, ...]
    warnings: tuple[str, ...]
    shown: str
    before: Side
    after: Side
    differences: tuple[Difference, ...]
    more: int
    still: int
    fares: Fares
    places: foreseeing.Places
    gone: tuple[Found, ...]
    fresh: tuple[Found, ...]
    exceptions: touching.Touching
    script: Script
    stages: tuple[staging.Shown, ...]
    assumptions: tuple[Assumption, ...]
    not_known: tuple[Assumption, ...]

    @property
    def closer(self) -> str:
        """Which side needs more room: both maps are drawn at one scale."""
        sides = {"before": self.before.looks_closer, "after": self.after.looks_closer}
        wide = [name for name, closer in sides.items() if closer]
        return f"closer-{wide[0]}" if len(wide) == 1 else ""


class NotReadError(Exception):
    """The tenant was never read: there is nothing to change."""


def present(tenant: models.Tenant) -> Configuration:
    """The configuration that a proposal starts from. Raises NotReadError."""
    configuration = history.known(tenant)
    if not configuration.parts:
        raise NotReadError
    return configuration


def pasted(configuration: Configuration, text: str) -> Proposal:
    """What was pasted, PowerShell or JSON. Raises a ValueError that says what is wrong."""
    if len(text) > LONGEST_PASTE:
        raise ValueError(f"This is too long: at most {LONGEST_PASTE:,} characters.")
    return read_proposal(configuration, text.encode("utf-8", "replace"), MOST)


def edited(configuration: Configuration, documents: Sequence[Mapping[str, Any]]) -> Proposal:
    """What was filled in. Raises a ValueError that says what is wrong."""
    return read_documents(configuration, documents, MOST)


def answer(
    tenant: models.Tenant, configuration: Configuration, found: Proposal, now: datetime
) -> Answer:
    """Everything that the proposal would change; `now`: which exceptions are in force."""
    comparison = _compared(configuration, found)
    asked = assessing.asked(tenant)
    facts = assessing.facts(tenant, None, configuration, paths=asked)
    judged = facts.knowing(comparison.before)
    after = replace(facts, configuration=found.configuration).knowing(comparison.after)
    found_before, found_after = posture.told(judged), posture.told(after)
    gone, fresh = _findings(found_before, found_after)
    # Where nothing moves, what a stranger is: a foreign sender to the first domain.
    first = (next(iter(comparison.domains), ""), FOREIGN)
    domain, sender_class = comparing.most_moved(comparison) or first
    moved = comparison.of(domain, sender_class)
    moving = comparing.alike(comparison)
    fares = faring.fares(
        tenant, configuration, comparison, now, ask_dns=False, sources=judged.sources
    )
    places = foreseeing.load(tenant, asked, configuration, found.configuration, comparison.domains)
    script = proposed(judged, found.configuration)
    return Answer(
        steps=found.steps,
        warnings=found.warnings,
        shown=f"{reaching.with_whom(sender_class)} to {reaching.named(domain)}",
        before=_side("before", moved.before),
        after=_side("after", moved.after),
        differences=tuple(_differences(tenant, moving[:MOST_ROWS])),
        more=max(0, len(moving) - MOST_ROWS),
        still=comparison.still,
        fares=fares,
        places=places,
        gone=tuple(_found(one, tenant=tenant.slug) for one in gone),
        fresh=tuple(_found(one) for one in fresh),
        exceptions=touching.load(tenant, after, (found_before, found_after), comparison, now),
        script=script,
        stages=staging.shown(script),
        assumptions=_rests_on((*moved.after.assumptions, *places.assumptions), fares, comparison),
        not_known=tuple(BY_NAME[name] for name in comparison.after.rules.not_known),
    )


def senders(
    tenant: models.Tenant, configuration: Configuration, found: Proposal, now: datetime
) -> Fares:
    """Known senders with those that SPF names: DNS is asked, which takes a few seconds."""
    comparison = _compared(configuration, found)
    return faring.fares(tenant, configuration, comparison, now, ask_dns=True)


def _compared(before: Configuration, found: Proposal) -> Comparison:
    """Both sides; a ValueError where to work them out would hold the page up."""
    comparison = compare(before, found.configuration)
    if comparison.questions > MOST_QUESTIONS:
        raise ValueError(
            f"This is too much for a page: {comparison.questions:,} pairs of domains and senders"
            f" that may differ, where it takes {MOST_QUESTIONS:,}. Ask"
            " manage.py reach BUNDLE.json --propose FILE instead."
        )
    return comparison


# ---- before and after ----------------------------------------------------------------------


def _side(key: str, found: Reach) -> Side:
    return Side(
        count=reaching.count(found),
        drawing=reaching.drawing(key, found, key.capitalize()),
        networks=comparing.unfolds(found),
    )


def _rests_on(names: Iterable[str], fares: Fares, comparison: Comparison) -> tuple[Assumption, ...]:
    """What the page's answers rest on, but for what is said to be not known above them."""
    leans = dict.fromkeys((*names, *(name for fare in fares.rows for name in fare.assumptions)))
    return tuple(BY_NAME[n] for n in leans if n not in comparison.after.rules.not_known)


def _differences(tenant: models.Tenant, moving: Iterable[Together]) -> Iterator[Difference]:
    """What would move; only how it is now has a page that shows it."""
    for one in moving:
        domains, sender_class, moved = one.domains, one.sender_class, one.moved
        at = f"{reaching.address(tenant)}?domain={domains[0]}&class={sender_class}#shown"
        yield Difference(
            domains=tuple(reaching.named(name) for name in domains),
            sender=reaching.words(sender_class),
            before=comparing.unfolds(moved.before).words,
            before_href=at,
            after=comparing.unfolds(moved.after),
            gained=comparing.numbered(moved.gained, moved.certificates_gained),
            lost=comparing.numbered(moved.lost, moved.certificates_lost),
        )


def _findings(
    before: Iterable[Finding], after: Iterable[Finding]
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Findings that would be gone, and those that would be new, the worst first.

    What another finding tells counts as there, and is not named by itself.
    """
    old = {(f.rule, f.subject): f for f in before if f.result is Result.NOT_SATISFIED}
    new = {(f.rule, f.subject): f for f in after if f.result is Result.NOT_SATISFIED}
    gone = sorted((old[k] for k in old.keys() - new.keys()), key=_worst_first)
    fresh = sorted((new[k] for k in new.keys() - old.keys()), key=_worst_first)
    return tuple(f for f in gone if not f.led_by), tuple(f for f in fresh if not f.led_by)


def _found(one: Finding, **of: str) -> Found:
    """Where it stands now it leads to it at its tenant; else to whoever has the like."""
    return Found(
        rule=one.rule,
        title=findings.title(one.rule),
        severity=one.severity,
        sentence=one.sentence,
        href=findings.address(rule=one.rule, **of),
    )


def _worst_first(finding: Finding) -> tuple[int, str, str]:
    return finding.severity.rank, finding.rule, finding.subject


# ---- the form ------------------------------------------------------------------------------


def connectors(configuration: Configuration) -> tuple[InboundConnector, ...]:
    """The connectors that can be edited, by name."""
    found = configuration.inbound_connectors or ()
    return tuple(sorted(found, key=lambda c: c.name.casefold()))


def initial(configuration: Configuration, guid: str, sources: Iterable[str]) -> dict[str, Any]:
    """What the form begins with: a connector as it is, or a new lock to the approved gateways."""
    held = next((c for c in configuration.inbound_connectors or () if c.guid == guid), None)
    if held is None:
        return {
            "loaded": NEW,
            "connector": NEW,
            "name": "Lock to gateway",
            "enabled": True,
            "sender_domains": ANY_DOMAIN,
            "addresses": "\n".join(sources),
            "by_address": True,
        }
    return {
        "loaded": held.guid,
        "connector": held.guid,
        "name": held.name,
        "enabled": held.enabled,
        "sender_domains": "\n".join(held.sender_domains),
        "addresses": "\n".join(held.sender_ip_addresses),
        "certificate": held.tls_sender_certificate_name or "",
        "by_address": held.restrict_domains_to_ip_addresses,
        "by_certificate": held.restrict_domains_to_certificate,
        "require_tls": held.require_tls,
        "associated": "\n".join(held.associated_accepted_domains),
    }
