"""The lab's access tokens: signed by a key of its own, read back with nothing taken on trust."""

import base64
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

# `appidacr`: how the client proved itself, as Entra's access tokens have it.
BY_SECRET, BY_CERTIFICATE = "1", "2"
# What Entra lists in `wids` for an application that holds no directory role.
NO_DIRECTORY_ROLE = "0997a1d0-0d1d-4acb-b408-d5ca73121e90"
DIRECTORY_ROLES = {
    "Global Reader": "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
    "Security Reader": "5d6b6bb7-de71-4623-b4af-96380a352509",
    "Exchange Administrator": "29232cdf-9323-42fd-ade2-1d097af3e4de",
}


class TokenError(Exception):
    """This bearer token is none of ours, spoiled, too old, or meant for somebody else."""


class Tokens:
    """Mints and reads. `lifetime` is how long a token lives; `promised` is what clients are told.

    The two differ where a test wants a token that dies while its owner still believes in it.
    """

    def __init__(
        self, issuer: str, key: rsa.RSAPrivateKey, clock: Callable[[], float] = time.time
    ) -> None:
        self.issuer = issuer
        self.clock = clock
        self.lifetime = 3600
        self.promised: int | None = None
        self._key = key
        self._kid = f"{key.public_key().public_numbers().n:x}"[:32]

    @property
    def keys(self) -> dict[str, Any]:
        """The public half, as a JSON Web Key Set (RFC 7517)."""
        numbers = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self._kid}
        return {"keys": [key | {"n": _number(numbers.n), "e": _number(numbers.e)}]}

    def issuer_of(self, tenant_id: str) -> str:
        """Who signs for this tenant."""
        return f"{self.issuer}/{tenant_id}/v2.0"

    def mint(  # noqa: PLR0913 # what a token tells, each by its name
        self,
        tenant_id: str,
        app_id: str,
        audience: str,
        roles: Sequence[str],
        wids: Sequence[str],
        *,
        proof: str = BY_SECRET,
    ) -> tuple[str, int]:
        """A token and the seconds a client is told it lives."""
        now = int(self.clock())
        claims = {
            "aud": audience,
            "iss": self.issuer_of(tenant_id),
            "iat": now,
            "nbf": now,
            "exp": now + self.lifetime,
            "tid": tenant_id,
            "appid": app_id,
            "appidacr": proof,
            "sub": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{tenant_id}/{app_id}")),
            "idtyp": "app",
            "wids": list(wids),
            "ver": "1.0",
            "uti": uuid.uuid4().hex,
        }
        if roles:
            claims["roles"] = list(roles)
        token = jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._kid})
        return token, self.lifetime if self.promised is None else self.promised

    def read(self, token: str, audience: str) -> dict[str, Any]:
        """The claims of a token that holds now and for this audience, or TokenError."""
        # The clock is ours to move in tests, so the times are compared here and not by the library.
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=["RS256"],
                audience=audience,
                options={
                    "require": ["exp", "nbf", "aud", "tid", "appid"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except jwt.PyJWTError as error:
            raise TokenError(str(error)) from error
        if not claims["nbf"] <= self.clock() < claims["exp"]:
            raise TokenError("not within its time")
        return claims


def signing_key(path: Path) -> rsa.RSAPrivateKey:
    """The key kept in this file, made at the first need.

    It outlives the process, so that a client's cached token holds across a restart of the lab.
    """
    if path.exists():
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        if isinstance(key, rsa.RSAPrivateKey):
            return key
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    pem = made.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    fresh.touch(mode=0o600)
    fresh.write_bytes(pem)
    fresh.replace(path)
    return made


def _number(value: int) -> str:
    """An RSA number as RFC 7518 section 6.3 wants it: big-endian, base64url, no padding."""
    octets = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
