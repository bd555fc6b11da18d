"""Probes of mail servers that nobody here wrote: every policy of theirs has the right verdict.

Debian's Postfix and Exim, two programs with two TLS libraries, each asked the whole table of
tests/policies.py: as a vantage point asks (adapters/shards), and by the command that people run.
"""

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mailposture.adapters import shards
from mailposture.adapters.smtp import Limits, Order, converse
from mailposture.core.smtp.transcript import Transcript
from mailposture.core.verdict import Judgement, SenderClass, Trust, judge
from mailposture.core.work import Envelope, Target
from tests import policies
from tests.adapters.dns_server import name_server
from tests.exim import exim
from tests.policies import CASES, CONNECTOR, GREETED, KNOWN, LOCKED, OPEN, SECRET, Case, Proves
from tests.postfix import MailServer, postfix

pytestmark = pytest.mark.postfix

MANAGE = Path(__file__).parents[2] / "manage.py"
DOOR = "mx.contoso.example"
ANY = Trust(lab=True, any_server=True)
SENDERS = {
    "foreign": "postmaster@probe.example",
    "own": "postmaster@contoso.example",
    "null": "",
}


@dataclass(frozen=True)
class Papers:
    """An authority, the server's certificate, and two clients' of which one is known."""

    files: Mapping[str, str]
    known: Path
    other: Path


@dataclass(frozen=True)
class Servers:
    """One program with the table's policies; one that refuses some before it greets them; and one
    that talks in TLS alone, with whoever shows a certificate.
    """

    policies: MailServer
    greets: MailServer
    demands: MailServer
    papers: Papers


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    folder, authority = tmp_path_factory.mktemp("papers"), trustme.CA()
    clients = []
    for name in ("mail.contoso.example", "mail.fabrikam.example"):
        clients.append(folder / f"{name}.pem")
        issued = authority.issue_cert(name, common_name=name)
        issued.private_key_and_cert_chain_pem.write_to_path(str(clients[-1]))
    leaf = x509.load_pem_x509_certificate(clients[0].read_bytes()).public_bytes(Encoding.DER)
    server = authority.issue_cert(DOOR).private_key_and_cert_chain_pem.bytes().decode()
    files = {
        "server.pem": server,
        "ca.pem": authority.cert_pem.bytes().decode(),
        "known": f"{':'.join(f'{byte:02X}' for byte in sha256(leaf).digest())} contoso\n",
        "locked": f"0.0.0.0/0 {CONNECTOR}\n",
        "own": f"contoso.example {policies.DIRECT_SEND}\n",
        "null": f"<> {policies.NO_NULL}\n",
        "mailboxes": "postmaster@contoso.example here\n",
    }
    return Papers(files, clients[0], clients[1])


CLASSES = f"""\
{policies.TARPIT} tarpit
{policies.OWN_SENDER} own_sender
{policies.NULL_SENDER} null_sender
{SECRET} secret
{KNOWN} certified
"""
POSTFIX_TLS = {
    "smtpd_tls_security_level": "may",
    "smtpd_tls_chain_files": "{folder}/server.pem",
    "smtpd_tls_CAfile": "{folder}/ca.pem",
    "smtpd_tls_ask_ccert": "yes",
    "smtpd_tls_fingerprint_digest": "sha256",
    "relay_clientcerts": "texthash:{folder}/known",
}
POSTFIX = POSTFIX_TLS | {
    "local_recipient_maps": "texthash:{folder}/mailboxes",
    "smtpd_restriction_classes": "tarpit, own_sender, null_sender, secret, certified",
    "tarpit": "sleep 1",
    "own_sender": "check_sender_access texthash:{folder}/own",
    "null_sender": "check_sender_access texthash:{folder}/null",
    "secret": "reject_plaintext_session",
    "certified": "permit_tls_clientcerts, check_client_access cidr:{folder}/locked",
    "smtpd_client_restrictions": (
        "check_client_access cidr:{folder}/refused, check_client_access cidr:{folder}/classes"
    ),
}
POSTFIX_GREETS = {
    "smtpd_delay_reject": "no",
    "smtpd_client_restrictions": "check_client_access cidr:{folder}/greeted",
}
POSTFIX_DEMANDS = POSTFIX_TLS | {
    "smtpd_tls_security_level": "encrypt",
    "smtpd_tls_req_ccert": "yes",
}

EXIM = f"""\
tls_advertise_hosts = *
tls_certificate = {{folder}}/server.pem
tls_verify_certificates = {{folder}}/ca.pem
tls_try_verify_hosts = *
acl_smtp_connect = at_connect
acl_smtp_rcpt = at_rcpt
begin acl
at_connect:
  warn set acl_c_said = ${{lookup{{$sender_host_address}}lsearch{{{{folder}}/greeted}}{{$value}}}}
  defer condition = ${{if match{{$acl_c_said}}{{^4}}}}
    message = $acl_c_said
  deny condition = ${{if match{{$acl_c_said}}{{^5}}}}
    message = $acl_c_said
  accept
at_rcpt:
  warn set acl_c_said = ${{lookup{{$sender_host_address}}lsearch{{{{folder}}/refused}}{{$value}}}}
  defer condition = ${{if match{{$acl_c_said}}{{^4}}}}
    message = $acl_c_said
  deny condition = ${{if match{{$acl_c_said}}{{^5}}}}
    message = $acl_c_said
  warn hosts = {policies.TARPIT}
    delay = 1s
  deny hosts = {policies.OWN_SENDER}
    senders = *@contoso.example
    message = {policies.DIRECT_SEND}
  deny hosts = {policies.NULL_SENDER}
    senders = :
    message = {policies.NO_NULL}
  deny hosts = {SECRET}
    !encrypted = *
    message = 550 5.7.1 TLS is required
  deny hosts = {KNOWN}
    condition = ${{if match{{$tls_in_peerdn}}{{CN=mail.contoso.example}}{{no}}{{yes}}}}
    message = {CONNECTOR}
  deny !domains = contoso.example
    message = relay not permitted
  require verify = recipient
  accept
begin routers
mailboxes:
  driver = accept
  domains = contoso.example
  local_parts = postmaster
  verify_only
"""
EXIM_DEMANDS = """\
tls_advertise_hosts = *
tls_certificate = {folder}/server.pem
tls_verify_certificates = {folder}/ca.pem
tls_verify_hosts = *
acl_smtp_mail = at_mail
acl_smtp_rcpt = at_rcpt
begin acl
at_mail:
  deny !encrypted = *
    message = 530 5.7.0 Must issue a STARTTLS command first
  accept
at_rcpt:
  accept
"""


@pytest.fixture(scope="module", params=["postfix", "exim"])
def servers(request: pytest.FixtureRequest, papers: Papers) -> Iterator[Servers]:
    with ExitStack() as stack:
        start = on_postfix if request.param == "postfix" else on_exim
        yield start(stack, papers)


def on_postfix(stack: ExitStack, papers: Papers) -> Servers:
    refused, greeted = (policies.answers(at, separator="/32 ") for at in ("rcpt", GREETED))
    files = {**papers.files, "refused": refused, "classes": CLASSES}
    return Servers(
        stack.enter_context(postfix(files, **POSTFIX)),
        stack.enter_context(postfix({"greeted": greeted}, **POSTFIX_GREETS)),
        stack.enter_context(postfix(papers.files, **POSTFIX_DEMANDS)),
        papers,
    )


def on_exim(stack: ExitStack, papers: Papers) -> Servers:
    refused, greeted = (policies.answers(at, separator=": ") for at in ("rcpt", GREETED))
    files = {**papers.files, "refused": refused, "greeted": greeted}
    both = stack.enter_context(exim(EXIM, files))
    return Servers(both, both, stack.enter_context(exim(EXIM_DEMANDS, papers.files)), papers)


@pytest.fixture(scope="module")
def resolver() -> Iterator[str]:
    with name_server({(DOOR, "A"): ["127.0.0.1"]}) as server:
        yield server


def by_shard(
    server: MailServer, resolver: str, source: str, recipient: str, certificate: Path | None = None
) -> dict[str, Judgement]:
    """What a vantage point at this address is answered, and what it proves, for each class."""
    now = datetime.now(tz=UTC)
    targets = tuple(
        Target(
            path=number,
            domain="contoso.example",
            sender_class=name,
            mail_from=sender,
            rcpt_to=recipient,
            endpoints=(DOOR,),
            port=server.port,
        )
        for number, (name, sender) in enumerate(SENDERS.items())
    )
    envelope = Envelope(
        vantage_point="stranger",
        shard=1,
        attempt=1,
        ehlo="probe.example",
        targets=targets,
        issued=now,
        expires=now + timedelta(seconds=40),
        nonce="1",
    )
    place = shards.Place(
        slug="stranger",
        source=source,
        certificate=certificate,
        resolver=resolver,
        lab_networks=(ip_network("127.0.0.0/8"),),
    )
    answers = shards.run(envelope, place, shards.now).answers
    assert [(a.refused, len(a.tries)) for a in answers] == [("", 1)] * len(targets)
    return {
        target.sender_class: judge(
            SenderClass(target.sender_class),
            Transcript.from_document(answer.tries[0].transcript),
            ANY,
        )
        for target, answer in zip(targets, answers, strict=True)
    }


def proved(judged: Mapping[str, Judgement]) -> dict[str, Proves]:
    return {name: (str(one.verdict), str(one.cause)) for name, one in judged.items()}


# Before a table's words Postfix puts its own, which say what was refused. They are believed first,
# and where they are, the cause is another one; the verdict is not.
FRAMES = {
    "Client host rejected: ": "reputation",
    "Sender address rejected: ": "sender-authentication",
}


def as_framed(proves: Proves, reply: str) -> list[Proves]:
    """What may be concluded: as the table says, and for a framed refusal that decides nothing."""
    framed = [cause for frame, cause in FRAMES.items() if frame in reply]
    return [proves, *(policies.unknown(cause) for cause in framed if proves[0] == "unknown")]


def command(server: MailServer, *options: str, data: Path) -> tuple[int, dict[str, Any]]:
    """`manage.py probe --any-server` as its user runs it: its exit and its document."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    done = subprocess.run(
        [sys.executable, str(MANAGE), "probe", "contoso.example", "--any-server", "--json",
         "--endpoint", server.address, "--port", str(server.port), *options],
        env={**kept, "DATA_DIR": str(data), "MAILPOSTURE_LAB_NETWORKS": "127.0.0.0/8"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_policy_proves_what_it_proves_to_a_vantage_point(
    servers: Servers, resolver: str, case: Case
) -> None:
    server = servers.greets if case.greeting else servers.policies
    judged = by_shard(server, resolver, case.address, case.recipient)
    for name, one in judged.items():
        assert (one.verdict, one.cause) in as_framed(case.proves[name], one.reply or ""), one.reply
        assert "any server counts" in one.reason


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_policy_has_its_verdict_from_the_command(
    servers: Servers, case: Case, tmp_path: Path
) -> None:
    server = servers.greets if case.greeting else servers.policies
    code, found = command(
        server, "--source", case.address, "--recipient", case.recipient, data=tmp_path
    )
    verdicts = {name: one["verdict"] for name, one in found["classes"].items()}
    assert verdicts == {name: verdict for name, (verdict, _) in case.proves.items()}
    said = set(verdicts.values())
    assert code == (3 if "open" in said else 0 if said == {"closed"} else 4)
    assert all(one["reason"] for one in found["classes"].values())


@pytest.mark.parametrize(("shown", "proves"), [("known", OPEN), ("other", LOCKED), ("", LOCKED)])
def test_a_certificate_opens_what_the_connector_closes_and_only_the_right_one(
    servers: Servers, resolver: str, shown: str, proves: Proves
) -> None:
    certificate = getattr(servers.papers, shown) if shown else None
    judged = by_shard(servers.policies, resolver, KNOWN, "postmaster@contoso.example", certificate)
    assert proved(judged) == policies.always(proves)


def test_the_command_shows_a_certificate_too(servers: Servers, tmp_path: Path) -> None:
    shown = ("--client-cert", str(servers.papers.known))
    for options, exit_code, verdict in (((), 0, "closed"), (shown, 3, "open")):
        code, found = command(servers.policies, "--source", KNOWN, *options, data=tmp_path)
        assert (code, found["verdict"]) == (exit_code, verdict)


def order(server: MailServer, **changes: Any) -> Order:
    plain = Order(
        address=server.address,
        port=server.port,
        host=DOOR,
        ehlo="probe.example",
        mail_from="",
        rcpt_to="postmaster@contoso.example",
    )
    return dataclasses.replace(plain, **changes)


async def answered(server: MailServer, limits: Limits | None = None, **changes: Any) -> Judgement:
    found = await converse(order(server, **changes), limits or Limits())
    return judge(SenderClass.NULL, found, ANY)


@pytest.mark.parametrize(
    ("starttls", "proves"), [(True, OPEN), (False, policies.unknown("tls-required"))]
)
async def test_tls_that_is_required_closes_nothing_to_who_comes_without(
    servers: Servers, starttls: bool, proves: Proves
) -> None:
    judged = await answered(servers.policies, source=SECRET, starttls=starttls)
    assert (judged.verdict, judged.cause) == proves


async def test_a_server_for_tls_with_a_certificate_proves_nothing_to_who_has_none(
    servers: Servers,
) -> None:
    """The handshake fails, and in clear the server asks for TLS: a matter of ours, not a lock."""
    judged = await answered(servers.demands)
    assert (judged.verdict, judged.cause) == policies.unknown("tls-required")
    let_in = await answered(servers.demands, certificate=servers.papers.known)
    assert let_in.verdict == "open"


async def test_a_tarpit_beyond_our_patience_is_unknown_and_not_closed(servers: Servers) -> None:
    judged = await answered(servers.policies, Limits(reply=0.5), source=policies.TARPIT)
    assert (judged.verdict, judged.cause) == policies.unknown("no-answer")
    assert "in time" in judged.reason
