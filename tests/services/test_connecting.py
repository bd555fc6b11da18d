"""Connecting a tenant: nothing is done to it before its step, and what each step sets going."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from mailposture import models
from mailposture.services import (
    blindness,
    credentials,
    enrolling,
    fetches,
    planning,
    reading,
    secrets,
)
from mailposture.services.pages import beginning, blind, firstrun, fleet
from mailposture.services.pages import begun as connecting
from tests import factories
from tests.factories import NOW
from tests.web.setup_rows import APP, acts, credential

pytestmark = pytest.mark.django_db
TENANT = uuid.UUID("0b6f0d8e-55a7-4b0f-9f0a-6f1f3f2f1a10")


def begun() -> models.Tenant:
    return enrolling.begin("Litware", TENANT, "worldwide", NOW)


def fresh(tenant: models.Tenant) -> models.Tenant:
    return models.Tenant.objects.get(pk=tenant.pk)


def given() -> enrolling.NewCredential:
    return credentials.from_secret(uuid.UUID(APP), "a-secret")


def read_once(tenant: models.Tenant) -> reading.Read:
    """One reading that found two domains, as the reader saves it."""
    tenant = fresh(tenant)
    ((pk, attempt),) = fetches.claim(NOW)
    assert pk == tenant.pk
    seen = factories.configuration(factories.lock(), domains=("litware.com", "litware.net"))
    saved = reading._save(fresh(tenant), attempt, reading._Seen(seen, ()), {}, NOW)
    assert saved is not None
    return saved


# ---- nothing before its step ---------------------------------------------------------------------


def test_a_tenant_that_is_being_connected_is_neither_read_nor_probed() -> None:
    tenant = begun()
    enrolling.keep_credential(tenant, given(), NOW)
    later = NOW + timedelta(days=3)
    planning.schedule_rounds(later)
    assert fetches.claim(later) == []
    assert not models.Round.objects.exists()
    assert fresh(tenant).setup_step == enrolling.PERMISSIONS


def test_it_is_read_once_both_halves_are_granted_and_still_not_probed() -> None:
    factories.stranger()
    tenant = begun()
    enrolling.keep_credential(tenant, given(), NOW)
    enrolling.read_first(fresh(tenant), NOW)
    assert read_once(tenant).first
    planning.plan_rounds(NOW)
    planning.schedule_rounds(NOW + timedelta(days=1))
    planning.plan_rounds(NOW + timedelta(days=1))
    assert not models.Shard.objects.exists()
    assert not models.Path.objects.exists()
    assert firstrun.at(fresh(tenant)) == enrolling.SOURCES


def test_another_credential_is_used_at_once_only_where_reading_has_begun() -> None:
    tenant = begun()
    enrolling.keep_credential(tenant, given(), NOW)
    assert fresh(tenant).fetch_due_at is None
    enrolling.read_first(fresh(tenant), NOW)
    read_once(tenant)
    later = NOW + timedelta(minutes=1)
    enrolling.keep_credential(fresh(tenant), given(), later)
    assert fresh(tenant).fetch_due_at == later


def test_the_last_step_looks_once_whatever_was_asked_for_before(settings: Any) -> None:
    settings.EHLO_NAME, settings.SENDER_DOMAIN = "probe.example.org", "example.org"
    factories.stranger()
    tenant = begun()
    enrolling.keep_credential(tenant, given(), NOW)
    enrolling.read_first(fresh(tenant), NOW)
    read_once(tenant)
    enrolling.reach(tenant, enrolling.PROBE)
    assert tenant.rounds.count() == 1
    later = NOW + timedelta(hours=2)
    look = enrolling.probe_first(fresh(tenant), later)
    assert list(tenant.rounds.values_list("pk", "due_at")) == [(look.pk, later)]
    done = fresh(tenant)
    assert done.setup_step is None
    assert done.probe_due_at == later + timedelta(seconds=done.probe_every)
    planning.plan_rounds(later)
    assert tenant.paths.count() == 6
    assert acts()[-1][1:] == ("connected tenant", "litware")


def test_pressing_twice_looks_once_and_says_so_once() -> None:
    tenant = begun()
    enrolling.reach(tenant, enrolling.PROBE)
    first = enrolling.probe_first(tenant, NOW)
    again = enrolling.probe_first(tenant, NOW)
    assert first == again
    assert [action for _, action, _ in acts()].count("connected tenant") == 1


def test_the_last_step_is_not_taken_before_the_others() -> None:
    tenant = begun()
    enrolling.probe_first(tenant, NOW)
    assert fresh(tenant).setup_step == enrolling.APP


def test_steps_are_reached_and_never_lost() -> None:
    tenant = begun()
    enrolling.reach(tenant, enrolling.MAIL)
    enrolling.reach(tenant, enrolling.PERMISSIONS)
    assert tenant.setup_step == enrolling.MAIL
    watched = factories.tenant()
    enrolling.reach(watched, enrolling.MAIL)
    assert watched.setup_step is None


def test_a_tenant_left_half_connected_blinds_nobody() -> None:
    tenant = begun()
    credential(tenant)
    later = NOW + timedelta(days=9)
    models.Awake.objects.create(since=NOW, until=later)
    blindness.assess(later)
    assert not models.Incident.objects.filter(tenant=tenant).exists()


def test_the_command_line_and_the_lab_watch_at_once_as_before() -> None:
    tenant = enrolling.enrol("Litware", TENANT, "worldwide", NOW)
    assert (tenant.fetch_due_at, tenant.probe_due_at, tenant.setup_step) == (NOW, NOW, None)


# ---- correcting the first step -------------------------------------------------------------------


def test_a_directory_may_be_corrected_until_it_was_read() -> None:
    tenant, other = begun(), uuid.uuid4()
    named = enrolling.Named(name="Litware Ltd", tenant_id=other, cloud="dod")
    enrolling.correct(tenant, named, NOW)
    changed = fresh(tenant)
    assert (changed.name, changed.tenant_id, changed.cloud) == ("Litware Ltd", other, "dod")
    enrolling.read_first(changed, NOW)
    again = enrolling.Named(name="Litware", tenant_id=TENANT, cloud="worldwide")
    enrolling.correct(fresh(tenant), again, NOW)
    kept = fresh(tenant)
    assert (kept.name, kept.tenant_id, kept.cloud) == ("Litware", other, "dod")
    assert [action for _, action, _ in acts()] == [
        "added tenant",
        "changed tenant",
        "changed tenant",
    ]


# ---- a certificate made here ---------------------------------------------------------------------


def test_a_certificate_made_here_is_its_own_pair_for_two_years() -> None:
    made = credentials.made_here(uuid.UUID(APP), NOW)
    leaf = x509.load_pem_x509_certificate((made.certificate or "").encode())
    key = leaf.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 2048
    assert leaf.issuer == leaf.subject
    leaf.verify_directly_issued_by(leaf)
    assert leaf.not_valid_after_utc == NOW + timedelta(days=730)
    assert leaf.not_valid_before_utc < NOW
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert made.expires_at == leaf.not_valid_after_utc
    again = credentials.from_certificate(
        uuid.UUID(APP), f"{made.private_key}{made.certificate}".encode(), None
    )
    assert again.thumbprint == made.thumbprint


def test_no_two_made_certificates_share_a_key() -> None:
    one, other = (credentials.made_here(uuid.UUID(APP), NOW) for _ in range(2))
    assert one.private_key != other.private_key
    assert one.thumbprint != other.thumbprint


def test_the_key_is_sealed_and_the_public_part_is_kept_beside_it() -> None:
    tenant = begun()
    made = credentials.made_here(uuid.UUID(APP), NOW)
    enrolling.keep_credential(tenant, made, NOW)
    row = models.Credential.objects.get()
    assert row.made_here
    assert row.public_pem == made.certificate
    assert "PRIVATE" not in row.public_pem + row.sealed
    opened = secrets.credential_of(fresh(tenant)).certificate
    assert opened is not None
    assert opened.private_key == made.private_key
    enrolling.keep_credential(tenant, given(), NOW)
    row = models.Credential.objects.get()
    assert (row.public_pem, row.made_here) == ("", False)


# ---- what comes next -----------------------------------------------------------------------------


def test_a_new_installation_is_told_what_it_lacks_and_led_back_to_what_was_begun() -> None:
    def step() -> beginning.Step:
        return steps()[0]

    def steps() -> tuple[beginning.Step, ...]:
        return beginning.steps(fleet.count(NOW), blind.places(NOW), connecting.first())

    assert (step().done, step().do, step().href) == (False, "Add a tenant", "/tenants/add/")
    tenant = begun()
    assert (step().done, step().do) == (False, "Go on")
    assert (step().says, step().href) == (
        "Litware is being connected: step 2 of 7.",
        "/tenants/litware/connect/",
    )
    models.Tenant.objects.filter(pk=tenant.pk).update(setup_step=None)
    assert (step().done, step().says) == (True, "1 tenant is watched.")
    factories.stranger()
    assert steps() == ()


def test_a_stranger_that_fell_silent_is_not_heard() -> None:
    factories.stranger()
    assert firstrun.heard(NOW)
    assert not firstrun.heard(NOW + timedelta(minutes=5))
    models.VantagePoint.objects.update(enabled=False)
    assert not firstrun.heard(NOW)
