"""From an empty database to the first verdict, in one process, against the lab's real servers."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from mailposture import models
from mailposture.adapters.vantage_file import places
from mailposture.core.work import HelloBack
from mailposture.services import seeding, ticking, vantage_points
from tests.labs import Lab
from tests.web.setup_rows import staff, viewer

pytestmark = pytest.mark.django_db


class Walk:
    """A person with a browser that has no script, and the background done by hand."""

    def __init__(self, lab: Lab, slug: str) -> None:
        self.told = lab.tenant(slug)
        self.base = f"/tenants/{slug}/connect"
        self.client: Client = staff()
        # The places and their files are there, as after a first start; the tenants are not.
        seeding.seed_lab(lab.facts, timezone.now())
        models.Tenant.objects.all().delete()
        folder = settings.DATA_DIR / "vantage"
        self.places = {s: p for f in folder.glob("*.toml") for s, p in places(f).items()}

    def name(self) -> None:
        given = {"name": self.told["name"], "tenant_id": self.told["tenant_id"], "cloud": "lab"}
        self.post("/tenants/add/", given, f"{self.base}/app/")

    def post(self, address: str, given: dict[str, Any], then: str) -> None:
        answer = self.client.post(address, given)
        assert answer.headers.get("Location", "").startswith(then)

    def secret(self) -> dict[str, str]:
        given = {"client_id": self.told["client_id"], "way": "secret"}
        return {**given, "secret": self.told["client_secret"]}

    def page(self, name: str) -> str:
        answer = self.client.get(f"{self.base}/{name}")
        assert answer.status_code == 200
        return answer.content.decode().replace("<wbr>", "")

    def tick(self) -> ticking.Ticked:
        return ticking.tick(timezone.now, self.places)

    def hello(self) -> None:
        models.VantagePoint.objects.update(asked_at=timezone.now(), hello_nonce="0a")
        for slug in self.places:
            back = HelloBack(vantage_point=slug, nonce="0a", version="1", clock=timezone.now())
            vantage_points.hear(back, timezone.now())


class Sent(HTMLParser):
    """What a browser sends of a page's proposals as they stand, left as they were proposed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.open = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {key: value or "" for key, value in attrs}
        name = of.get("name", "")
        if tag in ("select", "textarea"):
            self.open = name
            self.fields[name] = ""
        elif tag == "option" and "selected" in of:
            self.fields[self.open] = of["value"]
        elif tag == "input" and (of.get("type") != "checkbox" or "checked" in of):
            self.fields[name] = of.get("value", "on" if "checked" in of else "")

    def handle_data(self, data: str) -> None:
        if self.open.endswith("-addresses"):
            self.fields[self.open] += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("select", "textarea"):
            self.open = ""


@pytest.mark.parametrize(
    ("slug", "state", "says", "approved"),
    [
        ("contoso", "open", "Contoso takes mail from any host, for any sender.", {"gets_in": 2}),
        ("tailspin", "open", "Tailspin takes mail from any host, for any sender.", {"gets_in": 1}),
    ],
)
def test_an_empty_database_comes_to_its_first_verdict(
    lab: Lab, slug: str, state: str, says: str, approved: dict[str, int]
) -> None:
    walk = Walk(lab, slug)
    assert not models.Tenant.objects.exists()
    until_it_was_read(walk)
    until_it_may_be_probed(walk)
    walk.post(f"{walk.base}/probe/", {}, f"{walk.base}/probe/?round=")
    walk.tick()
    look = models.Round.objects.get()
    assert says in walk.page(f"probe/?round={look.pk}")
    tenant = models.Tenant.objects.get()
    assert (tenant.state, tenant.setup_step) == (state, None)
    assert tenant.standing["approved"] == approved
    assert models.Alert.objects.get().incident.kind == "bypass"
    assert models.Delivery.objects.get().recipient == "soc@example.com"


def until_it_was_read(walk: Walk) -> None:
    """Name, app, permissions; the background does nothing before they are granted."""
    walk.name()
    walk.tick()
    walk.post(f"{walk.base}/app/", walk.secret(), f"{walk.base}/permissions/")
    walk.tick()
    assert not models.Snapshot.objects.exists()
    walk.post(f"{walk.base}/permissions/", {}, f"{walk.base}/read/")
    assert "is being read." in walk.page("read/")
    walk.tick()
    assert "accepted domains" in walk.page("read/")


def until_it_may_be_probed(walk: Walk) -> None:
    """Sources, mail, a place that is heard; the background reads on, and probes nothing."""
    slug = walk.told["slug"]
    proposed = walk.page("sources/")
    assert f"The MX of {slug}.com is mx1.{slug}.com." in proposed
    assert f"The SPF record of {slug}.com names it." in proposed
    walk.post(f"{walk.base}/sources/", Sent(proposed).fields, f"{walk.base}/mail/")
    walk.post(f"{walk.base}/mail/", {"addresses": "soc@example.com"}, f"{walk.base}/probe/")
    walk.tick()
    assert not models.Path.objects.exists()
    assert "No vantage point is heard" in walk.page("probe/")
    walk.hello()
    assert "read from the tenant itself, with its own credential" in walk.page("probe/")


def test_a_domain_is_enough_to_name_a_tenant(lab: Lab) -> None:
    walk = Walk(lab, "contoso")
    given = {"name": "Contoso", "tenant_id": "Contoso.OnMicrosoft.com.", "cloud": "lab"}
    answer = walk.client.post("/tenants/add/", given, follow=True)
    tenant = models.Tenant.objects.get()
    assert (answer.redirect_chain, str(tenant.tenant_id)) == (
        [(f"{walk.base}/app/", 302)],
        walk.told["tenant_id"],
    )
    page = answer.content.decode().replace("<wbr>", "")
    assert f"contoso.onmicrosoft.com is of tenant {walk.told['tenant_id']}, says 127.0.0.1:" in page
    walk.post(f"{walk.base}/name/", {**given, "tenant_id": "contoso.com"}, f"{walk.base}/app/")
    assert models.Tenant.objects.get().tenant_id == tenant.tenant_id
    again = walk.client.post("/tenants/add/", given)
    assert "This tenant is watched already, as Contoso." in again.content.decode()


def test_a_domain_that_no_tenant_has_is_refused_with_what_to_do(lab: Lab) -> None:
    walk = Walk(lab, "contoso")
    given = {"name": "Contoso", "tenant_id": "nobody.example", "cloud": "lab"}
    page = walk.client.post("/tenants/add/", given).content.decode().replace("<wbr>", "")
    assert "knows no tenant with the domain nobody.example." in page
    assert "Check its spelling, and that this is the right cloud." in page
    assert 'value="nobody.example"' in page
    assert not models.Tenant.objects.exists()


def test_a_missing_role_is_said_and_nothing_goes_on(lab: Lab) -> None:
    walk = Walk(lab, "proseware")
    walk.name()
    walk.post(f"{walk.base}/app/", walk.secret(), f"{walk.base}/permissions/")
    walk.post(f"{walk.base}/permissions/", {}, f"{walk.base}/permissions/")
    page = walk.page("permissions/")
    assert "One half is granted, one is missing." in page
    assert "1 of 2 halves" in page
    assert walk.client.get(f"{walk.base}/read/").headers["Location"] == f"{walk.base}/permissions/"
    walk.tick()
    assert not models.Snapshot.objects.exists()


def made_here(lab: Lab) -> Walk:
    """Contoso named, and its certificate made here; nobody else knows it yet."""
    walk = Walk(lab, "contoso")
    walk.name()
    made = {"client_id": walk.told["client_id"], "way": "made"}
    walk.post(f"{walk.base}/app/", made, f"{walk.base}/app/")
    return walk


def test_a_certificate_that_was_never_uploaded_is_refused_by_name(lab: Lab) -> None:
    walk = made_here(lab)
    walk.post(f"{walk.base}/permissions/", {}, f"{walk.base}/permissions/")
    page = walk.page("permissions/")
    assert "Upload this certificate to the app registration." in page
    assert "AADSTS700027" in page


def test_a_certificate_made_here_walks_to_the_first_verdict(lab: Lab) -> None:
    walk = made_here(lab)
    walk.post(f"{walk.base}/permissions/", {}, f"{walk.base}/permissions/")
    assert "0 of 2 halves" in walk.page("app/")
    assert "Upload it to the lab's app" in walk.page("app/").replace("&#x27;", "'")
    answer = walk.client.post("/lab/certificate/contoso/", follow=True)
    assert answer.redirect_chain == [(f"{walk.base}/app/", 302)]
    thumbprint = models.Credential.objects.get().thumbprint
    said = f"Contoso's app knows the certificate {thumbprint}."
    uploaded = answer.content.decode().replace("&#x27;", "'").replace("<wbr>", "")
    assert said in uploaded
    assert "of 2 halves" not in uploaded
    walk.post(f"{walk.base}/permissions/", {}, f"{walk.base}/read/")
    walk.tick()
    until_it_may_be_probed(walk)
    walk.post(f"{walk.base}/probe/", {}, f"{walk.base}/probe/?round=")
    walk.tick()
    tenant = models.Tenant.objects.get()
    assert (tenant.state, tenant.setup_step) == ("open", None)
    lab.scene("expire", "contoso")
    walk.tick()
    tenant.refresh_from_db()
    assert tenant.fetch_error == ""


def test_a_watched_tenant_s_new_certificate_is_uploaded_from_its_credential_page(
    lab: Lab,
) -> None:
    walk = made_here(lab)
    models.Tenant.objects.update(setup_step=None)
    page = walk.client.get("/tenants/contoso/credential/").content.decode()
    assert 'action="/lab/certificate/contoso/"' in page
    answer = walk.client.post("/lab/certificate/contoso/", follow=True)
    assert answer.redirect_chain[-1] == ("/tenants/contoso/credential/", 302)
    found = walk.client.post("/tenants/contoso/check/", follow=True).content.decode()
    assert "AADSTS" not in found


@pytest.mark.parametrize("who", ["nobody", "viewer", "no certificate", "not of the lab"])
def test_only_an_operator_uploads_and_only_what_there_is(lab: Lab, who: str) -> None:
    walk = made_here(lab)
    client = {"nobody": Client(), "viewer": viewer()}.get(who, walk.client)
    if who == "no certificate":
        models.Credential.objects.update(public_pem="")
    if who == "not of the lab":
        models.Tenant.objects.update(cloud="worldwide")
    answer = client.post("/lab/certificate/contoso/")
    if who == "nobody":
        assert answer.headers["Location"].startswith("/signin/")
    else:
        assert answer.status_code == 404
    assert client.get("/lab/certificate/contoso/").status_code in (302, 405)


def test_a_lab_that_is_gone_says_so_and_the_walk_stays(lab: Lab, settings: Any) -> None:
    walk = made_here(lab)
    settings.LAB = {**lab.facts, "control": "http://127.0.0.1:1"}
    answer = walk.client.post("/lab/certificate/contoso/", follow=True)
    assert "The lab does not answer." in answer.content.decode()


def test_a_brought_certificate_is_known_to_its_app(lab: Lab) -> None:
    walk = Walk(lab, "fabrikam")
    walk.name()
    with Path(walk.told["certificate"]).open("rb") as file:
        given = {"client_id": walk.told["client_id"], "way": "brought", "file": file}
        walk.post(f"{walk.base}/app/", given, f"{walk.base}/permissions/")
    walk.post(f"{walk.base}/permissions/", {}, f"{walk.base}/read/")
    walk.tick()
    assert "Lock to gateway restricts who may deliver." in walk.page("read/")
    proposed = walk.page("sources/")
    assert "The inbound connector Lock to gateway names 127.0.11.10." in proposed
