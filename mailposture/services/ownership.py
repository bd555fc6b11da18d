"""Nobody's domain is probed on a stranger's word: proof first, then the first packet."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError

from mailposture import keys, models
from mailposture.adapters.dns import DnsError, Resolver
from mailposture.services import audit


class NotProvenError(Exception):
    """Nobody showed that this domain is theirs; the text says how to."""


@dataclass(frozen=True, slots=True)
class Proof:
    """On what grounds a domain may be probed."""

    how: str


def challenge(domain: str) -> tuple[str, str]:
    """The TXT record that proves a domain: its name and its value.

    The value is an HMAC of the domain under this instance's key: nobody can make it without
    the instance, and it holds for this instance alone.
    """
    key = keys.instance(settings.KEYS_DIR)
    mac = hmac.new(key, domain.lower().encode(), hashlib.sha256).hexdigest()
    return f"_mailposture.{domain}", f"mailposture={mac}"


def prove(domain: str, resolver: Resolver, now: datetime, attest: str | None = None) -> Proof:
    """Find a proof: read from a tenant, a TXT record, or a named person's word, in that order.

    Raises NotProvenError. Only the word of a person writes something: one audit row.
    """
    if tenant := _read_from_tenant(domain):
        return Proof(f"an accepted domain of {tenant.name}, read from the tenant itself")
    name, value = challenge(domain)
    if _published(name, value, resolver):
        return Proof(f"TXT record at {name}")
    if attest is not None and attest.strip():
        return _attested(domain, attest.strip(), now)
    raise NotProvenError(
        f'Nobody showed that {domain} is theirs. Either publish  {name}  TXT  "{value}",'
        " or add its tenant, or say --attest 'REASON', which is kept in the audit trail."
    )


def _attested(domain: str, reason: str, now: datetime) -> Proof:
    """A person's word counts only where it can be kept."""
    try:
        audit.record("attested a domain", domain, now, reason=reason)
    except DatabaseError as error:
        raise NotProvenError(
            "The audit trail cannot be written, so nobody's word can be taken:"
            f" run `manage.py migrate` first ({error})."
        ) from error
    return Proof("attested; kept in the audit trail")


def _read_from_tenant(domain: str) -> models.Tenant | None:
    """The tenant whose configuration, as last read, accepts this domain. No database is no
    proof, and no error.
    """
    known = models.Path.objects.filter(domain=domain, retired_at=None).values("tenant_id")
    try:
        return models.Tenant.objects.filter(pk__in=known).exclude(cloud="lab").first()
    except DatabaseError:
        return None


def _published(name: str, value: str, resolver: Resolver) -> bool:
    try:
        found = resolver.txt(name)
    except DnsError:
        return False
    return any(hmac.compare_digest(text.strip().encode(), value.encode()) for text in found)
