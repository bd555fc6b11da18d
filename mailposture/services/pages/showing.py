"""The certificate that a vantage point shows, as facts for its page."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from mailposture import models
from mailposture.services import vantage_points

USAGE: Final[Mapping[bool | None, str]] = {
    None: "not known",
    True: "yes",
    False: "no: what Exchange Online does with it is not known",
}


def certificate(place: models.VantagePoint, now: datetime) -> Iterator[tuple[str, str]]:
    """Names, issuer, validity, usage and authority; nothing where none was ever seen."""
    seen, kept = vantage_points.certificate_of(place), place.facts.get("certificate")
    if seen is None or kept is None:
        return
    yield "Names", ", ".join(dict.fromkeys(seen.names)) or "none"
    yield "Issued by", seen.issuer or "nobody named"
    if seen.not_after:
        left = (seen.not_after - now).days
        told = f"{left:,} day{'s' * (left != 1)} left" if left >= 0 else "it has ended"
        yield "Valid until", f"{seen.not_after:%Y-%m-%d %H:%M} UTC, {told}"
    yield "For clients", USAGE[seen.client_auth]
    authority = f"no: {seen.untrusted}" if seen.untrusted else "yes"
    yield "Public authority", "not known" if seen.untrusted is None else authority
    if kept.get("fingerprint_sha256"):
        yield "SHA-256", kept["fingerprint_sha256"]
