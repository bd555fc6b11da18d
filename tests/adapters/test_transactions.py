"""Whether several transactions in one session are answered as each would be in its own.

They are not: a server that counts errors ends a session whose first senders it refused. So every
path has a session of its own (docs/decisions/0020).
"""

import smtplib
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from mailposture.adapters.smtp import Order, converse_all, run
from tests.postfix import MailServer, postfix

pytestmark = pytest.mark.postfix

STRANGER, GATEWAY = "127.0.66.7", "127.0.10.10"
CLIENTS = f"{STRANGER}/32 550 5.7.51 TenantInboundAttribution; Rejecting\n"
RECIPIENT = "postmaster@contoso.example"
SENDERS = tuple(f"postmaster@p{n}.example" for n in range(30))


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with postfix(
        {"clients": CLIENTS},
        smtpd_client_restrictions="check_client_access cidr:{folder}/clients",
        smtpd_error_sleep_time="0",  # it hangs up all the same, only sooner
    ) as found:
        yield found


def in_one_session(server: MailServer, source: str, senders: Sequence[str]) -> Counter[str]:
    """One connection, RSET between the transactions."""
    said: Counter[str] = Counter()
    with smtplib.SMTP(server.address, server.port, source_address=(source, 0), timeout=20) as one:
        one.ehlo("probe.example")
        for sender in senders:
            try:
                one.mail(sender)
                said[str(one.rcpt(RECIPIENT)[0])] += 1
                one.rset()
            except smtplib.SMTPServerDisconnected:
                said["hung up"] += 1
    return said


def in_their_own(server: MailServer, source: str, senders: Sequence[str]) -> Counter[str]:
    """As the product asks: a connection for each."""
    orders = [
        Order(
            address=server.address,
            port=server.port,
            host="contoso-com.mail.protection.outlook.com",
            ehlo="probe.example",
            mail_from=sender,
            rcpt_to=RECIPIENT,
            source=source,
        )
        for sender in senders
    ]
    replies = (heard.reply_to("rcpt") for heard in run(converse_all(orders, at_once=4)))
    return Counter(str(reply.code) if reply else "hung up" for reply in replies)


def test_refusals_add_up_in_one_session_and_not_over_several(server: MailServer) -> None:
    assert in_their_own(server, STRANGER, SENDERS) == {"550": 30}
    assert in_one_session(server, STRANGER, SENDERS) == {"550": 20, "hung up": 10}


def test_what_is_taken_is_taken_either_way(server: MailServer) -> None:
    assert in_their_own(server, GATEWAY, SENDERS) == {"250": 30}
    assert in_one_session(server, GATEWAY, SENDERS) == {"250": 30}
