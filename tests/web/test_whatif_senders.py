"""Who would lose access, asked for apart: DNS is asked for SPF here, and never by the page."""

from collections.abc import Iterator
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.test import Client
from dns.message import Message

from mailposture import models
from tests import factories as make
from tests.adapters.dns_server import Zone, name_server
from tests.factories import NOW
from tests.web import fleet_rows as rows
from tests.web.fleet_rows import page, words

pytestmark = pytest.mark.django_db
WHAT_IF = "/tenants/contoso/what-if/"
AT = f"{WHAT_IF}senders/"
LOCK = (
    "?ask=1&connector=new&name=Lock+to+gateway&addresses=203.0.113.10&sender_domains=*"
    "&enabled=on&by_address=on"
)
PASTED = (
    "New-InboundConnector -Name 'Lock' -ConnectorType Partner -SenderDomains '*' `\n"
    "  -RestrictDomainsToIPAddresses $true -SenderIPAddresses 203.0.113.10"
)
ZONE: Zone = {
    ("contoso.com", "TXT"): ['"v=spf1 ip4:198.51.100.32 include:desk.example -all"'],
    ("desk.example", "TXT"): ['"v=spf1 ip4:198.51.100.128/28 -all"'],
}
MANY = " ".join(f"include:d{n}.example" for n in range(12))
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def at_one_moment(settings: Any) -> Iterator[None]:
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.fabrikam.com"
    settings.RESOLVER = "not an address"
    with time_machine.travel(NOW):  # it goes on, so that look-ups can time out
        yield


@pytest.fixture
def viewer() -> Client:
    return rows.signed_in(staff=False)


@pytest.fixture
def contoso() -> models.Tenant:
    tenant = make.tenant("contoso")
    make.snapshot(tenant, make.configuration(), make.ago(days=2))
    make.source(tenant)
    return tenant


def told(viewer: Client, address: str = AT + LOCK) -> str:
    answer = viewer.get(address, headers=FRAGMENT)
    assert answer.status_code == 200
    assert "<html" not in answer.content.decode()
    return words(answer.content.decode())


def seen(tenant: models.Tenant, day: date) -> None:
    tenant.seen_senders.create(
        how="trace",
        source="198.51.100.7",
        recipient_domain="contoso.com",
        sender_domain="fabrikam.com",
        day=day,
        messages=3,
        imported_at=NOW,
    )


def test_the_page_asks_no_name_server_and_begins_to_ask_once_it_is_there(
    viewer: Client, contoso: models.Tenant, settings: Any
) -> None:
    asked: list[Message] = []
    with name_server({("contoso.com", "TXT"): asked.append}) as server:
        settings.RESOLVER = server
        shown = page(viewer, WHAT_IF + LOCK)
    assert asked == []
    form = shown.split('<form class="progress"')[1].split("</form>")[0]
    assert f'action="{AT}" method="get" hx-get="{AT}" hx-trigger="load, submit"' in form
    assert 'name="addresses" value="203.0.113.10"' in form
    assert "Asking DNS whom the domain lets send: a few seconds." in words(form)
    assert "SPF could not" not in words(shown)


def test_whom_spf_lets_send_is_told_in_a_part_of_the_page(
    viewer: Client, contoso: models.Tenant, settings: Any
) -> None:
    with name_server(ZONE) as server:
        settings.RESOLVER = server
        shown = told(viewer)
    assert "SPF of 1 domain was asked, and everything was answered." in shown
    assert "desk.example SPF, SPF of contoso.com through desk.example" in shown
    assert "2 of 3 known senders, and 3 kinds of host that cannot be listed." in shown
    assert "Asking DNS" not in shown


def test_without_script_it_is_a_page_of_its_own(
    viewer: Client, contoso: models.Tenant, settings: Any
) -> None:
    with name_server(ZONE) as server:
        settings.RESOLVER = server
        shown = page(viewer, AT + LOCK)
    assert "Who would lose access to contoso?" in words(shown)
    assert "desk.example SPF, SPF of contoso.com" in words(shown)


def test_what_was_pasted_is_asked_with_the_same_text(
    viewer: Client, contoso: models.Tenant, settings: Any
) -> None:
    shown = viewer.post(WHAT_IF, {"paste": PASTED + "\n# </textarea><script>"}).content.decode()
    form = shown.split('<form class="progress"')[1].split("</form>")[0]
    assert f'method="post" hx-post="{AT}"' in form
    again = unescape(form.split("<textarea")[1].split(">", 1)[1].split("</textarea>")[0])
    assert "<script>" in again
    with name_server(ZONE) as server:
        settings.RESOLVER = server
        asked = viewer.post(AT, {"paste": again.lstrip("\n")}, headers=FRAGMENT)
    assert "desk.example" in words(asked.content.decode())


@pytest.mark.parametrize(
    ("zone", "says"),
    [
        (None, "DNS was not asked for SPF"),
        ({("contoso.com", "TXT"): lambda _query: b""}, "SPF of contoso.com: it is not known"),
        (
            {
                ("contoso.com", "TXT"): [f'"v=spf1 {MANY} -all"'],
                **{(f"d{n}.example", "TXT"): ['"v=spf1 ip4:192.0.2.1 -all"'] for n in range(12)},
            },
            "It takes more than 10 look-ups: the rest is not followed.",
        ),
    ],
    ids=["no name server", "no answer", "too many look-ups"],
)
def test_what_could_not_be_asked_ends_in_words_and_is_no_absence(
    viewer: Client, contoso: models.Tenant, settings: Any, zone: Zone | None, says: str
) -> None:
    if zone is None:
        shown = told(viewer)
    else:
        with name_server(zone) as server:
            settings.RESOLVER = server
            shown = told(viewer)
    assert says in shown
    assert "was not answered or followed is said below, and is no absence of senders" in shown
    assert "Asking DNS" not in shown


def test_a_name_server_that_is_too_slow_ends_in_words(
    viewer: Client, contoso: models.Tenant, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr("mailposture.services.proposing.WHOLE", 0.0)
    with name_server(ZONE) as server:
        settings.RESOLVER = server
        assert "the time for this domain is over" in told(viewer)


def test_of_very_many_domains_it_is_said_how_many_were_not_asked(
    viewer: Client, contoso: models.Tenant, settings: Any
) -> None:
    contoso.snapshots.all().delete()
    many = [f"d{n:02}.example" for n in range(25)]
    make.snapshot(contoso, make.configuration(domains=many), make.ago(days=1))
    with name_server({}) as server:
        settings.RESOLVER = server
        shown = told(viewer)
    assert "SPF was asked of 20 domains; 5 more were not asked." in shown


def test_what_is_not_asked_or_cannot_be_read_leads_to_the_what_if(
    viewer: Client, contoso: models.Tenant
) -> None:
    for address in (AT, AT + LOCK.replace("203.0.113.10", "203.0.0.0/16")):
        answer = viewer.get(address)
        assert (answer.status_code, answer["Location"]) == (302, WHAT_IF)
    models.Snapshot.objects.all().delete()
    assert viewer.get(AT + LOCK).status_code == 302


def test_it_is_for_those_signed_in(client: Client, contoso: models.Tenant) -> None:
    assert client.get(AT + LOCK)["Location"].startswith("/signin/")
    assert contoso.pk


def test_when_traffic_was_imported_how_old_it_is_and_when_it_goes_is_said(
    viewer: Client, contoso: models.Tenant, settings: Any
) -> None:
    settings.TRAFFIC_DAYS = 30
    assert "No traffic was imported" in words(page(viewer, WHAT_IF + LOCK))
    today = NOW.date()
    seen(contoso, today - timedelta(days=10))
    seen(contoso, today - timedelta(days=2))
    shown = words(page(viewer, WHAT_IF + LOCK))
    newest, drops, gone = (today + timedelta(days=n) for n in (-2, 21, 29))
    assert f"Its newest day is {newest:%d %b %Y}, 2 days ago." in shown
    assert f"dropped from {drops:%d %b %Y} on, and gone by {gone:%d %b %Y}." in shown


def test_strangers_have_their_reason_and_what_to_do(viewer: Client, contoso: models.Tenant) -> None:
    listed = LOCK.replace("203.0.113.10", "203.0.113.10%0A198.51.100.9")
    shown = words(page(viewer, WHAT_IF + listed)).split("Strangers everybody else")[1]
    assert "Partly open" in shown
    assert "198.51.100.9 is listed and gets in, and nobody approved it." in shown
    assert "approve them as sources, or take them out of the connector." in shown
