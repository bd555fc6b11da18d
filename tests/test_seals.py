"""What is signed for one purpose by one key is believed for that alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailposture import seals

OURS, OTHERS = seals.fresh_key(), seals.fresh_key()
PUBLIC = seals.public_of(OURS)
SAID = {"vantage_point": "frankfurt", "shard": 7, "words": ["Grüße", None, True]}


def sealed(**changes: Any) -> dict[str, Any]:
    return {**seals.seal("order", SAID, OURS), **changes}


def test_what_was_sealed_comes_out_as_it_went_in() -> None:
    assert seals.unseal("order", sealed(), PUBLIC) == SAID
    assert seals.said_by("order", sealed()) == "frankfurt"


def test_every_key_is_another_and_its_public_half_is_no_private_one() -> None:
    assert OURS != OTHERS
    assert seals.public_of(OURS) != OURS
    assert seals.is_public(PUBLIC)


@pytest.mark.parametrize(
    "text",
    ["", "frankfurt", "c3Rhcg==", PUBLIC[:-1], "Ü" * 44],
    ids=["nothing", "a word", "too short", "cut", "not ASCII"],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    assert not seals.is_public(text)
    with pytest.raises(seals.SealError):
        seals.public_of(text)
    with pytest.raises(seals.SealError):
        seals.unseal("order", sealed(), text)


FORGED: dict[str, Any] = {
    "by another key": seals.seal("order", SAID, OTHERS),
    "for another purpose": seals.seal("result", SAID, OURS),
    "for another purpose, renamed": {**seals.seal("result", SAID, OURS), "purpose": "order"},
    "with another body": sealed(body=sealed()["body"].replace("7", "8")),
    "with a blank in it": sealed(body=sealed()["body"] + " "),
    "with half a character": sealed(body='{"a":"\ud800"}'),
    "without a signature": {"purpose": "order", "body": sealed()["body"]},
    "with an empty signature": sealed(signature=""),
    "with a signature that is no text": sealed(signature=7),
    "with a body that is no text": sealed(body={"shard": 7}),
    "that is a list": [sealed()],
    "that is nothing": None,
    "that is too long": sealed(body="x" * (seals.MOST_CHARACTERS + 1)),
}


@pytest.mark.parametrize("message", FORGED.values(), ids=FORGED.keys())
def test_a_message_is_refused(message: Any) -> None:
    with pytest.raises(seals.SealError):
        seals.unseal("order", message, PUBLIC)


@pytest.mark.parametrize("body", ["[]", "7", "{", "null", "[" * 100_000])
def test_what_holds_no_document_is_refused_though_it_is_signed(body: str) -> None:
    key = seals._private(OURS)
    signature = seals._text(key.sign(seals._signed("order", body)))
    message = {"purpose": "order", "body": body, "signature": signature}
    for read in (lambda: seals.unseal("order", message, PUBLIC),
                 lambda: seals.said_by("order", message)):  # fmt: skip
        with pytest.raises(seals.SealError, match="holds no document"):
            read()


def test_a_message_of_nobody_names_no_place() -> None:
    with pytest.raises(seals.SealError, match="of nobody"):
        seals.said_by("order", seals.seal("order", {"vantage_point": 7}, OURS))


@given(st.text(max_size=20), st.integers(min_value=0), st.integers(0, 7))
def test_one_bit_turned_is_noticed(words: str, place: int, bit: int) -> None:
    message = seals.seal("order", {"words": words}, OURS)
    body = bytearray(message["body"].encode())
    body[place % len(body)] ^= 1 << bit
    turned = {**message, "body": body.decode("latin-1")}
    with pytest.raises(seals.SealError):
        seals.unseal("order", turned, PUBLIC)
