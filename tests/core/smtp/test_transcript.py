"""A transcript is evidence: it survives storing, and says which reply answered what."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailposture.core.smtp.reply import parse
from mailposture.core.smtp.transcript import (
    Certificate,
    Ended,
    Line,
    TlsFacts,
    Transcript,
    Who,
    whole_replies,
)

TLS = TlsFacts(
    version="TLSv1.2",
    cipher="X",
    names=("mail.protection.outlook.com",),
    error="e",
    above=(Certificate(subject="CN=an authority", not_after="2027-01-01T00:00:00+00:00"),),
)
TLS_DOCUMENT = {"version": "TLSv1.3", "cipher": "X", "names": []}


def transcript(**changes: Any) -> Transcript:
    return Transcript(**{"address": "192.0.2.1", "port": 25, **changes})


LINES = st.lists(
    st.builds(Line, st.integers(0, 45_000).map(float), st.sampled_from(Who), st.binary()),
    max_size=6,
).map(tuple)
REPLIES = st.lists(
    st.builds(parse, st.binary(), st.sampled_from(["connect", "ehlo", "rcpt"]), st.just(1.5)),
    max_size=4,
).map(tuple)


@given(
    LINES, REPLIES, st.sampled_from([None, TLS]), st.sampled_from([None, TLS]),
    st.sampled_from(Ended),
)  # fmt: skip
def test_a_stored_transcript_comes_back_the_same(
    lines: tuple[Line, ...],
    replies: Any,
    tls: TlsFacts | None,
    broken: TlsFacts | None,
    ended: Ended,
) -> None:
    before = transcript(
        lines=lines, replies=replies, tls=tls, broken=broken, ended=ended, hello_ip="192.0.2.7"
    )
    stored = json.dumps(before.to_document())
    assert "\\u0000" not in stored
    assert Transcript.from_document(json.loads(stored)) == before


@pytest.mark.parametrize(
    "change",
    [
        {"lines": [[1.0, "X", "who?"]]},
        {"lines": [[1.0, "S"]]},
        {"lines": [["late", "S", ""]]},
        {"lines": 7},
        {"replies": [["rcpt", 1.0, None]]},
        {"replies": [["rcpt", 1.0, "\u2019"]]},
        {"port": None},
        {"address": 5},
        {"ended": None},
        {"tls": {"version": "TLSv1.3"}},
        {"tls": {"names": [1]}},
        {"tls": TLS_DOCUMENT | {"above": [{"names": [], "subject": 7}]}},
        {"tls": TLS_DOCUMENT | {"above": [{"names": []}] * 11}},
        {"tls": TLS_DOCUMENT | {"above": 7}},
        {"tls": TLS_DOCUMENT | {"group": None}},
        {"broken": 7},
        {"hello_ip": 7},
    ],
)
def test_what_is_no_transcript_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Transcript.from_document(transcript().to_document() | change)


def test_facts_of_before_chains_were_kept_are_read_without_them() -> None:
    found = Transcript.from_document(transcript().to_document() | {"tls": TLS_DOCUMENT})
    assert found.tls == TlsFacts(version="TLSv1.3", cipher="X")


@pytest.mark.parametrize(
    ("said", "tls", "words"),
    [
        ({}, None, "It ended before TLS could be asked for."),
        ({"ehlo": b"250 x\r\n"}, None, "STARTTLS was not offered."),
        ({"ehlo": b"250-x\r\n250 StartTLS\r\n"}, None, "STARTTLS was not asked for."),
        ({"starttls": b"454 4.7.0 not now\r\n"}, None, "The server refused STARTTLS."),
        ({"starttls": b"220 go\r\n"}, None, "The TLS handshake came to nothing."),
        ({"starttls": b"220 go\r\n"}, TLS, ""),
    ],
)
def test_it_says_why_it_is_in_clear_text(
    said: dict[str, bytes], tls: TlsFacts | None, words: str
) -> None:
    replies = tuple(parse(raw, stage) for stage, raw in said.items())
    assert transcript(replies=replies, tls=tls).clear_because == words


def test_a_document_that_lacks_a_part_is_refused() -> None:
    document = transcript().to_document()
    del document["lines"]
    with pytest.raises(ValueError, match="lines"):
        Transcript.from_document(document)


def test_the_reply_to_a_stage_is_the_last_one() -> None:
    in_clear, in_tls = parse(b"250 a\r\n", "ehlo"), parse(b"250 b\r\n", "ehlo")
    found = transcript(replies=(in_clear, in_tls))
    assert found.reply_to("ehlo") is in_tls
    assert found.reply_to("rcpt") is None


def test_the_text_is_safe_for_a_terminal() -> None:
    line = Line(12.34, Who.SERVER, b"250 \x1b]0;owned\x07\xff\r\n")
    assert transcript(lines=(line,)).text() == r"     12.3 S 250 \x1b]0;owned\x07\xff"


def test_a_later_attempt_decides_and_the_first_stays_visible() -> None:
    refusal = parse(b"454 4.7.0 no\r\n", "starttls")
    first = transcript(
        lines=(Line(0.0, Who.NOTE, b"first"),),
        replies=(parse(b"220 a\r\n", "connect"), parse(b"250 b\r\n", "ehlo"), refusal),
        ended=Ended.STARTTLS_REFUSED,
        hello_ip="192.0.2.7",
    )
    second = transcript(lines=(Line(5.0, Who.NOTE, b"second"),), ended=Ended.REFUSED)
    both = first.followed_by(second)
    assert [line.data for line in both.lines] == [b"first", b"second"]
    assert both.replies == (refusal,)
    assert both.ended is Ended.REFUSED
    assert both.hello_ip is None


@pytest.mark.parametrize(
    ("said", "lengths"),
    [
        ([], []),
        ([b"220 ready"], [1]),
        ([b"250-one", b"250-two", b"250 three"], [3]),
        ([b"250-one", b"250 two", b"250 another"], [2, 1]),
        ([b"250-never ended"], [1]),
        ([b"no code at all", b"250 one"], [1, 1]),
    ],
)
def test_what_a_server_said_in_one_go_falls_into_whole_replies(
    said: list[bytes], lengths: list[int]
) -> None:
    lines = [Line(1.0, Who.SERVER, data + b"\r\n") for data in said]
    found = list(whole_replies(lines))
    assert [len(reply) for reply in found] == lengths
    assert [line for reply in found for line in reply] == lines
