"""Certificates people upload, PFX or PEM, turned to a PEM key and certificate in memory.

Entra takes RSA only for client assertions, so that other keys are refused by their name here
and not by a strange error later. How long opening takes is for the file to say: what comes from
people is opened by `unsealing`, which runs this in a process of its own.
"""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)

from mailposture.adapters.exchange.credential import Certificate, CertificateFacts
from mailposture.adapters.exchange.errors import ExchangeError

BIGGEST = 64 * 1024  # a key with a long chain is a tenth of it
# Each sign-in is signed with it: a longer key would hold up whoever signs in.
LONGEST_KEY = 8192
MOST_CERTIFICATES = 16

KEY_NAMES = (
    (ec.EllipticCurvePrivateKey, "an elliptic-curve key"),
    (ed25519.Ed25519PrivateKey, "an Ed25519 key"),
    (ed448.Ed448PrivateKey, "an Ed448 key"),
    (dsa.DSAPrivateKey, "a DSA key"),
)


def _refusal(cause: str, says: str) -> ExchangeError:
    return ExchangeError(cause, says, permanent=True)


def open_pfx(data: bytes, passphrase: str) -> Certificate:
    """Turn a PFX (PKCS#12) file into PEM."""
    _bounded(data)
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(
            data, passphrase.encode() or None
        )
    except UnsupportedAlgorithm:
        old = "The file is encrypted in a way that is no longer supported; export it with AES."
        raise _refusal("certificate-unreadable", old) from None
    except ValueError as problem:
        raise _pfx_problem(problem) from None
    if key is None or certificate is None:
        lacking = "private key" if key is None else "certificate"
        raise _refusal("certificate-incomplete", f"The file holds no {lacking}.")
    return _matched(key, (certificate, *others))


def _pfx_problem(problem: ValueError) -> ExchangeError:
    # cryptography says both in one exception and tells them apart in its words only.
    if "password" in str(problem).lower():
        return _refusal("passphrase-wrong", "The passphrase does not open the file.")
    return _refusal("certificate-unreadable", "This is not a PFX file.")


def open_pem(data: bytes, passphrase: str = "") -> Certificate:
    """Read one or more PEM blocks pasted together: a private key and its certificate."""
    _bounded(data)
    try:
        certificates = x509.load_pem_x509_certificates(data)
    except ValueError:
        raise _refusal("certificate-incomplete", "The text holds no certificate.") from None
    return _matched(_pem_key(data, passphrase), tuple(certificates))


def _pem_key(data: bytes, passphrase: str) -> object:
    try:
        return load_pem_private_key(data, passphrase.encode() or None)
    except TypeError:
        # Either encrypted without a passphrase given, or the other way round.
        if passphrase:
            return _pem_key(data, "")
        raise _refusal("passphrase-wrong", "The private key needs a passphrase.") from None
    except UnsupportedAlgorithm:
        raise _refusal("key-not-rsa", "The private key is of an unknown kind.") from None
    except ValueError as problem:
        if "password" in str(problem).lower() or "decrypt" in str(problem).lower():
            raise _refusal("passphrase-wrong", "The passphrase does not open the key.") from None
        raise _refusal("certificate-incomplete", "The text holds no private key.") from None


def _matched(key: object, certificates: tuple[x509.Certificate, ...]) -> Certificate:
    """The key with the certificate that is its own first, then the rest of the chain."""
    if not isinstance(key, rsa.RSAPrivateKey):
        name = next((n for kind, n in KEY_NAMES if isinstance(key, kind)), "no RSA key")
        raise _refusal("key-not-rsa", f"This is {name}. Entra takes RSA only.")
    if key.key_size > LONGEST_KEY:
        raise _refusal("key-not-rsa", f"The key has {key.key_size} bits; {LONGEST_KEY} are enough.")
    if len(certificates) > MOST_CERTIFICATES:
        many = f"It holds {len(certificates)} certificates; a chain has a handful."
        raise _refusal("certificate-unreadable", many)
    own = _public(key.public_key())
    mine = [c for c in certificates if _certified(c) == own]
    if not mine:
        raise _refusal("key-mismatch", "The certificate does not belong to the private key.")
    chain = [mine[0], *(c for c in certificates if c != mine[0])]
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Certificate(
        private_key=pem.decode(),
        certificate="".join(c.public_bytes(Encoding.PEM).decode() for c in chain),
    )


def _public(key: rsa.RSAPublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _certified(certificate: x509.Certificate) -> bytes:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return b""
    return _public(key) if isinstance(key, rsa.RSAPublicKey) else b""


def _bounded(data: bytes) -> None:
    if len(data) > BIGGEST:
        raise _refusal("certificate-unreadable", "The file is too big for a certificate.")


def facts(certificate: Certificate) -> CertificateFacts:
    """What may be shown of a certificate."""
    leaf = x509.load_pem_x509_certificates(certificate.certificate.encode())[0]
    key = leaf.public_key()
    # SHA-1 names the certificate, as Entra's own pages do; it protects nothing here.
    sha1 = leaf.fingerprint(hashes.SHA1())  # noqa: S303
    return CertificateFacts(
        subject=leaf.subject.rfc4514_string(),
        thumbprint=sha1.hex().upper(),
        sha256=leaf.fingerprint(hashes.SHA256()).hex().upper(),
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        key=f"RSA {key.key_size}" if isinstance(key, rsa.RSAPublicKey) else "unknown",
    )
