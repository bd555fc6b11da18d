"""An observation: the verdict, the conversation byte for byte, what it proves and what not."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from mailposture import models
from mailposture.core.smtp.transcript import Line, Transcript, Who
from mailposture.core.verdict import Cause
from mailposture.services.pages import proof, talks
from tests import factories
from tests.factories import NOW, ago
from tests.web import fleet_rows as rows
from tests.web import sheet
from tests.web.fleet_rows import OK, SCRIPT, conversation, page, tries, words

pytestmark = pytest.mark.django_db
TWO = (("192.0.2.20", OK), ("192.0.2.21", OK))
BOTH_REFUSED = (("192.0.2.20", sheet.REFUSED), ("192.0.2.21", sheet.REFUSED))


@pytest.fixture(autouse=True)
def at_one_moment() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def viewer() -> Client:
    return rows.signed_in(staff=False)


@pytest.fixture
def door() -> dict[str, models.Path]:
    """The three paths of one stranger to contoso.com."""
    found = factories.paths(factories.tenant("contoso"), factories.stranger())
    return {path.sender_class: path for path in found}


def seen(path: models.Path, verdict: str = "open", **fields: Any) -> models.Observation:
    """An answer of this morning, with its conversations."""
    answers = TWO if verdict == "open" else BOTH_REFUSED
    given = {"tries": tries(verdict, *answers)}
    return factories.answered(path, verdict, ago(hours=1, seconds=3), **{**given, **fields})


def shown(client: Client, row: models.Observation) -> str:
    return page(client, f"/observations/{row.pk}/")


def side(markup: str, head: str) -> str:
    return words(markup.split(f"<h3>{head}</h3>")[1].split("<h3>", maxsplit=1)[0])


# ---- who may see it ----------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/observations/1/", "/observations/1.json"])
def test_someone_not_signed_in_is_asked_to(client: Client, address: str) -> None:
    assert client.get(address).headers["Location"].startswith("/signin/")


@pytest.mark.parametrize("address", ["/observations/77/", "/observations/77.json"])
def test_an_observation_that_is_not_there(viewer: Client, address: str) -> None:
    page(viewer, address, status=404)


# ---- the verdict -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sender", "verdict", "said"),
    [
        ("null", "open", "A stranger may hand contoso.com a message with a null sender."),
        ("own", "open", "A stranger may hand contoso.com a message with an own-domain sender."),
        ("foreign", "closed", "contoso.com refuses a stranger's message with a foreign sender."),
        ("foreign", "unknown",
         "Whether a stranger may hand contoso.com a message with a foreign sender is unknown."),
    ],
)  # fmt: skip
def test_the_sentence_says_the_verdict(
    viewer: Client, door: dict[str, models.Path], sender: str, verdict: str, said: str
) -> None:
    markup = shown(viewer, seen(door[sender], verdict))
    assert said in markup.split("<h1>")[1].split("</h1>")[0].replace("&#x27;", "'")
    assert "to a stranger, at RCPT" in words(markup)


@pytest.mark.parametrize(
    ("verdict", "word", "said"),
    [
        ("open", "Gets in", "gateway of contoso gets in to contoso.com with a null sender."),
        ("closed", "Cut off", "gateway of contoso is cut off from contoso.com with a null sender."),
        ("unknown", "Unknown",
         "Whether gateway of contoso gets in to contoso.com with a null sender is unknown."),
    ],
)  # fmt: skip
def test_for_an_approved_source_closed_is_the_bad_news(
    viewer: Client, verdict: str, word: str, said: str
) -> None:
    source = factories.source(factories.tenant("contoso"))
    assert source.vantage_point is not None
    paths = factories.paths(source.tenant, source.vantage_point, classes=("null",))
    markup = shown(viewer, seen(paths[0], verdict))
    assert said in words(markup)
    assert f"<span>{word}</span>" in markup
    assert "for an approved source, at RCPT" in words(markup)


def test_the_facts_name_host_domain_sender_and_control(
    viewer: Client, door: dict[str, models.Path]
) -> None:
    text = words(shown(viewer, seen(door["own"], "closed")))
    assert (
        "From Stranger, frankfurt 198.51.100.7 To contoso.com Sender own "
        "Control that answered Inbound connector Answered since 25 Nov 07:01"
    ) in text
    assert "None: nothing stopped it" in words(shown(viewer, seen(door["null"])))


# ---- the conversation --------------------------------------------------------------------


def test_the_conversation_is_there_with_its_deciding_line(
    viewer: Client, door: dict[str, models.Path]
) -> None:
    markup = shown(viewer, seen(door["null"]))
    talk = markup.split('<ol class="talk"')[1].split("</ol>")[0]
    assert talk.count("Decides: Open") == 1
    assert "RCPT TO:&lt;postmaster@fabrikam.com&gt;" in words(talk)
    assert "8 more lines, same offers without STARTTLS" in talk
    assert "238 ms, 8 round trips" in words(markup)
    assert 'data-copy="plain"' in markup
    assert "213.0 S 250 2.1.5 Recipient OK" in markup.split('<pre id="plain" hidden>')[1]


def test_a_servers_words_are_shown_and_never_obeyed(
    viewer: Client, door: dict[str, models.Path]
) -> None:
    nasty = b"250 2.1.5 <script>alert(1)</script>\x1b[2J\x00\xff"
    row = seen(
        door["null"], reply=f"250 {SCRIPT}", endpoint=SCRIPT, source=SCRIPT[:45],
        tries=tries("open", ("192.0.2.20", nasty)),
    )  # fmt: skip
    markup = shown(viewer, row)
    assert SCRIPT not in markup
    assert "\x1b" not in markup
    assert "\x00" not in markup
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1B[2J\\x00\\xFF" in markup


def test_an_endless_reply_is_cut_for_reading_and_still_decides(
    viewer: Client, door: dict[str, models.Path]
) -> None:
    long = b"".join(b"550-" + b"x" * 3000 + b"\r\n" for _ in range(300)) + b"550 5.7.51 end"
    row = seen(door["null"], "closed", tries=tries("closed", ("192.0.2.20", long)))
    markup = shown(viewer, row)
    assert len(markup) < 2_200_000
    talk = markup.split('<ol class="talk"')[1].split("</ol>")[0]
    assert len(talk) < 90_000
    assert "Decides: Closed" in talk
    assert "lines are left out" in words(markup)
    assert "the JSON file has them all" in words(markup)


def test_no_conversation_says_why(viewer: Client, door: dict[str, models.Path]) -> None:
    row = seen(
        door["null"], "unknown", tries=[], stage="", endpoint="", cause="not-tried",
        reason="The vantage point did not try.",
    )  # fmt: skip
    text = words(shown(viewer, row))
    assert "No conversation took place. The vantage point did not try." in text
    assert "Endpoint none asked" in text


# ---- what it proves ----------------------------------------------------------------------


def test_an_open_door_proves_that_much_and_no_more(
    viewer: Client, door: dict[str, models.Path]
) -> None:
    seen(door["foreign"], "closed")
    seen(door["own"], "closed")
    markup = shown(viewer, seen(door["null"]))
    proved = side(markup, "It proves")
    assert "At 07:01:57 UTC on 25 November this host could address contoso.com" in proved
    assert "A second front end, 192.0.2.21, said the same in the same round." in proved
    assert "The server saw this host as 198.51.100.7." in proved
    limits = side(markup, "It does not prove")
    assert "No DATA was sent" in limits
    assert "Recipient OK is not delivery." in limits
    assert "Their own answers at the same door: foreign and own were refused." in limits


def test_a_single_front_end_and_another_address_are_said(
    viewer: Client, door: dict[str, models.Path]
) -> None:
    row = seen(door["null"], source="203.0.113.99", tries=tries("open", TWO[0]))
    proved = side(shown(viewer, row), "It proves")
    assert "The endpoint has a single address, so that its answer decides alone." in proved
    assert "saw this host as 203.0.113.99, not as 198.51.100.7 as declared." in proved


def test_a_closed_door_does_not_prove_that_all_are_refused(
    viewer: Client, door: dict[str, models.Path]
) -> None:
    markup = shown(viewer, seen(door["null"], "closed"))
    assert "this host was refused by the inbound connector: 550 5.7.51." in words(markup)
    assert "That every other host is refused" in side(markup, "It does not prove")
    assert "none was asked with this one" in side(markup, "It does not prove")


@pytest.mark.parametrize("cause", [c for c in Cause if c in proof.HELP])
def test_every_unknown_with_a_known_cause_says_what_would_help(
    viewer: Client, door: dict[str, models.Path], cause: Cause
) -> None:
    row = seen(door["null"], "unknown", cause=str(cause), reason="Because of this.")
    markup = shown(viewer, row)
    assert "Unknown: Because of this." in words(markup)
    assert proof.HELP[cause].replace("'", "&#x27;") in markup
    assert "Nothing about who gets in. Because of this." in words(markup)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("550 5.4.1 Recipient address rejected: Access denied", "a mailbox that exists"),
        ("", "Wait for the next round."),
    ],
)
def test_any_other_unknown_is_helped_by_what_its_reply_means(
    viewer: Client, door: dict[str, models.Path], reply: str, said: str
) -> None:
    row = seen(door["null"], "unknown", cause="other-refusal", reply=reply)
    assert said in side(shown(viewer, row), "What would help")


def test_a_recipient_that_does_not_exist_leads_to_its_form(
    viewer: Client, door: dict[str, models.Path]
) -> None:
    markup = shown(viewer, seen(door["null"], "unknown", cause="recipient-unknown"))
    assert 'href="/tenants/contoso/recipients/">Name a mailbox' in markup


# ---- the session -------------------------------------------------------------------------


def test_the_session_says_endpoint_front_end_certificate_and_span(
    viewer: Client, door: dict[str, models.Path]
) -> None:
    path = door["null"]
    models.Coverage.objects.create(
        tenant=path.tenant, vantage_point=path.vantage_point, since=ago(minutes=55),
        until=ago(minutes=4), runs=24,
    )  # fmt: skip
    text = side(shown(viewer, seen(path)), "Session")
    assert "Endpoint contoso-com.mail.protection.outlook.com Front end 192.0.2.20" in text
    assert "Session 08DE2A6028D26C22" in text
    assert "same answer since 25 Nov 07:01, seen until 25 Nov 07:58, 24 looks" in text
    assert "TLSv1.3, TLS_AES_256_GCM_SHA384" in text
    assert "Issued by CN=Example Mail CA Valid until 2027-05-01 12:00:00 UTC" in text
    assert "Our certificate asked for, none shown" in text


def test_looks_are_not_counted_where_coverage_cannot_tell(
    viewer: Client, door: dict[str, models.Path]
) -> None:
    path = door["null"]
    models.Coverage.objects.create(
        tenant=path.tenant, vantage_point=path.vantage_point, since=ago(days=9),
        until=ago(minutes=4), runs=900,
    )  # fmt: skip
    text = side(shown(viewer, seen(path)), "Session")
    assert "seen until 25 Nov 07:58" in text
    assert "looks" not in text


def test_an_answer_of_the_past_leads_to_the_present_one(
    viewer: Client, door: dict[str, models.Path]
) -> None:
    old = seen(door["null"], "closed", last_at=ago(minutes=30))
    new = factories.answered(door["null"], "open", ago(minutes=20))
    markup = shown(viewer, old)
    assert "This is not the path's present answer" in words(markup).replace("&#x27;", "'")
    assert f'href="/observations/{new.pk}/">Present answer' in markup
    assert "Answered 25 Nov 07:01 to 25 Nov 07:32" in words(markup)


def test_clear_text_is_said(viewer: Client, door: dict[str, models.Path]) -> None:
    one = tries("open", TWO[0])
    one[0]["transcript"]["tls"] = None
    markup = shown(viewer, seen(door["null"], tries=one))
    assert "none: in clear text" in side(markup, "Session")
    assert "Who the server is: the conversation was in clear text." in words(markup)


def with_tls(**said: Any) -> list[dict[str, Any]]:
    one = tries("unknown", TWO[0])
    one[0]["transcript"] |= said
    return one


FACTS: Final[dict[str, Any]] = {
    "version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "group": "x25519",
    "names": ["mail.protection.outlook.com"], "not_before": "2026-05-01T12:00:00+00:00",
    "not_after": "2027-05-01T12:00:00+00:00", "fingerprint_sha256": "ab" * 32,
    "client_certificate": "shown and refused",
    "above": [
        {
            "names": [], "subject": "CN=Tailspin CA", "issuer": "CN=Tailspin Root",
            "not_before": "2020-01-01T00:00:00+00:00", "not_after": "2030-01-01T00:00:00+00:00",
            "fingerprint_sha256": "cd" * 32,
        }
    ],
}  # fmt: skip


def test_the_whole_chain_is_shown_with_its_validity(
    viewer: Client, door: dict[str, models.Path]
) -> None:
    text = side(shown(viewer, seen(door["null"], tries=with_tls(tls=FACTS))), "Session")
    assert "TLSv1.3, TLS_AES_256_GCM_SHA384, x25519" in text
    assert "Valid from 2026-05-01 12:00:00 UTC" in text
    assert (
        "Above it, 1 CN=Tailspin CA, issued by CN=Tailspin Root, valid from 2020-01-01 00:00:00 UTC"
        f" until 2030-01-01 00:00:00 UTC, SHA-256 {'cd' * 32}" in text
    )


def test_a_handshake_that_came_to_nothing_is_shown_beside_the_answer_in_clear(
    viewer: Client, door: dict[str, models.Path]
) -> None:
    replies = [["starttls", 3.0, "220 go"]]
    said = with_tls(tls=None, broken=FACTS, replies=replies)
    text = side(shown(viewer, seen(door["null"], "unknown", tries=said)), "Session")
    assert "none: in clear text. The server refused the client certificate" in text
    assert "TLS that was tried TLSv1.3" in text
    assert "Our certificate shown and refused" in text


# ---- beside it ---------------------------------------------------------------------------


def test_other_senders_and_the_other_front_end_stand_beside(
    viewer: Client, door: dict[str, models.Path]
) -> None:
    other = seen(door["foreign"], "closed")
    seen(door["own"], "closed", first_at=ago(days=3))
    text = words(shown(viewer, seen(door["null"])).split("<h2>Compare</h2>")[1])
    assert "Same sender, the other front end, 192.0.2.21 in the same round" in text
    assert "Two front ends agree, so the verdict stands." in text
    assert "Closed Foreign sender, 192.0.2.20 in the same round" in text
    assert "Own sender, 192.0.2.20 same answer since 22 Nov 08:02 UTC" in text
    assert f'href="/observations/{other.pk}/"' in shown(viewer, seen(door["null"]))


def test_front_ends_that_disagree_are_shown_as_such(
    viewer: Client, door: dict[str, models.Path]
) -> None:
    both = [*tries("open", TWO[0]), *tries("closed", BOTH_REFUSED[1])]
    row = seen(door["null"], "unknown", cause="front-ends-disagree", tries=both)
    assert "It does not say the same: two front ends must agree." in words(shown(viewer, row))


def test_two_front_ends_that_know_nothing_make_no_verdict_stand(
    viewer: Client, door: dict[str, models.Path]
) -> None:
    text = words(shown(viewer, seen(door["null"], "unknown", cause="reputation")))
    assert "It says the same." in text
    assert "so the verdict stands" not in text


def test_an_observation_costs_twelve_queries(
    viewer: Client,
    door: dict[str, models.Path],
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(20):
        seen(door["own"], "closed", last_at=ago(minutes=2))
    row = seen(door["null"])
    with django_assert_max_num_queries(12):
        shown(viewer, row)


# ---- the file ----------------------------------------------------------------------------


def test_the_file_has_all_that_is_kept(viewer: Client, door: dict[str, models.Path]) -> None:
    row = seen(door["null"])
    answer = viewer.get(f"/observations/{row.pk}.json")
    assert answer.headers["Content-Type"] == "application/json"
    assert f'filename="observation-{row.pk}.json"' in answer.headers["Content-Disposition"]
    document = json.loads(answer.content)
    assert document["verdict"] == "open"
    assert document["from"] == {"vantage_point": "frankfurt", "plays": "stranger", "family": 4}
    assert document["tries"][0]["transcript"] == conversation(OK, "192.0.2.20")
    assert Transcript.from_document(document["tries"][1]["transcript"]).address == "192.0.2.21"


# ---- conversations made fit for a page ---------------------------------------------------


def test_an_ordinary_conversation_is_not_touched() -> None:
    said = sheet.conversation()
    assert talks.sane(said) == (said, "")


def test_a_long_command_or_note_is_cut() -> None:
    said = replace(sheet.conversation(), lines=(Line(1.0, Who.CLIENT, b"y" * 5000),))
    short, words_ = talks.sane(said)
    assert len(short.lines[0].data) < 1100
    assert words_ == "1 long lines are cut"


def test_many_short_replies_keep_their_beginning_and_end() -> None:
    lines = tuple(Line(float(n), Who.SERVER, b"220 %d\r\n" % n) for n in range(900))
    short, words_ = talks.sane(replace(sheet.conversation(), lines=lines))
    assert [line.data for line in short.lines[:2]] == [b"220 0\r\n", b"220 1\r\n"]
    assert short.lines[-1].data == b"220 899\r\n"
    assert words_ == "660 lines are left out"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"220 AMS Microsoft ESMTP [08DE2A6028D26C22]\r\n", "08DE2A6028D26C22"),
        (b"550 5.7.51 x [A.outlook.com 2026-11-25T07:58:09Z 08DE2A6028D26C21]\r\n",
         "08DE2A6028D26C21"),
        (b"220 mx.example ESMTP\r\n", ""),
    ],
)  # fmt: skip
def test_the_session_is_named_by_the_server(line: bytes, found: str) -> None:
    said = Transcript(address="192.0.2.20", port=25, lines=(Line(1.0, Who.SERVER, line),))
    assert talks.session_id(said) == found
