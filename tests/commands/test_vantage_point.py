"""`manage.py vantage_point`: a join line on standard output, or the end of a place."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from mailposture import models
from mailposture.core.joining import Line
from mailposture.services import sealing
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def here(settings: Any, tmp_path: Any) -> None:
    settings.KEYS_DIR = tmp_path / "keys"
    settings.PUBLIC_URL = "https://posture.example.org"
    settings.BROKER_URL = "redis://:secret@127.0.0.1:1/0"
    settings.QUEUE_ELSEWHERE = "rediss://queue.example.org:6380/0"


def run(*words: str) -> str:
    out = StringIO()
    call_command("vantage_point", *words, stdout=out)
    return out.getvalue()


def test_it_prints_the_line_and_nothing_else() -> None:
    factories.stranger()
    line = Line.read(run("join", "frankfurt"))
    assert (line.slug, line.centre) == ("frankfurt", sealing.centre_key())
    event = models.AuditEvent.objects.get()
    assert (event.action, event.subject) == ("gave out a join line", "frankfurt")
    assert event.who.endswith("(command line)")


@pytest.mark.parametrize(
    ("words", "says", "code"),
    [
        (("join", "nowhere"), "There is no vantage point nowhere.", 2),
        (("revoke", "nowhere"), "There is no vantage point nowhere.", 2),
        (("join", "frankfurt", "--queue", "queue:6379"), "--queue is an address", 2),
        (("join", "frankfurt", "--queue", "https://queue/"), "--queue is an address", 2),
        (("revoke", "frankfurt"), "The queue was not told yet", 1),
    ],
)
def test_what_cannot_be_is_said(words: tuple[str, ...], says: str, code: int) -> None:
    factories.stranger()
    with pytest.raises(CommandError, match=says) as refused:
        run(*words)
    assert refused.value.returncode == code


def test_a_queue_without_tls_takes_an_operators_own_word(settings: Any) -> None:
    settings.QUEUE_ELSEWHERE = "redis://queue.example.org:6379/0"
    factories.stranger()
    with pytest.raises(CommandError, match="would go in clear text") as refused:
        run("join", "frankfurt")
    assert refused.value.returncode == 1
    assert run("join", "frankfurt", "--queue", "redis://queue:6379/0")
    assert models.VantagePoint.objects.get().queue_url == "redis://queue:6379/0"


def test_it_revokes_also_while_the_queue_is_away() -> None:
    factories.stranger(public_key="c" * 44, queue_digest="d" * 64)
    with pytest.raises(CommandError):
        run("revoke", "frankfurt")
    place = models.VantagePoint.objects.get()
    assert (place.public_key, place.queue_digest, place.enabled) == ("", "", False)
