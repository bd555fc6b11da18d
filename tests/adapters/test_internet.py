"""The map of IPv4: networks are squares in one orientation, and every address is on it once."""

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailposture.adapters.drawings import hilbert, internet
from mailposture.adapters.drawings.hilbert import Square
from mailposture.adapters.drawings.internet import Map, draw
from mailposture.core.addresses import EVERYWHERE, NOWHERE, AddressSet, parse

NETWORKS = st.tuples(st.integers(0, (1 << 32) - 1), st.integers(0, 32)).map(
    lambda one: (one[0] >> (32 - one[1]) << (32 - one[1]), one[1])
)


def inside(one: Square, other: Square) -> bool:
    return (
        other.x <= one.x
        and other.y <= one.y
        and one.x + one.side <= other.x + other.side
        and one.y + one.side <= other.y + other.side
    )


def test_the_curve_begins_at_the_top_left_and_ends_at_the_top_right() -> None:
    order = [hilbert.square(number << 24, 8) for number in (0, 64, 128, 192)]
    assert [(one.x, one.y) for one in order] == [(0, 0), (0, 0.5), (0.5, 0.5), (0.9375, 0.4375)]
    last = hilbert.square(255 << 24, 8)
    assert (last.x, last.y) == (0.9375, 0)


@given(NETWORKS)
def test_a_longer_prefix_lies_inside_a_shorter_one(network: tuple[int, int]) -> None:
    first, length = network
    for shorter in range(0, length, 2):
        outer = hilbert.square(first, shorter)
        assert all(inside(one, outer) for one in hilbert.squares(first, length))


@pytest.mark.parametrize("length", range(9, 15))
def test_every_network_lies_in_its_slash_eight(length: int) -> None:
    outer = hilbert.square(203 << 24, 8)
    for number in range(1 << (length - 8)):
        first = (203 << 24) + (number << (32 - length))
        assert all(inside(one, outer) for one in hilbert.squares(first, length))


@given(NETWORKS)
def test_a_network_takes_its_share_of_the_map(network: tuple[int, int]) -> None:
    first, length = network
    area = sum(one.side**2 for one in hilbert.squares(first, length))
    assert area == pytest.approx(2.0**-length)


def test_neighbours_on_the_curve_are_neighbours_on_the_map() -> None:
    points = list(hilbert.curve(internet.ORDER))
    step = 2.0**-internet.ORDER
    assert len(set(points)) == 4**internet.ORDER
    for (x, y), (nx, ny) in pairwise(points):
        assert abs(x - nx) + abs(y - ny) == pytest.approx(step)


@given(st.integers(0, 4**6 - 1))
def test_the_curve_runs_through_the_networks_in_their_order(number: int) -> None:
    x, y = list(hilbert.curve(6))[number]
    at = hilbert.square(number << 20, 12)
    assert at.x < x < at.x + at.side
    assert at.y < y < at.y + at.side


# ---- the drawing ---------------------------------------------------------------------------


def parsed(addresses: AddressSet | None, *, small: bool = False) -> ET.Element:
    return ET.fromstring(draw(Map(key="a", addresses=addresses, small=small)))  # noqa: S314 # ours


def classes(drawing: ET.Element) -> list[str]:
    return [element.get("class", "") for element in drawing.iter()]


def heavy_area(drawing: ET.Element) -> float:
    """The share of the square that the heavy curve is clipped to."""
    outline = drawing.find(".//clipPath/path")
    if outline is None:
        return 0.0
    sides = re.findall(r"h([\d.]+)v", outline.get("d", ""))
    return sum(float(side) ** 2 for side in sides) / internet.SIDE**2


def test_the_whole_internet_is_one_square() -> None:
    drawing = parsed(EVERYWHERE)
    assert heavy_area(drawing) == pytest.approx(1)
    assert drawing.get("aria-label") == "IPv4: 4,294,967,296 addresses may deliver."


def test_one_address_is_a_spot_with_three_closer_looks() -> None:
    drawing = parsed(parse(["203.0.113.20"]))
    assert heavy_area(drawing) == 0
    written = [e.text for e in drawing.iter("text") if "where" in e.get("class", "")]
    assert written == ["203.0.0.0/8", "203.0.0.0/16", "203.0.113.0/24", "203.0.113.20"]
    assert classes(drawing).count("looked-at") == 3


def test_a_range_is_looked_at_no_closer_than_it_is_wide() -> None:
    drawing = parsed(parse(["9.67.64.0/18"]))
    written = [e.text for e in drawing.iter("text") if "where" in e.get("class", "")]
    assert written == ["9.0.0.0/8", "9.67.0.0/16", "9.67.64.0/18"]


def test_nobody_leaves_only_the_thin_curve() -> None:
    drawing = parsed(NOWHERE)
    assert heavy_area(drawing) == 0
    assert "spot" not in classes(drawing)
    assert "thin" in classes(drawing)


def test_a_configuration_that_is_not_known_is_hatched_and_has_no_number() -> None:
    drawing = parsed(None)
    assert "not-known" in classes(drawing)
    assert drawing.get("aria-label") == "The configuration is not known."


def test_the_small_form_has_neither_numbers_nor_closer_looks() -> None:
    drawing = parsed(parse(["203.0.113.20"]), small=True)
    assert list(drawing.iter("text")) == []
    assert "looked-at" not in classes(drawing)
    assert "spot" in classes(drawing)


def test_a_very_broken_set_stays_small() -> None:
    many = parse([f"{a}.{b}.128.0/17" for a in range(1, 200) for b in range(0, 250, 3)])
    markup = draw(Map(key="a", addresses=many))
    assert len(markup) < 250_000
    spots = next(e for e in ET.fromstring(markup).iter("path") if e.get("class") == "spot")  # noqa: S314
    # 199 numbers of the first octet in blocks of a /10 or finer: none is left out.
    assert spots.get("d", "").count("M") >= 199 * 4


def test_the_keyboard_reaches_the_first_range_and_the_others_by_arrows() -> None:
    drawing = parsed(parse(["1.2.3.4", "5.0.0.0/8"]))
    ranges = [e for e in drawing.iter("g") if e.get("class") == "range"]
    assert [e.get("tabindex") for e in ranges] == ["0", "-1"]
    assert [e.get("aria-label") for e in ranges] == [
        "1.2.3.4: 1 address may deliver",
        "5.0.0.0/8: 16,777,216 addresses may deliver",
    ]


@given(st.lists(NETWORKS, max_size=40))
def test_any_set_can_be_drawn(found: list[tuple[int, int]]) -> None:
    entries = [f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}/{p}" for n, p in found]
    assert parsed(parse(entries)).get("role") == "group"
