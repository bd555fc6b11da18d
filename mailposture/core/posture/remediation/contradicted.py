"""What was seen open although the model refuses it: a contradiction, which no script ends."""

from dataclasses import replace
from typing import Final

from mailposture.core.posture.facts import Facts
from mailposture.core.posture.findings import Finding, listed, many
from mailposture.core.posture.remediation.scripts import Script
from mailposture.core.posture.seen_open import refused_already, seen_open, unapproved

REFUSED: Final = (
    "By the configuration strangers are refused already at {}, and yet one got in: prediction and"
    " observation contradict one another (MP-10). Another connector or setting closes nothing"
    " there."
)
LISTED: Final = (
    "By the same configuration {} that nobody approved may deliver there, since a connector lists"
    " them. Was it asked from one of these? Then that list is the cause: see MP-06."
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


def contradicted(facts: Facts, finding: Finding) -> Script | None:
    """Advice, where all that was seen open is refused by the model; None where some is not."""
    already = refused_already(facts, finding.rule)
    if not already or len(already) < len(seen_open(facts, finding.rule)):
        return None
    others = unapproved(facts, finding.rule)
    named = (LISTED.format(many(others)),) if others else ()
    words = (REFUSED.format(listed(already)), *named, *WHAT_TO_DO)
    return Script(key="advice", title=finding.sentence, advice=words)


def told_apart(facts: Facts, finding: Finding, script: Script) -> Script:
    """A script with a word on the domains, if any, at which it closes nothing."""
    already = refused_already(facts, finding.rule)
    words = (REFUSED.format(listed(already)),) if already else ()
    return replace(script, advice=(*script.advice, *words))
