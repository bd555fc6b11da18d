"""Every answer is a page of rows or an error by name; none is read as "no rows"."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailposture.adapters.exchange.envelope import Answer, Page, page, rows_of, said
from mailposture.adapters.exchange.errors import LONGEST, ExchangeError, clean
from tests.adapters.exchange.samples import (
    answered,
    document,
    failure,
    names,
    success,
)

PARTS = (
    "accepted_domains",
    "hosted_connection_filter",
    "inbound_connectors",
    "organization_config",
    "outbound_connectors",
    "transport_rules",
)
EXPORT = "inbound_connectors/17_powershell51_export_array"
PAGES = [name for part in PARTS for name in names(part) if name != EXPORT]


@pytest.mark.parametrize("name", PAGES)
def test_every_answer_is_read_without_the_notes_of_odata(name: str) -> None:
    found = page(success(name))
    assert len(found.rows) == len(document(name)["value"])
    assert not [key for row in found.rows for key in row if "@" in key]
    assert (found.next_link, found.warnings) == (None, ())


def test_no_connectors_is_an_answer_of_no_rows() -> None:
    assert page(success("inbound_connectors/00_none_default_tenant")).rows == ()
    assert page(answered(200, {"@odata.context": "x", "value": None})).rows == ()
    assert page(answered(200, {"@odata.context": "x", "@adminapi.warnings": []})).rows == ()


def test_a_cut_answer_keeps_its_link_and_its_warning() -> None:
    found = page(success("envelopes/truncated_with_next_link"))
    assert found.next_link is not None
    assert "skiptoken" in found.next_link
    assert found.warnings[0].startswith("There are more results")
    assert found.rows == ({"Identity": "one"},)


def test_warnings_carry_nothing_that_cannot_be_stored() -> None:
    found = page(answered(200, {"value": [], "@adminapi.warnings": ["a\0b", "\ud800"]}))
    assert found.warnings == ("a\ufffdb", "\ufffd")


NUL_BODY = Answer(status=403, headers={"content-type": "text/plain"}, body=b"\0" * 8192)


@pytest.mark.parametrize(
    ("answer", "cause", "permanent", "says"),
    [
        (failure("400_incorrect_routing_hint"), "routing-hint-wrong", True, "x-anchor mailbox"),
        (failure("400_invalid_enum"), "parameter-invalid", True, "Cannot process argument"),
        (failure("400_pagination_expired"), "page-expired", True, "Expired or Invalid pagination"),
        (failure("400_unknown_parameter"), "parameter-unknown", True, "Parameter set cannot be"),
        (failure("401_missing_grants"), "token-refused", True, "Bearer client_id"),
        (failure("401_user_not_allowed_json"), "role-missing", True, "not allowed to call"),
        (failure("403_cmdlet_not_in_role_json"), "role-missing", True, "role definition"),
        (failure("403_role_not_supported_text"), "role-missing", True, "isn't supported in this"),
        (failure("404_object_not_found"), "object-not-found", True, "object 'Nope' couldn't be"),
        (failure("429_too_many_requests"), "throttled", False, "TooManyRequests"),
        (failure("500_cmdlet_proxy"), "transient", False, "the issue may be transient"),
        (failure("503_service_unavailable"), "unavailable", False, ""),
        (NUL_BODY, "role-missing", True, ""),
        (success("envelopes/value_absent"), "value-absent", True, "no value"),
        (
            answered(200, {"@adminapi.warnings": ["Nothing was run."]}),
            "value-absent",
            True,
            "Nothing was run.",
        ),
        (answered(200, "<html>not available right now</html>"), "not-json", False, "<html>"),
        (answered(200, ""), "not-json", False, "an empty answer"),
        (answered(200, []), "not-an-envelope", False, "[]"),
        (answered(200, "null"), "not-an-envelope", False, "null"),
        (answered(200, {"error": {"message": "Odd."}}), "answer-unknown", False, "Odd."),
        (answered(200, {"@odata.context": "x", "@adminapi.warnings": ["No."]}),
         "value-absent", True, "No."),
        (answered(204, ""), "answer-unknown", False, ""),
        (answered(418, "teapot"), "answer-unknown", False, "teapot"),
        (answered(599, "down"), "server-error", False, "down"),
        (
            answered(
                400,
                "You have reached the maximum number of concurrent requests per tenant. "
                "Please wait and try again",
            ),
            "busy",
            False,
            "maximum number of concurrent",
        ),
    ],
)  # fmt: skip
def test_whatever_is_no_page_is_an_error_by_name(
    answer: Answer, cause: str, permanent: bool, says: str
) -> None:
    with pytest.raises(ExchangeError) as raised:
        page(answer)
    error = raised.value
    assert (error.cause, error.permanent, error.status) == (cause, permanent, answer.status)
    assert says in error.says
    assert "\0" not in str(error)


def test_all_errors_of_the_fixtures_are_in_the_table_above() -> None:
    for name in names("errors"):
        with pytest.raises(ExchangeError) as raised:
            page(failure(name.removeprefix("errors/")))
        assert raised.value.status == int(name.removeprefix("errors/")[:3])


def test_the_time_to_wait_is_read_where_it_is_a_number() -> None:
    with pytest.raises(ExchangeError) as raised:
        page(failure("429_too_many_requests"))
    assert raised.value.retry_after == 30.0
    with pytest.raises(ExchangeError) as raised:
        page(answered(429, None, {"Retry-After": "Wed, 25 Nov 2026 08:00:00 GMT"}))
    assert raised.value.retry_after is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"details": [{"message": "|Type|good | text"}]}}, "good | text"),
        ({"error": {"details": [{"message": "plain"}]}}, "plain"),
        ({"error": {"details": "odd", "message": "outer"}}, "outer"),
        ({"error": {"innererror": "odd", "message": "outer"}}, "outer"),
        ({"error": "text"}, "text"),
        ({"error": {"message": "Invalid Operation"}}, ""),
        ({"other": 1}, '{"other": 1}'),
        ([1], "[1]"),
    ],
)
def test_the_words_that_say_most_are_found_wherever_they_are(body: Any, words: str) -> None:
    assert said(answered(400, body)) == words


def outcome(answer: Answer) -> Page | ExchangeError:
    try:
        return page(answer)
    except ExchangeError as error:
        return error


@given(st.binary(max_size=200), st.sampled_from([200, 301, 400, 401, 403, 429, 500]))
def test_any_bytes_are_a_page_or_an_error_by_name(body: bytes, status: int) -> None:
    found = outcome(Answer(status=status, headers={}, body=body))
    assert isinstance(found, Page) or (found.cause and (found.says + "x").isprintable())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["value", "error", "details", "message", "innererror", "@x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)


@given(json_values, st.sampled_from([200, 400, 401, 403, 500]))
def test_any_document_is_a_page_or_an_error_by_name(body: Any, status: int) -> None:
    found = outcome(Answer(status=status, headers={}, body=json.dumps(body).encode()))
    if isinstance(found, ExchangeError):
        assert found.cause
    else:
        assert isinstance(body, dict)
        assert "value" in body
        assert all(isinstance(row, dict) for row in found.rows)


# ---- PowerShell exports ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exported", "count"),
    [
        (document(EXPORT), 1),
        (document(EXPORT)[0], 1),
        ([None], 0),
        ([], 0),
        (None, 0),
        ({"value": [{"Name": "x"}], "Count": 1}, 1),
    ],
)
def test_exports_of_powershell_are_rows_too(exported: Any, count: int) -> None:
    assert len(rows_of(exported)) == count


def test_an_export_that_is_no_object_is_an_error() -> None:
    with pytest.raises(ExchangeError) as raised:
        rows_of(["just text"])
    assert raised.value.cause == "rows-malformed"


# ---- words of a server -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("plain", "plain"),
        ("a\0b\x1b[31mc\r\nd", "a b [31mc d"),
        ("AADSTS1: no. Trace ID: 0000 Correlation ID: 1", "AADSTS1: no."),
        ("\u202eevil", "evil"),
    ],
)
def test_a_servers_words_are_kept_without_what_could_act(given: str, kept: str) -> None:
    assert clean(given) == kept


def test_long_words_are_cut() -> None:
    assert len(clean("x" * 10_000)) == LONGEST


def test_an_error_reads_as_cause_status_and_words() -> None:
    error = ExchangeError("throttled", "slow down", permanent=False, status=429)
    assert str(error) == "throttled (429): slow down"
    assert str(ExchangeError("timeout", permanent=False)) == "timeout"
