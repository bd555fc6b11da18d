"""Rows, people and eyes that the tests of the fleet's pages share."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from mailposture import models
from mailposture.core import codec
from mailposture.core.configuration import Configuration
from mailposture.core.smtp.transcript import TlsFacts
from mailposture.services import reading, standing
from tests import factories
from tests.factories import NOW, ago
from tests.web import sheet
from tests.web.setup_rows import credential

SCRIPT = "<script>alert(1)</script>"
OK = b"250 2.1.5 Recipient OK"
TLS = TlsFacts(
    version="TLSv1.3",
    cipher="TLS_AES_256_GCM_SHA384",
    names=("mail.protection.outlook.com",),
    issuer="CN=Example Mail CA",
    not_after="2027-05-01T12:00:00+00:00",
    fingerprint_sha256="ab" * 32,
    verified=True,
    client_certificate="asked for, none shown",
)


def signed_in(*, staff: bool) -> Client:
    """Someone who may act, or only look."""
    client = Client()
    name = "staff" if staff else "viewer"
    user, _ = User.objects.get_or_create(username=name, defaults={"is_staff": staff})
    client.force_login(user)
    return client


def page(client: Client, address: str, status: int = 200) -> str:
    """What is served there."""
    answer = client.get(address)
    assert answer.status_code == status
    return answer.content.decode()


def words(markup: str) -> str:
    """What a reader sees of the page, in one line."""
    main = re.sub(r"^.*<main[^>]*>", "", markup.replace("<wbr>", ""), flags=re.DOTALL)
    plain = " ".join(re.sub(r"<[^>]+>", " ", main).split())
    return re.sub(r" ([.,;:])", r"\1", plain)


def conversation(answer: bytes = OK, address: str = "192.0.2.20", **more: Any) -> dict[str, Any]:
    """A stored conversation whose reply to RCPT this is."""
    said = replace(sheet.conversation(answer), address=address, tls=TLS, **more)
    lines = (
        line._replace(data=piece + b"\r\n")
        for line in said.lines
        for piece in line.data.removesuffix(b"\r\n").split(b"\r\n")
    )
    return replace(said, lines=tuple(lines)).to_document()


def tries(verdict: str, *answers: tuple[str, bytes], stage: str = "rcpt") -> list[dict[str, Any]]:
    """The conversations of one observation: (front end, its reply to RCPT)."""
    return [
        {
            "host": "contoso-com.mail.protection.outlook.com",
            "address": address,
            "verdict": verdict,
            "reason": "",
            "stage": stage,
            "transcript": conversation(answer, address),
        }
        for address, answer in answers
    ]


def probed(
    slug: str, verdicts: dict[str, str], since: datetime | None = None, **fields: Any
) -> models.Tenant:
    """A tenant with one domain whose sender classes answered a stranger so."""
    of = factories.tenant(slug)
    models.Tenant.objects.filter(pk=of.pk).update(**{"name": slug, **fields})
    of.refresh_from_db()
    credential(of)
    place = models.VantagePoint.objects.filter(slug="frankfurt").first() or factories.stranger()
    for path in factories.paths(of, place, (f"{slug}.com",), tuple(verdicts)):
        factories.answered(path, verdicts[path.sender_class], since or ago(days=2))
    return stood(of, since or ago(days=2))


def stood(of: models.Tenant, since: datetime) -> models.Tenant:
    """Add the tenant up, as a result does, and let it have been so for a time."""
    standing.refresh(of, NOW, round_id=None)
    models.Tenant.objects.filter(pk=of.pk).update(state_since=since)
    of.refresh_from_db()
    return of


ALL = ("foreign", "own", "null")
OPEN = dict.fromkeys(ALL, "open")
CLOSED = dict.fromkeys(ALL, "closed")
UNKNOWN = dict.fromkeys(ALL, "unknown")


def window(path: models.Path, first: datetime, **bounds: Any) -> models.ExposureWindow:
    """An exposure window of a path."""
    return models.ExposureWindow.objects.create(
        path=path, tenant=path.tenant, first_open_at=first, **bounds
    )


def changed(
    of: models.Tenant, before: Configuration, after: Configuration, at: datetime
) -> list[models.Change]:
    """Read one configuration, then another; the changes that the second reading brought."""
    of.snapshots.create(
        digest=codec.digest(before),
        document=codec.dump(before),
        is_whole=before.is_whole,
        first_seen_at=ago(days=20),
        last_seen_at=at - (NOW - ago(minutes=2)),
    )
    return reading.record(of, after, at)


def settled(change: models.Change, effect: str, stood: dict[str, str]) -> None:
    """The probes have shown what the change did."""
    models.Change.objects.filter(pk=change.pk).update(effect=effect, effect_seen_at=change.at)
    models.Snapshot.objects.filter(pk=change.after_id).update(stood=stood)


def rows_of(markup: str) -> list[str]:
    """The rows of the page's first table, as a reader sees them."""
    body = markup.split("<tbody>", 1)[1].split("</tbody>", 1)[0]
    return [words(row) for row in body.split("<tr")[1:]]


def many(count: int, verdicts: Sequence[dict[str, str]]) -> None:
    """So many tenants, their answers in turn."""
    for n in range(count):
        probed(f"tenant{n:03}", verdicts[n % len(verdicts)])
