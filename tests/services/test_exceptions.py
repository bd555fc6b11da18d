"""Exceptions from asking to their end: four eyes, exact cover, what counts apart, what is worse."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import IntegrityError, transaction

from mailposture import models
from mailposture.core import exceptions as core
from mailposture.core.configuration import Configuration, PartStatus
from mailposture.services import assessing, excepting, exceptions, reading
from mailposture.services.exceptions import Asked, NotDoneError
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LAST = (NOW + timedelta(days=90)).date()
ASKED = Asked(reason="A printer delivers straight.", owner="Print team", last_day=LAST)


@pytest.fixture(autouse=True)
def _identity(settings: Any) -> None:
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.fabrikam.com"


@pytest.fixture
def alex() -> User:
    return User.objects.create_user("alex", is_staff=True)


@pytest.fixture
def robin() -> User:
    return User.objects.create_user("robin", is_staff=True)


def wide(*entries: str) -> Configuration:
    """A lock that names these beside the gateway."""
    return make.configuration(make.lock(sender_ip_addresses=("203.0.113.10", *entries)))


def read(of: models.Tenant, seen: Configuration, **later: float) -> None:
    reading.record(of, seen, NOW + timedelta(**later))


@pytest.fixture
def tenant() -> models.Tenant:
    """A tenant whose lock lets in a network that nobody approved."""
    found = make.tenant()
    make.source(found)
    read(found, wide("198.51.100.0/24"))
    return found


def finding(of: models.Tenant, rule: str = "MP-06") -> models.Finding:
    return of.findings.get(rule=rule, closed_at=None)


def ask(of: models.Tenant, user: User, **changes: Any) -> models.Acceptance:
    return exceptions.ask(finding(of), replace(ASKED, **changes), NOW, user=user)


def approved(of: models.Tenant, asker: User, by: User, **changes: Any) -> models.Acceptance:
    row = ask(of, asker, **changes)
    return exceptions.approve(row, "Seen.", NOW, user=by)


def covered(of: models.Tenant) -> set[str]:
    return set(of.findings.filter(closed_at=None, exception__isnull=False).values_list(
        "rule", flat=True))  # fmt: skip


# ---- to ask --------------------------------------------------------------------------------


def test_what_is_asked_for_is_kept_with_exactly_what_the_finding_is_about(
    tenant: models.Tenant, alex: User
) -> None:
    row = ask(tenant, alex, ticket="CHG-12", hosts="198.51.100.7")
    assert (row.state, row.asked_by, row.owner, row.ticket) == (
        "requested", "alex", "Print team", "CHG-12",
    )  # fmt: skip
    assert row.expires_at == core.expiry(LAST)
    assert row.review_on == NOW.date() + timedelta(days=45)
    accepts = excepting.accepted(row)
    assert accepts.addresses == ("198.51.100.0/24",)
    assert accepts.severity == row.severity
    assert covered(tenant) == set()
    pending = tenant.findings.get(rule="MP-13", closed_at=None)
    assert (pending.subject, pending.severity) == (row.name, "low")
    assert "Nobody approved it." in pending.sentence
    trail = models.AuditEvent.objects.get(action="asked for an exception")
    assert (trail.who, trail.subject) == ("alex", row.name)
    assert trail.detail["reason"] == ASKED.reason


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("reason", "Say why"),
        ("over", "not found any more"),
        ("unread", "not known cannot be accepted. Not read"),
        ("twice", "asks for this already"),
        ("itself", "judges exceptions cannot be excepted"),
    ],
)
def test_what_cannot_be_asked_for_is_said(
    tenant: models.Tenant, alex: User, spoil: str, words: str
) -> None:
    found, asked = finding(tenant), ASKED
    if spoil == "reason":
        asked = replace(ASKED, reason=" \n\0 ")
    if spoil == "over":
        read(tenant, wide(), minutes=1)
        found.refresh_from_db()
    if spoil == "unread":
        seen = make.without(wide(), "inbound_connectors", PartStatus.FORBIDDEN, "403")
        read(tenant, seen, minutes=1)
        # What is not read is carried over from the last reading while there is one.
        tenant.snapshots.exclude(pk=tenant.snapshots.order_by("-pk")[0].pk).delete()
    if spoil in ("twice", "itself"):
        ask(tenant, alex)
    if spoil == "itself":
        found = finding(tenant, "MP-13")
    with pytest.raises(NotDoneError, match=words):
        exceptions.ask(found, asked, NOW + timedelta(minutes=2), user=alex)


def test_one_that_expired_before_anybody_decided_waits_no_more(
    tenant: models.Tenant, alex: User
) -> None:
    first = ask(tenant, alex, last_day=NOW.date())
    later = NOW + timedelta(days=2)
    assert "Nobody approved it" in finding(tenant, "MP-13").sentence
    second = exceptions.ask(finding(tenant), ASKED, later, user=alex)
    first.refresh_from_db()
    assert (first.state, first.ended_why) == ("withdrawn", "It expired before anybody decided.")
    assert second.state == "requested"


# ---- four eyes -----------------------------------------------------------------------------


def test_who_asks_does_not_approve_where_another_could(
    tenant: models.Tenant, alex: User, robin: User
) -> None:
    row = ask(tenant, alex)
    with pytest.raises(NotDoneError, match="another operator decides"):
        exceptions.approve(row, "", NOW, user=alex)
    assert covered(tenant) == set()
    found = exceptions.approve(row, "Seen.", NOW, user=robin)
    assert (found.state, found.decided_by, found.alone) == ("approved", "robin", False)
    assert covered(tenant) == {"MP-06"}
    assert not tenant.findings.filter(rule="MP-13", closed_at=None).exists()


@pytest.mark.parametrize("other", [None, "viewer", "gone"])
def test_where_nobody_else_could_one_approves_alone_and_the_record_says_so(
    tenant: models.Tenant, alex: User, other: str | None
) -> None:
    if other:
        User.objects.create_user("robin", is_staff=other == "gone", is_active=other != "gone")
    found = approved(tenant, alex, alex)
    assert found.alone
    assert models.AuditEvent.objects.get(action="approved exception").detail["alone"] is True


def test_a_viewer_and_nobody_decide_nothing(tenant: models.Tenant, alex: User) -> None:
    row = ask(tenant, alex)
    for user in (User.objects.create_user("viewer"), AnonymousUser(), None):
        with pytest.raises(NotDoneError, match="operate"):
            exceptions.approve(row, "", NOW, user=user)
        with pytest.raises(NotDoneError, match="operate"):
            exceptions.refuse(row, "no", NOW, user=user)


@pytest.mark.parametrize("how", ["approve", "refuse", "expire"])
def test_what_is_decided_is_decided_once(
    tenant: models.Tenant, alex: User, robin: User, how: str
) -> None:
    row, at = ask(tenant, alex), NOW
    if how == "expire":
        at = row.expires_at
    else:
        getattr(exceptions, how)(row, "Seen.", NOW, user=robin)
    for act in (exceptions.approve, exceptions.refuse):
        with pytest.raises(NotDoneError, match="waits for no decision"):
            act(row, "Again.", at, user=robin)


def test_a_refusal_says_why_and_covers_nothing(
    tenant: models.Tenant, alex: User, robin: User
) -> None:
    row = ask(tenant, alex)
    with pytest.raises(NotDoneError, match="Say why"):
        exceptions.refuse(row, "  ", NOW, user=robin)
    found = exceptions.refuse(row, "Move the printer.", NOW, user=robin)
    assert (found.state, found.decision) == ("refused", "Move the printer.")
    assert covered(tenant) == set()
    assert not tenant.findings.filter(rule="MP-13", closed_at=None).exists()


# ---- what it covers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "inside"),
    [
        (("198.51.100.0/24",), True),
        (("198.51.100.7",), True),
        (("198.51.100.0/25", "198.51.100.128/25"), True),
        (("198.51.100.0/24", "192.0.2.30"), False),
    ],
)
def test_exactly_what_was_accepted_is_covered_and_no_address_more(
    tenant: models.Tenant, alex: User, robin: User, entries: tuple[str, ...], inside: bool
) -> None:
    row = approved(tenant, alex, robin)
    read(tenant, wide(*entries), hours=1)
    row.refresh_from_db()
    assert (covered(tenant) == {"MP-06"}) is inside
    assert (not row.outside) is inside
    if not inside:
        assert row.outside == ["1 address more than were accepted: 192.0.2.30."]
        assert row.outside_since == NOW + timedelta(hours=1)
        read(tenant, wide("198.51.100.0/24"), hours=2)
        back = models.Acceptance.objects.get(pk=row.pk)
        assert (back.outside, back.outside_since) == ([], None)
        assert covered(tenant) == {"MP-06"}


def test_a_finding_that_comes_back_is_covered_while_the_exception_holds(
    tenant: models.Tenant, alex: User, robin: User
) -> None:
    row = approved(tenant, alex, robin)
    read(tenant, wide(), hours=1)
    assert covered(tenant) == set()
    read(tenant, wide("198.51.100.7"), hours=2)
    assert finding(tenant).exception == row
    assert finding(tenant).accepted_until == row.expires_at


def test_what_cannot_be_read_any_more_changes_no_cover(
    tenant: models.Tenant, alex: User, robin: User
) -> None:
    row = approved(tenant, alex, robin)
    tenant.snapshots.all().delete()
    read(tenant, make.without(wide(), "inbound_connectors", PartStatus.FORBIDDEN, "403"), hours=1)
    row.refresh_from_db()
    assert row.outside == []
    assert covered(tenant) == {"MP-06"}


def test_who_decides_sees_what_has_become_of_it_since_it_was_asked_for(
    tenant: models.Tenant, alex: User, robin: User
) -> None:
    row = ask(tenant, alex)
    read(tenant, wide("198.51.100.0/24", "192.0.2.30"), hours=1)
    row.refresh_from_db()
    assert row.outside == ["1 address more than were accepted: 192.0.2.30."]
    exceptions.approve(row, "", NOW + timedelta(hours=2), user=robin)
    assert covered(tenant) == set()


def test_another_tenants_exception_covers_nothing_here(
    tenant: models.Tenant, alex: User, robin: User
) -> None:
    approved(tenant, alex, robin)
    other = make.tenant("fabrikam")
    make.source(other)
    read(other, wide("198.51.100.0/24"))
    assert covered(other) == set()


# ---- its end -------------------------------------------------------------------------------


def test_what_is_withdrawn_covers_nothing_any_more(
    tenant: models.Tenant, alex: User, robin: User
) -> None:
    row = approved(tenant, alex, robin)
    with pytest.raises(NotDoneError, match="Say why"):
        exceptions.withdraw(row, "", NOW, user=alex)
    found = exceptions.withdraw(row, "The printer is gone.", NOW, user=alex)
    assert (found.state, found.ended_by) == ("withdrawn", "alex")
    assert covered(tenant) == set()
    with pytest.raises(NotDoneError, match="nothing to withdraw"):
        exceptions.withdraw(row, "Again.", NOW, user=alex)


def test_an_expired_one_is_found_while_its_finding_stands(
    tenant: models.Tenant, alex: User, robin: User
) -> None:
    row = approved(tenant, alex, robin)
    assessing.refresh(tenant, row.expires_at - timedelta(seconds=1))
    assert not tenant.findings.filter(rule="MP-13", closed_at=None).exists()
    assessing.refresh(tenant, row.expires_at)
    found = finding(tenant, "MP-13")
    assert (found.subject, found.severity) == (row.name, "medium")
    assert "It held until 23 Feb 2027." in found.sentence
    assert finding(tenant).accepted_until == row.expires_at
    reading.record(tenant, wide(), row.expires_at + timedelta(hours=1))
    assessing.refresh(tenant, row.expires_at + timedelta(hours=2))
    assert not tenant.findings.filter(rule="MP-13", closed_at=None).exists()


def test_a_renewal_takes_over_when_it_is_approved_and_not_before(
    tenant: models.Tenant, alex: User, robin: User
) -> None:
    first = approved(tenant, alex, robin)
    second = ask(tenant, robin, last_day=LAST + timedelta(days=90))
    assert second.renews == first
    assert finding(tenant).exception == first
    # What is to come is no exception yet, and nothing is wrong with the one that holds.
    assert not tenant.findings.filter(rule="MP-13", closed_at=None).exists()
    exceptions.approve(second, "Until the move.", NOW, user=alex)
    first.refresh_from_db()
    assert (first.state, first.ended_why) == ("renewed", f"Renewed by {second.name}.")
    assert finding(tenant).exception == second


def test_a_review_says_who_looked_and_when_it_is_due_again(
    tenant: models.Tenant, alex: User, robin: User
) -> None:
    row, following = approved(tenant, alex, robin), NOW.date() + timedelta(days=60)
    found = exceptions.review(row, following, "Still needed.", NOW, user=alex)
    assert (found.reviewed_by, found.reviewed_at, found.review_on) == ("alex", NOW, following)
    assert models.AuditEvent.objects.get(action="reviewed exception").detail["note"]
    exceptions.withdraw(row, "Gone.", NOW, user=alex)
    with pytest.raises(NotDoneError, match="in force"):
        exceptions.review(row, following, "", NOW, user=alex)


def test_two_in_force_for_one_finding_cannot_be_kept(
    tenant: models.Tenant, alex: User, robin: User
) -> None:
    row = approved(tenant, alex, robin)
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_people_who_are_removed_leave_their_names(
    tenant: models.Tenant, alex: User, robin: User
) -> None:
    row = approved(tenant, alex, robin)
    alex.delete()
    row.refresh_from_db()
    assert (row.asker, row.asked_by, row.decided_by) == (None, "alex", "robin")
