"""Certificates made here: an RSA key with its self-signed certificate, as Entra takes them."""

from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from mailposture.adapters.exchange.credential import Certificate

BITS: Final = 2048
# Clocks differ: a certificate must not come from the future of whoever looks at it.
EARLIER: Final = timedelta(minutes=10)


def make(name: str, now: datetime, until: datetime) -> Certificate:
    """A fresh key and its certificate, both PEM; it can sign, and no other certificate."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_signs(), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Certificate(
        private_key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        certificate=certificate.public_bytes(Encoding.PEM).decode(),
    )


def _signs() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def der(pem: str) -> bytes:
    """The first certificate of a PEM text as DER: what a .cer file holds."""
    return x509.load_pem_x509_certificates(pem.encode())[0].public_bytes(Encoding.DER)
