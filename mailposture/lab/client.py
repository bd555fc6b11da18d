"""Asks a running lab's control: what the command and the page both use."""

import http.client
import json
from collections.abc import Mapping
from contextlib import closing
from typing import Any, Final
from urllib.parse import urlsplit

type Document = dict[str, Any]

PATIENCE: Final = 3.0
MOST_BYTES: Final = 1_000_000


class ControlError(Exception):
    """The lab said no, or did not answer; the message is a sentence for people."""


def ask(facts: Mapping[str, Any], path: str, asked: Mapping[str, Any] | None = None) -> Document:
    """GET a path of the control, or POST what is asked; `facts` is the content of lab.json."""
    try:
        status, body = _exchange(facts, path, asked)
    except TimeoutError:
        raise ControlError(f"The lab did not answer within {PATIENCE:g} s.") from None
    except (OSError, http.client.HTTPException):
        raise ControlError(
            "The lab does not answer. Start the demo, or manage.py lab, again."
        ) from None
    return _document(status, body)


def _exchange(
    facts: Mapping[str, Any], path: str, asked: Mapping[str, Any] | None
) -> tuple[int, bytes]:
    """One request on one connection; this client knows neither proxies nor redirects."""
    there = urlsplit(str(facts["control"]))
    headers = {"X-Lab-Token": str(facts["control_token"]), "Content-Type": "application/json"}
    method, body = ("GET", None) if asked is None else ("POST", json.dumps(asked).encode())
    connection = http.client.HTTPConnection(there.hostname or "", there.port, timeout=PATIENCE)
    with closing(connection):
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read(MOST_BYTES + 1)


def _document(status: int, body: bytes) -> Document:
    try:
        document = json.loads(body) if len(body) <= MOST_BYTES else None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ControlError(f"The lab answered {status} with something that is no document.")
    if status != http.HTTPStatus.OK:
        raise ControlError(f"The lab refused: {document.get('error') or status}.")
    return document
