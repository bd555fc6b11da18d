"""The what-if page held against what people paste: very much of it, and texts that try to act."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import time_machine
from django.test import Client

from mailposture import models
from mailposture.core.configuration import AcceptedDomain
from tests import factories as make
from tests.factories import NOW
from tests.web import fleet_rows as rows
from tests.web.fleet_rows import page, words
from tests.web.test_whatif import AT, LOCK, hybrid, part

pytestmark = pytest.mark.django_db
# Generous: the machine is shared. Each took minutes before there were bounds.
SECONDS = 20


@pytest.fixture(autouse=True)
def at_one_moment(settings: Any) -> Iterator[None]:
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.fabrikam.com"
    settings.RESOLVER = "not an address"
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture
def viewer() -> Client:
    return rows.signed_in(staff=False)


@pytest.fixture
def contoso() -> models.Tenant:
    tenant = make.tenant("contoso")
    make.snapshot(tenant, make.configuration(hybrid()), make.ago(days=2))
    make.source(tenant)
    tenant.sources.create(name="Hybrid server", kind="hybrid", certificate_name="mail.contoso.com")
    make.paths(tenant, make.stranger())
    return tenant


def pasted(viewer: Client, text: str) -> str:
    begun = time.perf_counter()
    answer = viewer.post(AT, {"paste": text})
    assert time.perf_counter() - begun < SECONDS
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_vantage_point_has_its_answer_before_and_after_and_why(
    viewer: Client, contoso: models.Tenant
) -> None:
    gateway = models.VantagePoint.objects.get(slug="contoso-gateway")
    make.paths(contoso, gateway)
    places = part(page(viewer, AT + LOCK), "What the probes would be answered")
    stranger, after = places.split("gateway of contoso", 1)
    assert "Stranger, frankfurt stranger, 198.51.100.7" in stranger
    assert "198.51.100.7 foreign and own Open Closed Lock to gateway" in stranger
    assert "198.51.100.7 null Open Closed Lock to gateway" in stranger
    assert stranger.count("null_sender_in_wildcard") == 1
    assert "Lock to gateway (Partner) restricts to addresses" in stranger
    assert "plays an approved source, 203.0.113.10" in after
    assert "Gets in Gets in" in after
    assert "lines below change" in places


def test_domains_that_are_answered_otherwise_have_a_row_of_their_own(viewer: Client) -> None:
    tenant = make.tenant("contoso")
    domains = ("contoso.com", "contoso.net", "contoso.org")
    named = tuple(AcceptedDomain(domain_name=d, domain_type="Authoritative") for d in domains)
    whole = replace(make.configuration(hybrid()), accepted_domains=named)
    make.snapshot(tenant, whole, make.ago(days=2))
    make.source(tenant)
    make.paths(tenant, make.stranger(), domains=domains)
    shown = page(viewer, f"{AT}{LOCK}&associated=contoso.net")
    places = part(shown, "What the probes would be answered")
    closed, still = places.split("Open Open")
    assert closed.count("Open Closed Lock to gateway (Partner) restricts to addresses") == 3
    assert "contoso.com and 1 more contoso.org" in still
    assert "3 of the lines below change." in places
    assert "other pairs of domain and sender stay as they are." in part(
        shown, "Domains and senders"
    )


def test_a_place_whose_address_nobody_knows_is_said_to_be_so(
    viewer: Client, contoso: models.Tenant
) -> None:
    models.VantagePoint.objects.update(address=None, seen_as="")
    places = part(page(viewer, AT + LOCK), "What the probes would be answered")
    assert "From which address it asks is not known" in places
    assert "No answer changes." in places
    assert contoso.pk


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", "'; Remove-Mailbox x #", "$(calc)", '"&<b>', "{{ 1 }}", "%00"],
)
def test_a_name_that_tries_to_act_is_shown_and_does_not(
    viewer: Client, contoso: models.Tenant, name: str
) -> None:
    document = {
        "Name": name,
        "SenderDomains": ["*"],
        "RestrictDomainsToIPAddresses": True,
        "SenderIPAddresses": ["203.0.113.10"],
    }
    shown = pasted(viewer, json.dumps([document]))
    assert "<script>alert" not in shown
    assert "1 IPv4 address" in part(shown, "Who may deliver")
    assert words(name).strip() in part(shown, "Do it in stages").replace("''", "'") or "<" in name
    assert contoso.pk


def test_5000_domains_are_answered(viewer: Client) -> None:
    tenant = make.tenant("contoso")
    domains = tuple(
        AcceptedDomain(domain_name=f"d{n}.example", domain_type="Authoritative")
        for n in range(5_000)
    )
    whole = replace(make.configuration(hybrid()), accepted_domains=domains)
    make.snapshot(tenant, whole, make.ago(days=2))
    make.paths(tenant, make.stranger(), domains=("d0.example",))
    begun = time.perf_counter()
    shown = page(viewer, AT + LOCK)
    assert time.perf_counter() - begun < SECONDS
    assert "and 4,999 more" in part(shown, "Domains and senders").replace("4999", "4,999")
    assert len(shown) < 1_000_000


@pytest.mark.parametrize(
    "text",
    [
        "New-InboundConnector N -SenderDomains a.example\n" * 1_900,
        "New-InboundConnector N -SenderDomains * -SenderIPAddresses " + "192.0.2.1," * 9_643 + "1",
        "Set-TransportRule R -SetSCL " + "9" * 100_000,
        '[{"Name": 1e400}]',
        '[{"Name": "N", "SenderDomains": ["*"], "EFSkipLastIP": ' + "9" * 5_000 + "}]",
        "[" * 50_000,
        '{"Get-InboundConnector": ' + "[" * 10_000 + "]" * 10_000 + "}",
        "Set-InboundConnector ('a'" + "+[char]1" * 20_000 + ")",
        "Set-InboundConnector " + "('a'," * 20_000,
        "\u202e" * 5_000,
        "Remove-InboundConnector 'Inbound from hybrid' " + "-WhatIf " * 100,
    ],
    ids=range(11),
)
def test_what_is_made_to_be_too_much_is_refused_in_words_and_at_once(
    viewer: Client, contoso: models.Tenant, text: str
) -> None:
    shown = pasted(viewer, text)
    assert 'role="alert">' in shown
    said = words(shown.split('role="alert">')[1].split("</p>")[0])
    assert 10 < len(said) < 500
    assert "\u202e" not in said
    assert contoso.pk


def test_very_many_settings_that_are_not_read_are_named_in_one_line(
    viewer: Client, contoso: models.Tenant
) -> None:
    text = "Set-OrganizationConfig " + " ".join(f"-Setting{n} {n}" for n in range(9_000))
    change = part(pasted(viewer, text), "The change")
    assert "Set-OrganizationConfig changes nothing that is read here" in change
    assert "-Setting7 and 8992 more of Set-OrganizationConfig (line 1): not read here" in change
    assert contoso.pk


def test_200_connectors_of_10_addresses_each_are_answered(
    viewer: Client, contoso: models.Tenant
) -> None:
    text = "\n".join(
        f"New-InboundConnector N{n} -SenderDomains d{n}.example -RestrictDomainsToIP 1"
        f" -SenderIPAddresses 198.51.{n}.1"
        for n in range(200)
    )
    shown = pasted(viewer, text)
    assert "N199 was added as an inbound connector" in part(shown, "The change")
    assert contoso.pk


def test_what_the_lines_say_of_themselves_is_minded(viewer: Client, contoso: models.Tenant) -> None:
    text = (
        "Set-OrganizationConfig -RejectDirectSend $true -BookingsEnabled $false -WhatIf\n"
        "Set-InboundConnector 'Inbound from hybrid' -Comment hybrid -Confirm:$false"
    )
    change = part(pasted(viewer, text), "The change")
    assert "RejectDirectSend went from" in change
    assert "-WhatIf (line 1): run like this a command changes nothing." in change
    assert "-Confirm:$false (line 2): Exchange makes the change without asking." in change
    assert "-BookingsEnabled of Set-OrganizationConfig (line 1): not read here" in change
    assert contoso.pk
