"""The conversation without a socket: every command, in and out of order."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailposture.lab.conversation import Conversation, Step
from mailposture.lab.decide import Answer, Session, decide
from mailposture.lab.faults import Fault
from mailposture.lab.reading import read
from mailposture.lab.stories import new_world
from mailposture.lab.world import FrontEnd

NOW = datetime(2026, 10, 1, 13, 24, 15, 682999, tzinfo=UTC)
RULES = [read(tenant) for tenant in new_world().tenants]
HELLO, MAIL = "EHLO probe.example", "MAIL FROM:<a@probe.example>"
OPEN_RCPT, LOCKED_RCPT = "RCPT TO:<postmaster@contoso.com>", "RCPT TO:<postmaster@fabrikam.com>"


def ask(session: Session) -> Answer:
    return decide(RULES, session)


def conversation(fault: Fault | None = None) -> Conversation:
    front = FrontEnd(address="127.0.10.20", machine="AMS0EPF0000019A", fault=fault)
    return Conversation(front, "127.0.66.7", ask, lambda: NOW)


def last(*lines: str, fault: Fault | None = None) -> str:
    """Say the lines and give the answer to the last."""
    heard = conversation(fault)
    return [heard.command(line.encode()).text for line in lines][-1]


def test_the_banner_is_the_services_own_with_a_session_id() -> None:
    banner = conversation().banner()
    assert re.fullmatch(
        r"220 AMS0EPF0000019A\.mail\.protection\.outlook\.com Microsoft ESMTP MAIL Service ready "
        r"at Thu, 1 Oct 2026 13:24:15 \+0000 \[08DF[0-9A-F]{12}\]",
        banner,
    )


def test_ehlo_lists_what_a_business_host_lists_in_its_order() -> None:
    # The order of a capture of 2025; SIZE is that of business hosts (capture of 2022).
    assert last(HELLO).split("\r\n") == [
        "250-AMS0EPF0000019A.mail.protection.outlook.com Hello [127.0.66.7]",
        "250-SIZE 157286400",
        "250-PIPELINING",
        "250-DSN",
        "250-ENHANCEDSTATUSCODES",
        "250-STARTTLS",
        "250-8BITMIME",
        "250-BINARYMIME",
        "250-CHUNKING",
        "250 SMTPUTF8",
    ]


def test_helo_says_hello_in_one_line() -> None:
    assert last("HELO probe.example").startswith("250 AMS0EPF0000019A.mail.protection")


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        ((MAIL,), "503 5.5.2 Send hello first"),
        ((OPEN_RCPT,), "503 5.5.2 Send hello first"),
        (("EHLO",), "501 5.5.4 Invalid domain name"),
        (("HELO ",), "501 5.5.4 Invalid domain name"),
        ((HELLO, MAIL), "250 2.1.0 Sender OK"),
        ((HELLO, "mail from: <a@probe.example>  SIZE=10 BODY=8BITMIME"), "250 2.1.0 Sender OK"),
        ((HELLO, "MAIL FROM:<>"), "250 2.1.0 Sender OK"),
        ((HELLO, "MAIL FROM:<a@probe.example> COLOUR=red"), "501 5.5.4 Invalid arguments"),
        ((HELLO, "MAIL a@probe.example"), "501 5.5.4 Invalid arguments"),
        ((HELLO, "MAIL FROM:<nobody>"), "501 5.1.7 Invalid address"),
        ((HELLO, MAIL, MAIL), "503 5.5.2 Sender already specified"),
        ((HELLO, OPEN_RCPT), "503 5.5.2 Need mail command"),
        ((HELLO, MAIL, OPEN_RCPT), "250 2.1.5 Recipient OK"),
        ((HELLO, MAIL, "RCPT TO:<postmaster>"), "501 5.1.7 Invalid address"),
        ((HELLO, MAIL, "RCPT FROM:<a@contoso.com>"), "501 5.5.4 Invalid arguments"),
        ((HELLO, "DATA"), "503 5.5.2 Need mail command"),
        ((HELLO, MAIL, LOCKED_RCPT, "DATA"), "503 5.5.2 Need rcpt command"),
        ((HELLO, MAIL, OPEN_RCPT, "DATA now"), "501 5.5.4 Invalid arguments"),
        ((HELLO, MAIL, OPEN_RCPT, "DATA"), "354 Start mail input; end with <CRLF>.<CRLF>"),
        ((HELLO, MAIL, "RSET", OPEN_RCPT), "503 5.5.2 Need mail command"),
        ((HELLO, "RSET"), "250 2.0.0 Resetting"),
        (("NOOP",), "250 2.0.0 OK"),
        (("VRFY postmaster",), "252 2.1.5 Cannot VRFY user"),
        (("QUIT",), "221 2.0.0 Service closing transmission channel"),
        (("ETRN contoso.com",), "500 5.3.3 Unrecognized command"),
        (("",), "500 5.3.3 Unrecognized command"),
        (("STARTTLS",), "220 2.0.0 SMTP server ready"),
        (("STARTTLS now",), "501 5.5.4 Invalid arguments"),
    ],
)
def test_a_command_is_answered_by_what_came_before_it(lines: tuple[str, ...], answer: str) -> None:
    assert last(*lines) == answer


def test_help_names_the_commands() -> None:
    assert last("HELP").startswith("214-This server supports")


def test_bytes_that_are_no_text_are_answered_too() -> None:
    assert conversation().command(b"\xff\xfe\x00").text == "500 5.3.3 Unrecognized command"


@pytest.mark.parametrize(
    ("recipient", "begins"),
    [
        (LOCKED_RCPT, "550 5.7.51 TenantInboundAttribution; There is a partner connector"),
        ("RCPT TO:<nobody@contoso.com>", "550 5.4.1 Recipient address rejected: Access denied."),
        ("RCPT TO:<a@example.net>", "550 5.7.64 TenantAttribution; Relay Access Denied SMTP"),
    ],
)
def test_a_refusal_ends_with_host_time_and_the_banners_session_id(
    recipient: str, begins: str
) -> None:
    heard = conversation()
    for line in (HELLO, MAIL):
        heard.command(line.encode())
    answer = heard.command(recipient.encode()).text
    ident = heard.banner()[-17:-1]
    assert answer.startswith(begins)
    assert answer.endswith(
        f" [AMS0EPF0000019A.eurprd05.prod.outlook.com 2026-10-01T13:24:15.682Z {ident}]"
    )


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (OPEN_RCPT, "RCPT TO:<info@contoso.onmicrosoft.com>", "250 2.1.5"),
        (OPEN_RCPT, "RCPT TO:<postmaster@tailspin.com>", "452 4.5.3"),
        (LOCKED_RCPT, OPEN_RCPT, "452 4.5.3"),
        ("RCPT TO:<a@example.net>", OPEN_RCPT, "250 2.1.5"),
    ],
)
def test_one_transaction_belongs_to_one_tenant(first: str, second: str, code: str) -> None:
    assert last(HELLO, MAIL, first, second).startswith(code)
    assert last(HELLO, MAIL, first, "RSET", MAIL, OPEN_RCPT).startswith("250")


@pytest.mark.parametrize(
    ("fault", "lines", "begins"),
    [
        (
            Fault.REPUTATION,
            (HELLO, MAIL, OPEN_RCPT),
            "550 5.7.606 Access denied, banned sending IP [127.0.66.7]. To request removal",
        ),
        (
            Fault.THROTTLE,
            (HELLO, MAIL, OPEN_RCPT),
            "451 4.7.500 Server busy. Please try again later from [127.0.66.7]. (S77714) [AMS0",
        ),
        (
            Fault.WRONG_REGION,
            (HELLO, MAIL, OPEN_RCPT),
            "451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35. For more information",
        ),
        (Fault.SECOND_TENANT, (HELLO, MAIL, OPEN_RCPT), "452 4.5.3 Too many recipients [AMS0"),
        (Fault.CONTRARY, (HELLO, MAIL, OPEN_RCPT), "550 5.7.51 TenantInboundAttribution; "),
        (Fault.CONTRARY, (HELLO, MAIL, LOCKED_RCPT), "250 2.1.5 Recipient OK"),
        (Fault.CONTRARY, (HELLO, MAIL, "RCPT TO:<nobody@contoso.com>"), "550 5.4.1"),
        (Fault.REFUSE_TLS, ("STARTTLS",), "454 4.7.0 TLS not available"),
        (Fault.NO_STARTTLS, ("STARTTLS",), "500 5.3.3"),
    ],
)
def test_a_fault_speaks_in_the_services_words(
    fault: Fault, lines: tuple[str, ...], begins: str
) -> None:
    assert last(*lines, fault=fault).startswith(begins)


def test_without_starttls_it_is_not_offered() -> None:
    assert "STARTTLS" not in last(HELLO, fault=Fault.NO_STARTTLS)


def test_tls_starts_the_session_over_and_is_not_offered_again() -> None:
    heard = conversation()
    for line in (HELLO, MAIL):
        heard.command(line.encode())
    assert heard.command(b"STARTTLS").step is Step.START_TLS
    heard.tls_started(frozenset())
    assert heard.command(MAIL.encode()).text == "503 5.5.2 Send hello first"
    assert "STARTTLS" not in heard.command(HELLO.encode()).text
    assert heard.command(b"STARTTLS").text.startswith("503 5.5.2 Only one STARTTLS")


def test_chunks_are_counted_and_the_last_one_is_confirmed() -> None:
    heard = conversation()
    for line in (HELLO, MAIL, OPEN_RCPT):
        heard.command(line.encode())
    first = heard.command(b"BDAT 10")
    assert (first.step, first.size) == (Step.TAKE_CHUNK, 10)
    final = heard.command(b"BDAT 5 LAST")
    assert (final.step, final.size) == (Step.LAST_CHUNK, 5)
    assert " 15 bytes in " in final.text


@pytest.mark.parametrize("arguments", ["", "many", "-1", "1 FIRST"])
def test_a_chunk_that_cannot_be_counted_ends_the_session(arguments: str) -> None:
    assert conversation().command(f"BDAT {arguments}".encode()).step is Step.HANG_UP


def test_too_many_errors_end_the_session() -> None:
    heard = conversation()
    reactions = [heard.command(b"NONSENSE") for _ in range(21)]
    assert reactions[19].step is Step.GO_ON
    assert reactions[20].step is Step.HANG_UP
    assert reactions[20].text.startswith("421 4.7.0 Too many errors")


VERBS = st.sampled_from([b"EHLO ", b"MAIL FROM:<", b"RCPT TO:<", b"BDAT ", b"DATA", b"RSET", b""])
LINES = st.lists(st.builds(bytes.__add__, VERBS, st.binary(max_size=40)), max_size=25)


@given(LINES)
def test_any_bytes_are_answered_with_a_reply(lines: list[bytes]) -> None:
    heard = conversation()
    for line in lines:
        reaction = heard.command(line)
        assert re.match(r"[2345]\d\d[ -]", reaction.text)
        assert reaction.size >= 0


@given(st.text(max_size=60))
def test_whatever_is_named_as_recipient_cannot_break_the_line(recipient: str) -> None:
    answer = last(HELLO, MAIL, f"RCPT TO:<{recipient}>")
    assert "\r" not in answer
    assert "\n" not in answer
