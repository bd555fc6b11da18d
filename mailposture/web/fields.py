"""Fields that know the field: durations, address lists, names, mailboxes, what is uploaded."""

import re
import uuid
from ipaddress import ip_address
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from mailposture.core import addresses
from mailposture.core.hosts import a_label
from mailposture.services import naming

UNITS: Final = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400}
SPAN: Final = re.compile(r"(\d{1,6})\s*([a-z]{1,3})")
# RFC 5321 section 4.1.2, dot-string only: what a probe names must not break a command line.
LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
LABEL: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
MOST_ENTRIES: Final = 500
BETWEEN: Final = re.compile(r"[\s,;]+")


def mono(**attributes: Any) -> dict[str, Any]:
    """Attributes of a control whose value is a machine's word: fixed width, no spelling."""
    return {"class": "wire", "spellcheck": "false", "autocapitalize": "off", **attributes}


class Form(forms.Form):
    """A form whose errors say what to do."""

    def full_clean(self) -> None:
        """Give every field its words before any is looked at."""
        for field in self.fields.values():
            field.error_messages["required"] = "Fill this in."
        super().full_clean()


class CalledField(forms.CharField):
    """What people call something: nothing invisible in it, nothing that turns text around."""

    def clean(self, value: Any) -> str:
        """The name, or which character is in the way."""
        text = str(super().clean(value))
        try:
            return naming.valid(text, self.max_length or naming.LONGEST) if text else ""
        except naming.NotANameError as refusal:
            raise ValidationError(str(refusal)) from None


class SpanField(forms.CharField):
    """A duration such as 15 min, 6 h or 30 s; its value is seconds."""

    def __init__(self, *, least: int, most: int, **options: Any) -> None:
        self.least, self.most = least, most
        super().__init__(max_length=20, widget=forms.TextInput(mono(inputmode="text")), **options)

    def clean(self, value: Any) -> int:
        """Seconds within the bounds."""
        text = str(super().clean(value)).strip().lower()
        found = SPAN.fullmatch(text)
        if not found or found[2] not in UNITS:
            raise ValidationError("Give a number and a unit: 30 s, 15 min, 6 h or 1 d.")
        seconds = int(found[1]) * UNITS[found[2]]
        if not self.least <= seconds <= self.most:
            raise ValidationError(f"Allowed are {spoken(self.least)} to {spoken(self.most)}.")
        return seconds


def spoken(seconds: int) -> str:
    """A duration in the largest unit that says it exactly: what SpanField reads back."""
    for unit in ("d", "h", "min"):
        if seconds >= UNITS[unit] and seconds % UNITS[unit] == 0:
            return f"{seconds // UNITS[unit]} {unit}"
    return f"{seconds} s"


class AddressesField(forms.CharField):
    """Addresses, networks and ranges, pasted as they come; the value is one a line, each once."""

    def __init__(self, **options: Any) -> None:
        widget = forms.Textarea(mono(rows=3))
        super().__init__(max_length=20_000, widget=widget, **options)

    def clean(self, value: Any) -> str:
        """Each entry read as Exchange reads it; the first bad one is named."""
        entries = [e for e in BETWEEN.split(str(super().clean(value))) if e]
        if len(entries) > MOST_ENTRIES:
            raise ValidationError(f"At most {MOST_ENTRIES} entries; join them to networks.")
        for entry in entries:
            try:
                addresses.parse_entry(entry)
            except addresses.AddressError:
                shown = entry[:60]
                raise ValidationError(
                    f"{shown!r} is no address, network (203.0.113.0/24) or range (a-b)."
                ) from None
        return "\n".join(dict.fromkeys(entries))


class AddressField(forms.CharField):
    """One IPv4 or IPv6 address."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=45, widget=forms.TextInput(mono()), **options)

    def clean(self, value: Any) -> str:
        """The address in its shortest spelling."""
        text = str(super().clean(value)).strip()
        try:
            return str(ip_address(text)) if text else ""
        except ValueError:
            raise ValidationError("Give one address, such as 198.51.100.7.") from None


class NameField(forms.CharField):
    """A host name as a certificate bears it; `*.` may stand in front."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=253, widget=forms.TextInput(mono()), **options)

    def clean(self, value: Any) -> str:
        """The name in lower case and ASCII."""
        text = str(super().clean(value)).strip().rstrip(".")
        return host_name(text, wildcard=True) if text else ""


def host_name(text: str, *, wildcard: bool = False) -> str:
    """A name of two labels or more in lower case; others in their A-label form."""
    star, bare = ("*.", text[2:]) if wildcard and text.startswith("*.") else ("", text)
    name = a_label(bare) or ""
    labels = name.split(".")
    if len(name) > 250 or len(labels) < 2 or not all(LABEL.fullmatch(x) for x in labels):
        also = " or *.contoso.com" if wildcard else ""
        raise ValidationError(f"Give a name such as mail.contoso.com{also}.")
    return star + name


class DirectoryField(forms.CharField):
    """A tenant's ID, or one of its domains: a GUID as such, or a name in lower case and ASCII."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            max_length=253, widget=forms.TextInput(mono(autocomplete="off")), **options
        )

    def clean(self, value: Any) -> uuid.UUID | str:
        """The one or the other."""
        text = str(super().clean(value)).strip()
        try:
            return uuid.UUID(text)
        except ValueError:
            pass
        try:
            return host_name(text)
        except ValidationError:
            raise ValidationError(
                "Give the GUID, such as 5e0a31b2-77d4-4c1e-9a60-2f4be8d0c1d9, or a domain of the "
                "tenant, such as contoso.com."
            ) from None


class MailboxField(forms.CharField):
    """An existing mailbox of one domain; nothing in it can break a command line."""

    def __init__(self, *, domain: str, **options: Any) -> None:
        self.domain = domain
        widget = forms.TextInput(mono(placeholder=f"postmaster@{domain}", inputmode="email"))
        super().__init__(max_length=320, widget=widget, **options)

    def clean(self, value: Any) -> str:
        """The address, its domain in lower case; empty stays empty."""
        text = str(super().clean(value)).strip()
        if not text:
            return ""
        local, _, domain = text.rpartition("@")
        if not LOCAL.fullmatch(local) or len(local) > 64:
            raise ValidationError(f"Give an address such as info@{self.domain}.")
        if domain.lower() != self.domain:
            raise ValidationError(f"The address must be one of {self.domain}.")
        return f"{local}@{self.domain}"


class SecretTextarea(forms.Textarea):
    """A text box that never gives back what was typed into it."""

    def format_value(self, value: Any) -> str:
        """Nothing, also after an error."""
        del value
        return ""


class SmallFileField(forms.FileField):
    """An uploaded file that is read whole into memory and nowhere else; its value is bytes."""

    def __init__(self, *, most: int, **options: Any) -> None:
        self.most = most
        super().__init__(**options)

    def clean(self, data: Any, initial: Any = None) -> Any:
        """What the file holds, nothing where none was sent."""
        found = super().clean(data, initial)
        if not isinstance(found, UploadedFile):
            return b""
        if (found.size or 0) > self.most:
            raise ValidationError(f"Larger than {self.most // 1024} KB: no certificate is.")
        return found.read()
