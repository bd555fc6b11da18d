"""Steer the lab over its loopback control. Every trouble leaves here as a sentence for people."""

from collections.abc import Mapping
from typing import Any, Final

import requests

TIMEOUT: Final = 3.0
MOST_BYTES: Final = 1_000_000


class LabError(Exception):
    """The lab did not answer, or would not; the text says which and what to do."""


def ask(facts: Mapping[str, Any], path: str, asked: Mapping[str, Any] | None = None) -> Any:
    """Read a path of the control, or post what is asked; `facts` is the content of lab.json."""
    try:
        with requests.Session() as session:
            session.trust_env = False  # no proxy has any business with loopback
            answer = session.request(
                "GET" if asked is None else "POST",
                f"{facts['control']}{path}",
                json=asked,
                headers={"X-Lab-Token": str(facts["control_token"])},
                timeout=TIMEOUT,
                allow_redirects=False,
            )
    except requests.Timeout:
        raise LabError(f"The lab did not answer within {TIMEOUT:g} s.") from None
    except requests.RequestException:
        raise LabError(
            "The lab does not answer. Start the demo, or manage.py lab, again."
        ) from None
    return _document(answer)


def _document(answer: requests.Response) -> dict[str, Any]:
    try:
        document = answer.json() if len(answer.content) <= MOST_BYTES else None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise LabError(f"The lab answered {answer.status_code} with something that is no document.")
    if answer.status_code != 200:
        said = str(document.get("error") or answer.status_code)
        raise LabError(f"The lab refused: {said}.")
    return document
