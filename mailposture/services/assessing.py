"""Judge a tenant by the rules of posture, and keep what is found with its beginning and its end.

Run where a configuration was stored and where a round is whole. A rule that cannot be judged any
more keeps its findings: not knowing closes nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, F, Q, Subquery

from mailposture import models
from mailposture.adapters.published import published
from mailposture.core import posture, states
from mailposture.core.configuration import Configuration
from mailposture.core.contradictions import WORDS, Agreement, hold
from mailposture.core.posture import (
    Answered,
    Apart,
    Evidence,
    Facts,
    Finding,
    Moved,
    Observed,
    Result,
    Source,
    SourceKind,
)
from mailposture.core.verdict import Verdict
from mailposture.services import (
    clouds,
    excepting,
    history,
    predicting,
    reached,
    settling,
    vantage_points,
)
from mailposture.services.predicting import Oracle

# A finding's words end here: subjects of any length are told apart by their first signs.
LONGEST_SUBJECT: Final = 253
STRANGER: Final = models.VantagePoint.Plays.STRANGER
# These speak of how long ago something was: they are worked out when a page is shown.
OF_THE_MOMENT: Final = frozenset({"MP-11"})
# What one rule alone reads: one that asks for another rule need not load it.
BESIDE: Final = frozenset({"changes", "exceptions"})


def facts(
    tenant: models.Tenant,
    now: datetime | None,
    known: Configuration | None = None,
    *,
    wanted: Collection[str] = BESIDE,
    paths: list[models.Path] | None = None,
) -> Facts:
    """All that the rules are given of this tenant, from its rows; without a moment, none of age.

    `known`: its configuration, `paths`: what is asked of it, where these are at hand. `wanted`:
    what is to be read of what only one rule reads.
    """
    configuration = known or history.known(tenant)
    rows = asked(tenant) if paths is None else paths
    return Facts(
        configuration=configuration,
        sources=tuple(source(row) for row in tenant.sources.select_related("vantage_point")),
        published=published(lab=tenant.cloud == clouds.LAB),
        observed=Observed(
            answers=tuple(_answered(rows, tenant)) or None,
            agreements=tuple(_apart(rows, predicting.oracle(tenant, configuration))) or None,
            evidence=evidence(tenant, _blind(rows) if tenant.probed_at else ()),
            changes=_changes(tenant, now) if now and "changes" in wanted else None,
            exceptions=excepting.facts(tenant) if now and "exceptions" in wanted else None,
            endpoint_addresses=_endpoints(tenant),
        ),
        at=now,
    )


def asked(tenant: models.Tenant) -> list[models.Path]:
    """The paths on which a tenant is asked, each with its place and its last answer."""
    held = tenant.paths.filter(retired_at=None, vantage_point__enabled=True)
    return list(held.select_related("vantage_point", "current"))


def source(row: models.ApprovedSource) -> Source:
    """An approved source as the rules see it."""
    return Source(
        name=row.name,
        kind=SourceKind(row.kind),
        addresses=tuple(row.addresses.split()),
        certificate_names=tuple(filter(None, (row.certificate_name,))),
        certificate=vantage_points.certificate_of(row.vantage_point),
    )


def _answered(rows: Iterable[models.Path], tenant: models.Tenant) -> Iterable[Answered]:
    """What the worst stranger was answered, by domain and sender."""
    found: dict[tuple[str, str, str], list[models.Path]] = defaultdict(list)
    for row in rows:
        if row.vantage_point.plays == STRANGER and row.current:
            found[row.domain, row.sender_class, row.sender_domain].append(row)
    for (domain, sender_class, _partner), paths in found.items():
        worst = states.worst(Verdict(path.verdict) for path in paths)
        shown = next((p for p in paths if p.verdict == worst), paths[0])
        yield Answered(
            domain=domain,
            sender_class=sender_class,
            verdict=worst,
            code=shown.current.code if shown.current else "",
            at=tenant.probed_at,
        )


def _apart(rows: Iterable[models.Path], oracle: Oracle | None) -> Iterable[Apart]:
    """How predictions and observations stand, one for each place, sender and manner."""
    alike: dict[tuple[str, str, str], list[models.Path]] = defaultdict(list)
    for row in rows:
        alike[row.vantage_point.slug, row.sender, row.agreement].append(row)
    for (_slug, sender, agreement), paths in alike.items():
        approved = paths[0].vantage_point.plays != STRANGER
        # In doubt stand both ways side by side: a source that is cut off speaks for its like.
        closed = (p for p in paths if approved and p.verdict == Verdict.CLOSED)
        first, more, manner = next(closed, paths[0]), len(paths) - 1, Agreement(agreement)
        where = f"At {first.domain}" if not more else f"At {first.domain} and {more:,} more domains"
        decision = oracle.of(first) if oracle else None
        settles = manner is Agreement.SETTLING
        held = hold(decision, Verdict(first.verdict), settles=settles)
        yield Apart(
            # What tells findings apart: it stays the same while domains come and go.
            path=f"{first.vantage_point.name}, {sender} sender: {WORDS[manner]}",
            agreement=manner,
            sentence=f"{where}: {held.sentence}",
            approved=approved,
            observed=Verdict(first.verdict),
        )


def evidence(tenant: models.Tenant, blind: Iterable[str]) -> Evidence:
    """When the tenant was read and asked, how long each counts, and the places that see nothing."""
    return Evidence(
        read_at=tenant.fetched_at,
        asked_at=tenant.probed_at,
        reading_counts=states.INTERVALS * timedelta(seconds=tenant.fetch_every),
        answer_counts=states.ROUNDS * timedelta(seconds=tenant.probe_every),
        blind=tuple(sorted(blind)),
    )


def _blind(rows: Iterable[models.Path]) -> Iterable[str]:
    """Vantage points whose probes prove nothing, on any path of the tenant."""
    seen: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        seen[row.vantage_point.name].add(row.verdict)
    return [name for name, verdicts in seen.items() if verdicts == {Verdict.UNKNOWN}]


def blind(tenant: models.Tenant) -> Iterable[str]:
    """The same by one query, where the paths are not at hand; nobody is before the first round."""
    if not tenant.probed_at:
        return ()
    rows = tenant.paths.filter(retired_at=None, vantage_point__enabled=True).order_by()
    places = rows.values_list("vantage_point__name").annotate(
        told=Count("pk", filter=~Q(verdict=Verdict.UNKNOWN))
    )
    return [name for name, told in places if not told]


def _endpoints(tenant: models.Tenant) -> tuple[str, ...] | None:
    rows = tenant.endpoints.filter(missing_since=None).values_list("addresses", flat=True)
    found = tuple(sorted({address for addresses in rows for address in addresses}))
    return found or None


# ---- what changed --------------------------------------------------------------------------

MOST_CHANGES: Final = 500


def _changes(tenant: models.Tenant, now: datetime) -> tuple[Moved, ...]:
    """The changes since the last report, or since the beginning; the latest where they are many."""
    done = tenant.reports.filter(state=models.Report.State.DONE, as_of__isnull=False)
    last = Subquery(done.order_by("-as_of").values("as_of")[:1])
    rows = tenant.changes.alias(reported=last).filter(
        Q(reported=None) | Q(at__gt=F("reported")), at__lte=now
    )
    found = rows.values("at", "sentence", "decides", "effect", "said", "why")
    return tuple(_moved(row, now) for row in found.order_by("-at", "-pk")[:MOST_CHANGES])


def _moved(row: Mapping[str, Any], now: datetime) -> Moved:
    """Verified: its rounds are over, and whole ones before and after show what it did."""
    effects = models.Change.Effect
    effect = effects(row["effect"])
    verified: bool | None = effect in (effects.OPENS, effects.CLOSES, effects.NEUTRAL)
    if row["decides"] and now - row["at"] <= settling.WINDOW:
        verified = None
    seen = f"Seen: {effect.label.lower()}." if verified else NOT_SHOWN
    return Moved(
        sentence=row["sentence"],
        explained=_EXPLAINED.get(row["said"]),
        verified=verified,
        seen=f"{seen} Nobody here meant it: {row['why']}" if row["said"] == NOT_OURS else seen,
    )


NOT_OURS: Final = models.Change.Said.NOT_OURS
# Where nobody said anything it is not known.
_EXPLAINED: Final[Mapping[str, bool]] = {models.Change.Said.MEANT: True, NOT_OURS: False}
NOT_SHOWN: Final = "No whole rounds before and after it show what it did."

# ---- rows ----------------------------------------------------------------------------------


def judge(tenant: models.Tenant, now: datetime) -> None:
    """Predict anew, who may deliver too, then assess: all by one reading of the configuration."""
    known = history.known(tenant)
    predicting.refresh(tenant, now, known)
    reached.keep(tenant, known)
    refresh(tenant, now, known)


def refresh(
    tenant: models.Tenant, now: datetime, known: Configuration | None = None
) -> list[models.Finding]:
    """Bring the tenant's findings up to date; the ones that are new."""
    given = facts(tenant, now, known)
    if not _was_read(given.configuration):
        return []
    judged = [f for f in posture.assess(given) if f.rule not in OF_THE_MOMENT]
    violated = {(f.rule, _subject(f)): f for f in judged if f.result is Result.NOT_SATISFIED}
    silent = {f.rule for f in judged if f.result is Result.UNKNOWN}
    standing = {(row.rule, row.subject): row for row in tenant.findings.filter(closed_at=None)}
    gone = [row.pk for key, row in standing.items() if key not in violated and key[0] not in silent]
    models.Finding.objects.filter(pk__in=gone).update(closed_at=now)
    _keep(standing, violated)
    # What another finding tells has no row of its own; one that had it before keeps it.
    new = (f for key, f in violated.items() if key not in standing and not f.led_by)
    fresh = [_row(tenant, found, now) for found in new]
    fresh = models.Finding.objects.bulk_create(fresh)
    excepting.hold(tenant, given, violated, now)
    return fresh


def _was_read(configuration: Configuration) -> bool:
    return bool(configuration.parts)


def _keep(
    standing: Mapping[tuple[str, str], models.Finding],
    violated: Mapping[tuple[str, str], Finding],
) -> None:
    """Take over what a finding says now, where that is anything new."""
    moved = []
    for key, row in standing.items():
        found = violated.get(key)
        if found and row.document != (document := _document(found)):
            row.severity, row.rank = found.severity, found.severity.rank
            row.sentence, row.document = found.sentence, document
            moved.append(row)
    models.Finding.objects.bulk_update(moved, ["severity", "rank", "sentence", "document"])


def _row(tenant: models.Tenant, found: Finding, now: datetime) -> models.Finding:
    return models.Finding(
        tenant=tenant,
        rule=found.rule,
        subject=_subject(found),
        severity=found.severity,
        rank=found.severity.rank,
        sentence=found.sentence,
        document=_document(found),
        opened_at=now,
    )


def _subject(found: Finding) -> str:
    return found.subject[:LONGEST_SUBJECT]


def _document(found: Finding) -> dict[str, Any]:
    """What is kept of a finding besides its columns."""
    kept = asdict(found)
    return {
        "because": kept["because"],
        "evidence": list(kept["evidence"]),
        "near_miss": kept["near_miss"],
        "no_near_miss": kept["no_near_miss"],
        "led_by": kept["led_by"],
        "assumptions": list(kept["assumptions"]),
        "remediation": kept["remediation"],
    }
