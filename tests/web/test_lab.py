"""The lab's page: clearly the lab, absent without one, steering it, and calm when it is gone."""

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from django.test import Client

from mailposture import models
from mailposture.lab import client as lab_client
from tests import factories
from tests.labs import Lab, lab, lab_process
from tests.web.setup_rows import EVIL, staff, viewer

__all__ = ["lab", "lab_process"]

pytestmark = pytest.mark.django_db


def words(client: Client) -> str:
    return client.get("/lab/").content.decode()


def test_without_a_lab_there_is_no_such_page(settings: Any) -> None:
    settings.LAB = None
    assert staff().get("/lab/").status_code == 404
    assert staff().post("/lab/scene/", {"scene": "lock", "tenant": "contoso"}).status_code == 404


def test_someone_not_signed_in_is_asked_to(lab: Lab, client: Client) -> None:
    assert client.get("/lab/").headers["Location"].startswith("/signin/")


def test_the_page_tells_every_story_and_says_that_it_is_the_lab(lab: Lab) -> None:
    page = words(staff())
    for tenant in lab.facts["tenants"]:
        assert f'id="{tenant["slug"]}"' in page
    assert "LAB" in page
    assert "nothing here is real" in page
    assert "Has the right connector, and has it turned off." in page
    assert "The lock-down connector is turned off." in page


def test_a_viewer_sees_the_stories_and_no_buttons(lab: Lab) -> None:
    page = words(viewer())
    assert "Fabrikam" in page
    assert 'name="scene"' not in page
    refused = viewer().post("/lab/scene/", {"scene": "lock", "tenant": "contoso"})
    assert refused.status_code == 404


def test_a_scene_is_played_and_said(lab: Lab) -> None:
    client = staff()
    answer = client.post("/lab/scene/", {"scene": "unlock", "tenant": "fabrikam"}, follow=True)
    assert answer.redirect_chain == [("/lab/#fabrikam", 302)]
    page = answer.content.decode()
    assert "is off: it keeps nobody out." in page
    assert page.count("The lock-down connector is turned off.") == 2


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("smtp/reputation", "says that the client"),
        ("smtp/delay:500", "waits 500 ms"),
        ("smtp/wrong-region", "came to the wrong region (4.4.62)"),
        ("smtp/second-tenant", "recipient came before (4.5.3)"),
        ("api/redirect", "sends elsewhere (302)"),
        ("api/429", "asks to wait (429)"),
    ],
)
def test_a_fault_is_set_shown_and_taken_away(lab: Lab, fault: str, says: str) -> None:
    client = staff()
    given = {"tenant": "contoso", "fault": fault}
    page = client.post("/lab/scene/", given, follow=True).content.decode()
    assert says in page
    where = fault.partition("/")[0]
    client.post("/lab/scene/", {"tenant": "contoso", "fault": f"{where}/none"})
    assert "</use></svg><span><code>" not in words(client).partition("<main")[2]


@pytest.mark.parametrize(
    "asked",
    [
        {"scene": "explode", "tenant": "contoso"},
        {"scene": "lock", "tenant": "nobody"},
        {"fault": "smtp/explode", "tenant": "contoso"},
        {"fault": "api/explode", "tenant": "contoso"},
        {},
    ],
)
def test_what_the_lab_does_not_know_is_said(lab: Lab, asked: dict[str, str]) -> None:
    page = staff().post("/lab/scene/", asked, follow=True)
    assert page.status_code == 200
    assert "The lab refused:" in page.content.decode()


def watched(lab: Lab, *, state: str = "open") -> models.Tenant:
    """tailspin, whose lock is off in the lab, as it was read at first."""
    story = lab.tenant("tailspin")
    of = factories.tenant(
        "tailspin", tenant_id=story["tenant_id"], cloud="lab", state=state, fetch_every=15
    )
    here = factories.lock(enabled=False, sender_ip_addresses=("127.0.12.10",))
    factories.snapshot(of, factories.configuration(here), factories.ago(days=2))
    return of


@pytest.mark.parametrize(
    ("state", "scene", "says"),
    [
        ("open", "", "As it was when watching began."),
        ("unknown", "", "Read, but not seen on the wire yet"),
        ("open", "lock", "Not read yet: it is read every 15 s, last"),
        ("open", "widen", "Not read yet: it is read every 15 s, last"),
    ],
)
def test_the_page_says_what_to_look_at_next(lab: Lab, state: str, scene: str, says: str) -> None:
    watched(lab, state=state)
    if scene:
        lab.scene(scene, "tailspin")
    page = words(staff())
    assert says in page
    assert 'href="/tenants/tailspin/"' in page


@pytest.mark.parametrize(
    ("effect", "says"),
    [
        ("opens", "Noticed. See the change and the probes around it. Then lock."),
        ("pending", "Read. Probes are still looking at what the change did."),
    ],
)
def test_a_change_that_was_read_is_led_to(lab: Lab, effect: str, says: str) -> None:
    of = watched(lab)
    latest = of.snapshots.get()
    change = models.Change.objects.create(
        tenant=of, before=latest, after=latest, at=factories.ago(minutes=2), effect=effect,
        part="inbound_connectors", subject="Lock to gateway", field="Enabled", kind="changed",
    )  # fmt: skip
    page = words(staff())
    assert says in page
    assert f'href="/changes/{change.pk}/"' in page


@pytest.mark.parametrize(
    ("scene", "tenant", "says"),
    [
        ("renew-certificate", "fabrikam", "shows a certificate for mail.fabrikam.example"),
        ("expire", "contoso", "says that the secret has expired (AADSTS7000222)"),
        ("throttle", "litware", "says that the server is busy (4.7.500)"),
        ("break-front-end", "adatum", "takes whom the rules refuse"),
    ],
)
def test_what_went_wrong_on_purpose_is_shown_until_reset(
    lab: Lab, scene: str, tenant: str, says: str
) -> None:
    client = staff()
    client.post("/lab/scene/", {"scene": scene, "tenant": tenant})
    trouble = re.compile(r"</use></svg><span><code>[^<]*</code> ([^<]*)")
    assert any(says in found for found in trouble.findall(words(client)))
    client.post("/lab/scene/", {"scene": "reset", "tenant": tenant})
    assert trouble.findall(words(client)) == []


def test_a_tenant_offers_only_the_scenes_that_it_can_play(lab: Lab) -> None:
    page = words(staff())
    section = re.compile(r'<section class="spined" id="(\w+)">(.*?)</section>', re.DOTALL)
    stories = dict(section.findall(page))
    offered = {slug: set(re.findall(r'name="scene" value="([\w-]+)"', stories[slug]))
               for slug in ("fabrikam", "adatum")}  # fmt: skip
    assert {"renew-certificate", "widen", "unlock"} <= offered["fabrikam"]
    assert "expire" not in offered["fabrikam"]
    assert {"lock", "expire", "reset"} <= offered["adatum"]
    assert not {"renew-certificate", "widen", "unlock"} & offered["adatum"]


def test_the_mailbox_is_steered_from_the_page_too(lab: Lab) -> None:
    client = staff()
    page = client.post("/lab/scene/", {"mailbox": "busy"}, follow=True).content.decode()
    assert "The mailbox asks to come back later (451)." in page
    assert '<option value="busy" selected>' in page
    client.post("/lab/scene/", {"mailbox": "take"})
    assert '<option value="take" selected>' in words(client)
    refused = viewer().post("/lab/scene/", {"mailbox": "refuse"})
    assert refused.status_code == 404


def test_every_scene_and_fault_is_listed_by_its_name(lab: Lab) -> None:
    names = words(staff()).partition('id="names"')[2]
    for name in ("break-front-end", "wrong-region", "second-tenant", "redirect", "hang-up"):
        assert f"<dt><code>{name}</code></dt>" in names


def test_a_domain_without_a_postmaster_leads_to_its_recipient_until_one_is_named(lab: Lab) -> None:
    wingtip = factories.tenant("wingtip", tenant_id=lab.tenant("wingtip")["tenant_id"], cloud="lab")
    says = 'href="/tenants/wingtip/recipients/">Name <code>info@wingtiptoys.com</code>'
    assert says in words(staff())
    wingtip.recipients.create(domain="wingtiptoys.com", address="info@wingtiptoys.com")
    assert says not in words(staff())


def test_a_fault_explains_what_is_unknown(lab: Lab) -> None:
    watched(lab, state="unknown")
    lab.fault(tenant="tailspin", fault="silent")
    assert "With this fault its answers prove nothing." in words(staff())


def test_each_choice_stands_on_the_fault_that_is_set(lab: Lab) -> None:
    client = staff()
    chosen = re.compile(r'<option value="(\S+)" selected>')
    assert set(chosen.findall(words(client))) == {"smtp/none", "api/none", "take"}
    given = {"tenant": "contoso", "fault": "api/truncated"}
    page = client.post("/lab/scene/", given, follow=True).content.decode()
    assert "From now on the Admin API of contoso cuts the list short." in page
    client.post("/lab/scene/", {"tenant": "contoso", "fault": "smtp/delay:500"})
    assert chosen.findall(words(client))[1:3] == ["smtp/delay:500", "api/truncated"]


def test_a_tenant_that_cannot_be_read_leads_to_its_check(lab: Lab) -> None:
    story = lab.tenant("proseware")
    factories.tenant(
        "proseware", tenant_id=story["tenant_id"], cloud="lab", fetch_error="role-missing (403)"
    )
    assert 'href="/tenants/proseware/check/"' in words(staff())


class Control(BaseHTTPRequestHandler):
    """A control that answers as told, to see how trouble is borne."""

    answer: tuple[int, bytes] = (200, b"{}")

    def do_GET(self) -> None:
        status, body = self.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Location", "/again")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Quiet."""


@pytest.fixture
def control(settings: Any) -> Iterator[type[Control]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Control)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
    settings.LAB = {
        "control": f"http://127.0.0.1:{server.server_address[1]}",
        "control_token": "t",
        "tenants": [{"slug": "contoso", "tenant_id": "0"}],
    }
    yield Control
    server.shutdown()
    server.server_close()


STATE: dict[str, Any] = {
    "tenants": [
        {
            "slug": "contoso",
            "name": "Contoso",
            "story": EVIL,
            "lock": "on",
            "contradicted": True,
            "connectors": [
                {
                    "name": "=cmd()" + EVIL,
                    "kind": "Partner",
                    "enabled": True,
                    "addresses": [],
                    "certificate": None,
                    "sender_domains": ["*"],
                }
            ],
            "front_ends": [],
            "api_faults": [],
        }
    ],
    "faults": {},
    "api_faults": [],
}


def test_what_the_lab_says_cannot_act(control: type[Control]) -> None:
    control.answer = (200, json.dumps(STATE).encode())
    page = words(staff())
    assert EVIL not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "Closed in its configuration, open on the wire." in page


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, b'{"error": "the token is wrong"}', "The lab refused: the token is wrong."),
        (200, b"<html>", "something that is no document"),
        (500, b"[]", "answered 500 with something that is no document"),
        (302, b"", "answered 302 with something that is no document"),
        (302, b"{}", "The lab refused: 302."),
        (200, b'{"long": "%s"}' % (b"x" * lab_client.MOST_BYTES), "that is no document"),
    ],
)
def test_a_lab_in_trouble_is_said(
    control: type[Control], status: int, body: bytes, says: str
) -> None:
    control.answer = (status, body)
    page = staff().get("/lab/")
    assert page.status_code == 503
    assert says in page.content.decode()


def test_a_lab_that_is_gone_is_said(settings: Any) -> None:
    settings.LAB = {"control": "http://127.0.0.1:9", "control_token": "t", "tenants": []}
    page = words(staff())
    assert "The lab is not there." in page
    assert "Start the demo" in page
    after = staff().post("/lab/scene/", {"scene": "lock", "tenant": "contoso"}, follow=True)
    assert "The lab does not answer." in after.content.decode()


def test_the_control_is_asked_without_any_proxy(
    control: type[Control], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    control.answer = (200, b'{"here": 1}')
    assert lab_client.ask(settings.LAB, "/state") == {"here": 1}


def test_the_page_asks_the_database_a_bounded_number_of_times(
    control: type[Control], django_assert_max_num_queries: Any
) -> None:
    control.answer = (200, json.dumps(STATE).encode())
    for n in range(20):
        factories.tenant(f"tenant{n}", cloud="lab")
    client = staff()
    with django_assert_max_num_queries(12):
        client.get("/lab/")
    assert models.Tenant.objects.count() == 20
