"""The forms of setting up: each says in its errors what is allowed."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import slugify

from mailposture import models
from mailposture.services import arranging, clouds, credentials, finding
from mailposture.services.enrolling import NewCredential
from mailposture.web import fields
from mailposture.web.fields import (
    AddressesField,
    AddressField,
    CalledField,
    DirectoryField,
    Form,
    MailboxField,
    NameField,
    SecretTextarea,
    SmallFileField,
    SpanField,
    mono,
)

# Slowest and fastest: what is watched less often than this is not watched, and what is asked more
# often than this is a nuisance. The lab bears more.
FETCH: Final = (60, 86_400)
PROBE: Final = (900, 7 * 86_400)
IN_LAB: Final = (5, 86_400)
# Slugs that the site's own addresses take.
TAKEN: Final = ("add",)
PLACES_TAKEN: Final = ("add", "stop", "go-on")


class TenantForm(Form):
    """Take a tenant under watch."""

    name = CalledField(max_length=120, help_text="As your team calls it: contoso, or Contoso Ltd.")
    tenant_id = DirectoryField(
        label="Tenant ID, or a domain of it",
        help_text="Directory (tenant) ID: Entra admin centre, Overview. Given a domain, its ID is "
        "asked of the cloud's public sign-in service, and of nobody else.",
    )
    cloud = forms.ChoiceField(help_text="Where the tenant lives. Most are in Worldwide.")

    def __init__(
        self, *args: Any, tenant: models.Tenant | None = None, fixed: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.tenant = tenant
        self.found_by = ""
        choices = [(name, row.label) for name, row in clouds.known().items()]
        self.fields["cloud"] = forms.ChoiceField(
            choices=choices, help_text=self.fields["cloud"].help_text
        )
        for name in ("tenant_id", "cloud"):
            # What was read belongs to one directory: another one is another tenant.
            self.fields[name].disabled = fixed

    def clean_name(self) -> str:
        """A name whose short form is no address of the site's own."""
        name = str(self.cleaned_data["name"])
        if slugify(name) in TAKEN:
            raise ValidationError("This name is taken by a page of the site. Choose another.")
        return name

    def clean(self) -> dict[str, Any]:
        """One tenant is watched once; where a domain was given, its ID is looked up first."""
        given = super().clean() or {}
        if not self.errors and isinstance(given["tenant_id"], str):
            self._find(given)
        if self.errors:
            return given
        known = models.Tenant.objects.filter(
            cloud=given["cloud"], tenant_id=given["tenant_id"]
        ).first()
        if known and known != self.tenant:
            self.add_error("tenant_id", f"This tenant is watched already, as {known.name}.")
        return given

    def _find(self, given: dict[str, Any]) -> None:
        domain = given["tenant_id"]
        try:
            given["tenant_id"] = finding.tenant_id(given["cloud"], domain)
        except finding.NotFoundError as refusal:
            self.add_error("tenant_id", str(refusal))
        else:
            self.found_by = domain


class TenantSettingsForm(Form):
    """Rename, pace, pause."""

    name = CalledField(max_length=120)
    fetch_every = forms.CharField()
    probe_every = forms.CharField()
    paused = forms.BooleanField(
        required=False,
        label="Paused: neither read nor probed",
        help_text="What is known stays, and grows stale.",
    )

    def __init__(self, *args: Any, tenant: models.Tenant, **kwargs: Any) -> None:
        kwargs["initial"] = {
            "name": tenant.name,
            "fetch_every": fields.spoken(tenant.fetch_every),
            "probe_every": fields.spoken(tenant.probe_every),
            "paused": tenant.paused_at is not None,
        }
        super().__init__(*args, **kwargs)
        lab = tenant.cloud == clouds.LAB
        fetch, probe = (IN_LAB, IN_LAB) if lab else (FETCH, PROBE)
        self.fields["fetch_every"] = SpanField(
            label="Read the configuration every",
            least=fetch[0],
            most=fetch[1],
            help_text=f"{fields.spoken(fetch[0])} to {fields.spoken(fetch[1])}.",
        )
        self.fields["probe_every"] = SpanField(
            label="Probe every path every",
            least=probe[0],
            most=probe[1],
            help_text=f"{fields.spoken(probe[0])} to {fields.spoken(probe[1])}; after a change at "
            "once.",
        )

    def settings(self) -> arranging.TenantSettings:
        """What was asked for, once it is valid."""
        return arranging.TenantSettings(**self.cleaned_data)


class RemoveForm(Form):
    """Typing the name is the confirmation."""

    confirm = forms.CharField(max_length=200, widget=forms.TextInput({"autocomplete": "off"}))

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name
        self.fields["confirm"].label = f"Type {name} to confirm"

    def clean_confirm(self) -> str:
        """The name, letter for letter."""
        given = str(self.cleaned_data["confirm"]).strip()
        if given != self.name:
            raise ValidationError(f"This is not the name. Type {self.name} as it is written here.")
        return given


class CredentialForm(Form):
    """How the app signs in: a secret, or a certificate with its key. None of it is shown again."""

    client_id = forms.UUIDField(
        label="Client ID",
        widget=forms.TextInput(mono(autocomplete="off")),
        help_text="Application (client) ID of the app registration.",
        error_messages={"invalid": "Give the GUID, such as 5e0a31b2-77d4-4c1e-9a60-2f4be8d0c1d9."},
    )
    file = SmallFileField(
        required=False,
        most=credentials.MOST_BYTES,
        label="Certificate file",
        widget=forms.ClearableFileInput({"accept": ".pfx,.p12,.pem,.crt,.cer,.key"}),
        help_text="PFX, or PEM with key and certificate in one file; at most 64 KB, RSA only.",
    )
    passphrase = forms.CharField(
        required=False,
        strip=False,
        max_length=1_000,
        widget=forms.PasswordInput(mono(autocomplete="off")),
        help_text="Only if the file or the key has one.",
    )
    pem = forms.CharField(
        required=False,
        max_length=credentials.MOST_BYTES,
        label="Or paste PEM",
        widget=SecretTextarea(mono(rows=4, placeholder="-----BEGIN PRIVATE KEY-----")),
        help_text="The private key and its certificate, one below the other.",
    )
    secret = forms.CharField(
        required=False,
        label="Or a client secret",
        max_length=1_000,
        widget=forms.PasswordInput(mono(autocomplete="off")),
        help_text="The text of the column Value. Microsoft prefers a certificate.",
    )

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now
        self.given: NewCredential | None = None

    def clean(self) -> dict[str, Any]:
        """One of the three ways, opened."""
        given = super().clean() or {}
        ways = [name for name in ("file", "pem", "secret") if given.get(name)]
        if self.errors or "client_id" not in given:
            return given
        if len(ways) != 1:
            raise ValidationError(
                "Give one: a certificate file, a pasted PEM, or a client secret."
                if not ways
                else "Give only one of the three, so that it is plain which is used."
            )
        try:
            self.given = self._open(given, ways[0])
        except credentials.CredentialError as refusal:
            self.add_error(ways[0], str(refusal))
        return given

    def _open(self, given: dict[str, Any], way: str) -> NewCredential:
        if way == "secret":
            return credentials.from_secret(given["client_id"], given["secret"])
        data = given["file"] if way == "file" else given["pem"].encode()
        opened = credentials.from_certificate(given["client_id"], data, given["passphrase"])
        if opened.expires_at and opened.expires_at <= self.now:
            raise credentials.CredentialError(
                f"This certificate expired on {opened.expires_at:%d %b %Y}. Make a new one."
            )
        return opened


class RecipientsForm(Form):
    """One address for each accepted domain shown; the fields are made from them."""

    def __init__(self, *args: Any, domains: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for number, (domain, address) in enumerate(domains.items()):
            self.fields[f"to-{number}"] = MailboxField(
                domain=domain, label=domain, initial=address, required=False
            )

    def addresses(self) -> dict[str, str]:
        """Domain -> address, empty for postmaster; once it is valid."""
        return {
            field.domain: self.cleaned_data[name]
            for name, field in self.fields.items()
            if isinstance(field, MailboxField)
        }


class SourceForm(Form):
    """A host that must get in, known by addresses, a certificate name, or both."""

    name = CalledField(max_length=80, help_text="As people call it: Gateway, Hybrid server.")
    kind = forms.ChoiceField(choices=models.ApprovedSource.Kind.choices)
    addresses = AddressesField(
        required=False,
        help_text="Addresses, networks or ranges; a pasted list is fine.",
    )
    certificate_name = NameField(
        required=False,
        label="Certificate name",
        help_text="The name its client certificate bears, such as mail.contoso.com.",
    )
    vantage_point = forms.ModelChoiceField(
        queryset=models.VantagePoint.objects.none(),
        required=False,
        empty_label="None: it is not probed",
        label="Played by",
        help_text="A vantage point that has this address or certificate.",
    )

    def __init__(
        self,
        *args: Any,
        tenant: models.Tenant,
        source: models.ApprovedSource | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.tenant, self.source = tenant, source
        places = models.VantagePoint.objects.filter(plays=models.VantagePoint.Plays.SOURCE)
        choice = self.fields["vantage_point"]
        if isinstance(choice, forms.ModelChoiceField):
            choice.queryset = places

    def clean_name(self) -> str:
        """A name once a tenant."""
        name = str(self.cleaned_data["name"])
        same = self.tenant.sources.filter(name=name).first()
        if same and same != self.source:
            raise ValidationError(f"{self.tenant.name} has a source of this name already.")
        return name

    def clean(self) -> dict[str, Any]:
        """Without address and certificate nobody could tell it from a stranger."""
        given = super().clean() or {}
        if not self.errors and not given.get("addresses") and not given.get("certificate_name"):
            raise ValidationError("Give its addresses, or the name in its certificate, or both.")
        return given

    def settings(self) -> arranging.SourceSettings:
        """What was asked for, once it is valid."""
        return arranging.SourceSettings(**self.cleaned_data)


class PlaceForm(Form):
    """What is declared of a vantage point."""

    name = CalledField(max_length=80, help_text="Where it stands: Frankfurt.")
    plays = forms.ChoiceField(
        choices=models.VantagePoint.Plays.choices,
        help_text="A stranger probes every tenant; an approved source those whose source it plays.",
    )
    address = AddressField(
        required=False,
        help_text="The address that servers see. Where they see another, this page says so.",
    )
    certificate_name = NameField(
        required=False,
        label="Certificate name",
        help_text="If its worker shows a client certificate: the name in it.",
    )

    def __init__(
        self, *args: Any, playing: Iterable[str] = (), plays: str = "", **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.playing, self.until_now = list(playing), plays

    def clean_plays(self) -> str:
        """A place that plays someone's source is no stranger."""
        wanted = str(self.cleaned_data["plays"])
        if self.playing and wanted != self.until_now:
            raise ValidationError(f"It plays {', '.join(self.playing)}. Change that source first.")
        return wanted

    def settings(self) -> arranging.PlaceSettings:
        """What was asked for, once it is valid."""
        given = {k: v for k, v in self.cleaned_data.items() if k != "slug"}
        return arranging.PlaceSettings(**given)


class NewPlaceForm(PlaceForm):
    """A new vantage point has a short name as well: its queue and its worker go by it."""

    slug = forms.SlugField(
        max_length=40,
        label="Short name",
        widget=forms.TextInput(mono()),
        help_text="In its worker's file and the name of its queue: frankfurt. It stays.",
        error_messages={"invalid": "Use letters a to z, digits, - and _ alone: frankfurt-2."},
    )
    field_order = ("name", "slug", "plays", "address", "certificate_name")

    def clean_slug(self) -> str:
        """A short name once, and none that the site's own addresses take."""
        slug = str(self.cleaned_data["slug"]).lower()
        if slug in PLACES_TAKEN or models.VantagePoint.objects.filter(slug=slug).exists():
            raise ValidationError("This short name is taken.")
        return slug
