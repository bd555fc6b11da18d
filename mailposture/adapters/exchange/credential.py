"""What an application proves itself with. Its secret parts show in no repr."""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from mailposture.adapters.exchange.errors import ExchangeError

# A GUID or a domain name. Both go into URLs, so that nothing else may be in them.
_TENANT: Final = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z.-]{0,251}[0-9A-Za-z])?")
# Authorities that name no tenant: msal warns of them, and app-only tokens of them are not to trust.
_NO_TENANT: Final = frozenset({"common", "organizations", "consumers"})


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificateFacts:
    """What may be shown of a certificate. `thumbprint` is the SHA-1 that Entra lists."""

    subject: str
    thumbprint: str
    sha256: str
    not_before: datetime
    not_after: datetime
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """A private key with its certificate, both PEM."""

    private_key: str = field(repr=False)
    certificate: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """An application in a tenant, with its secret or its certificate, one of the two."""

    tenant_id: str
    client_id: str
    secret: str = field(default="", repr=False)
    certificate: Certificate | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not _TENANT.fullmatch(self.tenant_id) or self.tenant_id.lower() in _NO_TENANT:
            raise ExchangeError(
                "tenant-malformed",
                "A tenant is named by its GUID or by one of its domains.",
                permanent=True,
            )
        if not _TENANT.fullmatch(self.client_id):
            raise ExchangeError(
                "client-malformed", "An application is named by its GUID.", permanent=True
            )
        if bool(self.secret) == bool(self.certificate):
            raise ExchangeError(
                "credential-malformed",
                "Give a client secret or a certificate, one of the two.",
                permanent=True,
            )

    @property
    def kind(self) -> str:
        """secret or certificate."""
        return "secret" if self.secret else "certificate"

    @property
    def fingerprint(self) -> str:
        """Tells credentials apart without showing them."""
        proof = self.secret
        if self.certificate:
            proof = self.certificate.private_key + self.certificate.certificate
        whole = "\0".join((self.tenant_id.lower(), self.client_id.lower(), proof))
        return hashlib.sha256(whole.encode()).hexdigest()
