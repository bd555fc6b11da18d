"""What a person gives to prove the app: a client secret, or a certificate as PEM or PFX.

Everything is turned to a NewCredential in memory; a file never reaches a disk, and no word of a
refusal repeats what was given.
"""

import re
import uuid
from datetime import datetime, timedelta
from typing import Final

from mailposture.adapters.exchange import pfx, selfsigned, unsealing
from mailposture.adapters.exchange.credential import Certificate
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.services.enrolling import NewCredential

# Entra takes a certificate for as long as it says; two years is what its own pages recommend.
MADE_FOR: Final = timedelta(days=730)
MOST_BYTES: Final = pfx.BIGGEST
LONGEST_SECRET: Final = 256
GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class CredentialError(ValueError):
    """What was given cannot be used; the text says why and what can."""

    def __init__(self, says: str, *, wants_passphrase: bool = False) -> None:
        super().__init__(says)
        self.wants_passphrase = wants_passphrase


def from_secret(client_id: uuid.UUID, secret: str) -> NewCredential:
    """A client secret, as it stands in the column Value of the app registration."""
    given = secret.strip()
    if not given:
        raise CredentialError("Give the client secret's value.")
    if GUID.fullmatch(given):
        raise CredentialError("This is the secret's ID. Give the text of the column Value.")
    if len(given) > LONGEST_SECRET or not given.isprintable() or not given.isascii():
        raise CredentialError("A client secret is one line of at most 256 letters, digits, signs.")
    return NewCredential(client_id=client_id, secret=given)


def from_certificate(
    client_id: uuid.UUID, pem_or_pfx: bytes, passphrase: str | None
) -> NewCredential:
    """A certificate with its RSA key, whichever of the two forms it comes in."""
    try:
        certificate = _opened(pem_or_pfx, passphrase or "")
        facts = pfx.facts(certificate)
    except ExchangeError as refusal:
        wants = refusal.cause == "passphrase-wrong"
        raise CredentialError(refusal.says, wants_passphrase=wants) from None
    return NewCredential(
        client_id=client_id,
        private_key=certificate.private_key,
        certificate=certificate.certificate,
        thumbprint=facts.thumbprint,
        expires_at=facts.not_after,
    )


def made_here(client_id: uuid.UUID, now: datetime) -> NewCredential:
    """A certificate of our own with an RSA key that never leaves this installation."""
    certificate = selfsigned.make(f"Mailposture {client_id}", now, now + MADE_FOR)
    facts = pfx.facts(certificate)
    return NewCredential(
        client_id=client_id,
        private_key=certificate.private_key,
        certificate=certificate.certificate,
        thumbprint=facts.thumbprint,
        expires_at=facts.not_after,
        made_here=True,
    )


def _opened(data: bytes, passphrase: str) -> Certificate:
    if len(data) > MOST_BYTES:
        raise CredentialError(f"Larger than {MOST_BYTES // 1024} KB: no certificate is.")
    return unsealing.open_certificate(data, passphrase)
