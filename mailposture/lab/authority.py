"""The lab's sign-in authority: what a confidential client asks of Entra, and no more.

Discovery, keys, and the client-credentials grant by secret or by certificate. The refusals carry
Entra's own codes, for they are all a client has to tell a missing consent from a wrong secret.
"""

import hmac
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mailposture.lab import assertions
from mailposture.lab.messages import Answer, Request, as_json
from mailposture.lab.tokens import BY_CERTIFICATE, BY_SECRET, NO_DIRECTORY_ROLE, Tokens
from mailposture.lab.world import Registration, Tenant, World

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True)
class RefusedError(Exception):
    """One row of ERRORS, with the words that fill its sentence."""

    name: str
    words: tuple[str, ...] = ()


BAD_REQUEST = (400, "invalid_request")
BAD_CLIENT = (401, "invalid_client")
# name: ((HTTP status, OAuth error), AADSTS code, sentence)
ERRORS: dict[str, tuple[tuple[int, str], int, str]] = {
    "tenant_not_found": (
        BAD_REQUEST,
        90002,
        """Tenant '{}' not found. Check to make sure you have the correct tenant ID and are
        signing into the correct cloud.""",
    ),
    "app_not_consented": (
        (400, "unauthorized_client"),
        700016,
        "Application with identifier '{}' was not found in the directory '{}'.",
    ),
    "resource_not_found": (
        (400, "invalid_resource"),
        500011,
        "The resource principal named {} was not found in the tenant named {}.",
    ),
    "invalid_secret": (BAD_CLIENT, 7000215, "Invalid client secret provided."),
    "expired_secret": (BAD_CLIENT, 7000222, "The provided client secret keys are expired."),
    "bad_certificate": (
        BAD_CLIENT,
        700027,
        """The certificate with identifier used to sign the client assertion is not registered
        on application.""",
    ),
    "late_assertion": (
        BAD_CLIENT,
        700024,
        "Client assertion is not within its valid time range.",
    ),
    "foreign_assertion": (
        BAD_CLIENT,
        700023,
        "Client assertion audience claim does not match Realm issuer.",
    ),
    "wrong_client": (
        BAD_CLIENT,
        700021,
        "Client assertion application identifier doesn't match 'client_id' parameter.",
    ),
    "broken_assertion": (BAD_CLIENT, 50027, "JWT token is invalid or malformed."),
    "no_credential": (
        BAD_CLIENT,
        7000218,
        """The request body must contain the following parameter: 'client_assertion' or
        'client_secret'.""",
    ),
    "bad_scope": (
        (400, "invalid_scope"),
        1002012,
        """The provided value for scope {} is not valid. Client credential flows must have a
        scope value with /.default suffixed to the resource identifier (application ID URI).""",
    ),
    "bad_grant": (
        (400, "unsupported_grant_type"),
        70003,
        "The app requested an unsupported grant type '{}'.",
    ),
}


@dataclass
class Authority:
    """Answers for `base`, the address it is reached by; `api` is the one resource it knows."""

    world: World
    tokens: Tokens
    base: str
    api: str
    clock: Callable[[], float]

    def __post_init__(self) -> None:
        self._assertions = assertions.Assertions()

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request that is ours, or None."""
        name, _, rest = request.path.lstrip("/").partition("/")
        routes = {
            ("GET", "v2.0/.well-known/openid-configuration"): self._discovery,
            ("GET", "discovery/v2.0/keys"): self._keys,
            ("POST", "oauth2/v2.0/token"): self._token,
        }
        handler = routes.get((request.method, rest))
        if handler is None:
            return None
        try:
            return handler(self._tenant(name), request)
        except RefusedError as refusal:
            return self._refused(refusal, request)

    def _tenant(self, name: str) -> Tenant:
        tenant = self.world.by_id(name) or self.world.by_domain(name)
        if tenant is None:
            raise RefusedError("tenant_not_found", (name,))
        return tenant

    def _discovery(self, tenant: Tenant, _request: Request) -> Answer:
        """Endpoints carry the tenant's identifier, also where it was asked for by a domain."""
        home = f"{self.base}/{tenant.tenant_id}"
        document = {
            "issuer": self.tokens.issuer_of(tenant.tenant_id),
            "authorization_endpoint": f"{home}/oauth2/v2.0/authorize",
            "token_endpoint": f"{home}/oauth2/v2.0/token",
            "jwks_uri": f"{home}/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "tenant_region_scope": "EU",
        }
        return as_json(document, kind="application/json; charset=utf-8")

    def _keys(self, _tenant: Tenant, _request: Request) -> Answer:
        return as_json(self.tokens.keys, kind="application/json; charset=utf-8")

    def _token(self, tenant: Tenant, request: Request) -> Answer:
        form = request.form
        if form.get("grant_type") != "client_credentials":
            raise RefusedError("bad_grant", (form.get("grant_type", ""),))
        app = tenant.registration
        if form.get("client_id") != app.client_id:
            raise RefusedError("app_not_consented", (form.get("client_id", ""), tenant.name))
        audience = self._resource(tenant, form.get("scope", ""))
        proof = self._authenticate(tenant, form)
        wids = app.wids or (NO_DIRECTORY_ROLE,)
        token, lives = self.tokens.mint(
            tenant.tenant_id, app.client_id, audience, app.roles, wids, proof=proof
        )
        return as_json(
            {"token_type": "Bearer", "expires_in": lives, "ext_expires_in": lives}
            | {"access_token": token},
            kind="application/json; charset=utf-8",
            headers={"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"},
        )

    def _resource(self, tenant: Tenant, scope: str) -> str:
        resource, found, rest = scope.rpartition("/.default")
        if not found or rest or " " in scope:
            raise RefusedError("bad_scope", (scope,))
        if resource != self.api:
            raise RefusedError("resource_not_found", (resource, tenant.name))
        return resource

    def _authenticate(self, tenant: Tenant, form: dict[str, str]) -> str:
        """By what the app proved itself."""
        if assertion := form.get("client_assertion"):
            self._check_assertion(tenant, assertion, form)
            return BY_CERTIFICATE
        if secret := form.get("client_secret"):
            _check_secret(tenant.registration, secret)
            return BY_SECRET
        raise RefusedError("no_credential")

    def _check_assertion(self, tenant: Tenant, assertion: str, form: dict[str, str]) -> None:
        app = tenant.registration
        if form.get("client_assertion_type") != JWT_BEARER:
            raise RefusedError("no_credential")
        if not app.certificates:
            raise RefusedError("bad_certificate")
        home = f"{self.base}/{tenant.tenant_id}"
        audiences = (f"{home}/oauth2/v2.0/token", f"{home}/v2.0")
        try:
            self._assertions.check(
                assertion, app.certificates, app.client_id, audiences, self.clock()
            )
        except assertions.ProofError as error:
            raise RefusedError(error.why) from error

    def _refused(self, refusal: RefusedError, request: Request) -> Answer:
        (status, error), code, sentence = ERRORS[refusal.name]
        trace = str(uuid.uuid4())
        correlation = request.headers.get("client-request-id", str(uuid.uuid4()))
        stamp = datetime.fromtimestamp(self.clock(), UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        words = " ".join(sentence.split()).format(*refusal.words)
        document: dict[str, Any] = {
            "error": error,
            "error_description": f"AADSTS{code}: {words} Trace ID: {trace} "
            f"Correlation ID: {correlation} Timestamp: {stamp}",
            "error_codes": [code],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"{self.base}/error?code={code}",
        }
        return as_json(document, status, kind="application/json; charset=utf-8")


def _check_secret(app: Registration, secret: str) -> None:
    known = app.client_secret
    if known is None or not hmac.compare_digest(known.encode(), secret.encode()):
        raise RefusedError("invalid_secret")
    if app.secret_expired:
        raise RefusedError("expired_secret")
