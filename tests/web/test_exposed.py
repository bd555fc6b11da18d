"""Who may deliver, tenant by tenant: the number that is predicted beside what was observed."""

import re
from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from mailposture import models
from mailposture.core.configuration import Configuration, PartStatus
from mailposture.services import assessing, reached
from tests import factories as make
from tests.factories import NOW
from tests.web.fleet_rows import page, signed_in, words

pytestmark = pytest.mark.django_db
OPEN = make.configuration(make.lock(enabled=False))
LOCKED = make.configuration(make.lock())
UNREAD = make.without(OPEN, "inbound_connectors", PartStatus.FORBIDDEN, "403")
AT = "/exposure/"


@pytest.fixture(autouse=True)
def at_one_moment() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def viewer() -> Client:
    return signed_in(staff=False)


def judged(slug: str, seen: Configuration | None) -> models.Tenant:
    """A tenant as it stands once it was read and judged."""
    tenant = make.tenant(slug)
    if seen:
        make.snapshot(tenant, seen, make.ago(days=1))
        assessing.judge(tenant, NOW)
    return tenant


def sentence(shown: str) -> str:
    return words(shown.split("<h1", 1)[1].split(">", 1)[1].split("</h1>", maxsplit=1)[0]).strip()


@pytest.mark.parametrize(
    ("tenants", "said"),
    [
        ((), "Nothing is watched yet."),
        ((None,), "It is not known of any tenant who may deliver."),
        ((OPEN,), "1 of 1 tenant takes mail from any host ."),
        ((OPEN, LOCKED, OPEN), "2 of 3 tenants take mail from any host ."),
        ((OPEN, UNREAD), "1 of 2 tenants takes mail from any host; of 1 it is not known."),
        ((LOCKED, LOCKED), "No tenant takes mail from any host."),
        ((LOCKED, None), "No tenant is known to take mail from any host; of 1 it is not known."),
    ],
)
def test_its_first_sentence_answers_what_the_page_asks(
    viewer: Client, tenants: tuple[Configuration | None, ...], said: str
) -> None:
    for n, seen in enumerate(tenants):
        judged(f"tenant-{n}", seen)
    assert sentence(page(viewer, AT)).replace(" .", ".") == said.replace(" .", ".")


def test_each_tenant_shows_its_number_its_networks_and_the_way_to_both(viewer: Client) -> None:
    judged("contoso", OPEN)
    judged("fabrikam", LOCKED)
    judged("adatum", None)
    slugs = ("contoso", "fabrikam", "adatum")
    rows = {slug: row for row in page(viewer, AT).split("<tr>")
            for slug in slugs if f"/{slug}/exposure/" in row}  # fmt: skip
    to = r"domain=contoso\.com&amp;class=foreign"
    assert re.search(rf'class="bad" href="[^"]*{to}#shown">4,294,967,296<', rows["contoso"])
    assert re.search(rf'href="[^"]*networks\.txt\?{to}">1 network<', rows["fabrikam"])
    assert ">1</a>" in rows["fabrikam"]
    assert 'class="bad"' not in rows["fabrikam"]
    assert ">not known</a>" in rows["adatum"]


def test_the_number_is_that_of_the_tenant_s_own_page(viewer: Client) -> None:
    judged("contoso", LOCKED)
    href = re.search(r'href="(/tenants/contoso/exposure/\?[^"]*)#shown">1<', page(viewer, AT))
    assert href
    own = page(viewer, href[1].replace("&amp;", "&"))
    assert "1 IPv4 address may deliver directly to" in words(own)


@pytest.mark.parametrize(
    ("asked", "names"),
    [("open", {"contoso"}), ("closed", {"fabrikam"}), ("unknown", {"adatum"}),
     ("nonsense", {"contoso", "fabrikam", "adatum"})],
)  # fmt: skip
def test_the_numbers_of_the_sentence_lead_to_their_tenants(
    viewer: Client, asked: str, names: set[str]
) -> None:
    judged("contoso", OPEN)
    judged("fabrikam", LOCKED)
    judged("adatum", UNREAD)
    assert f"?predicted={'open' if asked == 'nonsense' else 'unknown'}#tenants" in page(viewer, AT)
    found = page(viewer, f"{AT}?predicted={asked}").split("<tbody>")[1]
    assert set(re.findall(r'class="name" href="/tenants/([a-z]+)/', found)) == names


def test_what_is_read_otherwise_moves_the_number_and_what_is_not_read_takes_it_away() -> None:
    tenant = judged("contoso", OPEN)
    assert (tenant.reach_state, tenant.reach["addresses"]) == (reached.OPEN, 1 << 32)
    for seen, stands, number in ((LOCKED, reached.CLOSED, 1), (UNREAD, reached.UNKNOWN, None)):
        reached.keep(tenant, seen)
        tenant.refresh_from_db()
        assert (tenant.reach_state, tenant.reach.get("addresses")) == (stands, number)


def test_nothing_is_written_where_nothing_moved(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    tenant = judged("contoso", LOCKED)
    with django_assert_num_queries(0):
        reached.keep(tenant, LOCKED)


def test_the_number_of_queries_stays(
    viewer: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(30):
        make.tenant(f"tenant-{n}", reach_state="closed", reach={
            "addresses": 1, "networks": 1, "names": 0, "domain": "contoso.com"})  # fmt: skip
    with django_assert_max_num_queries(12):
        page(viewer, AT)
