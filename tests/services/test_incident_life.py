"""The life of an incident as rows keep it: what comes and goes, what is refused in part, what is
half seen, who saw to it before it came back, and the cause that an opening waits for.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest

from mailposture import models
from mailposture.core import letters
from mailposture.services import (
    blindness,
    fetches,
    incidents,
    judging,
    spells,
    subscribing,
)
from mailposture.services.pages import incident as page
from mailposture.services.pages import incidents as pages
from tests import factories as make
from tests.factories import NOW
from tests.services.results import BUSY, CLOSED, TAKEN, result
from tests.services.rounds import claim, look

pytestmark = pytest.mark.django_db

REJECTED = b"550 5.7.68 TenantInboundAttribution; Direct Send not allowed [X.prod.outlook.com]\r\n"
ALL = ["foreign", "own", "null"]


@pytest.fixture
def tenant(settings: Any) -> models.Tenant:
    """A tenant whose security team is subscribed; a stranger probes it."""
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.contoso.com"
    found = make.tenant(probe_due_at=NOW, probe_every=3600)
    make.snapshot(found, make.configuration(), make.ago(days=1))
    make.stranger()
    found.endpoints.create(
        domain="contoso.com", host="contoso-com.mail.protection.outlook.com", found_by="dash",
        first_seen_at=NOW,
    )  # fmt: skip
    subscribing.subscribe("security@example.com", None, make.ago(days=1))
    return found


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def told(kind: str = "bypass") -> list[str]:
    """The news of one kind so far."""
    news = models.Alert.objects.filter(incident__kind=kind).order_by("pk")
    return list(news.values_list("event", flat=True))


def facts() -> dict[str, Any]:
    found: dict[str, Any] = models.Alert.objects.latest("pk").facts
    return found


def mixed(minute: float, classes: list[str], refusal: bytes, slug: str = "frankfurt") -> None:
    """A whole round in which these sender classes are refused and the others get in."""
    order = claim(at(minute), slug)
    answers = zip(
        order.targets, result(order, refusal).answers, result(order, TAKEN).answers, strict=True
    )
    found = tuple(no if t.sender_class in classes else yes for t, no, yes in answers)
    judging.take(result(order, TAKEN, answers=found), at(minute))


# ---- what comes and goes -----------------------------------------------------------------


@pytest.fixture
def returned(tenant: models.Tenant) -> models.Incident:
    """Open for a minute, closed for 54, open for a minute, closed."""
    for minute, said in [(0, TAKEN), (1, CLOSED), (55, TAKEN), (56, CLOSED)]:
        look(at(minute), said)
    incidents.tell_due(at(117))
    return models.Incident.objects.get()


def test_what_came_back_is_told_with_the_sum_of_its_times(returned: models.Incident) -> None:
    assert told() == ["opened", "resolved", "again", "resolved"]
    assert (facts()["seconds"], facts()["times"]) == (120, 2)
    letter = letters.compose(facts(), "https://posture.contoso.com")
    assert letter.subject == "[Closed] contoso, open for 2 min in all"
    assert "on and off from" in letter.lead


def test_the_page_of_what_came_back_keeps_every_closing(returned: models.Incident) -> None:
    shown = page.load(returned, at(120))
    assert (shown.lasted, shown.times) == (timedelta(minutes=2), 2)
    seen = [(h.at, h.title) for h in shown.happened if h.gate]
    over = "No door is known to stand open."
    assert seen == [
        (at(0), "First seen open."), (at(1), over),
        (at(55), "Open again."), (at(56), over),
    ]  # fmt: skip


def test_an_end_that_nobody_was_told_yet_is_shown_as_it_is(tenant: models.Tenant) -> None:
    for minute, said in [(0, TAKEN), (1, CLOSED), (5, TAKEN), (6, CLOSED)]:
        look(at(minute), said)
    row = models.Incident.objects.select_related("tenant").get()
    assert told() == ["opened", "resolved", "again"]
    assert pages.sentence(row) == page.load(row, at(7)).sentence
    assert pages.sentence(row) == "contoso refuses strangers again."


def test_the_first_end_is_told_with_its_own_length(tenant: models.Tenant) -> None:
    look(NOW, TAKEN)
    look(at(4), CLOSED)
    assert (facts()["seconds"], facts()["times"]) == (240, 1)


def test_while_it_is_back_only_the_time_that_it_was_open_counts(tenant: models.Tenant) -> None:
    for minute, said in [(0, TAKEN), (1, CLOSED), (55, TAKEN)]:
        look(at(minute), said)
    row = models.Incident.objects.get()
    assert spells.lasted(row, at(57)) == timedelta(minutes=3)
    assert facts()["back"] == at(55).isoformat()
    listed = pages.listing(pages.Wanted(), at(57))
    assert (listed.lines[0].lasted, listed.lines[0].times) == (timedelta(minutes=3), 2)
    assert listed.sentence == "1 incident is open, for 2 min."


def test_of_a_door_that_flips_for_days_the_sum_stays_exact(tenant: models.Tenant) -> None:
    row = models.Incident(opened_at=NOW, moved_at=NOW, facts={})
    for n in range(spells.MOST + 20):
        row.moved_at = at(10 * n)
        row.facts = spells.ended(row, at(10 * n + 1))
    row.resolved_at = at(10 * n + 1)
    assert len(row.facts["spells"]) == spells.MOST
    assert spells.times(row) == spells.MOST + 20
    assert spells.lasted(row, at(99_999)) == timedelta(minutes=spells.MOST + 20)


def test_an_incident_from_before_times_were_kept_lasts_from_its_opening_to_its_end() -> None:
    row = models.Incident(opened_at=NOW, moved_at=at(5), resolved_at=at(5), facts={})
    assert (spells.lasted(row, at(9)), spells.times(row)) == (timedelta(minutes=5), 1)


def test_less_bad_after_an_hour_of_quiet_is_told(tenant: models.Tenant) -> None:
    for minute, said in [(0, TAKEN), (1, CLOSED), (5, TAKEN), (6, CLOSED)]:
        look(at(minute), said)
    mixed(8, ["foreign", "own"], CLOSED)
    assert told() == ["opened", "resolved", "again"]

    incidents.tell_due(at(69))
    assert told() == ["opened", "resolved", "again", "better"]
    assert (facts()["state"], facts()["severity"]) == ("partly", "high")
    letter = letters.compose(facts(), "https://posture.contoso.com")
    assert letter.subject == "[Partly open] contoso takes mail from any host with a null sender"
    incidents.tell_due(at(200))
    assert len(told()) == 4


def test_not_knowing_after_an_hour_of_quiet_is_no_news(tenant: models.Tenant) -> None:
    for minute, said in [(0, TAKEN), (1, CLOSED), (5, TAKEN), (6, BUSY)]:
        look(at(minute), said)
    tenant.refresh_from_db()
    assert tenant.state == "unknown"
    incidents.tell_due(at(70))
    assert told() == ["opened", "resolved", "again"]


# ---- who sees to it ----------------------------------------------------------------------


def test_a_return_takes_the_acknowledgement_away_and_keeps_it_in_the_story(
    tenant: models.Tenant,
) -> None:
    look(NOW, TAKEN)
    row = models.Incident.objects.get()
    incidents.acknowledge(row, "The relay moves today.", None, at(1))
    look(at(2), CLOSED)
    look(at(4), TAKEN)

    row.refresh_from_db()
    assert (row.acknowledged_at, row.acknowledged_by, row.acknowledgement) == (None, "", "")
    assert pages.state(row) == "Reopened"
    assert [x.number for x in pages.listing(pages.Wanted(states=("open",)), at(5)).lines] == [
        row.pk
    ]
    (said,) = [h for h in page.load(row, at(5)).happened if h.icon == "user"]
    assert (said.at, said.title) == (at(1), "Acknowledged by command line.")
    assert said.text == "The relay moves today."

    incidents.acknowledge(row, "Once more.", None, at(6))
    row.refresh_from_db()
    assert pages.state(row) == "Acknowledged"
    assert [h.text for h in page.load(row, at(7)).happened if h.icon == "user"] == [
        "The relay moves today.", "Once more.",
    ]  # fmt: skip


def test_a_second_acknowledgement_keeps_the_first_in_the_story(tenant: models.Tenant) -> None:
    look(NOW, TAKEN)
    row = models.Incident.objects.get()
    for minute, why in ((1, "The relay moves today."), (2, "It moves tomorrow."), (3, "Moved.")):
        incidents.acknowledge(row, why, None, at(minute))
    row.refresh_from_db()
    assert (row.acknowledged_at, row.acknowledgement) == (at(3), "Moved.")
    said = [(h.at, h.text) for h in page.load(row, at(4)).happened if h.icon == "user"]
    assert said == [
        (at(1), "The relay moves today."), (at(2), "It moves tomorrow."), (at(3), "Moved."),
    ]  # fmt: skip


def test_what_is_over_cannot_be_acknowledged(tenant: models.Tenant) -> None:
    look(NOW, TAKEN)
    row = models.Incident.objects.get()
    incidents.acknowledge(row, "Seen to.", None, at(1))
    look(at(2), CLOSED)
    with pytest.raises(incidents.NotAcknowledgedError, match="over by now"):
        incidents.acknowledge(row, "Too late.", None, at(3))
    row.refresh_from_db()
    assert (row.acknowledged_at, row.acknowledgement) == (at(1), "Seen to.")
    assert models.AuditEvent.objects.filter(action="acknowledged incident").count() == 1


def test_news_of_another_round_leaves_the_acknowledgement_alone(tenant: models.Tenant) -> None:
    mixed(0, ["foreign", "own"], CLOSED)
    row = models.Incident.objects.get()
    stale = models.Incident.objects.get()
    incidents.acknowledge(row, "Seen to.", None, at(1))
    assert stale.acknowledged_at is None
    look(at(2), TAKEN)
    row.refresh_from_db()
    assert (told(), row.acknowledgement) == (["opened", "worse"], "Seen to.")


# ---- refused in part ---------------------------------------------------------------------


def test_a_source_that_is_refused_with_own_senders_alone_is_not_cut_off(
    tenant: models.Tenant,
) -> None:
    make.source(tenant)
    mixed(0, ["own"], REJECTED, "contoso-gateway")
    incidents.tell_due(at(1))

    tenant.refresh_from_db()
    assert tenant.standing["approved"] == {"partly_cut_off": 1}
    assert told("cut_off") == ["opened"]
    assert facts()["severity"] == "medium"
    assert facts()["subjects"] == [{"domain": "contoso.com", "classes": ["own"]}]
    assert facts()["inside"] == ["foreign", "null"]
    said = letters.sentence(facts())
    assert said == (
        "Gateway is refused by contoso with own-domain senders at contoso.com; "
        "with foreign and null senders it gets in."
    )
    row = models.Incident.objects.get(kind="cut_off")
    assert (pages.sentence(row), page.load(row, at(2)).sentence) == (said, said)
    assert page.load(row, at(2)).badge == "partly_cut_off"


def test_a_source_that_loses_the_rest_of_its_mail_is_told_as_worse(tenant: models.Tenant) -> None:
    make.source(tenant)
    look(NOW, CLOSED)
    mixed(1, ["own"], REJECTED, "contoso-gateway")
    incidents.tell_due(at(2))
    look(at(3), CLOSED, "contoso-gateway")
    assert told("cut_off") == ["opened", "worse"]
    assert facts()["severity"] == "high"
    row = models.Incident.objects.get(kind="cut_off")
    assert page.load(row, at(5)).badge == "cut_off"
    assert page.load(row, at(5)).sentence == "Gateway is cut off from contoso."


def assess(now: datetime, awake_since: datetime | None = None) -> None:
    """Ask what is not seen, having been awake for so long, or for days."""
    models.Awake.objects.all().delete()
    models.Awake.objects.create(since=awake_since or make.ago(days=2), until=now)
    blindness.assess(now)


# ---- half seen ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "still", "sentence"),
    [
        (
            {"fetch_refused": "credential", "fetch_error": "secret-expired", "probed_at": NOW},
            "probed", "The configuration of contoso is not read; its doors are still probed.",
        ),
        (
            {"fetched_at": NOW, "probed_at": make.ago(hours=4)}, "read",
            "contoso is not probed; its configuration is still read.",
        ),
        (
            {"fetch_refused": "credential", "fetched_at": NOW, "probed_at": make.ago(hours=4)},
            "", "contoso is neither read nor probed.",
        ),
        (
            {"fetch_refused": "role", "probed_at": None, "fetched_at": None}, "",
            "The configuration of contoso is not read.",
        ),
    ],
)  # fmt: skip
def test_what_is_still_seen_of_a_tenant_is_said(
    tenant: models.Tenant, fields: dict[str, Any], still: str, sentence: str
) -> None:
    readable(tenant)
    models.Tenant.objects.update(**fields)
    assess(NOW)

    assert (facts()["still"], letters.sentence(facts())) == (still, sentence)
    row = models.Incident.objects.get()
    assert page.load(row, at(1)).sentence == sentence


def test_losing_sight_of_the_rest_is_told_once(tenant: models.Tenant) -> None:
    readable(tenant)
    models.Tenant.objects.update(fetch_refused="credential", fetched_at=NOW, probed_at=NOW)
    assess(NOW)
    for minute in (181, 182, 183):
        assess(at(minute))
    assert told("blind") == ["opened", "worse"]

    models.Tenant.objects.update(fetch_refused="", fetched_at=at(184), probed_at=at(184))
    assess(at(184))
    assert told("blind") == ["opened", "worse", "resolved"]


def test_our_own_pause_is_no_worse_blindness(tenant: models.Tenant) -> None:
    readable(tenant)
    models.Tenant.objects.update(fetch_refused="credential", probed_at=NOW)
    assess(NOW)
    assess(at(1000), awake_since=at(999))
    assert told("blind") == ["opened"]
    assert page.load(models.Incident.objects.get(), at(1000)).sentence == (
        "The configuration of contoso is not read."
    )


# ---- the cause of an opening -------------------------------------------------------------


def readable(tenant: models.Tenant) -> None:
    models.Credential.objects.create(
        tenant=tenant, kind="secret", client_id=tenant.tenant_id, sealed="", updated_at=NOW
    )
    models.Tenant.objects.filter(pk=tenant.pk).update(
        fetched_at=make.ago(minutes=1), fetch_due_at=at(10), fetch_every=900
    )


def read(tenant: models.Tenant, minute: float, *, changed: bool = True) -> None:
    """A reading that ends now, and brings the change that opened the door."""
    if changed:
        before = tenant.snapshots.earliest("first_seen_at")
        after = make.snapshot(tenant, make.configuration(make.lock()), at(minute), at(minute))
        after.changes.create(
            tenant=tenant, before=before, at=at(minute), part="inbound_connectors",
            subject="Lock to gateway", field="Enabled", kind="changed", was="True", now="False",
            decides=True, sentence="Lock to gateway was turned off",
        )  # fmt: skip
    models.Tenant.objects.filter(pk=tenant.pk).update(fetch_lease_until=at(minute + 1))
    tenant.refresh_from_db()
    assert fetches.done(tenant, tenant.fetch_attempt, at(minute))


def test_an_opening_waits_for_its_cause_as_a_row_and_is_told_with_it(tenant: models.Tenant) -> None:
    readable(tenant)
    look(NOW, CLOSED)
    look(at(2), TAKEN)
    row = models.Incident.objects.get()
    assert (told(), row.tell_at) == ([], at(2.5))
    tenant.refresh_from_db()
    assert tenant.fetch_due_at == at(2)

    incidents.tell_due(at(2.05))
    assert told() == []
    read(tenant, 2.1)
    incidents.tell_due(at(2.15))
    assert told() == ["opened"]
    assert facts()["change"]["sentence"] == "Lock to gateway was turned off"
    assert facts()["fix"]["command"].endswith("-Enabled $true")


def test_an_opening_whose_reading_found_nothing_is_told_at_once(tenant: models.Tenant) -> None:
    readable(tenant)
    look(NOW, CLOSED)
    look(at(2), TAKEN)
    read(tenant, 2.1, changed=False)
    incidents.tell_due(at(2.15))
    assert (told(), facts()["change"]) == (["opened"], None)


def test_an_opening_waits_half_a_minute_at_most(tenant: models.Tenant) -> None:
    readable(tenant)
    look(NOW, CLOSED)
    look(at(2), TAKEN)
    incidents.tell_due(at(2.49))
    assert told() == []
    incidents.tell_due(at(2.5))
    assert told() == ["opened"]


def test_an_opening_that_ends_while_it_waits_is_told(tenant: models.Tenant) -> None:
    readable(tenant)
    look(NOW, CLOSED)
    look(at(2), TAKEN)
    look(at(2.2), CLOSED)
    assert told() == ["opened", "resolved"]


def test_a_return_waits_for_its_cause_too(tenant: models.Tenant) -> None:
    readable(tenant)
    for minute, said in [(0, CLOSED), (2, TAKEN), (3, CLOSED)]:
        look(at(minute), said)
    read(tenant, 3.5, changed=False)
    look(at(10), TAKEN)
    assert told() == ["opened", "resolved"]
    read(tenant, 10.1)
    incidents.tell_due(at(10.2))
    assert told() == ["opened", "resolved", "again"]
    assert facts()["change"]


@pytest.mark.parametrize(
    "fields",
    [
        {"fetch_refused": "credential"}, {"fetch_error": "timeout"}, {"fetched_at": None},
        {"fetch_due_at": None}, {"paused_at": NOW},
    ],
)  # fmt: skip
def test_who_cannot_be_read_is_told_at_once(tenant: models.Tenant, fields: dict[str, Any]) -> None:
    readable(tenant)
    look(NOW, CLOSED)
    order = claim(at(2))
    models.Tenant.objects.update(**fields)
    judging.take(result(order, TAKEN), at(2))
    assert told() == ["opened"]


def test_what_was_open_at_the_first_look_has_no_cause_to_wait_for(tenant: models.Tenant) -> None:
    readable(tenant)
    look(NOW, TAKEN)
    assert told() == ["opened"]
