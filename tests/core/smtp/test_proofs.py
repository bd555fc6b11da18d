"""No conversation is closed without the tenant's own refusal, none open without two yeses."""

import json
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from mailposture.core.smtp.session import Plan
from mailposture.core.verdict import Cause, SenderClass, Trust, Verdict, judge
from tests.core.smtp.drive import BANNER, BYE, CLEAR, OK, PLAN, READY, STARTTLS, new, talk
from tests.core.smtp.proofs import proved

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "replies.jsonl").read_text().splitlines()
]
LOCKS = {"restricted_connector", "restricted_direct_send"}
HELLO = (
    b"250-AM1.mail.protection.outlook.com Hello [192.0.2.7]\r\n250-PIPELINING\r\n250 STARTTLS\r\n"
)
GREETING = b"220 AM1.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready\r\n"
SLOW_HELLO = b"250-fe Hello [192.0.2.7]\r\n250 SIZE 1000\r\n"


def wire(reply: str) -> bytes:
    """A recorded reply as it would stand on the wire; what was no whole reply gets a code."""
    words = reply.encode("utf-8", "replace").replace(b"\r", b" ").replace(b"\n", b" ")
    return (words if words[:3].isdigit() else b"550 " + words) + b"\r\n"


RECORDED = [wire(row["reply"]) for row in ROWS]
HARMLESS = [wire(row["reply"]) for row in ROWS if row["verdict"] not in LOCKS]
LOCKED = [wire(row["reply"]) for row in ROWS if row["verdict"] in LOCKS]

ODD = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"250-half\r\n", b"550-5.7.51 TenantInbound\r\n250 Attribution\r\n", b"354 go on\r\n",
            b"250 5.7.51 TenantInboundAttribution; Rejecting\r\n", b"5.7.51 TenantInbound\r\n",
            b"451 5.7.51 TenantInboundAttribution; Rejecting\r\n", b"550 5.7.510 banned\r\n",
        ]
    ),
    st.builds(lambda code, words: b"%d %b\r\n" % (code, words), st.integers(200, 599),
              st.sampled_from([b"5.7.51", b"5.7.51 x", b"5.7.68 x", b"2.1.5 Ok", b"Ok", b""])),
)  # fmt: skip
ANSWER = st.one_of(st.sampled_from(RECORDED), st.sampled_from([OK, BYE, READY, BANNER]), ODD)
# What a server may say to one command: mostly one answer, at times none, two, or several early.
TURN = st.one_of(ANSWER, ANSWER, ANSWER, st.lists(ANSWER, max_size=4).map(b"".join))
OPENING = st.sampled_from(
    [
        [],
        [GREETING, SLOW_HELLO],
        [GREETING, HELLO, READY, HELLO],  # TLS in between
        [GREETING, HELLO, b"454 4.7.0 no\r\n"],
        [BANNER, STARTTLS, READY, STARTTLS],
        [GREETING, b"502 no\r\n", b"250 fe Hello [192.0.2.7]\r\n"],
        [GREETING, SLOW_HELLO, OK],
    ]
)
SCRIPT = st.builds(lambda opening, rest: [*opening, *rest], OPENING, st.lists(TURN, max_size=5))
TRUST = st.builds(Trust, lab=st.booleans(), any_server=st.booleans())


@settings(max_examples=600)
@given(SCRIPT, st.sampled_from([PLAN, CLEAR]), st.sampled_from(SenderClass), TRUST)
def test_a_verdict_is_borne_out_by_the_bytes_of_the_conversation(
    script: list[bytes], plan: Plan, sender: SenderClass, trust: Trust
) -> None:
    found = talk(new(plan), [[turn] for turn in script])
    event(str(proved(sender, found, trust).verdict))
    assert judge(sender, found, trust).verdict in {proved(sender, found).verdict, "unknown"}


@settings(max_examples=400)
@given(
    OPENING,
    st.lists(st.sampled_from([*HARMLESS, OK, BYE, b"", b"\xff\r\n"]), max_size=6),
    st.sampled_from([PLAN, CLEAR]),
    st.sampled_from(SenderClass),
)
def test_where_no_reply_is_a_lock_nothing_is_closed(
    opening: list[bytes], rest: list[bytes], plan: Plan, sender: SenderClass
) -> None:
    found = talk(new(plan), [[turn] for turn in [*opening, *rest]])
    assert proved(sender, found).verdict is not Verdict.CLOSED


@settings(max_examples=300)
@given(
    st.sampled_from(HARMLESS).filter(lambda said: not said.startswith(b"2")),
    st.lists(ANSWER, max_size=4),
    st.sampled_from(SenderClass),
)
def test_where_mail_was_not_taken_nothing_is_open(
    refusal: bytes, rest: list[bytes], sender: SenderClass
) -> None:
    pipelining = b"250-fe Hello [192.0.2.7]\r\n250 PIPELINING\r\n"
    for hello in (SLOW_HELLO, pipelining):
        found = talk(new(CLEAR), [[GREETING], [hello], [refusal, *rest]])
        assert proved(sender, found).verdict is not Verdict.OPEN


@pytest.mark.parametrize("said", LOCKED, ids=lambda said: said[:50].decode("ascii", "replace"))
def test_the_refusals_on_record_close_by_their_own_control_alone(said: bytes) -> None:
    """Each for the classes that it is about: Direct Send's is about the tenant's own senders."""
    for sender in SenderClass:
        judged = proved(sender, talk(new(CLEAR), [[GREETING], [SLOW_HELLO], [OK], [said]]))
        assert judged.cause in {Cause.INBOUND_CONNECTOR, Cause.REJECT_DIRECT_SEND}
        closes = judged.cause is Cause.INBOUND_CONNECTOR or sender is SenderClass.OWN
        assert judged.verdict is (Verdict.CLOSED if closes else Verdict.UNKNOWN)


@pytest.mark.parametrize("early", range(4))
@pytest.mark.parametrize("hello", [SLOW_HELLO, b"250-fe Hello [192.0.2.7]\r\n250 PIPELINING\r\n"])
@pytest.mark.parametrize("rcpt", [LOCKED[0], b"250 2.1.5 Recipient OK\r\n"])
def test_an_answer_that_came_before_its_command_proves_nothing(
    early: int, hello: bytes, rcpt: bytes
) -> None:
    turns = [GREETING, hello, OK, rcpt, BYE]
    if hello is not SLOW_HELLO:
        turns = [GREETING, hello, OK + rcpt + BYE]
    in_turn = proved(SenderClass.FOREIGN, talk(new(CLEAR), [[turn] for turn in turns]))
    assert in_turn.verdict is not Verdict.UNKNOWN
    at = min(early, len(turns) - 2)
    turns[at : at + 2] = [turns[at] + turns[at + 1]]
    if turns[at].startswith(rcpt):
        return  # nothing but the answer to QUIT came early
    found = talk(new(CLEAR), [[turn] for turn in turns])
    assert proved(SenderClass.FOREIGN, found).verdict is Verdict.UNKNOWN


WHOLE = {
    "in clear, step by step": (CLEAR, [GREETING, SLOW_HELLO, OK, LOCKED[0], BYE]),
    "through TLS, in one group": (
        PLAN,
        [GREETING, HELLO, READY, HELLO, OK + b"250 2.1.5 Recipient OK\r\n" + BYE],
    ),
    "EHLO unknown": (CLEAR, [GREETING, b"502 no\r\n", SLOW_HELLO, b"550 5.1.8 no\r\n", BYE]),
    "early": (PLAN, [GREETING + HELLO, READY]),
    "NUL and 8-bit": (CLEAR, [b"220 \x00\xff\r\n", SLOW_HELLO, b"250-\x80\r\n250 \x1b\r\n", b"9"]),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_conversation_cut_at_any_place_reads_the_same(name: str) -> None:
    plan, turns = WHOLE[name]
    whole = talk(new(plan), [[turn] for turn in turns])
    for number, turn in enumerate(turns):
        for place in range(1, len(turn)):
            cut = [[t] for t in turns]
            cut[number] = [turn[:place], turn[place:]]
            assert talk(new(plan), cut) == whole, (number, place)
