"""The client over real HTTPS: patient where waiting helps, bounded, and led nowhere else."""

import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailposture.adapters.exchange import client as client_module
from mailposture.adapters.exchange.client import TRIES, Client
from mailposture.adapters.exchange.errors import ExchangeError
from tests.adapters.exchange.samples import document
from tests.adapters.exchange.scripted import (
    CREDENTIAL,
    DRIPS,
    TENANT,
    Clock,
    Numbered,
    Reply,
    Script,
    rows,
    scripted,
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Script]:
    with scripted(tmp_path_factory.mktemp("https")) as script:
        yield script


@pytest.fixture
def script(served: Script) -> Script:
    served.replies, served.asked = [], []
    return served


class Caller:
    """A client with a clock that only sleeping moves, and tokens that are numbered."""

    def __init__(self, script: Script, **waits: Any) -> None:
        self.clock, self.tokens = Clock(), Numbered()
        self.client = Client(script.cloud, CREDENTIAL, self.tokens, self.clock.waits(**waits))

    def invoke(self, *select: str) -> Any:
        try:
            return self.client.invoke("Get-InboundConnector", {"ResultSize": "Unlimited"}, select)
        finally:
            self.client.close()

    def refused(self) -> ExchangeError:
        with pytest.raises(ExchangeError) as raised:
            self.invoke()
        return raised.value


# ---- one call ----------------------------------------------------------------------------


def test_a_call_is_what_the_service_expects(script: Script) -> None:
    script.replies = [rows({"Name": "x"})]
    assert Caller(script).invoke().rows == ({"Name": "x"},)
    (asked,) = script.asked
    example = document("envelopes/request_example")
    assert (asked.method, asked.path) == ("POST", f"/adminapi/beta/{TENANT}/InvokeCommand")
    assert json.loads(asked.body) == example["body"]
    for name in ("Accept", "Content-Type", "X-AnchorMailbox", "X-CmdletName", "X-ResponseFormat"):
        assert asked.headers[name.lower()] == example["headers"][name]
    assert asked.headers["authorization"] == "Bearer token-0"
    assert asked.headers["client-request-id"]


def test_selected_fields_are_asked_for_in_the_address(script: Script) -> None:
    script.replies = [rows()]
    Caller(script).invoke("Name", "Guid")
    assert script.asked[0].path.endswith("/InvokeCommand?$select=Name,Guid")


def test_the_preflight_lists_the_cmdlets_that_may_be_called(script: Script) -> None:
    script.replies = [rows({"exportedCmdlets": "Get-InboundConnector, Get-AcceptedDomain,"})]
    caller = Caller(script)
    found = caller.client.exported_cmdlets()
    caller.client.close()
    assert found == {"Get-InboundConnector", "Get-AcceptedDomain"}
    (asked,) = script.asked
    assert asked.method == "GET"
    assert asked.path == f"/adminapi/v1.0/{TENANT}/EXOModuleFile?Version=3.9.2"
    assert asked.headers["commandname"] == "*"


def test_calls_keep_the_pace_of_the_cloud(script: Script) -> None:
    script.replies = [rows()]
    caller = Caller(script)
    caller.client = Client(
        replace(script.cloud, pace=1.0), CREDENTIAL, caller.tokens, caller.clock.waits()
    )
    for _ in range(3):
        caller.client.invoke("Get-AcceptedDomain", {})
    caller.client.close()
    assert caller.clock.slept == [1.0, 1.0]


# ---- patience ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        Reply(503),
        Reply(500, {"error": {"message": "the issue may be transient"}}),
        Reply(504),
        Reply(408),
        Reply(429),
        Reply(400, b"You have reached the maximum number of concurrent requests per tenant."),
        Reply(200, b"<html>not available right now</html>"),
    ],
)
def test_what_may_pass_is_tried_again(script: Script, reply: Reply) -> None:
    script.replies = [reply, reply, rows({"Name": "x"})]
    caller = Caller(script)
    assert caller.invoke().rows == ({"Name": "x"},)
    assert caller.clock.slept == [1.0, 2.0]


def test_the_time_the_server_asks_for_is_given(script: Script) -> None:
    script.replies = [Reply(429, headers={"Retry-After": "30"}), rows()]
    caller = Caller(script)
    caller.invoke()
    assert caller.clock.slept == [30.0]


def test_chance_lengthens_a_wait_by_up_to_half(script: Script) -> None:
    script.replies = [Reply(429, headers={"Retry-After": "10"}), Reply(503), rows()]
    caller = Caller(script, random=lambda: 1.0)
    caller.invoke()
    assert caller.clock.slept == [15.0, 3.0]


def test_a_wait_that_is_too_long_is_the_next_fetch_s_business(script: Script) -> None:
    script.replies = [Reply(429, headers={"Retry-After": "3600"})]
    error = Caller(script).refused()
    assert (error.cause, error.permanent, error.retry_after) == ("throttled", False, 3600.0)
    assert len(script.asked) == 1


def test_after_some_tries_the_error_is_let_out(script: Script) -> None:
    script.replies = [Reply(503)]
    caller = Caller(script)
    assert caller.refused().cause == "unavailable"
    assert len(script.asked) == TRIES
    assert caller.clock.slept == [1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (Reply(404, {"error": {"message": "no such thing"}}), "not-found"),
        (Reply(400, {"error": {"message": "Invalid cmdlet parameters specified"}}),
         "parameter-unknown"),
        (Reply(200, {}), "value-absent"),
    ],
)  # fmt: skip
def test_what_will_not_pass_is_asked_once(script: Script, reply: Reply, cause: str) -> None:
    script.replies = [reply]
    error = Caller(script).refused()
    assert (error.cause, error.permanent) == (cause, True)
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    ("reply", "cause"),
    [(Reply(401), "token-refused"), (Reply(403, b"\0" * 4096), "role-missing")],
)
def test_a_token_that_may_be_older_than_its_grant_is_renewed_once(
    script: Script, reply: Reply, cause: str
) -> None:
    script.replies = [reply, rows({"Name": "x"})]
    caller = Caller(script)
    assert caller.invoke().rows == ({"Name": "x"},)
    used = [asked.headers["authorization"] for asked in script.asked]
    assert used == ["Bearer token-0", "Bearer token-1"]
    script.replies, script.asked = [reply], []
    assert Caller(script).refused().cause == cause
    assert len(script.asked) == 2


def test_the_time_of_a_whole_fetch_is_bounded(script: Script) -> None:
    script.replies = [Reply(503)]
    caller = Caller(script, budget=2.5)
    assert caller.refused().cause == "unavailable"
    assert caller.clock.slept == [1.0]
    caller.clock.now = 3.0
    assert caller.refused().cause == "out-of-time"


# ---- redirects ---------------------------------------------------------------------------


def test_a_redirect_within_the_cloud_is_followed_with_method_and_body(script: Script) -> None:
    elsewhere = {"Location": f"{script.base}/some/other/path?x=1"}
    script.replies = [Reply(302, headers=elsewhere), rows({"Name": "x"})]
    assert Caller(script).invoke().rows == ({"Name": "x"},)
    first, second = script.asked
    assert (second.method, second.path, second.body) == (first.method, first.path, first.body)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize(
    "location",
    [
        "https://127.0.0.2/adminapi",
        "https://evil.example/127.0.0.1",
        "https://127.0.0.1.evil.example/",
        "https://127.0.0.1@evil.example/",
        "http://127.0.0.1/",
        "//evil.example/",
        "https://[broken/",
        "",
    ],
)
def test_a_redirect_out_of_the_cloud_is_refused(script: Script, status: int, location: str) -> None:
    script.replies = [Reply(status, headers={"Location": location})]
    error = Caller(script).refused()
    assert (error.cause, error.permanent, error.status) == ("redirect-refused", True, status)
    assert len(script.asked) == 1


def test_a_second_redirect_is_refused(script: Script) -> None:
    script.replies = [Reply(302, headers={"Location": script.base})]
    caller = Caller(script)
    with pytest.raises(ExchangeError, match="redirect-refused"):
        caller.client.invoke("Get-AcceptedDomain", {})
    assert caller.refused().cause == "redirect-refused"


# ---- pages -------------------------------------------------------------------------------


def test_further_pages_are_asked_for_with_the_same_body(script: Script) -> None:
    link = {"@odata.nextLink": f"{script.base}/adminapi/next?%24skiptoken=a"}
    warned = {"@adminapi.warnings": ["There are more results available."]}
    script.replies = [rows({"n": 1}, **link, **warned), rows({"n": 2})]
    found = Caller(script).invoke()
    assert found.rows == ({"n": 1}, {"n": 2})
    assert (found.next_link, found.warnings) == (None, ())
    first, second = script.asked
    assert second.path == "/adminapi/next?%24skiptoken=a"
    assert second.body == first.body


def test_a_page_that_cannot_be_read_leaves_its_link_as_a_sign(script: Script) -> None:
    link = f"{script.base}/adminapi/next?%24skiptoken=a"
    expired = document("errors/400_pagination_expired")["body"]
    script.replies = [rows({"n": 1}, **{"@odata.nextLink": link}), Reply(400, expired)]
    found = Caller(script).invoke()
    assert (found.rows, found.next_link) == (({"n": 1},), link)


def test_a_link_out_of_the_cloud_is_not_followed(script: Script) -> None:
    link = "https://evil.example/next"
    script.replies = [rows({"n": 1}, **{"@odata.nextLink": link})]
    assert Caller(script).invoke().next_link == link
    assert len(script.asked) == 1


def test_pages_without_end_are_cut(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MOST_PAGES", 3)
    script.replies = [rows({"n": 1}, **{"@odata.nextLink": f"{script.base}/again"})]
    assert Caller(script).invoke().next_link is not None
    assert len(script.asked) == 3


# ---- bounds ------------------------------------------------------------------------------


def test_an_answer_that_is_too_big_is_left(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "BIGGEST_BODY", 1000)
    script.replies = [rows({"Name": "x" * 2000})]
    assert Caller(script).refused().cause == "too-big"


@pytest.mark.parametrize("begin", DRIPS)
def test_an_answer_that_drips_for_ever_is_left(
    script: Script, monkeypatch: pytest.MonkeyPatch, begin: bytes
) -> None:
    monkeypatch.setattr(client_module, "WHOLE_ANSWER", 0.3)
    script.replies = [Reply(dripping=begin)]
    began = time.monotonic()
    error = Caller(script, budget=0.9).refused()
    assert (error.cause, error.permanent, error.says) == ("timeout", False, "No answer in time.")
    assert time.monotonic() - began < 3


def test_no_answer_has_longer_than_what_is_left_for_the_whole_fetch(script: Script) -> None:
    script.replies = [Reply(dripping=DRIPS[2])]
    began = time.monotonic()
    assert Caller(script, budget=0.3).refused().cause == "timeout"
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("coding", ["gzip", "br", "GZIP, identity", "odd"])
def test_an_answer_that_is_packed_unasked_is_left(script: Script, coding: str) -> None:
    packed = gzip.compress(b'{"value": []}')
    script.replies = [Reply(body=packed, headers={"Content-Encoding": coding})]
    error = Caller(script).refused()
    assert (error.cause, error.permanent, error.status) == ("encoding-refused", True, 200)
    (asked,) = script.asked
    assert asked.headers["accept-encoding"] == "identity"


def test_an_answer_that_says_it_is_not_packed_is_read(script: Script) -> None:
    script.replies = [rows({"Name": "x"})]
    script.replies[0].headers["Content-Encoding"] = "identity"
    assert Caller(script).invoke().rows == ({"Name": "x"},)


def test_a_server_that_says_nothing_is_left(script: Script) -> None:
    script.replies = [Reply(silent=True)]
    error = Caller(script, silence=0.05, budget=0.5).refused()
    assert (error.cause, error.permanent, error.says) == ("timeout", False, "No answer in time.")


def test_a_server_that_is_not_there_is_unreachable(script: Script) -> None:
    caller = Caller(script, budget=0.5)
    away = replace(script.cloud, api="https://127.0.0.1:1")
    caller.client = Client(away, CREDENTIAL, caller.tokens, caller.clock.waits(budget=0.5))
    error = caller.refused()
    assert (error.cause, error.permanent) == ("unreachable", False)
    assert "127.0.0.1" not in error.says


def test_a_server_whose_certificate_does_not_verify_gets_no_token(
    script: Script, tmp_path: Path
) -> None:
    caller = Caller(script)
    with scripted(tmp_path) as other:
        distrusting = replace(script.cloud, ca=other.cloud.ca)
        caller.client = Client(
            distrusting, CREDENTIAL, caller.tokens, caller.clock.waits(budget=0.5)
        )
        error = caller.refused()
    assert (error.cause, error.says) == (
        "unreachable",
        "The certificate of the server could not be verified.",
    )
    assert script.asked == []
