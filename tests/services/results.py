"""What a vantage point reports, made by hand: conversations that end with a given answer."""

from typing import Any

from mailposture.core.smtp.reply import parse
from mailposture.core.smtp.transcript import TlsFacts, Transcript
from mailposture.core.work import Answer, Envelope, Result, Try

BANNER = b"220 AMS0EPF0000019A.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready\r\n"
HELLO = b"250 AMS0EPF0000019A.mail.protection.outlook.com Hello [198.51.100.7]\r\n"
TAKEN = b"250 2.1.5 Recipient OK\r\n"
LOCKED = b"550 5.7.51 TenantInboundAttribution; Rejecting [X.prod.outlook.com %d 08DE2A60]\r\n"
BUSY = b"451 4.7.500 Server busy\r\n"
CLOSED = LOCKED % 1


def transcript(rcpt: bytes, address: str = "192.0.2.20") -> dict[str, Any]:
    """A conversation over verified TLS that ends with this answer to RCPT."""
    said = (("connect", BANNER), ("ehlo", HELLO), ("mail", b"250 2.1.0 Sender OK\r\n"))
    replies = tuple(
        parse(raw, stage, float(ms)) for ms, (stage, raw) in enumerate((*said, ("rcpt", rcpt)))
    )
    tls = TlsFacts(
        version="TLSv1.3",
        cipher="TLS_AES_256_GCM_SHA384",
        names=("mail.protection.outlook.com",),
        verified=True,
    )
    return Transcript(
        address=address, port=25, replies=replies, tls=tls, hello_ip="198.51.100.7"
    ).to_document()


def result(order: Envelope, rcpt: bytes, **changes: Any) -> Result:
    """What the place reports: the same answer on two front ends of every path."""
    tries = tuple(
        Try(
            host="contoso-com.mail.protection.outlook.com",
            address=a,
            transcript=transcript(rcpt, a),
        )
        for a in ("192.0.2.20", "192.0.2.21")
    )
    given: dict[str, Any] = {
        "vantage_point": order.vantage_point,
        "shard": order.shard,
        "attempt": order.attempt,
        "nonce": order.nonce,
        "began": order.issued,
        "ended": order.issued,
        "answers": tuple(Answer(path=t.path, front_ends=2, tries=tries) for t in order.targets),
    }
    return Result(**{**given, **changes})
