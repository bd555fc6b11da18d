"""Keys are made once, whole, private, and can be replaced without losing what they sealed."""

import os
import stat
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from cryptography.fernet import InvalidToken

from mailposture import keys

MAKERS = (keys.django_secret, keys.instance, keys.queue_password)


def first_words(folder: Path) -> tuple[str | bytes, ...]:
    return tuple(make(folder) for make in MAKERS)


def seal_in(folder: Path) -> str:
    return keys.encrypt(folder, "a secret")


def test_eight_processes_that_start_together_get_the_same_keys(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    with ProcessPoolExecutor(8, mp_context=get_context("spawn")) as pool:
        found = set(pool.map(first_words, [folder] * 32))
        sealed = list(pool.map(seal_in, [folder] * 8))
    assert len(found) == 1
    assert {keys.decrypt(folder, each) for each in sealed} == {"a secret"}
    assert sorted(p.name for p in folder.iterdir()) == ["instance", "queue", "ring", "secret"]


def test_a_key_is_long_and_no_two_are_alike(tmp_path: Path) -> None:
    words = first_words(tmp_path)
    assert len(set(words)) == 3
    assert min(len(word) for word in words) >= 32


def test_only_this_user_can_read_a_key(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    keys.encrypt(folder, "x")
    keys.instance(folder)
    assert {stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_key_outlives_its_first_reader(tmp_path: Path) -> None:
    assert keys.instance(tmp_path) == keys.instance(tmp_path)


def test_what_an_older_key_sealed_still_opens_after_a_rotation(tmp_path: Path) -> None:
    before = keys.encrypt(tmp_path, "old")
    assert keys.add_ring_key(tmp_path) == 2
    assert keys.decrypt(tmp_path, before) == "old"
    assert keys.decrypt(tmp_path, keys.encrypt(tmp_path, "new")) == "new"


def test_what_was_sealed_anew_no_longer_needs_the_older_key(tmp_path: Path) -> None:
    before = keys.encrypt(tmp_path, "old")
    keys.add_ring_key(tmp_path)
    anew = keys.seal_anew(tmp_path, before)
    assert keys.trim_ring(tmp_path, 1) == 1
    assert keys.decrypt(tmp_path, anew) == "old"
    with pytest.raises(InvalidToken):
        keys.decrypt(tmp_path, before)


def test_rotations_at_once_lose_no_key(tmp_path: Path) -> None:
    before = keys.encrypt(tmp_path, "old")
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        counts = sorted(pool.map(keys.add_ring_key, [tmp_path] * 4))
    assert counts == [2, 3, 4, 5]
    assert keys.decrypt(tmp_path, before) == "old"


def test_a_process_that_died_while_making_a_key_is_not_in_the_way(tmp_path: Path) -> None:
    (tmp_path / f".instance.{os.getpid()}").write_text("half")
    assert len(keys.instance(tmp_path)) == 64
