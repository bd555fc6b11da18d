"""The form of a what-if: one connector as it would be, in the words of Exchange."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django import forms

from mailposture.core.configuration import Configuration, InboundConnector
from mailposture.core.words import wire
from mailposture.services.pages import whatif
from mailposture.web.fields import Form, mono

LINES: Final = 3
LOADED: Final = "loaded"
BETWEEN: Final = re.compile(r"[\s,;]+")
FLAGS: Final = {
    "enabled": "Enabled",
    "by_address": "RestrictDomainsToIPAddresses",
    "by_certificate": "RestrictDomainsToCertificate",
    "require_tls": "RequireTls",
}
LISTS: Final = {
    "sender_domains": "SenderDomains",
    "addresses": "SenderIPAddresses",
    "associated": "AssociatedAcceptedDomains",
}


def _lines(label: str, help_text: str) -> forms.CharField:
    area = forms.Textarea(mono(rows=LINES))
    return forms.CharField(
        label=label, help_text=help_text, required=False, widget=area, max_length=20_000
    )


class WhatIfForm(Form):
    """What a connector would be; nothing is stored and nothing is sent to the tenant."""

    # Whose values the fields were filled with; another connector's would be given to this one.
    loaded = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)
    connector = forms.ChoiceField(label="Connector")
    name = forms.CharField(label="Name", max_length=64)
    addresses = _lines("Accept from", "Addresses, ranges and networks of /24 to /32, one a line.")
    certificate = forms.CharField(
        label="Or from certificate",
        help_text="TlsSenderCertificateName: a name, or *.name.",
        required=False,
        max_length=253,
        widget=forms.TextInput(mono()),
    )
    sender_domains = _lines("Sender domains", "SenderDomains: * is every sender.")
    associated = _lines("Recipient domains", "AssociatedAcceptedDomains: none is every domain.")
    enabled = forms.BooleanField(label="Turned on", required=False)
    by_address = forms.BooleanField(label="Refuse other addresses", required=False)
    by_certificate = forms.BooleanField(label="Refuse other certificates", required=False)
    require_tls = forms.BooleanField(label="Demand TLS", required=False)
    reject_direct_send = forms.ChoiceField(
        label="RejectDirectSend",
        choices=[("", "as it is"), ("on", "on"), ("off", "off")],
        required=False,
    )

    def __init__(self, *args: Any, configuration: Configuration, **options: Any) -> None:
        super().__init__(*args, **options)
        self.held = whatif.connectors(configuration)
        chosen = self.fields["connector"]
        if isinstance(chosen, forms.ChoiceField):
            chosen.choices = [
                (whatif.NEW, "Add a connector: Partner, any sender, any accepted domain"),
                *((c.guid, _said(c)) for c in self.held),
            ]

    def called(self, guid: str) -> str:
        """What the connector of this guid is called; a new one where there is none."""
        return next((wire(c.name) for c in self.held if c.guid == guid), "a new connector")

    def proposals(self) -> list[Mapping[str, Any]]:
        """What was filled in, as proposals of ours read them."""
        given = self.cleaned_data
        document: dict[str, Any] = {name: given[field] for field, name in FLAGS.items()} | {
            name: _entries(given[field]) for field, name in LISTS.items()
        }
        document["TlsSenderCertificateName"] = given["certificate"] or None
        if given["connector"] == whatif.NEW:
            document |= {"Name": given["name"], "ConnectorType": "Partner"}
        else:
            document |= {"Identity": given["connector"], "Name": given["name"]}
        rejects = {"on": True, "off": False}.get(given["reject_direct_send"])
        other: list[Mapping[str, Any]] = [] if rejects is None else [{"RejectDirectSend": rejects}]
        return [document, *other]


class PasteForm(Form):
    """Commands or documents that nobody has run."""

    paste = forms.CharField(
        label="PowerShell or JSON",
        help_text="Commands about inbound connectors, Set-OrganizationConfig, mail-flow rules,"
        " connection filters and accepted domains; or connectors as JSON; or a whole bundle."
        f" It is read, and never run. {whatif.LIMIT}",
        max_length=whatif.LONGEST_PASTE,
        widget=forms.Textarea(mono(rows=8)),
    )


def another(asked: Mapping[str, Any] | None) -> str:
    """The connector that was picked while the fields still hold the values of another one."""
    given = asked or {}
    picked, loaded = given.get("connector", ""), given.get(LOADED, "")
    return picked if loaded and loaded != picked else ""


def _entries(text: str) -> list[str]:
    """What stands on lines, or apart by commas; a range may have blanks around its dash."""
    return [entry for entry in BETWEEN.split(re.sub(r"\s*([-/])\s*", r"\1", text)) if entry]


def _said(connector: InboundConnector) -> str:
    how = connector.connector_type if connector.enabled else f"{connector.connector_type}, off"
    return f"{wire(connector.name)} ({how})"


def gateways(sources: Iterable[Any]) -> list[str]:
    """Addresses of the approved gateways, for a new lock."""
    return [a for s in sources if s.kind == "gateway" for a in s.addresses.split()]
