"""Asks a running lab's control: what the command and the page both use."""

import json
import urllib.error
import urllib.request
from typing import Any

type Document = dict[str, Any]

PATIENCE = 10


class ControlError(Exception):
    """The lab said no, or did not answer; the message is for people."""


def ask(facts: Document, path: str, asked: Document | None = None) -> Document:
    """GET a path of the control, or POST what is asked; `facts` is the content of lab.json."""
    headers = {"X-Lab-Token": facts["control_token"], "Content-Type": "application/json"}
    body = None if asked is None else json.dumps(asked).encode()
    url = f"{facts['control']}{path}"
    # lab.json named the address, and no proxy has any business with loopback.
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=PATIENCE) as answer:
            document: Document = json.load(answer)
    except urllib.error.HTTPError as error:
        raise ControlError(reason(error)) from error
    except OSError as error:
        raise ControlError(f"the lab does not answer: {error}") from error
    return document


def reason(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        return f"the lab answered {error.code}"
