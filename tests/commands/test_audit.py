"""The audit trail is to be read, and nothing in it reaches a terminal as it is."""

import json
from io import StringIO

import pytest
from django.core.management import call_command

from mailposture.services import audit
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def trail() -> None:
    """Two acts, one of them with a reason that somebody typed."""
    audit.record("added tenant", "contoso", make.ago(days=1))
    audit.record("attested a domain", "fabrikam.com", NOW, reason="asked \x1b[31mby the owner")


def shown(*options: str) -> list[str]:
    out = StringIO()
    call_command("audit", *options, stdout=out)
    return out.getvalue().splitlines()


def test_the_newest_comes_first_with_its_reason() -> None:
    first, second = shown()
    assert first.startswith("2026-11-25 08:02:00 UTC")
    assert "attested a domain  fabrikam.com" in first
    assert "by the owner" in first
    assert "added tenant  contoso" in second


def test_control_characters_are_shown_and_not_sent() -> None:
    assert not any("\x1b" in line for line in shown())


def test_it_tells_as_much_as_was_asked_for() -> None:
    assert len(shown("--last", "1")) == 1
    assert shown("--last", "0") == []


def test_programs_get_one_document_a_line() -> None:
    first = json.loads(shown("--json")[0])
    assert first["detail"] == {"reason": "asked \x1b[31mby the owner"}
    assert set(first) == {"at", "who", "action", "subject", "detail"}
