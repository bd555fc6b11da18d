"""One finding: what proves it, how near it is, what answers it and what must answer then."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import QuerySet
from django.urls import reverse

from mailposture import models
from mailposture.core.attribution import BY_NAME, Assumption
from mailposture.core.configuration import PARTS, Configuration
from mailposture.core.exceptions import NEVER, until
from mailposture.core.posture import Facts, Result, Rule, Severity
from mailposture.core.posture import Finding as Found
from mailposture.core.posture.assessing import BY_ID
from mailposture.core.posture.remediation import Script, remedy
from mailposture.core.posture.remediation.scripts import Expected
from mailposture.services import assessing
from mailposture.services.pages import evidenced, exceptions
from mailposture.services.pages.commands import Copy
from mailposture.services.pages.pieces import Piece

HISTORY: Final = 20
STRANGER: Final = "A stranger"
# Rules whose evidence is on another page, and what that is called.
PROVED_BY_PROBES: Final = frozenset({"MP-03", "MP-04"})
BY_CONTRADICTION: Final = "MP-10"


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """Another page that this finding speaks of."""

    href: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """What one path must be answered after a stage, as the page shows it."""

    state: str
    who: str
    source: str
    sender: str
    domain: str
    reply: str
    by: str
    leans: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One stage: a block to copy with its undo, and what must answer on the wire then."""

    copy: Copy
    note: str
    expects: tuple[Answers, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Remedy:
    """What answers the finding; `paste` is what a what-if is asked with, where it can be."""

    script: Script
    checks: tuple[tuple[Copy, str], ...]
    steps: tuple[Step, ...]
    whole: Copy | None
    paste: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """All that the page shows; `not_read` names the parts without which nothing is written."""

    row: models.Finding
    rule: Rule | None
    because: str
    evidence: tuple[tuple[Piece, ...], ...]
    near_miss: str
    no_near_miss: str
    assumptions: tuple[Assumption, ...]
    links: tuple[Link, ...]
    remedy: Remedy | None
    not_read: tuple[str, ...]
    history: tuple[models.Finding, ...]
    exceptions: tuple[exceptions.Line, ...]
    covered: bool
    until: str
    excepts: bool


def load(row: models.Finding, now: datetime) -> Page:
    """Everything that the page shows; what is over needs no script."""
    kept: dict[str, Any] = row.document
    rule = BY_ID.get(row.rule)
    stands = rule and row.closed_at is None
    asked = assessing.asked(row.tenant) if stands else []
    facts = None
    if rule and stands:
        facts = assessing.facts(row.tenant, now, wanted=rule.reads, paths=asked)
    lacking = tuple(_lacking(rule, facts)) if rule and facts else ()
    names = kept.get("assumptions") or ()
    return Page(
        row=row,
        rule=rule,
        because=kept.get("because") or "",
        evidence=evidenced.lines(row, facts, asked),
        near_miss=kept.get("near_miss") or "",
        no_near_miss=kept.get("no_near_miss") or "",
        assumptions=tuple(BY_NAME[name] for name in names if name in BY_NAME),
        links=tuple(_links(row, facts.configuration if facts else None)),
        remedy=_remedy(facts, row) if facts and not lacking else None,
        not_read=lacking,
        history=tuple(_history(row)),
        exceptions=_exceptions(row, now),
        covered=bool(row.accepted_until and row.accepted_until > now and row.closed_at is None),
        until=until(row.accepted_until) if row.accepted_until else "",
        excepts=row.closed_at is None and row.rule not in NEVER,
    )


def _exceptions(row: models.Finding, now: datetime) -> tuple[exceptions.Line, ...]:
    """What was ever asked for it and its like, what stands first."""
    same = exceptions.select(exceptions.Wanted(of=row.tenant), now)
    found = same.filter(rule=row.rule, subject=row.subject)[:HISTORY]
    return tuple(exceptions.line(one, now) for one in found)


def _lacking(rule: Rule, facts: Facts) -> Iterator[str]:
    """Parts of the configuration that the rule reads and that are not known any more."""
    for part in rule.reads:
        if part in PARTS and not facts.knows(part):
            yield part.replace("_", " ")


def _history(row: models.Finding) -> QuerySet[models.Finding]:
    """When the same rule was violated by the same subject at other times, the latest first."""
    same = models.Finding.objects.filter(tenant=row.tenant, rule=row.rule, subject=row.subject)
    return same.exclude(pk=row.pk).order_by("-opened_at", "-pk")[:HISTORY]


def _links(row: models.Finding, configuration: Configuration | None) -> Iterator[Link]:
    tenant = row.tenant
    connectors = (configuration.inbound_connectors if configuration else None) or ()
    for one in connectors:
        if row.subject.split(" ", 1)[0] == one.guid:
            href = reverse("connector", args=[tenant.slug, one.guid])
            yield Link(href=href, text=f"Connector {one.name}")
    if row.rule == BY_CONTRADICTION:
        yield Link(href=f"{reverse('contradictions')}?tenant={tenant.slug}", text="Contradictions")
    if row.rule in PROVED_BY_PROBES:
        yield Link(href=f"{tenant.get_absolute_url()}#paths", text="Paths that were asked")
    yield Link(href=reverse("exposure_of", args=[tenant.slug]), text="Who may deliver")


# ---- what answers it ---------------------------------------------------------------------


def _remedy(facts: Facts, row: models.Finding) -> Remedy:
    script = remedy(facts, found(row))
    steps = tuple(_step(script, n) for n in range(len(script.stages)))
    lines = [line for stage in script.stages for line in stage.commands]
    return Remedy(
        script=script,
        checks=tuple(_checks(script)),
        steps=steps,
        whole=_whole(script),
        paste="\n".join(lines) if script.makes else "",
    )


def found(row: models.Finding) -> Found:
    """The core's finding, as it was kept."""
    kept: dict[str, Any] = row.document
    return Found(
        rule=row.rule,
        result=Result.NOT_SATISFIED,
        sentence=row.sentence,
        severity=Severity(row.severity),
        because=kept.get("because") or "",
        subject=row.subject,
        evidence=tuple(kept.get("evidence") or ()),
        near_miss=kept.get("near_miss"),
        assumptions=tuple(kept.get("assumptions") or ()),
        remediation=kept.get("remediation") or "",
    )


def _checks(script: Script) -> Iterator[tuple[Copy, str]]:
    for n, check in enumerate(script.checks, 1):
        copy = Copy(key=f"check-{n}", title=f"Check {n}", effect="reads only",
                    command=check.command)  # fmt: skip
        yield copy, check.must


def _step(script: Script, n: int) -> Step:
    """A stage of a script that is not ready is shown, and does nothing when it is pasted."""
    stage = script.stages[n]
    copy = Copy(
        key=f"stage-{n + 1}",
        title=stage.heading(n + 1),
        effect="" if script.is_ready else "not ready, commented out",
        command="\n".join(script.commands_of(stage)),
        undo="\n".join(script.rollback_of(stage)),
    )
    return Step(copy=copy, note=stage.note, expects=tuple(_answers(stage.expects)))


def _answers(expects: Iterable[Expected]) -> Iterator[Answers]:
    """Senders that are answered alike share a line."""
    alike: dict[tuple[object, ...], list[Expected]] = {}
    for one in expects:
        key = (one.who, one.source, one.domain, one.reply, one.connector, one.assumptions)
        alike.setdefault(key, []).append(one)
    for found in alike.values():
        first = found[0]
        taken, refused = ("open", "closed") if first.who == STRANGER else ("gets_in", "cut_off")
        yield Answers(
            state=taken if first.accepted else refused,
            who=first.who,
            source=first.source,
            sender=", ".join(one.sender_class for one in found),
            domain=first.domain,
            reply=first.reply,
            by=first.connector or "",
            leans=first.assumptions,
        )


def _whole(script: Script) -> Copy | None:
    if not script.stages:
        return None
    return Copy(key="whole", title="The whole script", effect="all but its commands are comments",
                command=script.text)  # fmt: skip
