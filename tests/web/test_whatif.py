"""A change is tried before anyone makes it: what it opens and closes, and whom it cuts off."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from mailposture import models
from mailposture.core.configuration import ConnectorType, InboundConnector
from mailposture.services.pages import whatif
from tests import factories as make
from tests.factories import NOW
from tests.web import fleet_rows as rows
from tests.web.fleet_rows import page, words

pytestmark = pytest.mark.django_db
AT = "/tenants/contoso/what-if/"
LOCK = (
    "?ask=1&connector=new&name=Lock+to+gateway&addresses=203.0.113.10&sender_domains=*"
    "&enabled=on&by_address=on"
)

CONNECTORS = [
    {
        "Guid": f"{number}",
        "Name": f"Connector {number}",
        "Enabled": True,
        "ConnectorType": "Partner",
        "SenderDomains": ["*"],
        "SenderIPAddresses": [],
        "RestrictDomainsToIPAddresses": False,
        "RestrictDomainsToCertificate": False,
        "RequireTls": False,
        "TlsSenderCertificateName": None,
        "AssociatedAcceptedDomains": [],
    }
    for number in range(201)
]


@pytest.fixture(autouse=True)
def at_one_moment(settings: Any) -> Iterator[None]:
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.fabrikam.com"
    settings.RESOLVER = "not an address"  # SPF cannot be asked, and that is said at once
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def viewer() -> Client:
    return rows.signed_in(staff=False)


def hybrid() -> InboundConnector:
    return make.lock(
        guid="060cbf21-909a-5258-8ecd-5ed361254516",
        name="Inbound from hybrid",
        connector_type=ConnectorType.ON_PREMISES,
        sender_ip_addresses=(),
        restrict_domains_to_ip_addresses=False,
        require_tls=True,
        tls_sender_certificate_name="*.contoso.com",
    )


@pytest.fixture
def contoso() -> models.Tenant:
    """An open tenant with a gateway, and a hybrid server known by its certificate."""
    tenant = make.tenant("contoso")
    make.snapshot(tenant, make.configuration(hybrid()), make.ago(days=2))
    make.source(tenant)
    tenant.sources.create(name="Hybrid server", kind="hybrid", certificate_name="mail.contoso.com")
    make.paths(tenant, make.stranger())
    return tenant


def part(shown: str, title: str) -> str:
    return words(shown.split(f"<h2>{title}</h2>")[1].split("</section>", maxsplit=1)[0])


def test_the_lock_leaves_one_address_and_the_hybrid_server_stays_in(
    viewer: Client, contoso: models.Tenant
) -> None:
    shown = page(viewer, AT + LOCK)
    sides = part(shown, "Who may deliver")
    assert "Before 4,294,967,296 IPv4 addresses" in sides
    assert "After 1 IPv4 address" in sides
    fares = part(shown, "Who would lose access")
    assert "Hybrid server approved source, hybrid server any address" in fares
    assert "Still gets in. Inbound from hybrid (OnPremises) matches by certificate" in fares
    assert "rests on hybrid_exempt" in fares
    assert "Lock to gateway (Partner) restricts to addresses, and is satisfied." in fares
    assert contoso.snapshots.count() == 1


def test_a_source_that_would_be_cut_off_stands_first_and_the_script_is_not_ready(
    viewer: Client, contoso: models.Tenant
) -> None:
    contoso.sources.create(name="Scan relay", kind="relay", addresses="192.0.2.25")
    shown = page(viewer, AT + LOCK)
    fares = part(shown, "Who would lose access")
    assert fares.index("Scan relay") < fares.index("Hybrid server") < fares.index("Stranger")
    assert "Cut off" in fares
    assert "A person declared it as an approved source." in fares
    assert "Forwarders without SRS" in fares
    stages = shown.split("<h2>Do it in stages</h2>")[1].split("</section>", maxsplit=1)[0]
    assert "Not ready. Scan relay would be cut off" in words(stages)
    blocks = [
        b.split("</pre>", maxsplit=1)[0] for b in stages.split("<pre")[3:]
    ]  # after two checks, which only read
    lines = [line.split(">", maxsplit=1)[1] for line in blocks]
    assert len(lines) == 4
    assert all(words(line).startswith("#") for line in lines)


def test_the_stages_are_written_out_with_their_way_back(
    viewer: Client, contoso: models.Tenant
) -> None:
    stages = part(page(viewer, AT + LOCK), "Do it in stages")
    assert "1. Create it, turned off" in stages
    assert "2. Turn it on" in stages
    assert "Remove-InboundConnector" in stages
    assert "Undo" in stages
    assert "Mailposture never does." in stages
    assert contoso.changes.count() == 0


def test_findings_that_would_be_gone_and_new_are_named(
    viewer: Client, contoso: models.Tenant
) -> None:
    found = part(page(viewer, AT + LOCK), "Findings")
    gone, new = found.split("New", 1)
    assert "MP-01" in gone
    assert "MP-05" not in gone  # MP-01 tells it: one cause, one finding
    assert "MP-28" in new
    assert contoso.findings.count() == 0


def test_every_number_leads_to_what_it_counts(viewer: Client, contoso: models.Tenant) -> None:
    contoso.sources.create(name="Scan relay", kind="relay", addresses="192.0.2.25")
    shown = page(viewer, AT + LOCK)
    assert re.search(r"<summary[^>]*><b>4,294,967,296</b> IPv4.*?<code>0\.0\.0\.0/0</code>", shown)
    assert re.search(r"<summary[^>]*><b>1</b> IPv4.*?<code>203\.0\.113\.10</code>", shown)
    leads = dict(re.findall(r'<a href="#([\w-]+)">((?:(?!</a>).)*known senders)</a>', shown))
    assert re.fullmatch(r"\d of \d known senders", words(leads["known-senders"]).strip())
    assert '<a href="#places-asked">1 vantage point</a>' in shown
    assert "<b>2</b> of the lines below</a>" in shown
    for at in ("known-senders", "places-asked"):
        assert shown.count(f'id="{at}"') == 1
    strangers = shown.split("Strangers<span")[1].split("</tr>")[0]
    assert "<summary>4,294,967,29" in strangers


def test_findings_gone_lead_to_the_tenant_s_and_new_ones_to_their_rule(
    viewer: Client, contoso: models.Tenant
) -> None:
    found = page(viewer, AT + LOCK).split("<h2>Findings</h2>")[1].split("</section>")[0]
    gone, new = found.split("<h3>New</h3>")
    assert 'href="/findings/?rule=MP-01&amp;tenant=contoso"' in gone
    assert 'href="/findings/?rule=MP-28"' in new
    assert 'title="' in gone
    assert contoso.pk


def test_powershell_can_be_pasted_and_is_never_run(viewer: Client, contoso: models.Tenant) -> None:
    text = (
        "New-InboundConnector -Name 'Lock' -ConnectorType Partner -SenderDomains '*' `\n"
        "  -RestrictDomainsToIPAddresses $true -SenderIPAddresses 203.0.113.10"
    )
    answer = viewer.post(AT, {"paste": text})
    assert answer.status_code == 200
    assert "After 1 IPv4 address" in part(answer.content.decode(), "Who may deliver")
    assert contoso.snapshots.count() == 1


@pytest.mark.parametrize(
    ("pasted", "says"),
    [
        ("Remove-Mailbox x", "Remove-Mailbox"),
        ("Set-InboundConnector -Identity 'Nowhere' -Enabled $true", "Nowhere"),
        ("[{", "JSON"),
        ("$x = 1", "line 1"),
        ('[{"Name": "Lock", "\\udc00": 1}]', "object 1"),
        ("<script>alert(1)</script>", "line 1"),
    ],
)
def test_what_cannot_be_read_is_said_in_words(
    viewer: Client, contoso: models.Tenant, pasted: str, says: str
) -> None:
    shown = viewer.post(AT, {"paste": pasted}).content.decode()
    alert = words(shown.split('role="alert">')[1].split("</p>")[0])
    assert says in alert
    assert "<script>alert" not in shown
    assert contoso.pk


def test_an_address_that_exchange_does_not_take_is_refused(
    viewer: Client, contoso: models.Tenant
) -> None:
    shown = page(viewer, AT + LOCK.replace("203.0.113.10", "203.0.0.0/16"))
    assert "/24" in words(shown.split('role="alert">')[1].split("</p>")[0])
    assert contoso.pk


def test_a_connector_can_be_edited_from_what_it_is(viewer: Client) -> None:
    tenant = make.tenant("contoso")
    make.snapshot(tenant, make.configuration(make.lock()), make.ago(days=2))
    shown = page(viewer, f"{AT}?connector={make.LOCK}")
    assert "203.0.113.10" in shown
    edited = page(
        viewer,
        f"{AT}?ask=1&connector={make.LOCK}&name=Lock+to+gateway&sender_domains=*"
        "&addresses=203.0.113.10+198.51.100.0/24&enabled=on&by_address=on",
    )
    assert "After 257 IPv4 addresses" in part(edited, "Who may deliver")
    assert "256 addresses 198.51.100.0/24 none" in part(edited, "Domains and senders")


def test_another_connector_shows_its_own_values_before_anything_is_compared(
    viewer: Client, contoso: models.Tenant
) -> None:
    picked = f"&loaded=new&connector={hybrid().guid}"
    shown = page(viewer, AT + LOCK.replace("&connector=new", "") + picked)
    assert "These are the values of Inbound from hybrid as they are now." in words(shown)
    assert 'value="*.contoso.com"' in shown
    assert ">203.0.113.10</textarea>" not in shown
    assert "<h2>The change</h2>" not in shown
    assert f'name="loaded" value="{hybrid().guid}"' in shown
    again = page(viewer, AT + LOCK + "&loaded=" + hybrid().guid)
    assert "These are the values of a new connector as they are now." in words(again)
    assert contoso.pk


def test_what_was_compared_knows_whose_values_it_shows(
    viewer: Client, contoso: models.Tenant
) -> None:
    assert 'name="loaded" value="new"' in page(viewer, AT + LOCK)
    assert contoso.pk


def test_a_connector_can_be_renamed_in_the_form(viewer: Client, contoso: models.Tenant) -> None:
    asked = (
        f"?ask=1&connector={hybrid().guid}&name=Hybrid&sender_domains=*&enabled=on&require_tls=on"
        "&certificate=*.contoso.com"
    )
    shown = page(viewer, AT + asked)
    assert "Inbound from hybrid is now called Hybrid" in part(shown, "The change")
    assert "-Identity 'Inbound from hybrid' -Name 'Hybrid'" in part(shown, "Do it in stages")
    assert contoso.pk


def test_a_range_may_be_written_with_blanks(viewer: Client, contoso: models.Tenant) -> None:
    spaced = LOCK.replace("203.0.113.10", "203.0.113.8+-+203.0.113.11%0A198.51.100.0+/+31")
    assert "After 6 IPv4 addresses" in part(page(viewer, AT + spaced), "Who may deliver")
    assert contoso.pk


@pytest.mark.parametrize(
    ("pasted", "says"),
    [
        (
            "New-InboundConnector N -SenderDomains a.example\n" * 201,
            "this proposes 201 commands, and a page takes at most 200",
        ),
        (
            "New-InboundConnector N -SenderDomains * -SenderIPAddresses "
            + ",".join(f"192.0.2.{n % 256}" for n in range(2_000)),
            "this proposes 2,002 values, and a page takes at most 2,000",
        ),
        (json.dumps([{"Name": f"{n}"} for n in range(201)]), "201 connectors"),
        (
            json.dumps({"Name": "N", "SenderIPAddresses": {"Add": ["192.0.2.1"] * 2_000}}),
            "2,001 values",
        ),
        (json.dumps({"Get-InboundConnector": CONNECTORS}), "201 connectors, rules and filters"),
    ],
)
def test_more_than_a_page_takes_is_refused_with_the_bound_and_what_takes_more(
    viewer: Client, contoso: models.Tenant, pasted: str, says: str
) -> None:
    shown = viewer.post(AT, {"paste": pasted}).content.decode()
    alert = words(shown.split('role="alert">')[1].split("</p>")[0])
    assert says in alert
    assert "manage.py reach --propose" in alert
    assert contoso.pk


@pytest.mark.parametrize("odd", ["L%03%0ARemove-Mailbox+ceo", "%E2%80%AEkcoL", "a%E2%80%A8b"])
def test_a_name_that_acts_when_it_is_pasted_is_refused(
    viewer: Client, contoso: models.Tenant, odd: str
) -> None:
    shown = page(viewer, AT + LOCK.replace("Lock+to+gateway", odd))
    alert = words(shown.split('role="alert">')[1].split("</p>")[0])
    assert "take it out, or type the value anew" in alert
    assert "New-InboundConnector -Name" not in shown
    assert contoso.pk


def test_direct_send_can_be_tried(viewer: Client, contoso: models.Tenant) -> None:
    shown = page(viewer, AT + LOCK + "&reject_direct_send=on")
    assert "Set-OrganizationConfig" in part(shown, "Do it in stages")
    assert contoso.pk


def test_what_stays_leads_to_how_it_is(viewer: Client, contoso: models.Tenant) -> None:
    paste = "Set-OrganizationConfig -RejectDirectSend $true"
    shown = viewer.post(AT, {"paste": paste}).content.decode()
    assert '<a href="/tenants/contoso/exposure/#pairs">as they are</a>' in shown
    assert 'id="pairs"' in page(viewer, f"/tenants/{contoso.slug}/exposure/")


def test_a_tenant_that_was_never_read_has_nothing_to_change(viewer: Client) -> None:
    make.tenant("contoso")
    shown = page(viewer, AT)
    assert "Not read yet." in words(shown)
    assert "<form class" not in shown.split("<h1>")[1]


def test_it_is_for_those_signed_in(client: Client, contoso: models.Tenant) -> None:
    assert client.get(AT).status_code == 302
    assert client.post(AT, {"paste": "x"}).status_code in (302, 403)
    assert contoso.pk


def test_a_paste_that_is_too_long_is_refused(viewer: Client, contoso: models.Tenant) -> None:
    shown = viewer.post(AT, {"paste": "x" * 300_000}).content.decode()
    assert "at most" in words(shown)
    assert contoso.pk


def test_the_number_of_queries_stays(
    viewer: Client, contoso: models.Tenant, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(30):
        contoso.sources.create(name=f"Relay {n}", kind="relay", addresses=f"192.0.2.{n}")
    with django_assert_max_num_queries(12):
        page(viewer, AT + LOCK)


def test_half_a_character_in_a_name_is_shown_as_a_sign(
    viewer: Client, contoso: models.Tenant
) -> None:
    text = (
        '[{"Name": "Lock \\ud800", "SenderDomains": ["*"], "ConnectorType": "Partner",'
        ' "RestrictDomainsToIPAddresses": true, "SenderIPAddresses": ["203.0.113.10"]}]'
    )
    shown = viewer.post(AT, {"paste": text}).content.decode()
    assert "Lock \N{REPLACEMENT CHARACTER}" in part(shown, "The change")
    assert contoso.pk


def test_what_is_too_much_for_a_page_is_said_with_the_command_that_takes_it(
    viewer: Client, contoso: models.Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whatif, "MOST_QUESTIONS", 2)
    text = "New-InboundConnector -Name L -ConnectorType Partner -SenderDomains *"
    shown = words(viewer.post(AT, {"paste": text}).content.decode())
    assert "This is too much for a page: 3 pairs of domains and senders" in shown
    assert "manage.py reach BUNDLE.json --propose FILE" in shown
    assert "Who would lose access" not in shown
