"""Every reply is named by what answered: known rows, unseen wordings, whole bounces, any text."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailposture.core import marks, replies, signs
from mailposture.core.replies import classify, classify_reply
from mailposture.core.signs import Name, Sign
from tests.core.bounces import BOUNCES, CONVERSATION, LOCKED

ROWS: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parent / "replies.jsonl").read_text("utf-8").splitlines()
]
WORDINGS = [
    line.partition("|")[::2]
    for line in (Path(__file__).parent / "wordings.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
]
ALL_SIGNS = [s for s in vars(signs).values() if isinstance(s, Sign)]
SUFFIX = " [AM3PEPF0000A790.eurprd04.prod.outlook.com 2026-07-13T04:51:53.988Z 08DEE00200AEDCFC]"

UNSEEN = [
    # The tenant's connector.
    ("restricted_connector", "550 5.7.51 tenantinboundattribution; REJECTING" + SUFFIX),
    (
        "restricted_connector",
        "550-5.7.51 TenantInboundAttribution; There is a partner\r\n"
        "550-5.7.51 connector configured that matched the message's recipient\r\n"
        "550 5.7.51 domain." + SUFFIX,
    ),
    ("restricted_connector", "550 5.7.51 TenantInboundAttribution;\n   There is a partner\n  conn"),
    ("restricted_connector", "5.7.51 Rejecting"),
    ("restricted_connector", "550 5.7.51"),
    ("restricted_connector", "550 5.7.51: TenantInboundAttribution; Rejecting"),
    ("restricted_connector", "550 #5.7.51 TenantInboundAttribution; Rejecting ##"),
    ("restricted_connector", "Remoteserver hat '550 5.7.51 TenantInboundAttribution' gemeldet"),
    ("restricted_connector", "Fehlercode 5.7.51 TenantInboundAttribution"),
    ("restricted_connector", "554 5.7.1 TenantInboundAttribution; There is a partner connector"),
    (
        "restricted_connector",
        (
            "550 5.0.350 Remote server returned an error -> 550 5.7.51 Tenant"
            "InboundAttribution; Rejecting"
        ),
    ),
    ("restricted_connector", "    123.4 S 550 5.7.51 TenantInboundAttribution; Rejecting"),
    ("restricted_connector", '"550 5.7.51 TenantInboundAttribution; Rejecting"'),
    # 5.7.51 is a prefix of these, and they are something else.
    ("content_rejected", "550 5.7.512 Access denied, message must be RFC 5322 compliant"),
    (
        "sender_auth_failed",
        ("550 5.7.510 Access denied, [contoso.com] does not accept email over IPv6"),
    ),
    ("sender_blocked_reputation", "550 5.7.511 Access denied, banned sender[192.0.2.7]." + SUFFIX),
    (
        "sender_blocked_reputation",
        (
            "550 5.7.513 Service unavailable, Client host [192.0.2.7] "
            "blocked by contoso.com using Customer Block list (AS16012607)"
        ),
    ),
    (
        "sender_auth_failed",
        (
            "550 5.7.515 Access denied, sending domain [tenantinboundattribution."
            "example] doesn't meet the required authentication level"
        ),
    ),
    # A passing trouble refuses nobody, whatever it says.
    ("temporary", "451 5.7.51 TenantInboundAttribution; Rejecting"),
    ("temporary", "451 4.7.68 TenantInboundAttribution; Direct Send not allowed"),
    ("temporary", "454 4.7.1 <bob@contoso.com>: Relay access denied"),
    # A code that says one thing and words that say another: no lock is read into it.
    ("sender_blocked_reputation", "550 5.7.51 Access denied, banned sending IP [192.0.2.7]"),
    ("recipient_unknown", "550 5.1.1 User unknown; he wrote '550 5.7.51 rejecting'"),
    # RejectDirectSend.
    (
        "restricted_direct_send",
        (
            "550-5.7.68 TenantInboundAttribution; Direct Send not allowed\r\n"
            "550 5.7.68 for this organization from unauthorized sources"
        ),
    ),
    ("restricted_direct_send", "TenantInboundAttribution; Direct Send not allowed for this org"),
    ("restricted_direct_send", "550 5.7.68" + SUFFIX),
    # Relay.
    ("relay_denied", "550 5.7.64 TenantAttribution; Relay Access Denied" + SUFFIX),
    ("relay_denied", "554 5.7.1 <bob@contoso.com>: Relay access denied"),
    ("relay_denied", "550 5.7.64 Relay Access Denied ATTR36"),
    ("relay_denied", "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain"),
    ("relay_denied", "550 5.4.1 bob@contoso.com: Relay Access Denied" + SUFFIX),
    # Recipients.
    (
        "recipient_unknown",
        ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"),
    ),
    ("recipient_unknown", "501 5.1.3 Invalid address"),
    ("recipient_unknown", "501 5.1.3 Syntax error in address"),
    (
        "recipient_unknown",
        ("550-5.1.1 The email account that you tried to reach does not\r\n550 5.1.1 exist."),
    ),
    ("recipient_unknown", "550 No such user here"),
    (
        "recipient_restricted",
        (
            "550 5.7.129 RESOLVER.RST.RestrictedToRecipientsPermission; not "
            "authorized to send to recipient because the sender isn't on the recipient's list"
        ),
    ),
    ("recipient_restricted", "550 5.7.1 RESOLVER.RST.AuthRequired; authentication required"),
    ("recipient_restricted", "550 5.7.136 RESOLVER.RST.SenderNotAuthenticatedForMailUser"),
    # The message.
    ("content_rejected", "550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recip"),
    ("content_rejected", "552 5.3.4 Message size exceeds fixed maximum message size"),
    ("content_rejected", "554 5.6.0 CAT.InvalidContent.Exception: ConversionFailedException"),
    ("content_rejected", "550 5.1.20 Multiple From addresses are not allowed without Sender"),
    ("content_rejected", "550 5.7.1 Message rejected as spam by Content Filtering."),
    # About the sender.
    (
        "sender_blocked_reputation",
        (
            "550 5.7.1 Unfortunately, messages from [192.0.2.7] weren\u2019t sent. "
            "Please contact your Internet service provider since part of their network is on our"
            " block list (S3140)."
        ),
    ),
    (
        "sender_blocked_reputation",
        (
            "554 5.7.1 Client host [192.0.2.7] blocked using zen.spamhaus."
            "org; https://www.spamhaus.org/query/ip/192.0.2.7"
        ),
    ),
    ("sender_blocked_reputation", "5.7.606-649 Access denied, banned sending IP [192.0.2.7]"),
    ("sender_blocked_reputation", "5.7.507 Access denied, IP blocked by recipient"),
    (
        "sender_auth_failed",
        (
            "450 4.7.26 Service does not accept messages sent over IPv6 [2001:db8"
            "::1] unless they pass either SPF or DKIM validation (message not signed)"
        ),
    ),
    (
        "sender_auth_failed",
        (
            "450 4.7.25 Service unavailable, sending IPv6 address [2001:db8::25] "
            "must have reverse DNS record"
        ),
    ),
    ("sender_auth_failed", "553 5.1.8 Domain of sender address bob@contoso.com does not exist"),
    # How much and how often.
    ("throttled", "5.7.508 Access denied, [192.0.2.7] has exceeded permitted limits within range"),
    (
        "throttled",
        (
            "450 4.7.230 Connecting Exchange server version is out-of-date; connection to "
            "Exchange Online throttled for 5 mins/hr."
        ),
    ),
    (
        "throttled",
        "451 4.7.652 The mail server [192.0.2.7] has exceeded the maximum number of "
        "connections. (S3115)" + SUFFIX,
    ),
    ("throttled", "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded"),
    ("throttled", "452 4.5.3 Too many recipients (AS780090)" + SUFFIX),
    ("temporary", "452 4.5.3 Too many recipients" + SUFFIX),
    (
        "throttled",
        (
            "421 RP-001 Unfortunately, some messages from 192.0.2.7 weren't sent. Please try "
            "again. We have limits for how many messages can be sent per hour and per day."
        ),
    ),
    ("throttled", "451 4.7.550 Access denied, please try again later"),
    ("greylisted", "450 4.2.0 <bob@contoso.com>: Recipient address rejected: Greylisted"),
    ("greylisted", "451 4.7.1 Greylisting in action, please come back in 00:05:00"),
    ("greylisted", "451 Internal resources are temporarily unavailable"),
    # The tenant.
    ("tenant_problem", "550 5.7.711 Access denied, bad inbound connector. AS(2204)"),
    ("tenant_problem", "550 5.7.705 Access denied, tenant has exceeded threshold. AS(5430)"),
    (
        "tenant_problem",
        (
            "550 4.4.4 Mail received as unauthenticated, incoming to a recipient domain "
            "configured in a hosted tenant which has no mail-enabled subscriptions. ATTR5"
        ),
    ),
    ("tenant_problem", "554 5.4.12 SMTP; Hop count exceeded - possible mail loop detected"),
    # The channel.
    ("tls_required", "530 5.7.0 Must issue a STARTTLS command first"),
    ("tls_required", "451 5.7.3 STARTTLS is required to send mail"),
    ("tls_required", "454 4.7.0 TLS not available due to temporary reason"),
    (
        "tls_required",
        "450 4.7.321 starttls-not-supported: Destination mail server must support TLS",
    ),
    ("throttled", "454 4.7.0 Cannot accept TLS as maximum TLS rate exceeded for server" + SUFFIX),
    # Passing trouble.
    ("temporary", "421 4.4.1 Connection timed out"),
    ("temporary", "450 4.4.317 Cannot connect to remote server [Message=Socket error]"),
    ("temporary", "550 4.4.7 QUEUE.Expired; message expired"),
    ("temporary", "452 4.2.2 Mailbox full"),
    # The wrong door, a middlebox, a rule, the protocol.
    ("other", "530 5.7.57 Client not authenticated to send mail." + SUFFIX),
    (
        "other",
        (
            "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for "
            "the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information."
        ),
    ),
    ("other", "550 5.7.60 SMTP; Client does not have permissions to send as this sender"),
    ("other", "220 ********************************0*********"),
    ("other", "421 Cannot connect to SMTP server 192.0.2.1 (192.0.2.1:25), connect timeout"),
    (
        "other",
        ("connect to contoso-com.mail.protection.outlook.com[192.0.2.1]:25: Connection timed out"),
    ),
    ("other", "550 5.7.905 Go through our gateway"),
    ("other", "550 5.7.1 TRANSPORT.RULES.RejectMessage; Mail from outside is not accepted"),
    ("other", "503 5.5.1 Bad sequence of commands"),
    ("other", "502 5.5.1 STARTTLS not supported"),
    ("other", "552 5.2.2 Mailbox full"),
    ("other", "554 5.7.1 Access denied"),
    ("other", "354 Start mail input; end with <CRLF>.<CRLF>"),
    ("other", "250 2.0.0 OK"),
    ("other", "252 2.1.5 Cannot VRFY user"),
    ("other", ""),
    ("other", "\0\x1b[31m\x07"),
    # Yes.
    ("accepted", "2.1.5 Recipient OK"),
    ("accepted", "250 Ok: queued as 4XyZ"),
]


@pytest.mark.parametrize("row", ROWS, ids=[f"row-{n}" for n in range(1, len(ROWS) + 1)])
@pytest.mark.parametrize("read", [classify, classify_reply])
def test_a_known_reply_is_named_as_it_is_labelled(row: dict[str, Any], read: Any) -> None:
    stage = None if row["stage"] == "unknown" else row["stage"]
    assert read(row["reply"]).name == row["verdict"]
    assert read(row["reply"], stage).name == row["verdict"]


def test_all_the_rows_are_here_and_every_name_is_among_them() -> None:
    assert len(ROWS) == 145
    assert {row["verdict"] for row in ROWS} == set(Name)


@pytest.mark.parametrize(("name", "text"), UNSEEN + WORDINGS)
def test_an_unseen_wording_is_named_by_its_principle(name: str, text: str) -> None:
    assert classify(text).name == name


@pytest.mark.parametrize("row", ROWS[::3], ids=lambda row: row["reply"][:30])
def test_case_and_line_breaks_make_no_difference(row: dict[str, Any]) -> None:
    if "\n" in row["reply"]:
        assert classify(row["reply"].upper()).name == row["verdict"]
        return
    code, blank, rest = row["reply"].partition(" ")
    wrapped = code + blank + rest.replace(". ", ".\r\n    ")
    assert classify(row["reply"].upper()).name == row["verdict"]
    assert classify(wrapped).name == row["verdict"]


@pytest.mark.parametrize(
    ("name", "text", "stage"),
    [
        ("other", "220 mx.contoso.com ESMTP", "connect"),
        ("other", "554 No SMTP service here", "connect"),
        ("other", "250 mx.contoso.com at your service", "ehlo"),
        ("tls_required", "454 4.3.3 not now", "starttls"),
        ("other", "220 2.0.0 SMTP server ready", "starttls"),
        ("other", "250 2.1.5 Recipient OK", "mail"),
        ("other", "250 OK", "mail"),
        ("accepted", "250 OK", "rcpt"),
        ("accepted", "251 User not local; will forward", "rcpt"),
        ("accepted", "252 2.1.5 will take it and try", "rcpt"),
        ("accepted", "250 OK", "eod"),
        ("other", "354 go ahead", "data"),
        ("accepted", "250 2.6.0 <a@b> Queued mail for delivery", "data"),
        ("restricted_connector", LOCKED, "connect"),
        ("restricted_connector", LOCKED, "eod"),
    ],
)
def test_the_stage_decides_what_a_yes_is_a_yes_to(name: str, text: str, stage: str) -> None:
    assert classify(text, stage).name == name
    assert classify_reply(text, stage).name == name


@pytest.mark.parametrize(("name", "text"), BOUNCES.values(), ids=BOUNCES.keys())
def test_the_telling_line_is_found_in_a_whole_bounce(name: str, text: str) -> None:
    cited = "".join(f"> {line}" for line in text.splitlines(keepends=True))
    assert classify(text).name == name
    assert classify(text.replace("\n", "\r\n")).name == name
    assert classify(cited).name == name


def test_a_part_that_only_pretends_to_be_base64_is_read_as_it_stands() -> None:
    text = f"Content-Transfer-Encoding: base64\n\nQUJDA\n\n{LOCKED}\n"
    assert classify(text).name == Name.RESTRICTED_CONNECTOR


def test_a_reply_from_the_wire_is_not_searched_for_quotations() -> None:
    said = "550 5.0.0 the other side said: 550 5.7.51 TenantInboundAttribution; Rejecting"
    assert classify(said).name == Name.RESTRICTED_CONNECTOR
    assert classify_reply("554 5.3.0 see '550 5.7.51'").name == Name.OTHER


def test_the_stage_is_taken_from_the_command_before_a_reply() -> None:
    assert classify(CONVERSATION.format(answer="250 fine")).name == Name.ACCEPTED
    until_mail = CONVERSATION.split("RCPT TO", maxsplit=1)[0]
    assert classify(until_mail).name == Name.OTHER


@pytest.mark.parametrize(
    ("control", "text"),
    [
        ("inbound connector", LOCKED),
        ("RejectDirectSend", "550 5.7.68 TenantInboundAttribution; Direct Send not allowed"),
        ("recipient filter", "550 5.4.1 Recipient address rejected: Access denied."),
        ("address block list", "550 5.7.606 Access denied, banned sending IP [192.0.2.7]"),
        ("tenant's block list", "5.7.513 Service unavailable, blocked using Customer Block list"),
        ("mail-flow rule", "550 5.7.1 TRANSPORT.RULES.RejectMessage; no"),
        (None, "250 2.1.5 Recipient OK"),
        (None, "451 4.7.0 Temporary server error. Please try again later. PRX9"),
    ],
)
def test_the_control_that_answered_is_named(control: str | None, text: str) -> None:
    assert classify(text).control == control


@pytest.mark.parametrize("sign", ALL_SIGNS, ids=lambda sign: sign.meaning[:30])
def test_every_sign_says_what_it_means_and_what_to_do(sign: Sign) -> None:
    assert sign.meaning.endswith(".")
    assert sign.next.endswith(".")
    assert "vulnerable" not in (sign.meaning + sign.next).lower()


def test_only_two_signs_can_close_a_path_and_both_name_their_control() -> None:
    closing = {Name.RESTRICTED_CONNECTOR, Name.RESTRICTED_DIRECT_SEND}
    assert {s.control for s in ALL_SIGNS if s.name in closing} == {
        "inbound connector",
        "RejectDirectSend",
    }
    assert all("4" not in m.kinds for m in marks.MARKS if m.sign.name in closing)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LOCKED + SUFFIX, LOCKED),
        ("550 5.4.1 Recipient address rejected: Access denied. AS(201806281)" + SUFFIX,
         "550 5.4.1 Recipient address rejected: Access denied."),
        ("550 5.4.1 Recipient address rejected: Access denied. For more information see "
         "https://aka.ms/EXOSmtpErrors" + SUFFIX,
         "550 5.4.1 Recipient address rejected: Access denied."),
        ("550 5.7.509 Access denied" + SUFFIX * 3, "550 5.7.509 Access denied"),
        ("550 5.7.1 no (AS3130). [Name=Protocol Filter Agent][AGT=PFA][MxId=11BB]" + SUFFIX,
         "550 5.7.1 no"),
        ("451 4.7.500 Server busy. (S77714)" + SUFFIX, "451 4.7.500 Server busy."),
        ("250 2.1.5 Recipient OK", "250 2.1.5 Recipient OK"),
        ("550-5.7.51 one\r\n550 5.7.51 two", "550-5.7.51 one two"),
    ],
)  # fmt: skip
def test_what_changes_with_every_session_is_stripped(text: str, words: str) -> None:
    assert replies.bare(text) == words


@pytest.mark.parametrize("group", ["[]", "[a]", " [a] ", "(S12)", "(AS1234567890) "])
def test_a_line_of_nothing_but_suffixes_takes_no_more_than_a_moment(group: str) -> None:
    text = "550 5.7.1 no " + group * (3_980 // len(group))
    began = time.process_time()
    for _ in range(5):
        assert replies.bare(text).startswith("550 5.7.1 no")
    assert time.process_time() - began < 0.2


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["reply"])[:40])
def test_no_reply_of_the_corpus_ends_in_more_than_what_is_stripped(row: dict[str, object]) -> None:
    words = replies.bare(str(row["reply"]))
    assert words == replies.bare(words)


SHAPES = st.one_of(
    st.text(),
    st.from_regex(r"[2-5][0-9]{2}[ -][245]\.[0-9]{1,3}\.[0-9]{1,3} .{0,60}", fullmatch=True),
    st.lists(
        st.sampled_from([str(row["reply"]) for row in ROWS] + ["\r\n", "> ", "said: ", "'"])
    ).map("\n".join),
)


@settings(max_examples=300)
@given(text=SHAPES, stage=st.sampled_from([None, *replies.STAGES]))
def test_any_text_gets_a_known_name_and_none_raises(text: str, stage: str | None) -> None:
    assert classify(text, stage).name in set(Name)
    assert classify_reply(text, stage).name in set(Name)


@settings(max_examples=200)
@given(code=st.integers(200, 599), status=st.integers(0, 999), words=st.text(max_size=30))
def test_no_other_status_ever_reads_as_a_lock(code: int, status: int, words: str) -> None:
    sign = classify_reply(f"{code} 5.7.{status} x {words}")
    locks = {Name.RESTRICTED_CONNECTOR, Name.RESTRICTED_DIRECT_SEND}
    assert sign.name not in locks or status in (51, 68)


@pytest.mark.parametrize("status", ["5.7.051", "5.07.51", "5.7.0051", "5.7.068"])
def test_a_status_with_leading_zeros_is_none(status: str) -> None:
    """RFC 3463 section 2; the property of core/smtp/test_proofs.py came upon it."""
    assert classify_reply(f"550 {status}", "rcpt").name == Name.OTHER
    assert classify(f"550 {status} said the host").name == Name.OTHER


HUGE = {
    "one letter": "x" * 10_000_000,
    "digits": "5" * 10_000_000,
    "statuses in a line": "550 5.7.1 " * 1_000_000,
    "statuses in lines": "550-5.7.1 x\r\n" * 800_000,
    "brackets": "[" * 10_000_000,
    "blank lines": "\n" * 10_000_000,
    "tags": "<a " * 3_300_000,
    "header fields": "a-b: x\n" * 1_400_000,
    "landmarks": " said: " * 1_400_000,
    "hosts": "host a [1" * 1_100_000,
}


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE.keys())
def test_ten_million_characters_take_no_more_than_a_moment(text: str) -> None:
    began = time.process_time()
    assert classify(text).name == Name.OTHER
    assert classify_reply(text).name == Name.OTHER
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize(("before", "after"), [(0, 9), (9, 0), (5, 5)])
def test_a_reply_is_found_anywhere_in_ten_million_characters(before: int, after: int) -> None:
    text = f"{'x' * before * 1_000_000}\n{LOCKED}\n{'y' * after * 1_000_000}"
    assert classify(text).name == Name.RESTRICTED_CONNECTOR
