"""What a what-if says of exceptions: contradicted, outgrown, needless, or left alone."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.test import Client

from mailposture import models
from mailposture.core import codec
from mailposture.core.posture import Severity
from mailposture.core.posture.scopes import Scope
from tests.factories import LOCK, NOW
from tests.web.fleet_rows import page, signed_in, words
from tests.web.test_exceptions import approved, found

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_one_moment(settings: Any) -> Iterator[None]:
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.fabrikam.com"
    with time_machine.travel(NOW, tick=False):
        yield


def asked(*entries: str, enabled: bool = True) -> str:
    """What the what-if of the lock with these addresses says of exceptions."""
    given = {
        "ask": "1", "connector": str(LOCK), "loaded": str(LOCK), "name": "Lock to gateway",
        "sender_domains": "*", "addresses": "\n".join(entries), "by_address": "on",
        **({"enabled": "on"} if enabled else {}),
    }  # fmt: skip
    viewer = signed_in(staff=False)
    shown = page(viewer, f"/tenants/contoso/what-if/?{urlencode(given)}")
    _, _, rest = shown.partition('id="exceptions"')
    return words(f"<main>{rest.split('</section>')[0]}") if rest else ""


def test_a_change_that_cuts_off_who_may_deliver_by_an_exception_contradicts_it() -> None:
    row = approved()
    said = asked("203.0.113.10")
    assert f"Contradicted: {row.name}, accepts MP-06 until 23 Feb 2027." in said
    assert "the proposal would not everywhere: 256 addresses (198.51.100.0/24)." in said
    assert f"Needless: {row.name}" in said
    assert said.index("Contradicted") < said.index("Needless")


@pytest.mark.parametrize(
    ("hosts", "contradicts"), [("198.51.100.7", False), ("198.51.100.200", True)]
)
def test_where_it_was_said_for_which_hosts_it_is_those_decide(
    hosts: str, contradicts: bool
) -> None:
    approved(hosts=hosts)
    said = asked("203.0.113.10", "198.51.100.0/25")
    assert ("Contradicted" in said) is contradicts


def test_a_change_beyond_what_was_accepted_is_outgrown() -> None:
    row = approved()
    said = asked("203.0.113.10", "198.51.100.0/24", "192.0.2.30")
    assert f"Outgrown: {row.name}" in said
    assert "1 address more than were accepted: 192.0.2.30." in said


def test_a_finding_that_is_over_and_would_be_covered_again_is_said() -> None:
    row = approved()
    whole = Scope(severity=Severity.CRITICAL, addresses=("0.0.0.0/0", "::/0"))
    models.Acceptance.objects.update(rule="MP-21", subject=str(LOCK), scope=codec.dump(whole))
    said = asked("203.0.113.10", "198.51.100.0/24", enabled=False)
    assert f"Covers again: {row.name}" in said, said
    assert "Needless" not in said
    assert "Needless" not in asked("203.0.113.10", "198.51.100.0/24")


def test_a_change_that_touches_none_says_so() -> None:
    approved()
    assert "It touches none of the 1 in force." in asked("203.0.113.10", "198.51.100.0/24")


@pytest.mark.parametrize("changes", [{"expires_at": NOW}, {"state": "withdrawn"}])
def test_what_is_not_in_force_is_not_spoken_of(changes: dict[str, Any]) -> None:
    approved(**changes)
    assert asked("203.0.113.10") == ""


def test_another_tenants_exceptions_are_none_of_its_business() -> None:
    found()
    approved("fabrikam")
    assert models.Acceptance.objects.count() == 1
    assert asked("203.0.113.10") == ""


def test_each_leads_to_its_page(client: Client) -> None:
    row = approved()
    asked("203.0.113.10")
    assert page(signed_in(staff=False), row.get_absolute_url())
    assert client.get(row.get_absolute_url()).status_code == 302
