"""Handing a mail to a server: its answer is kept, and no server hangs, floods or fools us."""

import base64
import socket
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailposture.adapters import email
from tests.mailservers import Talk, answers, free_port, scripted, sink

MANNER = email.Manner(hello="probe.contoso.com")
MAIL = email.Mail(
    sender="mailposture@probe.contoso.com",
    recipient="security@example.com",
    content=b"Subject: a test\r\n\r\n.a line that begins with a dot\r\n",
)

# ---- the address ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "said", "user", "password"),
    [
        ("smtp://mail.example.com", "smtp://mail.example.com:25", "", ""),
        ("starttls://mail.example.com", "starttls://mail.example.com:587", "", ""),
        ("smtps://mail.example.com", "smtps://mail.example.com:465", "", ""),
        ("smtp://127.0.0.1:2525/", "smtp://127.0.0.1:2525", "", ""),
        ("starttls://a%40b:p%3Aw@example.com", "starttls://example.com:587", "a@b", "p:w"),
        ("smtp://a:b@localhost", "smtp://localhost:25", "a", "b"),
    ],
)  # fmt: skip
def test_an_address_is_read(url: str, said: str, user: str, password: str) -> None:
    server = email.read(url)
    assert (str(server), server.user, server.password) == (said, user, password)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mail.example.com", "must begin with"),
        ("http://mail.example.com", "must begin with"),
        ("smtp://", "names no host"),
        ("smtp://mail.example.com:port", "no number"),
        ("smtp://mail.example.com:99999", "no number"),
        ("smtps://mail.example.com/inbox", "more than"),
        ("smtps://mail.example.com?a=b", "more than"),
        ("starttls://user@mail.example.com", "without a password"),
        ("smtp://user:hunter2@mail.example.com", "clear text"),
        ("smtp://[::1", "no address"),
    ],
)
def test_an_address_that_cannot_be_used_says_why(url: str, why: str) -> None:
    with pytest.raises(email.AddressError, match=why) as caught:
        email.read(url)
    assert "hunter2" not in str(caught.value)


def test_a_password_is_never_shown() -> None:
    server = email.read("starttls://user:hunter2@mail.example.com")
    assert "hunter2" not in f"{server} {server!r}"


def encoded(*parts: str) -> str:
    return base64.b64encode("\0".join(parts).encode()).decode()


@pytest.mark.parametrize(
    "echo",
    [
        "user=alerts@example.com pass=hunter2+x",
        "AUTH PLAIN {plain}",
        "{plain_for}",
        "{user} then {password}",
        "HUNTER2+X",
        "x" * 460 + " hunter2+x and more",
    ],
)
def test_a_refusal_that_repeats_our_credentials_is_kept_without_them(echo: str) -> None:
    user, password = "alerts@example.com", "hunter2+x"
    said = {
        "plain": encoded("", user, password), "plain_for": encoded(user, user, password),
        "user": encoded(user), "password": encoded(password),
    }  # fmt: skip
    refusal = f"535 5.7.8 no: {echo.format(**said)}\r\n"
    hello = b"250-hello\r\n250 AUTH PLAIN LOGIN\r\n"
    talk = answers(b"220 a\r\n", hello, refusal.encode(), refusal.encode(), refusal.encode())
    with scripted(talk) as url:
        server = email.read(url.replace("smtp://", "smtp://alerts%40example.com:hunter2%2Bx@"))
        with pytest.raises(email.DeliveryError) as caught:
            email.send(server, MAIL, MANNER)
    kept = f"{caught.value.says} {caught.value!r}"
    assert caught.value.code == 535
    assert kept.startswith("535 5.7.8 no: ")
    assert email.BLOT in kept
    for secret in (user, password, "hunter2", *said.values()):
        assert secret.rstrip("=").lower() not in kept.lower()


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("the mail of mail was not mailed", "the [...] of [...] was not mailed"),
        ("abc_abcd abc.", "[...]_abcd [...]."),
    ],
)
def test_a_short_name_is_blotted_only_where_it_stands_by_itself(words: str, kept: str) -> None:
    server = email.Server(scheme="smtp", host="a", port=25, user="mail", password="abc")
    assert email.blotted(words, server) == kept


def test_without_credentials_every_word_is_kept() -> None:
    server = email.Server(scheme="smtp", host="a", port=25)
    assert email.blotted("250 ok =", server) == "250 ok ="


# ---- mails that are taken ------------------------------------------------------------------


def test_a_mail_is_taken_and_the_servers_words_are_kept() -> None:
    with sink() as server:
        answer = email.send(email.read(server.url), MAIL, MANNER)
    assert (answer.code, answer.enhanced, str(answer)) == (250, "2.0.0", "250 2.0.0 taken as 4711")
    (taken,) = server.taken
    assert (taken.mail_from, taken.rcpt_tos) == (MAIL.sender, [MAIL.recipient])
    assert taken.content == MAIL.content


def test_any_word_of_success_after_the_message_is_success() -> None:
    talk = answers(BANNER, HELLO, OK, OK, GO_ON, to_message=b"251 2.1.5 taken and forwarded\r\n")
    with scripted(talk) as url:
        answer = email.send(email.read(url), MAIL, MANNER)
    assert str(answer) == "251 2.1.5 taken and forwarded"


def test_one_can_ask_without_sending() -> None:
    with sink() as server:
        answer = email.greet(email.read(server.url), MANNER)
    assert answer.code == 250
    assert server.taken == []


def test_a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_said(
    tmp_path: Any,
) -> None:
    import ssl  # noqa: PLC0415 - of this test alone

    import trustme  # noqa: PLC0415 - of this test alone

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with sink(tls_context=context, require_starttls=True) as server:
        url = email.read(server.url.replace("smtp://", "starttls://"))
        with pytest.raises(email.DeliveryError, match="not trusted") as caught:
            email.send(url, MAIL, MANNER)
        assert (caught.value.about, caught.value.maybe) == ("us", False)
        manner = email.Manner(hello="probe.contoso.com", trust=trusting)
        assert email.send(url, MAIL, manner).code == 250


def test_a_server_without_starttls_gets_nothing_where_it_was_asked_for() -> None:
    with sink() as server:
        url = email.read(server.url.replace("smtp://", "starttls://"))
        with pytest.raises(email.DeliveryError, match="STARTTLS") as caught:
            email.send(url, MAIL, MANNER)
    assert caught.value.about == "us"
    assert server.taken == []


# ---- mails that are not --------------------------------------------------------------------

BANNER, HELLO = b"220 mail.example.com ESMTP\r\n", b"250 mail.example.com\r\n"
OK, GO_ON = b"250 2.1.0 OK\r\n", b"354 go on\r\n"


@pytest.mark.parametrize(
    ("talk", "about", "code", "maybe", "says"),
    [
        (answers(b"554 no\r\n"), "us", 554, False, "no"),
        (answers(b"421 4.3.2 later\r\n"), "us", 421, False, "4.3.2 later"),
        (answers(BANNER, HELLO, b"550 5.7.1 not you\r\n"), "us", 550, False, "not you"),
        (answers(BANNER, HELLO, OK, b"550 5.1.1 nobody\r\n"), "recipient", 550, False, "nobody"),
        (answers(BANNER, HELLO, OK, b"451 4.7.1 grey\r\n"), "recipient", 451, False, "grey"),
        (answers(BANNER, HELLO, OK, OK, b"554 5.6.0 bad\r\n"), "message", 554, False, "bad"),
        (
            answers(BANNER, HELLO, OK, OK, GO_ON, to_message=b"552 5.3.4 big\r\n"),
            "message", 552, False, "big",
        ),
        (answers(BANNER, HELLO, OK, OK, GO_ON, to_message=None), "us", None, True, "127.0.0.1"),
        (answers(BANNER, HELLO, OK), "us", None, False, "127.0.0.1"),
        (answers(b"hello there\r\n"), "us", None, False, "Malformed"),
        (
            answers(BANNER, HELLO, OK, b"550 <script>\x1b[31m\x00\xff\r\n"),
            "recipient", 550, False, r"550 <script>\x1b[31m\x00\xff",
        ),
    ],
)  # fmt: skip
def test_a_refusal_says_whom_it_is_about_and_whether_the_mail_may_be_there(
    talk: Talk,
    about: str,
    code: int | None,
    maybe: bool,
    says: str,
) -> None:
    with scripted(talk) as url, pytest.raises(email.DeliveryError) as caught:
        email.send(email.read(url), MAIL, MANNER)
    error = caught.value
    assert (error.about, error.code, error.maybe) == (about, code, maybe)
    assert says in error.says
    assert error.permanent == (code is not None and code >= 500)


def test_nobody_there_is_said_so() -> None:
    with pytest.raises(email.DeliveryError) as caught:
        email.send(email.read(f"smtp://127.0.0.1:{free_port()}"), MAIL, MANNER)
    assert (caught.value.about, caught.value.permanent, caught.value.maybe) == ("us", False, False)


def drip(connection: socket.socket) -> None:
    """One byte of the banner now and then, for ever."""
    while True:
        connection.sendall(b"2")
        time.sleep(0.05)


def test_a_server_that_drips_is_left_when_the_time_is_up() -> None:
    manner = email.Manner(hello="probe.contoso.com", whole=0.5)
    with scripted(drip) as url, pytest.raises(email.DeliveryError, match="longer than") as caught:
        email.send(email.read(url), MAIL, manner)
    assert (caught.value.about, caught.value.maybe) == ("us", False)


@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_banner_of_ten_megabytes_is_not_read_to_its_end(end: bytes) -> None:
    sent = []

    def flood(connection: socket.socket) -> None:
        for _ in range(160):
            connection.sendall((b"220-" + b"x" * 65_000 + b"\r" + end) if end else b"x" * 65_536)
            sent.append(65_536)

    with scripted(flood) as url, pytest.raises(email.DeliveryError, match="too long"):
        email.send(email.read(url), MAIL, MANNER)
    assert sum(sent) < 10_000_000


@pytest.mark.parametrize(
    ("sender", "recipient"),
    [
        ("mailposture@probe.contoso.com", "a@example.com>\r\nRCPT TO:<b@example.com"),
        ("a@example.com\r\nDATA", "security@example.com"),
        ("mailposture@probe.contoso.com", "jörg@example.com"),
    ],
)
def test_an_address_cannot_bring_a_command_of_its_own(sender: str, recipient: str) -> None:
    mail = email.Mail(sender=sender, recipient=recipient, content=MAIL.content)
    with sink() as server:
        with pytest.raises(email.DeliveryError):
            email.send(email.read(server.url), mail, MANNER)
        assert server.taken == []


@given(st.text(max_size=3000))
def test_any_words_become_one_short_printable_line(words: str) -> None:
    says = email.DeliveryError("us", words).says
    assert says.removesuffix("…").isascii()
    assert says.removesuffix("…").isprintable()
    assert len(says) <= 500
