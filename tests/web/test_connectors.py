"""A connector's page: its sentence, its fields by Exchange's names, its history, and its end."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from mailposture import models
from mailposture.core.configuration import ConnectorType, OutboundConnector, PartStatus
from tests import factories
from tests.factories import LOCK, NOW, ago, configuration, lock, snapshot, without
from tests.web import fleet_rows as rows
from tests.web.fleet_rows import SCRIPT, changed, page, words

pytestmark = pytest.mark.django_db
ADDRESS = f"/tenants/contoso/connectors/{LOCK}/"
FORBIDDEN = "role-missing (403): The app's role does not reach"


@pytest.fixture(autouse=True)
def at_one_moment() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def viewer() -> Client:
    return rows.signed_in(staff=False)


@pytest.fixture
def contoso() -> models.Tenant:
    return factories.tenant("contoso")


def test_someone_not_signed_in_is_asked_to(client: Client) -> None:
    assert client.get(ADDRESS).headers["Location"].startswith("/signin/")


@pytest.mark.parametrize(
    "address",
    [
        "/tenants/nobody/connectors/6f1e54a4-3c2b-4f52-9a7d-1d2f3b4c5d6e/",
        "/tenants/contoso/connectors/00000000-0000-0000-0000-000000000000/",
        "/tenants/contoso/connectors/x/",
    ],
)
def test_a_connector_that_was_never_seen(
    viewer: Client, contoso: models.Tenant, address: str
) -> None:
    snapshot(contoso, configuration(lock()), ago(days=9))
    page(viewer, address, status=404)


def test_it_says_what_it_does_in_words(viewer: Client, contoso: models.Tenant) -> None:
    snapshot(contoso, configuration(lock()), ago(days=9))
    shown = page(viewer, ADDRESS)
    assert (
        "Mail from any sender domain to any accepted domain is taken only from 203.0.113.10. "
        "Every other host is refused."
    ) in words(shown)
    assert "<b>203.0.113.10</b>" in shown
    assert "Partner, enabled" in words(shown)
    assert "<title>Lock to gateway, contoso - Mailposture</title>" in shown


def test_all_fields_stand_there_by_exchanges_names(viewer: Client, contoso: models.Tenant) -> None:
    snapshot(contoso, configuration(lock(comment=SCRIPT)), ago(days=9))
    shown = page(viewer, ADDRESS)
    assert SCRIPT not in shown
    table = words(shown.split("<h2>Fields</h2>")[1].split("</table>")[0])
    assert "RestrictDomainsToIPAddresses True" in table
    assert "SenderDomains *" in table
    assert "TlsSenderCertificateName not set" in table
    assert "AssociatedAcceptedDomains none" in table
    assert "Comment &lt;script&gt;alert(1)&lt;/script&gt;" in table
    assert "WhenChangedUTC never compared not set" in table
    assert table.index("RequireTls") < table.index("ConnectorSource")


def test_the_guid_is_found_in_any_case(viewer: Client, contoso: models.Tenant) -> None:
    snapshot(contoso, configuration(lock()), ago(days=9))
    page(viewer, f"/tenants/contoso/connectors/{str(LOCK).upper()}/")


def test_turned_off_it_decides_nothing(viewer: Client, contoso: models.Tenant) -> None:
    snapshot(contoso, configuration(lock(enabled=False)), ago(days=9))
    assert "Turned off. It decides nothing." in words(page(viewer, ADDRESS))


def test_its_changes_and_the_readings_that_had_it(viewer: Client, contoso: models.Tenant) -> None:
    changed(
        contoso, configuration(lock()), configuration(lock(enabled=False, name="=cmd()")),
        ago(hours=3),
    )  # fmt: skip
    text = words(page(viewer, ADDRESS))
    assert "Enabled True → False on connector =cmd()." in text
    seen = text.split("Seen in")[1]
    assert "25 Nov 05:02 25 Nov 05:02 the latest =cmd(), turned off" in seen
    assert "5 Nov 08:02 25 Nov 05:00 Lock to gateway, enabled" in seen


def test_without_a_change_it_was_always_the_same(viewer: Client, contoso: models.Tenant) -> None:
    snapshot(contoso, configuration(lock()), ago(days=9))
    assert "No change of this connector was seen." in words(page(viewer, ADDRESS))


def test_a_removed_connector_says_until_when_it_was_there(
    viewer: Client, contoso: models.Tenant
) -> None:
    snapshot(contoso, configuration(lock()), ago(days=9), ago(hours=5))
    snapshot(contoso, configuration(), ago(hours=4))
    text = words(page(viewer, ADDRESS))
    assert "Removed. It was last seen 25 Nov 03:02 UTC" in text
    assert "It decides nothing now." in text


def test_a_part_that_cannot_be_read_makes_it_unknown_not_removed(
    viewer: Client, contoso: models.Tenant
) -> None:
    seen = configuration(lock())
    snapshot(contoso, seen, ago(days=9), ago(hours=5))
    lacking = without(seen, "inbound_connectors", PartStatus.FORBIDDEN, FORBIDDEN)
    snapshot(contoso, lacking, ago(hours=4), ago(hours=3))
    snapshot(contoso, replace(lacking, transport_rules=None), ago(hours=2))
    text = words(page(viewer, ADDRESS))
    assert "Not read since 25 Nov 04:02: 403, The app&#x27;s role does not reach." in text
    assert "What stands here was seen until 25 Nov 03:02 UTC" in text
    assert "View-Only Configuration" in text
    assert "Removed" not in text


def test_an_outbound_connector_takes_no_part(viewer: Client, contoso: models.Tenant) -> None:
    out = OutboundConnector(
        guid=str(LOCK), name="To gateway", enabled=True, connector_type=ConnectorType.PARTNER,
        smart_hosts=("relay.contoso.com",),
    )  # fmt: skip
    snapshot(contoso, replace(configuration(), outbound_connectors=(out,)), ago(days=9))
    text = words(page(viewer, ADDRESS))
    assert "contoso hands mail out to relay.contoso.com." in text
    assert "It takes no part in who may deliver to the tenant." in text
    assert "outbound connector of contoso" in text


@pytest.mark.parametrize("count", [2, 40])
def test_its_history_costs_the_same_queries(
    viewer: Client,
    contoso: models.Tenant,
    count: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for n in range(count):
        snapshot(contoso, configuration(lock(comment=str(n))), ago(days=90 - n), ago(days=89 - n))
    with django_assert_max_num_queries(8):
        shown = page(viewer, ADDRESS)
    assert shown.split("<h2>Seen in</h2>")[1].count("<tr>") == count + 1
