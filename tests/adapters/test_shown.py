"""A certificate file says who it is for, until when, and for which use; never its key."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mailposture.adapters import shown

END = datetime(2027, 2, 10, 12, 0, tzinfo=UTC)
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
ANY = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
PRIVATE = "PRIVATE KEY"


def pem(
    usages: tuple[x509.ObjectIdentifier, ...] = (), names: tuple[str, ...] = ("mail.contoso.com",)
) -> bytes:
    """Key and certificate in one file, as a vantage point has them."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.contoso.com")])
    issuer = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tailspin Trust")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(END - timedelta(days=365))
        .not_valid_after(END)
    )
    if names:
        held = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(held, critical=False)
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(usages)), critical=False)
    made = builder.sign(key, hashes.SHA256())
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return secret + made.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    ("usages", "client_auth"),
    [((), True), ((SERVER,), False), ((SERVER, CLIENT), True), ((ANY,), True)],
)
def test_it_says_for_which_use_it_is(
    tmp_path: Path, usages: tuple[x509.ObjectIdentifier, ...], client_auth: bool
) -> None:
    file = tmp_path / "client.pem"
    file.write_bytes(pem(usages, ("mail.contoso.com", "owa.contoso.com")))
    found = shown.about(file)
    assert found is not None
    assert len(found.pop("fingerprint_sha256")) == 64
    assert "issuer" in found.pop("untrusted")
    assert found == {
        "common_name": "mail.contoso.com",
        "names": ["mail.contoso.com", "owa.contoso.com"],
        "issuer": "Tailspin Trust",
        "above": ["Tailspin Trust"],
        "not_before": "2026-02-10T12:00:00+00:00",
        "not_after": "2027-02-10T12:00:00+00:00",
        "client_auth": client_auth,
    }


@pytest.mark.parametrize(
    ("whole", "known", "untrusted"),
    [
        (True, True, ""),
        (False, True, "unable to get local issuer certificate"),
        (True, False, "unable to get local issuer certificate"),
    ],
    ids=["whole", "the one between is not in the file", "of nobody's authority"],
)
def test_the_chain_is_followed_as_it_would_be_shown(
    tmp_path: Path, whole: bool, known: bool, untrusted: str
) -> None:
    authority = trustme.CA()
    issued = authority.create_child_ca().issue_cert("mail.contoso.com")
    chain = issued.cert_chain_pems if whole else issued.cert_chain_pems[:1]
    file, root = tmp_path / "client.pem", tmp_path / "root.pem"
    file.write_bytes(b"".join([issued.private_key_pem.bytes(), *(c.bytes() for c in chain)]))
    root.write_bytes(authority.cert_pem.bytes())
    found = shown.about(file, root if known else None)
    assert found is not None
    assert found["untrusted"] == untrusted
    assert len(found["above"]) == len(chain)


def test_one_that_has_ended_is_not_trusted_any_more(tmp_path: Path) -> None:
    authority = trustme.CA()
    file, root = tmp_path / "client.pem", tmp_path / "root.pem"
    ended = authority.issue_cert("mail.contoso.com", not_after=datetime(2020, 1, 1, tzinfo=UTC))
    ended.private_key_and_cert_chain_pem.write_to_path(str(file))
    root.write_bytes(authority.cert_pem.bytes())
    found = shown.about(file, root)
    assert found is not None
    assert "expired" in found["untrusted"]


def test_one_without_alternative_names_has_its_common_name_alone(tmp_path: Path) -> None:
    file = tmp_path / "client.pem"
    file.write_bytes(pem(names=()))
    found = shown.about(file)
    assert found is not None
    assert (found["common_name"], found["names"]) == ("mail.contoso.com", [])


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x00" * 400_000])
def test_what_is_no_certificate_says_nothing(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "client.pem"
    file.write_bytes(content)
    assert shown.about(file) is None
    assert shown.about(tmp_path / "nowhere.pem") is None


def test_the_key_is_never_in_it(tmp_path: Path) -> None:
    file = tmp_path / "client.pem"
    file.write_bytes(pem())
    assert PRIVATE not in str(shown.about(file))
