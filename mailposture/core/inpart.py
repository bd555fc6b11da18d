"""Words for what is wrong only in part: a source that is refused with some of its mail, a tenant
that is read and not probed, or probed and not read; and how long what came and went lasted.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mailposture.core.words import joined

_ALL: Final = frozenset({"foreign", "own", "null"})


@dataclass(frozen=True, slots=True)
class Said:
    """What is wrong: whole, and as short as a subject must be; the word of its state."""

    sentence: str
    short: str
    word: str
    lead: str


def senders(classes: Sequence[str]) -> str:
    """With whom it was asked: own-domain senders, foreign and null senders."""
    return f"{joined(['own-domain' if c == 'own' else c for c in classes])} senders"


@dataclass(frozen=True, slots=True)
class Where:
    """At which domains; of very many, only the first are named."""

    domains: Sequence[str]
    count: int


def refused(
    source: str, tenant: str, at: Where, classes: Sequence[str], inside: Sequence[str]
) -> Said:
    """How an approved source is refused: cut off, or with which senders, where, and what gets in.

    `classes` are refused at these; `inside` get in somewhere.
    """
    if not inside and list(classes) != ["partner"]:
        what = f"{source} is cut off from {tenant}"
        return Said(what, what, "Cut off", "its mail is not delivered.")
    others = [name for name in inside if name not in classes]
    with_whom = "" if set(classes) >= _ALL or not classes else f" with {senders(classes)}"
    where = (
        f" at {at.domains[0]}" if at.count == len(at.domains) == 1 else f" at {at.count:,} domains"
    )
    gets_in = f"with {senders(others)} it gets in" if others else "elsewhere it gets in"
    short = f"{source} is refused by {tenant}{with_whom}"
    return Said(
        f"{short}{where if at.domains else ''}{f'; {gets_in}' if inside else ''}",
        short if with_whom else f"{short}{where if at.domains else ''}",
        "Partly cut off",
        "such mail is not delivered.",
    )


@dataclass(frozen=True, slots=True)
class Unseen:
    """What is not seen of a tenant, what that leaves unknown, and how it is said when over."""

    what: str
    word: str
    unknown: str
    again: str
    was: str
    meanwhile: str


_ANSWERS: Final = "What it would show is unknown meanwhile, not closed."
_READ: Final = Unseen(
    "The configuration of {name} is not read",
    "Not read",
    "What is changed in it meanwhile is not known.",
    "The configuration of {name} is read again",
    "not read",
    "What was changed meanwhile shows as one difference; when it was changed is not known.",
)
_PROBED: Final = Unseen(
    "{name} is not probed",
    "Not probed",
    "Whether strangers get in is unknown meanwhile, not closed.",
    "{name} is probed again",
    "not probed",
    "Whether strangers got in meanwhile is not known.",
)
_NEITHER: Final = Unseen(
    "{name} is neither read nor probed",
    "Blind",
    _ANSWERS,
    "{name} is seen again",
    "neither read nor probed",
    "What happened meanwhile is not known.",
)
_SILENT: Final = Unseen(
    "{name} is silent",
    "Blind",
    _ANSWERS,
    "{name} answers again",
    "silent",
    "What it would have shown is not known.",
)
_NO_STRANGER: Final = Unseen(
    "No stranger is turned on",
    "Blind",
    "Whether strangers get in is unknown meanwhile, not closed.",
    "A stranger looks again",
    "without a stranger",
    "Whether strangers got in meanwhile is not known.",
)
_BLIND: Final = Unseen(
    "{name} is not seen",
    "Blind",
    _ANSWERS,
    "{name} is seen again",
    "blind",
    "What happened meanwhile is not known.",
)
_STILL: Final[Mapping[str, str]] = {
    "probed": "; its doors are still probed",
    "read": "; its configuration is still read",
}


def unseen(reasons: Collection[str], *, place: bool) -> Unseen:
    """What is not seen, by the reasons that were found; `place`: of vantage points."""
    if place:
        return _NO_STRANGER if "no_stranger" in reasons else _SILENT
    probes = "not_probed" in reasons
    reads = bool(set(reasons) - {"not_probed"})
    return {
        (True, True): _NEITHER,
        (True, False): _READ,
        (False, True): _PROBED,
        (False, False): _BLIND,
    }[reads, probes]


def still(what: str) -> str:
    """What is seen all the same, as the end of a sentence; nothing where that is not known."""
    return _STILL.get(what, "")


def withdrawn(kind: str, name: str, source: str, *, place: bool) -> str:
    """How it is said of what ended because nobody wants to see it any more."""
    if kind == "cut_off":
        return f"{source} is no approved source of {name} any more."
    if place:
        return f"{name} was turned off before it answered again."
    return f"{name} was left alone before it was seen again."


# What had been told before it got worse, or better.
TURNS: Final[Mapping[tuple[str, str], str]] = {
    (
        "worse",
        "cut_off",
    ): "Some of its mail was refused; now a domain takes none of it, or none with foreign senders.",
    ("better", "cut_off"): "It was cut off; some of its mail gets in now.",
    ("worse", "blind"): "Part of it was unseen; now none of it is seen.",
    ("better", "blind"): "None of it was seen; part of it is seen again.",
}


def again(sentence: str) -> str:
    """The sentence of what came back."""
    return f"Again, {sentence}." if ";" in sentence else f"{sentence} again."


def approved(fares: Mapping[str, int]) -> str:
    """How many approved sources get in, and how the others fare."""
    total, inside = sum(fares.values()), fares.get("gets_in", 0)
    bad = [(fares.get(k, 0), k.replace("_", " ")) for k in ("cut_off", "partly_cut_off")]
    said = f"{inside} of {total} {'gets' if total == 1 else 'get'} in"
    return ", ".join([said, *(f"{count} {word}" for count, word in bad if count)])
