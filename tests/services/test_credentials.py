"""What people give as a credential: read in memory, refused with words that say what would do."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from mailposture.services import credentials

APP = uuid.UUID("5e0a31b2-77d4-4c1e-9a60-2f4be8d0c1d9")
UNTIL = datetime(2028, 1, 1, tzinfo=UTC)
type Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate_of(key: Key) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mailposture.contoso.com")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(UNTIL - timedelta(days=700))
        .not_valid_after(UNTIL)
        .sign(key, hashes.SHA256())
    )


def pem_of(key: Key, passphrase: bytes = b"") -> bytes:
    sealing = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealing)
    return private + certificate_of(key).public_bytes(Encoding.PEM)


def pfx_of(key: Key, passphrase: bytes) -> bytes:
    sealing = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return pkcs12.serialize_key_and_certificates(
        b"Mailposture", key, certificate_of(key), None, sealing
    )


def test_a_pem_gives_its_key_thumbprint_and_end(rsa_key: rsa.RSAPrivateKey) -> None:
    given = credentials.from_certificate(APP, pem_of(rsa_key), None)
    sha1 = certificate_of(rsa_key).fingerprint(hashes.SHA1())  # noqa: S303  Entra names certificates by it
    assert given.client_id == APP
    assert given.secret is None
    assert given.private_key is not None
    assert given.private_key.startswith("-----BEGIN PRIVATE KEY-----")
    assert given.thumbprint == sha1.hex().upper()
    assert given.expires_at == UNTIL


def test_a_pfx_with_its_passphrase_becomes_the_same_pem(rsa_key: rsa.RSAPrivateKey) -> None:
    from_pfx = credentials.from_certificate(APP, pfx_of(rsa_key, b"wingtip"), "wingtip")
    from_pem = credentials.from_certificate(APP, pem_of(rsa_key, b"wingtip"), "wingtip")
    assert from_pfx.private_key == from_pem.private_key
    assert from_pfx.expires_at == UNTIL


def test_a_pfx_without_a_passphrase_opens_without_one(rsa_key: rsa.RSAPrivateKey) -> None:
    assert credentials.from_certificate(APP, pfx_of(rsa_key, b""), None).thumbprint


def test_what_is_kept_shows_no_secret_when_printed(rsa_key: rsa.RSAPrivateKey) -> None:
    shown = repr(credentials.from_certificate(APP, pem_of(rsa_key), None))
    assert "PRIVATE" not in shown
    assert "s3cr3t~value" not in repr(credentials.from_secret(APP, "s3cr3t~value"))


@pytest.mark.parametrize(
    ("passphrase", "says"),
    [
        ("wrong", "The passphrase does not open the file."),
        ("", "The passphrase does not open the file."),
    ],
)
def test_a_wrong_passphrase_is_told_and_not_repeated(
    rsa_key: rsa.RSAPrivateKey, passphrase: str, says: str
) -> None:
    with pytest.raises(credentials.CredentialError) as refused:
        credentials.from_certificate(APP, pfx_of(rsa_key, b"wingtip"), passphrase)
    assert str(refused.value) == says


def test_a_key_that_entra_does_not_take_is_named() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(credentials.CredentialError, match="an elliptic-curve key"):
        credentials.from_certificate(APP, pem_of(key), None)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (b"", "not a PFX file"),
        (b"\x00\x01\x02", "not a PFX file"),
        (b"-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n", "no certificate"),
        (b"x" * (credentials.MOST_BYTES + 1), "Larger than 64 KB"),
    ],
)
def test_what_is_no_certificate_is_refused_in_words(given: bytes, says: str) -> None:
    with pytest.raises(credentials.CredentialError, match=says):
        credentials.from_certificate(APP, given, None)


def test_a_certificate_without_its_key_is_refused(rsa_key: rsa.RSAPrivateKey) -> None:
    alone = certificate_of(rsa_key).public_bytes(Encoding.PEM)
    with pytest.raises(credentials.CredentialError, match="no private key"):
        credentials.from_certificate(APP, alone, None)


def test_a_secret_is_kept_without_the_blanks_around_it() -> None:
    assert credentials.from_secret(APP, " ab8Q~abc \n").secret == "ab8Q~abc"


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        ("", "Give the client secret"),
        ("   ", "Give the client secret"),
        ("5e0a31b2-77d4-4c1e-9a60-2f4be8d0c1d9", "the secret's ID"),
        ("two\nlines", "one line"),
        ("x" * 300, "one line"),
        ("pässword", "one line"),
    ],
)
def test_what_is_no_client_secret_is_refused_in_words(secret: str, says: str) -> None:
    with pytest.raises(credentials.CredentialError, match=says):
        credentials.from_secret(APP, secret)
