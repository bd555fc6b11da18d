"""Refusals of the sign-in service by name, and what a token says of itself."""

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from mailposture.adapters.exchange import tokens as tokens_module
from mailposture.adapters.exchange.credential import Certificate, Credential
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.adapters.exchange.tokens import Claims, Tokens, claims, network_words, refused
from tests.adapters.exchange.samples import document
from tests.adapters.exchange.scripted import CREDENTIAL, DRIPS, TENANT, Reply, Script, scripted

CLIENT = "33333333-4444-5555-6666-777777777777"


@pytest.mark.parametrize(
    ("name", "cause", "says"),
    [
        ("app_not_consented", "app-not-consented", "AADSTS700016"),
        ("bad_certificate", "certificate-wrong", "AADSTS700027"),
        ("expired_secret", "secret-expired", "AADSTS7000222"),
        ("invalid_secret", "secret-wrong", "AADSTS7000215"),
        ("resource_not_found", "resource-not-found", "AADSTS500011"),
        ("tenant_not_found", "tenant-not-found", "AADSTS90002"),
    ],
)
def test_every_refusal_of_the_fixtures_has_its_name(name: str, cause: str, says: str) -> None:
    error = refused(document(f"errors/token/{name}"))
    assert (error.cause, error.permanent) == (cause, True)
    assert error.says.startswith(says)
    assert "Trace ID" not in error.says


@pytest.mark.parametrize(
    ("result", "cause", "permanent"),
    [
        # The codes may be missing: then the sentence has them.
        ({"error_description": "AADSTS7000222: expired."}, "secret-expired", True),
        ({"error_codes": [53003, 1]}, "conditional-access", True),
        ({"error_codes": [90033]}, "authority-busy", False),
        ({"error_codes": [123]}, "sign-in-refused", True),
        ({"error": "temporarily_unavailable"}, "sign-in-refused", False),
        ({"error_codes": "odd", "error_description": "AADSTSx: odd"}, "sign-in-refused", True),
        ({}, "sign-in-refused", True),
    ],
)
def test_refusals_without_a_known_code_are_refusals_all_the_same(
    result: dict[str, Any], cause: str, permanent: bool
) -> None:
    error = refused(result)
    assert (error.cause, error.permanent) == (cause, permanent)
    assert error.says


# ---- what a token says -------------------------------------------------------------------


def token_of(payload: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
    return f"header.{body}.signature"


def test_a_token_tells_its_roles() -> None:
    read = claims(token_of({"roles": ["Exchange.ManageAsApp"], "wids": ["w"], "tid": "t"}))
    assert read == Claims(roles=("Exchange.ManageAsApp",), directory_roles=("w",), tenant_id="t")
    assert claims(token_of({"roles": "odd"})) == Claims(roles=(), directory_roles=(), tenant_id="")


def test_a_role_s_name_carries_nothing_that_cannot_be_stored() -> None:
    read = claims(token_of({"roles": ["a\0b", "\ud800"], "wids": ["w\x1b[1m"]}))
    assert read == Claims(roles=("a b", ""), directory_roles=("w [1m",), tenant_id="")


@pytest.mark.parametrize("token", ["", "opaque", "a.!!!.c", "a.e30", token_of([1]), "a.é.b"])
def test_a_token_that_cannot_be_read_is_no_error(token: str) -> None:
    assert claims(token) in (None, Claims(roles=(), directory_roles=(), tenant_id=""))


# ---- credentials -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"tenant_id": "common"}, "tenant-malformed"),
        ({"tenant_id": "../other"}, "tenant-malformed"),
        ({"tenant_id": "a b"}, "tenant-malformed"),
        ({"tenant_id": ""}, "tenant-malformed"),
        ({"tenant_id": "contoso.com\n"}, "tenant-malformed"),
        ({"client_id": "?x=1"}, "client-malformed"),
        ({"secret": ""}, "credential-malformed"),
        ({"certificate": Certificate(private_key="k", certificate="c")}, "credential-malformed"),
    ],
)
def test_what_does_not_belong_in_an_address_is_refused(fields: dict[str, Any], cause: str) -> None:
    good: dict[str, Any] = {"tenant_id": TENANT, "client_id": CLIENT, "secret": "s"}
    with pytest.raises(ExchangeError) as raised:
        Credential(**good | fields)
    assert (raised.value.cause, raised.value.permanent) == (cause, True)


def test_a_tenant_may_be_named_by_its_domain() -> None:
    named = Credential(tenant_id="contoso.onmicrosoft.com", client_id=CLIENT, secret="s")
    assert named.kind == "secret"


def test_a_credential_shows_no_secret() -> None:
    pair = Certificate(private_key="the-private-key", certificate="the-certificate")
    by_pair = Credential(tenant_id=TENANT, client_id=CLIENT, certificate=pair)
    assert by_pair.kind == "certificate"
    assert "not-a-secret" not in repr(CREDENTIAL)
    assert "the-private-key" not in repr(by_pair) + repr(pair)


def test_credentials_are_told_apart_by_a_fingerprint() -> None:
    other = Credential(tenant_id=TENANT, client_id=CLIENT, secret="another")
    same = Credential(tenant_id=TENANT.upper(), client_id=CLIENT.upper(), secret="not-a-secret")
    assert other.fingerprint != CREDENTIAL.fingerprint == same.fingerprint
    assert "not-a-secret" not in CREDENTIAL.fingerprint


# ---- a sign-in service that is not well ----------------------------------------------------


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Script]:
    with scripted(tmp_path_factory.mktemp("https")) as script:
        yield script


@pytest.fixture
def script(served: Script) -> Script:
    served.replies, served.asked = [], []
    return served


def discovery(script: Script) -> Reply:
    """What tells msal where to go: all of it to this server."""
    home = f"{script.base}/{TENANT}"
    return Reply(
        body={
            "issuer": f"{home}/v2.0",
            "authorization_endpoint": f"{home}/oauth2/v2.0/authorize",
            "token_endpoint": f"{home}/oauth2/v2.0/token",
        }
    )


def refusal(script: Script, credential: Credential = CREDENTIAL) -> ExchangeError:
    with pytest.raises(ExchangeError) as raised:
        Tokens().token(script.cloud, credential)
    assert raised.value.__cause__ is None  # a chained error could show what was sent
    return raised.value


NOT_FOUND = document("errors/token/tenant_not_found")


@pytest.mark.parametrize(
    ("reply", "cause", "permanent"),
    [
        (Reply(400, NOT_FOUND), "tenant-not-found", True),
        (Reply(404, b"nothing here"), "sign-in-failed", False),
        (Reply(404, [1]), "sign-in-failed", False),
        (Reply(500, b"down"), "authority-failed", False),
        (Reply(200, b"<html>"), "sign-in-failed", False),
        (Reply(200, {"issuer": "x"}), "sign-in-failed", False),
        (Reply(200, [1]), "sign-in-failed", False),
    ],
)
def test_a_discovery_that_goes_wrong_has_its_name(
    script: Script, reply: Reply, cause: str, permanent: bool
) -> None:
    script.replies = [reply]
    error = refusal(script)
    assert (error.cause, error.permanent) == (cause, permanent)


@pytest.mark.parametrize(
    ("reply", "cause", "permanent"),
    [
        (Reply(401, document("errors/token/invalid_secret")), "secret-wrong", True),
        (Reply(503, {"error": "temporarily_unavailable"}), "authority-failed", False),
        (Reply(200, b"<html>"), "sign-in-failed", False),
        (Reply(200, {"odd": 1}), "sign-in-refused", True),
        (Reply(302, headers={"Location": "https://evil.example/"}), "sign-in-failed", False),
    ],
)
def test_a_sign_in_that_goes_wrong_has_its_name(
    script: Script, reply: Reply, cause: str, permanent: bool
) -> None:
    script.replies = [discovery(script), reply]
    error = refusal(script)
    assert (error.cause, error.permanent) == (cause, permanent)
    assert "not-a-secret" not in str(error)


@pytest.mark.parametrize("begin", DRIPS)
@pytest.mark.parametrize("signs_in", [False, True])
def test_a_sign_in_service_that_drips_for_ever_is_left(
    script: Script, monkeypatch: pytest.MonkeyPatch, begin: bytes, signs_in: bool
) -> None:
    monkeypatch.setattr(tokens_module, "WHOLE_ANSWER", 0.3)
    slow = Reply(dripping=begin)
    script.replies = [discovery(script), slow] if signs_in else [slow]
    began = time.monotonic()
    error = refusal(script)
    assert (error.cause, error.permanent) == ("authority-unreachable", False)
    assert error.says == "No answer in time."
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("signs_in", [False, True])
@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (Reply(body={"access_token": "a" * 2_000_000, "token_type": "Bearer"}), "too-big"),
        (Reply(body=b"{}", headers={"Content-Encoding": "gzip"}), "encoding-refused"),
    ],
)
def test_a_sign_in_service_that_says_too_much_or_packs_it_is_left(
    script: Script, reply: Reply, cause: str, signs_in: bool
) -> None:
    script.replies = [discovery(script), reply] if signs_in else [reply]
    assert refusal(script).cause == cause
    assert {asked.headers["accept-encoding"] for asked in script.asked} == {"identity"}


def test_a_token_is_asked_for_once_and_again_when_forgotten(script: Script) -> None:
    granted = Reply(body={"access_token": "a", "expires_in": 3600, "token_type": "Bearer"})
    script.replies = [discovery(script), granted, discovery(script), granted]
    tokens = Tokens()
    assert tokens.token(script.cloud, CREDENTIAL) == tokens.token(script.cloud, CREDENTIAL) == "a"
    assert len(script.asked) == 2
    tokens.forget(script.cloud, CREDENTIAL)
    assert tokens.token(script.cloud, CREDENTIAL) == "a"
    assert len(script.asked) == 4


def test_applications_that_were_not_used_for_longest_are_dropped(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_module, "MOST_APPLICATIONS", 1)
    granted = Reply(body={"access_token": "a", "expires_in": 3600, "token_type": "Bearer"})
    script.replies = [discovery(script), granted] * 3
    tokens, other = Tokens(), replace(CREDENTIAL, secret="another")
    for credential in (CREDENTIAL, other, other, CREDENTIAL):
        tokens.token(script.cloud, credential)
    assert len(script.asked) == 6


def test_a_key_that_is_no_key_is_said_without_showing_it(script: Script) -> None:
    script.replies = [discovery(script)]
    pair = Certificate(private_key="the-private-key", certificate="the-certificate")
    error = refusal(script, Credential(tenant_id=TENANT, client_id=CLIENT, certificate=pair))
    assert error.cause == "sign-in-failed"
    assert "the-private-key" not in str(error)


def test_an_authority_that_is_not_there_is_unreachable(script: Script) -> None:
    away = replace(script.cloud, authority="https://127.0.0.1:1")
    with pytest.raises(ExchangeError) as raised:
        Tokens().token(away, CREDENTIAL)
    assert (raised.value.cause, raised.value.permanent) == ("authority-unreachable", False)


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (requests.exceptions.SSLError("secret"), "certificate of the server"),
        (requests.exceptions.ProxyError("secret"), "proxy"),
        (requests.exceptions.ReadTimeout("secret"), "No answer in time."),
        (requests.exceptions.ConnectionError("secret"), "connection failed"),
    ],
)
def test_a_network_problem_is_said_in_few_words_and_without_its_details(
    problem: requests.RequestException, words: str
) -> None:
    assert words in network_words(problem)
    assert "secret" not in network_words(problem)
