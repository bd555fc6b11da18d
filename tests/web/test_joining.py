"""The page with a join line, the address where a place joins, and the end of one."""

import json
from typing import Any

import pytest
from django.test import Client

from mailposture import models, seals
from mailposture.core import codec, joining
from mailposture.core.joining import Line, Wish
from tests import factories
from tests.web.setup_rows import staff, viewer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def here(settings: Any, tmp_path: Any) -> None:
    settings.KEYS_DIR = tmp_path / "keys"
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    settings.BROKER_URL = "redis://:hunter2@127.0.0.1:1/0"
    settings.QUEUE_ELSEWHERE = settings.QUEUE_AUTHORITY = None


def line(client: Client) -> Line:
    """The join line that the page of it shows."""
    page = client.post("/vantage-points/frankfurt/join/").content.decode()
    start = page.index("http://127.0.0.1:8000/join/#")
    return Line.read(page[start : page.index("&#x27;", start)])


def message(token: str) -> dict[str, str]:
    key = seals.fresh_key()
    wish = Wish(token=token, public_key=seals.public_of(key), version="0.1.0")
    return seals.seal(joining.JOIN, codec.dump(wish), key)


def join(body: Any) -> Any:
    """As a worker asks: no cookie, no form, and checks of forms in force."""
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    client = Client(enforce_csrf_checks=True)
    return client.post("/join/", text, content_type="application/json")


def test_the_line_is_shown_once_and_is_kept_nowhere() -> None:
    factories.stranger()
    client = staff()
    answer = client.post("/vantage-points/frankfurt/join/")
    assert "no-store" in answer.headers["Cache-Control"]
    made = line(client)
    assert made.token not in client.get("/vantage-points/frankfurt/").content.decode()
    assert "A join line was given out" in client.get("/vantage-points/frankfurt/").content.decode()
    assert client.get("/vantage-points/frankfurt/join/").status_code == 405


def test_a_place_joins_and_its_page_says_so() -> None:
    factories.stranger(public_key="")
    client = staff()
    answer = join(message(line(client).token))
    assert answer.status_code == 200
    assert set(answer.json()) == {"purpose", "body", "signature"}
    assert "no-store" in answer.headers["Cache-Control"]
    page = client.get("/vantage-points/frankfurt/").content.decode()
    place = models.VantagePoint.objects.get()
    assert joining.fingerprint(place.public_key) in page
    assert "The queue was not reached." in page
    assert f"#{place.queue_digest}" in page
    assert "Revoke</button>" in page
    assert "hunter2" not in page


def test_a_token_that_was_used_is_refused_with_what_to_do() -> None:
    factories.stranger()
    token = line(staff()).token
    assert join(message(token)).status_code == 200
    answer = join(message(token))
    assert answer.status_code == 403
    assert "Make a new one on the vantage point's page." in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("{", 400),
        ("[" * 4000, 400),
        (b"\xff\xfe", 400),
        ([1], 400),
        ({"purpose": "join", "body": 1, "signature": 2}, 400),
        ("x" * 4097, 413),
    ],
)
def test_what_is_no_wish_is_refused(body: Any, status: int) -> None:
    answer = join(body)
    assert answer.status_code == status
    assert answer.json() == {"error": "This is not how a vantage point joins."}
    assert Client().get("/join/").status_code == 405


def test_one_click_revokes() -> None:
    factories.stranger(public_key="c" * 44)
    client = staff()
    page = client.post("/vantage-points/frankfurt/revoke/", follow=True).content.decode()
    assert "is deleted with the next tick that reaches it" in page
    place = models.VantagePoint.objects.get()
    assert (place.public_key, place.enabled) == ("", False)
    assert "Turned off" in page


def test_without_a_way_to_the_queue_no_line_is_made(settings: Any) -> None:
    settings.PUBLIC_URL = "https://posture.example.org"
    factories.stranger()
    page = staff().post("/vantage-points/frankfurt/join/", follow=True).content.decode()
    assert "MAILPOSTURE_QUEUE_ELSEWHERE" in page
    assert models.VantagePoint.objects.get().join_digest == ""


def test_a_viewer_and_a_stranger_make_no_line_and_end_nothing() -> None:
    factories.stranger(public_key=seals.public_of(seals.fresh_key()))
    page = viewer().get("/vantage-points/frankfurt/").content.decode()
    assert "Make a join line" not in page
    assert "Revoke" not in page
    for address in ("/vantage-points/frankfurt/join/", "/vantage-points/frankfurt/revoke/"):
        assert viewer().post(address).status_code == 404
        assert Client().post(address).headers["Location"].startswith("/signin/")
        assert staff().post(address.replace("frankfurt", "nowhere")).status_code == 404
    place = models.VantagePoint.objects.get()
    assert (bool(place.public_key), place.join_digest) == (True, "")


def test_beside_a_lab_the_command_says_how_to_reach_it(settings: Any) -> None:
    settings.LAB = {"resolver": "127.0.0.1:5353", "networks": "127.0.0.0/8,10.0.0.0/8"}
    factories.stranger()
    page = staff().post("/vantage-points/frankfurt/join/").content.decode()
    assert "--resolver 127.0.0.1:5353 --lab-network 127.0.0.0/8 --lab-network 10.0.0.0/8" in page
