"""A reply is what the server said, whatever that was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailposture.core.smtp.reply import escape, goes_on, parse, printable, unescape


@pytest.mark.parametrize(
    ("raw", "code", "enhanced", "text"),
    [
        (b"220 ready\r\n", 220, None, "ready"),
        (b"250\r\n", 250, None, ""),
        (b"250 \r\n", 250, None, ""),
        (b"550 5.7.51 No\r\n", 550, "5.7.51", "5.7.51 No"),
        (b"550-5.7.51 No\r\n550 5.7.51 way\r\n", 550, "5.7.51", "5.7.51 No\n5.7.51 way"),
        (b"250 ok\n", 250, None, "ok"),
        (
            b"550 5.7.1234 too long to be a status\r\n",
            550,
            None,
            "5.7.1234 too long to be a status",
        ),
        (b"550 5.7.1.2 no status\r\n", 550, None, "5.7.1.2 no status"),
        (b"550 3.1.1 no such class\r\n", 550, None, "3.1.1 no such class"),
        (b"421 4.3.2 shutting down\r\n", 421, "4.3.2", "4.3.2 shutting down"),
        (b"550 a\\b\r\n", 550, None, "a\\\\b"),
        (b"550 na\xc3\xafve\x00\x1b[2J\r\n", 550, None, "na\\xc3\\xafve\\x00\\x1b[2J"),
    ],
)
def test_a_reply_is_read_into_code_status_and_safe_text(
    raw: bytes, code: int, enhanced: str | None, text: str
) -> None:
    reply = parse(raw, "rcpt", 1.5)
    assert (reply.code, reply.enhanced, reply.text, reply.raw) == (code, enhanced, text, raw)
    assert (reply.stage, reply.ms, reply.first_digit) == ("rcpt", 1.5, code // 100)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b"hello\r\n",
        b"25\r\n",
        b"2500 ok\r\n",
        b"199 no\r\n",
        b"600 no\r\n",
        b" 250 ok\r\n",
        b"250:ok\r\n",
        b"250-one\r\n550 other\r\n",
        b"250-one\r\nnothing\r\n250 two\r\n",
        "\uff12\uff15\uff10 ok\r\n".encode(),
    ],
)
def test_what_is_no_reply_has_no_code_but_keeps_its_words(raw: bytes) -> None:
    reply = parse(raw, "mail")
    assert reply.code is None
    assert reply.enhanced is None
    assert reply.first_digit == 0
    assert reply.raw == raw


def test_what_was_said_can_be_had_in_one_string() -> None:
    assert parse(b"550-5.7.1 a\r\n550 b\r\n", "rcpt").said == "550 5.7.1 a\nb"
    assert parse(b"250\r\n", "rcpt").said == "250"
    assert parse(b"what\r\n", "rcpt").said == "what"


@pytest.mark.parametrize(
    ("line", "first", "expected"),
    [
        (b"250-more\r\n", True, True),
        (b"250 last\r\n", True, False),
        (b"250\r\n", True, False),
        (b"250-\n", True, True),
        (b"garbage\r\n", True, False),
        (b"garbage\r\n", False, True),
        (b"550 other code\r\n", False, False),
    ],
)
def test_a_reply_ends_with_a_code_and_no_hyphen(line: bytes, first: bool, expected: bool) -> None:
    assert goes_on(line, first=first) is expected


@given(st.binary())
def test_any_bytes_are_read_without_complaint(raw: bytes) -> None:
    reply = parse(raw, "rcpt")
    assert reply.text.replace("\n", "").isprintable()
    assert reply.text.isascii()
    assert reply.code is None or 200 <= reply.code <= 599


@given(st.binary())
def test_escaping_loses_nothing(data: bytes) -> None:
    text = escape(data)
    assert unescape(text) == data
    assert text == "" or (text.isascii() and text.isprintable())


@given(st.text())
def test_foreign_text_becomes_printable(text: str) -> None:
    assert printable(text).isascii()
