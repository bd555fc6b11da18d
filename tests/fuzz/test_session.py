"""The session under mutants for a bounded time: it never raises, ends in its caps, and tells true.

`CI=true` gives it twenty seconds, else two; `MP_FUZZ_SECONDS` says otherwise. What fails prints its
seed, and `MP_FUZZ_SEED=<that> pytest tests/fuzz` runs this one conversation again.
"""

import json
import os
import time
import tracemalloc
from itertools import count
from random import Random

import pytest

from mailposture.core.smtp.session import Limits, Session, Want
from mailposture.core.smtp.transcript import Ended, Transcript, Who
from mailposture.core.verdict import SenderClass, Trust, judge
from tests.core.smtp.drive import CLEAR, FACTS, PLAN
from tests.core.smtp.proofs import proved
from tests.fuzz.mutants import mutant, pieces

SECONDS = float(
    os.environ.get("MP_FUZZ_SECONDS") or (20.0 if os.environ.get("CI") == "true" else 2.0)
)
AT_LEAST = 300
SEED = os.environ.get("MP_FUZZ_SEED")
SMALL = Limits(line_bytes=80, reply_bytes=160, reply_lines=5, total_bytes=600)
# Notes and commands of ours; a line of a server may be kept in two pieces, and what is no line in
# twenty: more than that a conversation has not, whatever is said in it.
OURS = 40
# Of each byte of a server: itself and five characters, as a line and as a reply.
TIMES = 12


def test_no_mutant_breaks_the_session() -> None:
    if SEED:
        conversation(SEED)
        return
    start, until = Random().getrandbits(48), time.monotonic() + SECONDS
    ends: dict[str, int] = {}
    for number in count():
        seed = f"{start}-{number}"
        try:
            found = conversation(seed)
        except Exception as broken:
            broken.add_note(f"again: MP_FUZZ_SEED={seed} pytest tests/fuzz")
            raise
        ends[found.ended] = ends.get(found.ended, 0) + 1
        if number > AT_LEAST and time.monotonic() > until:
            break
    # It got everywhere, and not only as far as the first odd byte.
    assert {Ended.DONE, Ended.NOT_SMTP, Ended.OUT_OF_STEP, Ended.OUT_OF_TURN} <= ends.keys()


def conversation(seed: str) -> Transcript:
    """Hold the conversation of one seed, and all that must be true of any."""
    chance = Random(seed)
    limits = chance.choice((Limits(), Limits(), SMALL))
    session = Session(chance.choice((PLAN, CLEAR)), limits, address="192.0.2.1", port=25)
    said = drive(session, chance)
    found = session.transcript()
    assert session.want is Want.CLOSE
    heard = [line for line in found.lines if line.who is Who.SERVER]
    kept = sum(len(line.data) for line in heard)
    assert kept <= min(limits.total_bytes, said)
    assert len(found.lines) - len(heard) <= OURS
    assert all(len(reply.raw) <= limits.reply_bytes for reply in found.replies)
    written = json.dumps(found.to_document())
    assert len(written) <= TIMES * kept + 60 * len(found.lines) + 4000
    assert Transcript.from_document(json.loads(written)) == found
    for sender in SenderClass:
        judged = proved(sender, found)
        assert judged.reason.isascii()
        assert (judged.reply or "").isascii()
        judge(sender, found, Trust())
    return found


def drive(session: Session, chance: Random) -> int:
    """Carry a mutant's turns into the session, with all that can happen in between."""
    ms, said = 0.0, 0
    session.connected("192.0.2.7", ms)
    for turn in mutant(chance):
        for piece in pieces(chance, turn):
            ms += chance.random() * 1000
            said += len(piece)
            session.receive(piece, ms)
        if chance.random() < 0.03:
            session.end(chance.choice(list(Ended)), ms, "the driver says so")
        serve(session, ms)
    session.receive(b"", ms)
    session.receive(b"250 after the end\r\n", ms)
    return said


def serve(session: Session, ms: float) -> None:
    """Do what is wanted; a session that wants for ever fails here."""
    for _ in range(10):
        if session.want is Want.SEND:
            session.outgoing(ms)
        elif session.want is Want.TLS:
            session.tls_starting(ms)
            session.tls_started(FACTS, ms)
        else:
            return
    raise AssertionError(f"it still wants {session.want}")


FLOODS = {
    "one line": b"220 " + b"A" * 65_532,
    "lines of one reply": b"220-A\r\n" * 9_000,
    "odd bytes": bytes(range(256)) * 256,
    "replies": b"250 ok\r\n" * 8_000,
    "line ends": b"\n" * 65_536,
    "NUL": b"\x00" * 65_536,
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
def test_ten_megabytes_leave_no_more_than_the_caps_in_memory(flood: bytes) -> None:
    tracemalloc.start()
    try:
        session = Session(CLEAR, Limits(), address="192.0.2.1", port=25)
        session.connected("192.0.2.7", 0.0)
        for _ in range(160):
            session.receive(flood, 0.0)
            serve(session, 0.0)
        session.receive(b"", 0.0)
        found = session.transcript()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert session.want is Want.CLOSE
    assert sum(len(line.data) for line in found.lines) < 2 * Limits().total_bytes
    assert most < 1_000_000


def test_how_a_mutant_arrives_makes_no_difference_to_what_is_kept_of_it() -> None:
    for number in range(200):
        turns = mutant(Random(number))
        ends = set()
        for way in range(3):
            session, chance = Session(PLAN, SMALL, address="a", port=25), Random(way)
            for turn in turns:
                for piece in pieces(chance, turn):
                    session.receive(piece, 0.0)
                serve(session, 0.0)
            session.receive(b"", 0.0)
            ends.add(json.dumps(session.transcript().to_document()))
        assert len(ends) == 1, number
