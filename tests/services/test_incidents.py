"""Incidents as they are kept: opened, moved and ended by results, told to whoever asked."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from mailposture import models
from mailposture.core.smtp.transcript import Line, Transcript, Who
from mailposture.core.work import Try
from mailposture.services import incidents, judging, openings, planning, subscribing
from tests import factories as make
from tests.factories import NOW
from tests.services.results import BUSY, CLOSED, TAKEN, result
from tests.services.rounds import claim, look

pytestmark = pytest.mark.django_db

SECURITY = "security@example.com"
LATER = timedelta(minutes=2)


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
    subscribing.subscribe(SECURITY, None, make.ago(days=1))
    return found


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def told() -> list[tuple[str, str]]:
    """The news so far, each with the kind of its incident."""
    return list(models.Alert.objects.order_by("pk").values_list("incident__kind", "event"))


def test_a_door_that_opens_is_told_in_the_transaction_that_judged(tenant: models.Tenant) -> None:
    look(NOW, CLOSED)
    look(at(2), TAKEN)

    (alert,) = models.Alert.objects.all()
    incident = alert.incident
    assert (incident.kind, incident.severity, incident.resolved_at) == ("bypass", "critical", None)
    assert (incident.opened_at, alert.event, alert.at) == (at(2), "opened", at(2))
    (delivery,) = alert.deliveries.all()
    assert (delivery.recipient, delivery.state, delivery.due_at) == (SECURITY, "waiting", at(2))


def test_what_fails_after_judging_takes_the_news_with_it(
    tenant: models.Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("the disk is full")

    order = claim(NOW)
    with monkeypatch.context() as patched:
        patched.setattr(judging, "_hear", broken)
        with pytest.raises(OSError, match="full"):
            judging.take(result(order, TAKEN), NOW)
    assert not models.Alert.objects.exists()
    assert not models.Observation.objects.exists()

    assert judging.take(result(order, TAKEN), NOW).tenant_id
    assert told() == [("bypass", "opened")]


def test_the_facts_say_what_was_seen_and_are_frozen(tenant: models.Tenant) -> None:
    look(NOW, CLOSED)
    look(at(2), TAKEN)
    facts = models.Alert.objects.get().facts

    assert (facts["event"], facts["kind"], facts["severity"]) == ("opened", "bypass", "critical")
    assert (facts["name"], facts["slug"], facts["state"]) == ("contoso", "contoso", "open")
    assert (facts["last_closed"], facts["first_look"]) == (NOW.isoformat(), False)
    assert facts["since"] == at(2).isoformat()
    assert facts["subjects"] == [{"domain": "contoso.com", "classes": ["foreign", "own", "null"]}]
    assert facts["proof"]["line"] == "250 2.1.5 Recipient OK"
    assert facts["proof"]["sender_class"] == "foreign"
    assert facts["proof"]["lines"][-1] == {
        "who": "S", "text": "250 2.1.5 Recipient OK", "decides": True
    }  # fmt: skip

    look(at(4), CLOSED)
    assert models.Alert.objects.order_by("pk")[0].facts == facts


def test_open_at_the_first_look_says_so(tenant: models.Tenant) -> None:
    look(NOW, TAKEN)
    facts = models.Alert.objects.get().facts
    assert (facts["first_look"], facts["last_closed"]) == (True, None)


def test_unknown_in_between_does_not_lose_the_end(tenant: models.Tenant) -> None:
    look(NOW, TAKEN)
    look(at(2), BUSY)
    tenant.refresh_from_db()
    assert tenant.state == "unknown"
    assert told() == [("bypass", "opened")]

    look(at(4), CLOSED)
    assert told() == [("bypass", "opened"), ("bypass", "resolved")]
    facts = models.Alert.objects.latest("pk").facts
    assert (facts["until"], facts["seconds"]) == (at(4).isoformat(), 240)
    assert facts["proof"]["control"] == "inbound connector"
    assert facts["subjects"] == [{"domain": "contoso.com", "classes": ["foreign", "own", "null"]}]


def test_a_door_that_opens_again_within_the_hour_goes_on_with_its_incident(
    tenant: models.Tenant,
) -> None:
    for minute, said in [(0, TAKEN), (2, CLOSED), (4, TAKEN), (6, CLOSED), (8, TAKEN)]:
        look(at(minute), said)
    assert [event for _, event in told()] == ["opened", "resolved", "again"]
    assert models.Incident.objects.count() == 1

    assert incidents.tell_due(at(30)) == 0
    look(at(20), CLOSED)
    assert incidents.tell_due(at(81)) == 1
    assert [event for _, event in told()] == ["opened", "resolved", "again", "resolved"]
    assert incidents.tell_due(at(82)) == 0


def test_an_hour_after_its_end_it_is_another_incident(tenant: models.Tenant) -> None:
    for minute, said in [(0, TAKEN), (2, CLOSED), (63, TAKEN)]:
        look(at(minute), said)
    assert models.Incident.objects.count() == 2
    assert [event for _, event in told()] == ["opened", "resolved", "opened"]


def test_nine_hundred_domains_are_one_incident(settings: Any) -> None:
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.contoso.com"
    settings.BUDGET_TARGET = settings.BUDGET_TENANT = settings.BUDGET_PLACE = (1e6, 1e6)
    names = [f"d{n:03}.contoso.com" for n in range(900)]
    tenant = make.tenant(probe_due_at=NOW, probe_every=3600)
    make.snapshot(tenant, make.configuration(domains=names), make.ago(days=1))
    make.stranger()
    tenant.endpoints.create(
        domain=names[0], host="contoso-com.mail.protection.outlook.com", found_by="dash",
        first_seen_at=NOW,
    )  # fmt: skip
    planning.schedule_rounds(NOW)
    planning.plan_rounds(NOW)
    second = NOW
    while orders := list(planning.claim_shards(second, only=["frankfurt"])):
        for order in orders:
            second += timedelta(seconds=1)
            judging.take(result(order, TAKEN), second)

    (alert,) = models.Alert.objects.all()
    assert alert.facts["domains"] == 900
    assert len(alert.facts["subjects"]) == 900


def test_a_round_that_never_ends_holds_the_news_back_for_half_a_minute(
    tenant: models.Tenant,
) -> None:
    make.stranger("singapore")
    look(NOW, TAKEN)
    incident = models.Incident.objects.get()
    assert (told(), incident.tell_at) == ([], NOW + timedelta(seconds=30))

    incidents.tell_due(NOW + timedelta(seconds=31))
    assert told() == [("bypass", "opened")]
    assert models.Alert.objects.get().facts["proof"]["source"] == "198.51.100.7"


def test_what_gets_worse_is_told_once(tenant: models.Tenant) -> None:
    order = claim(NOW)
    null = [t.path for t in order.targets if t.sender_class == "null"]
    opened, closed = result(order, TAKEN), result(order, CLOSED)
    mixed = tuple(
        o if o.path in null else c
        for o, c in zip(opened.answers, closed.answers, strict=True)
    )  # fmt: skip
    judging.take(result(order, TAKEN, answers=mixed), NOW)
    incident = models.Incident.objects.get()
    assert (incident.severity, incident.told) == ("high", "partly")

    look(at(2), TAKEN)
    look(at(4), TAKEN)
    incident.refresh_from_db()
    assert [event for _, event in told()] == ["opened", "worse"]
    assert incident.severity == "critical"


# ---- approved sources --------------------------------------------------------------------


def test_a_source_that_is_cut_off_is_an_incident_of_its_own(tenant: models.Tenant) -> None:
    make.source(tenant)
    look(NOW, CLOSED)
    look(at(2), TAKEN, "contoso-gateway")
    assert told() == []

    look(at(4), CLOSED, "contoso-gateway")
    incidents.tell_due(at(5))
    assert told() == [("cut_off", "opened")]
    facts = models.Alert.objects.get().facts
    assert facts["source"] == {"name": "Gateway", "kind": "gateway", "address": "203.0.113.10"}
    assert facts["proof"]["code"] == "550 5.7.51"

    look(at(6), BUSY, "contoso-gateway")
    look(at(8), TAKEN, "contoso-gateway")
    assert told() == [("cut_off", "opened"), ("cut_off", "resolved")]


def test_a_source_that_was_taken_off_the_list_is_cut_off_no_more_and_nobody_is_told(
    tenant: models.Tenant,
) -> None:
    source = make.source(tenant)
    look(NOW, CLOSED, "contoso-gateway")
    incidents.tell_due(at(1))
    source.delete()
    look(at(2), CLOSED)

    incident = models.Incident.objects.get()
    assert (incident.resolved_at, told()) == (at(2), [("cut_off", "opened")])


# ---- doors whose witness went ------------------------------------------------------------


def test_turning_the_witness_off_does_not_close_the_door(tenant: models.Tenant) -> None:
    make.stranger("singapore")
    look(NOW, TAKEN)
    models.VantagePoint.objects.filter(slug="frankfurt").update(enabled=False)
    look(at(2), BUSY, "singapore")
    assert openings.doors(tenant)
    assert told() == [("bypass", "opened")]

    look(at(4), CLOSED, "singapore")
    assert not openings.doors(tenant)
    assert told() == [("bypass", "opened"), ("bypass", "resolved")]


def test_a_domain_that_was_given_up_stands_open_no_more(tenant: models.Tenant) -> None:
    make.snapshot(
        tenant,
        make.configuration(domains=("contoso.com", "old.contoso.com")),
        make.ago(hours=1),
        at(0.5),
    )
    order = claim(NOW)
    answers = zip(order.targets, result(order, TAKEN).answers, result(order, CLOSED).answers,
                  strict=True)  # fmt: skip
    old = tuple(o if t.domain == "old.contoso.com" else c for t, o, c in answers)
    judging.take(result(order, TAKEN, answers=old), NOW)
    assert [s["domain"] for s in openings.subjects(openings.doors(tenant))] == ["old.contoso.com"]

    make.snapshot(tenant, make.configuration(), at(1), at(1))
    look(at(2), CLOSED)
    assert [event for _, event in told()] == ["opened", "resolved"]


# ---- who is told -------------------------------------------------------------------------


def test_each_address_is_told_once_however_often_it_asked(tenant: models.Tenant) -> None:
    other = make.tenant("fabrikam")
    subscribing.subscribe("Security@example.com", tenant, NOW)
    subscribing.subscribe("owner@example.com", tenant, NOW)
    subscribing.subscribe("owner@example.net", other, NOW)
    look(NOW, TAKEN)
    found = [d.recipient.lower() for d in models.Delivery.objects.all()]
    assert sorted(found) == ["owner@example.com", SECURITY]


def test_an_opening_of_which_nobody_is_told_is_kept_all_the_same(tenant: models.Tenant) -> None:
    models.Subscription.objects.all().delete()
    look(NOW, TAKEN)
    assert told() == [("bypass", "opened")]
    assert not models.Delivery.objects.exists()


# ---- hostile words -----------------------------------------------------------------------


def test_a_servers_words_are_escaped_and_cut(tenant: models.Tenant) -> None:
    order = claim(NOW)
    told_so = result(order, b"250 2.1.5 <script>\x00\x1b[31m" + b"x" * 5000 + b"\r\n")
    judging.take(told_so, NOW)
    proof = models.Alert.objects.get().facts["proof"]
    assert "\x00" not in proof["line"]
    assert "\x1b" not in proof["line"]
    assert len(proof["line"]) <= 1000


def test_the_wire_lines_name_sender_and_recipient(tenant: models.Tenant) -> None:
    order = claim(NOW)
    ours = (
        Line(1.0, Who.CLIENT, b"MAIL FROM:<postmaster@probe.contoso.com>\r\n"),
        Line(2.0, Who.CLIENT, b"RCPT TO:<postmaster@contoso.com>\r\n"),
    )

    def whole(one: Try) -> Try:
        said = replace(Transcript.from_document(one.transcript), lines=ours)
        return replace(one, transcript=said.to_document())

    reported = result(order, TAKEN)
    answers = tuple(replace(a, tries=tuple(map(whole, a.tries))) for a in reported.answers)
    judging.take(replace(reported, answers=answers), NOW)
    lines = models.Alert.objects.get().facts["proof"]["lines"]
    assert [line["who"] for line in lines] == ["C", "C", "S"]
    assert lines[1]["text"] == "RCPT TO:<postmaster@contoso.com>"


# ---- causes and their undo ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "was", "command"),
    [
        ("Enabled", "True", "Set-InboundConnector 'Lock to ''gateway''' -Enabled $true"),
        (
            "RestrictDomainsToIPAddresses", "True",
            "Set-InboundConnector 'Lock to ''gateway''' -RestrictDomainsToIPAddresses $true",
        ),
        ("SenderIPAddresses", "203.0.113.10", None),
    ],
)  # fmt: skip
def test_a_thrown_switch_is_named_with_the_line_that_takes_it_back(
    tenant: models.Tenant, field: str, was: str, command: str | None
) -> None:
    look(NOW, CLOSED)
    before = tenant.snapshots.get()
    after = make.snapshot(tenant, make.configuration(make.lock(enabled=False)), at(1), at(1))
    change = after.changes.create(
        tenant=tenant, before=before, at=at(1), part="inbound_connectors",
        subject="Lock to 'gateway'", field=field, kind="changed", was=was, now="False",
        sentence="Lock to gateway was turned off",
    )  # fmt: skip
    look(at(2), TAKEN)
    facts = models.Alert.objects.get().facts
    assert facts["change"]["pk"] == change.pk
    assert (facts["fix"] or {}).get("command") == command


# ---- acknowledging -----------------------------------------------------------------------


def test_an_acknowledgement_says_who_and_why_and_is_kept_in_the_audit_trail(
    tenant: models.Tenant, django_user_model: type[User]
) -> None:
    look(NOW, TAKEN)
    incident = models.Incident.objects.get()
    user = django_user_model.objects.create_user("alex")
    incidents.acknowledge(incident, "  The relay moves \n today. ", user, at(1))
    incident.refresh_from_db()
    assert (incident.acknowledged_by, incident.acknowledgement) == (
        "alex",
        "The relay moves today.",
    )
    event = models.AuditEvent.objects.latest("at")
    assert (event.action, event.subject) == ("acknowledged incident", f"#{incident.pk}")

    look(at(2), CLOSED)
    incident.refresh_from_db()
    assert incident.acknowledged_at == at(1)


@pytest.mark.parametrize("nothing", ["", "  \n\t "])
def test_an_acknowledgement_without_a_reason_is_none(tenant: models.Tenant, nothing: str) -> None:
    look(NOW, TAKEN)
    incident = models.Incident.objects.get()
    with pytest.raises(incidents.NotAcknowledgedError, match="Say what"):
        incidents.acknowledge(incident, nothing, None, at(1))
    incident.refresh_from_db()
    assert incident.acknowledged_at is None


def test_two_open_incidents_of_one_fingerprint_cannot_be(tenant: models.Tenant) -> None:
    look(NOW, TAKEN)
    incident = models.Incident.objects.get()
    incident.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        incident.save()
