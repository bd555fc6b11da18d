"""From commands to stages: each is applied as a proposal, and the model says what answers then."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mailposture.core.addresses import NOWHERE, AddressSet, union
from mailposture.core.configuration import Configuration
from mailposture.core.posture.facts import Facts, Source, SourceKind
from mailposture.core.posture.findings import cidrs
from mailposture.core.posture.remediation.paths import expected, of_source
from mailposture.core.posture.remediation.scripts import Check, Script, Stage
from mailposture.core.powershell import commands
from mailposture.core.proposals import ProposalError, propose
from mailposture.core.reachability import FOREIGN, OWN, Reachability, reachability

GATEWAY_HERE: Final = "<address of your gateway>"
NO_GATEWAY: Final = (
    "No approved gateway is declared. Put its addresses in; until then nothing is claimed of what"
    " will answer."
)

AS_READ: Final = Check(
    command=(
        "Get-InboundConnector | Format-List Name,Enabled,ConnectorType,SenderDomains,"
        "SenderIPAddresses,Restrict*,RequireTls,TlsSenderCertificateName,AssociatedAcceptedDomains"
    ),
    must="it says what the product read last; else let it read again first",
)
WHO_ELSE: Final = Check(
    command=(
        "Start-HistoricalSearch -ReportTitle 'Mail without a connector' -ReportType ConnectorReport"
        " -ConnectorType NoConnector -Direction Received -StartDate (Get-Date).AddDays(-30)"
        " -EndDate (Get-Date)"
    ),
    must="every sender it lists is approved, or may be cut off: copiers, forwarders, services",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A stage before it was tried. `makes` where no proposal can express what the commands do."""

    title: str
    commands: tuple[str, ...]
    rollback: tuple[str, ...]
    note: str = ""
    makes: Configuration | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """A stage, and who may deliver after it; None where that cannot be said."""

    stage: Stage
    reach: Reachability | None


def tried(
    facts: Facts, steps: Sequence[Step], domains: tuple[str, ...], *, placeholder: bool = False
) -> tuple[Tried, ...]:
    """Try each step on the configuration that the one before it made."""
    present, found = facts.configuration, []
    for step in steps:
        after = step.makes
        if after is None and not placeholder:
            after = propose(present, commands("\n".join(step.commands))).configuration
        reach = reachability(after) if after else None
        stage = Stage(
            title=step.title,
            commands=step.commands,
            rollback=step.rollback,
            note=step.note,
            expects=expected(facts, reach, domains) if reach else (),
            makes=after,
        )
        found.append(Tried(stage, reach))
        present = after or present
    return tuple(found)


def script(  # noqa: PLR0913 - a script is these
    facts: Facts,
    *,
    key: str,
    title: str,
    steps: Sequence[Step],
    domains: tuple[str, ...],
    checks: tuple[Check, ...] = (AS_READ,),
    refuses: tuple[str, ...] = (),
    advice: tuple[str, ...] = (),
    placeholder: bool = False,
) -> Script:
    """A whole script; it refuses to be ready where an approved source would be cut off."""
    try:
        each = tried(facts, steps, domains, placeholder=placeholder)
    except ProposalError as problem:
        return Script(key=key, title=title, advice=advice, refuses=(*refuses, str(problem)))
    return Script(
        key=key,
        title=title,
        advice=advice,
        refuses=(*refuses, *_cut_off(facts, each)),
        keeps=_kept(facts, each),
        checks=checks,
        stages=tuple(one.stage for one in each),
    )


def _cut_off(facts: Facts, each: Sequence[Tried]) -> tuple[str, ...]:
    """Approved sources that some stage refuses although they get in before it."""
    lost = [
        words
        for one in each
        if one.reach
        for source in facts.sources
        for words in _lost(facts, one, one.reach, source)
    ]
    return tuple(dict.fromkeys(lost))


def _lost(facts: Facts, one: Tried, reach: Reachability, source: Source) -> Iterator[str]:
    """What of one source a stage no longer lets in: by its certificate, or else by address."""
    if source.names:
        yield from _lost_by_name(facts, one, reach, source)
        return
    pairs = {
        (facts.reach.of(d, c).addresses, reach.of(d, c).addresses)
        for d in facts.reach.domains
        for c in (FOREIGN, OWN)
        if reach.has(d)
    }
    gone = union([source.set & was - now for was, now in pairs] or [NOWHERE])
    if gone := AddressSet(v4=gone.v4):
        yield f"{source.name} would be cut off at {cidrs(gone)}."


def _lost_by_name(facts: Facts, one: Tried, reach: Reachability, source: Source) -> Iterator[str]:
    for domain in dict.fromkeys(e.domain for e in one.stage.expects):
        before = of_source(facts.reach.rules, source, domain)
        for was, now in zip(before, of_source(reach.rules, source, domain), strict=True):
            if was.accepted and not now.accepted:
                yield f"{now.host} would be cut off: {now.reply}."


def _kept(facts: Facts, each: Sequence[Tried]) -> tuple[str, ...]:
    """Connectors of the organisation's own servers that stay as they are, and whom they let in."""
    made = each[-1].stage.makes if each else None
    after = facts.connectors if made is None else made.inbound_connectors or ()
    granting = [c for c in facts.enabled if not c.is_partner and c in after]
    kept = [
        f"{c.name} stays as it is: it recognises the organisation's own server by"
        f" {c.tls_sender_certificate_name or 'its addresses'}, and its mail is not asked for the"
        " lock's proof (hybrid_exempt)."
        for c in granting
    ]
    hybrid = {s.name for s in facts.sources if s.kind is SourceKind.HYBRID}
    last = each[-1].stage.expects if each else ()
    ways = {e.who: e.connector for e in last if e.who in hybrid and e.accepted}
    kept += [f"{who} stays in by {way or 'no connector in particular'}." for who, way in
             sorted(ways.items())]  # fmt: skip
    return tuple(kept)
