"""The steps of connecting a tenant: who may, in which order, what each refuses and keeps."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from mailposture import models
from mailposture.adapters import spf
from mailposture.adapters.exchange import discovery
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.services import checking, credentials, enrolling, secrets
from mailposture.services.checking import Checked
from tests import factories
from tests.factories import NOW, ago
from tests.web.setup_rows import APP, EVIL, MISSING, acts, credential, found, read, staff, viewer
from tests.web.tenant_rows import probed, shard

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_now", "no_spf")]
STEPS = ("name", "app", "permissions", "read", "sources", "mail", "probe")
SECRET = "h8Q~a-secret-of-the-app"


@pytest.fixture
def fixed_now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def no_spf(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test here asks the network; the records are those of the first read."""
    monkeypatch.setattr(spf, "hosts", lambda *_: ())


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Checked]:
    """What the next checks find; the last one stays."""
    finds = [found(directory=replace(MISSING, says=f"403: {EVIL}", fix="Give the role."))]
    monkeypatch.setattr(checking, "check", lambda *_: finds.pop(0) if len(finds) > 1 else finds[0])
    return finds


def connecting(step: int, **fields: Any) -> models.Tenant:
    """A tenant that has come to this step, with what the steps before left."""
    given: dict[str, Any] = {
        "fetch_due_at": None,
        "fetched_at": None,
        "probe_due_at": None,
        "probed_at": None,
    }
    if step > enrolling.READ:
        given |= {"fetch_due_at": ago(minutes=-10), "fetched_at": ago(minutes=3)}
    tenant = factories.tenant(setup_step=step, **{**given, **fields})
    if step > enrolling.APP:
        credential(tenant)
    if step > enrolling.READ:
        read(tenant, "contoso.com", "contoso.net")
    return tenant


def at(name: str) -> str:
    return f"/tenants/contoso/connect/{name}/"


def content(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return shown(answer)


def shown(answer: Any) -> str:
    """What a page says, without the marks at which long words may break."""
    return str(answer.content.decode()).replace("<wbr>", "")


def posted(page: str, /, **given: Any) -> Any:
    return staff().post(at(page), given)


# ---- the ID, or a domain -------------------------------------------------------------------------

SUBMITTED = {"name": "Litware", "cloud": "worldwide"}


def looked_up(monkeypatch: pytest.MonkeyPatch, answer: uuid.UUID | ExchangeError) -> list[str]:
    """What the sign-in service says of any domain; gives what it was asked, as address and name."""
    asked: list[str] = []

    def tenant_id(cloud: Any, domain: str) -> uuid.UUID:
        asked.append(f"{cloud.authority} {domain}")
        if isinstance(answer, ExchangeError):
            raise answer
        return answer

    monkeypatch.setattr(discovery, "tenant_id", tenant_id)
    return asked


def test_an_id_is_asked_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = looked_up(monkeypatch, uuid.UUID(APP))
    staff().post("/tenants/add/", {**SUBMITTED, "tenant_id": APP})
    assert models.Tenant.objects.get().tenant_id == uuid.UUID(APP)
    assert asked == []


def test_a_domain_is_asked_of_the_sign_in_service_of_its_cloud(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = looked_up(monkeypatch, uuid.UUID(APP))
    given = {**SUBMITTED, "cloud": "gcc-high", "tenant_id": " MÜNCHEN.example "}
    page = shown(staff().post("/tenants/add/", given, follow=True))
    assert asked == ["https://login.microsoftonline.us xn--mnchen-3ya.example"]
    assert models.Tenant.objects.get().tenant_id == uuid.UUID(APP)
    assert f"xn--mnchen-3ya.example is of tenant {APP}, says login.microsoftonline.us." in page


@pytest.mark.parametrize("given", ["contoso", "a b.com", "https://contoso.com/", "../x.com", "@"])
def test_what_is_neither_is_not_asked_about(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    asked = looked_up(monkeypatch, uuid.UUID(APP))
    page = shown(staff().post("/tenants/add/", {**SUBMITTED, "tenant_id": given}))
    assert "or a domain of the tenant, such as contoso.com." in page
    assert asked == []


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            ExchangeError("tenant-not-found", "AADSTS90002", permanent=True),
            (
                "login.microsoftonline.com knows no tenant with the domain litware.com. Check its "
                "spelling, and that this is the right cloud."
            ),
        ),
        (
            ExchangeError("other-cloud", "Its tenant signs in at x.us.", permanent=True),
            "Its tenant signs in at x.us. Choose the cloud that the tenant lives in.",
        ),
        (
            ExchangeError("authority-unreachable", "No answer in time.", permanent=False),
            "No answer in time. Check that this machine reaches it by HTTPS.",
        ),
        (
            ExchangeError("authority-busy", permanent=False, status=503),
            "login.microsoftonline.com is not well: it answered 503. Try again in some minutes.",
        ),
        (
            ExchangeError("no-tenant-id", EVIL, permanent=True),
            "did not tell whose domain litware.com is. &lt;script&gt;",
        ),
    ],
)
def test_a_look_up_that_fails_says_what_to_do_and_keeps_what_was_typed(
    monkeypatch: pytest.MonkeyPatch, error: ExchangeError, says: str
) -> None:
    looked_up(monkeypatch, error)
    page = shown(staff().post("/tenants/add/", {**SUBMITTED, "tenant_id": "litware.com"}))
    assert says in page
    assert "Or give the tenant ID itself: Entra admin centre, Overview." in page
    assert 'value="litware.com"' in page
    assert "<script>alert" not in page
    assert not models.Tenant.objects.exists()


# ---- who may, and in which order -----------------------------------------------------------------


@pytest.mark.parametrize("page", STEPS)
def test_only_operators_connect(client: Client, page: str) -> None:
    connecting(enrolling.PROBE)
    assert client.get(at(page)).headers["Location"].startswith("/signin/")
    assert viewer().get(at(page)).status_code == 404
    assert viewer().post(at(page)).status_code == 404
    assert staff().get(at(page)).status_code == 200


@pytest.mark.parametrize("come", range(2, 8))
def test_a_step_opens_once_those_before_it_are_taken(come: int) -> None:
    connecting(come)
    client = staff()
    opened = [client.get(at(page)).status_code for page in STEPS]
    assert opened == [200] * come + [302] * (len(STEPS) - come)
    here = at(STEPS[come - 1])
    assert client.get("/tenants/contoso/connect/").headers["Location"] == here
    if come < len(STEPS):
        assert client.get(at(STEPS[-1])).headers["Location"] == here
    page = content(client, here)
    assert f"Step {come} of 7" in page
    assert page.count('<li class="done">') == come - 1
    assert page.count('aria-current="step"') == 1


def test_what_may_be_come_back_to_is_said_where_there_is_something() -> None:
    said = "You can leave and come back"
    assert said not in content(staff(), "/tenants/add/")
    tenant = connecting(enrolling.PROBE)
    assert said in content(staff(), at("probe"))
    look = enrolling.probe_first(tenant, NOW)
    over = content(staff(), f"{at('probe')}?round={look.pk}")
    assert said not in over
    assert "<p>Connected</p>" in over


@pytest.mark.parametrize(
    ("page", "afterwards"),
    [
        ("name", "/tenants/contoso/edit/"),
        ("app", "/tenants/contoso/credential/"),
        ("permissions", "/tenants/contoso/check/"),
        ("read", "/tenants/contoso/"),
        ("sources", "/tenants/contoso/sources/"),
        ("mail", "/tenants/contoso/recipients/"),
        ("probe", "/tenants/contoso/"),
        ("", "/tenants/contoso/"),
    ],
)
def test_a_connected_tenant_has_its_pages_elsewhere(page: str, afterwards: str) -> None:
    factories.tenant()
    address = at(page) if page else "/tenants/contoso/connect/"
    assert staff().get(address).headers["Location"] == afterwards


def test_the_pages_of_settings_lead_back_into_the_walk() -> None:
    connecting(enrolling.PERMISSIONS)
    page = content(staff(), "/tenants/contoso/edit/")
    assert 'href="/tenants/contoso/connect/"' in page
    assert 'href="/tenants/contoso/connect/"' in content(staff(), "/tenants/add/")


@pytest.mark.parametrize("page", STEPS)
@pytest.mark.parametrize("times", [1, 10])
def test_the_steps_ask_a_bounded_number_of_times(
    page: str, times: int, django_assert_max_num_queries: Any
) -> None:
    tenant = connecting(enrolling.PROBE)
    for n in range(times):
        other = factories.tenant(f"other{n}")
        factories.source(other)
        tenant.sources.create(name=f"Relay {n}", kind="relay", addresses=f"192.0.2.{n}")
        models.Subscription.objects.create(
            address=f"a{n}@example.com", tenant=tenant, created_at=NOW
        )
    client = staff()
    client.get(at(page))
    with django_assert_max_num_queries(12):
        client.get(at(page))


@pytest.mark.parametrize("page", STEPS)
def test_names_cannot_act(page: str) -> None:
    tenant = connecting(enrolling.PROBE)
    seen = factories.configuration(
        factories.lock(name=EVIL, tls_sender_certificate_name=EVIL), domains=("contoso.com",)
    )
    factories.snapshot(tenant, seen, ago(minutes=1), ago(seconds=-1))
    tenant.sources.create(name=EVIL, kind="relay", addresses="192.0.2.1")
    factories.stranger(name=EVIL)
    models.Tenant.objects.filter(pk=tenant.pk).update(name=EVIL)
    assert EVIL not in content(staff(), at(page))


# ---- name and app --------------------------------------------------------------------------------


def test_the_first_step_may_be_taken_again() -> None:
    tenant = connecting(enrolling.PERMISSIONS)
    other = str(uuid.uuid4())
    answer = posted("name", name="Contoso Ltd", tenant_id=other, cloud="dod")
    assert answer.headers["Location"] == at("app")
    tenant.refresh_from_db()
    assert (tenant.name, str(tenant.tenant_id), tenant.cloud) == ("Contoso Ltd", other, "dod")


def test_what_was_read_keeps_its_directory() -> None:
    tenant = connecting(enrolling.SOURCES)
    before = tenant.tenant_id
    assert "its directory stays" in content(staff(), at("name"))
    posted("name", name="Contoso Ltd", tenant_id=str(uuid.uuid4()), cloud="dod")
    tenant.refresh_from_db()
    assert (tenant.name, tenant.tenant_id, tenant.cloud) == ("Contoso Ltd", before, "worldwide")


def test_a_made_certificate_is_offered_to_download_without_its_key() -> None:
    tenant = connecting(enrolling.APP)
    client = staff()
    answer = client.post(at("app"), {"client_id": APP, "way": "made"}, follow=True)
    assert answer.redirect_chain == [(at("app"), 302)]
    page = answer.content.decode()
    row = models.Credential.objects.get()
    assert row.made_here
    assert f"<code>{row.thumbprint}</code>" in page
    assert "24 Nov 2028" in page
    file = client.get("/tenants/contoso/certificate.cer")
    assert file.headers["Content-Type"] == "application/pkix-cert"
    assert file.headers["Content-Disposition"] == 'attachment; filename="mailposture-contoso.cer"'
    leaf = x509.load_der_x509_certificate(file.content)
    # Entra's own pages list SHA-1 as the thumbprint.
    assert leaf.fingerprint(hashes.SHA1()).hex().upper() == row.thumbprint  # noqa: S303
    private = secrets.credential_of(models.Tenant.objects.get(pk=tenant.pk)).certificate
    assert private is not None
    assert private.private_key[100:160] not in page + row.sealed + file.content.decode("latin-1")
    assert "PRIVATE KEY" not in page


def test_the_certificate_is_for_operators_alone_and_only_where_there_is_one() -> None:
    tenant = connecting(enrolling.APP)
    address = "/tenants/contoso/certificate.cer"
    assert staff().get(address).status_code == 404
    made = credentials.made_here(uuid.UUID(APP), NOW)
    enrolling.keep_credential(tenant, made, NOW)
    assert staff().get(address).status_code == 200
    assert viewer().get(address).status_code == 404


def test_a_secret_goes_on_to_the_permissions_and_is_never_shown() -> None:
    tenant = connecting(enrolling.APP)
    client = staff()
    given = {"client_id": APP, "way": "secret", "secret": SECRET}
    answer = client.post(at("app"), given, follow=True)
    assert answer.redirect_chain == [(at("permissions"), 302)]
    assert secrets.credential_of(models.Tenant.objects.get(pk=tenant.pk)).secret == SECRET
    assert SECRET not in answer.content.decode() + content(client, at("app"))
    assert models.Tenant.objects.get().fetch_due_at is None


def test_what_another_way_asks_for_does_not_count() -> None:
    connecting(enrolling.APP)
    given = {"client_id": APP, "way": "made", "secret": SECRET, "pem": "nonsense"}
    assert posted("app", **given).status_code == 302
    assert models.Credential.objects.get().made_here


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"client_id": "contoso", "way": "made"}, "Give the GUID"),
        ({"client_id": APP}, "Fill this in."),
        ({"client_id": APP, "way": "magic"}, "valid choice"),
        ({"client_id": APP, "way": "secret"}, "Give the client secret&#x27;s value."),
        ({"client_id": APP, "way": "secret", "secret": APP}, "This is the secret&#x27;s ID"),
        ({"client_id": APP, "way": "brought"}, "Give the file, or paste key"),
        ({"client_id": APP, "way": "brought", "pem": "x"}, "This is not a PFX file."),
        (
            {
                "client_id": APP,
                "way": "brought",
                "file": SimpleUploadedFile("a.pfx", b"x" * 70_000),
            },
            "Larger than 64 KB",
        ),
    ],
)
def test_what_is_no_app_is_refused_in_words(given: dict[str, Any], says: str) -> None:
    connecting(enrolling.APP)
    answer = posted("app", **given)
    assert answer.status_code == 200
    assert says in shown(answer)
    assert not models.Credential.objects.exists()


# ---- permissions and first read ------------------------------------------------------------------


def test_what_is_missing_is_said_with_both_ways_to_grant_it(asked: list[Checked]) -> None:
    connecting(enrolling.PERMISSIONS)
    client = staff()
    page = client.post(at("permissions"), follow=True).content.decode()
    assert "<h1>One half is granted, one is missing.</h1>" in page
    assert "1 of 2 halves" in page
    assert "New-ManagementRoleAssignment" in page
    assert EVIL not in page
    portal = content(client, f"{at('permissions')}?by=portal")
    assert "Roles and administrators" in portal
    assert "New-ManagementRoleAssignment" not in portal
    assert 'aria-disabled="true">Continue to first read' in page
    assert models.Tenant.objects.get().fetch_due_at is None
    assert asked


def test_an_open_page_goes_on_by_itself_once_both_are_granted(asked: list[Checked]) -> None:
    asked.append(found())
    connecting(enrolling.PERMISSIONS)
    client, live = staff(), {"HX-Request": "true"}
    given = {"n": "0", "by": "portal"}
    first = client.post(at("permissions"), given, headers=live).content.decode()
    assert first.startswith('<div id="walk"')
    assert 'hx-trigger="every 10s"' in first
    assert 'name="n" value="1"' in first
    assert "Roles and administrators" in first
    second = client.post(at("permissions"), {"n": "1"}, headers=live)
    assert second.headers["HX-Redirect"] == at("read")
    tenant = models.Tenant.objects.get()
    assert (tenant.setup_step, tenant.fetch_due_at) == (enrolling.READ, NOW)


def test_without_script_the_button_goes_on_as_well(asked: list[Checked]) -> None:
    asked[:] = [found()]
    connecting(enrolling.PERMISSIONS)
    assert posted("permissions").headers["Location"] == at("read")


def test_an_open_page_does_not_ask_for_ever(asked: list[Checked]) -> None:
    connecting(enrolling.PERMISSIONS)
    page = staff().post(at("permissions"), {"n": "29"}, headers={"HX-Request": "true"})
    assert "hx-trigger" not in page.content.decode()
    assert "press Check now" in page.content.decode()
    assert asked


def test_checking_later_reads_nothing_anew(asked: list[Checked]) -> None:
    asked[:] = [found()]
    tenant = connecting(enrolling.MAIL)
    assert posted("permissions").headers["Location"] == at("permissions")
    assert models.Tenant.objects.get().fetch_due_at == tenant.fetch_due_at


@pytest.mark.parametrize(
    ("fields", "says", "goes_on"),
    [
        ({}, "contoso has not been read yet.", False),
        ({"fetch_due_at": NOW}, "contoso is being read.", True),
        (
            {"fetch_due_at": ago(seconds=5), "fetch_attempt": 1,
             "fetch_lease_until": ago(minutes=-2), "fetch_tries": 1},
            "asking Exchange Online and DNS", True,
        ),
        ({"fetch_due_at": ago(minutes=4)}, "Not read after 3 min.", False),
        (
            {"fetch_due_at": ago(minutes=-5), "fetch_error": "secret-expired (401): AADSTS7000222"},
            "contoso could not be read.", False,
        ),
    ],
)  # fmt: skip
def test_the_first_read_says_how_it_stands(
    fields: dict[str, Any], says: str, *, goes_on: bool
) -> None:
    connecting(enrolling.READ, **fields)
    page = content(staff(), at("read"))
    assert says in page
    assert ("hx-trigger" in page) is goes_on
    assert "Continue to approved sources</a>" not in page


def test_a_read_that_failed_is_read_again_by_a_button() -> None:
    connecting(enrolling.READ, fetch_due_at=ago(minutes=-5), fetch_error="throttled (429): slow")
    assert "Read again" in content(staff(), at("read"))
    assert posted("read").headers["Location"] == at("read")
    assert models.Tenant.objects.get().fetch_due_at == NOW


@pytest.mark.parametrize(
    ("connectors", "says"),
    [
        ((), "1 accepted domain and no inbound connector, so nothing restricts who may deliver."),
        (
            (factories.lock(),),
            "1 accepted domain and 1 inbound connector; Lock to gateway restricts who may deliver.",
        ),
        ((factories.lock(enabled=False),), "1 inbound connector; none of them restricts"),
        ((factories.lock(sender_domains=("fabrikam.com",)),), "none of them restricts"),
    ],
)
def test_what_was_found_is_one_sentence_and_its_numbers(connectors: Any, says: str) -> None:
    tenant = connecting(enrolling.READ, fetched_at=NOW, fetch_due_at=ago(minutes=-5))
    factories.snapshot(tenant, factories.configuration(*connectors), NOW)
    page = content(staff(), at("read"))
    assert says in page
    assert "mx1.contoso.com" in page
    assert "Continue to approved sources</a>" in page
    assert "hx-trigger" not in page


# ---- approved sources ----------------------------------------------------------------------------


def row(number: int, **given: str) -> dict[str, str]:
    fields = {"name": "Gateway", "kind": "gateway", "addresses": "203.0.113.10", **given}
    return {f"s{number}-{name}": value for name, value in fields.items()}


def test_proposals_are_ticked_edited_and_confirmed_by_a_person() -> None:
    tenant = connecting(enrolling.SOURCES)
    place = factories.stranger("gw", plays="source", address="203.0.113.10")
    client = staff()
    page = content(client, at("sources"))
    assert "The MX of contoso.com is mx1.contoso.com." in page
    assert f'<option value="{place.pk}" selected>' in page
    assert not tenant.sources.exists()
    given = row(0, name="Our gateway", take="on", vantage_point=str(place.pk))
    other = row(1, name="Printer", kind="relay", addresses="192.0.2.9", take="on")
    answer = client.post(at("sources"), {"rows": "1", **given, **other})
    assert answer.headers["Location"] == at("mail")
    assert list(tenant.sources.values_list("name", "kind", "vantage_point")) == [
        ("Our gateway", "gateway", place.pk),
        ("Printer", "relay", None),
    ]
    assert [action for _, action, _ in acts()] == ["added source", "added source"]


def test_what_is_not_ticked_is_left() -> None:
    tenant = connecting(enrolling.SOURCES)
    client = staff()
    client.get(at("sources"))
    answer = client.post(at("sources"), {"rows": "1", **row(0, addresses="nonsense")})
    assert answer.headers["Location"] == at("mail")
    assert not tenant.sources.exists()
    assert models.Tenant.objects.get().setup_step == enrolling.MAIL


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ({"addresses": "999.1.1.1"}, {}, "is no address, network"),
        ({"addresses": ""}, {}, "Give its addresses, or the name in its certificate"),
        ({"name": ""}, {}, "Fill this in."),
        ({"vantage_point": "4711"}, {}, "valid choice"),
        ({}, {"take": "on"}, "Another one here has this name."),
        ({"name": "Relay"}, {}, "has a source of this name already"),
    ],
)
def test_what_is_no_source_is_refused_and_stays(
    first: dict[str, str], second: dict[str, str], says: str
) -> None:
    tenant = connecting(enrolling.SOURCES)
    tenant.sources.create(name="Relay", kind="relay", addresses="192.0.2.1")
    client = staff()
    client.get(at("sources"))
    given = {**row(0, take="on", **first), **row(1, **second)}
    answer = client.post(at("sources"), {"rows": "1", **given})
    assert says in shown(answer)
    assert tenant.sources.count() == 1


def test_a_visit_that_was_forgotten_loses_nothing_that_was_ticked() -> None:
    tenant = connecting(enrolling.SOURCES)
    given = {"rows": "1", **row(0, take="on"), **row(1, name="B", addresses="192.0.2.2", take="on")}
    assert staff().post(at("sources"), given).status_code == 302
    assert tenant.sources.count() == 2


@pytest.mark.parametrize("rows", ["", "-1", "x", "99999999", "99"])
def test_nobody_makes_the_server_lay_out_endless_rows(rows: str) -> None:
    connecting(enrolling.SOURCES)
    answer = staff().post(at("sources"), {"rows": rows, **row(0, take="on", name="")})
    assert answer.content.decode().count('class="proposal') <= 14  # with their form


# ---- who gets mail -------------------------------------------------------------------------------


def test_addresses_and_recipients_are_kept_together() -> None:
    tenant = connecting(enrolling.MAIL)
    answer = posted(
        "mail", addresses="soc@example.com, b@example.com", **{"to-0": "info@contoso.com"}
    )
    assert answer.headers["Location"] == at("probe")
    told = models.Subscription.objects.filter(tenant=tenant).values_list("address", flat=True)
    assert sorted(told) == ["b@example.com", "soc@example.com"]
    assert tenant.recipients.get().address == "info@contoso.com"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "Name at least one address, or say that nobody is told yet."),
        ({"addresses": "soc@example.com", "nobody": "on"}, "Either name addresses or say"),
        ({"addresses": "soc"}, "soc is not a mail address."),
        ({"addresses": "\n".join(f"a{n}@example.com" for n in range(21))}, "At most 20"),
        ({"nobody": "on", "to-0": "info@fabrikam.com"}, "must be one of contoso.com"),
    ],
)
def test_somebody_is_told_or_nobody_in_so_many_words(given: dict[str, str], says: str) -> None:
    tenant = connecting(enrolling.MAIL)
    answer = posted("mail", **given)
    assert answer.status_code == 200
    assert says in shown(answer)
    assert not models.Subscription.objects.exists()
    assert not tenant.recipients.exists()


def test_nobody_yet_goes_on_and_is_remembered_as_such() -> None:
    connecting(enrolling.MAIL)
    client = staff()
    assert client.post(at("mail"), {"nobody": "on"}).headers["Location"] == at("probe")
    assert "nobody yet" in content(client, at("probe"))


def test_where_all_tenants_are_told_about_nothing_more_is_asked() -> None:
    connecting(enrolling.MAIL)
    models.Subscription.objects.create(address="all@example.com", created_at=NOW)
    client = staff()
    assert "all@example.com" in content(client, at("mail"))
    assert client.post(at("mail"), {}).headers["Location"] == at("probe")


@pytest.mark.parametrize("url", [None, "smtp://127.0.0.1:25"])
def test_mail_that_is_not_set_up_is_said(settings: Any, url: str | None) -> None:
    settings.SMTP_URL = url
    connecting(enrolling.MAIL)
    page = content(staff(), at("mail"))
    assert ("No mail can be sent yet." in page) is (url is None)
    assert ('href="/settings/">Set mail up' in page) is (url is None)


# ---- the first probe -----------------------------------------------------------------------------


@pytest.fixture
def named(settings: Any) -> None:
    settings.EHLO_NAME, settings.SENDER_DOMAIN = "probe.example.org", "example.org"


@pytest.mark.usefixtures("named")
def test_the_proof_and_the_places_are_shown_before_the_first_packet() -> None:
    connecting(enrolling.PROBE)
    factories.stranger()
    page = content(staff(), at("probe"))
    assert "2 domains read from the tenant itself, with its own credential" in page
    assert "contoso.net" in page
    assert "Stranger, frankfurt" in page
    assert "Probe now</button>" in page
    assert "hx-trigger" not in page


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize(
    ("place", "says", "waits"),
    [
        (None, "No vantage point plays a stranger.", False),
        ({"heard_at": None}, "Make a join line", True),
        ({"heard_at": ago(hours=1)}, "Make a join line", True),
        ({"enabled": False}, "No vantage point plays a stranger.", False),
        ({"plays": "source"}, "No vantage point plays a stranger.", False),
    ],
)
def test_without_a_place_it_says_how_to_start_one_and_probes_nothing(
    place: dict[str, Any] | None, says: str, *, waits: bool
) -> None:
    connecting(enrolling.PROBE)
    if place is not None:
        factories.stranger(**place)
    client = staff()
    page = content(client, at("probe"))
    assert says in page
    assert "Probe now</button>" not in page
    assert ("hx-trigger" in page) is waits
    assert client.post(at("probe")).headers["Location"] == at("probe")
    assert not models.Round.objects.exists()
    assert models.Tenant.objects.get().setup_step == enrolling.PROBE


def test_who_does_not_say_who_it_is_does_not_probe(settings: Any) -> None:
    settings.EHLO_NAME = settings.SENDER_DOMAIN = ""
    connecting(enrolling.PROBE)
    factories.stranger()
    client = staff()
    assert "MAILPOSTURE_EHLO_NAME" in content(client, at("probe"))
    client.post(at("probe"))
    assert not models.Round.objects.exists()


@pytest.mark.usefixtures("named")
def test_pressing_connects_and_shows_how_it_goes() -> None:
    tenant = connecting(enrolling.PROBE)
    factories.stranger()
    client = staff()
    answer = client.post(at("probe"))
    look = tenant.rounds.get()
    assert answer.headers["Location"] == f"{at('probe')}?round={look.pk}"
    page = content(client, f"{at('probe')}?round={look.pk}")
    assert "contoso is being probed." in page
    assert f'hx-get="{at("probe")}?round={look.pk}"' in page
    assert models.Tenant.objects.get().setup_step is None


@pytest.mark.usefixtures("named")
def test_the_result_is_one_sentence_with_the_way_on() -> None:
    tenant = connecting(enrolling.PROBE)
    place = factories.stranger()
    models.Tenant.objects.update(setup_step=None)
    look = tenant.rounds.create(
        kind="asked", due_at=ago(seconds=9), planned_at=ago(seconds=9), finished_at=NOW
    )
    paths = probed(tenant, place, "open", until=NOW)
    shard(look, place, paths, done_at=NOW)
    page = content(staff(), f"{at('probe')}?round={look.pk}")
    assert "<h1>contoso takes mail from any host, for any sender" in page
    assert "hx-trigger" not in page
    assert 'href="/tenants/contoso/">Open contoso' in page
    assert 'href="/tenants/add/"' in page


# ---- the lab -------------------------------------------------------------------------------------


def test_the_labs_tenants_are_offered_to_try_it_with(settings: Any) -> None:
    named = {"slug": "contoso", "name": "Contoso"}
    story = {**named, "tenant_id": str(uuid.uuid4()), "client_id": APP}
    settings.LAB = {
        "authority": "https://127.0.0.1:1", "api": "https://127.0.0.1:1", "smtp_port": 2525,
        "ca": "/nowhere", "tenants": [{**story, "client_secret": "lab-only"}],
    }  # fmt: skip
    client = staff()
    page = content(client, "/tenants/add/")
    offered = f"?name=Contoso&amp;tenant_id={story['tenant_id']}&amp;cloud=lab"
    assert offered in page
    filled = content(client, f"/tenants/add/{offered}".replace("&amp;", "&"))
    assert f'value="{story["tenant_id"]}"' in filled
    client.post(
        "/tenants/add/", {"name": "Contoso", "tenant_id": story["tenant_id"], "cloud": "lab"}
    )
    shown = content(client, at("app"))
    assert "lab-only" in shown
    assert re.search(f'name="client_id" value="{APP}"', shown)
    assert offered not in content(client, "/tenants/add/")
