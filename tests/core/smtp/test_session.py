"""The session: what it says to what it hears, and what it makes of servers gone wrong."""

import json

import pytest

from mailposture.core.smtp.session import Limits, Plan, Want
from mailposture.core.smtp.states import NEXT, STAGES, SUCCESS, State
from mailposture.core.smtp.transcript import Ended, Who
from tests.core.smtp.drive import (
    BANNER,
    BYE,
    CLEAR,
    FACTS,
    LOCKED,
    OK,
    PIPELINING,
    PLAIN_EHLO,
    PLAN,
    READY,
    STARTTLS,
    commands,
    conversation,
    heard,
    new,
    notes,
    serve,
    talk,
)

EHLO, MAIL, RCPT = (
    "EHLO probe.example",
    "MAIL FROM:<a@fabrikam.example>",
    "RCPT TO:<b@contoso.example>",
)


def codes(*turns: bytes, plan: Plan = CLEAR) -> list[tuple[str, int | None]]:
    return [(r.stage, r.code) for r in conversation(*turns, plan=plan).replies]


def test_without_pipelining_each_command_waits_for_its_answer() -> None:
    session, sent = new(), []
    for turn in (BANNER, PLAIN_EHLO, OK, LOCKED, BYE):
        session.receive(turn, 0.0)
        sent += serve(session)
    assert sent == [f"{c}\r\n".encode() for c in (EHLO, MAIL, RCPT, "QUIT")]
    found = session.transcript()
    assert found.ended is Ended.DONE
    assert found.hello_ip == "192.0.2.7"
    assert found.reply_to("rcpt").said == "550 5.7.51 TenantInboundAttribution; Rejecting"  # type: ignore[union-attr] # it is there, or the test fails


def test_with_pipelining_envelope_and_quit_leave_in_one_flight() -> None:
    session = new()
    session.receive(BANNER, 0.0)
    serve(session)
    session.receive(PIPELINING, 0.0)
    assert serve(session) == [f"{MAIL}\r\n{RCPT}\r\nQUIT\r\n".encode()]
    session.receive(OK + LOCKED + BYE, 0.0)
    replies = session.transcript().replies
    assert [(r.stage, r.code) for r in replies[2:]] == [("mail", 250), ("rcpt", 550), ("quit", 221)]
    assert session.want is Want.CLOSE


def test_after_starttls_it_greets_again_and_forgets_what_was_offered() -> None:
    found = conversation(BANNER, STARTTLS, READY, PLAIN_EHLO, OK, OK, BYE, plan=PLAN)
    assert commands(found) == [EHLO, "STARTTLS", EHLO, MAIL, RCPT, "QUIT"]
    assert found.tls == FACTS
    assert "TLSv1.3 TLS_AES_256_GCM_SHA384, server certificate verified" in notes(found)


def test_starttls_is_not_asked_for_where_it_is_not_wanted_or_not_offered() -> None:
    assert "STARTTLS" not in commands(conversation(BANNER, STARTTLS, OK + OK + BYE, plan=CLEAR))
    found = conversation(BANNER, PLAIN_EHLO, OK, OK, BYE, plan=PLAN)
    assert commands(found) == [EHLO, MAIL, RCPT, "QUIT"]
    assert (found.tls, found.ended) == (None, Ended.DONE)


def test_starttls_is_asked_for_once_however_often_it_is_offered() -> None:
    found = conversation(BANNER, STARTTLS, READY, STARTTLS, OK + OK + BYE, plan=PLAN)
    assert commands(found).count("STARTTLS") == 1


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ([b"554 5.7.1 go away\r\n", BYE], ["QUIT"]),
        ([b"421 4.3.2 later\r\n", BYE], ["QUIT"]),
        ([BANNER, b"451 4.7.0 later\r\n", BYE], [EHLO, "QUIT"]),
        ([BANNER, b"502 no\r\n", b"250 fe\r\n", OK, OK, BYE],
         [EHLO, "HELO probe.example", MAIL, RCPT, "QUIT"]),
        ([BANNER, b"502 no\r\n", b"550 no\r\n", BYE], [EHLO, "HELO probe.example", "QUIT"]),
        ([BANNER, PLAIN_EHLO, b"550 5.7.68 no\r\n", BYE], [EHLO, MAIL, "QUIT"]),
        ([BANNER, PLAIN_EHLO, b"354 go on\r\n", BYE], [EHLO, MAIL, "QUIT"]),
        ([BANNER, PLAIN_EHLO, OK, b"451 4.7.500 busy\r\n", BYE], [EHLO, MAIL, RCPT, "QUIT"]),
    ],
)  # fmt: skip
def test_a_refusal_is_met_with_quit(turns: list[bytes], said: list[str]) -> None:
    found = conversation(*turns)
    assert commands(found) == said
    assert found.ended is Ended.DONE
    assert len(found.replies) == len(turns)


@pytest.mark.parametrize("answer", [b"454 4.7.0 no\r\n", b"502 5.5.1 no\r\n", b"354 what\r\n"])
def test_a_refused_starttls_calls_for_a_fresh_connection_in_clear(answer: bytes) -> None:
    session = new(PLAN)
    found = talk(session, [[BANNER], [STARTTLS], [answer], [BYE]])
    assert found.ended is Ended.STARTTLS_REFUSED
    assert session.clear_instead
    assert commands(found) == [EHLO, "STARTTLS", "QUIT"]


def test_a_broken_handshake_calls_for_a_fresh_connection_in_clear() -> None:
    session = new(PLAN)
    for turn in (BANNER, STARTTLS):
        session.receive(turn, 0.0)
        session.outgoing(0.0)
    session.receive(READY, 0.0)
    assert session.state is State.HANDSHAKE
    session.tls_starting(0.0)
    session.end(Ended.TLS_BROKEN, 0.0, "wrong version number")
    assert session.clear_instead
    assert "TLS handshake broken: wrong version number" in notes(session.transcript())


def test_once_the_server_answered_in_tls_there_is_no_way_back_to_clear() -> None:
    session = new(PLAN)
    talk(session, [[BANNER], [STARTTLS], [READY], [PIPELINING]])
    assert session.want is Want.CLOSE
    assert not session.clear_instead


def test_clear_text_behind_the_220_of_starttls_is_noted_and_discarded() -> None:
    injected = b"250-fe Hello [203.0.113.9]\r\n250 PIPELINING\r\n"
    found = conversation(BANNER, STARTTLS, READY + injected, PLAIN_EHLO, OK, OK, BYE, plan=PLAN)
    assert f"{len(injected)} bytes in clear after STARTTLS discarded" in notes(found)
    assert injected in heard(found)
    assert found.hello_ip == "192.0.2.7"
    assert [r.stage for r in found.replies].count("ehlo") == 2
    assert found.ended is Ended.DONE


@pytest.mark.parametrize(
    ("turns", "ended", "last"),
    [
        ([BANNER + PLAIN_EHLO], Ended.OUT_OF_TURN, "connect"),
        ([BANNER + b"2"], Ended.OUT_OF_TURN, "connect"),
        ([BANNER, PLAIN_EHLO + OK], Ended.OUT_OF_TURN, "ehlo"),
        ([BANNER, BANNER], Ended.OUT_OF_STEP, "ehlo"),
        ([b"250 ok\r\n"], Ended.OUT_OF_STEP, "connect"),
        ([BANNER, PLAIN_EHLO, BYE], Ended.OUT_OF_STEP, "ehlo"),
        ([b"hello\r\n"], Ended.NOT_SMTP, "connect"),
        ([b"220-a\r\n250 b\r\n"], Ended.NOT_SMTP, "connect"),
        ([BANNER, PLAIN_EHLO, OK, b"\x00\xff\r\n"], Ended.NOT_SMTP, "rcpt"),
        ([BANNER, PLAIN_EHLO, OK], Ended.CLOSED, "mail"),
        ([BANNER, PLAIN_EHLO, OK, b"250 half a li"], Ended.CLOSED, "mail"),
    ],
)
def test_what_fits_no_rule_ends_the_conversation_with_a_reason(
    turns: list[bytes], ended: Ended, last: str
) -> None:
    found = conversation(*turns)
    assert found.ended is ended
    assert found.replies[-1].stage == last
    assert heard(found) == b"".join(turns)
    assert f"ended: {ended}" in notes(found)


@pytest.mark.parametrize(
    "answers",
    [
        OK + OK + LOCKED + BYE,  # one too many: RCPT's refusal stands where QUIT's should
        OK + OK + LOCKED,
        OK + OK + b"250 2.1.5 OK\r\n",
    ],
)
def test_a_reply_too_many_leaves_no_verdict_on_the_recipient(answers: bytes) -> None:
    found = conversation(BANNER, PIPELINING, answers)
    assert found.ended is Ended.OUT_OF_STEP
    assert found.reply_to("rcpt") is None
    assert found.reply_to("mail") is None
    assert answers.split(b"\r\n")[2] in heard(found)


def test_a_server_that_slips_one_reply_in_is_found_out_without_pipelining_too() -> None:
    found = conversation(BANNER, PLAIN_EHLO, OK, OK, LOCKED)
    assert found.ended is Ended.OUT_OF_STEP
    assert found.reply_to("rcpt") is None


@pytest.mark.parametrize("rest", [b"", b"421 4.4.2 closing\r\n"])
def test_a_server_that_leaves_without_a_good_bye_has_answered_all_the_same(rest: bytes) -> None:
    found = conversation(BANNER, PIPELINING, OK + LOCKED + rest)
    assert found.ended is Ended.DONE
    assert found.reply_to("rcpt").code == 550  # type: ignore[union-attr] # it is there, or the test fails


@pytest.mark.parametrize(
    ("turns", "limits", "ended", "kept"),
    [
        ([b"220 " + b"x" * 10_000_000], Limits(), Ended.LINE_TOO_LONG, 4096),
        ([b"220-x\r\n" * 1_000_000], Limits(), Ended.REPLY_TOO_LONG, 65 * 7),
        ([b"\x00" * 100], Limits(line_bytes=50), Ended.LINE_TOO_LONG, 50),
        ([b"220 " + b"x" * 44 + b"\r\n"], Limits(line_bytes=50), Ended.CLOSED, 50),
        ([b"220 " + b"x" * 45 + b"\r\n"], Limits(line_bytes=50), Ended.LINE_TOO_LONG, 50),
        ([BANNER, PLAIN_EHLO, OK, OK], Limits(total_bytes=100), Ended.TOO_MUCH, 100),
        ([b"220-x\r\n" * 1_000_000], Limits(reply_lines=9999), Ended.REPLY_TOO_LONG, 8 * 1024 + 7),
        ([b"220-x\n" + b"\n" * 1_000_000], Limits(), Ended.REPLY_TOO_LONG, 6 + 64),
        ([BANNER + b"y" * 10_000_000], Limits(), Ended.TOO_MUCH, 16 * 1024),
    ],
)
def test_no_server_can_make_us_keep_more_than_the_caps(
    turns: list[bytes], limits: Limits, ended: Ended, kept: int
) -> None:
    found = conversation(*turns, limits=limits)
    assert found.ended is ended
    assert len(heard(found)) <= kept
    assert len(found.lines) < 1500


LONG = b"\xff" * 4000 + b"\r\n"


@pytest.mark.parametrize(
    "turns",
    [
        [code + b"-" + LONG + code + b" " + LONG for code in (b"220", b"250", b"250", b"550")],
        [
            (code + b"-" + LONG) * 3 + code + b" " + LONG
            for code in (b"220", b"250", b"250", b"550")
        ],
        [code + b"-\n" * 9_999 for code in (b"220", b"250", b"250")],
        [BANNER, PLAIN_EHLO, OK, b"550-\n" + b"\n" * 16_000 + b"550 no\r\n"],
        [BANNER, b"\xff" * 1_000_000],
    ],
)
def test_what_a_hostile_server_says_stays_small_where_it_is_written_down(
    turns: list[bytes],
) -> None:
    written = json.dumps(conversation(*turns).to_document())
    assert len(written) < 180_000


def test_a_long_but_honest_greeting_and_refusal_fit_into_the_caps() -> None:
    greeting = b"".join(b"250-X-OFFER-%d with some words\r\n" % n for n in range(40))
    refusal = b"550-5.7.51 " + b"why " * 120 + b"\r\n"
    found = conversation(
        BANNER, greeting + b"250 SIZE\r\n", OK, refusal * 9 + b"550 5.7.51 no\r\n", BYE
    )
    assert found.ended is Ended.DONE
    assert [r.code for r in found.replies] == [220, 250, 250, 550, 221]


@pytest.mark.parametrize("name", ["ehlo", "mail_from", "rcpt_to"])
@pytest.mark.parametrize(
    "value", ["a b", "a\r\nDATA", "a\n", "a\x00", "a\x7f", "é", "<a>", "x" * 256, "\u2028"]
)
def test_a_word_that_could_break_out_of_its_command_is_our_own_defect(
    name: str, value: str
) -> None:
    good = {"ehlo": "probe.example", "mail_from": "a@b.example", "rcpt_to": "c@d.example"}
    with pytest.raises(ValueError, match=name):
        Plan(**{**good, name: value})  # type: ignore[arg-type] # starttls is not among them


DOMAIN_243 = ".".join(["d" * 60] * 3 + ["e" * 60])  # with postmaster@ it fills a path of 256


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("rcpt_to", f"postmaster@{DOMAIN_243}", None),
        ("rcpt_to", f"postmaster@{DOMAIN_243}x", "longer than 254"),
        ("mail_from", f"{'l' * 64}@{'d' * 60}.example", None),
        ("mail_from", f"{'l' * 65}@d.example", "more than 64 characters before its @"),
        ("ehlo", "x" * 255, None),
        ("ehlo", "x" * 256, "longer than 255"),
        ("rcpt_to", "é" * 9999, r"cannot be sent in an SMTP command: '(\\xe9){80}'$"),
    ],
)
def test_words_are_as_long_as_every_server_must_take_and_no_longer(
    name: str, value: str, why: str | None
) -> None:
    good = {"ehlo": "probe.example", "mail_from": "a@b.example", "rcpt_to": "c@d.example"}
    plan = {**good, name: value}
    assert len(DOMAIN_243) == 243
    if why is None:
        assert value in repr(Plan(**plan))  # type: ignore[arg-type] # starttls is not among them
    else:
        with pytest.raises(ValueError, match=why):
            Plan(**plan)  # type: ignore[arg-type] # starttls is not among them


def test_the_null_sender_is_said_as_such_and_nobody_else_may_be_missing() -> None:
    plan = Plan(ehlo="probe.example", mail_from="", rcpt_to="c@d.example")
    assert plan.command(State.MAIL) == b"MAIL FROM:<>\r\n"
    with pytest.raises(ValueError, match="rcpt_to"):
        Plan(ehlo="probe.example", mail_from="", rcpt_to="")


@pytest.mark.parametrize(
    ("greeting", "expected"),
    [
        (b"250-fe Hello [192.0.2.7]\r\n250 SIZE\r\n", "192.0.2.7"),
        (b"250 fe Hello [2001:db8::7]\r\n", "2001:db8::7"),
        (b"250 fe Hello [IPv6:2001:DB8:0::7]\r\n", "2001:db8::7"),
        (b"250 fe Hello [192.0.2.700]\r\n", None),
        (b"250 fe Hello probe.example\r\n", None),
        (b"250-fe\r\n250 Hello [192.0.2.7]\r\n", None),
    ],
)
def test_the_address_that_the_server_sees_is_read_from_its_greeting(
    greeting: bytes, expected: str | None
) -> None:
    assert conversation(BANNER, greeting).hello_ip == expected


def test_the_last_greeting_counts() -> None:
    masked = STARTTLS.replace(b"192.0.2.7", b"10.0.0.1")
    assert conversation(BANNER, masked, READY, PLAIN_EHLO, plan=PLAN).hello_ip == "192.0.2.7"


def test_a_reply_has_its_patience_from_the_last_whole_reply_on() -> None:
    session = new(limits=Limits(reply=20.0, quit=5.0))
    assert session.due == 20_000.0
    session.receive(b"220 a ", 15_000.0)
    assert session.due == 20_000.0
    session.receive(b"whole\r\n", 19_000.0)
    session.outgoing(19_500.0)
    assert session.due == 39_500.0
    session.receive(PIPELINING, 20_000.0)
    session.outgoing(20_000.0)
    session.receive(OK + OK, 21_000.0)
    assert session.due == 26_000.0


def test_an_overdue_good_bye_is_no_fault() -> None:
    session = new()
    talked = [BANNER, PIPELINING, OK + LOCKED]
    for turn in talked:
        session.receive(turn, 0.0)
        serve(session)
    session.end(Ended.REPLY_TIMEOUT, 5000.0)
    assert session.transcript().ended is Ended.DONE
    assert "no answer to QUIT" in notes(session.transcript())


def test_the_first_reason_to_end_is_kept() -> None:
    session = new()
    session.end(Ended.RESET, 1.0)
    session.end(Ended.SESSION_TIMEOUT, 2.0)
    session.receive(BANNER, 3.0)
    assert session.transcript().ended is Ended.RESET
    assert session.transcript().replies == ()
    assert session.state is State.OVER


def test_lines_are_exact_and_carry_the_time_they_were_given() -> None:
    session = new()
    session.receive(b"220 one\n", 1.5)
    session.outgoing(2.5)
    lines = [(line.ms, line.who, line.data) for line in session.transcript().lines[1:]]
    assert lines == [
        (1.5, Who.SERVER, b"220 one\n"),
        (2.5, Who.CLIENT, b"EHLO probe.example\r\n"),
    ]


def test_the_table_knows_every_state_in_which_a_reply_can_come() -> None:
    answered = set(State) - {State.HANDSHAKE, State.OVER}
    assert set(NEXT) == set(SUCCESS) == set(STAGES) == answered
