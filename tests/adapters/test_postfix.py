"""The driver against a mail server that nobody here wrote: Debian's Postfix, on loopback."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mailposture.adapters import tls
from mailposture.adapters.smtp import Order, converse, converse_all
from mailposture.core.smtp.transcript import Ended, Who
from tests.postfix import MailServer, postfix
from tests.servers import until

pytestmark = pytest.mark.postfix

STRANGER, GATEWAY = "127.0.66.7", "127.0.10.10"
CLIENTS = f"{STRANGER}/32 550 5.7.51 TenantInboundAttribution; Rejecting\n"
BY_ADDRESS = "check_client_access cidr:{folder}/clients"


def order(server: MailServer, **changes: object) -> Order:
    said: dict[str, object] = {
        "address": server.address,
        "port": server.port,
        "host": "contoso-com.mail.protection.outlook.com",
        "ehlo": "probe.example",
        "mail_from": "postmaster@probe.example",
        "rcpt_to": "postmaster@contoso.example",
        "source": GATEWAY,
    }
    return Order(**{**said, **changes})  # type: ignore[arg-type] # each test names what it changes


@dataclass(frozen=True)
class World:
    """A Postfix that asks for certificates, and a client that has one."""

    server: MailServer
    certificate: Path
    trust: tls.Trust


def fingerprint(leaf: trustme.LeafCert) -> str:
    der = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes()).public_bytes(Encoding.DER)
    return ":".join(f"{byte:02X}" for byte in sha256(der).digest())


@pytest.fixture(scope="module")
def plain() -> Iterator[MailServer]:
    with postfix({"clients": CLIENTS}, smtpd_client_restrictions=BY_ADDRESS) as server:
        yield server


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder, authority = tmp_path_factory.mktemp("client"), trustme.CA()
    client = authority.issue_cert("mail.contoso.example")
    client.private_key_and_cert_chain_pem.write_to_path(str(folder / "client.pem"))
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    server = authority.issue_cert("*.mail.protection.outlook.com")
    files = {
        "clients": CLIENTS,
        "server.pem": server.private_key_and_cert_chain_pem.bytes().decode(),
        "ca.pem": authority.cert_pem.bytes().decode(),
        "known": f"{fingerprint(client)} contoso\n",
    }
    settings = {
        "smtpd_tls_security_level": "may",
        "smtpd_tls_chain_files": "{folder}/server.pem",
        "smtpd_tls_CAfile": "{folder}/ca.pem",
        "smtpd_tls_ask_ccert": "yes",
        "smtpd_tls_fingerprint_digest": "sha256",
        "relay_clientcerts": "texthash:{folder}/known",
        "smtpd_client_restrictions": f"permit_tls_clientcerts, {BY_ADDRESS}",
    }
    with postfix(files, **settings) as running:
        yield World(running, folder / "client.pem", tls.Trust(folder / "ca.pem"))


async def test_in_clear_it_is_let_in_from_an_address_that_nobody_refuses(plain: MailServer) -> None:
    found = await converse(order(plain))
    assert [(r.stage, r.code) for r in found.replies] == [
        ("connect", 220), ("ehlo", 250), ("mail", 250), ("rcpt", 250), ("quit", 221),
    ]  # fmt: skip
    assert (found.tls, found.ended, found.local) == (None, Ended.DONE, GATEWAY)
    assert found.hello_ip is None  # only Exchange says Hello [address]


async def test_a_refusal_by_address_comes_at_rcpt_in_its_own_words(plain: MailServer) -> None:
    found = await converse(order(plain, source=STRANGER))
    reply = found.reply_to("rcpt")
    assert reply is not None
    assert (reply.code, reply.enhanced) == (550, "5.7.51")
    assert "TenantInboundAttribution; Rejecting" in reply.text
    assert found.ended is Ended.DONE
    # It logs through a daemon of its own, a moment after it has answered.
    assert until(lambda: f"[{STRANGER}]: 550 5.7.51" in plain.log)


@pytest.mark.parametrize("sender", ["", "postmaster@contoso.example", "a@fabrikam.example"])
async def test_every_sender_class_can_be_asked(plain: MailServer, sender: str) -> None:
    found = await converse(order(plain, mail_from=sender))
    reply = found.reply_to("rcpt")
    assert reply is not None
    assert reply.code == 250


async def test_a_foreign_recipient_is_refused_as_relay(plain: MailServer) -> None:
    found = await converse(order(plain, rcpt_to="postmaster@fabrikam.example"))
    reply = found.reply_to("rcpt")
    assert reply is not None
    assert (reply.code, reply.enhanced) == (554, "5.7.1")
    assert "Relay access denied" in reply.text


async def test_starttls_is_taken_up_and_the_server_proves_its_name(world: World) -> None:
    found = await converse(order(world.server), trust=world.trust)
    assert found.tls is not None
    assert (found.tls.version, found.tls.verified) == ("TLSv1.3", True)
    assert found.tls.client_certificate == "asked for, none shown"
    sent = [line.data for line in found.lines if line.who is Who.CLIENT]
    assert [line[:4] for line in sent] == [b"EHLO", b"STAR", b"EHLO", b"MAIL", b"RCPT", b"QUIT"]
    assert found.ended is Ended.DONE


async def test_a_client_certificate_opens_what_the_address_does_not(world: World) -> None:
    stranger = order(world.server, source=STRANGER)
    known = order(world.server, source=STRANGER, certificate=world.certificate)
    refused, let_in = await converse_all([stranger, known], trust=world.trust)
    assert [t.tls.client_certificate for t in (refused, let_in) if t.tls] == [
        "asked for, none shown",
        "shown",
    ]
    codes = [r.code for t in (refused, let_in) if (r := t.reply_to("rcpt"))]
    assert codes == [550, 250]


async def test_many_conversations_at_once_are_all_answered(world: World) -> None:
    found = await converse_all([order(world.server)] * 30, at_once=10, trust=world.trust)
    assert [t.ended for t in found] == [Ended.DONE] * 30
    assert all(t.tls and t.tls.verified for t in found)


async def test_no_message_comes_of_it(plain: MailServer) -> None:
    await converse(order(plain))
    await converse(order(plain))  # by now the first one has left the log behind
    left = "disconnect from unknown[127.0.10.10] ehlo=1 mail=1 rcpt=1 quit=1"
    assert until(lambda: left in plain.log)
    assert "data=" not in plain.log
    assert "message-id=" not in plain.log
