"""What answers a finding: a script in stages, or advice. Written by us, run by people."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from mailposture.core.posture.facts import Facts
from mailposture.core.posture.findings import Finding
from mailposture.core.posture.remediation.advice import ADVICE, advice
from mailposture.core.posture.remediation.beside import filtering, ipv6
from mailposture.core.posture.remediation.contradicted import held
from mailposture.core.posture.remediation.lock import lock
from mailposture.core.posture.remediation.narrow import fill, narrow
from mailposture.core.posture.remediation.scripts import Check, Expected, Script, Stage
from mailposture.core.posture.remediation.single import SWITCHES, direct_send, split, switch

__all__ = ["ADVICE", "SCRIPTS", "Check", "Expected", "Script", "Stage", "remedy"]

SCRIPTS: Final[Mapping[str, Callable[[Facts, Finding], Script]]] = {
    "advice": advice,
    "direct_send": direct_send,
    "fill": fill,
    "filtering": filtering,
    "ipv6": ipv6,
    "lock": lock,
    "narrow": narrow,
    "split": split,
    **{key: partial(switch, key) for key in SWITCHES},
}


def remedy(facts: Facts, finding: Finding) -> Script:
    """What answers a violated finding; what the model refuses already is answered by no script."""
    script = SCRIPTS[finding.remediation or "advice"](facts, finding)
    return held(facts, finding, script)
