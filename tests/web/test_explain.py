"""The page that explains a reply: who may, what it says, what it refuses, what it keeps."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from mailposture.core import proofs
from mailposture.web import explain
from mailposture.web.explain import MOST

pytestmark = pytest.mark.django_db
CONNECTOR = (
    "550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched "
    "the message's recipient domain. [AMS0EPF0000019A.eurprd05.prod.outlook.com]"
)
BOUNCE = f"""The mail system
<info@contoso.com>: host contoso-com.mail.protection.outlook.com[192.0.2.4] said:
    {CONNECTOR} (in reply to RCPT TO command)
"""


@pytest.fixture
def viewer(client: Client) -> Client:
    client.force_login(User.objects.create_user("viewer"))
    return client


def shown(client: Client, reply: str, stage: str = "") -> str:
    return client.post("/explain/", {"reply": reply, "stage": stage}).content.decode()


@pytest.mark.parametrize("how", ["get", "post"])
def test_someone_not_signed_in_is_asked_to(client: Client, how: str) -> None:
    answer = getattr(client, how)("/explain/", {"reply": CONNECTOR})
    assert answer.headers["Location"].startswith("/signin/")


@pytest.mark.parametrize("staff", [True, False], ids=["staff", "viewer"])
def test_anyone_signed_in_may_ask(client: Client, staff: bool) -> None:
    client.force_login(User.objects.create_user("someone", is_staff=staff))
    page = client.get("/explain/")
    assert page.status_code == 200
    assert "Which control answered?" in page.content.decode()
    assert "<title>Explain a reply - Mailposture</title>" in page.content.decode()


@pytest.mark.parametrize(
    ("reply", "stage", "says"),
    [
        (CONNECTOR, "rcpt", ["The inbound connector answered.", "restricted_connector", "Closed"]),
        (BOUNCE, "", ["The inbound connector answered.", "restricted_connector"]),
        (explain.DIRECT_SEND, "mail",
         ["RejectDirectSend answered.", "own domains only"]),
        ("250 2.1.5 Recipient OK", "rcpt", ["The server said yes.", "accepted", "Open"]),
        ("250 2.1.0 Sender OK", "mail", ["No control of the tenant answered.", "Unknown"]),
        ("550 5.4.1 Recipient address rejected: Access denied", "rcpt",
         ["The recipient filter answered.", "recipient_unknown", "Unknown"]),
        ("550 5.7.64 TenantAttribution; Relay Access Denied", "rcpt",
         ["The service found no tenant to take this for.", "relay_denied"]),
        ("nothing that any server says", "", ["No control of the tenant answered.", "Unknown"]),
    ],
)  # fmt: skip
def test_the_page_names_who_answered(
    viewer: Client, reply: str, stage: str, says: list[str]
) -> None:
    page = shown(viewer, reply, stage)
    assert [s for s in says if s not in page] == []


def test_of_a_bounce_the_line_that_decided_is_shown(viewer: Client) -> None:
    page = shown(viewer, BOUNCE)
    line = page.split("What decided</h2>")[1].split("</section>")[0]
    assert "550 5.7.51 TenantInboundAttribution" in line
    assert "The mail system" not in line
    assert "What decided" not in shown(viewer, CONNECTOR)


def test_a_line_that_decided_is_no_markup_and_cut(viewer: Client) -> None:
    evil = "<script>alert(1)</script>"
    page = shown(viewer, f"The mail system\nsaid: 550 5.7.51 {evil} {'x' * 900}")
    assert evil not in page.split("<textarea")[0]
    assert f"{'x' * 700}" not in page.split("<textarea")[0]


def test_a_link_with_a_short_reply_is_answered_at_once(viewer: Client) -> None:
    page = viewer.get("/explain/", {"reply": "250 2.1.5 Recipient OK", "stage": "rcpt"})
    assert "The server said yes." in page.content.decode()
    assert '<option value="rcpt" selected>' in page.content.decode()


def test_a_link_with_a_long_text_is_refused_in_words(viewer: Client) -> None:
    page = viewer.get("/explain/", {"reply": "x" * 2_001})
    assert page.status_code == 414
    assert "Too long for an address." in page.content.decode()


@pytest.mark.parametrize("size", [MOST + 1, 3_000_000], ids=["a little", "more than Django takes"])
def test_more_than_a_megabyte_is_refused_in_words(viewer: Client, size: int) -> None:
    page = viewer.post("/explain/", {"reply": "x" * size})
    assert page.status_code == 413
    assert "Longer than 1 MB." in page.content.decode()


def test_a_megabyte_is_taken(viewer: Client) -> None:
    page = viewer.post("/explain/", {"reply": CONNECTOR + " " * (MOST - len(CONNECTOR))})
    assert "The inbound connector answered." in page.content.decode()


def test_nothing_pasted_is_said(viewer: Client) -> None:
    assert "Paste a reply first." in shown(viewer, "  \n ")


def test_a_stage_nobody_knows_is_left_out(viewer: Client) -> None:
    assert "The inbound connector answered." in shown(viewer, CONNECTOR, "<b>")


def test_what_is_pasted_cannot_act(viewer: Client) -> None:
    page = shown(viewer, "550 <script>alert(1)</script></textarea><script>alert(2)</script>")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_form_without_its_token_is_refused() -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.create_user("strict"))
    assert strict.post("/explain/", {"reply": CONNECTOR}).status_code == 403


def test_nothing_is_stored(viewer: Client, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(12) as queries:
        shown(viewer, CONNECTOR)
    assert [q["sql"] for q in queries if not q["sql"].startswith("SELECT")] == []


@pytest.mark.parametrize("example", explain.EXAMPLES)
def test_every_example_has_an_answer_that_proves_something(example: str) -> None:
    assert explain.answer(example, "").proof is not proofs.NOTHING
