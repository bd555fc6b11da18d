"""A result is taken once, for what was asked, from who was asked; then spans and windows move."""

from datetime import timedelta
from typing import Any

import pytest

from mailposture import models
from mailposture.core.smtp.transcript import Transcript
from mailposture.core.work import Answer, Try
from mailposture.services import coverage, judging, planning
from tests import factories as make
from tests.factories import NOW
from tests.services.results import BUSY, CLOSED, LOCKED, TAKEN, result, transcript
from tests.services.rounds import claim, look

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant(settings: Any) -> models.Tenant:
    """A tenant with one domain, a stranger and a gateway, whose first round is planned."""
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.contoso.com"
    found = make.tenant(probe_due_at=NOW, probe_every=3600)
    make.snapshot(found, make.configuration(), make.ago(days=1))
    make.stranger()
    make.source(found)
    found.endpoints.create(
        domain="contoso.com", host="contoso-com.mail.protection.outlook.com", found_by="dash",
        first_seen_at=NOW,
    )  # fmt: skip
    return found


def test_an_answer_becomes_a_span_a_window_and_a_state(tenant: models.Tenant) -> None:
    assert look(NOW, TAKEN).tenant_id == tenant.pk
    tenant.refresh_from_db()
    assert (tenant.state, tenant.state_since) == ("open", NOW)
    assert tenant.standing["classes"] == {"foreign": "open", "own": "open", "null": "open"}
    assert tenant.standing["first_look"] is True
    assert models.Observation.objects.count() == 3
    assert models.ExposureWindow.objects.filter(last_closed_at=None).count() == 3


def test_a_result_is_taken_once(tenant: models.Tenant) -> None:
    answer = result(claim(NOW), TAKEN)
    assert judging.take(answer, NOW).tenant_id
    assert judging.take(answer, NOW).tenant_id is None
    assert models.Observation.objects.count() == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"attempt": 1},
        {"attempt": 3},
        {"vantage_point": "contoso-gateway"},
        {"vantage_point": "nowhere"},
        {"shard": 10_000},
        {"nonce": ""},
        {"nonce": "ff" * 16},
    ],
)
def test_a_result_that_was_not_asked_for_changes_nothing(
    tenant: models.Tenant, changes: dict[str, Any]
) -> None:
    claim(NOW)
    lapsed = NOW + timedelta(hours=1)
    (order,) = planning.claim_shards(lapsed, only=["frankfurt"])
    assert order.attempt == 2
    assert judging.take(result(order, TAKEN, **changes), lapsed).tenant_id is None
    assert not models.Observation.objects.exists()


def test_an_answer_for_a_path_that_was_not_asked_is_dropped(tenant: models.Tenant) -> None:
    look(NOW, TAKEN, "contoso-gateway")
    foreign = models.Path.objects.filter(vantage_point__slug="contoso-gateway")[0]
    order = claim(NOW + timedelta(hours=1))
    tries = (Try(host="x", address="192.0.2.20", transcript=transcript(CLOSED)),)
    judging.take(
        result(order, TAKEN, answers=(Answer(path=foreign.pk, front_ends=1, tries=tries),)),
        NOW + timedelta(hours=1),
    )
    foreign.refresh_from_db()
    assert foreign.verdict == "open"
    assert models.Coverage.objects.get(vantage_point__slug="frankfurt").missing == sorted(
        t.path for t in order.targets
    )


def test_the_same_answer_with_another_session_id_goes_on_in_the_same_span(
    tenant: models.Tenant,
) -> None:
    look(NOW, LOCKED % 1)
    look(NOW + timedelta(hours=1), LOCKED % 2)
    assert models.Observation.objects.count() == 3
    row = models.Coverage.objects.get()
    assert (row.since, row.until, row.runs) == (NOW, NOW + timedelta(hours=1), 2)


def test_a_window_has_its_four_bounds(tenant: models.Tenant) -> None:
    hours = [NOW + timedelta(hours=n) for n in range(6)]
    for at, rcpt in zip(hours, (CLOSED, CLOSED, TAKEN, TAKEN, BUSY, CLOSED), strict=True):
        look(at, rcpt)
    window = models.ExposureWindow.objects.filter(path__sender_class="null").get()
    assert window.last_closed_at == hours[1]
    assert window.first_open_at == hours[2]
    assert window.last_open_at == hours[3]
    assert window.first_closed_at == hours[5]


def test_unknown_neither_opens_nor_closes(tenant: models.Tenant) -> None:
    look(NOW, TAKEN)
    look(NOW + timedelta(hours=1), BUSY)
    tenant.refresh_from_db()
    assert tenant.state == "unknown"
    assert models.ExposureWindow.objects.filter(first_closed_at=None).count() == 3
    look(NOW + timedelta(hours=2), TAKEN)
    assert models.ExposureWindow.objects.count() == 3


def test_a_span_ends_where_it_was_last_seen(tenant: models.Tenant) -> None:
    look(NOW, TAKEN)
    look(NOW + timedelta(hours=1), TAKEN)
    look(NOW + timedelta(hours=2), CLOSED)
    first = models.Observation.objects.filter(path__sender_class="own").first()
    assert first is not None
    assert (first.first_at, first.last_at) == (NOW, NOW + timedelta(hours=1))


def test_a_path_left_out_of_a_run_keeps_its_own_end(tenant: models.Tenant) -> None:
    look(NOW, TAKEN)
    order = claim(NOW + timedelta(hours=1))
    some = result(order, TAKEN)
    judging.take(result(order, TAKEN, answers=some.answers[:2]), NOW + timedelta(hours=1))
    missed = models.Path.objects.get(pk=order.targets[2].path)
    assert missed.seen_until == NOW
    assert coverage.until(tenant)[missed.vantage_point_id, 0] == NOW + timedelta(hours=1)
    look(NOW + timedelta(hours=2), CLOSED)
    old = missed.observations.order_by("first_at").first()
    assert old is not None
    assert old.last_at == NOW
    missed.refresh_from_db()
    assert missed.seen_until is None


def test_an_approved_source_that_is_refused_is_cut_off_and_opens_no_window(
    tenant: models.Tenant,
) -> None:
    look(NOW, TAKEN, "contoso-gateway")
    tenant.refresh_from_db()
    assert tenant.standing["approved"] == {"gets_in": 1}
    assert not models.ExposureWindow.objects.exists()
    look(NOW + timedelta(hours=1), CLOSED, "contoso-gateway")
    tenant.refresh_from_db()
    assert tenant.standing["approved"] == {"cut_off": 1}


def test_a_vantage_points_wrong_clock_cannot_move_the_past(tenant: models.Tenant) -> None:
    order = claim(NOW)
    early = result(order, TAKEN, began=NOW - timedelta(days=300))
    judging.take(early, NOW + timedelta(seconds=5))
    assert {o.first_at for o in models.Observation.objects.all()} == {NOW}


def test_a_clear_session_outside_the_lab_proves_nothing(tenant: models.Tenant) -> None:
    order = claim(NOW)
    clear = {**transcript(TAKEN), "tls": None}
    tries = (Try(host="x", address="192.0.2.20", transcript=clear),)
    answers = tuple(Answer(path=t.path, front_ends=1, tries=tries) for t in order.targets)
    judging.take(result(order, TAKEN, answers=answers), NOW)
    causes = set(models.Observation.objects.values_list("verdict", "cause"))
    assert causes == {("unknown", "server-not-proven")}


def test_a_target_that_was_refused_says_why(tenant: models.Tenant) -> None:
    order = claim(NOW)
    answers = tuple(Answer(path=t.path, refused="no IPv4 address") for t in order.targets)
    judging.take(result(order, TAKEN, answers=answers), NOW)
    row = models.Observation.objects.first()
    assert row is not None
    assert (row.verdict, row.cause, row.reason) == ("unknown", "not-tried", "no IPv4 address")


def test_hostile_bytes_are_stored_and_stay_bytes(tenant: models.Tenant) -> None:
    hostile = b"250 2.1.5 <script>alert(1)</script>\x00\x1b[31m\xff\r\n"
    look(NOW, hostile)
    row = models.Observation.objects.first()
    assert row is not None
    assert "\x00" not in row.reply
    assert "\x1b" not in row.reply
    stored = Transcript.from_document(row.tries[0]["transcript"])
    assert stored.replies[-1].raw == hostile


def test_a_round_ends_with_its_last_shard_and_is_counted(tenant: models.Tenant) -> None:
    order = claim(NOW)
    (other,) = planning.claim_shards(NOW, only=["contoso-gateway"])
    assert judging.take(result(order, CLOSED), NOW).round_finished is False
    assert judging.take(result(other, TAKEN), NOW).round_finished is True
    row = models.Round.objects.get()
    assert row.tally == {"strangers": {"closed": 3}, "approved": {"gets_in": 1}}


def test_the_place_is_heard_and_its_address_is_what_the_server_saw(
    tenant: models.Tenant,
) -> None:
    look(NOW, TAKEN)
    place = models.VantagePoint.objects.get(slug="frankfurt")
    assert (place.heard_at, place.seen_as) == (NOW, "198.51.100.7")


def test_a_gateways_answer_is_no_first_look_of_a_stranger(tenant: models.Tenant) -> None:
    look(NOW, TAKEN, "contoso-gateway")
    tenant.refresh_from_db()
    assert (tenant.state, tenant.standing["first_look"]) == ("unknown", False)
    look(NOW + timedelta(hours=1), TAKEN)
    tenant.refresh_from_db()
    assert (tenant.state, tenant.standing["first_look"]) == ("open", True)
    look(NOW + timedelta(hours=2), TAKEN)
    tenant.refresh_from_db()
    assert tenant.standing["first_look"] is True
    look(NOW + timedelta(hours=3), CLOSED)
    tenant.refresh_from_db()
    assert (tenant.state, tenant.standing["first_look"]) == ("closed", False)
    assert tenant.state_since == NOW + timedelta(hours=3)


def test_a_blind_stranger_takes_nothing_from_what_another_proved(tenant: models.Tenant) -> None:
    make.stranger("singapore")
    look(NOW, CLOSED, "frankfurt")
    (order,) = planning.claim_shards(NOW, only=["singapore"])
    judging.take(result(order, b"550 5.7.606 Access denied, banned sending IP\r\n"), NOW)
    tenant.refresh_from_db()
    assert tenant.state == "closed"
    assert tenant.standing["strangers"] == {"closed": 3, "unknown": 3}


def test_what_is_no_conversation_of_ours_is_not_stored(tenant: models.Tenant) -> None:
    order = claim(NOW)
    odd: list[dict[str, Any]] = [
        {},
        {"lines": "x"},
        {**transcript(TAKEN), "ended": "x" * judging.MOST_OF_A_TRY},
    ]
    answers = tuple(
        Answer(
            path=t.path, front_ends=1, tries=(Try(host="x", address="192.0.2.20", transcript=d),)
        )
        for t, d in zip(order.targets, odd, strict=True)
    )
    judging.take(result(order, TAKEN, answers=answers), NOW)
    kept = models.Observation.objects.values_list("verdict", "tries")
    assert list(kept) == [("unknown", [])] * 3


def test_more_tries_than_front_ends_are_asked_are_dropped(tenant: models.Tenant) -> None:
    order = claim(NOW)
    whole = result(order, TAKEN)
    answers = tuple(Answer(path=a.path, front_ends=2, tries=a.tries * 50) for a in whole.answers)
    judging.take(result(order, TAKEN, answers=answers), NOW)
    assert {len(o.tries) for o in models.Observation.objects.all()} == {2}
