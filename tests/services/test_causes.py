"""Which change is named beside an opening, and when a line is offered that takes it back."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from mailposture import models
from mailposture.core.configuration import Configuration, InboundConnector, RejectDirectSend
from mailposture.services import causes, reading
from mailposture.services.pages import incident as page
from tests import factories as make
from tests.factories import NOW
from tests.services.results import CLOSED, TAKEN
from tests.services.rounds import look

pytestmark = pytest.mark.django_db

TWO = ("contoso.com", "b.com")


@pytest.fixture
def tenant(settings: Any) -> models.Tenant:
    """A locked tenant that a stranger probes."""
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.contoso.com"
    found = make.tenant(probe_due_at=NOW, probe_every=3600)
    make.snapshot(found, locked(), make.ago(days=1))
    make.stranger()
    found.endpoints.create(
        domain="contoso.com", host="contoso-com.mail.protection.outlook.com", found_by="dash",
        first_seen_at=NOW,
    )  # fmt: skip
    return found


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def told() -> list[dict[str, Any]]:
    return list(models.Alert.objects.order_by("pk").values_list("facts", flat=True))


def locked(**fields: Any) -> Configuration:
    return make.configuration(make.lock(**fields), domains=TWO)


def off_and_tls() -> tuple[Configuration, str, str | None]:
    return (
        locked(enabled=False, require_tls=True),
        "Enabled",
        "Set-InboundConnector 'Lock to gateway' -Enabled $true",
    )


def unrestricted_and_listed() -> tuple[Configuration, str, str | None]:
    return (
        locked(restrict_domains_to_ip_addresses=False, associated_accepted_domains=TWO),
        "RestrictDomainsToIPAddresses",
        "Set-InboundConnector 'Lock to gateway' -RestrictDomainsToIPAddresses $true",
    )


def off_and_unrestricted() -> tuple[Configuration, str, str | None]:
    # Either of the two alone leaves the door open.
    return locked(enabled=False, restrict_domains_to_ip_addresses=False), "", None


def elsewhere() -> tuple[Configuration, str, str | None]:
    # What was opened by one is not shut by taking back the other.
    return (
        locked(restrict_domains_to_ip_addresses=False, sender_ip_addresses=("203.0.113.11",)),
        "RestrictDomainsToIPAddresses",
        None,
    )


@pytest.mark.parametrize(
    "changed", [off_and_tls, unrestricted_and_listed, off_and_unrestricted, elsewhere]
)
def test_of_several_changes_the_one_that_let_hosts_in_is_named_and_taken_back(
    tenant: models.Tenant, changed: Any
) -> None:
    look(NOW, CLOSED)
    after, field, command = changed()
    reading.record(tenant, after, at(1))
    assert tenant.changes.count() > 1
    look(at(2), TAKEN)
    facts = told()[-1]
    change = models.Change.objects.get(pk=facts["change"]["pk"])
    assert (facts["fix"] or {}).get("command") == command
    assert not field or change.field == field


def test_a_change_that_can_only_close_opened_nothing(tenant: models.Tenant) -> None:
    look(NOW, CLOSED)
    reading.record(tenant, locked(require_tls=True), at(1))
    look(at(2), TAKEN)
    assert (told()[-1]["change"], told()[-1]["fix"]) == (None, None)


@pytest.mark.parametrize(
    ("connectors", "command"),
    [
        ((), None),
        (
            (make.lock(enabled=False),),
            "Set-InboundConnector 'Lock to gateway' -Enabled $true",
        ),
    ],
)
def test_what_is_no_connector_is_not_taken_for_the_cause_beside_one_that_is(
    tenant: models.Tenant, connectors: tuple[InboundConnector, ...], command: str | None
) -> None:
    look(NOW, CLOSED)
    after = make.configuration(*connectors, domains=TWO)
    relay = tuple(replace(d, domain_type="InternalRelay") for d in after.accepted_domains or ())
    reading.record(tenant, replace(after, accepted_domains=relay), at(1))
    assert tenant.changes.count() == 3
    look(at(2), TAKEN)
    facts = told()[-1]
    named = models.Change.objects.get(pk=facts["change"]["pk"])
    assert (named.part, named.subject) == ("inbound_connectors", "Lock to gateway")
    assert (facts["fix"] or {}).get("command") == command


def test_a_rejection_that_was_turned_off_beside_another_change_is_named(
    tenant: models.Tenant,
) -> None:
    organization = make.configuration().organization
    assert organization
    rejects = replace(organization, reject_direct_send=RejectDirectSend.ON)
    models.Snapshot.objects.all().delete()
    before = make.configuration(domains=TWO)
    make.snapshot(tenant, replace(before, organization=rejects), make.ago(days=1))
    look(NOW, CLOSED)
    relay = tuple(replace(d, domain_type="InternalRelay") for d in before.accepted_domains or ())
    reading.record(tenant, replace(before, accepted_domains=relay), at(1))
    look(at(2), TAKEN)
    facts = told()[-1]
    named = models.Change.objects.get(pk=facts["change"]["pk"])
    assert (named.field, facts["fix"]) == ("RejectDirectSend", None)


def change(tenant: models.Tenant, minute: float, **fields: Any) -> models.Change:
    """One change of a switch, read at this time."""
    before = tenant.snapshots.latest("first_seen_at")
    after = make.snapshot(tenant, locked(), at(minute), at(minute))
    given = {"field": "Enabled", "was": "True", "now": "False"}
    return models.Change.objects.create(
        tenant=tenant, before=before, after=after, at=at(minute), part="inbound_connectors",
        subject="Lock to gateway", kind="changed", sentence="A switch was thrown",
        **{**given, **fields},
    )  # fmt: skip


def test_a_change_of_long_before_moved_nothing_now(tenant: models.Tenant) -> None:
    change(tenant, -35)
    look(NOW, CLOSED)
    look(at(2), TAKEN)
    assert told()[-1]["change"] is None
    models.Change.objects.update(at=at(-27))
    assert page.load(models.Incident.objects.get(), at(3)).facts["change"]


@pytest.mark.parametrize(("effect", "named"), [("opens", False), ("closes", True)])
def test_what_closed_a_door_is_a_change_that_closes(
    tenant: models.Tenant, effect: str, named: bool
) -> None:
    look(NOW, TAKEN)
    moved = change(tenant, 1, was="False", now="True", effect=effect)
    look(at(2), CLOSED)
    facts = told()[-1]
    assert (facts["event"], facts["fix"]) == ("resolved", None)
    assert facts["change"] == (
        {"pk": moved.pk, "sentence": moved.sentence, "at": at(1).isoformat()} if named else None
    )


def test_of_more_changes_than_can_be_weighed_none_is_taken_back(tenant: models.Tenant) -> None:
    look(NOW, CLOSED)
    newest = change(tenant, 1)
    for n in range(causes.MOST_WEIGHED):
        newest.pk, newest.subject = None, f"Lock {n}"
        newest.save()
    look(at(2), TAKEN)
    facts = told()[-1]
    assert (facts["change"]["pk"], facts["fix"]) == (newest.pk, None)
