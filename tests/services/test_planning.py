"""What is due is claimed once, comes back when its worker dies, and is set aside in the end."""

from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.test import override_settings

from mailposture import models
from mailposture.core.configuration import PartStatus
from mailposture.core.work import Envelope
from mailposture.services import fetches, planning, turns
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db

IDENTITY = {"EHLO_NAME": "probe.contoso.com", "SENDER_DOMAIN": "probe.contoso.com"}


@pytest.fixture
def tenant() -> models.Tenant:
    """One tenant with two domains, one stranger and a gateway, all due."""
    found = make.tenant(probe_due_at=NOW, fetch_due_at=NOW)
    make.snapshot(
        found, make.configuration(domains=("contoso.com", "contoso.net")), make.ago(days=1)
    )
    make.stranger()
    make.source(found)
    found.endpoints.create(
        domain="contoso.com",
        host="contoso-com.mail.protection.outlook.com",
        found_by="dash",
        first_seen_at=NOW,
    )
    return found


def planned(at: datetime = NOW) -> None:
    with override_settings(**IDENTITY):
        planning.schedule_rounds(at)
        planning.plan_rounds(at)


def claimed(at: datetime = NOW, only: list[str] | None = None) -> list[Envelope]:
    with override_settings(**IDENTITY):
        return list(planning.claim_shards(at, only))


def test_a_round_covers_every_domain_and_class_from_every_place(tenant: models.Tenant) -> None:
    planned()
    assert models.Round.objects.get().paths == 2 * 3 * 2
    seen = set(tenant.paths.values_list("domain", "sender_class", "vantage_point__slug"))
    assert len(seen) == 12
    assert ("contoso.net", "null", "contoso-gateway") in seen


def test_a_place_that_plays_a_source_is_no_stranger_to_other_tenants(tenant: models.Tenant) -> None:
    other = make.tenant("fabrikam", probe_due_at=NOW)
    make.snapshot(other, make.configuration(domains=("fabrikam.com",)), make.ago(days=1))
    planned()
    assert set(other.paths.values_list("vantage_point__slug", flat=True)) == {"frankfurt"}


def test_a_second_tick_plans_no_second_round(tenant: models.Tenant) -> None:
    planned()
    planned(NOW + timedelta(seconds=1))
    assert models.Round.objects.count() == 1
    tenant.refresh_from_db()
    assert tenant.probe_due_at == NOW + timedelta(seconds=tenant.probe_every)


def test_a_domain_without_a_name_is_probed_at_its_siblings_door(tenant: models.Tenant) -> None:
    planned()
    targets = [t for e in claimed() for t in e.targets if t.domain == "contoso.net"]
    assert {t.endpoints for t in targets} == {("contoso-com.mail.protection.outlook.com",)}
    assert {t.rcpt_to for t in targets} == {"postmaster@contoso.net"}


@pytest.mark.parametrize(
    ("sender_class", "sender"),
    [
        ("foreign", "postmaster@probe.contoso.com"),
        ("own", "postmaster@contoso.com"),
        ("null", ""),
    ],
)
def test_each_class_has_its_envelope_sender(
    tenant: models.Tenant, sender_class: str, sender: str
) -> None:
    planned()
    targets = [t for e in claimed() for t in e.targets if t.domain == "contoso.com"]
    assert {t.mail_from for t in targets if t.sender_class == sender_class} == {sender}


def test_a_recipient_chosen_by_the_owner_is_named(tenant: models.Tenant) -> None:
    tenant.recipients.create(domain="contoso.com", address="probe@contoso.com")
    planned()
    named = {t.rcpt_to for e in claimed() for t in e.targets if t.domain == "contoso.com"}
    assert named == {"probe@contoso.com"}


def test_without_an_identity_nothing_is_probed_and_the_round_says_why(
    tenant: models.Tenant,
) -> None:
    with override_settings(EHLO_NAME=None, SENDER_DOMAIN=None):
        planning.schedule_rounds(NOW)
        planning.plan_rounds(NOW)
    row = models.Round.objects.get()
    assert "MAILPOSTURE_EHLO_NAME" in row.tally["problem"]
    assert row.finished_at == NOW
    assert not models.Shard.objects.exists()


def test_domains_that_could_not_be_read_are_not_taken_for_none(tenant: models.Tenant) -> None:
    planned()
    blind = make.without(make.configuration(), "accepted_domains", PartStatus.FORBIDDEN, "403")
    make.snapshot(tenant, blind, NOW, NOW + timedelta(minutes=1))
    models.Shard.objects.all().delete()
    models.Tenant.objects.update(probe_due_at=NOW + timedelta(minutes=1))
    planned(NOW + timedelta(minutes=1))
    assert tenant.paths.filter(retired_at=None).count() == 12


def test_a_domain_that_left_is_retired_and_comes_back_as_the_same_path(
    tenant: models.Tenant,
) -> None:
    planned()
    first = set(tenant.paths.values_list("pk", flat=True))
    for minutes, domains in ((1, ("contoso.com",)), (2, ("contoso.com", "contoso.net"))):
        at = NOW + timedelta(minutes=minutes)
        make.snapshot(tenant, make.configuration(domains=domains), at, at)
        models.Shard.objects.all().delete()
        models.Tenant.objects.update(probe_due_at=at)
        planned(at)
        live = tenant.paths.filter(retired_at=None)
        assert live.count() == 6 * len(domains)
    assert set(tenant.paths.values_list("pk", flat=True)) == first


def test_a_shard_is_claimed_once_and_again_when_its_lease_lapsed(tenant: models.Tenant) -> None:
    planned()
    first = claimed()
    assert {e.attempt for e in first} == {1}
    assert claimed(NOW + settings.LEASE - timedelta(seconds=1)) == []
    again = claimed(NOW + settings.LEASE + timedelta(seconds=1))
    assert {e.attempt for e in again} == {2}
    assert {e.shard for e in again} == {e.shard for e in first}
    assert {e.nonce for e in again}.isdisjoint(e.nonce for e in first)


def test_after_three_attempts_a_shard_is_set_aside_and_its_round_ends(
    tenant: models.Tenant,
) -> None:
    planned()
    at = NOW
    for attempt in (1, 2, 3):
        assert {e.attempt for e in claimed(at)} == {attempt}
        at += settings.LEASE + timedelta(seconds=1)
    assert claimed(at) == []
    shards = models.Shard.objects.all()
    assert {s.aside_at for s in shards} == {at}
    assert all("three attempts" in s.problem for s in shards)
    assert models.Round.objects.get().finished_at == at


def test_a_silent_place_gets_no_second_shard_of_the_same_paths(tenant: models.Tenant) -> None:
    planned()
    models.Tenant.objects.update(probe_due_at=NOW + timedelta(minutes=1))
    planned(NOW + timedelta(minutes=1))
    assert models.Round.objects.count() == 2
    assert models.Shard.objects.count() == 2


def test_a_worker_is_handed_no_more_than_it_can_do(tenant: models.Tenant) -> None:
    planned()
    row = models.Round.objects.get()
    place = models.VantagePoint.objects.get(slug="frankfurt")
    for part in range(1, 9):
        models.Shard.objects.create(
            round=row, tenant=tenant, vantage_point=place, part=part, due_at=NOW
        )
    out = claimed(only=["frankfurt"])
    assert len(out) == turns.OF_ONE_TENANT
    assert claimed(only=["frankfurt"]) == []


def test_the_caller_claims_only_for_places_it_can_play(tenant: models.Tenant) -> None:
    planned()
    assert {e.vantage_point for e in claimed(only=["frankfurt"])} == {"frankfurt"}
    assert models.Shard.objects.filter(attempt=0).count() == 1


def test_a_fetch_is_claimed_once_until_its_lease_lapses(tenant: models.Tenant) -> None:
    models.Credential.objects.create(
        tenant=tenant, kind="secret", client_id=tenant.tenant_id, sealed="x", updated_at=NOW
    )
    assert fetches.claim(NOW) == [(tenant.pk, 1)]
    assert fetches.claim(NOW + timedelta(seconds=1)) == []
    lapsed = NOW + settings.FETCH_LEASE + timedelta(seconds=1)
    assert fetches.claim(lapsed) == [(tenant.pk, 2)]


def test_a_tenant_without_credential_is_never_read(tenant: models.Tenant) -> None:
    assert fetches.claim(NOW) == []


def test_a_reading_that_killed_three_workers_waits_for_its_next_turn(
    tenant: models.Tenant,
) -> None:
    models.Credential.objects.create(
        tenant=tenant, kind="secret", client_id=tenant.tenant_id, sealed="x", updated_at=NOW
    )
    at = NOW
    for attempt in (1, 2, 3):
        assert fetches.claim(at) == [(tenant.pk, attempt)]
        at += settings.FETCH_LEASE + timedelta(seconds=1)
    assert fetches.claim(at) == []
    tenant.refresh_from_db()
    assert "three attempts" in tenant.fetch_error
    assert tenant.fetch_failing_since == at
    assert tenant.fetch_due_at == at + timedelta(seconds=tenant.fetch_every)


def test_probe_now_joins_the_round_that_is_under_way(tenant: models.Tenant) -> None:
    planned()
    running = models.Round.objects.get()
    assert planning.ask_round(tenant, NOW + timedelta(seconds=1)) == running
    models.Round.objects.update(finished_at=NOW)
    fresh = planning.ask_round(tenant, NOW + timedelta(seconds=2))
    assert fresh.kind == models.Round.Kind.ASKED


def test_a_change_is_verified_at_once_and_for_an_hour(tenant: models.Tenant) -> None:
    row = tenant.snapshots.get()
    planning.verify(tenant, row, NOW)
    due = [(r.minutes, r.due_at) for r in row.rounds.order_by("due_at")]
    assert due == [(m, NOW + timedelta(minutes=m)) for m in (0, 2, 10, 30, 60)]


def test_hello_goes_out_at_its_pace_to_places_that_are_on(tenant: models.Tenant) -> None:
    make.stranger("singapore", enabled=False)
    models.VantagePoint.objects.update(asked_at=None)
    assert {h.vantage_point for h in planning.greet(NOW)} == {"frankfurt", "contoso-gateway"}
    assert list(planning.greet(NOW + timedelta(seconds=5))) == []
    later = planning.greet(NOW + timedelta(seconds=21))
    assert {h.vantage_point for h in later} == {"frankfurt", "contoso-gateway"}


def test_rounds_that_told_their_story_go_and_those_of_a_change_stay(
    tenant: models.Tenant,
) -> None:
    planned()
    planning.verify(tenant, tenant.snapshots.get(), NOW)
    models.Round.objects.update(finished_at=NOW)
    planning.tidy(NOW + planning.KEEP_ROUNDS + timedelta(seconds=1))
    assert set(models.Round.objects.values_list("kind", flat=True)) == {"verify"}


def test_one_tenants_odd_rows_stop_nobody_else(
    tenant: models.Tenant,
) -> None:
    other = make.tenant("fabrikam", probe_due_at=NOW)
    make.snapshot(other, make.configuration(domains=("fabrikam.com",)), make.ago(days=1))
    models.Snapshot.objects.filter(tenant=tenant).update(document={"accepted_domains": [{}]})
    planned()
    rounds = {r.tenant.slug: r for r in models.Round.objects.select_related("tenant")}
    assert rounds["contoso"].finished_at == NOW
    assert "could not be planned" in rounds["contoso"].tally["problem"]
    assert rounds["fabrikam"].paths == 3
    assert {e.vantage_point for e in claimed()} == {"frankfurt"}


def test_a_shard_that_cannot_be_ordered_is_set_aside_and_says_why(
    tenant: models.Tenant,
) -> None:
    planned()
    with override_settings(EHLO_NAME=None, SENDER_DOMAIN=None):
        assert list(planning.claim_shards(NOW)) == []
    problems = set(models.Shard.objects.values_list("problem", flat=True))
    assert all("MAILPOSTURE_EHLO_NAME" in problem for problem in problems)
    assert models.Round.objects.get().finished_at == NOW


@pytest.fixture
def readable(tenant: models.Tenant) -> models.Tenant:
    """The tenant with a credential, so that it can be read."""
    models.Credential.objects.create(
        tenant=tenant, kind="secret", client_id=tenant.tenant_id, sealed="x", updated_at=NOW
    )
    return tenant


def test_no_more_readings_are_claimed_than_the_readers_can_do() -> None:
    for number in range(fetches.AT_ONCE + 3):
        one = make.tenant(f"contoso-{number}", fetch_due_at=make.ago(minutes=number))
        models.Credential.objects.create(
            tenant=one, kind="secret", client_id=one.tenant_id, sealed="x", updated_at=NOW
        )
    first = fetches.claim(NOW)
    assert len(first) == fetches.AT_ONCE
    assert fetches.claim(NOW) == []
    done = models.Tenant.objects.get(pk=first[0][0])
    assert fetches.done(done, first[0][1], NOW)
    assert len(fetches.claim(NOW)) == 1


def test_a_reading_asked_for_during_a_reading_is_done_after_it(readable: models.Tenant) -> None:
    ((_, attempt),) = fetches.claim(NOW)
    under_way = models.Tenant.objects.get(pk=readable.pk)
    fetches.ask(readable, NOW + timedelta(seconds=2))
    assert fetches.done(under_way, attempt, NOW + timedelta(seconds=3))
    assert fetches.claim(NOW + timedelta(seconds=4)) == [(readable.pk, attempt + 1)]


def test_a_claim_that_was_given_back_is_nobodys(readable: models.Tenant) -> None:
    ((_, attempt),) = fetches.claim(NOW)
    assert fetches.done(readable, attempt, NOW)
    assert not fetches.failed(readable, attempt, "late", NOW)
    readable.refresh_from_db()
    assert readable.fetch_error == ""


def test_a_round_that_owes_nothing_is_not_joined(tenant: models.Tenant) -> None:
    planned()
    stuck = models.Round.objects.get()
    models.Shard.objects.update(done_at=NOW)
    assert planning.ask_round(tenant, NOW + timedelta(seconds=1)) != stuck
