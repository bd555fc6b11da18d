"""The forms of connecting a tenant: its app, its proposed sources, who is told."""

from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from mailposture import models
from mailposture.services import arranging, credentials, subscribing
from mailposture.web.fields import BETWEEN, Form, mono
from mailposture.web.forms import CredentialForm, SourceForm

MADE, BROUGHT, SECRET = "made", "brought", "secret"
WAYS: Final = (
    (MADE, "A certificate made here"),
    (BROUGHT, "A certificate of yours"),
    (SECRET, "A client secret"),
)
OF_A_WAY: Final = {BROUGHT: ("file", "passphrase", "pem"), SECRET: ("secret",)}
MISSING: Final = {
    BROUGHT: "Give the file, or paste key and certificate below.",
    SECRET: "Give the client secret's value.",
}
MOST_ADDRESSES: Final = 20


class AppForm(CredentialForm):
    """The app's ID, and by which of three ways it proves itself."""

    way = forms.ChoiceField(choices=WAYS, initial=MADE, widget=forms.RadioSelect)
    field_order = ("client_id", "way", "file", "passphrase", "pem", "secret")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["secret"].label = "Client secret"

    def clean(self) -> dict[str, Any]:
        """Make a certificate, or open what was given; nothing of another way counts."""
        given = self.cleaned_data
        way = given.get("way")
        for other in {name for names in OF_A_WAY.values() for name in names}:
            if other not in OF_A_WAY.get(str(way), ()):
                given[other] = ""
                self.errors.pop(other, None)
        if way == MADE:
            if not self.errors:
                self.given = credentials.made_here(given["client_id"], self.now)
            return given
        if way in OF_A_WAY and not any(given.get(name) for name in OF_A_WAY[way]):
            self.add_error(OF_A_WAY[way][0], MISSING[way])
        return super().clean()

    def fields_of(self, way: str) -> list[forms.BoundField]:
        """What one way asks for."""
        return [self[name] for name in OF_A_WAY.get(way, ())]

    def choices(self) -> list[tuple[str, str, bool, list[forms.BoundField]]]:
        """Each way: its value, its words, whether it is chosen, and what it asks for."""
        chosen = self["way"].value() or MADE
        return [(value, words, value == chosen, self.fields_of(value)) for value, words in WAYS]


class ProposalForm(SourceForm):
    """One proposed source: taken or left, and edited before it is taken."""

    take = forms.BooleanField(required=False)
    # One query for all rows: the places are handed in.
    vantage_point = forms.ChoiceField(required=False, label="Played by")  # type: ignore[assignment]

    def __init__(
        self,
        *args: Any,
        tenant: models.Tenant,
        places: Sequence[models.VantagePoint],
        grounds: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, tenant=tenant, use_required_attribute=False, **kwargs)
        self.places = {str(place.pk): place for place in places}
        self.grounds = tuple(grounds)
        choice = self.fields["vantage_point"]
        if isinstance(choice, forms.ChoiceField):
            names = [(pk, place.name) for pk, place in self.places.items()]
            choice.choices = [("", "None: it is not probed"), *names]
        for field in self.fields.values():
            field.help_text = ""

    @property
    def taken(self) -> bool:
        """Whether a person ticked it."""
        return bool(self["take"].value()) if self.is_bound else False

    def settings(self) -> arranging.SourceSettings:
        """What was confirmed, once it is valid."""
        given = {key: value for key, value in self.cleaned_data.items() if key != "take"}
        place = self.places.get(given.pop("vantage_point", ""))
        return arranging.SourceSettings(**given, vantage_point=place)


class MailForm(Form):
    """Who is told, or that nobody is told yet."""

    addresses = forms.CharField(
        required=False,
        max_length=4_000,
        label="Addresses",
        widget=forms.Textarea(mono(rows=3, inputmode="email", placeholder="security@example.com")),
        help_text="One a line; a pasted list is fine.",
    )
    nobody = forms.BooleanField(required=False, label="Nobody yet")

    def __init__(self, *args: Any, told: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.told = told

    def clean_addresses(self) -> list[str]:
        """Each address once; the first bad one is named."""
        entries = [e for e in BETWEEN.split(self.cleaned_data["addresses"]) if e]
        if len(entries) > MOST_ADDRESSES:
            raise ValidationError(f"At most {MOST_ADDRESSES} addresses; make a list of them.")
        try:
            return list(dict.fromkeys(subscribing.valid_address(entry) for entry in entries))
        except subscribing.NotAnAddressError as refusal:
            raise ValidationError(str(refusal)) from None

    def clean(self) -> dict[str, Any]:
        """An address, or a plain no; where somebody is told already, neither is asked for."""
        given = super().clean() or {}
        if self.errors:
            return given
        if given["addresses"] and given["nobody"]:
            raise ValidationError("Either name addresses or say that nobody is told yet.")
        if not (given["addresses"] or given["nobody"] or self.told):
            raise ValidationError("Name at least one address, or say that nobody is told yet.")
        return given
