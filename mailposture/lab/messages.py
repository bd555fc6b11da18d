"""One HTTP question and its answer, as the authority and the Admin API see them: no sockets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

ODATA = (
    "application/json;odata.metadata=minimal;odata.streaming=true;"
    "IEEE754Compatible=false;charset=utf-8"
)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a client asked; header names are lower case, `base` is the URL it reached us by."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    base: str = ""

    def asked(self, name: str) -> str | None:
        """The first value of a query parameter."""
        return parse_qs(self.query).get(name, [None])[0]

    @property
    def form(self) -> dict[str, str]:
        """An urlencoded body; the first value of each field."""
        text = self.body.decode("utf-8", "replace")
        return {name: values[0] for name, values in parse_qs(text).items()}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What goes back. `after` seconds pass first; `never` means the client waits in vain."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    after: float = 0.0
    never: bool = False


def as_json(
    document: Any, status: int = 200, *, kind: str = ODATA, headers: Mapping[str, str] | None = None
) -> Answer:
    """An answer whose body is one JSON document."""
    body = json.dumps(document, separators=(",", ":")).encode()
    return Answer(status=status, headers={"Content-Type": kind, **(headers or {})}, body=body)
