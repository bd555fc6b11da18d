"""What a vantage point says of its certificate is kept, judged and predicted with."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from mailposture import models
from mailposture.core.configuration import ConnectorType, InboundConnector
from mailposture.core.work import HelloBack
from mailposture.services import assessing, predicting, vantage_points
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _identity(settings: Any) -> None:
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.fabrikam.com"


def hybrid(name: str = "mail.contoso.com") -> InboundConnector:
    return make.lock(
        guid="060cbf21-909a-5258-8ecd-5ed361254516",
        name="Inbound from hybrid",
        connector_type=ConnectorType.ON_PREMISES,
        sender_ip_addresses=(),
        restrict_domains_to_ip_addresses=False,
        require_tls=True,
        tls_sender_certificate_name=name,
    )


def certificate(**other: Any) -> dict[str, Any]:
    given = {
        "common_name": "mail.contoso.com",
        "names": ["mail.contoso.com"],
        "issuer": "Tailspin Trust",
        "not_after": (NOW + timedelta(days=90)).isoformat(),
        "client_auth": True,
    }
    return given | other


def hears(place: models.VantagePoint, said: object) -> None:
    place.hello_nonce = "0a"
    place.save()
    # Signed by the place, and still foreign: whatever JSON can hold may stand there.
    word: Any = said
    back = HelloBack(vantage_point=place.slug, nonce="0a", version="1", clock=NOW, certificate=word)
    assert vantage_points.hear(back, NOW)
    place.refresh_from_db()


@pytest.fixture
def server() -> models.VantagePoint:
    """The hybrid server of a locked tenant, played by a vantage point with its certificate."""
    tenant = make.tenant("contoso")
    make.snapshot(tenant, make.configuration(make.lock(), hybrid()), make.ago(days=2))
    place = make.source(tenant, "hybrid", "198.51.100.25").vantage_point
    assert place is not None
    place.certificate_name = "mail.contoso.com"
    place.save()
    make.paths(tenant, place, classes=["own"])
    return place


def believed(place: models.VantagePoint) -> tuple[str, str, list[str]]:
    predicting.refresh(models.Tenant.objects.get(), NOW)
    path = models.Path.objects.get(vantage_point=place)
    return path.predicted, path.predicted_by, path.leans_on


def test_the_server_is_predicted_by_the_names_that_it_really_shows(
    server: models.VantagePoint,
) -> None:
    hears(server, certificate())
    assert believed(server)[:2] == ("open", "Inbound from hybrid")
    hears(server, certificate(common_name="new.contoso.net", names=["new.contoso.net"]))
    assert believed(server)[:2] == ("closed", "Lock to gateway")


def test_a_certificate_without_the_usage_is_not_predicted(server: models.VantagePoint) -> None:
    hears(server, certificate(client_auth=False))
    state, _by, leans = believed(server)
    assert state == "unknown"
    assert "client_auth_usage" in leans


def test_a_certificate_that_ends_soon_is_a_finding(server: models.VantagePoint) -> None:
    hears(server, certificate(not_after=(NOW + timedelta(days=5)).isoformat()))
    tenant = models.Tenant.objects.get()
    assessing.refresh(tenant, NOW)
    assert tenant.findings.filter(rule="MP-53", closed_at=None).exists()


def test_one_of_a_private_authority_is_a_finding_and_cuts_nobody_off(
    server: models.VantagePoint,
) -> None:
    tenant = models.Tenant.objects.get()
    hears(server, certificate(untrusted="unable to get local issuer certificate"))
    assessing.refresh(tenant, NOW)
    found = tenant.findings.get(rule="MP-55", closed_at=None)
    assert "leads to no public authority" in found.sentence
    assert models.Path.objects.get(vantage_point=server).verdict == "unknown"
    hears(server, certificate(untrusted=""))
    assessing.refresh(tenant, NOW)
    assert not tenant.findings.filter(rule="MP-55", closed_at=None).exists()


@pytest.mark.parametrize(
    "said",
    [
        None,
        {"not_before": "2026-02-31T00:00:00+00:00", "above": "x", "untrusted": 7},
        {"above": ["n" * 5000] * 500, "untrusted": "n" * 5000, "fingerprint_sha256": ["a"]},
        "text",
        [],
        {"names": "x", "not_after": "never", "client_auth": "yes"},
        {"names": [1, None, "a" * 5000], "issuer": {"a": 1}, "not_after": 3},
        {"names": ["n"] * 5000, "common_name": None},
    ],
)
def test_what_a_vantage_point_says_is_held_to_kinds_and_lengths(
    server: models.VantagePoint, said: object
) -> None:
    hears(server, said)
    kept = server.facts["certificate"]
    assert kept is None or (
        len(kept["names"]) <= 100
        and all(len(name) <= 253 for name in (*kept["names"], kept["common_name"], kept["issuer"]))
        and len(kept["above"]) <= 10
        and all(len(name) <= 253 for name in kept["above"])
        and len(kept["untrusted"] or "") <= 200
        and len(kept["fingerprint_sha256"]) <= 64
        and kept["client_auth"] in (True, False, None)
    )
    seen = vantage_points.certificate_of(server)
    assert seen is None or seen.not_after is None or isinstance(seen.not_after, datetime)
    predicting.refresh(models.Tenant.objects.get(), NOW)
