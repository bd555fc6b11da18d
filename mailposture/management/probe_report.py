"""How a one-off probe is told: as one JSON document, and in words with the conversation."""

from collections.abc import Iterator
from typing import Any

from mailposture.core.smtp.transcript import Transcript
from mailposture.services.oneoff import Found, Heard, Outcome

HEADLINE = {
    "open": "Open: this host may hand {domain} a message past its gateway.",
    "closed": "Closed: {domain} refused this host, by the control named below.",
    "unknown": "Unknown: nothing was proved about {domain}.",
}


def document(found: Found) -> dict[str, Any]:
    """The whole answer for machines; every asked class is present."""
    return {
        "domain": found.domain,
        "endpoints": [
            {"host": e.host, "addresses": list(e.addresses), "found_by": e.found_by}
            for e in found.endpoints
        ],
        "verdict": found.verdict.value,
        "front_ends": max((o.front_ends for o in found.outcomes.values()), default=0),
        "any_server": found.any_server,
        "proof": found.proof or None,
        "notes": list(found.notes),
        "classes": {c.value: _class(o) for c, o in found.outcomes.items()},
    }


def _class(outcome: Outcome) -> dict[str, Any]:
    judgement, decisive = outcome.judgement, _decisive(outcome)
    told = decisive.transcript.to_document() if decisive else None
    return {
        "verdict": judgement.verdict.value,
        "reason": judgement.reason,
        "control": judgement.control,
        "code": judgement.code,
        "reply": judgement.reply,
        "stage": judgement.stage,
        "endpoint": outcome.endpoint,
        "source": judgement.source,
        "tls": told["tls"] if told else None,
        "broken_tls": told.get("broken") if told else None,
        "transcript": _wire(told["lines"]) if told else [],
        "front_ends": [
            {"address": h.address, "verdict": h.judgement.verdict.value} for h in outcome.heard
        ],
    }


def _wire(lines: list[Any]) -> list[dict[str, Any]]:
    """Milliseconds, S, C or -, and the bytes as printable ASCII with the rest as \\xNN."""
    return [{"ms": ms, "who": who, "text": text} for ms, who, text in lines]


def _decisive(outcome: Outcome) -> Heard | None:
    """The conversation that the verdict quotes; else the first."""
    same = (h for h in outcome.heard if h.judgement.reply == outcome.judgement.reply)
    return next(same, outcome.heard[0] if outcome.heard else None)


def words(found: Found) -> str:
    """The answer for people, with one conversation a class."""
    return "\n".join(_lines(found))


def _lines(found: Found) -> Iterator[str]:
    yield HEADLINE[found.verdict.value].format(domain=found.domain)
    if found.any_server:
        yield "Any server was judged (--any-server): this need not be Exchange Online."
    if found.proof:
        yield f"Probed because: {found.proof}."
    for door in found.endpoints:
        yield f"Endpoint {door.host} ({door.found_by}): {', '.join(door.addresses)}"
    yield from found.notes
    for sender_class, outcome in found.outcomes.items():
        judgement = outcome.judgement
        yield ""
        yield f"{sender_class.value} sender: {judgement.verdict.value.capitalize()}"
        yield f"  {judgement.reason}"
        if judgement.control:
            yield f"  Control that answered: {judgement.control}"
        if judgement.source:
            yield f"  The server saw us as {judgement.source}"
        if decisive := _decisive(outcome):
            yield from _conversation(decisive.address, decisive.transcript)
    yield ""
    yield "No DATA was sent. Recipient OK is not delivery: filters and rules act later."


def _conversation(address: str, transcript: Transcript) -> Iterator[str]:
    yield f"  Conversation with {address}, milliseconds since the first packet:"
    yield from (f"  {line}" for line in transcript.text().splitlines())
    yield f"  Ended: {transcript.ended}"
