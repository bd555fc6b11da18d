"""Drive a session by hand: turns of bytes in, commands out, a clock that stands still."""

from collections.abc import Iterable, Sequence

from mailposture.core.smtp.session import Limits, Plan, Session, Want
from mailposture.core.smtp.transcript import TlsFacts, Transcript, Who

PLAN = Plan(ehlo="probe.example", mail_from="a@fabrikam.example", rcpt_to="b@contoso.example")
CLEAR = Plan(
    ehlo="probe.example",
    mail_from="a@fabrikam.example",
    rcpt_to="b@contoso.example",
    starttls=False,
)
FACTS = TlsFacts(version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", verified=True)

BANNER = b"220 fe.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready\r\n"
PLAIN_EHLO = b"250-fe Hello [192.0.2.7]\r\n250 SIZE 1000\r\n"
PIPELINING = b"250-fe Hello [192.0.2.7]\r\n250-PIPELINING\r\n250 SIZE 1000\r\n"
STARTTLS = b"250-fe Hello [192.0.2.7]\r\n250-STARTTLS\r\n250 PIPELINING\r\n"
READY = b"220 2.0.0 ready\r\n"
OK = b"250 2.1.0 OK\r\n"
BYE = b"221 2.0.0 bye\r\n"
LOCKED = b"550 5.7.51 TenantInboundAttribution; Rejecting\r\n"


def new(plan: Plan = CLEAR, limits: Limits | None = None) -> Session:
    session = Session(plan, limits or Limits(), address="192.0.2.1", port=25)
    session.connected("192.0.2.7", 0.0)
    return session


def talk(session: Session, turns: Iterable[Sequence[bytes]]) -> Transcript:
    """Give the server's turns, each in its pieces; what we want in between is done at once."""
    for pieces in turns:
        for piece in pieces:
            session.receive(piece, 0.0) if piece else None
        serve(session)
    session.receive(b"", 0.0)
    return session.transcript()


def serve(session: Session) -> list[bytes]:
    """Do what the session wants until it wants to hear or to close; return what it sent."""
    sent = []
    while session.want in {Want.SEND, Want.TLS}:
        if session.want is Want.TLS:
            session.tls_starting(0.0)
            session.tls_started(FACTS, 0.0)
        else:
            sent.append(session.outgoing(0.0))
    return sent


def conversation(*turns: bytes, plan: Plan = CLEAR, limits: Limits | None = None) -> Transcript:
    return talk(new(plan, limits), [[turn] for turn in turns])


def commands(transcript: Transcript) -> list[str]:
    return [line.data.decode().strip() for line in transcript.lines if line.who is Who.CLIENT]


def notes(transcript: Transcript) -> str:
    return "\n".join(line.data.decode() for line in transcript.lines if line.who is Who.NOTE)


def heard(transcript: Transcript) -> bytes:
    return b"".join(line.data for line in transcript.lines if line.who is Who.SERVER)
