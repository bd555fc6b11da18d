"""Front ends on real sockets: who gets in, over which TLS, and every way to fail."""

import smtplib
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from mailposture.lab.frontend import NoPortError, bind_all, bind_everywhere
from tests.lab.hosts import FRONT, STRANGER, Stage, said

IN = "250 2.1.5 Recipient OK"
OUT = "550 5.7.51 TenantInboundAttribution; There is a partner connector configured"


@pytest.mark.parametrize(
    ("tenant", "source", "certificate", "answer"),
    [
        ("contoso", STRANGER, None, IN),
        ("contoso", "127.0.10.10", None, IN),
        ("contoso", "127.0.10.25", "contoso-hybrid.pem", IN),
        ("fabrikam", STRANGER, None, OUT),
        ("fabrikam", STRANGER, "untrusted.pem", OUT),
        # Another tenant's certificate makes it that tenant's mail on its way out.
        ("fabrikam", STRANGER, "contoso-hybrid.pem", IN),
        ("fabrikam", "127.0.11.10", None, IN),
        ("fabrikam", "127.0.11.25", None, OUT),
        ("fabrikam", "127.0.11.25", "fabrikam-hybrid.pem", IN),
        ("tailspin", STRANGER, None, IN),
        ("proseware", STRANGER, None, OUT),
        ("proseware", "127.0.13.10", None, IN),
    ],
)
def test_every_host_is_let_in_or_kept_out_as_the_story_says(
    stage: Stage, tenant: str, source: str, certificate: str | None, answer: str
) -> None:
    for sender in ("a@probe.example", f"postmaster@{tenant}.com", ""):
        assert stage.try_delivery(tenant, source, sender, certificate).startswith(answer)


def test_both_front_ends_of_a_tenant_answer_and_bear_other_names(stage: Stage) -> None:
    first, second = (front["address"] for front in stage.state("contoso")["front_ends"])
    with stage.connect(first) as one, stage.connect(second) as other:
        assert one.ehlo_resp is not None
        assert other.ehlo_resp is not None
        assert one.ehlo_resp.split()[0] != other.ehlo_resp.split()[0]


def test_any_front_end_answers_for_any_tenant(stage: Stage) -> None:
    with stage.secure(FRONT["contoso"]) as host:
        host.mail("a@probe.example")
        assert said(host.rcpt("postmaster@fabrikam.com")).startswith(OUT)


@pytest.mark.parametrize(
    ("version", "name"),
    [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")],
)
@pytest.mark.parametrize("certificate", [None, "fabrikam-hybrid.pem", "untrusted.pem"])
def test_both_tls_versions_take_any_client_certificate(
    stage: Stage, version: ssl.TLSVersion, name: str, certificate: str | None
) -> None:
    context = stage.trust(certificate)
    context.minimum_version = context.maximum_version = version
    with stage.connect(FRONT["fabrikam"]) as host:
        host._host = "fabrikam-com.mail.protection.outlook.com"  # type: ignore[attr-defined]
        host.starttls(context=context)
        host.ehlo()
        assert isinstance(host.sock, ssl.SSLSocket)
        assert host.sock.version() == name
        host.mail("a@probe.example")
        proved = certificate == "fabrikam-hybrid.pem"
        answer = said(host.rcpt("postmaster@fabrikam.com"))
        assert answer.startswith(IN if proved else OUT)


def test_a_certificate_that_nobody_signed_is_taken_and_proves_nothing(
    stage: Stage, tmp_path: Path
) -> None:
    alone = trustme.CA()
    pem = tmp_path / "alone.pem"
    pem.write_bytes(alone.private_key_pem.bytes() + alone.cert_pem.bytes())
    context = stage.trust()
    context.load_cert_chain(pem)
    with stage.connect(FRONT["fabrikam"], "127.0.11.25") as host:
        host._host = "mail.protection.outlook.com"  # type: ignore[attr-defined]
        host.starttls(context=context)
        host.ehlo()
        host.mail("a@probe.example")
        assert said(host.rcpt("postmaster@fabrikam.com")).startswith(OUT)


def test_the_certificate_names_the_service_and_the_address(stage: Stage) -> None:
    for name in ("contoso-com.mail.protection.outlook.com", FRONT["contoso"]):
        with stage.connect(FRONT["contoso"]) as host:
            host._host = name  # type: ignore[attr-defined]
            assert host.starttls(context=stage.trust())[0] == 220


def test_clear_text_is_taken_where_nobody_demands_tls(stage: Stage) -> None:
    with stage.connect(FRONT["contoso"]) as host:
        host.mail("a@probe.example")
        assert said(host.rcpt("postmaster@contoso.com")) == IN


def test_a_message_is_taken_and_confirmed(stage: Stage) -> None:
    with stage.secure(FRONT["contoso"]) as host:
        host.mail("a@probe.example")
        host.rcpt("postmaster@contoso.com")
        body = b"Subject: hello\r\n\r\n" + b"." * 10000 + b"\r\n..\r\nend"
        assert said(host.data(body)).startswith("250 2.6.0 <")
        assert host.mail("a@probe.example")[0] == 250


def raw(stage: Stage, front: str) -> socket.socket:
    address = (front, stage.facts["smtp_port"])
    return socket.create_connection(address, timeout=20, source_address=(STRANGER, 0))


def read_all(wire: socket.socket) -> bytes:
    with wire.makefile("rb") as file:
        return file.read()


def test_pipelined_commands_are_answered_in_order(stage: Stage) -> None:
    with raw(stage, FRONT["fabrikam"]) as wire:
        wire.sendall(
            b"EHLO probe.example\r\nMAIL FROM:<>\r\nRCPT TO:<postmaster@fabrikam.com>\r\n"
            b"RSET\r\nNOOP\r\nQUIT\r\n"
        )
        codes = [line[:9] for line in read_all(wire).split(b"\r\n") if line[3:4] == b" "]
    assert codes[0].startswith(b"220 AM3P")
    assert codes[2:] == [b"250 2.1.0", b"550 5.7.5", b"250 2.0.0", b"250 2.0.0", b"221 2.0.0"]


def test_a_chunked_message_is_skipped_before_it_is_confirmed(stage: Stage) -> None:
    with raw(stage, FRONT["contoso"]) as wire:
        wire.sendall(
            b"EHLO probe.example\r\nMAIL FROM:<>\r\nRCPT TO:<info@contoso.com>\r\n"
            b"BDAT 6\r\nQUIT\r\nBDAT 4 LAST\r\nab\r\nQUIT\r\n"
        )
        lines = read_all(wire).split(b"\r\n")
    assert b"250 2.6.0 CHUNK received OK, 6 octets" in lines
    assert lines[-2].startswith(b"221")


def test_commands_sent_ahead_of_the_handshake_are_forgotten(stage: Stage) -> None:
    with raw(stage, FRONT["contoso"]) as wire:
        file = wire.makefile("rb")
        file.readline()
        wire.sendall(b"STARTTLS\r\nMAIL FROM:<injected@probe.example>\r\n")
        assert file.readline().startswith(b"220")
        context = stage.trust()
        with context.wrap_socket(wire, server_hostname="mail.protection.outlook.com") as safe:
            safe.sendall(b"EHLO probe.example\r\nRCPT TO:<postmaster@contoso.com>\r\nQUIT\r\n")
            assert b"503 5.5.2 Need mail command" in read_all(safe)


def test_a_line_without_end_is_refused(stage: Stage) -> None:
    with raw(stage, FRONT["contoso"]) as wire:
        wire.sendall(b"X" * 5000 + b"\r\nQUIT\r\n")
        assert b"500 5.3.3 Line too long" in read_all(wire)


def test_a_silent_front_end_says_nothing(stage: Stage) -> None:
    assert "says nothing" in stage.fault("contoso", "silent", front_end=FRONT["contoso"])
    with raw(stage, FRONT["contoso"]) as wire:
        wire.settimeout(0.3)
        with pytest.raises(TimeoutError):
            wire.recv(1)
    with stage.connect("127.0.10.21") as other:
        assert other.noop()[0] == 250


def test_a_tarpit_gives_one_byte_a_second(stage: Stage) -> None:
    stage.fault("contoso", "tarpit")
    with raw(stage, FRONT["contoso"]) as wire:
        assert wire.recv(100) == b"2"


def test_a_reset_is_a_reset(stage: Stage) -> None:
    stage.fault("contoso", "reset")
    with pytest.raises(ConnectionResetError), raw(stage, FRONT["contoso"]) as wire:
        wire.recv(1)


def test_a_delay_holds_every_reply_back(stage: Stage) -> None:
    stage.fault("contoso", "delay", milliseconds=400)
    with raw(stage, FRONT["contoso"]) as wire:
        wire.settimeout(0.15)
        with pytest.raises(TimeoutError):
            wire.recv(1)
        wire.settimeout(20)
        assert wire.recv(3) == b"220"


@pytest.mark.parametrize(
    ("fault", "does"),
    [
        ("refuse-tls", lambda host, trust: host.starttls(context=trust)),
        ("break-tls", lambda host, trust: host.starttls(context=trust)),
        ("no-starttls", lambda host, trust: host.starttls(context=trust)),
    ],
)
def test_tls_can_fail_in_three_ways_and_clear_text_still_goes(
    stage: Stage, fault: str, does: Callable[[smtplib.SMTP, ssl.SSLContext], None]
) -> None:
    stage.fault("contoso", fault)
    with stage.connect(FRONT["contoso"]) as host:
        assert host.has_extn("starttls") is (fault != "no-starttls")
        with pytest.raises((smtplib.SMTPException, ssl.SSLError)):
            does(host, stage.trust())
        host.close()
    with stage.connect(FRONT["contoso"]) as host:
        host.mail("a@probe.example")
        assert said(host.rcpt("postmaster@contoso.com")) == IN


@pytest.mark.parametrize(
    ("fault", "begins"), [("reputation", "550 5.7.606"), ("throttle", "451 4")]
)
def test_a_front_end_can_dislike_the_client(stage: Stage, fault: str, begins: str) -> None:
    stage.fault("fabrikam", fault)
    assert stage.try_delivery("fabrikam", STRANGER, "a@probe.example").startswith(begins)
    stage.fault("fabrikam", "none")
    assert stage.try_delivery("fabrikam", STRANGER, "a@probe.example").startswith(OUT)


def test_a_port_is_chosen_that_is_free_on_every_address() -> None:
    with socket.create_server(("127.0.77.2", 0)) as taken:
        busy = taken.getsockname()[1]
        assert bind_all(["127.0.77.1", "127.0.77.2"], busy) == {}
        held = bind_everywhere(["127.0.77.1", "127.0.77.2"], busy)
    ports = {each.getsockname()[1] for each in held.values()}
    for each in held.values():
        each.close()
    assert len(ports) == 1
    assert ports != {busy}


def test_without_any_free_port_it_says_so() -> None:
    with pytest.raises(NoPortError, match="no port from 2525 to 2724 is free"):
        bind_everywhere(["203.0.113.1"], None)
