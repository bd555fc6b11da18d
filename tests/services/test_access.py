"""One-time links: once, for fifteen minutes, and nothing of them is stored that opens a door."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from mailposture import models
from mailposture.services import access
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def test_a_link_makes_the_first_admin_without_a_password() -> None:
    user = access.use_start_link(access.new_start_link(NOW), NOW)
    assert user is not None
    assert user.get_username() == access.FIRST_ADMIN
    assert user.is_superuser
    assert user.is_staff
    assert not user.has_usable_password()
    assert not user.check_password("")


def test_a_link_signs_in_the_admin_who_is_there() -> None:
    User.objects.create_superuser("gone", is_active=False)
    known = User.objects.create_superuser("alba")
    assert access.use_start_link(access.new_start_link(NOW), NOW) == known


def test_a_link_is_valid_once() -> None:
    token = access.new_start_link(NOW)
    assert access.use_start_link(token, NOW)
    assert access.use_start_link(token, NOW) is None


@pytest.mark.parametrize(("minutes", "valid"), [(0, True), (14, True), (15, False), (60, False)])
def test_a_link_is_valid_for_fifteen_minutes(minutes: int, valid: bool) -> None:
    token = access.new_start_link(NOW)
    found = access.use_start_link(token, NOW + timedelta(minutes=minutes))
    assert (found is not None) is valid


@pytest.mark.parametrize("token", ["", "made-up", "' OR 1=1 --", "\x00", "x" * 10_000])
def test_a_made_up_token_opens_nothing(token: str) -> None:
    access.new_start_link(NOW)
    assert access.use_start_link(token, NOW) is None
    assert not User.objects.exists()


def test_only_the_hash_of_a_token_is_stored() -> None:
    token = access.new_start_link(NOW)
    assert token not in str(models.StartLink.objects.values_list())


def test_tokens_are_long_and_never_the_same() -> None:
    tokens = {access.new_start_link(NOW) for _ in range(50)}
    assert len(tokens) == 50
    assert min(map(len, tokens)) >= 32


def test_a_new_link_leaves_the_others_that_still_hold() -> None:
    first = access.new_start_link(NOW)
    access.new_start_link(NOW + timedelta(minutes=1))
    assert access.use_start_link(first, NOW + timedelta(minutes=2))


def test_spent_and_old_links_are_cleared_away() -> None:
    access.use_start_link(access.new_start_link(NOW), NOW)
    access.new_start_link(NOW - timedelta(hours=1))
    access.new_start_link(NOW)
    assert models.StartLink.objects.count() == 1


def test_coming_in_by_a_link_leaves_a_trace() -> None:
    access.use_start_link(access.new_start_link(NOW), NOW)
    event = models.AuditEvent.objects.get()
    assert (event.who, event.action) == (access.FIRST_ADMIN, "signed in by start link")
