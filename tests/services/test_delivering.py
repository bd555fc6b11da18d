"""Mails that are due: claimed once, sent each alone, none lost with a server or a process."""

import email as stdlib_email
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from mailposture import models
from mailposture.adapters import email as smtp
from mailposture.core.alerting import Kind, fingerprint
from mailposture.services import delivering, writing
from mailposture.services.subscribing import NotAnAddressError
from tests import factories as make
from tests.core.test_letters import facts
from tests.factories import NOW
from tests.mailservers import Sink, answers, free_port, scripted, sink
from tests.postfix import postfix
from tests.servers import Guarded, ValkeyServer, own_database, until

ROOT = Path(__file__).parents[2]
FIVE = [f"team{n}@example.com" for n in range(5)]


@pytest.fixture
def server(settings: Any) -> Iterator[Sink]:
    """A real SMTP server that SMTP_URL names."""
    settings.MAIL_FROM = "mailposture@probe.contoso.com"
    settings.PUBLIC_URL = "https://posture.contoso.com"
    with sink() as found:
        settings.SMTP_URL = found.url
        yield found


def alert(recipients: list[str], **changes: Any) -> models.Alert:
    """News with a mail for each of these."""
    tenant = models.Tenant.objects.first() or make.tenant("tailspin")
    number = models.Incident.objects.count()
    incident = models.Incident.objects.create(
        tenant=tenant, kind="bypass", severity="critical", opened_at=NOW, moved_at=NOW,
        fingerprint=fingerprint(Kind.BYPASS, tenant.pk, number),
    )  # fmt: skip
    row = models.Alert.objects.create(
        incident=incident, event="opened", key=f"{incident.pk}.1", at=NOW,
        facts=facts(incident=incident.pk, **changes),
    )  # fmt: skip
    for address in recipients:
        row.deliveries.create(recipient=address, created_at=NOW, due_at=NOW)
    return row


def run(now: datetime = NOW) -> int:
    """Claim and send until nothing is due at this time; how many were tried."""
    tried = 0
    while claimed := delivering.claim(now):
        for pk, attempt in claimed:
            delivering.send(pk, attempt, lambda: now)
            tried += 1
    return tried


def states() -> list[str]:
    return list(models.Delivery.objects.order_by("pk").values_list("state", flat=True))


@pytest.mark.django_db
def test_each_recipient_gets_a_mail_of_its_own_and_the_answer_is_kept(server: Sink) -> None:
    alert(FIVE)
    assert run() == 5
    assert server.recipients == FIVE
    row = models.Delivery.objects.first()
    assert row is not None
    assert (row.state, row.code, row.answer) == ("sent", 250, "250 2.0.0 taken as 4711")
    assert (row.attempts, row.unsure, row.done_at) == (1, 0, NOW)
    assert run() == 0


@pytest.mark.django_db
def test_one_refusal_of_five_costs_nobody_elses_mail(server: Sink) -> None:
    server.refuses[FIVE[2]] = "550 5.1.1 nobody of that name"
    alert(FIVE)
    run()
    assert server.recipients == [a for a in FIVE if a != FIVE[2]]
    row = models.Delivery.objects.get(recipient=FIVE[2])
    assert (row.state, row.code) == ("refused", 550)
    assert row.answer == "550 5.1.1 nobody of that name"
    assert run(NOW + timedelta(days=2)) == 0


@pytest.mark.django_db
def test_busy_is_tried_again_later_and_later(server: Sink) -> None:
    alert(FIVE[:1])
    server.answers = ["451 4.3.2 busy"] * 3
    now, waits = NOW, []
    for _ in range(3):
        run(now)
        row = models.Delivery.objects.get()
        waits.append((row.due_at - now) / timedelta(minutes=1))
        assert (row.state, row.code, row.answer) == ("waiting", 451, "451 4.3.2 busy")
        assert run(row.due_at - timedelta(seconds=1)) == 0
        now = row.due_at
    run(now)
    assert waits == [1, 2, 5]
    row = models.Delivery.objects.get()
    assert (row.state, row.attempts, row.code) == ("sent", 4, 250)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "talk",
    [
        answers(b"554 5.7.1 not from you\r\n"),
        answers(b"220 a\r\n", b"250 a\r\n", b"530 5.7.0 sign in first\r\n"),
        answers(b"220 a\r\n", b"250 a\r\n", b"250 ok\r\n", b"250 ok\r\n", b"554 5.6.0 spam\r\n"),
    ],
)
def test_a_refusal_that_the_operator_can_mend_is_tried_for_a_day_and_then_given_up(
    settings: Any, talk: Any
) -> None:
    alert(FIVE[:1])
    with scripted(talk) as url:
        settings.SMTP_URL = url
        run()
        row = models.Delivery.objects.get()
        assert (row.state, row.code) == ("waiting", int(row.answer[:3]))
        run(NOW + timedelta(days=1))
    row.refresh_from_db()
    assert (row.state, row.done_at) == ("gave_up", NOW + timedelta(days=1))


@pytest.mark.django_db
def test_what_waited_for_days_untried_is_tried_for_a_day_all_the_same(
    settings: Any, server: Sink
) -> None:
    alert(FIVE[:1])
    up, settings.SMTP_URL = settings.SMTP_URL, None
    late = NOW + timedelta(days=2)
    assert run(late) == 0
    settings.SMTP_URL = f"smtp://127.0.0.1:{free_port()}"
    assert run(late) == 1
    assert states() == ["waiting"]
    settings.SMTP_URL = up
    assert run(late + timedelta(hours=23)) == 1
    assert states() == ["sent"]


@pytest.mark.django_db
def test_a_mail_that_cannot_be_written_says_so_and_holds_up_no_other(server: Sink) -> None:
    broken = alert(FIVE[:2], kind="a kind that has no words")
    alert(FIVE[2:])
    assert run() == 5
    assert sorted(server.recipients) == FIVE[2:]
    row = broken.deliveries.first()
    assert row is not None
    assert (row.state, row.lease_until, row.unsure) == ("waiting", None, 0)
    assert row.answer.startswith("The mail could not be written: KeyError")
    assert row.due_at == NOW + timedelta(minutes=1)


@pytest.mark.django_db
def test_a_server_that_is_down_loses_nothing(settings: Any, server: Sink) -> None:
    alert(FIVE)
    up, settings.SMTP_URL = settings.SMTP_URL, f"smtp://127.0.0.1:{free_port()}"
    run()
    assert states() == ["waiting"] * 5
    settings.SMTP_URL = up
    assert run(NOW + timedelta(minutes=1)) == 5
    assert sorted(server.recipients) == FIVE


@pytest.mark.django_db
def test_silence_after_the_last_byte_is_tried_again_and_counted(settings: Any) -> None:
    alert(FIVE[:1])
    ok = b"250 ok\r\n"
    hangs_up = answers(b"220 a\r\n", ok, ok, ok, b"354 go on\r\n", to_message=None)
    with scripted(hangs_up) as url:
        settings.SMTP_URL = url
        run()
    row = models.Delivery.objects.get()
    assert (row.state, row.unsure, row.code) == ("waiting", 1, None)
    first = row.message_id
    with sink() as server:
        settings.SMTP_URL = server.url
        run(NOW + timedelta(minutes=1))
    row.refresh_from_db()
    assert (row.state, row.unsure, row.message_id) == ("sent", 1, first)


@pytest.mark.django_db
@pytest.mark.parametrize("url", [None, "", "mail.example.com"])
def test_without_a_server_mails_wait_unclaimed(settings: Any, url: str | None) -> None:
    alert(FIVE)
    settings.SMTP_URL = url
    assert delivering.claim(NOW) == []
    outbox = delivering.outbox()
    assert outbox.problem
    assert (outbox.waiting, outbox.oldest, outbox.last) == (5, NOW, None)


@pytest.mark.django_db
def test_a_claim_that_nobody_took_up_is_taken_over_and_counts_as_no_try(server: Sink) -> None:
    alert(FIVE[:1])
    ((pk, attempt),) = delivering.claim(NOW)
    assert delivering.claim(NOW) == []
    later = NOW + delivering.LEASE
    ((_, second),) = delivering.claim(later)
    delivering.send(pk, attempt, lambda: later)
    assert server.taken == []

    delivering.send(pk, second, lambda: later)
    row = models.Delivery.objects.get()
    assert (row.state, row.attempts, row.unsure) == ("sent", 2, 0)
    assert len(server.taken) == 1


@pytest.mark.django_db
def test_a_second_message_for_one_claim_does_nothing(
    server: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert(FIVE[:1])
    ((pk, attempt),) = delivering.claim(NOW)
    real = smtp.send

    def doubled(*given_: Any) -> Any:
        delivering.send(pk, attempt, lambda: NOW)
        return real(*given_)

    monkeypatch.setattr(smtp, "send", doubled)
    delivering.send(pk, attempt, lambda: NOW)
    row = models.Delivery.objects.get()
    assert (row.state, row.attempts, row.unsure) == ("sent", 1, 0)
    assert server.recipients == FIVE[:1]


@pytest.mark.django_db
def test_a_late_success_stands_also_where_the_claim_was_taken_over(
    server: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert(FIVE[:1])
    ((pk, attempt),) = delivering.claim(NOW)
    real = smtp.send

    def slow(*given_: Any) -> Any:
        answer = real(*given_)
        delivering.claim(NOW + delivering.LEASE)
        return answer

    monkeypatch.setattr(smtp, "send", slow)
    delivering.send(pk, attempt, lambda: NOW)
    assert states() == ["sent"]
    assert delivering.claim(NOW + 3 * delivering.LEASE) == []


@pytest.mark.django_db
def test_of_two_that_claim_in_the_same_moment_one_gets_each_mail(
    server: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert(FIVE[:2])
    real, others = delivering._message_id, []

    def between(row: models.Delivery) -> str:
        # Chosen by the first, and not yet written: here comes the second.
        monkeypatch.setattr(delivering, "_message_id", real)
        others.extend(delivering.claim(NOW))
        return real(row)

    monkeypatch.setattr(delivering, "_message_id", between)
    mine = delivering.claim(NOW)
    assert (len(others), mine) == (2, [])
    assert set(models.Delivery.objects.values_list("attempts", flat=True)) == {1}


def overtaken(
    monkeypatch: pytest.MonkeyPatch, ends: Callable[[], Any], *, sent: bool
) -> models.Delivery:
    """A sender that is so slow that its mail is claimed anew, and taken up or sent, before it ends
    in this way.
    """
    alert(FIVE[:1])
    ((pk, attempt),) = delivering.claim(NOW)
    later = NOW + delivering.LEASE
    real = smtp.send

    def slow(*_: Any) -> Any:
        monkeypatch.setattr(smtp, "send", real)
        [(_pk, second)] = delivering.claim(later)
        if sent:
            delivering.send(pk, second, lambda: later)
        else:
            delivering._begun(pk, second, later)
        return ends()

    monkeypatch.setattr(smtp, "send", slow)
    clock = iter([NOW, later + timedelta(minutes=9)])
    delivering.send(pk, attempt, lambda: next(clock))
    return models.Delivery.objects.get()


@pytest.mark.django_db
def test_a_late_failure_leaves_the_claim_alone_that_took_it_over(
    server: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> Any:
        raise smtp.DeliveryError("recipient", "550 nobody", code=550)

    row = overtaken(monkeypatch, refused, sent=False)
    assert (row.state, row.attempts, row.answer) == ("waiting", 2, delivering.BEGUN)
    assert row.lease_until == NOW + 2 * delivering.LEASE
    # Of the first try the end is known now, of the second not yet.
    assert row.unsure == 1


@pytest.mark.django_db
def test_what_was_recorded_as_sent_stays_as_it_was_recorded(
    server: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = overtaken(monkeypatch, lambda: smtp.Answer(250, "taken by another"), sent=True)
    assert (row.state, row.answer) == ("sent", "250 2.0.0 taken as 4711")
    assert row.done_at == NOW + delivering.LEASE
    # Both were taken, and that is counted.
    assert (row.attempts, row.unsure) == (2, 1)


@pytest.mark.django_db
def test_what_nobody_foresaw_is_written_down_and_tried_again(
    server: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise TypeError("no\x1b[31m such thing")

    monkeypatch.setattr(smtp, "send", broken)
    alert(FIVE[:1])
    run()
    row = models.Delivery.objects.get()
    assert (row.state, row.unsure, row.lease_until) == ("waiting", 1, None)
    assert row.answer == r"The mail could not be handed in: TypeError: no\x1b[31m such thing"
    assert row.due_at == NOW + timedelta(minutes=1)
    run(NOW + timedelta(days=1))
    assert states() == ["gave_up"]


def dies(now: datetime) -> bool:
    """A sender that takes up what is due and is heard of no more; whether there was something."""
    for pk, attempt in (claimed := delivering.claim(now)):
        delivering._begun(pk, attempt, now)
    return bool(claimed)


@pytest.mark.django_db
def test_a_mail_that_every_sender_dies_of_is_tried_ever_later_and_then_given_up(
    server: Sink,
) -> None:
    alert(FIVE[:1])
    now, tried = NOW, []
    while now < NOW + timedelta(days=2):
        if dies(now):
            tried.append(int((now - NOW) / timedelta(minutes=1)))
        now += timedelta(minutes=1)
    assert tried == [0, 2, 4, 9, 19, 49, 109, 169]
    row = models.Delivery.objects.get()
    assert (row.state, row.attempts, row.unsure) == ("gave_up", 8, 8)
    assert (row.lease_until, row.done_at) == (None, NOW + timedelta(minutes=171))
    assert row.answer.startswith("The sender ended while sending this mail; in 8 tries nobody")
    box = delivering.outbox()
    assert (box.waiting, box.given_up, box.last) == (0, 1, row)
    assert list(delivering.given_up()) == [row]


@pytest.mark.django_db
def test_a_sender_that_dies_when_the_day_is_over_ends_it(server: Sink) -> None:
    alert(FIVE[:1])
    assert dies(NOW)
    late = NOW + delivering.OLDEST - timedelta(minutes=1)
    assert dies(late)
    assert not dies(late + delivering.LEASE)
    row = models.Delivery.objects.get()
    assert (row.state, row.unsure) == ("gave_up", 2)
    assert "in 2 tries nobody learned how it went" in row.answer


@pytest.mark.django_db
def test_while_no_sender_runs_no_mail_is_given_up(server: Sink) -> None:
    alert(FIVE[:1])
    now = NOW
    for _ in range(3 * delivering.MOST_UNSURE):
        assert delivering.claim(now)
        now += timedelta(hours=3)
    assert run(now) == 1
    assert states() == ["sent"]


@pytest.mark.django_db
def test_no_more_than_the_senders_can_do_is_claimed_at_once(server: Sink) -> None:
    alert(FIVE)
    assert len(delivering.claim(NOW)) == delivering.AT_ONCE
    assert delivering.claim(NOW) == []


# ---- the message -------------------------------------------------------------------------


def message(row: models.Delivery) -> EmailMessage:
    row.message_id = row.message_id or "delivery.1.ab@probe.contoso.com"
    found = stdlib_email.message_from_bytes(writing.message(row).as_bytes(), policy=default)
    assert isinstance(found, EmailMessage)
    return found


@pytest.mark.django_db
def test_an_incident_is_one_thread_and_no_robot_answers(server: Sink) -> None:
    first = alert(FIVE[:1])
    second = models.Alert.objects.create(
        incident=first.incident, event="resolved", key="x", at=NOW,
        facts=facts(event="resolved", state="closed", seconds=60, until=NOW.isoformat()),
    )  # fmt: skip
    second.deliveries.create(recipient=FIVE[0], created_at=NOW, due_at=NOW)
    run()
    mails = [
        stdlib_email.message_from_bytes(e.original_content or b"", policy=default)
        for e in server.taken
    ]
    assert mails[0]["References"] == mails[1]["References"]
    assert mails[0]["References"] == f"<incident.{first.incident_id}@probe.contoso.com>"
    assert mails[0]["Message-ID"] != mails[1]["Message-ID"]
    for mail in mails:
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["From"] == "Mailposture <mailposture@probe.contoso.com>"
        assert mail["Date"]
        assert [part.get_content_type() for part in mail.walk()] == [
            "multipart/alternative", "text/plain", "text/html",
        ]  # fmt: skip


@pytest.mark.django_db
def test_the_first_words_of_the_text_are_the_sentence(server: Sink) -> None:
    row = alert(FIVE[:1]).deliveries.get()
    text = message(row).get_body(("plain",))
    assert text
    assert text.get_content().startswith("tailspin takes mail from any host. Last seen closed")
    assert "https://posture.contoso.com/incidents/" in text.get_content()


@pytest.mark.django_db
def test_markup_from_a_server_or_a_tenant_stays_text(server: Sink) -> None:
    proof = facts()["proof"]
    hostile = '"><img src=x onerror=alert(1)><script>'
    row = alert(
        FIVE[:1], name=hostile, proof={**proof, "line": hostile, "lines": [
            {"who": "S", "text": hostile, "decides": True}]},
        fix={"title": hostile, "command": hostile, "note": hostile},
        subjects=[{"domain": hostile, "classes": ["foreign"]}],
    ).deliveries.get()  # fmt: skip
    html = message(row).get_body(("html",))
    assert html
    content = html.get_content()
    assert "<script>" not in content
    assert "<img" not in content
    assert "&lt;script&gt;" in content
    assert "http" not in content.replace("https://posture.contoso.com", "")


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_name_brings_a_header_of_its_own(name: str, line: str) -> None:
    incident = models.Incident(pk=1)
    row = models.Delivery(
        pk=1, recipient="security@example.com", created_at=NOW,
        alert=models.Alert(incident=incident, facts=facts(name=name, proof={"line": line})),
    )  # fmt: skip
    with override_settings(MAIL_FROM="mailposture@probe.contoso.com"):
        mail = message(row)
    assert sorted(mail.keys()) == [
        "Auto-Submitted", "Content-Type", "Date", "From", "In-Reply-To", "MIME-Version",
        "Message-ID", "References", "Subject", "To", "X-Auto-Response-Suppress",
    ]  # fmt: skip
    assert mail["To"] == "security@example.com"


# ---- a test that a person asks for -------------------------------------------------------


@pytest.mark.django_db
def test_a_test_mail_is_a_delivery_with_the_servers_answer(server: Sink) -> None:
    row = delivering.test(" me@example.com ", None, NOW)
    run()
    row.refresh_from_db()
    assert (row.recipient, row.state, row.code) == ("me@example.com", "sent", 250)
    assert server.recipients == ["me@example.com"]
    assert delivering.outbox().last == row
    assert models.AuditEvent.objects.get().action == "asked for a test mail"


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["", "nobody", "a@b@c", "x@example.com\r\nBcc: y@example.com"])
def test_what_is_no_address_is_refused_in_words(address: str) -> None:
    with pytest.raises(NotAnAddressError, match="not a mail address"):
        delivering.test(address, None, NOW)
    assert not models.Delivery.objects.exists()


# ---- real things -------------------------------------------------------------------------


@pytest.mark.postfix
@pytest.mark.django_db
def test_postfix_takes_it_and_its_queue_id_is_kept(settings: Any) -> None:
    settings.MAIL_FROM = "mailposture@probe.contoso.com"
    with postfix({}) as server:
        settings.SMTP_URL = f"smtp://{server.address}:{server.port}"
        alert(["security@contoso.example", "somebody@elsewhere.example"])
        run()
    taken, refused = models.Delivery.objects.order_by("pk")
    assert taken.state == "sent"
    assert taken.answer.startswith("250 2.0.0 Ok: queued as ")
    assert refused.state == "refused"
    assert "Relay access denied" in refused.answer


SENDER = """
import os, sys, django
os.environ["DJANGO_SETTINGS_MODULE"] = "mailposture.settings"
django.setup()
from django.utils import timezone
from mailposture.services import delivering
if "--die" in sys.argv:
    delivering._sent = lambda *_: os.kill(os.getpid(), 9)
late = timezone.timedelta(minutes=3 if "--late" in sys.argv else 0)
for pk, attempt in delivering.claim(timezone.now() + late):
    delivering.send(pk, attempt, timezone.now)
"""


def sender(folder: Path, url: str, database: str, *options: str) -> "subprocess.Popen[bytes]":
    """A process of its own that claims and sends once."""
    environment = ours(folder, database, SMTP_URL=url)
    return subprocess.Popen([sys.executable, "-c", SENDER, *options], env=environment)


def ours(folder: Path, database: str, **more: str) -> dict[str, str]:
    """The environment of a process that works on this test's rows."""
    return {
        "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "DATA_DIR": str(folder),
        "DATABASE_URL": database, "PYTHONPATH": str(ROOT), **more,
    }  # fmt: skip


FILL = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "mailposture.settings"
django.setup()
from django.core.management import call_command
from django.utils import timezone
from mailposture import models
call_command("migrate", verbosity=0)
for n in range(2):
    models.Delivery.objects.create(
        recipient=f"team{n}@example.com", created_at=timezone.now(), due_at=timezone.now())
"""
LOOK = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "mailposture.settings"
django.setup()
from mailposture import models
print([[d.state, d.attempts, d.unsure] for d in models.Delivery.objects.order_by("pk")])
"""


def script(folder: Path, text: str, database: str) -> str:
    """Run a few lines against this database; what they print."""
    done = subprocess.run(
        [sys.executable, "-c", text], env=ours(folder, database), capture_output=True, text=True,
        timeout=60, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_a_sender_killed_between_sending_and_recording_loses_nothing(tmp_path: Path) -> None:
    script(tmp_path, FILL, "")
    with sink() as server:
        assert sender(tmp_path, server.url, "", "--die").wait(60) == -signal.SIGKILL
        assert len(server.taken) == 1
        assert sender(tmp_path, server.url, "", "--late").wait(60) == 0
    # SMTP cannot tell whether the killed one had sent: its mail came twice, under one id.
    assert sorted(server.recipients) == [
        "team0@example.com",
        *["team0@example.com"],
        "team1@example.com",
    ]
    ids = {stdlib_email.message_from_bytes(e.original_content or b"")["Message-ID"]
           for e in server.taken}  # fmt: skip
    assert len(ids) == 2
    assert script(tmp_path, LOOK, "") == "[['sent', 2, 1], ['sent', 2, 0]]"


HAND_OUT = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "mailposture.settings"
django.setup()
from django.utils import timezone
from mailposture import broker, tasks
from mailposture.services import delivering
for claimed in delivering.claim(timezone.now()):
    tasks.send_mail.apply_async(claimed, queue=broker.ERRANDS)
"""
WORKER = (
    "-m", "celery", "-A", "mailposture.celery", "worker", "-n", "errands-of-a-test@%h",
    "--concurrency", "1", "-Q", "errands", "--without-mingle", "--without-gossip",
)  # fmt: skip


def leaf(worker: Guarded) -> psutil.Process:
    """The process of a worker's pool that does its tasks."""
    assert worker.process
    below = psutil.Process(worker.process.pid).children(recursive=True)
    return next(one for one in reversed(below) if not one.children())


def test_the_queue_gives_back_what_a_killed_sender_held_and_nothing_comes_twice_uncounted(
    tmp_path: Path, valkey: ValkeyServer
) -> None:
    script(tmp_path, FILL, "")
    with sink() as server, redis.Redis.from_url(valkey.url) as queue:
        server.holds = threading.Event()
        environment = ours(tmp_path, "", SMTP_URL=server.url, BROKER_URL=valkey.url)
        subprocess.run([sys.executable, "-c", HAND_OUT], env=environment, timeout=60, check=True)
        worker = Guarded([sys.executable, *WORKER], environment)
        worker.start()
        try:
            until(lambda: server.taken, 60)
            leaf(worker).kill()
            server.holds.set()
            # Each message that was worked off asks the central worker for what is due next.
            until(lambda: queue.llen("central") == 2, 60)
        finally:
            worker.stop()
        assert server.recipients == ["team0@example.com", "team1@example.com"]
        assert script(tmp_path, LOOK, "") == "[['waiting', 1, 1], ['sent', 1, 0]]"
        assert sender(tmp_path, server.url, "", "--late").wait(60) == 0
    assert server.recipients[2:] == ["team0@example.com"]
    assert script(tmp_path, LOOK, "") == "[['sent', 2, 1], ['sent', 1, 0]]"


LAST_TRY = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "mailposture.settings"
django.setup()
from mailposture import models
from mailposture.services import delivering
models.Delivery.objects.filter(pk=2).delete()
models.Delivery.objects.update(unsure=delivering.MOST_UNSURE - 1, attempts=7)
"""
ENDED = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "mailposture.settings"
django.setup()
from mailposture import models
print(models.Delivery.objects.get().answer)
"""


def test_a_mail_whose_senders_are_killed_each_time_is_not_claimed_for_ever(tmp_path: Path) -> None:
    script(tmp_path, FILL, "")
    script(tmp_path, LAST_TRY, "")
    with sink() as server:
        assert sender(tmp_path, server.url, "", "--die").wait(60) == -signal.SIGKILL
        assert script(tmp_path, LOOK, "") == "[['waiting', 8, 8]]"
        assert sender(tmp_path, server.url, "", "--late").wait(60) == 0
    assert len(server.taken) == 1
    assert script(tmp_path, LOOK, "") == "[['gave_up', 8, 8]]"
    assert "in 8 tries nobody learned how it went" in script(tmp_path, ENDED, "")


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_two_senders_at_once_send_each_mail_once(
    tmp_path: Path, postgres_url: str, kind: str
) -> None:
    database = "" if kind == "sqlite" else postgres_url
    if database:
        database = own_database(postgres_url, f"senders_{time.monotonic_ns()}")
    script(tmp_path, FILL, database)
    with sink() as server:
        racing = [sender(tmp_path, server.url, database) for _ in range(2)]
        assert [one.wait(60) for one in racing] == [0, 0]
    assert sorted(server.recipients) == ["team0@example.com", "team1@example.com"]
    assert script(tmp_path, LOOK, database) == "[['sent', 1, 0], ['sent', 1, 0]]"
