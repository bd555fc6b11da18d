"""Refusals of the sign-in service by name, and what a token says of itself."""

import base64
import json
from typing import Any

import pytest

from mailposture.adapters.exchange.clouds import WORLDWIDE, lab_cloud
from mailposture.adapters.exchange.credential import Certificate, Credential
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.adapters.exchange.tokens import Claims, Tokens, claims, refused
from tests.adapters.exchange.samples import document
from tests.adapters.exchange.scripted import CREDENTIAL, TENANT

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


# ---- what cannot be reached --------------------------------------------------------------


def test_an_authority_that_is_not_there_is_unreachable(tmp_path: Any) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("")
    base = "https://127.0.0.1:1"
    cloud = lab_cloud({"authority": base, "api": base, "ca": None, "smtp_port": 25})
    with pytest.raises(ExchangeError) as raised:
        Tokens().token(cloud, CREDENTIAL)
    assert (raised.value.cause, raised.value.permanent) == ("authority-unreachable", False)
    assert raised.value.__cause__ is None


def test_a_key_that_is_no_key_is_said_without_showing_it() -> None:
    pair = Certificate(private_key="the-private-key", certificate="the-certificate")
    broken = Credential(tenant_id=TENANT, client_id=CLIENT, certificate=pair)
    with pytest.raises(ExchangeError) as raised:
        Tokens().token(WORLDWIDE, broken)
    assert "the-private-key" not in str(raised.value)
