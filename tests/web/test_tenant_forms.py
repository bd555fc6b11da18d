"""Setting up a tenant: who may, what is refused in words, what is kept, and what never shows."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from mailposture import models
from mailposture.core.configuration import PartStatus
from mailposture.services import checking, secrets
from mailposture.services.checking import Checked
from tests import factories
from tests.factories import NOW, ago
from tests.web.setup_rows import APP, EVIL, MISSING, acts, credential, found, read, staff, viewer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_now")]
PAGES = ("edit", "credential", "check", "recipients")
TENANT = "0b6f0d8e-55a7-4b0f-9f0a-6f1f3f2f1a10"
SECRET = "h8Q~a-secret-of-the-app"


@pytest.fixture
def fixed_now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(key: rsa.RSAPrivateKey, days: int = 300) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mailposture")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(7)
    return (
        builder.public_key(key.public_key())
        .not_valid_before(NOW - timedelta(days=400))
        .not_valid_after(NOW + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )


def pem(key: rsa.RSAPrivateKey, days: int = 300) -> str:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return (private + certificate(key, days).public_bytes(Encoding.PEM)).decode()


# ---- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_only_operators_set_a_tenant_up(client: Client, page: str) -> None:
    factories.tenant()
    address = f"/tenants/contoso/{page}/"
    assert client.get(address).headers["Location"].startswith("/signin/")
    assert viewer().get(address).status_code == 404
    assert viewer().post(address, {"confirm": "contoso"}).status_code == 404
    assert staff().get(address).status_code == 200
    assert models.Tenant.objects.exists()


def test_only_operators_add_a_tenant(client: Client) -> None:
    assert client.get("/tenants/add/").headers["Location"].startswith("/signin/")
    assert viewer().get("/tenants/add/").status_code == 404
    assert (
        "<title>Connect a tenant, step 1 - Mailposture</title>"
        in staff().get("/tenants/add/").content.decode()
    )


# ---- adding and changing -------------------------------------------------------------------------


def test_a_tenant_is_added_and_asked_for_its_app_before_anything_is_asked_of_it() -> None:
    given = {"name": "Litware", "tenant_id": TENANT.upper(), "cloud": "gcc-high"}
    answer = staff().post("/tenants/add/", given, follow=True)
    assert answer.redirect_chain == [("/tenants/litware/connect/app/", 302)]
    tenant = models.Tenant.objects.get()
    assert (str(tenant.tenant_id), tenant.cloud) == (TENANT, "gcc-high")
    assert (tenant.fetch_due_at, tenant.probe_due_at, tenant.setup_step) == (None, None, 2)
    assert acts() == [("staff", "added tenant", "litware")]


def test_a_pace_set_while_connecting_starts_nothing() -> None:
    factories.tenant(setup_step=3, fetch_due_at=None, probe_due_at=None)
    given = {"name": "contoso", "fetch_every": "5 min", "probe_every": "1 h"}
    page = staff().post("/tenants/contoso/edit/", given, follow=True).content.decode()
    assert "contoso is being connected" in page
    tenant = models.Tenant.objects.get()
    assert tenant.fetch_every == 300
    assert (tenant.fetch_due_at, tenant.probe_due_at) == (None, None)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"tenant_id": "litware"}, "Give the GUID"),
        ({"cloud": "moon"}, "valid choice"),
        ({"cloud": "lab"}, "valid choice"),
        ({"name": ""}, "required"),
        ({"name": "Add"}, "taken by a page of the site"),
        ({"name": "x" * 121}, "at most 120"),
        ({"name": "Lit\r\nware"}, "U+000D"),
        ({"name": "Lit\u202eware"}, "U+202E"),
    ],
)
def test_what_is_no_tenant_is_refused_and_stays_in_the_form(
    wrong: dict[str, str], says: str
) -> None:
    given = {"name": "Litware", "tenant_id": TENANT, "cloud": "worldwide", **wrong}
    page = staff().post("/tenants/add/", given).content.decode()
    assert says in page
    assert 'class="control wrong"' in page
    assert not models.Tenant.objects.exists()


def test_a_tenant_is_watched_once_a_cloud() -> None:
    factories.tenant(tenant_id=TENANT)
    given = {"name": "Twice", "tenant_id": TENANT, "cloud": "worldwide"}
    assert "watched already, as contoso" in staff().post("/tenants/add/", given).content.decode()
    staff().post("/tenants/add/", {**given, "cloud": "dod"})
    assert models.Tenant.objects.count() == 2


def test_the_lab_is_a_cloud_only_where_one_runs(settings: Any) -> None:
    settings.LAB = {
        "authority": "https://127.0.0.1:1",
        "api": "https://127.0.0.1:1",
        "smtp_port": 2525,
        "ca": "/nowhere",
    }
    assert '<option value="lab">Lab</option>' in staff().get("/tenants/add/").content.decode()


def test_settings_are_changed_and_leave_a_trace() -> None:
    factories.tenant(fetch_due_at=ago(hours=-3), probe_due_at=ago(hours=-3))
    given = {"name": "Contoso Ltd", "fetch_every": "30min", "probe_every": "1 h", "paused": "on"}
    page = staff().post("/tenants/contoso/edit/", given, follow=True).content.decode()
    assert "The settings are kept." in page
    tenant = models.Tenant.objects.get()
    assert (tenant.name, tenant.fetch_every, tenant.probe_every) == ("Contoso Ltd", 1800, 3600)
    assert tenant.paused_at == NOW
    assert tenant.probe_due_at == NOW + timedelta(hours=1)
    event = models.AuditEvent.objects.get()
    assert event.detail["fetch_every"] == [900, 1800]
    assert 'value="30 min"' in page


def test_a_tenant_that_goes_on_is_looked_at_at_once() -> None:
    factories.tenant(paused_at=ago(days=2), probe_due_at=ago(hours=-5), fetch_due_at=ago(hours=-5))
    given = {"name": "contoso", "fetch_every": "15 min", "probe_every": "6 h"}
    staff().post("/tenants/contoso/edit/", given)
    tenant = models.Tenant.objects.get()
    assert tenant.paused_at is None
    assert (tenant.fetch_due_at, tenant.probe_due_at) == (NOW, NOW)


def test_saving_the_same_is_no_act() -> None:
    factories.tenant()
    given = {"name": "contoso", "fetch_every": "15 min", "probe_every": "6 h"}
    page = staff().post("/tenants/contoso/edit/", given, follow=True).content.decode()
    assert "Nothing was changed." in page
    assert acts() == []


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("fetch_every", "5 s", "Allowed are 1 min to 1 d."),
        ("fetch_every", "2 d", "Allowed are 1 min to 1 d."),
        ("fetch_every", "15", "Give a number and a unit"),
        ("probe_every", "1 min", "Allowed are 15 min to 7 d."),
        ("probe_every", "soon", "Give a number and a unit"),
    ],
)
def test_intervals_have_bounds_that_are_said(field: str, value: str, says: str) -> None:
    factories.tenant()
    given = {"name": "contoso", "fetch_every": "15 min", "probe_every": "6 h", field: value}
    page = staff().post("/tenants/contoso/edit/", given).content.decode()
    assert says in page
    assert f'value="{value}"' in page


def test_the_lab_bears_a_faster_pace() -> None:
    factories.tenant(cloud="lab", fetch_every=15, probe_every=30)
    given = {"name": "contoso", "fetch_every": "10 s", "probe_every": "20 s"}
    staff().post("/tenants/contoso/edit/", given)
    assert models.Tenant.objects.get().fetch_every == 10


def test_a_tenant_is_removed_by_typing_its_name() -> None:
    tenant = factories.tenant("fabrikam")
    factories.paths(tenant, factories.stranger())
    answer = staff().post("/tenants/fabrikam/edit/", {"confirm": "fabrikam"})
    assert answer.headers["Location"] == "/tenants/"
    assert not models.Tenant.objects.exists()
    assert not models.Path.objects.exists()
    assert acts() == [("staff", "removed tenant", "fabrikam")]
    assert models.AuditEvent.objects.get().detail["name"] == "fabrikam"


@pytest.mark.parametrize("typed", ["Fabrikam", "fabrika", "", "fabrikam!"])
def test_another_name_removes_nothing(typed: str) -> None:
    factories.tenant("fabrikam")
    page = staff().post("/tenants/fabrikam/edit/", {"confirm": typed})
    assert page.status_code == 200
    assert models.Tenant.objects.exists()


# ---- the credential ------------------------------------------------------------------------------


def given_secrets(tenant: models.Tenant) -> str:
    return str(secrets.credential_of(tenant).secret)


def test_a_secret_is_sealed_and_never_shown_again(caplog: pytest.LogCaptureFixture) -> None:
    tenant = factories.tenant()
    client = staff()
    given = {"client_id": APP, "secret": SECRET}
    page = client.post("/tenants/contoso/credential/", given, follow=True)
    assert page.redirect_chain == [("/tenants/contoso/check/", 302)]
    assert "It is not shown again." in page.content.decode()
    row = models.Credential.objects.get()
    assert SECRET not in row.sealed
    tenant.refresh_from_db()
    assert given_secrets(tenant) == SECRET
    again = client.get("/tenants/contoso/credential/").content.decode()
    assert APP in again
    kept = str(list(models.AuditEvent.objects.values())) + caplog.text
    assert SECRET not in page.content.decode() + again + kept
    assert tenant.fetch_due_at == NOW


def test_a_pasted_pem_is_kept_with_its_thumbprint_and_end(key: rsa.RSAPrivateKey) -> None:
    factories.tenant()
    given = {"client_id": APP, "pem": pem(key)}
    page = staff().post("/tenants/contoso/credential/", given, follow=True).content.decode()
    sha1 = certificate(key).fingerprint(hashes.SHA1())  # noqa: S303  Entra's name for it
    assert f"Certificate {sha1.hex().upper()} is kept" in page
    assert "It expires on 21 Sep 2027." in page
    assert "PRIVATE KEY" not in models.Credential.objects.get().sealed


def test_a_pfx_is_opened_with_its_passphrase(key: rsa.RSAPrivateKey) -> None:
    tenant = factories.tenant()
    sealed = pkcs12.serialize_key_and_certificates(
        b"x", key, certificate(key), None, BestAvailableEncryption(b"wingtip")
    )
    given = {
        "client_id": APP,
        "passphrase": "wingtip",
        "file": SimpleUploadedFile("app.pfx", sealed),
    }
    answer = staff().post("/tenants/contoso/credential/", given)
    assert answer.status_code == 302
    tenant.refresh_from_db()
    kept = secrets.credential_of(tenant).certificate
    assert kept is not None
    assert kept.private_key.startswith("-----BEGIN PRIVATE KEY-----")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "Give one: a certificate file"),
        ({"secret": SECRET, "pem": "-----BEGIN"}, "Give only one of the three"),
        ({"secret": APP}, "This is the secret&#x27;s ID"),
        ({"pem": "no certificate"}, "This is not a PFX file."),
        ({"client_id": "contoso", "secret": SECRET}, "Give the GUID"),
        ({"file": SimpleUploadedFile("a.pfx", b"x" * 70_000)}, "Larger than 64 KB"),
        ({"file": SimpleUploadedFile("a.pfx", b"x")}, "This is not a PFX file."),
    ],
)
def test_what_is_no_credential_is_refused_in_words(given: dict[str, Any], says: str) -> None:
    factories.tenant()
    page = staff().post("/tenants/contoso/credential/", {"client_id": APP, **given})
    assert says in page.content.decode()
    assert not models.Credential.objects.exists()


def test_a_refused_form_gives_no_secret_back(key: rsa.RSAPrivateKey) -> None:
    factories.tenant()
    given = {"client_id": APP, "secret": SECRET, "pem": pem(key), "passphrase": "wingtip"}
    page = staff().post("/tenants/contoso/credential/", given).content.decode()
    assert "Give only one of the three" in page
    assert SECRET not in page
    assert pem(key)[100:150] not in page
    assert "wingtip" not in page
    assert APP in page


def test_an_expired_certificate_is_refused(key: rsa.RSAPrivateKey) -> None:
    factories.tenant()
    given = {"client_id": APP, "pem": pem(key, days=-1)}
    page = staff().post("/tenants/contoso/credential/", given).content.decode()
    assert "This certificate expired on 24 Nov 2026." in page


def test_a_certificate_is_made_anew_for_the_same_app() -> None:
    tenant = factories.tenant()
    old = credential(tenant)
    client = staff()
    answer = client.post("/tenants/contoso/credential/", {"make": ""}, follow=True)
    assert answer.redirect_chain == [("/tenants/contoso/credential/", 302)]
    row = models.Credential.objects.get()
    assert (str(row.client_id), row.made_here) == (APP, True)
    assert row.thumbprint != old.thumbprint
    page = answer.content.decode()
    assert row.thumbprint in page
    assert 'href="/tenants/contoso/certificate.cer"' in page
    tenant.refresh_from_db()
    assert tenant.fetch_due_at == NOW


def test_nothing_is_made_for_an_app_that_nobody_named() -> None:
    factories.tenant()
    client = staff()
    assert (
        "Make a certificate here" not in client.get("/tenants/contoso/credential/").content.decode()
    )
    client.post("/tenants/contoso/credential/", {"make": ""})
    assert not models.Credential.objects.exists()


@pytest.mark.parametrize(
    ("expires", "says"), [(ago(days=2), "expired"), (ago(days=-9), "is-old"), (None, "Given")]
)
def test_the_end_of_a_certificate_is_told_in_time(expires: Any, says: str) -> None:
    credential(factories.tenant(), expires_at=expires)
    assert says in staff().get("/tenants/contoso/credential/").content.decode()


# ---- the two halves ------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Checked]:
    """What the next checks find; the last one stays."""
    finds = [found(directory=replace(MISSING, says=f"403: {EVIL}", fix="Give the role."))]
    monkeypatch.setattr(checking, "check", lambda *_: finds.pop(0) if len(finds) > 1 else finds[0])
    return finds


def test_checking_shows_what_is_missing_and_stays_for_the_visit(asked: list[Checked]) -> None:
    credential(factories.tenant())
    client = staff()
    page = client.post("/tenants/contoso/check/", follow=True).content.decode()
    assert "<h1>One half is granted, one is missing.</h1>" in page
    assert "Granted" in page
    assert "Missing" in page
    assert "Give the role." in page
    assert APP in page
    assert EVIL not in page
    assert "403: &lt;script&gt;" in page
    assert "One half is granted" in client.get("/tenants/contoso/check/").content.decode()
    assert "Neither half has been checked" in viewer_free(client)
    assert len(asked) == 1


def viewer_free(client: Client) -> str:
    """The same page in a visit that has not checked."""
    client.logout()
    return staff().get("/tenants/contoso/check/").content.decode()


def test_an_open_page_checks_again_and_stops_when_all_is_granted(asked: list[Checked]) -> None:
    asked.append(found())
    credential(factories.tenant())
    client = staff()
    address = "/tenants/contoso/check/"
    first = client.post(address, {"n": "0"}, headers={"HX-Request": "true"}).content.decode()
    assert first.startswith('<div id="check">')
    assert 'hx-trigger="every 10s"' in first
    assert 'name="n" value="1"' in first
    second = client.post(address, {"n": "1"}, headers={"HX-Request": "true"}).content.decode()
    assert "Both halves are granted." in second
    assert "hx-trigger" not in second
    assert "Continue to contoso" in second


def test_an_open_page_does_not_ask_for_ever(asked: list[Checked]) -> None:
    credential(factories.tenant())
    page = (
        staff()
        .post("/tenants/contoso/check/", {"n": "29"}, headers={"HX-Request": "true"})
        .content.decode()
    )
    assert "hx-trigger" not in page
    assert "Check now" in page
    assert asked


def test_without_a_credential_nothing_is_asked() -> None:
    factories.tenant()
    page = staff().post("/tenants/contoso/check/", follow=True).content.decode()
    assert "There is no credential yet." in page
    assert "Check now" not in page


def test_a_credential_that_cannot_be_opened_is_said() -> None:
    credential(factories.tenant())
    page = staff().post("/tenants/contoso/check/", follow=True).content.decode()
    assert "sealed with a key that this installation has no more" in page
    assert "Give the credential again." in page


def test_a_lab_that_is_not_running_is_said() -> None:
    credential(factories.tenant(cloud="lab"))
    page = staff().post("/tenants/contoso/check/", follow=True).content.decode()
    assert "Is its lab running?" in page


# ---- probe recipients ----------------------------------------------------------------------------


def test_each_accepted_domain_gets_its_recipient() -> None:
    tenant = factories.tenant()
    read(tenant, "contoso.com", "contoso.net")
    tenant.recipients.create(domain="contoso.net", address="info@contoso.net")
    client = staff()
    page = client.get("/tenants/contoso/recipients/").content.decode()
    assert 'value="info@contoso.net"' in page
    assert 'placeholder="postmaster@contoso.com"' in page
    given = {"to-0": "Sales@Contoso.COM", "to-1": ""}
    page = client.post("/tenants/contoso/recipients/", given, follow=True).content.decode()
    assert "2 domains changed." in page
    assert list(tenant.recipients.values_list("domain", "address")) == [
        ("contoso.com", "Sales@contoso.com")
    ]
    assert acts() == [("staff", "named recipients", "contoso")]


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("info@fabrikam.com", "The address must be one of contoso.com."),
        ("info", "Give an address such as info@contoso.com."),
        ("in fo@contoso.com", "Give an address such as"),
        ("a>\r\nDATA@contoso.com", "Give an address such as"),
        ('"x"@contoso.com', "Give an address such as"),
        ("a..b@contoso.com", "Give an address such as"),
        ("@contoso.com", "Give an address such as"),
    ],
)
def test_what_is_no_mailbox_of_the_domain_is_refused(address: str, says: str) -> None:
    tenant = factories.tenant()
    read(tenant, "contoso.com")
    page = staff().post("/tenants/contoso/recipients/", {"to-0": address}).content.decode()
    assert says in page
    assert not tenant.recipients.exists()


def test_domains_that_are_not_known_are_not_none() -> None:
    tenant = factories.tenant()
    assert "are not known" in staff().get("/tenants/contoso/recipients/").content.decode()
    seen = factories.without(
        factories.configuration(), "accepted_domains", PartStatus.FORBIDDEN, "403"
    )
    factories.snapshot(tenant, seen, ago(hours=1))
    assert "are not known" in staff().get("/tenants/contoso/recipients/").content.decode()


def test_a_recipient_that_was_refused_is_marked() -> None:
    tenant = factories.tenant()
    read(tenant, "contoso.com", "contoso.net")
    path = factories.paths(tenant, factories.stranger())[0]
    factories.answered(path, "unknown", ago(hours=1), cause="recipient-unknown")
    page = staff().get("/tenants/contoso/recipients/").content.decode()
    assert page.count("was refused as unknown") == 1


def test_many_domains_come_in_pages_and_each_keeps_its_own() -> None:
    tenant = factories.tenant()
    read(tenant, *(f"d{n:03}.example" for n in range(130)))
    client = staff()
    assert "Page <span" in client.get("/tenants/contoso/recipients/").content.decode()
    client.post("/tenants/contoso/recipients/?page=2", {"to-0": "info@d100.example"})
    assert tenant.recipients.get().domain == "d100.example"


# ---- all of them ---------------------------------------------------------------------------------


def test_names_cannot_act() -> None:
    tenant = factories.tenant(name="contoso")
    models.Tenant.objects.filter(pk=tenant.pk).update(name=EVIL)
    client = staff()
    for page in PAGES:
        assert EVIL not in client.get(f"/tenants/contoso/{page}/").content.decode()


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("times", [1, 10])
def test_the_pages_ask_a_bounded_number_of_times(
    page: str, times: int, django_assert_max_num_queries: Any
) -> None:
    tenant = factories.tenant()
    credential(tenant)
    read(tenant, *(f"d{n}.example" for n in range(times)))
    for n in range(times):
        factories.source(factories.tenant(f"other{n}"))
    client = staff()
    with django_assert_max_num_queries(12):
        client.get(f"/tenants/contoso/{page}/")
