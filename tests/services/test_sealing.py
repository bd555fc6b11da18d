"""The centre signs what it orders, and believes of places what they signed themselves."""

import logging
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mailposture import models, seals, tasks
from mailposture.adapters.vantage_file import joined
from mailposture.core import codec, work
from mailposture.core.work import HelloBack, Result
from mailposture.services import joining, planning, sealing, vantage_points
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db

PLACE, OTHER = seals.fresh_key(), seals.fresh_key()


@pytest.fixture(autouse=True)
def _keys(settings: Any, tmp_path: Path) -> None:
    settings.KEYS_DIR = tmp_path / "keys"


@pytest.fixture
def place() -> models.VantagePoint:
    """A place that joined."""
    return make.stranger(public_key=seals.public_of(PLACE))


def result(slug: str = "frankfurt") -> Result:
    return Result(
        vantage_point=slug, shard=1, attempt=1, nonce="0a", began=NOW, ended=NOW, answers=()
    )


def back(place: models.VantagePoint, nonce: str, **fields: Any) -> HelloBack:
    given = {"vantage_point": place.slug, "nonce": nonce, "version": "1", "clock": NOW}
    return HelloBack(**{**given, **fields})


def signed(purpose: str, said: Any, key: str = PLACE) -> dict[str, str]:
    return seals.seal(purpose, codec.dump(said), key)


def test_what_a_place_signed_is_read(place: models.VantagePoint) -> None:
    assert sealing.result(signed(work.RESULT, result())) == result()
    assert sealing.hello_back(signed(work.HELLO_BACK, back(place, "0a"))) == back(place, "0a")


@pytest.mark.parametrize(
    "message",
    [
        signed(work.RESULT, result(), OTHER),
        signed(work.RESULT, result("singapore"), OTHER),
        signed(work.RESULT, result("nowhere"), PLACE),
        signed(work.ORDER, result()),
        seals.seal(work.RESULT, {"vantage_point": "frankfurt", "odd": 1}, PLACE),
        {},
        None,
    ],
)
def test_what_no_place_signed_is_dropped_and_logged(
    place: models.VantagePoint, message: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert place.public_key
    make.stranger("singapore")
    with caplog.at_level(logging.WARNING):
        assert sealing.result(message) is None
    assert [r.getMessage().split()[0] for r in caplog.records] == ["dropped"]


def test_one_place_cannot_report_for_another(place: models.VantagePoint) -> None:
    make.stranger("singapore", public_key=seals.public_of(OTHER))
    assert place.slug == "frankfurt"
    assert sealing.result(signed(work.RESULT, result("singapore"), PLACE)) is None


def test_orders_are_signed_with_the_key_that_places_pin(place: models.VantagePoint) -> None:
    models.VantagePoint.objects.update(asked_at=None)
    (asked,) = planning.greet(NOW)
    assert asked.vantage_point == place.slug
    message = sealing.hello(asked)
    said = seals.unseal(work.HELLO, message, sealing.centre_key())
    assert codec.load(work.Hello, said) == asked


def test_only_the_answer_to_the_latest_hello_is_a_sign_of_life(place: models.VantagePoint) -> None:
    models.VantagePoint.objects.update(asked_at=None, heard_at=None)
    (first,) = planning.greet(NOW)
    (second,) = planning.greet(NOW + timedelta(seconds=30))
    assert first.nonce != second.nonce
    assert not vantage_points.hear(back(place, first.nonce), NOW)
    assert not vantage_points.hear(back(place, ""), NOW)
    assert vantage_points.hear(back(place, second.nonce), NOW)
    assert not vantage_points.hear(back(place, second.nonce), NOW)


def test_a_task_takes_what_is_signed_and_nothing_else(place: models.VantagePoint) -> None:
    models.VantagePoint.objects.update(asked_at=None, heard_at=None)
    (asked,) = planning.greet(NOW)
    tasks.take_hello(signed(work.HELLO_BACK, back(place, asked.nonce), OTHER))
    place.refresh_from_db()
    assert place.heard_at is None
    tasks.take_hello(signed(work.HELLO_BACK, back(place, asked.nonce)))
    place.refresh_from_db()
    assert place.heard_at is not None


def test_a_place_that_never_joined_says_so_in_its_health() -> None:
    row = make.stranger(heard_at=None, asked_at=NOW)
    assert "Has not joined" in vantage_points.health(row, NOW).says


# ---- the places of this machine ---------------------------------------------------------


def test_a_file_by_hand_gets_its_keys_and_keeps_its_words(tmp_path: Path) -> None:
    make.stranger()
    file = tmp_path / "here.toml"
    file.write_text('# ours\nresolver = "192.0.2.53:53"\n[points.frankfurt]\nsource = "::1"\n')
    joining.join_here(file)
    (place,) = joined(file).values()
    row = models.VantagePoint.objects.get()
    assert (place.centre, seals.public_of(place.key)) == (sealing.centre_key(), row.public_key)
    assert (place.source, place.resolver) == ("::1", "192.0.2.53:53")
    assert "# ours" in file.read_text()
    assert (tmp_path / "frankfurt.key").stat().st_mode & 0o777 == 0o600


def test_joining_again_changes_nothing(tmp_path: Path) -> None:
    make.stranger()
    file = tmp_path / "here.toml"
    file.write_text("[points.frankfurt]\n")
    joining.join_here(file)
    before = file.read_text(), models.VantagePoint.objects.get().public_key
    joining.join_here(file)
    assert (file.read_text(), models.VantagePoint.objects.get().public_key) == before


def test_a_new_key_of_the_centre_replaces_the_pinned_one(tmp_path: Path, settings: Any) -> None:
    make.stranger()
    file = tmp_path / "here.toml"
    file.write_text("[points.frankfurt]\n")
    joining.join_here(file)
    settings.KEYS_DIR = tmp_path / "others"
    joining.join_here(file)
    assert tomllib.loads(file.read_text())["centre"] == sealing.centre_key()


def test_a_place_that_the_centre_does_not_know_gets_no_key_here(tmp_path: Path) -> None:
    file = tmp_path / "here.toml"
    file.write_text("[points.nowhere]\n")
    joining.join_here(file)
    assert not models.VantagePoint.objects.exists()
    assert not (tmp_path / "nowhere.key").exists()
