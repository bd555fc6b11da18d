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


def _tone(
    name: str, ink: str, solid: str, tint: str, badge: Mapping[str, str] | None = None
) -> Mapping[str, str]:
    """The colours of a verdict, light: its words, its mark, its ground, and what its badge has
    otherwise than tint, ink and mark. The dark ones stand in templates/mail/frame.html.
    """
    usual = {"class": f"badge-{name}", "ground": tint, "ink": ink, "edge": solid, "line": "solid"}
    shown = {f"badge_{part}": value for part, value in {**usual, **(badge or {})}.items()}
    return {"ink": ink, "solid": solid, "tint": tint, **shown}


_SOLID: Final = {"class": "solid-open", "ground": "#C5341A", "ink": "#FFFFFF"}
_OUTLINE: Final = {"ground": "#FFFFFF", "edge": "#A7D3C6"}
_DASHED: Final = {"ground": "#FFFFFF", "line": "dashed"}
_TONES: Final[Mapping[str, Mapping[str, str]]] = {
    "open": _tone("open", "#B32A12", "#C5341A", "#FBE8E2", _SOLID),
    "part": _tone("part", "#855000", "#B97D08", "#FBF0D6"),
    "cut": _tone("cut", "#B32A12", "#C5341A", "#FBE8E2"),
    "closed": _tone("closed", "#0A6653", "#14836C", "#DFF0EA", _OUTLINE),
    "unknown": _tone("unknown", "#505A65", "#7C8692", "#EDEFF1", _DASHED),
}


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
