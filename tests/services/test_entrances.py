"""Endpoints keep what proves that they are some; one that leads elsewhere, or whose name is
missing, stands back.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest

from mailposture import models
from mailposture.adapters.dns import Endpoint
from mailposture.core.smtp.reply import parse
from mailposture.core.smtp.transcript import TlsFacts, Transcript
from mailposture.core.verdict import Trust, entrance
from mailposture.services import clouds, paths, reading, secrets
from tests import factories as make
from tests.factories import NOW
from tests.services.results import BANNER, BUSY, CLOSED, HELLO, TAKEN
from tests.services.rounds import look

pytestmark = pytest.mark.django_db

ELSEWHERE = b"451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35.\r\n"
DASH = "contoso-com.mail.protection.outlook.com"
SIGNED = "contoso-com.e-v1.mx.microsoft"
INITIAL = "contoso.mail.protection.outlook.com"


@pytest.fixture
def tenant(settings: Any) -> models.Tenant:
    """A tenant with one domain, a stranger, and two endpoints: its own and its sibling's."""
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.contoso.com"
    found = make.tenant(probe_due_at=NOW, probe_every=3600)
    make.snapshot(found, make.configuration(), make.ago(days=1))
    make.stranger()
    for domain, host in (("contoso.com", DASH), ("contoso.onmicrosoft.com", INITIAL)):
        found.endpoints.create(
            domain=domain, host=host, found_by="dash", addresses=["192.0.2.20"], first_seen_at=NOW
        )
    return found


def dash(of: models.Tenant) -> models.Endpoint:
    return of.endpoints.get(host=DASH)


def asked_first(of: models.Tenant, now: datetime = NOW) -> list[str]:
    (found,) = paths.ensure(of, now).values()
    return list(found[0]["endpoints"])


def after(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def test_an_answer_of_any_kind_proves_the_entrance(tenant: models.Tenant) -> None:
    look(NOW, BUSY)
    assert dash(tenant).proved_at == NOW
    assert dash(tenant).proof == {
        "banner": "ams0epf0000019a.mail.protection.outlook.com",
        "hello": "198.51.100.7",
        "certificate": "mail.protection.outlook.com",
    }
    assert tenant.endpoints.get(host=INITIAL).proved_at is None


def test_what_is_proved_all_the_time_is_noted_once_an_hour(tenant: models.Tenant) -> None:
    look(NOW, TAKEN)
    look(after(59), TAKEN)
    assert dash(tenant).proved_at == NOW
    look(after(60), CLOSED)
    assert dash(tenant).proved_at == after(60)


def test_another_region_is_no_verdict_and_the_next_entrance_is_asked(tenant: models.Tenant) -> None:
    assert asked_first(tenant) == [DASH, INITIAL]
    look(NOW, ELSEWHERE)
    path = tenant.paths.select_related("current").first()
    assert path
    assert path.current
    assert (path.verdict, path.current.cause) == ("unknown", "wrong-entrance")
    assert dash(tenant).elsewhere_at == NOW
    assert asked_first(tenant) == [INITIAL, DASH]


def test_where_all_lead_elsewhere_each_has_its_turn(tenant: models.Tenant) -> None:
    tenant.endpoints.filter(host=DASH).update(elsewhere_at=after(60))
    tenant.endpoints.filter(host=INITIAL).update(elsewhere_at=NOW)
    assert asked_first(tenant) == [INITIAL, DASH]
    tenant.endpoints.filter(host=INITIAL).update(elsewhere_at=after(120))
    assert asked_first(tenant) == [DASH, INITIAL]


def test_an_entrance_that_decides_serves_the_tenant_again(tenant: models.Tenant) -> None:
    tenant.endpoints.update(elsewhere_at=make.ago(hours=6))
    look(NOW, CLOSED)
    assert dash(tenant).elsewhere_at is None
    assert tenant.endpoints.get(host=INITIAL).elsewhere_at is not None


def test_a_missing_name_proves_nothing_of_a_host_that_was_proved(tenant: models.Tenant) -> None:
    look(NOW, TAKEN)
    tenant.endpoints.create(domain="contoso.com", host=SIGNED, found_by="dnssec", first_seen_at=NOW)
    keep(tenant, after(5))
    assert dash(tenant).missing_since == after(5)
    assert not tenant.endpoints.filter(host=SIGNED).exists()
    assert asked_first(tenant) == [INITIAL, DASH]
    keep(tenant, after(10))
    assert dash(tenant).missing_since == after(5)
    keep(tenant, after(15), DASH)
    assert dash(tenant).missing_since is None
    assert asked_first(tenant) == [DASH, INITIAL]


def keep(of: models.Tenant, at: datetime, *hosts: str) -> None:
    """A reading at which DNS names these hosts for contoso.com."""
    found = tuple(Endpoint(host=h, addresses=("192.0.2.20",), found_by="dash") for h in hosts)
    seen = make.configuration()
    facts = (seen.domain_facts or ())[0]
    reading._keep_endpoints(
        of,
        {"contoso.com": reading._Doors(facts, found)},
        at,
    )


# ---- what is a proof ---------------------------------------------------------------------

VERIFIED = TlsFacts(
    version="TLSv1.3", cipher="X", names=("mail.protection.outlook.com",), verified=True
)
UNVERIFIED = TlsFacts(version="TLSv1.3", cipher="X", names=("mail.protection.outlook.com",))
MASKED = b"220 ****************************************\r\n"
OTHERS = b"220 mx.example.com ESMTP Postfix\r\n"
SILENT = b"250 mx.example.com\r\n"


@pytest.mark.parametrize(
    ("banner", "hello", "tls", "proved"),
    [
        (BANNER, HELLO, VERIFIED, True),
        (BANNER, HELLO, UNVERIFIED, False),
        (BANNER, HELLO, None, False),
        (MASKED, HELLO, VERIFIED, False),
        (OTHERS, HELLO, VERIFIED, False),
        (BANNER, SILENT, VERIFIED, False),
    ],
)
def test_banner_hello_and_certificate_together_prove_an_entrance(
    banner: bytes, hello: bytes, tls: TlsFacts | None, *, proved: bool
) -> None:
    said = Transcript(
        address="192.0.2.20",
        port=25,
        replies=(parse(banner, "connect", 0.0), parse(hello, "ehlo", 1.0)),
        tls=tls,
        hello_ip="198.51.100.7",
    )
    assert (entrance(said, Trust()) is not None) is proved
    # To take any server's word is no reason to call it Exchange Online.
    assert (entrance(said, Trust(any_server=True)) is not None) is proved


# ---- what Exchange Online expects --------------------------------------------------------


class Addresses:
    """A resolver that knows one host."""

    def addresses(self, host: str) -> list[str]:
        return ["192.0.2.30"] if host == SIGNED else []


@pytest.mark.parametrize(
    ("named", "found"), [(SIGNED, [("expected", SIGNED)]), (INITIAL, []), (None, [])]
)
def test_where_dns_shows_no_entrance_exchange_online_is_asked(
    tenant: models.Tenant, monkeypatch: pytest.MonkeyPatch, named: str | None, found: list[Any]
) -> None:
    def expected_mx(_cloud: Any, _credential: Any, domains: list[str]) -> dict[str, str]:
        # Only those are asked about for which DNS answered, and showed none.
        assert domains == ["contoso.com"]
        return {"contoso.com": named} if named else {}

    monkeypatch.setattr(reading, "expected_mx", expected_mx)
    monkeypatch.setattr(secrets, "credential_of", lambda _tenant: None)
    monkeypatch.setattr(clouds, "resolver", lambda _cloud: Addresses())
    (facts,) = make.configuration().domain_facts or ()
    known = Endpoint(host=DASH, addresses=("192.0.2.20",), found_by="dash")
    doors = reading._with_expected(
        tenant,
        {
            "contoso.com": reading._Doors(facts, ()),
            "contoso.net": reading._Doors(facts, (known,)),
            "contoso.org": reading._Doors(facts, (), "contoso.org: no answer in time"),
        },
    )
    assert [(e.found_by, e.host) for e in doors["contoso.com"].endpoints] == found
    assert doors["contoso.net"].endpoints == (known,)
