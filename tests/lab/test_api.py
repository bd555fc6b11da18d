"""The Admin API over HTTPS: envelopes in the shape of real ones, refusals, troubles on demand."""

import asyncio
import re
import socket
import ssl
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
import trustme

from mailposture.lab import apifaults, cmdlets, https
from mailposture.lab.api import Call
from mailposture.lab.envelopes import CHALLENGE, CONCURRENCY
from mailposture.lab.stories import new_world
from mailposture.lab.tokens import DIRECTORY_ROLES, TokenError
from mailposture.lab.world import GLOBAL_READER, MANAGE_AS_APP, ApiFault
from tests.lab.door import Door, envelope, running, shape

SECURITY_READER = DIRECTORY_ROLES["Security Reader"]
INBOUND = "Get-InboundConnector"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with running(tmp_path_factory.mktemp("api")) as door:
        yield door


@pytest.fixture
def door(served: Door) -> Door:
    served.fresh()
    return served


# Successes


@pytest.mark.parametrize(
    ("cmdlet", "slug", "known"),
    [
        (INBOUND, "contoso", "inbound_connectors_hybrid"),
        ("Get-OutboundConnector", "contoso", "outbound_connectors"),
        ("Get-OrganizationConfig", "contoso", "organization_config"),
        ("Get-HostedConnectionFilterPolicy", "contoso", "hosted_connection_filter"),
    ],
)
def test_a_success_has_the_envelope_and_the_row_of_a_real_one(
    door: Door, cmdlet: str, slug: str, known: str
) -> None:
    found = door.invoke(cmdlet, slug=slug).json()
    assert shape(found) == shape(envelope(known))


@pytest.mark.parametrize(
    ("cmdlet", "known"),
    [("Get-AcceptedDomain", "accepted_domains"), ("Get-TransportRule", "transport_rules")],
)
def test_a_row_has_the_properties_of_a_real_one_whatever_their_order(
    door: Door, cmdlet: str, known: str
) -> None:
    row, real = (document["value"][0] for document in (door.invoke(cmdlet).json(), envelope(known)))
    assert set(row) == set(real)


def test_the_context_names_the_tenant(door: Door) -> None:
    context = door.invoke(INBOUND).json()["@odata.context"]
    home = f"{door.served.api_url}/adminapi/beta/{door.tenant('contoso').tenant_id}"
    assert context == f"{home}/$metadata#Collection(Exchange.GenericHashTable)"


def test_the_rows_are_the_worlds_own_and_change_with_it(door: Door) -> None:
    fabrikam = door.tenant("fabrikam")
    fabrikam.connectors[0]["SenderIPAddresses"] = ["127.0.11.0/24"]
    found = door.invoke(INBOUND, slug="fabrikam").json()["value"]
    assert found == fabrikam.connectors
    assert found[0]["SenderDomains"] == ["smtp:*;1"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{7}Z", found[0]["WhenChangedUTC"])


def test_what_was_never_set_is_null_and_not_false(door: Door) -> None:
    row = door.invoke("Get-OrganizationConfig").json()["value"][0]
    assert row["RejectDirectSend"] is None


def test_no_objects_is_an_empty_list_and_no_error(door: Door) -> None:
    door.tenant("contoso").connectors.clear()
    answer = door.invoke(INBOUND)
    assert answer.status_code == 200
    assert shape(answer.json()) == shape(envelope("inbound_connectors_none"))


def test_a_cmdlet_without_rows_in_this_world_returns_none(door: Door) -> None:
    assert door.invoke("Get-TransportConfig").json()["value"] == []


def test_the_headers_are_those_of_a_real_answer(door: Door) -> None:
    answer = door.invoke(INBOUND, headers={"client-request-id": "mine"})
    known = {name for name in envelope("success_headers") if not name.startswith("Rate-Limit")}
    assert {name for name in known if name not in answer.headers} == {"Preference-Applied"}
    assert answer.headers["Content-Type"] == envelope("success_headers")["Content-Type"]
    assert answer.headers["client-request-id"] == "mine"


def test_a_real_clients_request_is_answered(door: Door) -> None:
    """Every header that clients are known to send, with this tenant's names in them."""
    known = envelope("request_example")
    tenant = door.tenant("contoso").tenant_id
    headers = {
        name: text.replace("11111111-2222-3333-4444-555555555555", tenant)
        for name, text in known["headers"].items()
        if name != "Authorization"
    }
    call = known["body"]["CmdletInput"]
    answer = door.invoke(call["CmdletName"], call["Parameters"], headers=headers)
    assert len(answer.json()["value"]) == 1


@pytest.mark.parametrize("name", ["contoso.com", "CONTOSO.onmicrosoft.com"])
def test_a_verified_domain_names_the_tenant_as_well(door: Door, name: str) -> None:
    assert door.invoke(INBOUND, tenant=name).status_code == 200


def test_only_the_selected_properties_come_with_their_annotations(door: Door) -> None:
    wanted = "Name,Enabled,ConnectorType,RestrictDomainsToIPAddresses"
    found = door.invoke(INBOUND, query={"$select": wanted}).json()
    row = found["value"][0]
    assert set(row) == set(envelope("selected_fields")["value"][0])
    listed = door.invoke(INBOUND, query={"$select": "SenderDomains, Nonsense"}).json()["value"][0]
    assert list(listed) == ["SenderDomains@odata.type", "SenderDomains"]


# Parameters


def test_identity_finds_one_by_name_or_guid_and_null_finds_all(door: Door) -> None:
    first, second = door.tenant("fabrikam").connectors
    for identity in (first["Guid"].upper(), first["Name"]):
        found = door.invoke(INBOUND, {"Identity": identity}, slug="fabrikam").json()["value"]
        assert [row["Name"] for row in found] == [first["Name"]]
    everything = door.invoke(INBOUND, {"identity": None}, slug="fabrikam").json()["value"]
    assert everything == [first, second]


def test_an_unknown_identity_is_not_found(door: Door) -> None:
    answer = door.invoke(INBOUND, {"Identity": "Nope"})
    known = envelope("404_object_not_found")
    assert answer.status_code == known["status"]
    assert shape(answer.json()) == shape(known["body"])
    found, real = (d["error"]["details"][0]["message"] for d in (answer.json(), known["body"]))
    assert found.partition(" on '")[0] == real.partition(" on '")[0]


@pytest.mark.parametrize("size", ["Unlimited", "unlimited", 1000, "5"])
def test_the_result_size_is_taken(door: Door, size: object) -> None:
    answer = door.invoke(INBOUND, {"ResultSize": size}, slug="fabrikam")
    assert len(answer.json()["value"]) == 2


@pytest.mark.parametrize(
    ("parameters", "headers"),
    [({"ResultSize": 1}, {}), ({}, {"Prefer": "odata.maxpagesize=1"})],
)
def test_a_page_too_small_says_that_there_is_more(
    door: Door, parameters: dict[str, Any], headers: dict[str, str]
) -> None:
    found = door.invoke(INBOUND, parameters, slug="fabrikam", headers=headers).json()
    assert len(found["value"]) == 1
    assert "@odata.nextLink" in found
    assert found["@adminapi.warnings"]


@pytest.mark.parametrize(
    ("cmdlet", "name"),
    [
        (INBOUND, "BogusParameter"),
        ("Get-OrganizationConfig", "ResultSize"),
        ("Get-HostedConnectionFilterPolicy", "ResultSize"),
        ("Get-TransportConfig", "ResultSize"),
    ],
)
def test_a_parameter_the_cmdlet_has_not_is_refused(door: Door, cmdlet: str, name: str) -> None:
    answer = door.invoke(cmdlet, {name: "Unlimited"})
    known = envelope("400_unknown_parameter")
    assert answer.status_code == known["status"]
    assert shape(answer.json()) == shape(known["body"])
    message = known["body"]["error"]["details"][0]["message"].replace("BogusParameter", name)
    assert answer.json()["error"]["details"][0]["message"] == message


@pytest.mark.parametrize(
    ("cmdlet", "parameters"),
    [
        (INBOUND, {"ResultSize": "many"}),
        (INBOUND, {"ResultSize": 0}),
        ("Get-TransportRule", {"State": "Nonsense"}),
        ("Get-OutboundConnector", {"IncludeTestModeConnectors": "perhaps"}),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(
    door: Door, cmdlet: str, parameters: dict[str, Any]
) -> None:
    answer = door.invoke(cmdlet, parameters)
    known = envelope("400_invalid_enum")
    assert answer.status_code == known["status"]
    assert shape(answer.json()) == shape(known["body"])


def test_connectors_in_test_mode_show_to_those_who_ask(door: Door) -> None:
    door.tenant("contoso").rows["Get-OutboundConnector"][0]["TestMode"] = True
    assert door.invoke("Get-OutboundConnector").json()["value"] == []
    asked = door.invoke("Get-OutboundConnector", {"IncludeTestModeConnectors": True}).json()
    assert len(asked["value"]) == 1


def test_connectors_scoped_to_rules_come_unless_told_otherwise(door: Door) -> None:
    door.tenant("contoso").rows["Get-OutboundConnector"][0]["IsTransportRuleScoped"] = True
    assert len(door.invoke("Get-OutboundConnector").json()["value"]) == 1
    without = door.invoke("Get-OutboundConnector", {"IsTransportRuleScoped": False}).json()
    assert without["value"] == []


def test_rules_are_asked_for_by_state(door: Door) -> None:
    assert len(door.invoke("Get-TransportRule", {"State": "Enabled"}).json()["value"]) == 1
    assert door.invoke("Get-TransportRule", {"State": "Disabled"}).json()["value"] == []


def test_names_ignore_case(door: Door) -> None:
    assert door.invoke("get-inboundconnector", {"RESULTSIZE": "Unlimited"}).status_code == 200


@pytest.mark.parametrize("cmdlet", ["Get-Nonsense", "Set-InboundConnector", ""])
def test_a_cmdlet_it_does_not_run_is_refused(door: Door, cmdlet: str) -> None:
    answer = door.invoke(cmdlet)
    assert answer.status_code == 400
    assert shape(answer.json()) == shape(envelope("400_unknown_parameter")["body"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'{"CmdletInput": 1}',
        b'{"CmdletInput": {"CmdletName": "Get-TransportRule", "Parameters": null}}',
        b'{"CmdletInput": {"CmdletName": null, "Parameters": {}}}',
    ],
)
def test_a_body_that_is_no_call_is_refused(door: Door, body: bytes) -> None:
    tenant = door.tenant("contoso").tenant_id
    answer = door.session.post(
        f"{door.served.api_url}/adminapi/beta/{tenant}/InvokeCommand",
        data=body,
        headers={"Authorization": f"Bearer {door.token()}"},
    )
    assert answer.status_code == 400
    assert "details" in answer.json()["error"]


def test_a_body_beyond_all_measure_is_refused(door: Door) -> None:
    answer = door.session.post(f"{door.served.api_url}/adminapi", data=b"x" * (1 << 20) + b"x")
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/", "/adminapi/beta/contoso.com", "/contoso.com/v2.0", "/%00"])
def test_other_paths_are_not_found(door: Door, path: str) -> None:
    assert door.session.get(door.served.api_url + path).status_code == 404


# Who may


def another_key(door: Door) -> str:
    claims = jwt.decode(door.token(), options={"verify_signature": False})
    return jwt.encode(claims, "x" * 32, "HS256")


def another_audience(door: Door) -> str:
    tenant = door.tenant("contoso")
    roles, wids = (MANAGE_AS_APP,), (GLOBAL_READER,)
    mint = door.served.tokens.mint
    return mint(tenant.tenant_id, "app", "https://outlook.office365.us", roles, wids)[0]


def without_app_role(door: Door) -> str:
    door.tenant("contoso").registration.roles = ()
    return door.token()


def with_another_app_role(door: Door) -> str:
    door.tenant("contoso").registration.roles = ("Exchange.ManageAsAppV2",)
    return door.token()


def expired(door: Door) -> str:
    token = door.token()
    door.moved = 3601
    return token


TOKENS: dict[str, Callable[[Door], str]] = {
    "rubbish": lambda _: "rubbish",
    "signed by another key": another_key,
    "for another resource": another_audience,
    "for another tenant": lambda door: door.token("fabrikam"),
    "without the app role": without_app_role,
    "with an app role of the wrong API": with_another_app_role,
    "expired": expired,
}


@pytest.mark.parametrize("why", TOKENS)
def test_a_token_does_not_open_when_it_is(door: Door, why: str) -> None:
    refused(door.invoke(INBOUND, token=TOKENS[why](door)))


def refused(answer: requests.Response) -> None:
    known = envelope("401_missing_grants")
    assert answer.status_code == known["status"]
    assert answer.headers["WWW-Authenticate"] == known["headers"]["WWW-Authenticate"] == CHALLENGE
    assert answer.content == b""


@pytest.mark.parametrize("header", [None, "Basic YTpi", "Bearer", "Bearer "])
def test_nobody_is_let_in_without_a_token(door: Door, header: str | None) -> None:
    tenant = door.tenant("contoso").tenant_id
    url = f"{door.served.api_url}/adminapi/beta/{tenant}/InvokeCommand"
    headers = {"Authorization": header} if header else {}
    refused(door.session.post(url, json={}, headers=headers))
    preflight = f"{door.served.api_url}/adminapi/v1.0/{tenant}/EXOModuleFile"
    refused(door.session.get(preflight, headers=headers))


def test_a_tenant_that_does_not_exist_is_refused_like_a_wrong_token(door: Door) -> None:
    refused(door.invoke(INBOUND, tenant="adatum.com"))


def test_without_a_directory_role_the_body_is_nul_bytes(door: Door) -> None:
    answer = door.invoke(INBOUND, slug="proseware")
    assert answer.status_code == 403
    assert len(answer.content) > 2000
    assert set(answer.content) == {0}


def test_security_reader_is_not_enough_for_connectors(door: Door) -> None:
    door.tenant("contoso").registration.wids = (SECURITY_READER,)
    statuses = {cmdlet: door.invoke(cmdlet).status_code for cmdlet in cmdlets.CMDLETS}
    assert {name for name, status in statuses.items() if status == 200} == {
        "Get-TransportRule",
        "Get-HostedConnectionFilterPolicy",
    }
    assert set(statuses.values()) == {200, 403}


def test_a_role_granted_later_needs_a_new_token(door: Door) -> None:
    before = door.token("proseware")
    door.tenant("proseware").registration.wids = (GLOBAL_READER,)
    assert door.invoke(INBOUND, slug="proseware", token=before).status_code == 403
    assert door.invoke(INBOUND, slug="proseware").status_code == 200


def test_a_hint_that_leads_to_another_tenant_is_refused(door: Door) -> None:
    known = envelope("400_incorrect_routing_hint")
    answer = door.invoke(INBOUND, headers={"X-AnchorMailbox": "UPN:x@fabrikam.com"})
    assert answer.status_code == known["status"]
    assert shape(answer.json()) == shape(known["body"])
    assert "'x@fabrikam.com'" in answer.json()["error"]["message"]


# The preflight


def preflight(door: Door, slug: str = "contoso", prefix: str = "adminapi") -> requests.Response:
    tenant = door.tenant(slug).tenant_id
    return door.session.get(
        f"{door.served.api_url}/{prefix}/v1.0/{tenant}/EXOModuleFile?Version=3.9.2",
        headers={"Authorization": f"Bearer {door.token(slug)}", "CommandName": "*"},
        allow_redirects=False,
    )


@pytest.mark.parametrize("prefix", ["adminapi", "AdminApi"])
def test_the_preflight_lists_what_this_principal_may_run(door: Door, prefix: str) -> None:
    exported = preflight(door, prefix=prefix).json()["value"][0]["exportedCmdlets"]
    assert set(exported.split(",")) == set(cmdlets.CMDLETS)
    door.tenant("contoso").registration.wids = (SECURITY_READER,)
    assert INBOUND not in preflight(door).json()["value"][0]["exportedCmdlets"]


def test_the_preflight_of_an_app_without_role_says_so_in_words(door: Door) -> None:
    answer = preflight(door, "proseware")
    assert answer.status_code == 403
    assert "isn't supported in this scenario" in answer.text


def test_a_fault_meets_the_preflight_by_its_name(door: Door) -> None:
    door.fault("503", "EXOModuleFile")
    assert door.invoke(INBOUND).status_code == 200
    assert preflight(door).status_code == 503
    assert preflight(door).status_code == 200


# Troubles on demand

AS_KNOWN = {
    "403-text": "403_role_not_supported_text",
    "403-json": "403_cmdlet_not_in_role_json",
    "429": "429_too_many_requests",
    "500": "500_cmdlet_proxy",
    "503": "503_service_unavailable",
    "401": "401_missing_grants",
}


@pytest.mark.parametrize("kind", AS_KNOWN)
def test_a_fault_answers_as_the_known_envelope(door: Door, kind: str) -> None:
    known = envelope(AS_KNOWN[kind])
    door.fault(kind)
    answer = door.invoke(INBOUND)
    assert answer.status_code == known["status"]
    assert [name for name in known["headers"] if name not in answer.headers] == []
    assert shape(body_of(answer)) == shape(known["body"])
    assert door.invoke(INBOUND).status_code == 200, "it struck once"


def body_of(answer: requests.Response) -> Any:
    if not answer.content:
        return None
    return answer.json() if "json" in answer.headers["Content-Type"] else answer.text


@pytest.mark.parametrize(
    ("kind", "status", "wait"),
    [("429", 429, "30"), ("429:2", 429, "2"), ("503", 503, "10"), ("503:1", 503, "1")],
)
def test_retry_after_is_what_the_fault_says(door: Door, kind: str, status: int, wait: str) -> None:
    door.fault(kind)
    answer = door.invoke(INBOUND)
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, wait)


def test_a_forbidden_fault_is_nul_bytes(door: Door) -> None:
    door.fault("403")
    assert set(door.invoke(INBOUND).content) == {0}


@pytest.mark.parametrize(("kind", "status"), [("concurrency", 400), ("concurrency:200", 200)])
def test_too_much_at_once_is_said_in_plain_text_under_any_status(
    door: Door, kind: str, status: int
) -> None:
    door.fault(kind)
    answer = door.invoke(INBOUND)
    assert (answer.status_code, answer.text) == (status, CONCURRENCY)
    assert answer.headers["Content-Type"] == "text/plain"


def test_a_truncated_list_warns_and_its_link_has_expired(door: Door) -> None:
    door.fault("truncated")
    found = door.invoke(INBOUND, slug="contoso").json()
    assert shape({**found, "value": []}) == shape(
        {**envelope("truncated_with_next_link"), "value": []}
    )
    link = found["@odata.nextLink"]
    base, _, query = link.partition("?")
    assert query == "%24skiptoken=RFVNTVk"
    answer = door.session.post(
        link,
        json={"CmdletInput": {"CmdletName": INBOUND, "Parameters": {}}},
        headers={"Authorization": f"Bearer {door.token()}"},
    )
    known = envelope("400_pagination_expired")
    assert answer.status_code == known["status"]
    assert answer.json() == known["body"]
    assert base.startswith(door.served.api_url)


def test_a_truncated_list_lacks_rows(door: Door) -> None:
    door.fault("truncated", "Get-AcceptedDomain")
    shown = door.invoke("Get-AcceptedDomain").json()["value"]
    assert [row["DomainName"] for row in shown] == ["contoso.com", "contoso.onmicrosoft.com"]
    assert len(door.invoke("Get-AcceptedDomain").json()["value"]) == 3


def test_an_answer_without_value_has_none(door: Door) -> None:
    door.fault("no-value")
    assert door.invoke(INBOUND).json() == envelope("value_absent")


def test_an_answer_may_be_a_web_page(door: Door) -> None:
    door.fault("html")
    answer = door.invoke(INBOUND)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html")


def test_a_slow_answer_comes_late_and_whole(door: Door) -> None:
    door.fault("slow:0.3")
    answer = door.invoke(INBOUND)
    assert answer.elapsed.total_seconds() >= 0.3
    assert len(answer.json()["value"]) == 1


def test_a_client_that_waits_in_vain_gives_up(door: Door) -> None:
    door.fault("hang")
    with pytest.raises(requests.ReadTimeout):
        door.invoke(INBOUND, timeout=0.3)
    assert door.invoke(INBOUND).status_code == 200


def test_a_redirect_leads_to_the_regional_host_which_answers(door: Door) -> None:
    door.fault("redirect", times=None)
    answer = door.invoke(INBOUND, query={"$select": "Name"})
    assert answer.status_code == 302
    tenant = door.tenant("contoso").tenant_id
    path = f"/adminapi/beta/{tenant}/InvokeCommand?%24select=Name"
    assert answer.headers["Location"] == door.served.region_url + path
    assert door.served.region_url != door.served.api_url
    regional = door.invoke(INBOUND, base=door.served.region_url)
    assert len(regional.json()["value"]) == 1
    assert preflight(door).headers["Location"].startswith(door.served.region_url)


def test_a_redirect_may_lead_astray(door: Door) -> None:
    door.fault("redirect:https://192.0.2.1/adminapi")
    assert door.invoke(INBOUND).headers["Location"] == "https://192.0.2.1/adminapi"


def test_a_fault_strikes_its_tenant_its_cmdlet_and_its_times(door: Door) -> None:
    door.fault("503", INBOUND, times=2)
    asked = [(INBOUND, "fabrikam"), ("Get-AcceptedDomain", "contoso"), *[(INBOUND, "contoso")] * 3]
    statuses = [door.invoke(cmdlet, slug=slug).status_code for cmdlet, slug in asked]
    assert statuses == [200, 200, 503, 503, 200]


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("flood:1", "no API fault is called 'flood'"),
        ("429:soon", "429 takes a number, not 'soon'"),
        ("concurrency:-1", "concurrency takes a number"),
        ("hang:5", "hang takes no value"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_by_name(fault: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        apifaults.parted(fault)


def test_a_fault_is_its_kind_and_perhaps_a_value() -> None:
    for kind in apifaults.KINDS:
        assert apifaults.parted(kind) == (kind, "")
    assert apifaults.parted("slow:1.5") == ("slow", "1.5")
    assert apifaults.parted("redirect:https://a.example:1/") == ("redirect", "https://a.example:1/")


def test_it_remembers_what_was_called(door: Door) -> None:
    door.invoke(INBOUND)
    door.invoke(INBOUND, slug="proseware")
    door.invoke("Get-Nonsense")
    calls = [(call.tenant, call.cmdlet, call.status) for call in door.served.api.calls]
    assert calls == [
        ("contoso", INBOUND, 200),
        ("proseware", INBOUND, 403),
        ("contoso", "Get-Nonsense", 400),
    ]


# The server itself


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """Key and certificate for 127.0.0.1, with the authority beside them."""
    ca, path = trustme.CA(), tmp_path / "https.pem"
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    ca.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(path))
    return path


class Noticed(deque[Call]):
    """A list of calls that says when there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.called = asyncio.Event()

    def append(self, call: Call) -> None:
        super().append(call)
        self.called.set()


async def test_it_ends_in_time_though_a_client_waits_in_vain(pem: Path) -> None:
    world = new_world()
    world.api_faults.append(ApiFault(tenant="contoso", kind="hang"))
    served = await https.serve(world, pem)
    served.api.calls = calls = Noticed()
    contoso = world.tenants[0]
    app = contoso.registration
    token, _ = served.tokens.mint(
        contoso.tenant_id, app.client_id, served.api_url, app.roles, app.wids
    )
    port = int(served.api_url.rpartition(":")[2])
    trust = ssl.create_default_context(cafile=pem.parent / "ca.pem")
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
    body = b'{"CmdletInput":{"CmdletName":"Get-InboundConnector","Parameters":{}}}'
    writer.write(
        f"POST /adminapi/beta/{contoso.tenant_id}/InvokeCommand HTTP/1.1\r\nHost: lab\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    await asyncio.wait_for(calls.called.wait(), 5)
    await asyncio.wait_for(served.close(), 5)
    assert (await reader.read()).startswith(b"HTTP/1.1 503")
    writer.close()
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_token_outlives_a_restart_and_not_a_change_of_key(pem: Path) -> None:
    first = await https.serve(new_world(), pem)
    token, _ = first.tokens.mint("tenant", "app", "somewhere", (MANAGE_AS_APP,), ())
    await first.close()
    second = await https.serve(new_world(), pem)
    assert second.tokens.read(token, "somewhere")["appid"] == "app"
    await second.close()
    key = pem.with_name(https.SIGNING_KEY)
    assert key.stat().st_mode & 0o077 == 0
    key.unlink()
    third = await https.serve(new_world(), pem)
    with pytest.raises(TokenError):
        third.tokens.read(token, "somewhere")
    await third.close()


def idle_client(pem: Path, port: int) -> ssl.SSLSocket:
    """A client that got its answer, and now neither closes nor reads."""
    trust = ssl.create_default_context(cafile=pem.parent / "ca.pem")
    plain = socket.create_connection(("127.0.0.1", port), 5)
    client = trust.wrap_socket(plain, server_hostname="127.0.0.1")
    client.sendall(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n")
    assert client.recv(12) == b"HTTP/1.1 404"
    return client


async def test_a_connection_that_nobody_uses_is_cut_and_not_waited_for(
    pem: Path, caplog: pytest.LogCaptureFixture
) -> None:
    served = await https.serve(new_world(), pem)
    port = int(served.api_url.rpartition(":")[2])
    with await asyncio.to_thread(idle_client, pem, port):
        await asyncio.wait_for(served.close(), 5)
    assert "exceeded" not in caplog.text


async def test_the_two_hosts_have_ports_of_their_own(pem: Path) -> None:
    served = await https.serve(new_world(), pem)
    assert served.authority_url == served.api_url
    assert served.region_url != served.api_url
    await served.close()


async def test_a_wanted_port_that_is_taken_is_an_error_and_leaves_nothing_open(pem: Path) -> None:
    served = await https.serve(new_world(), pem)
    with pytest.raises(OSError, match="in use"):
        await https.serve(new_world(), pem, port=int(served.api_url.rpartition(":")[2]))
    await served.close()
