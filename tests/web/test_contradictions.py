"""Where prediction and observation part, over the fleet: what stands together, what does not."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from mailposture import models
from mailposture.core.contradictions import SEVERITIES
from mailposture.services import predicting
from tests import factories as make
from tests.factories import NOW, ago
from tests.web.fleet_rows import SCRIPT, page, rows_of, signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_one_moment(settings: Any) -> Iterator[None]:
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.fabrikam.com"
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def viewer() -> Client:
    return signed_in(staff=False)


def locked(name: str = "contoso", *domains: str, **lock: Any) -> models.Tenant:
    """A tenant with a lock for these domains."""
    tenant = make.tenant(name)
    names = domains or (f"{name}.com",)
    make.snapshot(tenant, make.configuration(make.lock(**lock), domains=names), ago(days=2))
    return tenant


def answered(
    of: models.Tenant,
    verdict: str,
    place: models.VantagePoint | None = None,
    classes: Sequence[str] = ("foreign",),
    **fields: Any,
) -> list[models.Path]:
    """Every domain of the tenant answered this place so; predictions are held against it."""
    domains = of.snapshots.get().configuration.domains
    found = make.paths(of, place or make.stranger(f"of-{of.slug}"), domains, classes)
    for path in found:
        make.answered(path, verdict, ago(hours=2), **fields)
    predicting.refresh(of, ago(hours=1))
    return found


def of_section(shown: str, anchor: str) -> str:
    return words(shown.split(f'id="{anchor}"')[1].split("</section>", maxsplit=1)[0])


def test_nothing_compared_and_nothing_apart_are_two_things(viewer: Client) -> None:
    nothing = words(page(viewer, "/contradictions/"))
    assert "No prediction stands beside an answer yet." in nothing
    assert "Nothing was compared yet." in nothing
    answered(locked(), "closed")
    said = words(page(viewer, "/contradictions/"))
    assert "No answer contradicts its prediction; 1 path answers." in said
    assert "Every answer is as predicted." in said


def test_each_number_leads_to_what_it_counts(viewer: Client) -> None:
    answered(locked(), "closed")
    answered(locked("fabrikam"), "unknown")
    assert '<a href="/tenants/">1 path answers</a>' in page(viewer, "/contradictions/")
    shown = page(viewer, "/contradictions/?tenant=contoso")
    assert '<a href="/tenants/?q=contoso">1 path answers</a>' in shown
    blind = page(viewer, "/contradictions/").split('id="not-seen"')[1]
    assert '<a href="/tenants/fabrikam/#paths">1 path at 1 tenant</a>' in blind


def test_paths_of_several_tenants_that_prove_nothing_lead_to_their_place(viewer: Client) -> None:
    place = make.stranger()
    for name in ("contoso", "fabrikam"):
        answered(locked(name), "unknown", place)
    blind = page(viewer, "/contradictions/").split('id="not-seen"')[1]
    assert f'<a href="/vantage-points/{place.slug}/">2 paths at 2 tenants</a>' in blind


def test_paths_that_part_alike_stand_together_with_both_lines(viewer: Client) -> None:
    path, *_ = answered(locked("contoso", "contoso.com", "contoso.net", "contoso.org"), "open")
    shown = page(viewer, "/contradictions/")
    assert "1 tenant answers against its configuration, on 3 of 3 paths." in words(shown)
    (row,) = rows_of(shown)
    assert "contoso contoso.com and 2 more Critical Stranger, of-contoso foreign sender" in row
    assert "Closed 5.7.51 by Lock to gateway Open 250 2.1.5 Recipient OK" in row
    assert "Configuration closed, wire open. Everybody who reads the configuration" in row
    assert row.endswith("1 h since 25 Nov 07:02")
    latest = models.Path.objects.order_by("-current_id")[0].current
    assert latest is not None
    assert f'href="{latest.get_absolute_url()}"' in shown
    assert path.tenant.get_absolute_url() in shown


def test_the_worst_stands_first_and_an_approved_source_is_cut_off_or_gets_in(
    viewer: Client,
) -> None:
    answered(locked("fabrikam", enabled=False), "closed")
    tenant = locked("contoso")
    source = make.source(tenant)
    assert source.vantage_point
    answered(tenant, "closed", source.vantage_point)
    answered(locked("northwind"), "open")
    rows = rows_of(page(viewer, "/contradictions/"))
    assert [row.split()[1] for row in rows] == ["northwind", "contoso", "fabrikam"]
    assert "High gateway of contoso" in rows[1]
    assert "Gets in by Lock to gateway Cut off 550 5.7.51" in rows[1]
    assert "Configuration open, wire closed. Something refuses strangers" in rows[2]
    assert {severity for severity, _ in SEVERITIES.values()} == {
        "critical",
        "high",
        "medium",
        "low",
    }


def test_a_source_that_is_refused_is_cut_off_though_what_was_to_let_it_in_is_in_doubt(
    viewer: Client,
) -> None:
    tenant = locked("contoso")
    source = make.source(tenant)
    assert source.vantage_point
    paths = answered(tenant, "closed", source.vantage_point)
    answered(locked("northwind"), "open", classes=("null",))
    doubt = {"agreement": "in_doubt", "leans_on": ["hybrid_exempt"]}
    models.Path.objects.filter(pk__in=[p.pk for p in paths]).update(**doubt)
    rows = rows_of(page(viewer, "/contradictions/"))
    assert [row.split()[1] for row in rows] == ["contoso", "northwind"]
    assert "High gateway of contoso" in rows[0]
    assert "Model assumption in doubt. An approved source is cut off" in rows[0]


def test_what_still_settles_is_no_contradiction(viewer: Client) -> None:
    (path,) = answered(locked(), "open")
    models.Path.objects.filter(pk=path.pk).update(agreement="settling", apart_since=None)
    shown = page(viewer, "/contradictions/")
    assert "No answer contradicts its prediction; 1 path answers, 1 is settling." in words(shown)
    settling = of_section(shown, "settling")
    assert "Closed 5.7.51 by Lock to gateway Open" in settling
    assert "Critical" not in settling


def test_an_assumption_in_doubt_is_named_with_its_tenants_and_leads_to_them(
    viewer: Client,
) -> None:
    for name in ("contoso", "fabrikam"):
        answered(locked(name), "open", classes=("null",))
    answered(locked("northwind"), "open")
    shown = page(viewer, "/contradictions/")
    doubts = of_section(shown, "doubts")
    assert "The null sender (&lt;&gt;) is within SenderDomains *. Otherwise:" in doubts
    assert doubts.endswith("2 2")
    address = "/contradictions/?assumption=null_sender_in_wildcard"
    assert f'href="{address}"' in shown
    mine = page(viewer, address)
    assert [row.split()[1] for row in rows_of(mine)] == ["contoso", "fabrikam"]
    assert "Leans on null_sender_in_wildcard" in words(mine)


def test_a_place_that_proves_nothing_is_blind_and_agrees_with_nobody(viewer: Client) -> None:
    answered(locked("contoso", "contoso.com", "contoso.net"), "unknown")
    shown = page(viewer, "/contradictions/")
    assert "No prediction stands beside an answer yet." in words(shown)
    assert "Stranger, of-contoso proves nothing on 2 paths at 1 tenant." in of_section(
        shown, "not-seen"
    )


def test_what_was_retired_or_switched_off_is_left_out(viewer: Client) -> None:
    (gone,) = answered(locked("contoso"), "open")
    models.Path.objects.filter(pk=gone.pk).update(retired_at=NOW)
    (off,) = answered(locked("fabrikam"), "open")
    models.VantagePoint.objects.filter(pk=off.vantage_point_id).update(enabled=False)
    assert "No prediction stands beside an answer yet." in words(page(viewer, "/contradictions/"))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?tenant=FABRI", ["fabrikam"]),
        ("?tenant=contoso", ["contoso"]),
        ("?manner=closed_open", ["contoso"]),
        ("?manner=open_closed", ["fabrikam"]),
        ("?manner=in_doubt", []),
        ("?manner=agrees&assumption=nonsense", ["contoso", "fabrikam"]),
    ],
)
def test_it_is_filtered_by_tenant_and_manner(viewer: Client, query: str, names: list[str]) -> None:
    answered(locked("contoso"), "open")
    answered(locked("fabrikam", enabled=False), "closed")
    shown = page(viewer, f"/contradictions/{query}")
    if names:
        assert [row.split()[1] for row in rows_of(shown)] == names
    else:
        assert "No contradiction matches." in words(shown)


def test_hostile_words_are_shown_and_do_nothing(viewer: Client) -> None:
    tenant = locked(name="contoso", comment="")
    models.Tenant.objects.update(name=SCRIPT)
    path, *_ = answered(tenant, "open", reply=f"250 {SCRIPT}\r\n\x1b[31m\u202e")
    models.Path.objects.filter(pk=path.pk).update(predicted_by=f"{SCRIPT}\u202e")
    shown = page(viewer, "/contradictions/")
    assert SCRIPT not in shown
    assert "\u202e" not in shown
    assert "\x1b" not in shown
    assert r"\x1B[31m\u202E" in shown.replace("<wbr>", "")


@pytest.mark.parametrize("count", [2, 12])
def test_it_costs_twelve_queries_however_many(
    viewer: Client, count: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(count):
        answered(locked(f"tenant-{n}"), "open", classes=("foreign", "null"))
    with django_assert_max_num_queries(12):
        page(viewer, "/contradictions/")
