"""What a change did to who may deliver, as its page shows it from the two configurations."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client

from mailposture import models
from mailposture.core import codec
from mailposture.core.configuration import Configuration, PartStatus
from mailposture.services.pages import effect
from tests import factories
from tests.factories import NOW, ago, configuration, lock
from tests.web.fleet_rows import changed, page, signed_in, words

pytestmark = pytest.mark.django_db
OPEN = configuration(lock(enabled=False))
LOCKED = configuration(lock())


@pytest.fixture(autouse=True)
def at_one_moment() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def viewer() -> Client:
    return signed_in(staff=False)


def change(before: Configuration, after: Configuration, slug: str = "contoso") -> models.Change:
    (found, *_) = changed(factories.tenant(slug), before, after, ago(hours=1))
    return found


def read_since(of: models.Change, seen: Configuration) -> None:
    """Another configuration was read after the one that the change led to."""
    models.Snapshot.objects.filter(pk=of.after_id).update(last_seen_at=ago(minutes=10))
    factories.snapshot(of.tenant, seen, ago(minutes=5))


def shown(viewer: Client, of: models.Change) -> str:
    return page(viewer, f"/changes/{of.pk}/").partition('id="effect"')[2]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (LOCKED, OPEN, {"Gained 4,294,967,295 IPv4 addresses and all of IPv6", "Lost none",
                        "Kept 1 address"}),
        (OPEN, LOCKED, {"Lost 4,294,967,295 IPv4 addresses and all of IPv6", "Gained none",
                        "Kept 1 address"}),
        (configuration(lock(sender_ip_addresses=("203.0.113.10",))),
         configuration(lock(sender_ip_addresses=("203.0.113.10", "192.0.2.0/25"))),
         {"Gained 128 addresses", "Lost none", "Kept 1 address"}),
    ],
)  # fmt: skip
def test_addresses_gained_kept_and_lost_stand_beside_both_maps(
    viewer: Client, before: Configuration, after: Configuration, said: set[str]
) -> None:
    markup = shown(viewer, change(before, after))
    flat = re.sub(r"\s+", " ", words(markup))
    assert {one for one in said if one not in flat} == set()
    assert markup.count('class="internet small"') == 2


def test_one_host_is_shown_with_both_ways_to_its_answer(viewer: Client) -> None:
    found = change(LOCKED, OPEN)
    markup = shown(viewer, found)
    host = markup.partition("One host")[2].partition("Domains and senders")[0]
    assert re.search(r"<code>1\.0\.0\.0</code> with a foreign sender to", host)
    before, after = host.split("<h3>After</h3>")
    assert "5.7.51" in before
    assert "taken" in after
    assert before.count("<li>") >= 1 <= after.count("<li>")
    assert "Because" in words(markup)


def test_a_host_that_is_approved_is_the_proof_only_where_no_other_moves(viewer: Client) -> None:
    before = configuration(lock(sender_ip_addresses=("203.0.113.10", "203.0.113.11")))
    after = configuration(lock(sender_ip_addresses=("203.0.113.10",)))
    found = change(before, after)
    found.tenant.sources.create(name="Gateway", kind="gateway", addresses="203.0.113.11")
    host = shown(viewer, found).partition("One host")[2]
    assert "<code>203.0.113.11</code>" in host
    assert "an approved source" in words(host)


def test_each_domain_and_sender_leads_to_who_may_deliver_today(viewer: Client) -> None:
    markup = shown(viewer, change(LOCKED, OPEN)).partition("Domains and senders")[2]
    assert "/tenants/contoso/exposure/?domain=" in markup
    assert "foreign sender" in words(markup)


def test_what_was_read_otherwise_since_is_not_shown_as_the_effect_of_this_change(
    viewer: Client,
) -> None:
    found = change(LOCKED, OPEN)
    read_since(found, LOCKED)
    markup = shown(viewer, found)
    assert "/tenants/contoso/exposure/?domain=" not in markup
    table = markup.partition("Domains and senders")[2]
    numbers = re.findall(r'data-label="(Before|After)">(.*?)</td>', table, re.DOTALL)
    assert {label for label, _ in numbers} == {"Before", "After"}
    assert all("<details" in cell and "<code>" in cell for _, cell in numbers)


def test_what_this_change_left_unread_leads_to_no_page_of_what_was_known_before(
    viewer: Client,
) -> None:
    found = change(LOCKED, OPEN)
    lacking = factories.without(OPEN, "accepted_domains", PartStatus.FORBIDDEN, "403")
    models.Snapshot.objects.filter(pk=found.after_id).update(document=codec.dump(lacking))
    assert "/tenants/contoso/exposure/?domain=" not in shown(viewer, found)


def test_both_counts_beside_the_maps_unfold_to_their_networks(viewer: Client) -> None:
    markup = shown(viewer, change(OPEN, LOCKED)).partition('class="moved"')[2]
    before, after = markup.partition("</ul>")[0].split('<span class="meta">After</span>')
    assert "<summary>4,294,967,296 IPv4</summary>" in before
    assert "<code>0.0.0.0/0</code>" in before
    assert "<summary>1 IPv4</summary>" in after
    assert "<code>203.0.113.10</code>" in after
    # A paragraph ends where something unfolds: what follows it would stand outside.
    assert not re.search(r"<p\b[^>]*>(?:(?!</p>).)*<details", before + after, re.DOTALL)


@pytest.mark.parametrize(("later", "said"), [(False, "Who that is<"), (True, "after what changed")])
def test_where_nothing_moves_the_way_to_the_present_says_what_it_is(
    viewer: Client, later: bool, said: str
) -> None:
    found = change(LOCKED, configuration(lock(comment="CHG-1")))
    if later:
        read_since(found, OPEN)
    assert said in shown(viewer, found)


def test_where_nothing_moves_that_is_said(viewer: Client) -> None:
    markup = shown(viewer, change(LOCKED, configuration(lock(comment="CHG-1"))))
    assert "exactly the same hosts may deliver as before" in words(markup)
    assert "internet small" not in markup


def test_what_was_not_read_is_not_known_and_never_nobody(viewer: Client) -> None:
    lacking = factories.without(OPEN, "inbound_connectors", PartStatus.FORBIDDEN, "403")
    found = change(LOCKED, OPEN)
    models.Snapshot.objects.filter(pk=found.after_id).update(document=codec.dump(lacking))
    markup = shown(viewer, found)
    assert "inbound connectors were not read on both sides" in words(markup)
    assert "Lost" not in words(markup.partition("</section>")[0])


def test_names_of_connectors_are_only_names(viewer: Client) -> None:
    hostile = lock(name="<script>alert(1)</script>")
    markup = shown(viewer, change(configuration(hostile), configuration()))
    assert "<script>alert" not in markup


@pytest.mark.parametrize("count", [1, 300])
def test_it_costs_no_query_of_its_own(count: int, django_assert_num_queries: Any) -> None:
    found = change(LOCKED, OPEN)
    for n in range(count):
        found.tenant.sources.create(name=f"g{n}", kind="gateway", addresses=f"198.51.100.{n % 250}")
    row = effect.with_sources(
        models.Change.objects.select_related("tenant", "before", "after")
    ).get(pk=found.pk)
    with django_assert_num_queries(0):
        assert effect.load(row).gained is not None
