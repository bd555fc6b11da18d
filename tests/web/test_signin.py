"""Coming in: by link, by password, and not by guessing."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from mailposture import models
from mailposture.services import access, guessing
from tests.factories import NOW

pytestmark = pytest.mark.django_db
PASSWORD = "a long sentence nobody guesses"


@pytest.fixture
def someone() -> User:
    return User.objects.create_user("alba", password=PASSWORD)


def sign_in(client: Client, password: str, name: str = "alba", address: str = "127.0.0.1") -> int:
    given = {"username": name, "password": password}
    return client.post("/signin/", given, REMOTE_ADDR=address).status_code


def test_a_link_signs_the_first_admin_in_once(client: Client) -> None:
    token = access.new_start_link(NOW)
    with time_machine.travel(NOW + timedelta(minutes=14), tick=False):
        assert client.get(f"/start/{token}").headers["Location"] == "/"
        assert client.session["_auth_user_id"]
        again = Client().get(f"/start/{token}")
    assert again.status_code == 410
    assert "This link is spent." in again.content.decode()
    assert "signin_link" in again.content.decode()


def test_a_link_preview_does_not_spend_a_link(client: Client) -> None:
    token = access.new_start_link(NOW)
    with time_machine.travel(NOW, tick=False):
        assert client.head(f"/start/{token}").status_code == 405
        assert client.get(f"/start/{token}").status_code == 302


def test_the_page_says_how_to_get_in_without_a_password(client: Client) -> None:
    page = client.get("/signin/").content.decode()
    assert "<title>Sign in - Mailposture</title>" in page
    assert "manage.py signin_link" in page


def test_the_right_password_leads_to_where_one_was_going(client: Client, someone: User) -> None:
    given = {"username": someone.username, "password": PASSWORD, "next": "/explain/"}
    assert client.post("/signin/", given).headers["Location"] == "/explain/"
    assert models.AuditEvent.objects.get().action == "signed in by password"


@pytest.mark.parametrize(
    "away", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"]
)
def test_nobody_is_led_off_the_site(client: Client, someone: User, away: str) -> None:
    given = {"username": someone.username, "password": PASSWORD, "next": away}
    assert client.post("/signin/", given).headers["Location"] == "/"


def test_a_wrong_password_and_an_unknown_name_sound_alike(client: Client, someone: User) -> None:
    given = {"username": someone.username, "password": "wrong"}
    known = client.post("/signin/", given).content.decode()
    unknown = client.post("/signin/", {**given, "username": "nobody"}).content.decode()
    assert "This name and password do not belong together." in known
    assert "This name and password do not belong together." in unknown


def test_what_was_typed_by_mistake_as_a_name_is_kept_nowhere(client: Client) -> None:
    sign_in(client, "x", name="my secret password")
    kept = models.AuditEvent.objects.values_list("who", "subject", "detail").get()
    assert "my secret password" not in str(kept)


def test_after_ten_failures_even_the_right_password_waits(client: Client, someone: User) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        assert [sign_in(client, "wrong") for _ in range(10)] == [200] * 10
        refused = client.post("/signin/", {"username": someone.username, "password": PASSWORD})
        assert refused.status_code == 429
        assert "Too many wrong passwords. Wait 10 min" in refused.content.decode()
        clock.shift(timedelta(minutes=4))
        later = client.post("/signin/", {"username": someone.username, "password": PASSWORD})
        assert "Wait 6 min" in later.content.decode()
        clock.shift(timedelta(minutes=6, seconds=1))
        assert sign_in(client, PASSWORD) == 302


def test_refused_tries_do_not_lengthen_the_wait(client: Client, someone: User) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(10):
            sign_in(client, "wrong")
        clock.shift(timedelta(minutes=9))
        assert [sign_in(client, "wrong") for _ in range(5)] == [429] * 5
        clock.shift(timedelta(minutes=1, seconds=1))
        assert sign_in(client, PASSWORD) == 302
    assert someone.username in str(models.AuditEvent.objects.values_list("subject", flat=True))


@pytest.mark.parametrize(
    ("name", "address"), [("alba", "192.0.2.9"), ("berta", "127.0.0.1")], ids=["host", "name"]
)
def test_others_are_not_held_up(client: Client, someone: User, name: str, address: str) -> None:
    User.objects.create_user("berta", password=PASSWORD)
    for _ in range(11):
        sign_in(client, "wrong", name=someone.username)
    assert sign_in(client, PASSWORD, name=name, address=address) == 302


def test_right_passwords_are_no_failures(client: Client, someone: User) -> None:
    assert [sign_in(Client(), PASSWORD, name=someone.username) for _ in range(12)] == [302] * 12
    assert not models.AuditEvent.objects.filter(action=guessing.FAILED).exists()
    assert sign_in(client, PASSWORD) == 302


def test_a_name_is_the_same_in_any_spelling_of_case(client: Client, someone: User) -> None:
    for _ in range(5):
        sign_in(client, "wrong", name="alba")
        sign_in(client, "wrong", name=" ALBA ")
    assert sign_in(client, PASSWORD, name=someone.username) == 429


def test_guessing_from_many_addresses_is_stopped_as_well(someone: User) -> None:
    for n in range(100):
        guessing.begin(someone.username, f"192.0.2.{n}", NOW)
    assert guessing.begin(someone.username, "198.51.100.7", NOW).wait
    assert not guessing.begin("berta", "198.51.100.7", NOW).wait


def test_signing_out_takes_a_post(client: Client, someone: User) -> None:
    client.force_login(someone)
    assert client.get("/signout/").status_code == 405
    assert client.post("/signout/").headers["Location"] == "/signin/"
    assert "_auth_user_id" not in client.session


def test_who_is_in_need_not_sign_in(client: Client, someone: User) -> None:
    client.force_login(someone)
    assert client.get("/signin/").headers["Location"] == "/"
