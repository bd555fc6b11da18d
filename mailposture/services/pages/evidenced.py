"""The evidence of a finding, each name in it leading to what it names.

Evidence is kept as words. What is looked for in them are the names that the tenant has: of its
connectors, domains, sources and places, and of the answers its paths were given. Nothing is
guessed: a word that is none of these stays a word.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import urlencode

from django.urls import reverse

from mailposture import models
from mailposture.core.contradictions import WORDS, Agreement
from mailposture.core.posture import Facts
from mailposture.core.reachability import CLASSES, FOREIGN
from mailposture.core.verdict import Verdict
from mailposture.services.pages import reaching
from mailposture.services.pages.pieces import Piece

# A name ends where no longer name could go on.
WHOLE: Final = r"(?<![\w.@-])(?:{})(?![\w@-]|\.\w)"
FIELD: Final = " = "
STRANGER: Final = models.VantagePoint.Plays.STRANGER


def lines(
    row: models.Finding, facts: Facts | None, paths: Iterable[models.Path]
) -> tuple[tuple[Piece, ...], ...]:
    """The finding's evidence; what is over, or not known any more, is words alone."""
    said = row.document.get("evidence") or ()
    if facts is None:
        return tuple((Piece(text=line),) for line in said)
    subject = _connectors(row.tenant, facts, by_guid=True).get(row.subject.split(" ", 1)[0], "")
    things = _things(row.tenant, facts)
    places = {**_domains(row.tenant, facts), **_answers(paths)}
    return tuple(tuple(_line(line, things, places, subject)) for line in said)


def _line(
    line: str, things: Mapping[str, str], places: Mapping[str, str], subject: str
) -> Iterator[Piece]:
    """One line. The value of a setting may read like the name of a connector, and is none."""
    field, sign, value = line.partition(FIELD)
    if not sign:
        yield from _linked(line, {**things, **places})
        return
    head = list(_linked(field, {**places, **things} if " " in field else {}))
    of_subject = subject and not any(piece.href for piece in head)
    yield from [Piece(text=field, href=subject)] if of_subject else head
    yield from _linked(sign + value, places)


def _linked(text: str, names: Mapping[str, str]) -> Iterator[Piece]:
    """The text, cut at the names that stand in it; of two that begin alike the longer one."""
    present = sorted((name for name in names if name in text), key=len, reverse=True)
    if not present:
        yield Piece(text=text)
        return
    done = 0
    for found in re.finditer(WHOLE.format("|".join(map(re.escape, present))), text):
        if found.start() > done:
            yield Piece(text=text[done : found.start()])
        yield Piece(text=found[0], href=names[found[0]])
        done = found.end()
    if done < len(text):
        yield Piece(text=text[done:])


# ---- what has a name ---------------------------------------------------------------------


def _things(of: models.Tenant, facts: Facts) -> dict[str, str]:
    """Connectors and approved sources."""
    sources = reverse("sources", args=[of.slug])
    return {
        **{one.name: sources for one in facts.sources if one.name},
        **_connectors(of, facts, by_guid=False),
    }


def _connectors(of: models.Tenant, facts: Facts, *, by_guid: bool) -> dict[str, str]:
    return {
        one.guid if by_guid else one.name: reverse("connector", args=[of.slug, one.guid])
        for one in facts.configuration.inbound_connectors or ()
        if one.name and one.guid
    }


def _domains(of: models.Tenant, facts: Facts) -> dict[str, str]:
    """Domains, and where a sender class is named with one that too."""
    found = {}
    for domain in facts.accepted:
        for sender_class in CLASSES:
            asked = urlencode({"domain": domain, "class": sender_class})
            at = f"{reaching.address(of)}?{asked}#shown"
            found[f"{domain} with the sender class {sender_class}"] = at
            if sender_class == FOREIGN:
                found[domain] = at
    return found


def _answers(paths: Iterable[models.Path]) -> dict[str, str]:
    """Places, and the answers that are named by domain, place, sender and manner."""
    found = {}
    for path in sorted(paths, key=lambda p: p.verdict == Verdict.OPEN):
        place = path.vantage_point
        found[place.name] = reverse("vantage_point", args=[place.slug])
        if path.current is None:
            continue
        at = path.current.get_absolute_url()
        if place.plays == STRANGER:
            # The last one stands: where any stranger got in, that is what is told of the domain.
            found[f"{path.domain}, {path.sender_class} sender"] = at
        manner = WORDS[Agreement(path.agreement)] if path.agreement else ""
        found[f"{place.name}, {path.sender_class} sender: {manner}"] = at
    return found
