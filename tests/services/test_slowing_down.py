"""Where a server asks for less it gets less for a while, and what was known before stands."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.test import override_settings

from mailposture import models
from mailposture.adapters.buckets import HERE
from mailposture.core.work import Answer, Envelope, PutOff, Result
from mailposture.services import budgets, judging, putting_off
from tests import factories as make
from tests.factories import NOW
from tests.services import rounds
from tests.services.results import BUSY, CLOSED, result

pytestmark = pytest.mark.django_db

DOOR = "contoso-com.mail.protection.outlook.com"
LATER = NOW + timedelta(hours=6)


@pytest.fixture(autouse=True)
def tenant() -> Iterator[models.Tenant]:
    """One tenant that a stranger looks at; its three paths were seen closed."""
    found = make.tenant(probe_due_at=NOW)
    make.snapshot(found, make.configuration(domains=("contoso.com",)), make.ago(days=1))
    make.stranger()
    found.endpoints.create(domain="contoso.com", host=DOOR, found_by="dash", first_seen_at=NOW)
    with override_settings(EHLO_NAME="probe.contoso.com", SENDER_DOMAIN="probe.contoso.com"):
        rounds.look(NOW, CLOSED)
        yield found


def paces(tenant: models.Tenant) -> dict[str, float]:
    keys = {
        "door": budgets.door(DOOR),
        "tenant": budgets.tenant(tenant.pk),
        "place": budgets.place("frankfurt"),
    }
    found = HERE.look(list(keys.values()))
    return {name: round(one.pace, 2) for name, one in zip(keys, found, strict=True)}


def put_off(order: Envelope, *paths: int, why: PutOff = PutOff.SLOW_DOWN) -> Result:
    """What a place reports that left these paths, by their number in the order."""
    whole = result(order, CLOSED)
    answers = [
        Answer(path=a.path, front_ends=2, put_off=why) if n in paths else a
        for n, a in enumerate(whole.answers)
    ]
    return replace(whole, answers=tuple(answers))


def look(at: datetime, *paths: int, why: PutOff = PutOff.SLOW_DOWN) -> None:
    judging.take(put_off(rounds.claim(at), *paths, why=why), at)


def test_answers_that_ask_for_less_halve_the_pace_of_door_and_tenant(
    tenant: models.Tenant,
) -> None:
    assert paces(tenant) == {"door": 1, "tenant": 1, "place": 1}
    rounds.look(LATER, BUSY)
    assert paces(tenant) == {"door": 0.5, "tenant": 0.5, "place": 1}
    # They are a reason to slow down, and prove nothing: unknown, and no window moves.
    assert set(models.Path.objects.values_list("verdict", flat=True)) == {"unknown"}


def test_a_door_that_nobody_asked_is_not_slowed_on_a_places_word(tenant: models.Tenant) -> None:
    order = rounds.claim(LATER)
    said = result(order, BUSY)
    odd = [
        replace(a, tries=tuple(replace(t, host="elsewhere.example") for t in a.tries))
        for a in said.answers
    ]
    judging.take(replace(said, answers=tuple(odd)), LATER)
    (elsewhere,) = HERE.look([budgets.door("elsewhere.example")])
    assert elsewhere.pace == 1
    assert paces(tenant) == {"door": 1, "tenant": 0.5, "place": 1}


def test_what_was_put_off_keeps_what_was_known_and_says_why_it_waits() -> None:
    look(LATER, 1, 2)
    paths = models.Path.objects.order_by("pk")
    assert [p.verdict for p in paths] == ["closed"] * 3
    assert [p.put_off for p in paths] == ["", "slow-down", "slow-down"]
    assert models.Observation.objects.count() == 3
    # Until when it was seen is not moved on by a run that did not see it.
    assert [p.seen_until for p in paths] == [None, NOW, NOW]


def test_what_is_asked_again_waits_no_more() -> None:
    look(LATER, 0, 1, 2, why=PutOff.NO_TIME)
    assert set(models.Path.objects.values_list("put_off", flat=True)) == {"no-time"}
    rounds.look(LATER + timedelta(hours=6), CLOSED)
    assert set(models.Path.objects.values_list("put_off", flat=True)) == {""}
    assert models.Path.objects.filter(seen_until=None).count() == 3


def test_a_run_that_put_everything_off_makes_no_tenant_look_seen(tenant: models.Tenant) -> None:
    look(LATER, 0, 1, 2)
    tenant.refresh_from_db()
    assert tenant.probed_at == NOW


def test_a_path_that_was_never_seen_is_unknown_and_not_closed_by_being_put_off() -> None:
    models.Path.objects.update(current=None, verdict="unknown")
    models.Observation.objects.all().delete()
    look(LATER, 0, 1, 2)
    assert set(models.Path.objects.values_list("verdict", flat=True)) == {"unknown"}
    assert not models.Observation.objects.exists()


def test_a_place_cannot_put_off_what_it_did_ask_or_what_is_another_tenants() -> None:
    other = make.tenant("fabrikam", paused_at=NOW)
    foreign = other.paths.create(
        vantage_point=models.VantagePoint.objects.get(),
        domain="fabrikam.com",
        sender_class="null",
        created_at=NOW,
    )
    order = rounds.claim(LATER)
    asked = [replace(a, put_off=PutOff.SLOW_DOWN) for a in result(order, BUSY).answers]
    strange = Answer(path=foreign.pk, put_off=PutOff.SLOW_DOWN)
    judging.take(replace(put_off(order), answers=(*asked, strange)), LATER)
    assert set(models.Path.objects.values_list("put_off", flat=True)) == {""}
    assert set(models.Observation.objects.values_list("cause", flat=True)) >= {"throttled"}


def test_every_reason_is_worded() -> None:
    assert set(putting_off.WHY) == set(PutOff)
