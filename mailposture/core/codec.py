"""Values to JSON and back, by their dataclass types; and a digest that only meaning moves.

dump gives what JSON can hold. load is strict: it names the place of what does not fit, and a
field it does not know is an error, so that an old document is never read as something else.
A field marked `volatile` in its metadata is kept by dump and left out of the digest.
"""

import hashlib
import json
import types
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, Literal, TypeAliasType, Union, get_args, get_origin, get_type_hints

type JSON = bool | int | float | str | list["JSON"] | dict[str, "JSON"] | None

VOLATILE = {"volatile": True}


class CodecError(ValueError):
    """A document that does not fit the type it is read as, or a value no document can hold."""


# ---- values to documents ---------------------------------------------------------------

# Nearly all values are these; asking for them first makes a digest several times faster.
_SIMPLE = frozenset({str, bool, int, float, type(None)})


class _Dumper(dict[type, Callable[[Any], JSON]]):
    """How values become documents: worked out once for each type that is met."""

    def __init__(self, *, keep_volatile: bool) -> None:
        super().__init__()
        self._keep_volatile = keep_volatile

    def __call__(self, value: Any) -> JSON:
        kind = type(value)
        return value if kind in _SIMPLE else self[kind](value)

    def __missing__(self, kind: type) -> Callable[[Any], JSON]:
        way = self[kind] = self._way(kind)
        return way

    def _way(self, kind: type) -> Callable[[Any], JSON]:
        if is_dataclass(kind):
            return self._members(kind)
        if issubclass(kind, Mapping):
            return lambda value: {_key(k): self(v) for k, v in value.items()}
        if issubclass(kind, tuple | list):
            return self._items
        if issubclass(kind, frozenset):
            return lambda value: sorted(self._items(value), key=_canonical)
        if issubclass(kind, Enum):
            return lambda value: _plain(value.value)
        return _plain

    def _items(self, value: Iterable[Any]) -> list[JSON]:
        return [item if type(item) in _SIMPLE else self[type(item)](item) for item in value]

    def _members(self, kind: Any) -> Callable[[Any], JSON]:
        """The fields of a dataclass that a document or a digest holds."""
        kept = (f for f in fields(kind) if self._keep_volatile or not f.metadata.get("volatile"))
        names = tuple(field.name for field in kept)
        if len(names) < 2:  # of one name, attrgetter gives the value and no tuple
            return lambda value: {name: self(getattr(value, name)) for name in names}
        held = attrgetter(*names)
        return lambda value: dict(zip(names, self._items(held(value)), strict=True))


_WHOLE = _Dumper(keep_volatile=True)
_LASTING = _Dumper(keep_volatile=False)
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def dump(value: object) -> Any:
    """Turn a value into what JSON can hold."""
    return _WHOLE(value)


def digest(value: object) -> str:
    """SHA-256 of the canonical document, volatile fields left out, in hexadecimal."""
    return hashlib.sha256(_canonical(_LASTING(value)).encode()).hexdigest()


def _canonical(document: JSON) -> str:
    return _ENCODER.encode(document)


def _plain(value: object) -> JSON:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise CodecError(f"{value!r} has no time zone")
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise CodecError(f"a {type(value).__name__} has no place in a document")


def _key(key: object) -> str:
    plain = _plain(key.value if isinstance(key, Enum) else key)
    if not isinstance(plain, str):
        raise CodecError(f"{key!r} cannot be the name of a member")
    return plain


# ---- documents to values ---------------------------------------------------------------


def load[T](kind: type[T], document: object) -> T:
    """Read a document as the given type; a CodecError names the place of what does not fit."""
    try:
        value: T = _loader(kind)(document)
    except _MisfitError as misfit:
        raise misfit.at(kind.__name__).said() from misfit
    return value


class _MisfitError(Exception):
    """What does not fit, each with its place as far as it is known: every level adds its step."""

    def __init__(self, *problems: tuple[str, str]) -> None:
        super().__init__()
        self.problems = problems

    def at(self, step: str) -> "_MisfitError":
        """The same, seen from one level above."""
        return _MisfitError(*((step + place, words) for place, words in self.problems))

    def said(self) -> CodecError:
        """All of it, in words."""
        return CodecError("; or ".join(f"{place}: {words}" for place, words in self.problems))


def _misfit(words: str) -> _MisfitError:
    return _MisfitError(("", words))


type _Loader = Callable[[Any], Any]


def _loader(kind: Any) -> _Loader:
    """How documents are read as this type; marks of Annotated are gone with get_type_hints."""
    while isinstance(kind, TypeAliasType):
        kind = kind.__value__
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _union_loader(get_args(kind))
    if origin is Literal:
        return _literal_loader(get_args(kind))
    if origin in LOADERS:
        return LOADERS[origin](get_args(kind))
    if isinstance(kind, type) and is_dataclass(kind):
        return _dataclass_loader(kind)
    return _plain_loader(kind)


def _union_loader(kinds: tuple[Any, ...]) -> _Loader:
    loaders = [_loader(kind) for kind in kinds if kind is not type(None)]
    optional = type(None) in kinds
    if optional and len(loaders) == 1:  # most unions are these
        only = loaders[0]
        return lambda document: None if document is None else only(document)

    def read(document: Any) -> Any:
        if document is None and optional:
            return None
        problems: list[tuple[str, str]] = []
        for loader in loaders:
            try:
                return loader(document)
            except _MisfitError as misfit:
                problems += misfit.problems
        raise _MisfitError(*problems)

    return read


def _literal_loader(allowed: tuple[Any, ...]) -> _Loader:
    kinds = {type(a) for a in allowed}

    def read(document: Any) -> Any:
        if document in allowed and type(document) in kinds:
            return document
        raise _misfit(f"{document!r} is none of {', '.join(map(repr, allowed))}")

    return read


def _tuple_loader(kinds: tuple[Any, ...]) -> _Loader:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        item_loader = _loader(kinds[0])
        return lambda document: _items(_expect(list, document), item_loader)
    loaders = [_loader(kind) for kind in kinds]

    def read(document: Any) -> tuple[Any, ...]:
        if len(items := _expect(list, document)) != len(loaders):
            raise _misfit(f"{len(items)} items where {len(loaders)} belong")
        pairs = enumerate(zip(loaders, items, strict=True))
        return tuple(_step(f"[{n}]", loader, item) for n, (loader, item) in pairs)

    return read


def _items(items: list[Any], loader: _Loader) -> tuple[Any, ...]:
    """All items of one type; where one of them does not fit, which."""
    try:
        return tuple([loader(item) for item in items])
    except _MisfitError:
        return tuple(_step(f"[{n}]", loader, item) for n, item in enumerate(items))


def _step(step: str, loader: _Loader, document: Any) -> Any:
    try:
        return loader(document)
    except _MisfitError as misfit:
        raise misfit.at(step) from None


def _set_loader(kinds: tuple[Any, ...]) -> _Loader:
    loader = _tuple_loader((kinds[0], ...))
    return lambda document: frozenset(loader(document))


def _mapping_loader(kinds: tuple[Any, ...]) -> _Loader:
    name, member = map(_loader, kinds)
    return lambda document: {
        _step(" name", name, key): _step(f"[{key!r}]", member, item)
        for key, item in _expect(dict, document).items()
    }


LOADERS: Mapping[Any, Callable[[tuple[Any, ...]], _Loader]] = {
    tuple: _tuple_loader,
    frozenset: _set_loader,
    dict: _mapping_loader,
    Mapping: _mapping_loader,
}


@cache
def _dataclass_loader(kind: Any) -> _Loader:
    known = {field.name: field for field in fields(kind) if field.init}
    needed = {name for name, field in known.items() if _required(field)}
    hints = get_type_hints(kind)
    loaders = {name: _loader(hints[name]) for name in known}

    def read(document: Any) -> Any:
        members = _expect(dict, document)
        if members.keys() != loaders.keys():  # nearly every document has all fields
            _check_names(members.keys(), loaders.keys(), needed)
        try:
            given = {name: loaders[name](member) for name, member in members.items()}
        except _MisfitError:
            given = {n: _step(f".{n}", loaders[n], member) for n, member in members.items()}
        try:
            return kind(**given)
        except ValueError as problem:
            raise _misfit(str(problem)) from problem

    return read


def _check_names(given: Set[str], known: Set[str], needed: Set[str]) -> None:
    if strange := given - known:
        raise _misfit(f"unknown field {', '.join(sorted(strange))}")
    if lacking := needed - given:
        raise _misfit(f"field {', '.join(sorted(lacking))} is missing")


def _required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _plain_loader(kind: Any) -> _Loader:
    if kind is Any or kind is object:
        return lambda document: document
    if isinstance(kind, type) and issubclass(kind, Enum):
        return lambda document: _called(kind, document)
    if kind in (datetime, date):
        return lambda document: _called(kind.fromisoformat, _expect(str, document))
    if kind is float:
        return _fraction
    if kind in (bool, int, str, type(None)):
        return lambda document: document if type(document) is kind else _expect(kind, document)
    raise CodecError(f"{kind!r} is not a type that documents hold")


def _fraction(document: Any) -> float:
    number: float = _expect(float, float(document) if type(document) is int else document)
    return number


def _called(make: Callable[[Any], Any], document: Any) -> Any:
    try:
        return make(document)
    except (ValueError, TypeError) as problem:
        raise _misfit(str(problem)) from problem


def _expect(kind: type, document: Any) -> Any:
    # type() and not isinstance(): True is no number here, and 1 is not true.
    if type(document) is not kind:
        raise _misfit(f"a {kind.__name__} belongs here, not {document!r:.60}")
    return document
