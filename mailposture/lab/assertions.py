"""Client assertions (RFC 7523): a JWT that proves possession of a registered certificate."""

import base64
import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes

# Clients sign PS256 over a SHA-256 thumbprint; the SHA-1 form is deprecated and not taken here.
ALGORITHM = "PS256"


class ProofError(Exception):
    """An assertion that proves nothing; `why` names the authority's answer to it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass
class Assertions:
    """Reads assertions, and remembers each until it expires.

    msal sends one assertion again and again for nine minutes, and Entra lets it. So the same
    assertion twice is fine; another assertion under an identifier already spent is a forgery.
    """

    _seen: dict[str, tuple[str, float]] = field(default_factory=dict)

    def check(
        self,
        assertion: str,
        registered: Collection[str],
        client_id: str,
        audiences: Collection[str],
        now: float,
    ) -> None:
        """Say nothing where it holds by one of these certificates (PEM), else raise ProofError."""
        claims = _signed_claims(assertion, registered)
        if claims["iss"] != client_id or claims["sub"] != client_id:
            raise ProofError("wrong_client")
        if claims["aud"] not in audiences:
            raise ProofError("foreign_assertion")
        if not claims.get("nbf", 0) <= now < claims["exp"]:
            raise ProofError("late_assertion")
        self._spend(claims, assertion, now)

    def _spend(self, claims: dict[str, Any], assertion: str, now: float) -> None:
        self._seen = {jti: seen for jti, seen in self._seen.items() if seen[1] > now}
        digest = hashlib.sha256(assertion.encode()).hexdigest()
        known, _ = self._seen.setdefault(claims["jti"], (digest, claims["exp"]))
        if known != digest:
            raise ProofError("broken_assertion")


def _signed_claims(assertion: str, registered: Collection[str]) -> dict[str, Any]:
    """The claims, once thumbprint and signature agree with a registered certificate."""
    try:
        header = jwt.get_unverified_header(assertion)
    except jwt.PyJWTError as error:
        raise ProofError("broken_assertion") from error
    known = map(x509.load_pem_x509_certificate, (pem.encode() for pem in registered))
    certificate = next((one for one in known if _names(header, one)), None)
    if header.get("alg") != ALGORITHM or certificate is None:
        raise ProofError("bad_certificate")
    try:
        claims: dict[str, Any] = jwt.decode(
            assertion,
            certificate.public_key(),  # type: ignore[arg-type]  # a key of another kind fails there
            algorithms=[ALGORITHM],
            options={
                "require": ["aud", "exp", "iss", "sub", "jti"],
                "verify_aud": False,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except jwt.InvalidSignatureError as error:
        raise ProofError("bad_certificate") from error
    except (jwt.PyJWTError, TypeError) as error:
        raise ProofError("broken_assertion") from error
    return claims


def _names(header: dict[str, Any], certificate: x509.Certificate) -> bool:
    """Whether the x5t#S256 header (RFC 7515 section 4.1.8) is this certificate's thumbprint."""
    mine = base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).decode()
    # The RFC wants no padding, msal sends it.
    theirs = str(header.get("x5t#S256", ""))
    return hmac.compare_digest(theirs.rstrip("=").encode(), mine.rstrip("=").encode())
