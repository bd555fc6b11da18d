"""TLS gone wrong half-way, and certificates that are not what they should be."""

import datetime as dt
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mailposture.adapters.smtp import Limits, Order, converse
from mailposture.adapters.tls import Shake, Trust, judge
from mailposture.core.smtp.transcript import MOST_CERTIFICATES, Ended, TlsFacts, Transcript, Who
from tests.adapters.smtp_server import (
    BANNER,
    LOCKED,
    ExchangeOnline,
    Peer,
    Server,
    Tls,
    server_context,
    serving,
)

QUICK = Limits(reply=2.0, quit=0.5, session=10.0)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def order(server: Server) -> Order:
    return Order(
        address=server.address,
        port=server.port,
        host="contoso-com.mail.protection.outlook.com",
        ehlo="probe.example",
        mail_from="",
        rcpt_to="postmaster@contoso.com",
    )


def notes(transcript: Transcript) -> str:
    return "\n".join(line.data.decode() for line in transcript.lines if line.who is Who.NOTE)


async def up_to_starttls(peer: Peer) -> None:
    await peer.say(BANNER)
    await peer.hear()
    await peer.say(b"250-x\r\n250 STARTTLS\r\n")
    await peer.hear()
    await peer.say(b"220 go\r\n")


VERSIONS = pytest.mark.parametrize("latest", [True, False], ids=["TLS 1.3", "TLS 1.2"])


async def answered(context: ssl.SSLContext, certificate: Path | None = None) -> Transcript:
    """What is said with a server whose handshake ends in an alert, and then with it in clear."""

    async def demanding(peer: Peer) -> None:
        await up_to_starttls(peer)
        tls = await peer.shake_by_hand(context)
        await tls.hear()

    async with serving(demanding, ExchangeOnline(replies={b"RCPT": LOCKED})) as server:
        return await converse(replace(order(server), certificate=certificate), QUICK)


def demanding(authority: trustme.CA, *, latest: bool) -> ssl.SSLContext:
    context = server_context(authority, "x.example", latest=latest)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def written(issued: trustme.LeafCert, folder: Path) -> Path:
    file = folder / "client.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(str(file))
    return file


@VERSIONS
async def test_a_server_that_requires_a_certificate_is_told_from_one_that_asks(
    authority: trustme.CA, latest: bool
) -> None:
    """TLS 1.3 says so when our Finished and EHLO are on their way (RFC 8446, 4.4.2.4), TLS 1.2
    by handshake_failure (RFC 5246, 7.4.6).
    """
    found = await answered(demanding(authority, latest=latest))
    assert found.client_certificate == "required, none shown"
    assert "client certificate required, none shown" in notes(found)
    assert "ended: TLS handshake broken" in notes(found)
    assert "alert" in notes(found)
    assert found.clear_because == "The server requires a client certificate, and none was shown."
    assert found.tls is None
    reply = found.reply_to("rcpt")
    assert reply is not None
    assert reply.code == 550


def too_old(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert(
        "mail.contoso.com", not_after=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    )


@VERSIONS
@pytest.mark.parametrize(
    ("issue", "alert"),
    [
        (lambda _: trustme.CA().issue_cert("mail.contoso.com"), "unknown ca"),
        (too_old, "certificate expired"),
    ],
    ids=["of an authority it does not know", "expired"],
)
async def test_a_certificate_that_is_shown_and_refused_is_no_missing_one(
    authority: trustme.CA,
    tmp_path: Path,
    latest: bool,
    issue: Callable[[trustme.CA], trustme.LeafCert],
    alert: str,
) -> None:
    file = written(issue(authority), tmp_path)
    found = await answered(demanding(authority, latest=latest), file)
    assert found.client_certificate == "shown and refused"
    assert alert in notes(found)
    assert found.clear_because == "The server refused the client certificate that was shown."
    assert Transcript.from_document(found.to_document()) == found


@VERSIONS
async def test_a_server_that_hangs_up_without_an_alert_has_refused_nothing(
    authority: trustme.CA, tmp_path: Path, latest: bool
) -> None:
    context = server_context(authority, "x.example", latest=latest)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL

    async def hangs_up(peer: Peer) -> None:
        await up_to_starttls(peer)
        with suppress(ConnectionResetError):
            await peer.shake_by_hand(context)
        peer.writer.close()

    file = written(authority.issue_cert("mail.contoso.com"), tmp_path)
    async with serving(hangs_up, ExchangeOnline(replies={b"RCPT": LOCKED})) as server:
        found = await converse(replace(order(server), certificate=file), QUICK)
    assert found.client_certificate == "shown"
    assert found.clear_because == "The TLS handshake came to nothing."


async def test_an_alert_of_another_matter_says_nothing_of_a_certificate(
    authority: trustme.CA,
) -> None:
    """handshake_failure where no certificate was asked for: its key fits none of its ciphers."""
    context = server_context(authority, "x.example", latest=False)
    context.set_ciphers("AES128-SHA256")
    found = await answered(context)
    assert "handshake failure" in notes(found)
    assert found.client_certificate == "not asked for"
    assert found.clear_because == "The TLS handshake came to nothing."


@VERSIONS
async def test_the_whole_chain_is_kept_with_its_validity(
    authority: trustme.CA, latest: bool
) -> None:
    between = authority.create_child_ca()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if not latest:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    between.issue_cert("mail.protection.outlook.com").configure_cert(context)
    async with serving(ExchangeOnline(tls=context)) as server:
        found = await converse(order(server), QUICK)
    assert found.tls is not None
    leaf, (above,) = found.tls, found.tls.above
    issuer = x509.load_pem_x509_certificate(between.cert_pem.bytes())
    assert leaf.issuer == above.subject == issuer.subject.rfc4514_string()
    assert above.issuer == issuer.issuer.rfc4514_string()
    assert above.fingerprint_sha256 == issuer.fingerprint(hashes.SHA256()).hex()
    assert above.not_before == issuer.not_valid_before_utc.isoformat()
    assert above.not_after == issuer.not_valid_after_utc.isoformat()
    assert leaf.not_before < leaf.not_after
    assert leaf.group.lower() == "x25519"
    assert Transcript.from_document(found.to_document()) == found


def test_a_chain_without_end_is_cut(tmp_path: Path) -> None:
    leaf = certificate(MICROSOFT)
    path = tmp_path / "trusted.pem"
    path.write_bytes(leaf.public_bytes(Encoding.PEM))
    found = judge((leaf.public_bytes(Encoding.DER),) * 40, Trust(path), SHAKE, 0)
    assert len(found.above) == MOST_CERTIFICATES - 1


async def test_a_server_that_knows_no_version_of_ours_is_tried_in_clear(
    authority: trustme.CA,
) -> None:
    context = server_context(authority, "x.example")
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1

    async def outdated(peer: Peer) -> None:
        await up_to_starttls(peer)
        await peer.shake_by_hand(context)

    async with serving(outdated, ExchangeOnline()) as server:
        found = await converse(order(server), QUICK)
    assert "TLS handshake broken" in notes(found)
    assert "version" in notes(found)
    assert found.ended is Ended.DONE


async def garbage(tls: Tls) -> None:
    await tls.peer.say(b"\x00no record at all" * 4)


async def good_bye(tls: Tls) -> None:
    await tls.end()


async def words_and_garbage(tls: Tls) -> None:
    await tls.say(b"250 2.1.0 half an ans")
    await tls.peer.say(b"\x00no record at all" * 4)


@pytest.mark.parametrize(
    ("fault", "ended"),
    [
        (garbage, Ended.TLS_ERROR),
        (good_bye, Ended.CLOSED),
        (words_and_garbage, Ended.TLS_ERROR),
    ],
)
async def test_a_channel_that_breaks_in_mid_conversation_is_not_tried_in_clear(
    authority: trustme.CA, fault: Callable[[Tls], Awaitable[None]], ended: Ended
) -> None:
    context = server_context(authority, "x.example")

    async def breaking(peer: Peer) -> None:
        await up_to_starttls(peer)
        tls = await peer.shake_by_hand(context)
        await tls.hear()
        await tls.say(b"250 x\r\n")
        await tls.hear()
        await fault(tls)
        await peer.silence()

    async with serving(breaking) as server:
        found = await converse(order(server), QUICK)
    assert found.ended is ended
    assert found.tls is not None
    assert len(server.peers) == 1


async def test_finished_and_ehlo_leave_in_one_go(authority: trustme.CA) -> None:
    """RFC 8446 lets the client speak right behind its Finished: it saves a round trip."""
    context = server_context(authority, "x.example")
    flights: list[bytes] = []

    async def counting(peer: Peer) -> None:
        await up_to_starttls(peer)
        tls = await peer.shake_by_hand(context)
        flights.append(await tls.hear())
        assert tls.incoming.pending == 0

    async with serving(counting) as server:
        await converse(order(server), QUICK)
    assert flights == [b"EHLO probe.example\r\n"]


SHAKE = Shake("TLSv1.3", "TLS_AES_256_GCM_SHA384", "not asked for")


def certificate(*extensions: x509.ExtensionType) -> x509.Certificate:
    """A certificate of its own authority, with nothing in it but these."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.protection.outlook.com")])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(start.replace(year=2126))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256())


def judged(leaf: x509.Certificate, folder: Path) -> TlsFacts:
    path = folder / "trusted.pem"
    path.write_bytes(leaf.public_bytes(Encoding.PEM))
    return judge((leaf.public_bytes(Encoding.DER),), Trust(path), SHAKE, 0)


MICROSOFT = x509.SubjectAlternativeName([x509.DNSName("*.Mail.Protection.Outlook.com")])


@pytest.mark.parametrize(
    ("extensions", "error"),
    [
        ((MICROSOFT,), ""),
        ((MICROSOFT, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])), ""),
        (
            (MICROSOFT, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])),
            "not a server's certificate",
        ),
        ((), "no Microsoft mail name in the certificate"),
    ],
)
def test_names_and_usage_decide_once_the_chain_is_good(
    tmp_path: Path, extensions: tuple[x509.ExtensionType, ...], error: str
) -> None:
    found = judged(certificate(*extensions), tmp_path)
    assert (found.error, found.verified) == (error, error == "")
    assert found.version == "TLSv1.3"


@pytest.mark.parametrize("sent", [(), (b"no certificate",)])
def test_what_cannot_be_read_is_an_error_and_no_exception(sent: tuple[bytes, ...]) -> None:
    found = judge(sent, Trust(), SHAKE, 0)
    assert not found.verified
    assert "certificate" in found.error


def test_foreign_words_in_a_certificate_are_made_safe(tmp_path: Path) -> None:
    odd = x509.SubjectAlternativeName([x509.DNSName("\x1b[2J.mail.protection.outlook.com")])
    found = judged(certificate(odd), tmp_path)
    assert found.names == ("\\x1b[2j.mail.protection.outlook.com",)
