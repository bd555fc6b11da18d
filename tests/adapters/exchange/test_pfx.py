"""Uploaded certificates: PFX or PEM in, a PEM pair out, and what does not serve refused by name."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from mailposture.adapters.exchange import pfx as pfx_module
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.adapters.exchange.pfx import BIGGEST, facts, open_pem, open_pfx

START = datetime(2026, 11, 1, tzinfo=UTC)
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVE = ec.generate_private_key(ec.SECP256R1())
EDWARDS = ed25519.Ed25519PrivateKey.generate()


def signed(key: CertificateIssuerPrivateKeyTypes, name: str = "reader") -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    edwards = isinstance(key, ed25519.Ed25519PrivateKey)
    return (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(START + timedelta(days=365))
        .sign(key, None if edwards else hashes.SHA256())
    )


SESAME = "open sesame"
MINE = signed(RSA)
CHAIN = signed(OTHER, "issuer")


def pem_key(key: CertificateIssuerPrivateKeyTypes, passphrase: str = "") -> bytes:
    how = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(c.public_bytes(Encoding.PEM) for c in certificates)


def pfx(
    key: pkcs12.PKCS12PrivateKeyTypes | None,
    certificate: x509.Certificate | None,
    passphrase: str = SESAME,
) -> bytes:
    how = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"reader", key, certificate, [CHAIN], how)


@pytest.mark.parametrize("passphrase", ["open sesame", "", "pässwörd"])
def test_a_pfx_becomes_a_pem_pair_in_memory(passphrase: str) -> None:
    found = open_pfx(pfx(RSA, MINE, passphrase), passphrase)
    assert found.private_key.startswith("-----BEGIN PRIVATE KEY-----")
    assert found.certificate == pem(MINE, CHAIN).decode()
    assert "PRIVATE" not in repr(found)


@pytest.mark.parametrize(
    "text",
    [
        pem_key(RSA) + pem(MINE),
        pem(MINE) + pem_key(RSA),
        pem(CHAIN, MINE) + b"\n" + pem_key(RSA),
        b"Bag Attributes\n  friendlyName: r\n" + pem_key(RSA) + b"subject=CN = r\n" + pem(MINE),
        RSA.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        + pem(MINE),
    ],
)  # fmt: skip
def test_pem_blocks_may_be_pasted_in_any_order(text: bytes) -> None:
    found = open_pem(text)
    assert found.certificate.startswith(pem(MINE).decode())
    assert open_pem(f"{found.private_key}{found.certificate}".encode()) == found


def test_a_key_with_a_passphrase_is_opened_and_one_without_ignores_it() -> None:
    plain = open_pem(pem_key(RSA) + pem(MINE))
    assert open_pem(pem_key(RSA, "sesame") + pem(MINE), "sesame") == plain
    assert open_pem(pem_key(RSA) + pem(MINE), "not needed") == plain


@pytest.mark.parametrize(
    ("data", "passphrase", "cause", "says"),
    [
        (pfx(RSA, MINE), "wrong", "passphrase-wrong", "does not open"),
        (pfx(RSA, MINE), "", "passphrase-wrong", "does not open"),
        (b"not a pfx", "", "certificate-unreadable", "not a PFX"),
        (b"", "", "certificate-unreadable", "not a PFX"),
        (b"x" * (BIGGEST + 1), "", "certificate-unreadable", "too big"),
        (pfx(CURVE, signed(CURVE)), "open sesame", "key-not-rsa", "elliptic-curve"),
        (pfx(EDWARDS, signed(EDWARDS)), "open sesame", "key-not-rsa", "Ed25519"),
        (pfx(None, None), "open sesame", "certificate-incomplete", "no private key"),
    ],
)
def test_a_pfx_that_does_not_serve_is_refused_by_name(
    data: bytes, passphrase: str, cause: str, says: str
) -> None:
    with pytest.raises(ExchangeError) as raised:
        open_pfx(data, passphrase)
    assert (raised.value.cause, raised.value.permanent) == (cause, True)
    assert says in raised.value.says


@pytest.mark.parametrize(
    ("data", "passphrase", "cause", "says"),
    [
        (pem_key(RSA), "", "certificate-incomplete", "no certificate"),
        (pem(MINE), "", "certificate-incomplete", "no private key"),
        (b"", "", "certificate-incomplete", "no certificate"),
        (b"x" * (BIGGEST + 1), "", "certificate-unreadable", "too big"),
        (pem_key(RSA, "sesame") + pem(MINE), "", "passphrase-wrong", "needs a passphrase"),
        (pem_key(RSA, "sesame") + pem(MINE), "wrong", "passphrase-wrong", "does not open"),
        (pem_key(OTHER) + pem(MINE), "", "key-mismatch", "does not belong"),
        (pem_key(RSA) + pem(signed(CURVE)), "", "key-mismatch", "does not belong"),
        (pem_key(CURVE) + pem(signed(CURVE)), "", "key-not-rsa", "elliptic-curve"),
        (pem_key(EDWARDS) + pem(signed(EDWARDS)), "", "key-not-rsa", "Ed25519"),
        (pem_key(RSA) + pem(MINE) * 17, "", "certificate-unreadable", "17 certificates"),
    ],
)
def test_pem_that_does_not_serve_is_refused_by_name(
    data: bytes, passphrase: str, cause: str, says: str
) -> None:
    with pytest.raises(ExchangeError) as raised:
        open_pem(data, passphrase)
    assert (raised.value.cause, raised.value.permanent) == (cause, True)
    assert says in raised.value.says
    assert "PRIVATE" not in str(raised.value)


def test_a_key_that_would_take_long_to_sign_with_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Making one of more than 8192 bits takes minutes, so the bound is lowered instead.
    monkeypatch.setattr(pfx_module, "LONGEST_KEY", 2047)
    with pytest.raises(ExchangeError, match="2048 bits; 2047 are enough"):
        open_pem(pem_key(RSA) + pem(MINE))


def test_an_encryption_that_is_no_longer_supported_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Which old ciphers are gone depends on the build of OpenSSL: so the refusal itself is played.
    def unsupported(*_: object) -> None:
        raise UnsupportedAlgorithm("RC2")

    monkeypatch.setattr(pkcs12, "load_key_and_certificates", unsupported)
    with pytest.raises(ExchangeError, match="export it with AES"):
        open_pfx(b"old", "")


def test_a_chain_with_another_kind_of_key_is_no_trouble() -> None:
    found = open_pem(pem_key(RSA) + pem(signed(CURVE, "issuer"), MINE))
    assert found.certificate.startswith(pem(MINE).decode())


def test_what_may_be_shown_of_a_certificate() -> None:
    shown = facts(open_pem(pem_key(RSA) + pem(MINE)))
    assert shown.subject == "CN=reader"
    assert shown.thumbprint == MINE.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303
    assert shown.sha256 == MINE.fingerprint(hashes.SHA256()).hex().upper()
    assert (shown.not_before, shown.not_after) == (START, START + timedelta(days=365))
    assert shown.key == "RSA 2048"
