"""Who sent, asked of the service itself: paged by its warnings, bounded, and honest of its end.

A row has the twelve keys that a public client recorded of Get-MessageTraceV2.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailposture.adapters.exchange import tracing
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.adapters.exchange.tracing import Traced
from tests.adapters.exchange.scripted import (
    CREDENTIAL,
    Clock,
    Numbered,
    Reply,
    Script,
    rows,
    scripted,
)

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
MORE = "There are more results available than are currently displayed."


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Script]:
    with scripted(tmp_path_factory.mktemp("https")) as script:
        yield script


@pytest.fixture
def script(served: Script) -> Script:
    served.replies, served.asked = [], []
    return served


def row(number: int = 1, **other: Any) -> dict[str, Any]:
    given = {
        "MessageTraceId": f"805ee661-4dfb-5520-9fbc-{number:012}",
        "MessageId": f"<{number}@sender.example>",
        "Received@data.type": "System.DateTime",
        "Received": f"2026-11-24T22:{number:02}:22.0480000Z",
        "SenderAddress": "invoice@fabrikam.com",
        "RecipientAddress": "adele@contoso.com",
        "FromIP": "192.0.2.66",
        "ToIP": "",
        "Subject": "Invoice",
        "Status": "Delivered",
        "Size@data.type": "System.Int32",
        "Size": 176814,
    }
    return given | other


def more(*values: dict[str, Any]) -> Reply:
    return rows(*values, **{"@adminapi.warnings": [MORE]})


def traced(script: Script, days: int = 2) -> Traced:
    span = (NOW - timedelta(days=days), NOW)
    return tracing.fetch(script.cloud, CREDENTIAL, span, waits=Clock().waits(), tokens=Numbered())


def asked(script: Script) -> list[dict[str, Any]]:
    return [json.loads(one.body)["CmdletInput"]["Parameters"] for one in script.asked]


def test_a_trace_is_counted_as_an_imported_one_is(script: Script) -> None:
    script.replies = [rows(row(1), row(2), row(3, FromIP=""), row(4, SenderAddress="<>"))]
    found = traced(script)
    said = sorted((s.source, s.sender_domain, s.messages) for s in found.report.seen)
    assert said == [("192.0.2.66", "", 1), ("192.0.2.66", "fabrikam.com", 2)]
    assert found.whole
    assert "Invoice" not in repr(found)
    assert asked(script) == [
        {"StartDate": "2026-11-23T08:00:00Z", "EndDate": "2026-11-25T08:00:00Z",
         "ResultSize": tracing.ROWS}
    ]  # fmt: skip


def test_a_warning_is_followed_from_the_last_row_and_what_comes_twice_counts_once(
    script: Script,
) -> None:
    script.replies = [more(row(1), row(2)), more(row(2), row(3)), rows(row(3), row(4))]
    found = traced(script)
    assert sum(one.messages for one in found.report.seen) == 4
    assert found.whole
    assert [one.get("StartingRecipientAddress") for one in asked(script)] == [
        None,
        "adele@contoso.com",
        "adele@contoso.com",
    ]
    assert asked(script)[2]["EndDate"] == "2026-11-24T22:03:22.0480000Z"


@pytest.mark.parametrize("calls", [1, 3])
def test_what_does_not_end_is_not_whole(
    script: Script, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "MOST_CALLS", calls)
    script.replies = [more(row(n)) for n in range(1, 9)]
    found = traced(script)
    assert (found.whole, len(script.asked)) == (False, calls)


def test_a_service_that_says_the_same_again_and_again_is_left(script: Script) -> None:
    script.replies = [more(row(1))]
    found = traced(script)
    assert (found.whole, len(script.asked)) == (False, 2)


def test_a_long_time_is_asked_for_in_pieces_and_no_further_back_than_is_kept(
    script: Script,
) -> None:
    script.replies = [rows()]
    traced(script, days=400)
    spans = [(one["StartDate"][:10], one["EndDate"][:10]) for one in asked(script)]
    assert len(spans) == 9
    assert spans[0] == ("2026-11-15", "2026-11-25")
    assert spans[-1] == ("2026-08-27", "2026-09-06")


def test_without_the_role_nothing_is_taken_for_no_traffic(script: Script) -> None:
    script.replies = [Reply(status=403)]
    with pytest.raises(ExchangeError) as refused:
        traced(script)
    assert refused.value.cause == "role-missing"


def test_rows_that_cannot_be_read_are_an_error(script: Script) -> None:
    script.replies = [rows(row(1, Received="yesterday"))]
    with pytest.raises(ExchangeError, match="rows-malformed"):
        traced(script)
