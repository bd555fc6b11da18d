"""Put facts before the rules."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from mailposture.core.configuration import PARTS
from mailposture.core.posture.facts import Facts
from mailposture.core.posture.findings import Finding, Result, Rule, Said
from mailposture.core.posture.table import RULES

# What rules read besides the parts of a configuration.
WORDS: Final = {
    "agreements": "how predictions and observations stand to one another",
    "answers": "what strangers were answered",
    "changes": "the changes since the last report",
    "evidence": "when the tenant was last read and asked",
    "exceptions": "the exceptions",
    "moment": "the moment for which it is asked",
    "published": "the published ranges of providers",
}
BY_ID: Final = {rule.id: rule for rule in RULES}


def assess(facts: Facts) -> tuple[Finding, ...]:
    """What every rule says, a finding for each subject, in the order of the table."""
    return tuple(found for rule in RULES for found in _whole(rule, facts))


def judged(facts: Facts, rule: str) -> tuple[Finding, ...]:
    """What one rule says, without looking for near misses: for many configurations."""
    chosen = BY_ID[rule]
    return tuple(_finding(chosen, said) for said in said_by(chosen, facts))


def said_by(rule: Rule, facts: Facts) -> Iterator[Said]:
    """What a rule says of each subject; one whose parts are not known says which are not."""
    lacking = [part for part in rule.reads if not facts.knows(part)]
    if not lacking:
        yield from rule.judge(facts)
        return
    unread = [part.replace("_", " ") for part in lacking if part in PARTS]
    words = [f"Not read: {' and '.join(unread)}."] if unread else []
    words += [f"Not known: {WORDS[part]}." for part in lacking if part not in PARTS]
    yield Said(result=Result.UNKNOWN, sentence=" ".join(words))


def _finding(rule: Rule, said: Said) -> Finding:
    weight = said.weight or rule.weight
    return Finding(
        rule=rule.id,
        subject=said.subject,
        result=said.result,
        severity=weight.severity,
        because=weight.because,
        sentence=said.sentence,
        evidence=said.evidence,
        assumptions=said.assumptions,
        remediation=rule.remediation if said.result is Result.NOT_SATISFIED else "",
    )


def _whole(rule: Rule, facts: Facts) -> Iterator[Finding]:
    """The findings of a rule with their near misses, and a host that shows the door to be open."""
    for said in said_by(rule, facts):
        found = _finding(rule, said)
        if said.result is Result.NOT_SATISFIED and rule.near:
            found = _with_near(found, rule.near(facts, said), _shown(facts))
        yield found


def _with_near(found: Finding, near: str | None, shown: str) -> Finding:
    evidence = (*found.evidence, shown) if shown else found.evidence
    return replace(found, near_miss=near, evidence=evidence)


def _shown(facts: Facts) -> str:
    """The smallest stranger that gets in, if one does."""
    found = facts.stranger
    if found is None:
        return ""
    return f"{found.address} gets in to {found.domain} with the sender class {found.sender_class}."
