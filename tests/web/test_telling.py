"""The settings of mail: what is set up, who is told, and a test with the server's answer."""

import pytest
from django.test import Client

from mailposture import models
from mailposture.services import subscribing
from mailposture.services.pages import telling
from tests import factories as make
from tests.factories import NOW, ago
from tests.web.fleet_rows import SCRIPT, page, signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> Client:
    return signed_in(staff=True)


def test_without_a_server_the_page_says_how_to_name_one(staff: Client) -> None:
    said = words(page(staff, "/settings/"))
    assert said.startswith("Mail is not set up.")
    assert "starttls://user:password@mail.example.com:587" in said
    assert "Nobody is told." in said


def test_the_server_is_named_and_its_password_never(
    staff: Client, settings: pytest.FixtureRequest
) -> None:
    settings.SMTP_URL = "starttls://user:hunter2@mail.example.com"  # type: ignore[attr-defined]
    markup = page(staff, "/settings/")
    assert "starttls://mail.example.com:587" in markup
    assert "signed in" in markup
    assert "hunter2" not in markup


def test_an_address_is_put_on_the_list_and_taken_off(staff: Client) -> None:
    make.tenant("tailspin")
    given = {"address": " security@example.com ", "tenant": "tailspin"}
    said = words(staff.post("/settings/subscribe/", given, follow=True).content.decode())
    assert "security@example.com tailspin" in said
    row = models.Subscription.objects.get()
    staff.post(f"/settings/subscriptions/{row.pk}/remove/")
    assert not models.Subscription.objects.exists()
    actions = models.AuditEvent.objects.order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["subscribed", "unsubscribed"]


@pytest.mark.parametrize("address", ["", "nobody", "jörg@example.com"])
def test_what_is_no_address_stays_in_its_field_with_the_reason(staff: Client, address: str) -> None:
    answer = staff.post("/settings/subscribe/", {"address": address, "tenant": ""})
    assert answer.status_code == 422
    assert 'aria-describedby="who_error"' in answer.content.decode()
    assert f'value="{address}"' in answer.content.decode()
    assert not models.Subscription.objects.exists()


def test_with_many_tenants_a_name_is_typed(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "MOST_TENANTS", 1)
    for slug, name in (("contoso", "Contoso"), ("adatum", "Twin"), ("litware", "TWIN")):
        make.tenant(name, slug=slug)
    assert "The name of a tenant; empty for all." in words(page(staff, "/settings/"))
    for said, about in (("contoso", "Contoso"), ("CONTOSO", "Contoso"), ("adatum", "Twin")):
        staff.post("/settings/subscribe/", {"address": f"{said}@example.com", "tenant": said})
        row = models.Subscription.objects.get(address=f"{said}@example.com")
        assert row.tenant
        assert row.tenant.name == about
    for said in ("Twin", "nobody", "\0"):
        given = {"address": "me@example.com", "tenant": said}
        answer = staff.post("/settings/subscribe/", given)
        if said == "\0":
            assert models.Subscription.objects.get(address="me@example.com").tenant is None
        else:
            assert answer.status_code == 422
            assert "No tenant has this name." in words(answer.content.decode())


def test_asking_twice_is_on_the_list_once(staff: Client) -> None:
    make.tenant("tailspin")
    given = {"address": "security@example.com", "tenant": ""}
    for says in ("is told about", "is on the list already: it is told about"):
        said = words(staff.post("/settings/subscribe/", given, follow=True).content.decode())
        assert f"security@example.com {says} all tenants." in said
    other = staff.post("/settings/subscribe/", given | {"tenant": "tailspin"}, follow=True)
    assert "security@example.com is told about tailspin." in words(other.content.decode())
    models.Subscription.objects.exclude(tenant=None).delete()
    assert models.Subscription.objects.count() == 1


def test_without_a_server_a_test_says_in_its_row_why_it_waits(staff: Client) -> None:
    staff.post("/settings/test/", {"address": "me@example.com"})
    for address in ("/settings/", "/settings/tests/"):
        shown = page(staff, address)
        assert "Waiting not sent: SMTP_URL is not set." in words(shown)
        assert "hx-trigger" not in shown


def test_heading_and_counts_come_again_with_the_answer(
    staff: Client, settings: pytest.FixtureRequest
) -> None:
    settings.SMTP_URL = "smtp://127.0.0.1:25"  # type: ignore[attr-defined]
    subscribing.subscribe("security@example.com", None, NOW)
    staff.post("/settings/test/", {"address": "me@example.com"})
    whole, piece = page(staff, "/settings/"), page(staff, "/settings/tests/")
    assert "<h1>1 address is told by mail; 1 mail waits.</h1>" in whole
    assert '<dl class="facts" id="mail">' in whole
    assert "hx-swap-oob" not in whole
    assert 'hx-swap-oob="innerHTML:header.head h1">1 address is told by mail; 1 mail' in piece
    models.Delivery.objects.update(state="sent", code=250, answer="250 2.0.0 queued", attempts=1)
    piece = page(staff, "/settings/tests/")
    assert 'h1">1 address is told by mail.</h1>' in piece
    assert '<dl class="facts" id="mail" hx-swap-oob="true">' in piece
    assert "Last answer 250 2.0.0 queued" in words(piece)


def test_a_test_is_a_mail_that_waits_and_is_watched(
    staff: Client, settings: pytest.FixtureRequest
) -> None:
    settings.SMTP_URL = "smtp://127.0.0.1:25"  # type: ignore[attr-defined]
    staff.post("/settings/test/", {"address": "me@example.com"})
    row = models.Delivery.objects.get()
    assert (row.recipient, row.state, row.alert) == ("me@example.com", "waiting", None)
    assert 'hx-trigger="every 1s"' in page(staff, "/settings/tests/")

    models.Delivery.objects.update(state="sent", code=250, answer="250 2.0.0 queued", attempts=1)
    piece = page(staff, "/settings/tests/")
    assert "hx-trigger" not in piece
    assert "250 2.0.0 queued" in piece


def test_a_test_to_no_address_is_refused_in_words(staff: Client) -> None:
    answer = staff.post("/settings/test/", {"address": "nobody"})
    assert answer.status_code == 422
    assert "nobody is not a mail address." in words(answer.content.decode())


def test_a_servers_words_stay_words(staff: Client) -> None:
    models.Delivery.objects.create(
        recipient="me@example.com", created_at=NOW, due_at=NOW, answer="<script>\u202e", attempts=1
    )
    assert "<script>\u202e" not in page(staff, "/settings/")


def test_who_may_only_look_changes_nothing() -> None:
    viewer = signed_in(staff=False)
    row = subscribing.subscribe("security@example.com", None, NOW)
    said = page(viewer, "/settings/")
    assert "Add to the list" not in said
    for address in (
        "/settings/test/", "/settings/subscribe/", f"/settings/subscriptions/{row.pk}/remove/",
    ):  # fmt: skip
        assert viewer.post(address, {"address": "x@example.com"}).status_code == 404
    assert models.Subscription.objects.count() == 1
    assert Client().get("/settings/").status_code == 302


def test_the_last_answer_is_said_with_what_waits(staff: Client) -> None:
    for n, answer in enumerate(("", f"451 4.3.2 {SCRIPT} try later", "250 2.0.0 queued")):
        state = "sent" if answer.startswith("250") else "waiting"
        models.Delivery.objects.create(
            recipient="me@example.com", state=state, answer=answer, due_at=NOW,
            created_at=ago(hours=3 - n) if n < 2 else ago(hours=9),
        )  # fmt: skip
    shown = page(staff, "/settings/")
    assert SCRIPT not in shown
    said = words(shown)
    assert said.startswith("Mail is not set up; 2 mails wait.")
    assert "Last answer 451 4.3.2" in said
