"""The copied answers of Exchange Online, as the adapter meets them."""

import json
from pathlib import Path
from typing import Any

from mailposture.adapters.exchange.envelope import Answer

FIXTURES = Path(__file__).parent / "fixtures"
JSON_TYPE = "application/json;odata.metadata=minimal"


def document(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


def success(name: str) -> Answer:
    """A fixture that is a whole body, as a 200."""
    return answered(200, document(name))


def failure(name: str) -> Answer:
    """A fixture of an error: status, headers and body."""
    error = document(f"errors/{name}")
    return answered(error["status"], error["body"], error["headers"])


def answered(status: int, body: Any, headers: dict[str, str] | None = None) -> Answer:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    if body is None:
        raw = b""
    named = {name.lower(): value for name, value in (headers or {}).items()}
    return Answer(status=status, headers=named, body=raw)


def names(folder: str) -> list[str]:
    return sorted(f"{folder}/{path.stem}" for path in (FIXTURES / folder).glob("*.json"))
