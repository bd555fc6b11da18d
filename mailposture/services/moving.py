"""Move everything from one database to another, and prove that it arrived.

All rows in one transaction on the target: foreign keys are checked at its end, so that rows may
name each other in any order. What is proved is a digest of every table, not only its count.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import dj_database_url
from django.apps import apps
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import DatabaseError, connections, models, transaction

from mailposture.services import audit

CHUNK: Final = 500
SOURCE: Final = "default"
TARGET: Final = "target"


class MoveError(Exception):
    """It cannot be moved; says why. Nothing was changed on the source, and nothing kept there."""


@dataclass(frozen=True, slots=True)
class Moved:
    """One table: its rows, and the digest that both sides have."""

    table: str
    rows: int
    digest: str


def move(url: str, now: datetime) -> list[Moved]:
    """Copy all rows to the database of this address; raises MoveError and leaves it as it was.

    That it was moved is the next act in the trail of the target; the source is only read.
    """
    _connect(url)
    try:
        call_command("migrate", database=TARGET, verbosity=0, interactive=False)
        _refuse_what_holds_rows()
        with transaction.atomic(using=TARGET):
            moved = _copy_all()
            rows = f"{sum(one.rows for one in moved)} rows"
            audit.act("moved the database", rows, now).save(using=TARGET)
            return moved
    except DatabaseError as error:
        raise MoveError(" ".join(str(error).split())) from error
    finally:
        connections[TARGET].close()
        del connections[TARGET]
        connections.databases.pop(TARGET, None)


def _connect(url: str) -> None:
    try:
        settings: dict[str, Any] = dict(dj_database_url.parse(url))
    except (ValueError, KeyError):
        raise MoveError("The address is none of a database: postgres://user@host/name") from None
    if settings.get("ENGINE") != "django.db.backends.postgresql":
        raise MoveError("Only PostgreSQL can be moved to: postgres://user@host/name")
    defaults = connections.databases[SOURCE]
    connections.databases[TARGET] = {**defaults, "OPTIONS": {}, **settings}


def tables() -> list[type[models.Model]]:
    """Every table of ours and of Django's, in the order of their names."""
    found = [m for m in apps.get_models(include_auto_created=True) if m._meta.managed]  # noqa: SLF001 - the documented Model._meta API
    return sorted(found, key=_table)


def _table(model: type[models.Model]) -> str:
    return str(model._meta.db_table)  # noqa: SLF001 - the documented Model._meta API


def _refuse_what_holds_rows() -> None:
    """Only what `migrate` itself writes may be there."""
    held = [
        _table(model)
        for model in tables()
        if not _made_by_migrate(model) and model._base_manager.using(TARGET).exists()  # noqa: SLF001 - the documented Model._base_manager API
    ]
    if held:
        raise MoveError(
            f"The target already holds rows, in {', '.join(held[:3])}: use an empty one."
        )


def _made_by_migrate(model: type[models.Model]) -> bool:
    return _table(model) in ("django_content_type", "auth_permission")


def _copy_all() -> list[Moved]:
    order = tables()
    for model in reversed(order):
        if _made_by_migrate(model):
            model._base_manager.using(TARGET).all().delete()  # noqa: SLF001 - the documented Model._base_manager API
    for model in order:
        try:
            _copy(model)
        except DatabaseError as error:
            words = " ".join(str(error).split())
            raise MoveError(f"{_table(model)} cannot be moved: {words}") from error
    target = connections[TARGET]
    with target.cursor() as cursor:
        for statement in target.ops.sequence_reset_sql(no_style(), order):
            cursor.execute(statement)
    return [_proved(model) for model in order]


def _copy(model: type[models.Model]) -> None:
    """Copy one table in chunks, keys and all."""
    waiting: list[models.Model] = []
    for row in _rows(model, SOURCE):
        waiting.append(model(**row))
        if len(waiting) == CHUNK:
            model._base_manager.using(TARGET).bulk_create(waiting)  # noqa: SLF001 - the documented Model._base_manager API
            waiting = []
    model._base_manager.using(TARGET).bulk_create(waiting)  # noqa: SLF001 - the documented Model._base_manager API


def _rows(model: type[models.Model], database: str) -> Iterator[dict[str, Any]]:
    """All rows of a table by their keys, every column."""
    columns = [field.attname for field in model._meta.concrete_fields]  # noqa: SLF001 - the documented Model._meta API
    rows = model._base_manager.using(database).order_by("pk").values(*columns)  # noqa: SLF001 - the documented Model._base_manager API
    yield from rows.iterator(chunk_size=CHUNK)


def _proved(model: type[models.Model]) -> Moved:
    """The digest of one table, which both sides must have."""
    here, there = (_digest(model, database) for database in (SOURCE, TARGET))
    if here != there:
        raise MoveError(f"{_table(model)} did not arrive as it was: nothing was kept.")
    return here


def _digest(model: type[models.Model], database: str) -> Moved:
    found, count = hashlib.sha256(), 0
    for row in _rows(model, database):
        # Databases keep the keys of a document in an order of their own.
        found.update(json.dumps(row, sort_keys=True, default=repr).encode())
        count += 1
    return Moved(_table(model), count, found.hexdigest())
