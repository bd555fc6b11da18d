"""The sign-in authority against the real msal: what it grants, and every way it refuses."""

import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from mailposture.lab import registering
from mailposture.lab.tokens import NO_DIRECTORY_ROLE
from mailposture.lab.world import GLOBAL_READER, MANAGE_AS_APP
from tests.lab.door import Door, client_certificate, envelope, running, shape

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with running(tmp_path_factory.mktemp("authority")) as door:
        yield door


@pytest.fixture
def door(served: Door) -> Door:
    served.fresh()
    return served


@pytest.fixture(scope="module")
def pair() -> tuple[str, str]:
    return client_certificate("contoso reader")


def claims(token: str) -> dict[str, Any]:
    decoded: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return decoded


# What is granted


def test_a_client_secret_buys_a_token_for_the_admin_api(door: Door) -> None:
    result = door.acquire(door.application())
    tenant = door.tenant("contoso")
    found = claims(result["access_token"])
    assert found["aud"] == door.served.api_url
    assert found["tid"] == tenant.tenant_id
    assert found["appid"] == tenant.registration.client_id
    assert found["roles"] == [MANAGE_AS_APP]
    assert found["wids"] == [GLOBAL_READER]
    assert result["expires_in"] == 3600


def test_the_token_opens_the_api(door: Door) -> None:
    token = door.acquire(door.application())["access_token"]
    assert door.invoke("Get-InboundConnector", token=token).status_code == 200


def test_a_certificate_buys_a_token_too(door: Door, pair: tuple[str, str]) -> None:
    key, certificate = pair
    door.tenant("fabrikam").registration.certificate = certificate
    credential = {"private_key": key, "public_certificate": certificate}
    result = door.acquire(door.application("fabrikam", credential))
    assert claims(result["access_token"])["roles"] == [MANAGE_AS_APP]


def test_a_client_may_show_one_assertion_again_for_a_new_token(
    door: Door, pair: tuple[str, str]
) -> None:
    """msal keeps an assertion for nine minutes, and asks anew for a token about to expire."""
    key, certificate = pair
    door.tenant("fabrikam").registration.certificate = certificate
    door.served.tokens.lifetime = 60
    application = door.application(
        "fabrikam", {"private_key": key, "public_certificate": certificate}
    )
    first, second = door.acquire(application), door.acquire(application)
    assert first["access_token"] != second["access_token"]


def test_a_tenant_is_found_by_its_domain_and_answers_with_its_identifier(door: Door) -> None:
    application = door.application(tenant="contoso.com")
    assert door.tenant("contoso").tenant_id in application.authority.token_endpoint
    assert "access_token" in door.acquire(application)


def test_the_keys_it_publishes_verify_its_tokens(door: Door) -> None:
    tenant = door.tenant("contoso").tenant_id
    home = f"{door.served.authority_url}/{tenant}"
    discovery = door.session.get(f"{home}/v2.0/.well-known/openid-configuration").json()
    keys = jwt.PyJWKSet.from_dict(door.session.get(discovery["jwks_uri"]).json())
    token = door.acquire(door.application())["access_token"]
    key = keys[jwt.get_unverified_header(token)["kid"]]
    found = jwt.decode(token, key.key, ["RS256"], audience=door.served.api_url)
    assert found["iss"] == discovery["issuer"]


def test_an_application_without_directory_role_carries_the_template_that_says_so(
    door: Door,
) -> None:
    result = door.acquire(door.application("proseware"))
    assert claims(result["access_token"])["wids"] == [NO_DIRECTORY_ROLE]


def test_an_application_without_consent_to_the_app_role_gets_a_token_without_roles(
    door: Door,
) -> None:
    door.tenant("contoso").registration.roles = ()
    token = door.acquire(door.application())["access_token"]
    assert "roles" not in claims(token)
    assert door.invoke("Get-InboundConnector", token=token).status_code == 401


def test_a_token_dies_while_its_owner_still_believes_in_it(door: Door) -> None:
    door.served.tokens.lifetime, door.served.tokens.promised = 60, 3600
    application = door.application()
    token = door.acquire(application)["access_token"]
    assert door.invoke("Get-AcceptedDomain", token=token).status_code == 200
    door.moved = 61
    assert door.acquire(application)["access_token"] == token, "msal still serves it from its cache"
    assert door.invoke("Get-AcceptedDomain", token=token).status_code == 401


def test_a_secret_that_expires_takes_the_tokens_in_hand_with_it(door: Door) -> None:
    token = door.acquire(door.application())["access_token"]
    registration = door.tenant("contoso").registration
    for expired, status in ((True, 401), (False, 200)):
        registration.secret_expired = expired
        assert door.invoke("Get-AcceptedDomain", token=token).status_code == status


# What is refused, in Entra's own codes


def expire_secret(door: Door) -> dict[str, Any]:
    door.tenant("contoso").registration.secret_expired = True
    return {}


REFUSALS: list[tuple[str, Callable[[Door], dict[str, Any]], str]] = [
    ("invalid_secret", lambda _: {"credential": "not the secret"}, ""),
    ("expired_secret", expire_secret, ""),
    ("app_not_consented", lambda _: {"client": str(uuid.uuid4())}, ""),
    ("resource_not_found", lambda _: {}, "https://outlook.office365.us"),
]


@pytest.mark.parametrize(("name", "upset", "resource"), REFUSALS, ids=[r[0] for r in REFUSALS])
def test_msal_is_told_what_is_wrong(
    door: Door, name: str, upset: Callable[[Door], dict[str, Any]], resource: str
) -> None:
    result = door.acquire(door.application(**upset(door)), resource)
    known = envelope(f"token/{name}")
    assert result["error"] == known["error"]
    assert result["error_codes"] == known["error_codes"]
    assert opening(result) == opening(known)


def opening(document: dict[str, Any]) -> str:
    """The code and the first three words: what comes later names this tenant and this client."""
    return " ".join(document["error_description"].split()[:4])


def test_msal_is_told_that_its_certificate_is_not_registered(
    door: Door, pair: tuple[str, str]
) -> None:
    door.tenant("fabrikam").registration.certificate = pair[1]
    key, certificate = client_certificate("somebody else")
    credential = {"private_key": key, "public_certificate": certificate}
    result = door.acquire(door.application("fabrikam", credential))
    known = envelope("token/bad_certificate")
    assert (result["error"], result["error_codes"]) == (known["error"], known["error_codes"])


def uploaded(door: Door, slug: str, pair: tuple[str, str]) -> str:
    asked = {"tenant": slug, "certificate": pair[1]}
    return registering.register(door.world, asked, datetime.now(UTC))


@pytest.mark.parametrize("slug", ["contoso", "fabrikam"])
def test_an_uploaded_certificate_serves_beside_what_the_app_knew(
    door: Door, pair: tuple[str, str], slug: str
) -> None:
    known = client_certificate("known to fabrikam alone")
    door.tenant("fabrikam").registration.certificate = known[1]
    by_pair = {"private_key": pair[0], "public_certificate": pair[1]}
    assert door.acquire(door.application(slug, by_pair))["error_codes"] == [700027]
    assert "'s app knows the certificate" in uploaded(door, slug, pair)
    assert "access_token" in door.acquire(door.application(slug, by_pair))
    before = {"private_key": known[0], "public_certificate": known[1]}
    told = door.application(slug, before if slug == "fabrikam" else None)
    assert "access_token" in door.acquire(told)


def test_an_uploaded_certificate_is_of_one_tenant_alone(door: Door, pair: tuple[str, str]) -> None:
    uploaded(door, "contoso", pair)
    by_pair = {"private_key": pair[0], "public_certificate": pair[1]}
    assert door.acquire(door.application("tailspin", by_pair))["error_codes"] == [700027]


def test_a_secret_that_expires_leaves_the_certificate_good(
    door: Door, pair: tuple[str, str]
) -> None:
    uploaded(door, "contoso", pair)
    door.tenant("contoso").registration.secret_expired = True
    by_pair = {"private_key": pair[0], "public_certificate": pair[1]}
    token = door.acquire(door.application("contoso", by_pair))["access_token"]
    assert claims(token)["appidacr"] == "2"
    assert door.invoke("Get-AcceptedDomain", token=token).status_code == 200


def test_msal_raises_where_the_tenant_does_not_exist(door: Door) -> None:
    with pytest.raises(ValueError, match="check your tenant name"):
        door.application(tenant="fabrikam-nope.onmicrosoft.com")


STATUS = [
    ("tenant_not_found", 400, "fabrikam-nope.onmicrosoft.com", {}),
    (
        "app_not_consented",
        400,
        "contoso.com",
        {"client_id": "33333333-4444-5555-6666-777777777777"},
    ),
    ("resource_not_found", 400, "contoso.com", {"scope": "https://outlook.office365.us/.default"}),
    ("invalid_secret", 401, "contoso.com", {"client_secret": "wrong"}),
]


@pytest.mark.parametrize(("name", "status", "tenant", "changed"), STATUS)
def test_a_refusal_has_the_shape_and_the_words_of_the_known_one(
    door: Door, name: str, status: int, tenant: str, changed: dict[str, str]
) -> None:
    answer = ask(door, tenant, changed, {"client-request-id": "abc"})
    found, known = answer.json(), envelope(f"token/{name}")
    assert answer.status_code == status
    assert shape(found) == shape(known)
    assert sentence(found) == sentence(known)
    assert found["correlation_id"] == "abc"
    assert "Set-Cookie" not in answer.headers


def sentence(document: dict[str, Any]) -> str:
    words: str = document["error_description"].partition(" Trace ID: ")[0]
    return words


def ask(
    door: Door, tenant: str, changed: dict[str, str], headers: dict[str, str] | None = None
) -> Any:
    """A token request by hand, right but for what is changed."""
    app = door.tenant("contoso").registration
    form = {
        "grant_type": "client_credentials",
        "client_id": app.client_id,
        "client_secret": app.client_secret or "",
        "scope": f"{door.served.api_url}/.default",
    }
    url = f"{door.served.authority_url}/{tenant}/oauth2/v2.0/token"
    return door.session.post(url, data=form | changed, headers=headers)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"grant_type": "password"}, 70003),
        ({"scope": "openid"}, 1002012),
        ({"scope": "https://a.example/.default https://b.example/.default"}, 1002012),
        ({"client_secret": ""}, 7000218),
        ({"client_secret": "wrong", "scope": "https://a.example/.default"}, 500011),
    ],
)
def test_a_request_that_is_not_the_grant_is_refused(
    door: Door, changed: dict[str, str], code: int
) -> None:
    answer = ask(door, "contoso.com", changed)
    assert answer.status_code in (400, 401)
    assert answer.json()["error_codes"] == [code]


# Assertions made by hand: one thing wrong with each

ASSERTIONS: dict[str, tuple[dict[str, Any], dict[str, Any], int]] = {
    "the certificate's thumbprint is another": ({}, {"x5t#S256": "AAAA"}, 700027),
    "it names no certificate": ({}, {"x5t#S256": None}, 700027),
    "it is signed in the old algorithm": ({}, {"alg": "RS256"}, 700027),
    "its audience is another tenant": ({"aud": "https://127.0.0.1/x/v2.0"}, {}, 700023),
    "it has expired": ({"exp": -1}, {}, 700024),
    "it is for later": ({"nbf": 600}, {}, 700024),
    "its issuer is another client": ({"iss": "somebody"}, {}, 700021),
    "its subject is another client": ({"sub": "somebody"}, {}, 700021),
    "it has no identifier": ({"jti": None}, {}, 50027),
    "it has no end": ({"exp": None}, {}, 50027),
}


def sign(door: Door, pair: tuple[str, str], claimed: dict[str, Any], header: dict[str, Any]) -> str:
    """An assertion of fabrikam's client, right but for what is changed; None drops a field."""
    tenant = door.tenant("fabrikam")
    client = tenant.registration.client_id
    tenant.registration.certificate = pair[1]
    now = time.time()
    payload: dict[str, Any] = {
        "aud": f"{door.served.authority_url}/{tenant.tenant_id}/oauth2/v2.0/token",
        "iss": client,
        "sub": client,
        "jti": str(uuid.uuid4()),
        "nbf": 0,
        "exp": 600,
    } | claimed
    payload |= {name: now + payload[name] for name in ("exp", "nbf") if payload[name] is not None}
    print_of = x509.load_pem_x509_certificate(pair[1].encode()).fingerprint(hashes.SHA256())
    headers = {"x5t#S256": jwt.utils.base64url_encode(print_of).decode()} | header
    kept = {name: value for name, value in payload.items() if value is not None}
    algorithm = headers.pop("alg", "PS256")
    return jwt.encode(
        kept, pair[0], algorithm, {name: v for name, v in headers.items() if v is not None}
    )


def show(door: Door, assertion: str, kind: str = JWT_BEARER) -> Any:
    changed = {
        "client_id": door.tenant("fabrikam").registration.client_id,
        "client_secret": "",
        "client_assertion": assertion,
        "client_assertion_type": kind,
    }
    return ask(door, "fabrikam.com", changed)


def test_an_assertion_made_by_hand_holds(door: Door, pair: tuple[str, str]) -> None:
    assert show(door, sign(door, pair, {}, {})).status_code == 200


@pytest.mark.parametrize("why", ASSERTIONS)
def test_an_assertion_is_refused_where(door: Door, pair: tuple[str, str], why: str) -> None:
    claimed, header, code = ASSERTIONS[why]
    answer = show(door, sign(door, pair, claimed, header))
    assert (answer.status_code, answer.json()["error_codes"]) == (401, [code])


def test_an_assertion_signed_by_another_key_is_refused(door: Door, pair: tuple[str, str]) -> None:
    key, _ = client_certificate("somebody else")
    assert show(door, sign(door, (key, pair[1]), {}, {})).json()["error_codes"] == [700027]


def test_another_assertion_under_a_spent_identifier_is_refused_until_that_has_expired(
    door: Door, pair: tuple[str, str]
) -> None:
    assert show(door, sign(door, pair, {"jti": "once"}, {})).status_code == 200
    assert show(door, sign(door, pair, {"jti": "once"}, {})).json()["error_codes"] == [50027]
    door.moved = 601
    assert show(door, sign(door, pair, {"jti": "once", "exp": 1800}, {})).status_code == 200


@pytest.mark.parametrize(
    ("assertion", "kind", "code"),
    [("rubbish", JWT_BEARER, 50027), ("a.b.c", JWT_BEARER, 50027), ("a.b.c", "saml", 7000218)],
)
def test_what_is_no_assertion_is_refused(
    door: Door, pair: tuple[str, str], assertion: str, kind: str, code: int
) -> None:
    door.tenant("fabrikam").registration.certificate = pair[1]
    assert show(door, assertion, kind).json()["error_codes"] == [code]


def test_a_client_without_certificate_cannot_show_one(door: Door, pair: tuple[str, str]) -> None:
    assertion = sign(door, pair, {}, {})
    door.tenant("fabrikam").registration.certificate = None
    assert show(door, assertion).json()["error_codes"] == [700027]
