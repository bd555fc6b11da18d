"""The lab's keys and certificates: one authority of its own, made once and then kept.

A restart must not change the authority, since running clients have read `ca.pem` already. Only
what is missing, or no longer names the right hosts, is made anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509

from mailposture.lab.store import write
from mailposture.lab.world import MAIL_SUFFIX, SERVICE, SIGNED_SUFFIX, World

LIFE = timedelta(days=3650)


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificates:
    """Where the lab's certificates lie."""

    authority: Path
    front_end: Path
    https: Path
    untrusted: Path


def prepare(directory: Path, world: World) -> Certificates:
    """Make or find every certificate, and tell the registrations their public parts."""
    folder = directory / "certs"
    folder.mkdir(parents=True, exist_ok=True)
    authority = keep_authority(directory)
    fronts = [front.address for _, front in world.front_ends()]
    keep(folder / "front-end.pem", authority, (*service_names(world), *fronts))
    keep(folder / "https.pem", authority, (SERVICE, "localhost"))
    keep(folder / "untrusted.pem", trustme.CA(), ("mail.contoso.com",))
    for_sources(folder, authority, world)
    for_registrations(folder, authority, world)
    return Certificates(
        authority=directory / "ca.pem",
        front_end=folder / "front-end.pem",
        https=folder / "https.pem",
        untrusted=folder / "untrusted.pem",
    )


def service_names(world: World) -> list[str]:
    """Give the names that every front end answers for; a wildcard stands for one label alone."""
    letters = {letter for tenant in world.tenants for letter in tenant.signed.values()}
    signed = [f"*.{letter}-v1.{SIGNED_SUFFIX}" for letter in sorted(letters)]
    return [MAIL_SUFFIX, f"*.{MAIL_SUFFIX}", *signed]


def renew(directory: Path, world: World) -> None:
    """Have every host's certificate bear the name that it shows at present."""
    for_sources(directory / "certs", keep_authority(directory), world)


def for_sources(folder: Path, authority: trustme.CA, world: World) -> None:
    for tenant in world.tenants:
        for source in tenant.sources:
            name = tenant.shown_by(source)
            if source.certificate_file and name:
                keep(folder / source.certificate_file, authority, (name,))


def for_registrations(folder: Path, authority: trustme.CA, world: World) -> None:
    """Make the RSA keys that sign client assertions; PS256 and msal ask for RSA."""
    for tenant in world.tenants:
        registration = tenant.registration
        if registration.certificate_file:
            path = folder / registration.certificate_file
            names = (f"app.{tenant.initial_domain}",)
            keep(path, authority, names, key_type=trustme.KeyType.RSA)
            registration.certificate = public_part(path)


def keep_authority(directory: Path) -> trustme.CA:
    """Read the authority back, or make it; the key is for this user's eyes only."""
    public, private = directory / "ca.pem", directory / "ca-key.pem"
    if public.exists() and private.exists():
        return trustme.CA.from_pem(public.read_bytes(), private.read_bytes())
    made = trustme.CA(
        organization_name="Mailposture lab", organization_unit_name="Trusted on loopback only"
    )
    write(private, made.private_key_pem.bytes())
    write(public, made.cert_pem.bytes())
    return made


def keep(
    path: Path,
    authority: trustme.CA,
    names: Iterable[str],
    *,
    key_type: trustme.KeyType = trustme.KeyType.ECDSA,
) -> None:
    """Have a certificate (key and chain in one PEM) whose CN is the first of its names."""
    wanted = list(names)
    if path.exists() and names_in(path) == set(wanted):
        return
    made = authority.issue_cert(
        *wanted,
        common_name=wanted[0],
        organization_name="Mailposture lab",
        organization_unit_name="Simulated host",
        not_after=datetime.now(UTC) + LIFE,
        key_type=key_type,
    )
    write(path, made.private_key_and_cert_chain_pem.bytes())


def names_in(path: Path) -> set[str]:
    certificate = x509.load_pem_x509_certificate(public_part(path).encode())
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in found}


def public_part(path: Path) -> str:
    """Give the first certificate of a PEM file, without the key that stands before it."""
    begin = "-----BEGIN CERTIFICATE-----"
    _, _, rest = path.read_text().partition(begin)
    body, end, _ = rest.partition("-----END CERTIFICATE-----")
    return f"{begin}{body}{end}\n"
