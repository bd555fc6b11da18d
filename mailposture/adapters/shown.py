"""What a certificate file says of itself, to those who meet it: never its key."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mailposture.adapters import tls

MOST_NAMES: Final = 100
MOST_CERTIFICATES: Final = 10
LONGEST_FILE: Final = 256 * 1024


def about(file: Path, authority: Path | None = None) -> dict[str, Any] | None:
    """What the first certificate in a PEM file says, and where the others lead; None where none is.

    `client_auth` follows RFC 5280 section 4.2.1.12: without the extension every usage is meant.
    `untrusted` is why the chain, as it would be shown, leads to no authority that this host trusts
    (and to no `authority`, where one is named: the lab's own); empty where it does.
    """
    try:
        chain = x509.load_pem_x509_certificates(file.read_bytes()[:LONGEST_FILE])
        untrusted = _untrusted(chain[:MOST_CERTIFICATES], authority)
    except (OSError, *tls.UNREADABLE):
        return None
    found = chain[0]
    return {
        "common_name": _first(found.subject, NameOID.COMMON_NAME),
        "names": _names(found)[:MOST_NAMES],
        "issuer": _issuer(found),
        "not_before": _moment(found.not_valid_before_utc),
        "not_after": _moment(found.not_valid_after_utc),
        "client_auth": _client_auth(found),
        "fingerprint_sha256": found.fingerprint(hashes.SHA256()).hex(),
        "above": [_issuer(one) for one in chain[:MOST_CERTIFICATES]],
        "untrusted": untrusted,
    }


def _untrusted(chain: Sequence[x509.Certificate], authority: Path | None) -> str:
    return tls.chain_error(chain, tls.trust_of(authority))[:200]


def _issuer(one: x509.Certificate) -> str:
    return _first(one.issuer, NameOID.ORGANIZATION_NAME) or _first(one.issuer, NameOID.COMMON_NAME)


def _first(name: x509.Name, kind: x509.ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(kind)
    return str(found[0].value) if found else ""


def _names(found: x509.Certificate) -> list[str]:
    try:
        held = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return held.value.get_values_for_type(x509.DNSName)
    except (x509.ExtensionNotFound, ValueError):
        return []


def _client_auth(found: x509.Certificate) -> bool:
    try:
        held = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except (x509.ExtensionNotFound, ValueError):
        return True
    meant = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    return bool(meant & set(held.value))


def _moment(at: datetime) -> str:
    return at.isoformat()
