"""What was seen open although the model refuses it: a contradiction, which no script ends."""

from dataclasses import replace
from typing import Final

from mailposture.core.attribution import BY_NAME
from mailposture.core.posture.facts import Facts
from mailposture.core.posture.findings import Finding, listed, many
from mailposture.core.posture.remediation.scripts import Script
from mailposture.core.posture.seen_open import SEEN, refused, seen_open, unapproved
from mailposture.core.reachability import reachability

REFUSED: Final = (
    "By the configuration strangers are refused already at {}, and yet one got in: prediction and"
    " observation contradict one another (MP-10). Another connector or setting closes nothing"
    " there."
)
LISTED: Final = (
    "By the same configuration {} that nobody approved may deliver there, since a connector lists"
    " them. Was it asked from one of these? Then that list is the cause: see MP-06."
)
DOUBT: Final = (
    "The configuration refuses strangers at {} by an assumption that these stages do without. By"
    " its other reading the door stands open there, as was seen:"
)
WHAT_TO_DO: Final = (
    (
        "Wait until the verification window is over and ask again: a change takes about half an"
        " hour to reach every front end."
    ),
    (
        "Look at the answers of these paths: which front ends let the stranger in, and which did"
        " not. Where they differ, some have not heard of the change."
    ),
    (
        "Make sure that the configuration is this tenant's, and as it is now: read it again, and"
        " compare Get-AcceptedDomain and Get-InboundConnector with what the product shows."
    ),
    (
        "If it stays so, open a case with Microsoft. Hand over the connectors as read, and the"
        " conversation that got in: when, from which address, at which front end, and the replies."
    ),
)


def held(facts: Facts, finding: Finding, script: Script) -> Script:
    """The script with a word on what the model refuses already; advice in its place where it closes
    nothing that was seen open, neither by the model nor by the other reading of an assumption.
    """
    if finding.rule not in SEEN:
        return script
    before = refused(facts, finding.rule, facts.reach)
    sure = [domain for domain, turning in before.items() if not turning]
    doubtful = [domain for domain, turning in before.items() if turning]
    closes = len(before) < len(seen_open(facts, finding.rule))
    if doubtful and script.makes:
        after = refused(facts, finding.rule, reachability(script.makes))
        settled = [domain for domain in doubtful if after.get(domain) == ()]
    else:
        settled = doubtful
    if not (closes or settled):
        return _advice(facts, finding, before)
    words = [REFUSED.format(listed(sure))] * bool(sure)
    words += [_doubt(settled, before)] * bool(settled)
    return replace(script, advice=(*script.advice, *words))


def _advice(facts: Facts, finding: Finding, before: dict[str, tuple[str, ...]]) -> Script:
    others = unapproved(facts, finding.rule)
    named = (LISTED.format(many(others)),) if others else ()
    words = (REFUSED.format(listed(list(before))), *named, *WHAT_TO_DO)
    return Script(key="advice", title=finding.sentence, advice=words)


def _doubt(domains: list[str], before: dict[str, tuple[str, ...]]) -> str:
    """By which other readings the door stands open, and that it would then be closed."""
    names = dict.fromkeys(name for d in domains for name in before[d])
    readings = " ".join(BY_NAME[name].alternative for name in names)
    return f"{DOUBT.format(listed(domains))} {readings}"
