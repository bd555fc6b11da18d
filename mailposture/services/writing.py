"""A delivery as a message: headers that nothing foreign can reach, a text and an HTML part."""

from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, Final

from django.conf import settings
from django.template.loader import render_to_string

from mailposture import models
from mailposture.core import letters

SENDER_NAME: Final = "Mailposture"

# The verdict's colours, light: ink, solid, tint, and the badge's ground, ink, edge and line.
_TONES: Final[Mapping[str, Mapping[str, str]]] = {
    "open": {
        "ink": "#B32A12", "solid": "#C5341A", "tint": "#FBE8E2", "badge_class": "solid-open",
        "badge_ground": "#C5341A", "badge_ink": "#FFFFFF", "badge_edge": "#C5341A",
        "badge_line": "solid",
    },
    "part": {
        "ink": "#855000", "solid": "#B97D08", "tint": "#FBF0D6", "badge_class": "badge-part",
        "badge_ground": "#FBF0D6", "badge_ink": "#855000", "badge_edge": "#B97D08",
        "badge_line": "solid",
    },
    "cut": {
        "ink": "#B32A12", "solid": "#C5341A", "tint": "#FBE8E2", "badge_class": "badge-cut",
        "badge_ground": "#FBE8E2", "badge_ink": "#B32A12", "badge_edge": "#C5341A",
        "badge_line": "solid",
    },
    "closed": {
        "ink": "#0A6653", "solid": "#14836C", "tint": "#DFF0EA", "badge_class": "badge-closed",
        "badge_ground": "#FFFFFF", "badge_ink": "#0A6653", "badge_edge": "#A7D3C6",
        "badge_line": "solid",
    },
    "unknown": {
        "ink": "#505A65", "solid": "#7C8692", "tint": "#EDEFF1", "badge_class": "badge-unknown",
        "badge_ground": "#FFFFFF", "badge_ink": "#505A65", "badge_edge": "#7C8692",
        "badge_line": "dashed",
    },
}  # fmt: skip


def domain() -> str:
    """The domain that message ids are made in: the sender's."""
    return settings.MAIL_FROM.rpartition("@")[2]


def message(row: models.Delivery) -> EmailMessage:
    """The mail of one delivery; the same row gives the same mail."""
    subject, text, html = _alert(row.alert) if row.alert else _test(row)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(SENDER_NAME, addr_spec=settings.MAIL_FROM)
    mail["To"] = Address(addr_spec=row.recipient)
    mail["Subject"] = subject
    mail["Date"] = format_datetime(row.created_at)
    mail["Message-ID"] = f"<{row.message_id}>"
    if row.alert:
        thread = f"<incident.{row.alert.incident_id}@{domain()}>"
        mail["In-Reply-To"] = mail["References"] = thread
    # RFC 3834: no holiday notice shall answer this.
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(text, cte="quoted-printable")
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    return mail


def _alert(alert: models.Alert) -> tuple[str, str, str]:
    letter = letters.compose(alert.facts, settings.PUBLIC_URL)
    given: dict[str, Any] = {"letter": letter, **_TONES[letter.tone]}
    text = render_to_string("mail/alert.txt", given)
    return letter.subject, text, render_to_string("mail/alert.html", given)


def _test(row: models.Delivery) -> tuple[str, str, str]:
    given = {
        "subject": "[Test] Mailposture can send mail",
        "sentence": "Mailposture can send mail to this address.",
        "lead": "Nothing opened. When a door opens, a mail like this one says so.",
        "at": f"{row.created_at.day} {row.created_at:%b %Y, %H:%M:%S} UTC",
        "settings_url": f"{settings.PUBLIC_URL}/settings/",
    }
    text = render_to_string("mail/test.txt", given)
    return str(given["subject"]), text, render_to_string("mail/test.html", given)
