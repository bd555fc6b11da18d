"""Values to documents and back: nothing is lost, and nothing strange is let in."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailposture.core import codec
from mailposture.core.codec import VOLATILE, CodecError, digest, dump, load
from mailposture.core.configuration import (
    AcceptedDomain,
    Configuration,
    ConnectionFilter,
    DomainFacts,
    InboundConnector,
    Organization,
    OutboundConnector,
    Part,
    PartStatus,
    TransportRule,
)
from tests.core.configurations import configuration, hybrid, lock

type Numbers = tuple[int, ...]


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, kw_only=True, slots=True)
class Inner:
    colour: Colour
    note: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Outer:
    name: str
    count: int = 0
    share: float = 0.0
    on: bool = False
    inner: Inner | None = None
    many: tuple[Inner, ...] = ()
    pair: tuple[int, str] | None = None
    names: frozenset[str] = frozenset()
    by_name: Mapping[str, int] = field(default_factory=dict)
    how: Literal["in", "out"] = "in"
    at: datetime | None = None
    day: date | None = None
    anything: Any = None
    numbers: Numbers = ()
    seen: str = field(default="", metadata=VOLATILE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    either: dict[str, tuple[Inner, ...]] | str


moments = st.datetimes(timezones=st.just(UTC))
inners = st.builds(Inner, colour=st.sampled_from(Colour), note=st.none() | st.text())
outers = st.builds(
    Outer,
    name=st.text(),
    count=st.integers(),
    share=st.floats(allow_nan=False, allow_infinity=False),
    on=st.booleans(),
    inner=st.none() | inners,
    many=st.lists(inners, max_size=3).map(tuple),
    pair=st.none() | st.tuples(st.integers(), st.text()),
    names=st.frozensets(st.text(max_size=5), max_size=3),
    by_name=st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
    how=st.sampled_from(["in", "out"]),
    at=st.none() | moments,
    day=st.none() | st.dates(),
    anything=st.none() | st.integers() | st.lists(st.text(max_size=3), max_size=2),
    numbers=st.lists(st.integers(), max_size=3).map(tuple),
    seen=st.text(),
)


def some(value_type: type, **known: Any) -> st.SearchStrategy[Any]:
    return st.builds(value_type, **known)


PARTS_OF_ANY_TIME = st.builds(
    Part,
    name=st.text(),
    status=st.sampled_from(PartStatus),
    read_at=st.none() | st.datetimes(timezones=st.just(UTC)),
)

configurations = st.builds(
    Configuration,
    parts=st.lists(PARTS_OF_ANY_TIME, max_size=2).map(tuple),
    inbound_connectors=st.none()
    | st.lists(
        some(InboundConnector, when_changed_utc=moments, when_created_utc=st.none()), max_size=2
    ).map(tuple),
    outbound_connectors=st.none()
    | st.lists(
        some(
            OutboundConnector,
            last_validation_timestamp=st.none(),
            when_changed_utc=moments,
            when_created_utc=st.none(),
        ),
        max_size=2,
    ).map(tuple),
    organization=st.none() | some(Organization, when_changed_utc=moments),
    accepted_domains=st.none()
    | st.lists(some(AcceptedDomain, when_changed_utc=st.none()), max_size=2).map(tuple),
    transport_rules=st.none()
    | st.lists(some(TransportRule, when_changed=st.none()), max_size=1).map(tuple),
    connection_filters=st.none()
    | st.lists(some(ConnectionFilter, when_changed_utc=moments), max_size=1).map(tuple),
    domain_facts=st.none() | st.lists(st.from_type(DomainFacts), max_size=2).map(tuple),
)


@given(outers)
def test_a_value_comes_back_as_it_was_through_json(value: Outer) -> None:
    assert load(Outer, json.loads(json.dumps(dump(value)))) == value


@given(inners, inners)
def test_a_digest_is_equal_exactly_where_values_are(one: Inner, two: Inner) -> None:
    assert (digest(one) == digest(two)) == (one == two)


def test_a_whole_configuration_comes_back_as_it_was() -> None:
    whole = configuration(lock(when_changed_utc=datetime(2026, 11, 12, 8, 0, tzinfo=UTC)), hybrid())
    assert load(Configuration, json.loads(json.dumps(dump(whole)))) == whole


@given(value=st.data())
def test_any_configuration_comes_back_as_it_was(value: st.DataObject) -> None:
    whole = value.draw(configurations)
    assert load(Configuration, json.loads(json.dumps(dump(whole)))) == whole


def test_what_is_volatile_is_kept_in_the_document_and_not_in_the_digest() -> None:
    one, two = Outer(name="x", seen="first"), Outer(name="x", seen="second")
    assert dump(one) != dump(two)
    assert digest(one) == digest(two)


def test_dates_of_change_do_not_make_a_new_configuration() -> None:
    before = configuration(lock(when_changed_utc=datetime(2026, 11, 12, tzinfo=UTC)))
    after = configuration(lock(when_changed_utc=datetime(2026, 11, 24, tzinfo=UTC)))
    assert digest(before) == digest(after)
    assert digest(before) != digest(configuration(lock(enabled=False)))


def test_a_digest_stays_what_it_is_from_release_to_release() -> None:
    # Stored digests are compared with new ones: a change of this value makes every tenant change.
    assert digest(Outer(name="é", on=True)) == (
        "b9ba3f29f31e938f7f0a91f5bd02117b3827ca683a8ddcdb7bceab98efea6eba"
    )


def test_a_moment_is_written_in_utc() -> None:
    east = timezone(timedelta(hours=2))
    written = dump(Outer(name="x", at=datetime(2026, 11, 24, 10, 0, tzinfo=east)))
    assert written["at"] == "2026-11-24T08:00:00Z"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "Outer: a dict belongs here"),
        ({}, "field name is missing"),
        ({"name": "x", "colour": 1, "size": 2}, "Outer: unknown field colour, size"),
        ({"name": 1}, "Outer.name: a str belongs here"),
        ({"name": None}, "Outer.name"),
        ({"name": "x", "count": True}, "Outer.count: a int belongs here"),
        ({"name": "x", "count": "1"}, "Outer.count"),
        ({"name": "x", "on": 1}, "Outer.on: a bool belongs here"),
        ({"name": "x", "on": "true"}, "Outer.on"),
        ({"name": "x", "inner": {"colour": "green"}}, "Outer.inner.colour"),
        ({"name": "x", "many": [{"colour": "red"}, {}]}, "Outer.many[1]: field colour"),
        ({"name": "x", "many": {"0": 1}}, "Outer.many: a list belongs here"),
        ({"name": "x", "pair": [1]}, "1 items where 2 belong"),
        ({"name": "x", "by_name": {"a": "b"}}, "Outer.by_name['a']"),
        ({"name": "x", "how": "up"}, "'up' is none of 'in', 'out'"),
        ({"name": "x", "at": "yesterday"}, "Outer.at"),
        ({"name": "x", "at": 5}, "Outer.at"),
    ],
)
def test_what_does_not_fit_is_an_error_that_names_the_place(document: Any, words: str) -> None:
    with pytest.raises(CodecError, match="Outer") as raised:
        load(Outer, document)
    assert words in str(raised.value)


def test_missing_optional_fields_take_their_defaults() -> None:
    assert load(Outer, {"name": "x"}) == Outer(name="x")


def test_a_whole_number_may_stand_for_a_fraction_but_not_the_other_way_round() -> None:
    assert load(Outer, {"name": "x", "share": 1}).share == 1.0
    with pytest.raises(CodecError):
        load(Outer, {"name": "x", "count": 1.0})


@pytest.mark.parametrize(
    "value",
    [b"bytes", object(), {1: 2}, datetime(2026, 1, 1), {"a": {3, 4}}],  # noqa: DTZ001
)
def test_what_no_document_can_hold_is_refused(value: object) -> None:
    with pytest.raises(CodecError):
        dump(value)


def test_a_type_that_documents_do_not_hold_is_refused() -> None:
    with pytest.raises(CodecError, match="not a type"):
        codec.load(bytes, "x")


def test_an_empty_place_is_loaded_only_where_nothing_belongs() -> None:
    assert load(type(None), None) is None
    with pytest.raises(CodecError):
        load(type(None), 0)


@dataclass(frozen=True, kw_only=True)
class Even:
    number: int

    def __post_init__(self) -> None:
        if self.number % 2:
            raise ValueError("the number is odd")


def test_a_value_that_refuses_itself_is_an_error_of_the_document() -> None:
    assert replace(load(Even, {"number": 2}), number=4).number == 4
    with pytest.raises(CodecError, match="Even: the number is odd"):
        load(Even, {"number": 3})


@given(value=st.data())
def test_a_digest_is_that_of_the_canonical_json_of_the_document_without_what_is_volatile(
    value: st.DataObject,
) -> None:
    outer = value.draw(outers)
    document = {name: member for name, member in dump(outer).items() if name != "seen"}
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    assert digest(outer) == hashlib.sha256(canonical.encode()).hexdigest()


def test_a_place_is_named_through_every_level_and_for_every_kind_that_was_tried() -> None:
    with pytest.raises(CodecError) as raised:
        load(Tried, {"either": {"a": [{"colour": "red"}, {"colour": "green"}]}})
    assert str(raised.value) == (
        "Tried.either['a'][1].colour: 'green' is not a valid Colour; "
        "or Tried.either: a str belongs here, not {'a': [{'colour': 'red'}, {'colour': 'green'}]}"
    )
