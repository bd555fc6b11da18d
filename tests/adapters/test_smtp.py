"""The driver against a server that behaves: what is sent, from where, and what is found out."""

import asyncio
import datetime as dt
import re
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from mailposture.adapters import tls
from mailposture.adapters.smtp import Limits, Order, converse, converse_all, run, why_not
from mailposture.core.smtp.transcript import Ended, Transcript, Who
from tests.adapters.smtp_server import (
    LOCKED,
    ExchangeOnline,
    Peer,
    Server,
    server_context,
    serving,
)

DOOR = "contoso-com.mail.protection.outlook.com"
WILDCARD = "*.mail.protection.outlook.com"


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def trust(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> tls.Trust:
    path = tmp_path_factory.mktemp("trust") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return tls.Trust(path)


def order(server: Server, **changes: object) -> Order:
    said: dict[str, object] = {
        "address": server.address,
        "port": server.port,
        "host": DOOR,
        "ehlo": "probe.example",
        "mail_from": "postmaster@probe.example",
        "rcpt_to": "postmaster@contoso.com",
    }
    return Order(**{**said, **changes})  # type: ignore[arg-type] # each test names what it changes


def said(transcript: Transcript, who: Who) -> list[str]:
    return [line.data.decode().strip() for line in transcript.lines if line.who is who]


async def test_in_clear_the_envelope_is_tried_and_no_message_follows() -> None:
    async with serving(ExchangeOnline(replies={b"RCPT": LOCKED})) as server:
        found = await converse(order(server))
    assert server.heard == [
        b"EHLO probe.example\r\n",
        b"MAIL FROM:<postmaster@probe.example>\r\n",
        b"RCPT TO:<postmaster@contoso.com>\r\n",
        b"QUIT\r\n",
    ]
    assert [(r.stage, r.code) for r in found.replies] == [
        ("connect", 220), ("ehlo", 250), ("mail", 250), ("rcpt", 550), ("quit", 221),
    ]  # fmt: skip
    assert (found.tls, found.ended, found.hello_ip) == (None, Ended.DONE, "192.0.2.7")
    assert (found.address, found.port, found.local) == ("127.0.0.1", server.port, "127.0.0.1")


@pytest.mark.parametrize(("latest", "version"), [(True, "TLSv1.3"), (False, "TLSv1.2")])
async def test_starttls_is_taken_up_and_its_facts_are_kept(
    authority: trustme.CA, trust: tls.Trust, latest: bool, version: str
) -> None:
    context = server_context(authority, WILDCARD, "mail.protection.outlook.com", latest=latest)
    async with serving(ExchangeOnline(tls=context)) as server:
        found = await converse(order(server), trust=trust)
    assert found.tls is not None
    assert (found.tls.version, found.tls.verified, found.tls.error) == (version, True, "")
    assert found.tls.names == (WILDCARD, "mail.protection.outlook.com")
    assert found.tls.cipher
    assert "trustme" in found.tls.issuer
    assert len(found.tls.fingerprint_sha256) == 64
    assert dt.datetime.fromisoformat(found.tls.not_after).tzinfo is dt.UTC
    assert found.tls.client_certificate == "not asked for"
    assert [line[:4] for line in said(found, Who.CLIENT)] == [
        "EHLO", "STAR", "EHLO", "MAIL", "RCPT", "QUIT",
    ]  # fmt: skip
    assert found.ended is Ended.DONE


@pytest.mark.parametrize(
    ("host", "expected"),
    [(DOOR, DOOR), ("127.0.0.1", None), ("::1", None), ("", None)],
)
async def test_the_endpoint_is_named_in_the_handshake_where_it_has_a_name(
    authority: trustme.CA, host: str, expected: str | None
) -> None:
    asked: list[str | None] = []
    context = server_context(authority, WILDCARD)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    async with serving(ExchangeOnline(tls=context)) as server:
        found = await converse(order(server, host=host))
    assert asked == [expected]
    assert found.ended is Ended.DONE


@pytest.mark.parametrize(
    ("names", "error"),
    [
        (["mail.contoso.com"], "no Microsoft mail name"),
        (["mail.protection.outlook.com.contoso.com"], "no Microsoft mail name"),
        (["notmail.protection.outlook.com"], "no Microsoft mail name"),
        (["olc.protection.outlook.com"], "no Microsoft mail name"),
        (["contoso-com.o-v1.mx.microsoft"], ""),
        (["mail.contoso.com", WILDCARD], ""),
    ],
)
async def test_a_certificate_must_prove_a_microsoft_mail_name(
    authority: trustme.CA, trust: tls.Trust, names: list[str], error: str
) -> None:
    context = server_context(authority, *names)
    async with serving(ExchangeOnline(tls=context)) as server:
        found = await converse(order(server), trust=trust)
    assert found.tls is not None
    assert found.tls.verified is (error == "")
    assert found.tls.error.startswith(error)
    assert found.reply_to("rcpt") is not None


async def test_a_certificate_of_an_unknown_authority_is_recorded_as_not_verified(
    authority: trustme.CA,
) -> None:
    async with serving(ExchangeOnline(tls=server_context(authority, WILDCARD))) as server:
        found = await converse(order(server))
    assert found.tls is not None
    assert not found.tls.verified
    assert "issuer" in found.tls.error


async def test_a_certificate_that_has_run_out_is_not_verified(
    authority: trustme.CA, trust: tls.Trust
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    authority.issue_cert(
        WILDCARD, not_before=past, not_after=past.replace(year=2021)
    ).configure_cert(context)
    async with serving(ExchangeOnline(tls=context)) as server:
        found = await converse(order(server), trust=trust)
    assert found.tls is not None
    assert "expired" in found.tls.error


async def test_two_servers_with_one_certificate_are_judged_once(
    authority: trustme.CA, trust: tls.Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    usual = tls.Trust.error_of

    def counted(self: tls.Trust, *chain: Any) -> str:
        asked.append(chain)
        return usual(self, *chain)

    monkeypatch.setattr(tls.Trust, "error_of", counted)
    context = server_context(authority, WILDCARD)
    async with serving(ExchangeOnline(tls=context)) as server:
        found = await converse_all([order(server)] * 3, trust=trust)
    assert [t.tls.verified for t in found if t.tls] == [True] * 3
    assert len(asked) == 1


def asking(authority: trustme.CA, *, latest: bool, demand: bool) -> ssl.SSLContext:
    context = server_context(authority, WILDCARD, latest=latest)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED if demand else ssl.CERT_OPTIONAL
    return context


@pytest.mark.parametrize("latest", [True, False])
async def test_it_shows_its_certificate_where_it_has_one_and_is_asked(
    authority: trustme.CA, tmp_path: Path, latest: bool
) -> None:
    path = tmp_path / "mail.pem"
    authority.issue_cert("mail.contoso.com").private_key_and_cert_chain_pem.write_to_path(str(path))
    shown = []

    class Asking(ExchangeOnline):
        async def __call__(self, peer: Peer) -> None:
            try:
                await super().__call__(peer)
            finally:
                certificate = peer.writer.get_extra_info("ssl_object").getpeercert()
                shown.append(certificate["subjectAltName"] if certificate else None)

    context = asking(authority, latest=latest, demand=False)
    async with serving(Asking(tls=context)) as server:
        with_it = await converse(order(server, certificate=path))
        without = await converse(order(server))
    assert shown == [(("DNS", "mail.contoso.com"),), None]
    assert with_it.tls is not None
    assert without.tls is not None
    assert with_it.tls.client_certificate == "shown"
    assert without.tls.client_certificate == "asked for, none shown"


@pytest.mark.parametrize("latest", [True, False])
async def test_a_server_that_demands_a_certificate_breaks_off_and_is_tried_in_clear(
    authority: trustme.CA, latest: bool
) -> None:
    """In TLS 1.3 the refusal comes only with the first read after our own Finished."""
    context = asking(authority, latest=latest, demand=True)
    async with serving(ExchangeOnline(tls=context)) as server:
        found = await converse(order(server))
    assert found.tls is None
    assert found.ended is Ended.DONE
    notes = "\n".join(said(found, Who.NOTE))
    assert "TLS handshake broken" in notes
    assert "once more in clear" in notes
    assert len(server.peers) == 2
    assert found.reply_to("rcpt") is not None


async def test_a_certificate_that_cannot_be_used_is_said_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    async with serving(ExchangeOnline()) as server:
        for path in (empty, tmp_path / "missing.pem"):
            with pytest.raises(ValueError, match="no certificate with its key"):
                await converse(order(server, certificate=path))
            with pytest.raises(ValueError, match="no certificate with its key"):
                await converse_all([order(server), order(server, certificate=path)])
        with pytest.raises(ValueError, match="mail_from"):
            await converse(order(server, mail_from="a\r\nb"))
        for name in ("address", "source"):
            with pytest.raises(ValueError, match="localhost"):
                await converse(order(server, **{name: "localhost"}))
    assert server.peers == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"mail_from": ""}, None),
        ({"rcpt_to": ""}, "rcpt_to cannot be sent in an SMTP command: ''"),
        ({"rcpt_to": "postmaster@bücher.example"},
         "rcpt_to cannot be sent in an SMTP command: 'postmaster@b\\xfccher.example'"),
        ({"rcpt_to": f"postmaster@{'d' * 244}"}, "rcpt_to is longer than 254 characters: "),
        ({"ehlo": "two words"}, "ehlo cannot be sent in an SMTP command: 'two words'"),
        ({"address": "localhost"}, "'localhost' does not appear to be an IPv4 or IPv6 address"),
        ({"source": "1.2"}, "'1.2' does not appear to be an IPv4 or IPv6 address"),
        ({"port": 70_000}, "70000 is not a port"),
        ({"port": 0}, "0 is not a port"),
        ({"certificate": Path("secret-place/mail.pem")}, "mail.pem: no certificate with its key"),
    ],
)  # fmt: skip
async def test_why_an_order_cannot_be_carried_out_is_told_without_raising(
    changes: dict[str, object], reason: str | None
) -> None:
    async with serving(ExchangeOnline()) as server:
        asked = order(server, **changes)
        found = why_not(asked)
        if reason is None:
            assert found is None
            assert (await converse(asked)).ended is Ended.DONE
            return
        assert found is not None
        assert found.startswith(reason)
        assert "secret-place" not in found
        with pytest.raises(ValueError, match=re.escape(reason)):
            await converse_all([order(server), asked])
    assert server.peers == []


async def test_it_connects_from_the_source_it_is_given() -> None:
    async with serving(ExchangeOnline()) as server:
        found = await converse(order(server, source="127.0.66.7"))
        assert server.peers[0].source == "127.0.66.7"
    assert found.local == "127.0.66.7"


async def test_many_at_once_come_back_in_order_and_never_more_than_asked_for() -> None:
    now, most = 0, 0

    class Counting(ExchangeOnline):
        async def __call__(self, peer: Peer) -> None:
            nonlocal now, most
            now, most = now + 1, max(most, now + 1)
            try:
                await super().__call__(peer)
            finally:
                now -= 1

    async with serving(Counting()) as server:
        orders = [order(server, mail_from=f"a{i}@probe.example") for i in range(40)]
        found = await converse_all(orders, at_once=8)
    assert [said(t, Who.CLIENT)[1] for t in found] == [
        f"MAIL FROM:<a{i}@probe.example>" for i in range(40)
    ]
    assert 1 < most <= 9  # the server sees an old one out while the next comes in


async def test_no_orders_give_no_transcripts() -> None:
    assert await converse_all([]) == []


async def test_a_conversation_that_is_cancelled_leaves_no_connection() -> None:
    met, gone = asyncio.Event(), asyncio.Event()

    async def silent(peer: Peer) -> None:
        met.set()
        try:
            await peer.silence()
        finally:
            gone.set()

    async with serving(silent) as server:
        task = asyncio.create_task(converse(order(server)))
        await met.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(gone.wait(), 5)


def test_synchronous_code_runs_it_on_a_fast_loop() -> None:
    async def both() -> tuple[str, Transcript]:
        async with serving(ExchangeOnline()) as server:
            loop = type(asyncio.get_running_loop()).__module__
            return loop, await converse(order(server, source="127.0.0.9"), Limits(session=20.0))

    loop, found = run(both())
    assert loop.startswith("uvloop")
    assert (found.ended, found.local) == (Ended.DONE, "127.0.0.9")
