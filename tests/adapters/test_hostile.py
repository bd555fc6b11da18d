"""Servers that mean harm, one by one and a thousand at once: all end in time, with evidence."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from mailposture.adapters import shards
from mailposture.adapters.smtp import converse
from mailposture.core.smtp.transcript import Transcript
from mailposture.core.verdict import SenderClass, Verdict
from mailposture.core.work import Envelope, Target
from tests.adapters.dns_server import name_server
from tests.adapters.smtp_server import serving
from tests.core.smtp.proofs import proved
from tests.hostile import HUGE_NAMES, LIMITS, NAMES, PATIENT, SERVERS, certified, kept, order

ROOT = Path(__file__).parents[2]
THOUSAND = 1_000
# Where one process has a thousand to harm, some wait for it longer than they may; for a handshake
# too, and are then met in clear by what was meant for TLS.
WAITED = {"reply timeout", "session timeout", "replies out of step with commands"}
# Two conversations may be kept of one order, where TLS came to nothing, with our notes besides.
MOST_KEPT = 2 * LIMITS.total_bytes + 4_096


@pytest.mark.parametrize("name", NAMES)
async def test_each_ends_in_time_with_evidence_and_without_a_verdict(name: str) -> None:
    certified(HUGE_NAMES, 2)
    async with serving(SERVERS[name].does) as server:
        found = await converse(order(NAMES.index(name), server.address, server.port), LIMITS)
    assert str(found.ended) in SERVERS[name].ends
    assert found.lines[-1].ms < (LIMITS.session + 1) * 1000
    assert 0 < kept(found) < MOST_KEPT
    assert proved(SenderClass.FOREIGN, found).verdict is Verdict.UNKNOWN
    assert Transcript.from_document(json.loads(json.dumps(found.to_document()))) == found
    assert found.text().isascii()
    assert found.text().replace("\n", "").isprintable()


async def test_what_is_no_word_within_tls_is_counted_too() -> None:
    """Tickets are taken in by the library, and no cap on what is said would ever meet them."""
    name = "tickets and no words"
    async with serving(SERVERS[name].does) as server:
        found = await converse(order(NAMES.index(name), server.address, server.port), LIMITS)
    assert "ended: too much said: within TLS" in found.text()


@pytest.fixture
def hostile() -> Iterator[int]:
    """All of them in a process of their own; the port they listen on."""
    command = [sys.executable, "-m", "tests.hostile", "serve"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def test_a_thousand_at_once_end_in_time_and_leave_the_memory_bounded(hostile: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile", "drive", str(hostile), str(THOUSAND)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    found = json.loads(done.stdout)
    assert len(found["ends"]) == THOUSAND
    odd = [(name, end) for name, end in found["ends"] if end not in SERVERS[name].ends | WAITED]
    assert odd == []
    assert found["slowest"] < (PATIENT.session + 2) * 1000
    assert found["kept"] < MOST_KEPT
    assert found["grown"] < 65  # MB, no more than as many that behave


@pytest.mark.parametrize("name", ["lines by drops, for ever", "nothing", "a handshake by drops"])
def test_a_shard_is_answered_before_its_claim_lapses(hostile: int, name: str) -> None:
    """Whatever patience a server would like: what a vantage point may take ends with its claim."""
    now = datetime.now(tz=UTC)
    door = "mx.contoso.example"
    target = Target(
        path=1,
        domain="contoso.com",
        sender_class="null",
        mail_from="",
        rcpt_to="postmaster@contoso.com",
        endpoints=(door,),
        port=hostile,
    )
    envelope = Envelope(
        vantage_point="stranger",
        shard=1,
        attempt=1,
        ehlo="probe.example",
        targets=(target,) * 20,
        issued=now,
        expires=now + timedelta(seconds=shards.SPARE_SECONDS + 2.5),
        nonce="1",
    )
    with name_server({(door, "A"): ["127.0.0.1"]}) as resolver:
        place = shards.Place(
            slug="stranger",
            source=f"127.0.40.{NAMES.index(name) + 1}",
            resolver=resolver,
            lab_networks=(ip_network("127.0.0.0/8"),),
        )
        result = shards.run(envelope, place, shards.now)
    assert result.ended < envelope.expires
    found = [Transcript.from_document(a.tries[0].transcript) for a in result.answers]
    assert {str(one.ended) for one in found} <= SERVERS[name].ends | {"session timeout"}
    assert all(one.lines for one in found)
