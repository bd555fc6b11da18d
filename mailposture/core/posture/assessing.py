"""Put facts before the rules."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from mailposture.core.configuration import PARTS
from mailposture.core.posture.facts import Facts
from mailposture.core.posture.findings import Finding, Result, Rule, Said
from mailposture.core.posture.leading import with_leaders
from mailposture.core.posture.nearness import NEAR
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


# Rules whose findings are proved by a stranger that gets in.
OPEN_DOOR: Final = frozenset(
    {"MP-01", "MP-03", "MP-04", "MP-05", "MP-06", "MP-21", "MP-22", "MP-23", "MP-24", "MP-25",
     "MP-43"}
)  # fmt: skip


# Of so many findings of one rule near misses are looked for: each is a question to the model.
MOST_NEAR: Final = 12
NOT_TRIED: Final = f"Of many findings of this rule it was looked for with the first {MOST_NEAR}."


def assess(facts: Facts) -> tuple[Finding, ...]:
    """What every rule says, a finding for each subject, in the order of the table."""
    return with_leaders(tuple(found for rule in RULES for found in _whole(rule, facts)))


def told(facts: Facts) -> tuple[Finding, ...]:
    """The same without near misses, which cost far more than the rest: for what shows none."""
    each = ((rule, said, _finding(rule, said)) for rule in RULES for said in said_by(rule, facts))
    return with_leaders(tuple(_shown(rule, facts, said, found) for rule, said, found in each))


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
    violations = 0
    for said in said_by(rule, facts):
        found = _finding(rule, said)
        if said.result is Result.NOT_SATISFIED:
            violations += 1
            found = _proved(rule, facts, said, found, looks=violations <= MOST_NEAR)
        yield found


def _proved(rule: Rule, facts: Facts, said: Said, found: Finding, *, looks: bool) -> Finding:
    tried = NEAR[rule.id]
    near = tried.look(facts, said) if looks else None
    why = tried.otherwise if looks else NOT_TRIED
    found = replace(found, near_miss=near, no_near_miss="" if near else why)
    return _shown(rule, facts, said, found)


def _shown(rule: Rule, facts: Facts, said: Said, found: Finding) -> Finding:
    """With the smallest stranger that gets in, if one does and that is what the rule is about."""
    host = facts.stranger if rule.id in OPEN_DOOR else None
    if host is None or said.result is not Result.NOT_SATISFIED:
        return found
    where = f"{host.domain} with the sender class {host.sender_class}"
    proof = f"{host.address} gets in to {where}."
    return replace(found, evidence=(*found.evidence, proof))
