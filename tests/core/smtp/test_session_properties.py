"""Whatever a server says, and however it arrives: one transcript, no exception, no growth."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mailposture.core.smtp.session import Limits, Plan
from mailposture.core.smtp.transcript import Transcript
from tests.core.smtp.drive import (
    BANNER,
    BYE,
    CLEAR,
    LOCKED,
    OK,
    PIPELINING,
    PLAIN_EHLO,
    PLAN,
    READY,
    STARTTLS,
    heard,
    new,
    talk,
)

SMALL = Limits(line_bytes=60, reply_bytes=120, total_bytes=400)

KNOWN = [BANNER, PLAIN_EHLO, PIPELINING, STARTTLS, READY, OK, LOCKED, BYE, b"502 no\r\n"]
PIECE = st.one_of(
    st.sampled_from(
        [*KNOWN, b"\n", b"\r", b"250-", b"250 x\n", b"junk\r\n", b"220-a\r\n250 b\r\n"]
    ),
    st.binary(max_size=80),
)
TURN = st.lists(PIECE, max_size=4).map(b"".join)
TURNS = st.one_of(
    st.lists(TURN, max_size=9),
    # Mostly good manners, so that the later states are met as well.
    st.tuples(
        st.just(BANNER), st.sampled_from(KNOWN), st.sampled_from(KNOWN), TURN, TURN, TURN
    ).map(list),
)
PLANS = st.sampled_from([PLAN, CLEAR])
LIMITS = st.sampled_from([Limits(), SMALL])


def pieces(turn: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(turn) + 1) for cut in cuts})
    return [turn[a:b] for a, b in zip([0, *places], [*places, len(turn)], strict=True)]


@settings(max_examples=300, deadline=None)
@given(TURNS, PLANS, LIMITS, st.lists(st.integers(0, 10_000), max_size=6))
def test_how_the_bytes_arrive_makes_no_difference(
    turns: list[bytes], plan: Plan, limits: Limits, cuts: list[int]
) -> None:
    whole = talk(new(plan, limits), [[turn] for turn in turns])
    cut = talk(new(plan, limits), [pieces(turn, cuts) for turn in turns])
    single = talk(new(plan, limits), [[bytes([b]) for b in turn] for turn in turns])
    assert whole == cut == single


@settings(max_examples=300, deadline=None)
@given(TURNS, PLANS)
def test_the_caps_hold_and_nothing_heard_is_invented(turns: list[bytes], plan: Plan) -> None:
    found = talk(new(plan, SMALL), [[turn] for turn in turns])
    said = heard(found)
    assert b"".join(turns).startswith(said) or said in b"".join(turns)
    assert len(said) <= SMALL.total_bytes
    assert all(len(reply.raw) <= SMALL.reply_bytes for reply in found.replies)
    assert Transcript.from_document(found.to_document()) == found


@settings(max_examples=300, deadline=None)
@given(TURNS)
def test_there_is_at_most_one_reply_to_a_command(turns: list[bytes]) -> None:
    session = new(CLEAR)
    found = talk(session, [[turn] for turn in turns])
    stages = [reply.stage for reply in found.replies]
    assert len(stages) <= 1 + sum(line.who == "C" for line in found.lines)
    assert all(stages.count(stage) <= 1 for stage in ("connect", "mail", "rcpt", "quit"))


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=3000))
def test_garbage_alone_never_gets_as_far_as_an_envelope(garbage: bytes) -> None:
    found = talk(new(CLEAR), [[garbage]])
    assert found.reply_to("mail") is None
    assert found.ended
