"""Approved sources: who must get in, how each fares, and who may say so."""

from typing import Any

import pytest
import time_machine
from django.test import Client

from mailposture import models
from tests import factories
from tests.factories import NOW, ago
from tests.web.setup_rows import EVIL, acts, read, staff, viewer

pytestmark = pytest.mark.django_db
LIST = "/tenants/contoso/sources/"
GIVEN = {"name": "Gateway", "kind": "gateway", "addresses": "203.0.113.10"}


def page(client: Client, address: str = LIST) -> str:
    return client.get(address).content.decode()


def test_who_is_not_signed_in_sees_nothing(client: Client) -> None:
    source = factories.source(factories.tenant())
    for address in (LIST, f"{LIST}add/", f"{LIST}{source.pk}/", f"{LIST}{source.pk}/remove/"):
        assert client.get(address).headers["Location"].startswith("/signin/")


def test_a_viewer_sees_the_list_and_changes_nothing() -> None:
    source = factories.source(factories.tenant())
    client = viewer()
    assert "Gateway" in page(client)
    assert "Add a source" not in page(client)
    for address in (f"{LIST}add/", f"{LIST}{source.pk}/", f"{LIST}{source.pk}/remove/"):
        assert client.get(address).status_code == 404
        assert client.post(address, GIVEN).status_code == 404
    assert models.ApprovedSource.objects.count() == 1


def test_nothing_declared_says_what_that_means() -> None:
    factories.tenant()
    found = page(staff())
    assert "No host of contoso is an approved source yet." in found
    assert "Nothing would be noticed if a lock cut off your own mail." in found


@pytest.mark.parametrize(
    ("verdict", "seen", "says"),
    [("open", 4, "Gets in"), ("closed", 4, "Cut off"), ("unknown", 4, "Unknown"),
     ("open", 60 * 25, "Unknown"), ("closed", 60 * 25, "Unknown")],
)  # fmt: skip
def test_each_source_says_how_it_fares_by_the_answers_that_still_count(
    verdict: str, seen: int, says: str
) -> None:
    tenant = factories.tenant()
    place = factories.source(tenant).vantage_point
    assert place is not None
    for path in factories.paths(tenant, place):
        factories.answered(path, verdict, ago(days=9))
    tenant.coverage.create(vantage_point=place, since=ago(days=9), until=ago(minutes=seen))
    with time_machine.travel(NOW, tick=False):
        assert f"<span>{says}</span>" in page(viewer())


def test_a_source_without_a_place_is_not_measured() -> None:
    factories.tenant().sources.create(name="Relay", kind="relay", addresses="192.0.2.0/24")
    found = page(viewer())
    assert "Not measured" in found
    assert "nobody: it is not probed" in found


def test_a_source_is_added_from_a_pasted_list() -> None:
    tenant = factories.tenant()
    place = factories.stranger("gate", plays="source")
    given = {
        **GIVEN,
        "addresses": "203.0.113.10, 203.0.113.10;2001:db8::25\n198.51.100.0/24 192.0.2.1-192.0.2.9",
        "certificate_name": "*.Contoso.COM",
        "vantage_point": place.pk,
    }
    answer = staff().post(f"{LIST}add/", given, follow=True)
    assert answer.redirect_chain == [(LIST, 302)]
    source = tenant.sources.get()
    assert source.addresses.split("\n") == [
        "203.0.113.10",
        "2001:db8::25",
        "198.51.100.0/24",
        "192.0.2.1-192.0.2.9",
    ]
    assert source.certificate_name == "*.contoso.com"
    assert source.vantage_point == place
    assert acts() == [("staff", "added source", "contoso")]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"addresses": "203.0.113.300"}, "is no address, network (203.0.113.0/24) or range (a-b)."),
        ({"addresses": "203.0.113.0/40"}, "is no address, network"),
        ({"addresses": f"1.2.3.4 {EVIL}"}, "is no address, network"),
        ({"addresses": " ".join(f"10.0.{n // 250}.{n % 250}" for n in range(501))}, "At most 500"),
        ({"addresses": ""}, "Give its addresses, or the name in its certificate, or both."),
        ({"certificate_name": "mail"}, "Give a name such as mail.contoso.com or *.contoso.com."),
        ({"certificate_name": "*.*.contoso.com"}, "Give a name such as"),
        ({"name": "Taken"}, "has a source of this name already"),
        ({"name": "Gate\u202eway"}, "U+202E"),
        ({"kind": "friend"}, "valid choice"),
        ({"vantage_point": "1"}, "valid choice"),
    ],
)
def test_what_cannot_be_is_refused_and_stays_in_the_form(wrong: dict[str, str], says: str) -> None:
    tenant = factories.tenant()
    tenant.sources.create(name="Taken", kind="relay", addresses="192.0.2.1")
    factories.stranger()
    found = staff().post(f"{LIST}add/", {**GIVEN, **wrong}).content.decode()
    assert says in found
    assert EVIL not in found
    assert tenant.sources.count() == 1


def test_a_stranger_cannot_play_a_source() -> None:
    factories.tenant()
    place = factories.stranger()
    assert f'value="{place.pk}"' not in page(staff(), f"{LIST}add/")


def test_a_source_is_changed_and_keeps_its_name() -> None:
    source = factories.source(factories.tenant())
    address = f"{LIST}{source.pk}/"
    assert "203.0.113.10" in page(staff(), address)
    given = {**GIVEN, "addresses": "203.0.113.20", "vantage_point": source.vantage_point_id}
    found = staff().post(address, given, follow=True).content.decode()
    assert "Gateway is changed." in found
    event = models.AuditEvent.objects.get()
    assert event.detail == {"addresses": ["203.0.113.10", "203.0.113.20"]}
    assert "Nothing was changed." in staff().post(address, given, follow=True).content.decode()


def test_a_source_is_removed_once_it_was_confirmed() -> None:
    source = factories.source(factories.tenant())
    address = f"{LIST}{source.pk}/remove/"
    assert "Shall Gateway be forgotten?" in page(staff(), address)
    assert models.ApprovedSource.objects.exists()
    found = staff().post(address, follow=True).content.decode()
    assert "is no longer an approved source" in found
    assert not models.ApprovedSource.objects.exists()
    assert models.VantagePoint.objects.exists()
    assert acts() == [("staff", "removed source", "contoso")]


def test_the_source_of_another_tenant_is_not_there() -> None:
    factories.tenant()
    other = factories.source(factories.tenant("fabrikam"))
    for address in (f"{LIST}{other.pk}/", f"{LIST}{other.pk}/remove/"):
        assert staff().post(address, GIVEN).status_code == 404
    assert models.ApprovedSource.objects.exists()


def test_the_host_that_the_mx_names_is_proposed_until_it_is_declared() -> None:
    tenant = factories.tenant()
    read(tenant, "contoso.com", "contoso.net")
    found = page(staff())
    assert "<b>mx1.contoso.com</b>, MX of contoso.com: <code>203.0.113.10</code>" in found
    assert "Add it as gateway" in found
    assert "Add it as gateway" not in page(viewer())
    filled = page(staff(), f"{LIST}add/?name=mx1.contoso.com&kind=gateway&addresses=203.0.113.10")
    assert 'value="mx1.contoso.com"' in filled
    tenant.sources.create(name="Gateway", kind="gateway", addresses="203.0.113.0/24")
    assert "Proposed" not in page(staff())


def test_names_cannot_act() -> None:
    source = factories.source(factories.tenant())
    models.ApprovedSource.objects.update(name=EVIL, certificate_name="<b>")
    for address in (LIST, f"{LIST}{source.pk}/", f"{LIST}{source.pk}/remove/"):
        assert EVIL not in page(staff(), address)


@pytest.mark.parametrize("times", [1, 10])
def test_the_list_asks_a_bounded_number_of_times(
    times: int, django_assert_max_num_queries: Any
) -> None:
    tenant = factories.tenant()
    read(tenant, *(f"d{n}.example" for n in range(times)))
    for n in range(times):
        tenant.sources.create(
            name=f"s{n}", kind="relay", vantage_point=factories.stranger(f"p{n}", plays="source")
        )
    client = viewer()
    with django_assert_max_num_queries(12):
        client.get(LIST)
