"""The main job in one process, against the lab: real msal, HTTPS, DNS, SMTP with STARTTLS."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from mailposture import models
from mailposture.adapters.vantage_file import places
from mailposture.services import enrolling, seeding, ticking
from tests.factories import NOW
from tests.labs import Lab

pytestmark = pytest.mark.django_db


class Watch:
    """The product in one process, watching some tenants, and a clock that is set by hand."""

    def __init__(self, facts: dict[str, Any], *only: str) -> None:
        self.now = NOW
        tenants = [t for t in facts["tenants"] if t["slug"] in only]
        seeding.seed_lab({**facts, "tenants": tenants}, self.now)
        folder = settings.DATA_DIR / "vantage"
        self.places = {s: p for f in folder.glob("*.toml") for s, p in places(f).items()}
        self.tick()

    def tick(self) -> ticking.Ticked:
        """Do what is due at this time."""
        return ticking.tick(lambda: self.now, self.places)

    def later(self, **span: float) -> ticking.Ticked:
        """Let time pass, with everything due at its end."""
        self.now += timedelta(**span)
        models.Tenant.objects.update(fetch_due_at=self.now, probe_due_at=self.now)
        return self.tick()


@pytest.fixture
def watch(lab: Lab) -> Watch:
    """The lab's first stories under watch, after the first look; test_stories has the others."""
    return Watch(lab.facts, "contoso", "fabrikam", "tailspin", "proseware")


def tenant(slug: str) -> models.Tenant:
    return models.Tenant.objects.get(slug=slug)


def strangers(slug: str) -> set[str]:
    """The verdicts of all strangers' paths of a tenant."""
    paths = tenant(slug).paths.filter(vantage_point__plays="stranger")
    return set(paths.values_list("verdict", flat=True))


@pytest.mark.parametrize(
    ("slug", "state", "approved"),
    [
        ("contoso", "open", {"gets_in": 2}),
        ("fabrikam", "closed", {"gets_in": 2}),
        ("tailspin", "open", {"gets_in": 1}),
        ("proseware", "unknown", {}),
    ],
)
def test_the_first_look_tells_each_story(
    watch: Watch, slug: str, state: str, approved: dict[str, int]
) -> None:
    found = tenant(slug)
    assert found.state == state
    assert found.standing.get("approved", {}) == approved


def test_the_proof_is_the_conversation(watch: Watch, lab: Lab) -> None:
    path = tenant("contoso").paths.get(
        domain="contoso.com", sender_class="foreign", vantage_point__slug="stranger"
    )
    seen = path.current
    assert seen is not None
    assert (seen.verdict, seen.code, seen.front_ends) == ("open", "250 2.1.5", 2)
    assert seen.source == lab.facts["stranger"]
    said = [text for _, who, text in seen.tries[0]["transcript"]["lines"] if who == "C"]
    assert any("RCPT TO:<postmaster@contoso.com>" in text for text in said)
    assert seen.tries[0]["transcript"]["tls"]["version"] == "TLSv1.3"


def test_a_refusal_names_the_connector(watch: Watch) -> None:
    seen = tenant("fabrikam").paths.filter(vantage_point__slug="stranger")[0].current
    assert seen is not None
    assert seen.control == "inbound connector"
    assert seen.code == "550 5.7.51"


def test_what_cannot_be_read_is_said_and_is_not_none(watch: Watch) -> None:
    snapshot = tenant("proseware").snapshots.get()
    assert snapshot.configuration.inbound_connectors is None
    statuses = {p.name: p.status for p in snapshot.configuration.parts}
    assert statuses["inbound_connectors"] == "forbidden"
    assert not tenant("proseware").paths.exists()


def test_a_door_that_closes_ends_its_window_and_explains_the_change(watch: Watch, lab: Lab) -> None:
    opened = watch.now
    watch.later(seconds=30)
    last_open = watch.now
    assert "contoso" in str(lab.scene("lock", "contoso")).lower()
    watch.later(seconds=30)
    closed = watch.now
    assert tenant("contoso").state == "closed"
    assert strangers("contoso") == {"closed"}
    windows = tenant("contoso").windows.all()
    assert len(windows) == tenant("contoso").paths.filter(vantage_point__slug="stranger").count()
    for window in windows:
        assert window.last_closed_at is None
        assert window.first_open_at == opened
        assert window.last_open_at == last_open
        assert window.first_closed_at == closed
    changes = tenant("contoso").changes.all()
    assert {c.effect for c in changes} >= {"closes"}
    assert any("Lock to gateway" in c.sentence for c in changes)
    assert tenant("contoso").standing["approved"] == {"gets_in": 2}


def test_a_door_that_opens_starts_a_window_with_its_last_closed(watch: Watch, lab: Lab) -> None:
    closed = watch.now
    lab.scene("unlock", "fabrikam")
    watch.later(seconds=30)
    window = tenant("fabrikam").windows.filter(path__sender_class="null")[0]
    assert window.last_closed_at == closed
    assert window.first_open_at == watch.now
    assert window.first_closed_at is None
    change = tenant("fabrikam").changes.get()
    assert change.effect == "opens"
    assert change.field == "Enabled"
    assert (change.was, change.now) == ("True", "False")


def test_widening_tells_the_addresses_and_opens_nothing_to_the_stranger(
    watch: Watch, lab: Lab
) -> None:
    lab.scene("widen", "fabrikam")
    watch.later(seconds=30)
    change = tenant("fabrikam").changes.get()
    assert change.field == "SenderIPAddresses"
    assert "addresses" in change.sentence
    assert change.effect == "pending"
    watch.later(minutes=70)
    change.refresh_from_db()
    assert change.effect == "neutral"


def test_a_wire_that_contradicts_the_configuration_is_seen_as_it_answers(
    watch: Watch, lab: Lab
) -> None:
    lab.scene("contradict", "fabrikam")
    watch.later(seconds=30)
    assert tenant("fabrikam").state == "open"
    assert not tenant("fabrikam").changes.exists()


def counts() -> dict[str, int]:
    kinds: list[type] = [
        models.Snapshot, models.Change, models.Observation, models.ExposureWindow,
        models.Path, models.Coverage, models.Endpoint,
    ]  # fmt: skip
    return {kind.__name__: kind.objects.count() for kind in kinds}  # type: ignore[attr-defined]


def test_looking_again_at_what_did_not_change_stores_nothing_new(watch: Watch) -> None:
    before = counts()
    watch.later(seconds=30)
    watch.later(seconds=30)
    assert counts() == before
    assert {c.runs for c in models.Coverage.objects.all()} == {3}
    assert {c.until for c in models.Coverage.objects.all()} == {watch.now}


def test_a_late_look_is_a_gap_in_what_was_seen(watch: Watch) -> None:
    watch.later(hours=1)
    rows = models.Coverage.objects.filter(tenant__slug="contoso", vantage_point__slug="stranger")
    assert [(c.since, c.until) for c in rows] == [(NOW, NOW), (watch.now, watch.now)]


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("silent", "no-answer"),
        ("reset", "no-answer"),
        ("reputation", "reputation"),
        ("throttle", "throttled"),
    ],
)
def test_a_faulty_front_end_is_unknown_with_its_reason_and_moves_no_window(
    watch: Watch, lab: Lab, settings: object, fault: str, cause: str
) -> None:
    settings.LEASE = timedelta(seconds=8)  # type: ignore[attr-defined]
    lab.fault(tenant="contoso", fault=fault)
    watch.later(seconds=30)
    paths = tenant("contoso").paths.filter(vantage_point__slug="stranger")
    # A server that asks for less is asked no further: the rest waits, and stands as it stood.
    asked = [path for path in paths if not path.put_off]
    assert {path.verdict for path in asked} == {"unknown"}
    assert (len(asked) < len(paths)) is (cause == "throttled")
    path = asked[0]
    assert path.current is not None
    assert path.current.cause == cause
    assert path.current.reason
    assert tenant("contoso").windows.filter(first_closed_at=None).count() == 9


def test_one_front_end_alone_decides_nothing(watch: Watch, lab: Lab, settings: object) -> None:
    settings.LEASE = timedelta(seconds=8)  # type: ignore[attr-defined]
    front = lab.tenant("contoso")["front_ends"][0]
    lab.fault(tenant="contoso", fault="silent", front_end=front)
    watch.later(seconds=30)
    path = tenant("contoso").paths.filter(vantage_point__slug="stranger")[0]
    assert path.current is not None
    assert (path.verdict, path.current.cause) == ("unknown", "one-front-end")


def test_a_refused_sign_in_says_since_when_and_keeps_what_was_known(watch: Watch) -> None:
    wrong = enrolling.NewCredential(
        client_id=tenant("fabrikam").credential.client_id, secret="not-the-secret"
    )
    enrolling.keep_credential(tenant("fabrikam"), wrong, watch.now)
    watch.later(seconds=30)
    since = tenant("fabrikam").fetch_failing_since
    assert since == watch.now
    watch.later(seconds=30)
    found = tenant("fabrikam")
    assert found.fetch_failing_since == since
    assert "secret" in found.fetch_error
    assert found.snapshots.count() == 1
    assert found.state == "closed"


def test_a_part_that_is_refused_for_a_while_is_unknown_and_never_a_change(
    watch: Watch, lab: Lab
) -> None:
    lab.fault(tenant="fabrikam", on="api", fault="403", cmdlet="Get-InboundConnector")
    watch.later(seconds=30)
    latest = tenant("fabrikam").snapshots.last()
    assert latest is not None
    assert latest.configuration.inbound_connectors is None
    assert not tenant("fabrikam").changes.exists()
    lab.fault(tenant="fabrikam", on="api", fault="none")
    watch.later(seconds=30)
    assert not tenant("fabrikam").changes.exists()


def test_a_change_made_while_nobody_could_read_is_found_afterwards(watch: Watch, lab: Lab) -> None:
    lab.fault(tenant="fabrikam", on="api", fault="403", cmdlet="Get-InboundConnector")
    watch.later(seconds=30)
    lab.scene("unlock", "fabrikam")
    watch.later(seconds=30)
    lab.fault(tenant="fabrikam", on="api", fault="none")
    watch.later(seconds=30)
    assert [c.field for c in tenant("fabrikam").changes.all()] == ["Enabled"]
    assert tenant("fabrikam").state == "open"
