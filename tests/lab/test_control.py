"""The control over HTTP: scenes change the wire, faults are checked, strangers are turned away."""

import http.client
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mailposture.lab import client
from tests.lab.hosts import FRONT, STRANGER, Facts, Stage

FOREIGN = "a@probe.example"


def is_open(stage: Stage, tenant: str, source: str = STRANGER) -> bool:
    return stage.try_delivery(tenant, source, FOREIGN).startswith("250")


def test_a_scene_moves_the_wire_and_the_state_together(stage: Stage) -> None:
    assert (is_open(stage, "contoso"), stage.state("contoso")["lock"]) == (True, "none")
    stage.scene("lock", "contoso")
    assert (is_open(stage, "contoso"), stage.state("contoso")["lock"]) == (False, "on")
    assert is_open(stage, "contoso", "127.0.10.10")
    stage.scene("unlock", "contoso")
    assert (is_open(stage, "contoso"), stage.state("contoso")["lock"]) == (True, "off")
    stage.scene("reset", "contoso")
    assert (is_open(stage, "contoso"), stage.state("contoso")["lock"]) == (True, "none")


def test_a_hybrid_server_gets_in_through_a_lock(stage: Stage) -> None:
    stage.scene("lock", "contoso")
    answer = stage.try_delivery("contoso", "127.0.10.25", FOREIGN, "contoso-hybrid.pem")
    assert answer.startswith("250")


def test_widen_lets_the_gateways_neighbours_in_but_not_the_stranger(stage: Stage) -> None:
    assert not is_open(stage, "fabrikam", "127.0.11.77")
    stage.scene("widen", "fabrikam")
    assert is_open(stage, "fabrikam", "127.0.11.77")
    assert not is_open(stage, "fabrikam")


def test_contradict_opens_the_wire_while_the_configuration_stays_closed(stage: Stage) -> None:
    stage.scene("contradict", "fabrikam")
    told = stage.state("fabrikam")
    assert (told["lock"], told["contradicted"]) == ("on", True)
    assert is_open(stage, "fabrikam")
    stage.scene("lock", "fabrikam")
    assert not is_open(stage, "fabrikam")


def test_one_tenants_scene_leaves_the_others_alone(stage: Stage) -> None:
    stage.scene("unlock", "fabrikam")
    assert is_open(stage, "fabrikam")
    assert not is_open(stage, "proseware")


def test_the_state_tells_what_there_is_to_play(facts: Facts) -> None:
    told = client.ask(facts, "/state")
    assert set(told["scenes"]) == {
        "lock", "unlock", "widen", "contradict", "renew-certificate", "restore-certificate",
        "throttle", "expire", "break-front-end", "reset",
    }  # fmt: skip
    assert all(told["scenes"].values())
    assert {"silent", "tarpit", "reset", "reputation", "throttle"} <= set(told["faults"])
    assert {"wrong-region", "second-tenant", "contrary"} <= set(told["faults"])
    assert "redirect" in told["api_faults"]
    assert set(told["mailbox_modes"]) == {"take", "refuse", "busy", "slow", "hang-up", "down"}
    assert "429" in told["api_faults"]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"tenant": "nobody", "fault": "silent"}, 'no tenant "nobody"'),
        ({"tenant": "contoso", "fault": "sulk"}, 'no fault "sulk"; there are silent'),
        ({"tenant": "contoso", "fault": "silent", "front_end": "127.0.0.9"}, "no front end at"),
        ({"tenant": "contoso", "fault": "delay", "milliseconds": "long"}, "must be a number"),
        ({"tenant": "contoso", "fault": "delay", "milliseconds": -1}, "from 0 to 120000"),
        ({"tenant": "contoso", "on": "api", "fault": "sulk"}, "no API fault is called 'sulk'"),
        ({"tenant": "contoso", "on": "api", "fault": "429", "times": 0}, "a number of calls"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(
    facts: Facts, asked: dict[str, Any], why: str
) -> None:
    with pytest.raises(client.ControlError, match=why):
        client.ask(facts, "/fault", asked)


def test_an_api_fault_is_told_and_lifted(stage: Stage) -> None:
    said = stage.fault("contoso", "429:2", on="api", cmdlet="Get-InboundConnector", times=1)
    assert "the next call of Get-InboundConnector with 429:2" in said
    assert stage.state("contoso")["api_faults"] == [
        {"kind": "429:2", "cmdlet": "Get-InboundConnector", "times": 1}
    ]
    stage.fault("contoso", "none", on="api")
    assert stage.state("contoso")["api_faults"] == []


def test_a_front_end_tells_its_fault_and_delay(stage: Stage) -> None:
    stage.fault("contoso", "silent", front_end=FRONT["contoso"])
    stage.fault("contoso", "delay", front_end=FRONT["contoso"], milliseconds=50)
    first, second = stage.state("contoso")["front_ends"]
    assert (first["fault"], first["delay"]) == ("silent", 50)
    assert (second["fault"], second["delay"]) == (None, 0)


def raw(facts: Facts, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> int:
    host, _, port = facts["control"].removeprefix("http://").rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    connection.request(method, path, body=body, headers=headers)
    answer = connection.getresponse()
    assert json.loads(answer.read())
    connection.close()
    return answer.status


@pytest.mark.parametrize(
    ("method", "path", "changed", "status"),
    [
        ("GET", "/state", {}, 200),
        ("GET", "/state", {"X-Lab-Token": "guess"}, 401),
        ("GET", "/state", {"X-Lab-Token": ""}, 401),
        ("GET", "/state", {"Host": "evil.example"}, 421),
        ("GET", "/scene", {}, 405),
        ("POST", "/state", {}, 405),
        ("GET", "/elsewhere", {}, 404),
        ("POST", "/scene", {"Content-Type": "text/plain"}, 415),
        ("POST", "/scene", {"Content-Length": "999999"}, 413),
        ("POST", "/scene", {}, 400),
    ],
)
def test_only_who_holds_the_token_and_speaks_json_is_heard(
    facts: Facts, method: str, path: str, changed: dict[str, str], status: int
) -> None:
    usual = {"X-Lab-Token": facts["control_token"], "Content-Type": "application/json"}
    assert raw(facts, method, path, usual | changed) == status


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'{"scene": "lock"}'])
def test_a_body_that_makes_no_sense_changes_nothing(stage: Stage, body: bytes) -> None:
    token = stage.facts["control_token"]
    headers = {"X-Lab-Token": token, "Content-Type": "application/json"}
    before = client.ask(stage.facts, "/state")
    assert raw(stage.facts, "POST", "/scene", headers, body) == 400
    assert client.ask(stage.facts, "/state") == before


def test_a_lab_that_is_gone_is_said_to_be_gone(facts: Facts) -> None:
    gone = facts | {"control": "http://127.0.0.1:1"}
    with pytest.raises(client.ControlError, match=r"^The lab does not answer\. Start the demo"):
        client.ask(gone, "/state")


def test_a_lab_that_is_silent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        there = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(client.ControlError, match=r"^The lab did not answer within 0\.05 s\.$"):
            client.ask({"control": there, "control_token": "t"}, "/state")


@pytest.mark.parametrize("said", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"])
def test_what_is_no_answer_of_http_is_said_to_be_none(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as odd, ThreadPoolExecutor(1) as pool:
        facts = {"control": f"http://127.0.0.1:{odd.getsockname()[1]}", "control_token": "t"}
        asked = pool.submit(client.ask, facts, "/state")
        met, _ = odd.accept()
        with met:
            met.recv(65536)
            met.sendall(said)
        with pytest.raises(client.ControlError, match=r"^The lab "):
            asked.result(timeout=20)
