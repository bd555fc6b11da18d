"""What a certificate file says of itself, to those who meet it: never its key."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

MOST_NAMES: Final = 100
LONGEST_FILE: Final = 256 * 1024


def about(file: Path) -> dict[str, Any] | None:
    """Names, issuer, end and usage of the first certificate in a PEM file; None where none is.

    `client_auth` follows RFC 5280 section 4.2.1.12: without the extension every usage is meant.
    """
    try:
        found = x509.load_pem_x509_certificate(file.read_bytes()[:LONGEST_FILE])
    except (OSError, ValueError):
        return None
    return {
        "common_name": _first(found.subject, NameOID.COMMON_NAME),
        "names": _names(found)[:MOST_NAMES],
        "issuer": _first(found.issuer, NameOID.ORGANIZATION_NAME)
        or _first(found.issuer, NameOID.COMMON_NAME),
        "not_after": _moment(found.not_valid_after_utc),
        "client_auth": _client_auth(found),
    }


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
