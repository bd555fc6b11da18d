"""Words for exceptions that end, have ended, or are outgrown by what they accepted.

Facts are those of services/expiring.py; names and reasons are people's and come as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mailposture.core.told import plain

LONGEST_NAME: Final = 80


@dataclass(frozen=True, slots=True)
class Said:
    """What is told of one exception: a subject, what is behind it, a word and how it looks.

    `mark` begins the subject where that is not how grave it is.
    """

    subject: str
    lead: str
    word: str
    tone: str = "part"
    gate: str = "?"
    mark: str = ""

    @property
    def sentence(self) -> str:
        """The subject as a sentence."""
        return f"{self.subject}."


def told(facts: Mapping[str, Any], tenant: str) -> Said:
    """It ends soon, it has ended, its finding goes beyond it; or nothing of that any more."""
    one, name, until = _of(facts)
    what = f"{name} at {tenant}"
    if facts.get("event") == "resolved":
        return _over(one, what)
    accepted = f"It accepted {one.get('rule', '')}: {plain(one.get('sentence'))}"
    if one.get("matter") == "outgrown":
        more = " ".join(plain(words) for words in one.get("outside") or ())
        lead = f"{accepted} {more} What goes beyond it counts as if there were no exception."
        return Said(f"{what} no longer covers its finding", lead, "Outgrown")
    if one.get("level") == "whole":
        lead = f"{accepted} It held until {until}. The finding stands, and counts again."
        return Said(f"{what} has expired", lead, "Expired")
    lead = (
        f"{accepted} It holds until {until}; then the finding counts again. Renew it, or mend it."
    )
    return Said(f"{what} ends after {until}", lead, "Ends soon")


def _over(one: Mapping[str, Any], what: str) -> Said:
    if one.get("matter") == "outgrown":
        words, lead = "covers its finding again", "Nothing goes beyond what was accepted."
        word = "Covered"
    else:
        words, lead = "has nothing left to accept", f"{one.get('rule', 'Its rule')} is met."
        word = "Over"
    return Said(f"{what} {words}", lead, word, "closed", "✓", word)


def rows(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Who answers for it, and who approved it."""
    one, _, _ = _of(facts)
    people = (("Owner", one.get("owner")), ("Approved by", one.get("approved_by")))
    return [(label, plain(who, LONGEST_NAME)) for label, who in people if who]


def withdrawn(facts: Mapping[str, Any]) -> str:
    """How it is said of one that people ended, or renewed."""
    return f"{_of(facts)[1]} was renewed or withdrawn."


def _of(facts: Mapping[str, Any]) -> tuple[Mapping[str, Any], str, str]:
    one: Mapping[str, Any] = facts.get("exception") or {}
    name = f"Exception {plain(one.get('name'), 20)}".strip()
    return one, name, plain(one.get("until"), 20) or "an unknown day"
