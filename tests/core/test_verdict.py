"""A verdict says what a conversation proves, and no more."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailposture.core.signs import Name
from mailposture.core.smtp.reply import parse
from mailposture.core.smtp.transcript import Ended, TlsFacts, Transcript
from mailposture.core.verdict import (
    Cause,
    Judgement,
    SenderClass,
    Trust,
    Verdict,
    agree,
    judge,
    unseen,
    whole,
)

LAB = Trust(lab=True, any_server=False)
WORLD = Trust(lab=False, any_server=False)
ANY = Trust(lab=True, any_server=True)

HOST = "AM3PEPF0000A790.mail.protection.outlook.com"
BANNER = f"220 {HOST} Microsoft ESMTP MAIL Service ready at Tue, 24 Nov 2026 [08DEE00200AEDCFC]"
EHLO = f"250-{HOST} Hello [192.0.2.9]\r\n250-SIZE 157286400\r\n250 SMTPUTF8"
MAIL_OK = "250 2.1.0 Sender OK"
RCPT_OK = "250 2.1.5 Recipient OK"
LOCKED = "550 5.7.51 TenantInboundAttribution; Rejecting"
DIRECT_SEND = "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization"
TLS = TlsFacts(version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", verified=True)


def said(
    *answers: tuple[str, str], tls: TlsFacts | None = TLS, ended: str = Ended.DONE
) -> Transcript:
    """A conversation in which these replies were given at these stages."""
    replies = tuple(parse(f"{text}\r\n".encode(), stage) for stage, text in answers)
    seen = "192.0.2.9" if any(stage == "ehlo" for stage, _ in answers) else None
    return Transcript("203.0.113.1", 25, replies=replies, tls=tls, ended=ended, hello_ip=seen)


def talk(rcpt: str, mail: str = MAIL_OK, banner: str = BANNER, ehlo: str = EHLO) -> Transcript:
    """A whole conversation up to RCPT."""
    return said(("connect", banner), ("ehlo", ehlo), ("mail", mail), ("rcpt", rcpt))


@pytest.mark.parametrize(
    ("sender", "rcpt", "verdict", "cause"),
    [
        ("foreign", RCPT_OK, "open", "accepted"),
        ("own", "250 OK", "open", "accepted"),
        ("null", "251 User not local; will forward", "open", "accepted"),
        ("foreign", "252 2.1.5 will try", "open", "accepted"),
        ("foreign", LOCKED, "closed", "inbound-connector"),
        ("own", LOCKED, "closed", "inbound-connector"),
        ("null", LOCKED, "closed", "inbound-connector"),
        ("partner", LOCKED, "closed", "inbound-connector"),
        ("own", DIRECT_SEND, "closed", "reject-direct-send"),
        ("foreign", DIRECT_SEND, "unknown", "reject-direct-send"),
        ("null", DIRECT_SEND, "unknown", "reject-direct-send"),
        ("foreign", "451 5.7.51 TenantInboundAttribution; Rejecting", "unknown", "temporary"),
        ("own", "451 4.7.68 Direct Send not allowed", "unknown", "temporary"),
        ("foreign", "550 5.7.511 banned sender[192.0.2.9]", "unknown", "reputation"),
        ("foreign", "550 5.7.606 Access denied, banned sending IP", "unknown", "reputation"),
        ("foreign", "550 5.7.515 Access denied, DMARC", "unknown", "sender-authentication"),
        ("foreign", "451 4.7.500 Server busy", "unknown", "throttled"),
        ("foreign", "450 4.2.0 Greylisted", "unknown", "greylisted"),
        ("foreign", "550 5.4.1 Recipient address rejected: no", "unknown", "recipient-unknown"),
        ("foreign", "550 5.7.64 TenantAttribution; Relay Access Denied", "unknown", "relay-denied"),
        ("foreign", "550 5.7.133 RESOLVER.RST.x", "unknown", "recipient-restricted"),
        ("foreign", "451 4.4.4 no mail-enabled subscriptions", "unknown", "tenant-problem"),
        ("foreign", "530 5.7.0 Must issue a STARTTLS command first", "unknown", "tls-required"),
        ("foreign", "421 4.3.2 Service not active", "unknown", "temporary"),
        ("foreign", "552 5.3.4 Message size exceeds limit", "unknown", "content-rejected"),
        ("foreign", "550 5.7.1 TRANSPORT.RULES.RejectMessage; no", "unknown", "other-refusal"),
        ("foreign", "554 no", "unknown", "other-refusal"),
        ("foreign", "354 go on", "unknown", "odd-reply"),
        ("foreign", "TenantInboundAttribution", "unknown", "odd-reply"),
    ],
)
def test_the_answer_to_rcpt_proves_so_much(
    sender: str, rcpt: str, verdict: str, cause: str
) -> None:
    judged = judge(SenderClass(sender), talk(rcpt), WORLD)
    assert (judged.verdict, judged.cause) == (verdict, cause)
    assert judged.stage == "rcpt"
    assert judged.reason.endswith(".")


def test_what_follows_a_refused_mail_decides_nothing() -> None:
    for after in (RCPT_OK, LOCKED):
        judged = judge(SenderClass.FOREIGN, talk(after, mail="550 5.7.1 no"), WORLD)
        assert (judged.verdict, judged.cause) == (Verdict.UNKNOWN, Cause.REFUSED_MAIL)
        assert judged.stage == "mail"


@pytest.mark.parametrize(
    ("mail", "verdict", "cause"),
    [
        (LOCKED, "closed", "inbound-connector"),
        (DIRECT_SEND, "closed", "reject-direct-send"),
        ("451 5.7.51 TenantInboundAttribution", "unknown", "temporary"),
        ("550 5.7.1 Client host [192.0.2.9] blocked using Spamhaus", "unknown", "reputation"),
        ("530 5.7.57 Client not authenticated to send mail", "unknown", "refused-mail"),
        ("hm", "unknown", "odd-reply"),
    ],
)
def test_a_refused_mail_may_close_a_path_too(mail: str, verdict: str, cause: str) -> None:
    judged = judge(SenderClass.OWN, talk(RCPT_OK, mail=mail), WORLD)
    assert (judged.verdict, judged.cause) == (verdict, cause)


def test_a_lock_said_at_the_greeting_counts_where_any_server_does() -> None:
    greeted = said(("connect", LOCKED))
    refused = said(("connect", BANNER), ("ehlo", LOCKED))
    for transcript in (greeted, refused):
        assert judge(SenderClass.NULL, transcript, ANY).verdict is Verdict.CLOSED
        assert judge(SenderClass.NULL, transcript, LAB).cause is Cause.SERVER_NOT_PROVEN


@pytest.mark.parametrize(
    ("starttls", "why"),
    [
        ("454 4.7.0 TLS not available", "The server refused STARTTLS."),
        ("220 2.0.0 SMTP server ready", "The TLS handshake came to nothing."),
    ],
)
@pytest.mark.parametrize("rcpt", [RCPT_OK, LOCKED])
@pytest.mark.parametrize("trust", [LAB, ANY, WORLD])
def test_an_answer_in_clear_stands_in_for_none_in_tls(
    starttls: str, why: str, rcpt: str, trust: Trust
) -> None:
    steps = (("connect", BANNER), ("starttls", starttls), ("ehlo", EHLO), ("mail", MAIL_OK))
    judged = judge(SenderClass.FOREIGN, said(*steps, ("rcpt", rcpt), tls=None), trust)
    assert (judged.verdict, judged.cause) == (Verdict.UNKNOWN, Cause.SERVER_NOT_PROVEN)
    assert judged.reason.endswith(why)
    assert "clear text" in judged.reason


@pytest.mark.parametrize("rcpt", [RCPT_OK, LOCKED])
def test_where_no_tls_is_to_be_had_an_answer_in_clear_says_so(rcpt: str) -> None:
    transcript = replace(talk(rcpt), tls=None)
    judged = judge(SenderClass.FOREIGN, transcript, LAB)
    assert judged.verdict is judge(SenderClass.FOREIGN, talk(rcpt), LAB).verdict
    assert judged.reason.endswith("In clear text: STARTTLS was not offered.")
    assert judge(SenderClass.FOREIGN, transcript, WORLD).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("banner", "ehlo"),
    [
        ("220 mx.contoso.com ESMTP Postfix", EHLO),
        (f"220 {HOST}.evil.example Microsoft ESMTP MAIL Service ready", EHLO),
        ("220 mail.protection.outlook.com.example Microsoft ESMTP MAIL Service", EHLO),
        ("220 evilmail.protection.outlook.com Microsoft ESMTP MAIL Service", EHLO),
        ("220 SY5P282CA0097.outlook.office365.com Microsoft ESMTP MAIL Service ready", EHLO),
        ("220 ******************************", EHLO),
        (f"250 {HOST} Microsoft ESMTP MAIL Service ready", EHLO),
        (BANNER, f"250-{HOST}\r\n250-PIPELINING\r\n250 8BITMIME"),
        (BANNER, f"250-{HOST}\r\n250 Hello [192.0.2.9]"),
    ],
)
@pytest.mark.parametrize("rcpt", [RCPT_OK, LOCKED, "550 5.1.1 User unknown"])
def test_a_server_that_is_not_exchange_online_proves_nothing(
    banner: str, ehlo: str, rcpt: str
) -> None:
    transcript = talk(rcpt, banner=banner, ehlo=ehlo)
    judged = judge(SenderClass.FOREIGN, transcript, LAB)
    assert (judged.verdict, judged.cause) == (Verdict.UNKNOWN, Cause.SERVER_NOT_PROVEN)
    assert judged.reply == rcpt


def test_any_server_is_judged_all_the_same_and_the_reason_says_so() -> None:
    transcript = talk(LOCKED, banner="220 mx.contoso.com ESMTP Postfix", ehlo="250 mx.contoso.com")
    judged = judge(SenderClass.FOREIGN, transcript, ANY)
    assert judged.verdict is Verdict.CLOSED
    assert "any server counts" in judged.reason
    assert "any server" not in judge(SenderClass.FOREIGN, talk(LOCKED), ANY).reason


@pytest.mark.parametrize(
    "banner",
    [
        "220 AM.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready",
        "220 BL2.Mail.Protection.Outlook.com Microsoft ESMTP MAIL Service, Version: 1",
        "220 a.b-v1.mx.microsoft Microsoft ESMTP MAIL Service ready",
        "220 BN1.mail.protection.office365.us Microsoft ESMTP MAIL Service ready",
        "220 BJ1.mail.protection.partner.outlook.cn Microsoft ESMTP MAIL Service ready",
    ],
)
def test_the_clouds_of_exchange_online_are_known_by_their_banners(banner: str) -> None:
    assert judge(SenderClass.FOREIGN, talk(RCPT_OK, banner=banner), WORLD).verdict == "open"


@pytest.mark.parametrize("tls", [None, replace(TLS, verified=False, error="self-signed")])
@pytest.mark.parametrize("rcpt", [RCPT_OK, LOCKED])
def test_outside_the_lab_a_clear_or_unverified_session_proves_nothing(
    tls: TlsFacts | None, rcpt: str
) -> None:
    transcript = replace(talk(rcpt), tls=tls)
    for trust in (WORLD, Trust(lab=False, any_server=True)):
        judged = judge(SenderClass.FOREIGN, transcript, trust)
        assert (judged.verdict, judged.cause) == (Verdict.UNKNOWN, Cause.SERVER_NOT_PROVEN)
    assert judge(SenderClass.FOREIGN, transcript, LAB).verdict is not Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("ended", "word"),
    [
        (Ended.CONNECT_TIMEOUT, "port 25"),
        (Ended.REFUSED, "refused"),
        (Ended.RESET, "reset"),
        (Ended.REPLY_TIMEOUT, "in time"),
        (Ended.NOT_SMTP, "not SMTP"),
        ("\x1b[31m odd", r"\x1b"),
    ],
)
def test_silence_is_unknown_and_says_how_it_ended(ended: str, word: str) -> None:
    for transcript in (said(ended=ended), said(("connect", BANNER), ("ehlo", EHLO), ended=ended)):
        judged = judge(SenderClass.FOREIGN, transcript, WORLD)
        assert (judged.verdict, judged.cause) == (Verdict.UNKNOWN, Cause.NO_ANSWER)
        assert word in judged.reason
        assert judged.reply is None


def test_no_answer_to_rcpt_after_a_taken_mail_is_silence() -> None:
    transcript = said(
        ("connect", BANNER), ("ehlo", EHLO), ("mail", MAIL_OK), ended=Ended.REPLY_TIMEOUT
    )
    judged = judge(SenderClass.FOREIGN, transcript, WORLD)
    assert (judged.verdict, judged.cause) == (Verdict.UNKNOWN, Cause.NO_ANSWER)
    assert judged.source == "192.0.2.9"


def test_a_refusal_to_serve_at_all_is_told_by_what_it_says() -> None:
    transcript = said(("connect", "421 4.3.2 The maximum number of connections has exceeded"))
    assert judge(SenderClass.FOREIGN, transcript, ANY).cause is Cause.THROTTLED


def test_the_ehlo_that_was_refused_before_helo_was_taken_decides_nothing() -> None:
    transcript = said(
        ("connect", BANNER), ("ehlo", LOCKED), ("ehlo", f"250 {HOST} Hello [192.0.2.9]")
    )
    assert judge(SenderClass.NULL, transcript, LAB).cause is Cause.NO_ANSWER


def test_a_judgement_carries_its_evidence_escaped() -> None:
    rcpt = "550-5.7.51 TenantInboundAttribution; \x1b[2J\r\n550 5.7.51 caf\u00e9"
    judged = judge(SenderClass.FOREIGN, talk(rcpt), WORLD)
    assert judged.code == "550 5.7.51"
    assert judged.control == "inbound connector"
    assert judged.name == "restricted_connector"
    assert judged.source == "192.0.2.9"
    assert judged.front_end == "203.0.113.1"
    assert judged.reply == (
        r"550 5.7.51 TenantInboundAttribution; \x1b[2J\x0d\x0a5.7.51 caf\xc3\xa9"
    )


def at(address: str, verdict: str, cause: str = "accepted") -> Judgement:
    return Judgement(
        verdict=Verdict(verdict), reason="Because.", cause=Cause(cause), front_end=address
    )


A, B, C = "203.0.113.1", "203.0.113.2", "203.0.113.3"


@pytest.mark.parametrize(
    ("judged", "addresses", "verdict", "cause", "front_ends"),
    [
        ([at(A, "open"), at(B, "open")], 2, "open", "accepted", 2),
        ([at(A, "open"), at(B, "open"), at(C, "open")], 3, "open", "accepted", 3),
        ([at(A, "closed"), at(B, "closed")], 5, "closed", "accepted", 2),
        ([at(A, "closed")], 1, "closed", "accepted", 1),
        ([at(A, "open")], 1, "open", "accepted", 1),
        ([at(A, "open")], 2, "unknown", "one-front-end", 1),
        ([at(A, "open"), at(A, "open")], 2, "unknown", "one-front-end", 1),
        ([at(A, "open"), at(B, "unknown", "no-answer")], 2, "unknown", "one-front-end", 1),
        ([at(A, "unknown", "throttled"), at(B, "closed")], 2, "unknown", "one-front-end", 2),
        ([at(A, "open"), at(B, "closed")], 2, "unknown", "front-ends-disagree", 2),
        ([at(A, "open"), at(A, "closed")], 1, "unknown", "front-ends-disagree", 1),
        (
            [at(A, "open"), at(B, "open"), at(C, "closed")],
            3,
            "unknown",
            "front-ends-disagree",
            3,
        ),
        (
            [at(A, "unknown", "no-answer"), at(B, "unknown", "reputation")],
            2,
            "unknown",
            "reputation",
            1,
        ),
        ([at(A, "unknown", "no-answer")], 2, "unknown", "no-answer", 0),
        ([], 2, "unknown", "not-tried", 0),
    ],
)
def test_two_front_ends_must_say_the_same_where_there_are_two(
    judged: list[Judgement], addresses: int, verdict: str, cause: str, front_ends: int
) -> None:
    together = agree(judged, addresses=addresses)
    assert (together.verdict, together.cause, together.front_ends) == (verdict, cause, front_ends)


def test_disagreeing_front_ends_are_named_and_a_lone_one_tells_of_the_other() -> None:
    against = agree([at(A, "open"), at(B, "closed")], addresses=2)
    assert against.reason == f"Front ends disagree: {A} says open, {B} says closed."
    alone = agree([at(A, "open"), at(B, "unknown", "throttled")], addresses=2)
    assert alone.reason == "One front end says open; two must say the same. The other: Because."


@pytest.mark.parametrize(
    ("verdicts", "together"),
    [
        (["open", "closed", "unknown"], "open"),
        (["closed", "closed", "closed"], "closed"),
        (["closed", "unknown", "closed"], "unknown"),
        (["unknown"], "unknown"),
        ([], "unknown"),
    ],
)
def test_the_whole_is_open_if_any_class_is_and_closed_if_all_are(
    verdicts: Sequence[str], together: str
) -> None:
    classes = zip(SenderClass, verdicts, strict=False)
    assert whole({c: at(A, v) for c, v in classes}) == together


def test_where_nothing_was_tried_the_reason_is_kept() -> None:
    judged = unseen("No endpoint was found.")
    assert (judged.verdict, judged.reason) == (Verdict.UNKNOWN, "No endpoint was found.")


STAGES = st.sampled_from(["connect", "ehlo", "starttls", "mail", "rcpt"])
TEXTS = st.one_of(
    st.sampled_from([BANNER, EHLO, MAIL_OK, RCPT_OK, LOCKED, DIRECT_SEND, "550 5.7.515 DMARC"]),
    st.from_regex(r"[2-5][0-9]{2}[ -][245]\.7\.[0-9]{1,3} [ -~]{0,40}", fullmatch=True),
    st.text(max_size=40),
)


@settings(max_examples=300)
@given(
    answers=st.lists(st.tuples(STAGES, TEXTS), max_size=7),
    sender=st.sampled_from(SenderClass),
    trust=st.builds(Trust, lab=st.booleans(), any_server=st.booleans()),
    tls=st.sampled_from([None, TLS, replace(TLS, verified=False)]),
)
def test_only_the_tenants_own_refusal_closes_and_only_a_yes_to_rcpt_opens(
    answers: list[tuple[str, str]], sender: SenderClass, trust: Trust, tls: TlsFacts | None
) -> None:
    transcript = said(*answers, tls=tls)
    judged = judge(sender, transcript, trust)
    again = Transcript.from_document(transcript.to_document())
    assert judge(sender, again, trust) == judged
    assert judged.reply is None or (judged.reply.isascii() and judged.reply.isprintable())
    if judged.verdict is Verdict.CLOSED:
        lock = {Name.RESTRICTED_CONNECTOR, Name.RESTRICTED_DIRECT_SEND}
        assert judged.name in lock
        assert judged.name == Name.RESTRICTED_CONNECTOR or sender is SenderClass.OWN
        assert any(text.startswith("5") for _, text in answers)
        assert any("5.7.51" in t or "5.7.68" in t or "Tenant" in t for _, t in answers)
    if judged.verdict is Verdict.OPEN:
        mail, rcpt = transcript.reply_to("mail"), transcript.reply_to("rcpt")
        assert mail is not None
        assert rcpt is not None
        assert mail.first_digit == rcpt.first_digit == 2
