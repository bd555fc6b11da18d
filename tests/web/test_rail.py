"""What stands around every page: for whom, with which counts, at which price."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.test import Client, RequestFactory

from mailposture.web import rail
from tests import factories as make
from tests.web.fleet_rows import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_one_moment() -> Iterator[None]:
    with time_machine.travel(make.NOW, tick=False):
        yield


@pytest.fixture
def viewer() -> Client:
    return signed_in(staff=False)


ICONS = Path(__file__).parents[2] / "templates" / "parts" / "icons.html"


def context(path: str = "/", *, signed_in: bool = True, **match: Any) -> dict[str, Any]:
    """The rail of a request for this path."""
    request = RequestFactory().get(path)
    request.user = get_user_model().objects.create_user("viewer") if signed_in else None  # type: ignore[assignment]
    request.resolver_match = None
    return rail.rail(request)


def test_nobody_sees_names_before_signing_in() -> None:
    make.tenant("contoso")
    assert context(signed_in=False)["rail"] is None


def test_it_counts_the_fleet_and_the_places_that_see() -> None:
    make.tenant("contoso", state="open")
    make.tenant("fabrikam", state="closed", probed_at=make.ago(hours=1))
    make.stranger()
    found = context()["rail"]
    assert found["tenants"] == [("contoso", "contoso"), ("fabrikam", "fabrikam")]
    assert found["last_round"] == make.ago(minutes=4)
    assert found["vantage"]["all"] == 1
    nav = {item["name"]: item for item in found["nav"]}
    assert nav["Overview"]["count"] == 1
    assert nav["Overview"]["bad"] == 1
    assert nav["Tenants"]["bad"] is None
    assert nav["Tenants"]["count"] == 2


def test_a_tenant_whose_answers_have_lapsed_is_not_counted_as_open() -> None:
    make.tenant("contoso", state="open")
    make.tenant("fabrikam", state="open", probed_at=make.ago(days=2))
    make.tenant("tailspin", state="open", probed_at=make.ago(days=2), probe_every=86400)
    nav = {item["name"]: item for item in context()["rail"]["nav"]}
    assert (nav["Overview"]["count"], nav["Tenants"]["count"]) == (2, 3)


def test_all_well_is_no_number() -> None:
    make.tenant("fabrikam", state="closed")
    nav = {item["name"]: item for item in context()["rail"]["nav"]}
    assert nav["Overview"]["count"] is None


def test_grave_findings_are_bad_news_and_lesser_ones_no_number() -> None:
    tenant = make.tenant("contoso")
    for rank, severity in enumerate(("critical", "high", "medium")):
        tenant.findings.create(
            rule=f"MP-0{rank}", severity=severity, rank=rank, document={}, opened_at=make.NOW
        )
    tenant.findings.filter(rank=0).update(closed_at=make.NOW)
    nav = {item["name"]: item for item in context()["rail"]["nav"]}
    assert (nav["Findings"]["count"], nav["Findings"]["bad"]) == (1, 1)


def test_twelve_entries_at_most_and_what_is_smaller_stands_at_the_foot(settings: Any) -> None:
    settings.LAB = {"control": "http://127.0.0.1:1"}
    found = context()["rail"]
    assert len(found["nav"]) <= 12
    assert [item["name"] for item in found["beside"]] == [
        "Exceptions",
        "Vantage points",
        "Explain a reply",
        "Words",
        "Mailbox",
    ]


def test_where_prediction_and_observation_part_is_counted_and_lit_up(viewer: Client) -> None:
    of = make.tenant("contoso")
    (path, *_) = make.paths(of, make.stranger())
    type(path).objects.filter(pk=path.pk).update(agreement="closed_open", apart_since=make.NOW)
    shown = viewer.get("/contradictions/").content.decode()
    assert re.search(r'aria-current="page"><svg.*?<span>Contradictions</span>', shown)
    assert re.search(r'<span>Contradictions</span><span class="count[^"]*">1<', shown)


def test_who_may_deliver_is_an_entry_of_its_own(viewer: Client) -> None:
    make.tenant("contoso", state="open")
    make.tenant("fabrikam", state="closed")
    shown = viewer.get("/exposure/").content.decode()
    assert re.search(r'aria-current="page"><svg.*?<span>Exposure</span>', shown)
    assert shown.index("/tenants/contoso/exposure/") < shown.index("/tenants/fabrikam/exposure/")
    assert "fabrikam" not in viewer.get("/exposure/?q=cont").content.decode().split("<main")[1]
    assert "No tenant matches." in viewer.get("/exposure/?q=zzz").content.decode()
    of_one = viewer.get("/tenants/contoso/exposure/").content.decode()
    assert re.search(r'href="/tenants/contoso/exposure/" aria-current="page"><svg', of_one)


def test_from_a_tenant_the_what_if_is_of_that_tenant(viewer: Client) -> None:
    make.tenant("contoso")
    assert 'href="/tenants/contoso/what-if/"' in viewer.get("/tenants/contoso/").content.decode()
    assert '<a href="/what-if/"' in viewer.get("/tenants/").content.decode()
    assert '<a href="/what-if/"' not in viewer.get("/tenants/contoso/").content.decode()


@pytest.mark.parametrize("lab", [None, {"control": "http://127.0.0.1:1"}])
def test_the_lab_is_there_only_where_one_runs(settings: Any, lab: Any) -> None:
    settings.LAB = lab
    found = context()["rail"]
    assert found["lab"] is bool(lab)
    assert ("Lab" in [item["name"] for item in found["nav"]]) is bool(lab)


def test_every_icon_is_in_the_sprite(settings: Any) -> None:
    settings.LAB = {"control": "http://127.0.0.1:1"}
    sprite = ICONS.read_text()
    for item in context()["rail"]["nav"]:
        assert f'id="i-{item["icon"]}"' in sprite


def test_it_costs_the_same_for_many_tenants(django_assert_max_num_queries: Any) -> None:
    for number in range(20):
        make.tenant(f"contoso-{number}")
    with django_assert_max_num_queries(4):
        context()


@pytest.mark.parametrize(
    "path", ["/", "/tenants/", "/changes/", "/vantage-points/", "/explain/", "/tenants.csv"]
)
def test_every_page_asks_for_a_sign_in(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/signin/")
