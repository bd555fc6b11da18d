"""Give a tenant's app another certificate, as a person uploads one in the Entra admin centre."""

from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from mailposture.lab.scenes import SceneError
from mailposture.lab.world import Registration, World

MOST: Final = 20
LEAST_BITS: Final = 2048


def register(world: World, asked: dict[str, Any], now: datetime) -> str:
    """Let the app of `tenant` prove itself with `certificate` too: a public part, as PEM."""
    tenant = world.by_slug(str(asked.get("tenant")))
    if tenant is None:
        raise SceneError(f'there is no tenant "{asked.get("tenant")}" in the lab')
    certificate = opened(str(asked.get("certificate", "")))
    if certificate.not_valid_after_utc <= now:
        raise SceneError(f"the certificate expired on {certificate.not_valid_after_utc:%d %b %Y}")
    # SHA-1 is how Entra names a certificate; nothing is proved by it.
    name = certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303
    already = " already" if not add(tenant.registration, certificate) else ""
    return f"{tenant.name}'s app knows the certificate {name}{already}."


def opened(text: str) -> x509.Certificate:
    """Read the one certificate in this text, or say what is wrong with it."""
    if "PRIVATE KEY" in text:
        raise SceneError("this holds a private key; give the public part alone")
    try:
        found = x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise SceneError("this is no certificate in PEM") from None
    if len(found) != 1:
        raise SceneError(f"there are {len(found)} certificates in it; give one")
    key = found[0].public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < LEAST_BITS:
        raise SceneError(f"the key must be RSA, of {LEAST_BITS} bits or more")
    return found[0]


def add(app: Registration, certificate: x509.Certificate) -> bool:
    """Keep it beside those before, the oldest dropped where there are many; False if known."""
    public = certificate.public_bytes(Encoding.PEM).decode()
    if public in app.uploaded:
        return False
    app.uploaded = (*app.uploaded, public)[-MOST:]
    return True
