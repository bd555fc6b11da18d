"""The overview: its sentence, the worst first, what changed, where we are blind."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from mailposture import models
from mailposture.core.configuration import PartStatus
from mailposture.services import assessing, predicting
from tests import factories
from tests.factories import NOW, ago
from tests.web import fleet_rows as rows
from tests.web.fleet_rows import CLOSED, OPEN, SCRIPT, UNKNOWN, page, probed, words

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_one_moment() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def viewer() -> Client:
    return rows.signed_in(staff=False)


def sentence(client: Client) -> str:
    return words(page(client, "/").split('<h1 class="stat">')[1].split("</h1>")[0])


def blind(markup: str) -> list[str]:
    listed = markup.split('id="blind"')[1].split("</section>", maxsplit=1)[0]
    return [words(item) for item in listed.split("<li")[1:]]


# ---- who may see it ----------------------------------------------------------------------


def test_someone_not_signed_in_is_asked_to(client: Client) -> None:
    assert client.get("/").headers["Location"].startswith("/signin/")


def test_with_nothing_watched_staff_is_led_to_the_first_tenant() -> None:
    shown = page(rows.signed_in(staff=True), "/")
    assert "Nothing is watched yet." in shown
    assert 'href="/tenants/add/"' in shown
    assert "Worst first" not in shown


def test_with_nothing_watched_a_viewer_is_told_whom_to_ask(viewer: Client) -> None:
    shown = page(viewer, "/")
    assert "Ask someone who may set things up" in shown
    assert 'href="/tenants/add/"' not in shown


# ---- the sentence ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fleet", "said"),
    [
        ([OPEN], "1 of 1 tenant accepts mail from any host; longest 2 d."),
        ([OPEN, OPEN, CLOSED], "2 of 3 tenants accept mail from any host; longest 2 d."),
        ([OPEN, {"foreign": "closed", "own": "open"}],
         "1 of 2 tenants accepts mail from any host; longest 2 d."),
        ([{"foreign": "closed", "null": "open"}, CLOSED],
         "1 of 2 tenants is partly open to any host; longest 2 d."),
        ([CLOSED, CLOSED], "All 2 tenants refuse strangers. Last look 4 min ago."),
        ([CLOSED], "The one tenant refuses strangers. Last look 4 min ago."),
        ([CLOSED, UNKNOWN], "No tenant is seen open, but 1 of 2 is unknown."),
    ],
)  # fmt: skip
def test_one_sentence_says_the_worst(
    viewer: Client, fleet: list[dict[str, str]], said: str
) -> None:
    for n, verdicts in enumerate(fleet):
        probed(f"tenant{n}", verdicts)
    assert sentence(viewer) == said


def test_the_longest_counts_from_when_the_door_was_first_seen_open(viewer: Client) -> None:
    probed("contoso", OPEN, ago(days=6, hours=4))
    probed("tailspin", OPEN, ago(hours=21))
    shown = page(viewer, "/")
    assert "longest 6 d 4 h." in words(shown)
    assert 'href="/tenants/?state=open"' in shown
    assert 'href="/tenants/?state=open&amp;sort=since"' in shown


def test_the_rest_is_one_line_of_links(viewer: Client) -> None:
    probed("contoso", OPEN)
    probed("fabrikam", {"foreign": "closed", "null": "open"})
    probed("northwind", CLOSED)
    probed("proseware", UNKNOWN)
    shown = page(viewer, "/")
    assert "1 more is partly open, 1 is closed, 1 is unknown." in words(shown)
    assert 'href="/tenants/?state=partly"' in shown


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("open", "The approved source gets in."),
        ("closed", "1 of 1 approved source is cut off."),
        ("unknown", "0 of 1 approved source gets in, 1 is unknown."),
    ],
)
def test_approved_sources_are_said_beside_the_state(
    viewer: Client, verdict: str, said: str
) -> None:
    of = probed("contoso", OPEN)
    source = factories.source(of)
    assert source.vantage_point is not None
    for path in factories.paths(of, source.vantage_point):
        factories.answered(path, verdict, ago(days=1))
    assert said in words(page(viewer, "/"))


def test_a_source_that_nobody_plays_is_counted_as_not_probed(viewer: Client) -> None:
    of = probed("contoso", OPEN)
    for kind, fares in (("gateway", "open"), ("hybrid", "open"), ("relay", "")):
        place = factories.source(of, kind).vantage_point
        assert place is not None
        for path in factories.paths(of, place) if fares else ():
            factories.answered(path, fares, ago(days=1))
    of.sources.filter(kind="relay").update(vantage_point=None)
    assert "2 of 3 approved sources get in, 1 is not probed." in words(page(viewer, "/"))
    models.VantagePoint.objects.filter(slug="contoso-hybrid").update(enabled=False)
    assert "1 of 3 approved sources gets in, 2 are not probed." in words(page(viewer, "/"))


@pytest.mark.parametrize("verdict", ["open", "closed"])
def test_an_approved_source_whose_answers_have_lapsed_is_not_known(
    viewer: Client, verdict: str
) -> None:
    of = probed("contoso", OPEN)
    place = factories.source(of).vantage_point
    assert place is not None
    for path in factories.paths(of, place):
        factories.answered(path, verdict, ago(days=9))
    seen = of.coverage.create(vantage_point=place, since=ago(days=9), until=ago(hours=25))
    assert "0 of 1 approved source gets in, 1 is unknown." in words(page(viewer, "/"))
    # Where rounds are rare, an answer counts for four of them.
    models.Tenant.objects.update(probe_every=86400)
    assert "0 of 1" not in words(page(viewer, "/"))
    models.Path.objects.filter(vantage_point=place).update(seen_until=ago(days=5))
    seen.delete()
    assert "0 of 1 approved source gets in, 1 is unknown." in words(page(viewer, "/"))


def test_an_answer_older_than_a_day_is_unknown_and_one_of_five_rounds_is_old(
    viewer: Client,
) -> None:
    probed("contoso", OPEN, probed_at=ago(days=3))
    probed("fabrikam", OPEN, probed_at=ago(hours=5), probe_every=3600)
    assert sentence(viewer) == "1 of 2 tenants accepts mail from any host; longest 2 d."
    shown = page(viewer, "/")
    assert "2 tenants rest on answers older than four rounds." in words(shown)
    listed = rows.rows_of(shown)
    assert "fabrikam 1 domain Open answered 5 h ago" in listed[0]
    assert "contoso 1 domain Unknown answered 3 d ago unknown for 2 d" in listed[1]
    assert "the last answers are older than a day" in listed[1]


# ---- worst first -------------------------------------------------------------------------


def test_the_worst_come_first_and_among_equals_the_longest(viewer: Client) -> None:
    probed("northwind", CLOSED, ago(days=41))
    probed("tailspin", OPEN, ago(hours=21))
    probed("contoso", OPEN, ago(days=6))
    probed("fabrikam", {"foreign": "closed", "null": "open"}, ago(hours=5))
    probed("proseware", UNKNOWN)
    listed = rows.rows_of(page(viewer, "/"))
    names = [row.split(">")[-1].split()[0] for row in listed]
    assert names == ["contoso", "tailspin", "fabrikam", "proseware", "northwind"]
    assert "Any host any sender" in listed[0]
    limit = "Any host, null sender foreign sender is refused; own sender is unknown"
    assert limit in listed[2]
    assert "Not known" in listed[3]
    assert "closed for 41 d" in listed[4]
    assert "No stranger no approved source is probed" in listed[4]


def test_each_sender_cell_leads_to_the_answer_that_shows_it(viewer: Client) -> None:
    of = probed("fabrikam", {"foreign": "closed", "own": "closed", "null": "open"})
    shown = page(viewer, "/")
    for path in of.paths.all():
        assert f'href="/observations/{path.current_id}/"' in shown


def test_a_tenant_partly_open_by_domain_names_the_domain(viewer: Client) -> None:
    of = probed("litware", CLOSED)
    place = models.VantagePoint.objects.get()
    for path in factories.paths(of, place, ("litware.onmicrosoft.com",)):
        factories.answered(path, "open", ago(days=3))
    rows.stood(of, ago(days=3))
    listed = rows.rows_of(page(viewer, "/"))
    assert "Any host, 1 of 2 domains litware.onmicrosoft.com" in listed[0]
    assert "foreign" not in listed[0]
    assert listed[0].count("Partly") == 4


# ---- what changed ------------------------------------------------------------------------


def test_the_last_day_is_told_newest_first_with_effects(viewer: Client) -> None:
    of = probed("tailspin", OPEN)
    before, after = factories.lock(), factories.lock(enabled=False, name="=cmd()")
    found = rows.changed(
        of, factories.configuration(before), factories.configuration(after), ago(hours=3)
    )
    opened = next(change for change in found if change.field == "Enabled")
    rows.settled(opened, "opens", {"tailspin.com": "closed"})
    shown = words(page(viewer, "/"))
    assert "2 changes in 1 tenant." in shown
    assert "3 h ago Opens tailspin Enabled True → False on connector =cmd()" in shown
    assert "by: author unknown. Seen by probes 25 Nov 05:02 UTC." in shown


def test_yesterdays_change_is_not_in_the_feed(viewer: Client) -> None:
    of = probed("tailspin", OPEN)
    rows.changed(
        of,
        factories.configuration(factories.lock()),
        factories.configuration(factories.lock(enabled=False)),
        ago(hours=25),
    )
    assert "No configuration changed in the last 24 hours." in words(page(viewer, "/"))


# ---- where we are blind ------------------------------------------------------------------


def test_a_healthy_fleet_is_blind_nowhere(viewer: Client) -> None:
    probed("contoso", CLOSED)
    assert "Nowhere. Every tenant was read whole" in words(page(viewer, "/"))


def test_a_tenant_that_cannot_be_read_says_why_and_since_when(viewer: Client) -> None:
    error = f"role-missing (403): {SCRIPT} The app's role does not reach"
    probed("proseware", UNKNOWN, fetch_error=error, fetch_failing_since=ago(hours=16))
    shown = page(viewer, "/")
    assert SCRIPT not in shown
    line, doors = blind(shown)
    assert "proseware is Unknown at every door: nothing answered." in doors
    assert "proseware cannot be read: 403, &lt;script&gt;" in line
    assert "since 24 Nov 16:02" in line
    assert 'href="/tenants/proseware/check/"' in shown


def test_a_tenant_without_a_credential_is_named(viewer: Client) -> None:
    of = probed("contoso", CLOSED)
    models.Credential.objects.filter(tenant=of).delete()
    assert "contoso has no credential" in blind(page(viewer, "/"))[0]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (PartStatus.FORBIDDEN, "mail-flow rules may not be read"),
        (PartStatus.TRUNCATED, "mail-flow rules came cut short"),
        (PartStatus.INCOMPLETE, "mail-flow rules came incomplete"),
        (PartStatus.FAILED, "mail-flow rules could not be read"),
    ],
)
def test_a_part_that_was_not_read_is_named(viewer: Client, status: PartStatus, said: str) -> None:
    of = probed("litware", CLOSED)
    whole = factories.configuration(factories.lock())
    factories.snapshot(of, whole, ago(days=9), ago(hours=3))
    lacking = factories.without(whole, "transport_rules", status, "")
    factories.snapshot(of, lacking, ago(hours=2))
    (line,) = blind(page(viewer, "/"))
    assert f"litware: {said}." in line
    assert "since 25 Nov 06:02" in line


def test_a_part_that_is_read_again_is_no_longer_named(viewer: Client) -> None:
    of = probed("litware", CLOSED)
    whole = factories.configuration(factories.lock())
    lacking = factories.without(whole, "transport_rules", PartStatus.FORBIDDEN, "")
    factories.snapshot(of, lacking, ago(days=9), ago(hours=3))
    factories.snapshot(of, whole, ago(hours=2))
    assert blind(page(viewer, "/")) == []


def test_words_in_a_comment_make_no_part_unread(viewer: Client) -> None:
    of = probed("contoso", CLOSED)
    lie = factories.lock(comment='"status": "forbidden"')
    factories.snapshot(of, factories.configuration(lie), ago(days=9))
    assert blind(page(viewer, "/")) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"heard_at": ago(minutes=9)}, "silent. Its worker does not answer."),
        ({"heard_at": None}, "has not joined: its worker has no key that is known here."),
        ({"seen_as": "203.0.113.99"}, "servers see it as 203.0.113.99, not as 198.51.100.7."),
    ],
)
def test_a_place_that_does_not_see_clearly_is_named(
    viewer: Client, fields: dict[str, Any], said: str
) -> None:
    probed("contoso", CLOSED)
    models.VantagePoint.objects.update(**fields)
    assert f"Stranger, frankfurt: {said}" in blind(page(viewer, "/"))[0]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (None, "Stranger, frankfurt: not asked yet: the central worker has said no hello."),
        (ago(hours=2), "not asked since 25 Nov 06:02 UTC: the central worker is silent."),
    ],
)
def test_a_worker_that_nobody_asked_is_not_blamed(viewer: Client, asked: Any, said: str) -> None:
    probed("contoso", CLOSED)
    models.VantagePoint.objects.update(heard_at=asked, asked_at=asked)
    assert said in blind(page(viewer, "/"))[0]


@pytest.mark.parametrize(
    ("asked", "due", "idle"),
    [
        (ago(seconds=50), ago(seconds=50), False),
        (None, None, False),
        (ago(minutes=9), ago(seconds=5), True),
        (ago(seconds=5), ago(minutes=9), True),
    ],
)
def test_that_nothing_is_done_at_all_is_said_first(
    viewer: Client, asked: Any, due: Any, idle: bool
) -> None:
    probed("contoso", CLOSED, probe_due_at=due)
    models.VantagePoint.objects.update(asked_at=asked)
    for address in ("/", "/vantage-points/"):
        shown = words(page(viewer, address))
        assert ("Nothing is being done since 25 Nov 07:53:" in shown) is idle
        assert ("the central worker or the clock is not running" in shown) is idle


def test_where_nothing_was_read_nothing_is_said_to_be_unchanged(viewer: Client) -> None:
    probed("contoso", CLOSED, fetched_at=ago(days=2))
    shown = words(page(viewer, "/"))
    assert "Nothing was read in the last 24 hours." in shown
    assert "Every reading" not in shown
    assert "Every tenant was read whole" not in shown


def test_a_place_on_a_block_list_is_blind_on_every_page(viewer: Client) -> None:
    path = probed("contoso", CLOSED).paths.get(sender_class="null")
    factories.answered(path, "unknown", ago(hours=5), cause="reputation")
    assert ">0 of 1</b> vantage points" in page(viewer, "/")
    assert "0 of 1 vantage points see clearly." in words(page(viewer, "/vantage-points/"))
    assert "frankfurt: on a block list." in words(page(viewer, "/vantage-points/frankfurt/"))


def test_a_place_on_a_block_list_leads_to_the_reply(viewer: Client) -> None:
    of = probed("contoso", CLOSED)
    path = of.paths.get(sender_class="null")
    row = factories.answered(path, "unknown", ago(hours=5), cause="reputation")
    shown = page(viewer, "/")
    (line,) = blind(shown)
    assert "Stranger, frankfurt is on a block list." in line
    assert "since 25 Nov 03:02; 1 path unknown" in line
    assert f'href="/observations/{row.pk}/">See reply' in shown


def test_a_recipient_that_does_not_serve_leads_to_its_form(viewer: Client) -> None:
    of = probed("contoso", CLOSED)
    for path in of.paths.all():
        factories.answered(path, "unknown", ago(hours=5), cause="recipient-unknown")
    shown = page(viewer, "/")
    assert "contoso: the probe recipient does not exist" in blind(shown)[0]
    assert 'href="/tenants/contoso/recipients/"' in shown


@pytest.mark.parametrize(
    ("cause", "says"),
    [
        ("front-ends-disagree", "its front ends disagree"),
        ("throttled", "the server limits how much it takes from there"),
        ("no-answer", "nothing answered"),
        ("odd-reply", "the reply decides nothing"),
    ],
)
def test_a_tenant_of_which_no_look_proves_anything_is_named_with_the_commonest_reason(
    viewer: Client, cause: str, says: str
) -> None:
    of = probed("litware", UNKNOWN, since=ago(hours=5))
    other, *most = of.paths.order_by("pk")
    factories.answered(other, "unknown", ago(hours=4), cause="greylisted")
    rows_of = [factories.answered(path, "unknown", ago(hours=5), cause=cause) for path in most]
    shown = page(viewer, "/")
    (line,) = blind(shown)
    assert f"litware is Unknown at every door: {says}." in line
    assert "since 25 Nov 03:02" in line
    assert f'href="/observations/{max(row.pk for row in rows_of)}/">See reply' in shown


def test_unknown_tenants_that_are_paused_known_in_part_or_told_elsewhere_have_no_such_line(
    viewer: Client,
) -> None:
    probed("adatum", UNKNOWN, paused_at=ago(days=2))
    probed("fabrikam", {**UNKNOWN, "null": "closed"})
    for path in probed("wingtip", UNKNOWN).paths.all():
        factories.answered(path, "unknown", ago(hours=5), cause="recipient-unknown")
    shown = blind(page(viewer, "/"))
    assert not [line for line in shown if "at every door" in line]
    assert [line for line in shown if "wingtip: the probe recipient" in line]


def test_an_old_answer_is_said_to_be_old_and_no_more(viewer: Client) -> None:
    probed("contoso", UNKNOWN, probed_at=ago(hours=25))
    (line,) = blind(page(viewer, "/"))
    assert "older than four rounds" in line


def test_shards_set_aside_are_counted(viewer: Client) -> None:
    of = probed("contoso", CLOSED)
    place = models.VantagePoint.objects.get()
    look = of.rounds.create(kind="scheduled", due_at=ago(hours=1))
    for hours in (1, 2, 30):
        models.Shard.objects.create(
            round=look, tenant=of, vantage_point=place, due_at=ago(hours=hours),
            attempt=3, aside_at=ago(hours=hours),
        )  # fmt: skip
    assert "2 shards set aside after three attempts" in blind(page(viewer, "/"))[0]


def test_a_tenant_with_old_answers_is_named_but_not_one_that_is_paused(viewer: Client) -> None:
    probed("contoso", CLOSED, probed_at=ago(hours=25))
    probed("adatum", CLOSED, probed_at=ago(hours=25), paused_at=ago(days=2))
    assert [line for line in blind(page(viewer, "/")) if "older than four rounds" in line] == [
        line for line in blind(page(viewer, "/")) if "contoso" in line
    ]


def test_many_of_a_kind_are_cut_with_their_count(viewer: Client) -> None:
    for n in range(9):
        probed(f"tenant{n}", CLOSED, fetch_failing_since=ago(hours=n + 1), fetch_error="timeout")
    shown = blind(page(viewer, "/"))
    assert len(shown) == 5
    assert "5 more about tenants" in shown[-1]


# ---- who is told --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("", ""),
        ("nobody listens there",
         "The mail server does not take the mails. 2 mails wait. Next try 08:12 UTC."),
    ],
)  # fmt: skip
def test_mails_that_the_server_does_not_take_are_said_with_the_next_try(
    viewer: Client, settings: Any, answer: str, says: str
) -> None:
    settings.SMTP_URL = "smtp://127.0.0.1:25"
    of = probed("contoso", OPEN)
    models.Subscription.objects.create(address="security@example.com", created_at=NOW)
    incident = of.incidents.create(
        kind="bypass",
        severity="critical",
        moved_at=NOW,
        fingerprint=f"{of.pk}-bypass",
        opened_at=NOW,
    )
    alert = incident.alerts.create(event="opened", key="1-1", at=NOW)
    for n, minutes in enumerate((10, 30)):
        alert.deliveries.create(
            recipient=f"{n}@example.com", created_at=NOW, answer=answer, attempts=1,
            due_at=NOW + timedelta(minutes=minutes),
        )  # fmt: skip
    shown = words(page(viewer, "/"))
    assert ("The mail server does not take" in shown) is bool(says)
    assert says in shown


# ---- what it costs -----------------------------------------------------------------------


@pytest.mark.parametrize("count", [3, 30])
def test_the_page_costs_twelve_queries_however_many_tenants(
    viewer: Client, count: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    rows.many(count, [OPEN, CLOSED, UNKNOWN])
    with django_assert_max_num_queries(12):
        shown = page(viewer, "/")
    assert len(rows.rows_of(shown)) == min(count, 20)
    if count > 20:
        assert "All 30 tenants, 10 more than here." in words(shown)


@pytest.mark.parametrize("verdict", ["open", "closed"])
def test_sources_that_do_not_get_in_cost_no_more_queries_than_twelve(
    viewer: Client, verdict: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for name in ("contoso", "fabrikam"):
        of = probed(name, OPEN)
        place = factories.source(of).vantage_point
        assert place is not None
        for path in factories.paths(of, place):
            factories.answered(path, verdict, ago(days=1))
    with django_assert_max_num_queries(12):
        shown = page(viewer, "/")
    said = {"open": "All 2 approved sources get in.", "closed": "2 of 2 approved sources are cut"}
    assert said[verdict] in words(shown)


def test_a_time_is_exact_in_its_tooltip(viewer: Client) -> None:
    probed("contoso", OPEN, NOW - timedelta(days=2))
    assert "2026-11-23 08:02:00 UTC" in page(viewer, "/")


def test_grave_findings_and_contradictions_are_said_with_the_rest(
    viewer: Client, settings: Any
) -> None:
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.fabrikam.com"
    of = probed("contoso", OPEN)
    assert "against" not in page(viewer, "/").split("<main", 1)[1].split("</header>")[0]
    locked = factories.configuration(factories.lock(), domains=["contoso.com"])
    factories.snapshot(of, locked, ago(days=2))
    predicting.refresh(of, NOW)
    assessing.refresh(of, NOW)
    head = page(viewer, "/").split("<main", 1)[1].split("</header>")[0]
    grave = of.findings.filter(closed_at=None, rank__lte=1).count()
    assert f'<a href="/findings/?severity=critical&amp;severity=high">{grave} critical or high' in (
        head
    )
    assert '<a class="contra-link" href="/contradictions/">1 tenant answers against its' in head


@pytest.mark.parametrize(
    ("agreement", "said"),
    [
        ("agrees", "Agrees"),
        ("closed_open", "Contradicts"),
        ("settling", "Settling"),
        ("blind", "Not compared"),
    ],
)
def test_beside_the_last_answer_stands_whether_it_was_predicted(
    viewer: Client, agreement: str, said: str
) -> None:
    of = probed("contoso", OPEN)
    apart = NOW if agreement == "closed_open" else None
    null = models.Path.objects.filter(tenant=of, sender_class="null")
    models.Path.objects.filter(tenant=of).update(agreement="blind")
    null.update(agreement=agreement, apart_since=apart)
    shown = page(viewer, "/").split("Worst first")[1].split("</table>")[0]
    assert words(shown).count(said) == 1
    assert shown.count('class="sender contra"') == bool(apart)
    assert ("/contradictions/?tenant=contoso" in shown) is (said in ("Contradicts", "Settling"))


def test_a_source_that_contradicts_its_prediction_is_its_tenants_contradiction(
    viewer: Client,
) -> None:
    of = probed("contoso", CLOSED)
    place = factories.source(of).vantage_point
    assert place is not None
    factories.paths(of, place)
    models.Path.objects.filter(tenant=of).update(agreement="agrees")
    models.Path.objects.filter(vantage_point=place).update(agreement="open_closed", apart_since=NOW)
    shown = page(viewer, "/").split("Worst first")[1].split("</table>")[0]
    assert "Contradicts" in words(shown)
    assert 'class="sender contra"' not in shown
