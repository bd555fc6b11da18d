"""News as a letter: what a mail says, in which order, from the facts that were frozen.

Only words: the templates render them as text and as HTML. Every fact may come from a hostile
server or a hostile tenant, so each is made printable and cut here; escaping is the template's.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from mailposture.core import inpart, outgrown
from mailposture.core.signs import named
from mailposture.core.told import LONGEST_LINE, at_clock, clock, few, moment, plain
from mailposture.core.words import duration

LONGEST_SUBJECT: Final = 150
LONGEST_NAME: Final = 80
ELSEWHERE: Final = "The command is on the incident's page: a mail cannot show every sign of it."

type Facts = Mapping[str, Any]
type Row = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """One wire line of the proof: S or C, what it said, and whether it decides."""

    who: str
    text: str
    decides: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail in the order in which it is read. `tone` is open, part, closed, cut or unknown."""

    subject: str
    at: str
    tone: str
    gate: str
    word: str
    severity: str
    number: int
    sentence: str
    lead: str
    lines: tuple[Line, ...]
    decides: str
    under_proof: str
    rows: tuple[Row, ...]
    fix_title: str
    fix: str
    fix_note: str
    button: str
    url: str
    acknowledge: bool
    why: str
    settings_url: str


# ---- what it is about ----------------------------------------------------------------------


def _name(facts: Facts) -> str:
    return plain(facts.get("name"), LONGEST_NAME) or "a tenant"


def _lasted(facts: Facts) -> str:
    lasted = duration(timedelta(seconds=int(facts.get("seconds") or 0)))
    return f"{lasted} in all" if _came_and_went(facts) else lasted


def _came_and_went(facts: Facts) -> bool:
    return int(facts.get("times") or 1) > 1


def _from_to(facts: Facts) -> str:
    """Between when, and whether all the time."""
    since, until = (clock(facts.get(key), facts.get("at")) for key in ("since", "until"))
    return f"on and off from {since} to {until}" if _came_and_went(facts) else f"until {until}"


def _classes(facts: Facts) -> list[str]:
    found = {str(c) for s in facts.get("subjects") or () for c in s.get("classes", ())}
    known = [c for c in ("foreign", "own", "null", "partner") if c in found]
    return known + sorted(plain(c, 20) for c in found - set(known))


def _domains(facts: Facts) -> list[str]:
    return [plain(s.get("domain"), 253) for s in facts.get("subjects") or ()]


def _count(facts: Facts) -> int:
    """How many domains it is about; of very many, only the first are named."""
    return max(int(facts.get("domains") or 0), len(facts.get("subjects") or ()))


def _is_whole(facts: Facts) -> bool:
    """By how it stands; the worst that it was says it only where that is not known."""
    state = facts.get("state")
    return state == "open" or (state == "unknown" and facts.get("severity") == "critical")


def _what_opens(facts: Facts) -> str:
    """Who may deliver what, after the tenant's name."""
    if _is_whole(facts):
        return "takes mail from any host"
    senders = _classes(facts)
    if "foreign" in senders:
        return f"takes mail from any host to {few(_domains(facts), count=_count(facts))}"
    if not senders:
        return "is open"
    named = ["own-domain" if name == "own" else name for name in senders]
    article = "an" if named[0] == "own-domain" else "a"
    with_whom = f"{few(named)} senders" if len(named) > 1 else f"{article} {named[0]} sender"
    return f"takes mail from any host with {with_whom}"


def _source(facts: Facts) -> str:
    source = facts.get("source") or facts.get("place") or {}
    return plain(source.get("name"), LONGEST_NAME) or "An approved source"


@dataclass(frozen=True, slots=True)
class _Told:
    """The head of a letter: what its subject begins with, the subject's rest, and sentences."""

    mark: str
    subject: str
    sentence: str
    lead: str
    tone: str
    gate: str
    word: str


def _severity(facts: Facts) -> str:
    return plain(facts.get("severity"), 10).capitalize()


def _bypass(facts: Facts) -> _Told:
    name, since = _name(facts), clock(facts.get("since"), facts.get("at"))
    whole = _is_whole(facts)
    tone, gate, word = ("open", "→", "Open") if whole else ("part", "⇢", "Partly open")
    what = f"{name} {_what_opens(facts)}"
    if facts.get("event") == "worse":
        lead = f"It was Partly open since {since}; now every domain whose state is known is open."
        return _Told(_severity(facts), what, f"{what}.", lead, tone, gate, word)
    if facts.get("event") == "better":
        lead = f"It was told as Open and is {word} now. First seen open {_since(facts)}."
        return _Told(word, what, f"{what}.", lead, tone, gate, word)
    if facts.get("event") == "again":
        lead = (
            "It had closed less than an hour before. "
            f"It was first seen open {_since(facts)}. "
            "Further changes are told once it has been quiet for an hour."
        )
        return _Told("Again", what, f"{what} again.", lead, tone, gate, word)
    return _Told(
        _severity(facts), f"{what} since {since}", f"{what}.", _first(facts), tone, gate, word
    )


def _first(facts: Facts) -> str:
    """Since when, and what it was before."""
    at = facts.get("at")
    since = at_clock(facts.get("since"), at, seconds=True)
    proof = facts.get("proof") or {}
    ends = int(proof.get("front_ends") or 0)
    where = f", on {ends} front ends" if ends > 1 else ""
    if facts.get("first_look"):
        return f"It was open at the first look, {since}{where}. Since when is not known."
    before = at_clock(facts.get("last_closed"), at, seconds=True)
    return f"Last seen closed {before}, first seen open {since}{where}."


def _since(facts: Facts) -> str:
    return at_clock(facts.get("since"), facts.get("at"))


def _bypass_over(facts: Facts) -> _Told:
    name, lasted = _name(facts), _lasted(facts)
    since, until = _since(facts), at_clock(facts.get("until"), facts.get("at"))
    state = {"closed": "", "unknown": " Some paths are unknown."}.get(str(facts.get("state")), "")
    lead = f"First seen open {since}, first seen closed {until}.{state}"
    if _came_and_went(facts):
        lead = f"Open {facts['times']:,} times, {_from_to(facts)}.{state}"
    if facts.get("state") == "closed":
        sentence, gate, tone, word = f"{name} refuses strangers again.", "⇥", "closed", "Closed"
    else:
        sentence = f"No door of {name} is known to stand open any more."
        gate, tone, word = "?", "unknown", "Unknown"
    mark = "Closed" if word == "Closed" else "Resolved"
    return _Told(mark, f"{name}, open for {lasted}", sentence, lead, tone, gate, word)


def _mark(facts: Facts, word: str) -> str:
    """What a subject begins with: how bad, or where it got less bad, how it stands."""
    return word if facts.get("event") == "better" else _severity(facts)


def _refused(facts: Facts) -> inpart.Said:
    inside = [plain(c, 20) for c in facts.get("inside") or ()]
    where = inpart.Where(_domains(facts), _count(facts))
    return inpart.refused(_source(facts), _name(facts), where, _classes(facts), inside)


def _cut_off(facts: Facts) -> _Told:
    since = clock(facts.get("since"), facts.get("at"))
    said, event = _refused(facts), facts.get("event")
    lead = f"Refused since {since}: {said.lead}"
    mark, subject, sentence = _severity(facts), f"{said.short} since {since}", f"{said.sentence}."
    if event == "again":
        lead = f"It had got in less than an hour before. {lead}"
        mark, subject, sentence = "Again", said.short, inpart.again(said.sentence)
    elif event in ("worse", "better"):
        lead = f"{inpart.TURNS[str(event), 'cut_off']} {lead}"
        mark, subject = _mark(facts, said.word), said.short
    return _Told(mark, subject, sentence, lead, "cut", "✕", said.word)


def _cut_off_over(facts: Facts) -> _Told:
    name, source, lasted = _name(facts), _source(facts), _lasted(facts)
    was = "refused in part" if facts.get("inside") else "cut off"
    sentence = f"{source} gets in to {name} again."
    lead = f"It was {was} for {lasted}, {_from_to(facts)}."
    subject = f"{source} to {name}, {was} for {lasted}"
    return _Told("Gets in", subject, sentence, lead, "closed", "✓", "Gets in")


def _ended(words: str) -> str:
    """A sentence, also where a server's words end it."""
    return words if words.endswith((".", "…")) or not words else f"{words}."


def _unseen(facts: Facts) -> inpart.Unseen:
    reasons = [str(r.get("what")) for r in facts.get("reasons") or ()]
    return inpart.unseen(reasons, place=facts.get("slug") is None)


def _blind(facts: Facts) -> _Told:
    said, event = _unseen(facts), facts.get("event")
    since = clock(facts.get("since"), facts.get("at"))
    why = [_ended(plain(r.get("says"))) for r in facts.get("reasons") or ()]
    lead = " ".join([*why, said.unknown]) if why else f"Why is not known. {said.unknown}"
    what = said.what.format(name=_name(facts))
    mark, subject = _severity(facts), f"{what} since {since}"
    if event == "again":
        mark, subject = "Again", what
    elif event in ("worse", "better"):
        lead = f"{inpart.TURNS[str(event), 'blind']} {lead}"
        mark, subject = _mark(facts, said.word), what
    whole = f"{what}{inpart.still(str(facts.get('still')))}."
    return _Told(mark, subject, whole, lead, "unknown", "?", said.word)


def _blind_over(facts: Facts) -> _Told:
    said, name, lasted = _unseen(facts), _name(facts), _lasted(facts)
    lead = f"It was {said.was} for {lasted}, {_from_to(facts)}. {said.meanwhile}"
    sentence = f"{said.again.format(name=name)}."
    return _Told("Seen", f"{name}, {said.was} for {lasted}", sentence, lead, "closed", "✓", "Seen")


def _exception(facts: Facts) -> _Told:
    said = outgrown.told(facts, _name(facts))
    mark = "Again" if facts.get("event") == "again" else said.mark or _mark(facts, said.word)
    return _Told(mark, said.subject, said.sentence, said.lead, said.tone, said.gate, said.word)


_HEADS: Final[Mapping[tuple[str, bool], Callable[[Facts], _Told]]] = {
    ("bypass", False): _bypass,
    ("bypass", True): _bypass_over,
    ("cut_off", False): _cut_off,
    ("cut_off", True): _cut_off_over,
    ("blind", False): _blind,
    ("blind", True): _blind_over,
    ("exception", False): _exception,
    ("exception", True): _exception,
}


# ---- the whole -----------------------------------------------------------------------------


def sentence(facts: Facts) -> str:
    """The one sentence of an incident as it stands, for lists and page heads."""
    return _HEADS[str(facts.get("kind")), facts.get("event") == "resolved"](facts).sentence


def compose(facts: Facts, base_url: str) -> Letter:
    """The letter of one alert; `base_url` is where the product is reached."""
    over = facts.get("event") == "resolved"
    told = _HEADS[str(facts.get("kind")), over](facts)
    proof = facts.get("proof") or {}
    fix = (facts.get("fix") or {}) if not over else {}
    number = int(facts.get("incident") or 0)
    return Letter(
        subject=plain(f"[{told.mark}] {told.subject}", LONGEST_SUBJECT),
        at=_exact(facts.get("at")),
        tone=told.tone,
        gate=told.gate,
        word=told.word,
        severity="" if over else _severity(facts),
        number=number,
        sentence=told.sentence,
        lead=told.lead,
        lines=tuple(_lines(proof)),
        decides=_decides(facts, proof),
        under_proof=_under(proof),
        rows=tuple(_rows(facts)),
        fix_title=plain(fix.get("title")),
        fix=_command(fix),
        fix_note=plain(fix.get("note")) if _command(fix) or not fix else ELSEWHERE,
        button=f"Open incident #{number}",
        url=f"{base_url}/incidents/{number}/",
        acknowledge=not over,
        why=_why(facts),
        settings_url=f"{base_url}/settings/",
    )


def _command(fix: Facts) -> str:
    """The command as it is run, else none: cut or smoothed, it could name another connector."""
    command = str(fix.get("command") or "")
    return command if plain(command, 2 * LONGEST_LINE) == command else ""


def _exact(value: object) -> str:
    found = moment(value)
    return f"{found.day} {found:%b %Y, %H:%M:%S} UTC" if found else ""


def _lines(proof: Facts) -> Iterator[Line]:
    for line in proof.get("lines") or ():
        who = "S" if line.get("who") == "S" else "C"
        yield Line(who, plain(line.get("text")), bool(line.get("decides")))


def _decides(facts: Facts, proof: Facts) -> str:
    """What the deciding line proves, in the word of whom it is about."""
    is_open = proof.get("verdict") == "open"
    if facts.get("kind") == "cut_off":
        refused = "Refused" if facts.get("inside") else "Cut off"
        return "✓ Decides: Gets in" if is_open else f"✕ Decides: {refused}"
    return "→ Decides: Open" if is_open else "⇥ Decides: Closed"


def _under(proof: Facts) -> str:
    if not proof:
        return ""
    source, address = plain(proof.get("source"), 45), plain(proof.get("address"), 45)
    control, place = plain(proof.get("control"), 60), plain(proof.get("vantage_point"), 80)
    whence = f"{source} ({place})" if source and place else source or place or "a stranger"
    answered = f" Answered by {named(control)}." if control else ""
    return f"From {whence} to {address}.{answered} No message was sent."


def _rows(facts: Facts) -> Iterator[Row]:
    """What else is known; nothing that the sentences or the proof above said already."""
    over, proof = facts.get("event") == "resolved", facts.get("proof") or {}
    if facts.get("kind") == "exception":
        yield from outgrown.rows(facts)
        return
    yield from _concerned(facts, over=over)
    if proof and not proof.get("lines"):
        yield "Seen by", plain(proof.get("vantage_point"), LONGEST_NAME)
        yield "Last answer", plain(proof.get("line"))
    if change := facts.get("change"):
        when = at_clock(change.get("at"), facts.get("at"))
        yield "Change before it", f"{plain(change.get('sentence'))}, read {when}"
    fares, unseen = facts.get("approved") or {}, facts.get("kind") == "blind"
    if any(fares.values()) and (over or not unseen or facts.get("still") == "probed"):
        yield "Approved sources", inpart.approved(fares)


def _concerned(facts: Facts, *, over: bool) -> Iterator[Row]:
    """Which domains it is about, or was while it lasted, and with which senders."""
    domains, classes, count = _domains(facts), _classes(facts), _count(facts)
    kind = facts.get("kind") if domains else ""
    if kind == "bypass":
        of, named = facts.get("of"), few(domains, most=5, count=count)
        in_part = isinstance(of, int) and of != count
        yield (
            "Open before" if over else "Domains",
            f"{named} ({count:,} of {of:,})" if in_part else named,
        )
        yield "Let in before" if over else "Senders", few(classes)
    if kind == "cut_off" and not over:
        yield "Refused at", few(domains, most=5, count=count)
        yield "Refused with", inpart.senders(classes)
        if inside := [plain(c, 20) for c in facts.get("inside") or ()]:
            yield "Gets in with", inpart.senders(inside)


def _why(facts: Facts) -> str:
    if facts.get("event") == "resolved":
        return "You get this because you were told when it began. We write again if it comes back."
    return "You get this because this address is on the list. We write again when it is over."
