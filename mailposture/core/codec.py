"""Values to JSON and back, by their dataclass types; and a digest that only meaning moves.

dump gives what JSON can hold. load is strict: it names the place of what does not fit, and a
field it does not know is an error, so that an old document is never read as something else.
A field marked `volatile` in its metadata is kept by dump and left out of the digest.
"""

import hashlib
import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeAliasType, Union, get_args, get_origin, get_type_hints

type JSON = bool | int | float | str | list["JSON"] | dict[str, "JSON"] | None

VOLATILE = {"volatile": True}


class CodecError(ValueError):
    """A document that does not fit the type it is read as, or a value no document can hold."""


# ---- values to documents ---------------------------------------------------------------


def dump(value: object) -> Any:
    """Turn a value into what JSON can hold."""
    return _dump(value, keep_volatile=True)


# Nearly all values are these; asking for them first makes a digest several times faster.
_SIMPLE = frozenset({str, bool, int, float, type(None)})


@cache
def _kept(kind: type, *, keep_volatile: bool) -> tuple[str, ...]:
    """The fields of a dataclass that a document or a digest holds."""
    kept = (f for f in fields(kind) if keep_volatile or not f.metadata.get("volatile"))
    return tuple(field.name for field in kept)


def _dump(value: object, *, keep_volatile: bool) -> JSON:
    if type(value) in _SIMPLE:
        return value  # type: ignore[return-value]  # one of JSON's own kinds
    if is_dataclass(value) and not isinstance(value, type):
        return {
            name: _dump(getattr(value, name), keep_volatile=keep_volatile)
            for name in _kept(type(value), keep_volatile=keep_volatile)
        }
    if isinstance(value, Mapping):
        return {_key(k): _dump(v, keep_volatile=keep_volatile) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_dump(item, keep_volatile=keep_volatile) for item in value]
    if isinstance(value, frozenset):
        return sorted((_dump(i, keep_volatile=keep_volatile) for i in value), key=_canonical)
    return _plain(value.value if isinstance(value, Enum) else value)


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


def _canonical(document: JSON) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(value: object) -> str:
    """SHA-256 of the canonical document, volatile fields left out, in hexadecimal."""
    return hashlib.sha256(_canonical(_dump(value, keep_volatile=False)).encode()).hexdigest()


# ---- documents to values ---------------------------------------------------------------


def load[T](kind: type[T], document: object) -> T:
    """Read a document as the given type; a CodecError names the place of what does not fit."""
    value: T = _load(kind, document, kind.__name__)
    return value


def _load(kind: Any, document: Any, where: str) -> Any:
    kind = _bare(kind)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _load_union(get_args(kind), document, where)
    if origin is Literal:
        return _one_of(get_args(kind), document, where)
    if origin in LOADERS:
        return LOADERS[origin](get_args(kind), document, where)
    if isinstance(kind, type) and is_dataclass(kind):
        return _load_dataclass(kind, document, where)
    return _load_plain(kind, document, where)


def _bare(kind: Any) -> Any:
    """What a type alias stands for; marks of Annotated are gone with get_type_hints."""
    while isinstance(kind, TypeAliasType):
        kind = kind.__value__
    return kind


def _load_union(kinds: tuple[Any, ...], document: Any, where: str) -> Any:
    if document is None and type(None) in kinds:
        return None
    problems = []
    for kind in kinds:
        if kind is not type(None):
            try:
                return _load(kind, document, where)
            except CodecError as problem:
                problems.append(str(problem))
    raise CodecError("; or ".join(problems))


def _one_of(allowed: tuple[Any, ...], document: Any, where: str) -> Any:
    if document in allowed and type(document) in {type(a) for a in allowed}:
        return document
    raise CodecError(f"{where}: {document!r} is none of {', '.join(map(repr, allowed))}")


def _load_tuple(kinds: tuple[Any, ...], document: Any, where: str) -> tuple[Any, ...]:
    items = _expect(list, document, where)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(items)
    if len(kinds) != len(items):
        raise CodecError(f"{where}: {len(items)} items where {len(kinds)} belong")
    return tuple(
        _load(kind, item, f"{where}[{n}]")
        for n, (kind, item) in enumerate(zip(kinds, items, strict=True))
    )


def _load_set(kinds: tuple[Any, ...], document: Any, where: str) -> frozenset[Any]:
    return frozenset(_load_tuple((kinds[0], ...), document, where))


def _load_mapping(kinds: tuple[Any, ...], document: Any, where: str) -> dict[Any, Any]:
    members = _expect(dict, document, where)
    return {
        _load(kinds[0], key, f"{where} name"): _load(kinds[1], item, f"{where}[{key!r}]")
        for key, item in members.items()
    }


LOADERS: Mapping[Any, Callable[[tuple[Any, ...], Any, str], Any]] = {
    tuple: _load_tuple,
    frozenset: _load_set,
    dict: _load_mapping,
    Mapping: _load_mapping,
}


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _load_dataclass(kind: Any, document: Any, where: str) -> Any:
    members = _expect(dict, document, where)
    known = {field.name: field for field in fields(kind) if field.init}
    if strange := sorted(set(members) - set(known)):
        raise CodecError(f"{where}: unknown field {', '.join(strange)}")
    if lacking := sorted(name for name in set(known) - set(members) if _required(known[name])):
        raise CodecError(f"{where}: field {', '.join(lacking)} is missing")
    hints = _hints(kind)
    read = {n: _load(hints[n], v, f"{where}.{n}") for n, v in members.items()}
    try:
        return kind(**read)
    except ValueError as problem:
        raise CodecError(f"{where}: {problem}") from problem


def _required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _load_plain(kind: Any, document: Any, where: str) -> Any:
    if kind is Any or kind is object:
        return document
    if kind is type(None):
        return _expect(type(None), document, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _called(kind, document, where)
    if kind in (datetime, date):
        return _called(kind.fromisoformat, _expect(str, document, where), where)
    if kind is float and type(document) is int:
        return float(document)
    if kind in (bool, int, float, str):
        return _expect(kind, document, where)
    raise CodecError(f"{where}: {kind!r} is not a type that documents hold")


def _called(make: Callable[[Any], Any], document: Any, where: str) -> Any:
    try:
        return make(document)
    except (ValueError, TypeError) as problem:
        raise CodecError(f"{where}: {problem}") from problem


def _expect(kind: type, document: Any, where: str) -> Any:
    # type() and not isinstance(): True is no number here, and 1 is not true.
    if type(document) is not kind:
        raise CodecError(f"{where}: a {kind.__name__} belongs here, not {document!r:.60}")
    return document
