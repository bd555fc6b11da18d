"""Findings: the list with its filters and pages, the file, one of them with what answers it."""

import csv
import io
import re
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from html import unescape
from typing import Any, cast

import pytest
import time_machine
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.http import StreamingHttpResponse
from django.test import AsyncClient, Client
from pytest_django import DjangoAssertNumQueries

from mailposture import models
from mailposture.core.configuration import InboundConnector, PartStatus
from mailposture.core.contradictions import WORDS, Agreement
from mailposture.core.posture import RULES
from mailposture.services import assessing, predicting
from mailposture.services.pages import commands, findings_file
from mailposture.services.pages import findings as pages
from tests import factories as make
from tests.factories import NOW, ago
from tests.web.fleet_rows import SCRIPT, page, rows_of, signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_one_moment(settings: Any) -> Iterator[None]:
    settings.EHLO_NAME = settings.SENDER_DOMAIN = "probe.fabrikam.com"
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def viewer() -> Client:
    return signed_in(staff=False)


def read(name: str, *connectors: InboundConnector, at: datetime = NOW) -> models.Tenant:
    """A tenant with a gateway, read with these connectors and judged."""
    tenant = make.tenant(name)
    make.source(tenant)
    make.snapshot(tenant, make.configuration(*connectors), ago(days=2))
    assessing.refresh(tenant, at)
    return tenant


def opened(name: str = "contoso") -> models.Tenant:
    """A tenant whose lock is turned off."""
    return read(name, make.lock(enabled=False), at=ago(hours=6))


def kept(of: models.Tenant, rule: str, **fields: Any) -> models.Finding:
    """A finding as some judgement left it."""
    severity = fields.pop("severity", "high")
    given = {
        "rule": rule,
        "severity": severity,
        "rank": list(pages.SEVERITIES).index(severity),
        "sentence": f"{rule} is violated.",
        "opened_at": ago(days=1),
        "document": {"because": "", "evidence": [], "near_miss": None, "assumptions": [],
                     "remediation": "advice"},
    }  # fmt: skip
    return models.Finding.objects.create(tenant=of, **{**given, **fields})


# ---- the list ----------------------------------------------------------------------------


def test_nothing_watched_nothing_read_and_nothing_found_are_three_things(viewer: Client) -> None:
    assert "Nothing is watched yet." in words(page(viewer, "/findings/"))
    make.tenant("fabrikam")
    unread = words(page(viewer, "/findings/"))
    assert unread.startswith("By the configuration and by what probes saw. Nothing was judged yet.")
    assert "No tenant was read yet." in unread
    make.snapshot(make.tenant("northwind"), make.configuration(), ago(days=2))
    found = words(page(viewer, "/findings/"))
    assert "No rule is seen to be violated." in found
    assert "1 tenant was never read: nothing is known of its rules." in found
    assert "not taken for met" in found


def test_the_sentence_counts_what_is_grave_and_each_number_leads_to_its_list(
    viewer: Client,
) -> None:
    opened()
    read("fabrikam", make.lock(require_tls=True))
    shown = page(viewer, "/findings/")
    grave = models.Finding.objects.filter(closed_at=None, rank__lte=1)
    critical = grave.filter(rank=0).count()
    high = grave.filter(rank=1).count()
    assert (
        f"{critical} critical and {high} high finding{'' if high == 1 else 's'} at 1 of 2 tenants."
        in words(shown)
    )
    assert '<strong><a href="/findings/?severity=critical">' in shown
    assert '<a href="/findings/?state=open">2 tenants in all</a>' in shown
    listed = rows_of(page(viewer, "/findings/?severity=critical"))
    assert len(listed) == critical


def test_the_worst_stands_first_with_rule_near_miss_tenant_and_since_when(viewer: Client) -> None:
    opened()
    first = rows_of(page(viewer, "/findings/"))[0]
    assert "MP-01 A restricted Partner connector denies by default" in first
    assert "Would be closed if Lock to gateway were enabled" in first
    assert "Critical contoso 6 h since 25 Nov 02:02" in first


@pytest.mark.parametrize(
    ("query", "rules"),
    [
        ("", ["MP-01", "MP-06"]),
        ("?severity=critical", ["MP-01"]),
        ("?rule=MP-06", ["MP-06"]),
        ("?rule=MP-06&rule=MP-01", ["MP-01", "MP-06"]),
        ("?tenant=contoso", ["MP-01"]),
        ("?tenant=FABRI", ["MP-06"]),
        ("?state=closed", ["MP-02"]),
        ("?state=all", ["MP-01", "MP-06", "MP-02"]),
        ("?state=nonsense&severity=purple&rule=MP-99", ["MP-01", "MP-06"]),
    ],
)
def test_it_is_filtered_by_severity_rule_tenant_and_state(
    viewer: Client, query: str, rules: list[str]
) -> None:
    contoso, fabrikam = make.tenant("contoso"), make.tenant("fabrikam")
    kept(contoso, "MP-01", severity="critical")
    kept(fabrikam, "MP-06")
    kept(fabrikam, "MP-02", severity="medium", closed_at=ago(hours=2))
    listed = rows_of(page(viewer, f"/findings/{query}"))
    assert [next(r for r in rules if f" {r} " in row) for row in listed] == rules


def test_a_filter_that_matches_nothing_says_so(viewer: Client) -> None:
    kept(make.tenant("contoso"), "MP-06")
    said = words(page(viewer, "/findings/?severity=info"))
    assert "No finding matches." in said
    assert "Clear filters" in said


def test_one_tenant_is_named_in_the_sentence_and_has_no_column(viewer: Client) -> None:
    kept(make.tenant("contoso"), "MP-06")
    kept(make.tenant("fabrikam"), "MP-01", severity="critical")
    shown = page(viewer, "/findings/?tenant=contoso")
    assert "1 high finding at contoso." in words(shown)
    assert '<th scope="col">Tenant</th>' not in shown


def test_what_is_over_shows_how_long_it_was(viewer: Client) -> None:
    kept(make.tenant("contoso"), "MP-06", opened_at=ago(days=3), closed_at=ago(days=1))
    (row,) = rows_of(page(viewer, "/findings/?state=closed"))
    assert "2 d until 24 Nov 08:02" in row


def test_stale_evidence_is_worked_out_when_it_is_shown(viewer: Client) -> None:
    make.tenant("contoso", fetched_at=ago(hours=2), probed_at=ago(days=3))
    make.snapshot(make.tenant("fabrikam"), make.configuration(), ago(days=2))
    make.tenant("northwind", fetched_at=ago(days=9), probed_at=ago(days=9), paused_at=ago(days=8))
    said = words(page(viewer, "/findings/"))
    assert "MP-11, as of now. 1 tenant was last read more than two intervals ago." in said
    assert "1 tenant rests on answers older than four rounds." in said
    mine = words(page(viewer, "/findings/?tenant=contoso"))
    assert "The configuration was last read 2 h ago." in mine
    assert "The domains were last asked 3 d ago." in mine
    assert "MP-11" not in words(page(viewer, "/findings/?tenant=fabrikam")).split("Filter")[0]


def test_pages_go_by_key_so_that_a_new_finding_moves_nothing(viewer: Client) -> None:
    tenant = make.tenant("contoso")
    for n in range(205):
        kept(tenant, "MP-06", subject=f"c{n:03}", sentence=f"Number {n:03}.",
             opened_at=ago(days=1) + timedelta(seconds=n // 2))  # fmt: skip
    first = page(viewer, "/findings/")
    assert (len(rows_of(first)), "Previous" in first) == (100, False)
    older = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    kept(tenant, "MP-01", severity="critical")
    second = page(viewer, f"/findings/{older}")
    assert "Number 100." in rows_of(second)[0]
    assert "100 of 206" in words(second)
    newer = second.split('rel="prev"')[0].rsplit('href="', 1)[1].split('"')[0]
    assert "Number 000." in rows_of(page(viewer, f"/findings/{newer.replace('&amp;', '&')}"))[0]


@pytest.mark.parametrize("key", ["1", "a.b.c", "9" * 40 + ".1.1", "1." + "9" * 30 + ".1", "1.-1.1"])
def test_a_place_that_means_nothing_is_the_first_page(viewer: Client, key: str) -> None:
    kept(make.tenant("contoso"), "MP-06")
    for way in ("after", "before"):
        assert len(rows_of(page(viewer, f"/findings/?{way}={key}"))) == 1


@pytest.mark.parametrize("count", [3, 30])
def test_the_list_costs_twelve_queries_however_many(
    viewer: Client, count: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(count):
        kept(make.tenant(f"tenant-{n}"), "MP-06")
    for query in ("", "?tenant=tenant-1", "?state=all"):
        with django_assert_max_num_queries(12):
            page(viewer, f"/findings/{query}")


# ---- the file ----------------------------------------------------------------------------


def test_the_file_has_a_row_a_finding_and_no_formula(viewer: Client) -> None:
    tenant = make.tenant("contoso")
    models.Tenant.objects.update(name="=cmd|' /C calc'!A0")
    kept(
        tenant, "MP-06", subject="+1", sentence="@SUM(1)", document={
            "because": "-1", "evidence": ["=1", "=2"], "near_miss": None, "assumptions": ["a"],
            "remediation": ""},
    )  # fmt: skip
    kept(tenant, "MP-01", severity="critical", closed_at=ago(hours=1))
    answer = viewer.get("/findings.csv?state=all")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="findings-20261125T0802Z.csv"'
    head, *rows = csv.reader(io.StringIO(answer.getvalue().decode(), newline=""))
    found = [dict(zip(head, row, strict=True)) for row in rows]
    assert [(r["Rule"], r["Severity"], r["State"]) for r in found] == [
        ("MP-01", "Critical", "Over"),
        ("MP-06", "High", "Stands"),
    ]
    assert found[1]["Requirement"] == "Only approved sources satisfy a restriction"
    assert found[1]["Since (UTC)"] == "2026-11-24 08:02:00"
    assert found[1]["Tenant"].startswith("'=")
    assert {cell[0] for row in rows for cell in row if cell} & set("=+-@") == set()
    assert len(viewer.get("/findings.csv?severity=critical&state=all").getvalue().splitlines()) == 2


@pytest.mark.parametrize("count", [1, 4, 5, 11])
def test_the_file_is_made_in_pieces_and_has_each_finding_once(
    viewer: Client, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings_file, "AT_ONCE", 4)
    tenant = make.tenant("contoso")
    for n in range(count):
        kept(tenant, "MP-24", subject=f"s{n:02}", severity="medium")
    answer = viewer.get("/findings.csv")
    assert answer.streaming
    pieces = list(answer)
    assert len(pieces) == 1 + -(-count // 4)
    rows = list(csv.DictReader(io.StringIO(b"".join(pieces).decode(), newline="")))
    assert sorted(row["Subject"] for row in rows) == [f"s{n:02}" for n in range(count)]


@pytest.mark.django_db(transaction=True)
async def test_the_file_is_sent_by_the_event_loop_that_serves_the_pages() -> None:
    user = await sync_to_async(User.objects.create_user)("loop")
    tenant = await sync_to_async(make.tenant)("contoso")
    await sync_to_async(kept)(tenant, "MP-24", subject="one")
    client = AsyncClient(HTTP_HOST="127.0.0.1")
    await client.aforce_login(user)
    # The type of the test client does not know answers that are sent piece by piece.
    answer = cast("StreamingHttpResponse", cast("object", await client.get("/findings.csv")))
    pieces = [piece async for piece in cast("AsyncIterator[bytes]", answer.streaming_content)]
    assert len(pieces) == 2
    assert b"MP-24" in pieces[1]


# ---- one of them -------------------------------------------------------------------------


def of_rule(tenant: models.Tenant, rule: str) -> str:
    return tenant.findings.get(rule=rule).get_absolute_url()


def test_a_finding_shows_severity_reason_evidence_and_near_miss(viewer: Client) -> None:
    said = words(page(viewer, of_rule(opened(), "MP-01")))
    assert said.startswith("Critical MP-01")
    assert "Any host on the Internet may deliver past the gateway." in said
    assert "gets in to contoso.com with the sender class foreign." in said
    assert "Near miss. Would be closed if Lock to gateway were enabled" in said
    assert "Seen once, since 25 Nov 02:02." in said


def test_a_finding_without_a_near_miss_says_why_and_what_it_tells_besides(viewer: Client) -> None:
    said = words(page(viewer, of_rule(read("contoso", at=ago(hours=6)), "MP-01")))
    assert "No near miss: No connector is within three fields of being a lock." in said
    assert "MP-05, for the same reason: Outside the restriction: contoso.com." in said


def test_its_script_stands_in_stages_with_checks_answers_and_the_way_back(viewer: Client) -> None:
    shown = page(viewer, of_rule(opened(), "MP-01"))
    said = words(shown)
    assert "Mailposture never does." in said
    assert said.index("Before you begin") < said.index("Stage 1 of 2") < said.index("Stage 2 of 2")
    assert (
        "<b>Set-InboundConnector</b> <span>-Identity</span> <i>&#x27;Lock to gateway&#x27;</i>"
        in shown
    )
    assert "How to take it back" in said
    last = said.split("Stage 2 of 2")[1]
    answers = "foreign, own contoso.com Closed 550 5.7.51 Lock to gateway"
    assert re.search(rf"A stranger [0-9.]+ {answers}", last)
    assert "Gateway 203.0.113.10 foreign, own contoso.com Gets in 250 2.1.5 Lock to gateway" in last
    assert "The whole script" in said


def test_its_script_can_be_asked_of_a_what_if(viewer: Client) -> None:
    shown = page(viewer, of_rule(opened(), "MP-01"))
    assert '<form class="buttons after" action="/tenants/contoso/what-if/" method="post">' in shown
    paste = shown.split('name="paste" value="')[1].split('"')[0]
    assert paste.splitlines()[-1].startswith("Set-InboundConnector")
    asked = viewer.post("/tenants/contoso/what-if/", {"paste": unescape(paste)})
    assert asked.status_code == 200
    assert "What if contoso took mail as proposed?" in words(asked.content.decode())


def test_a_command_is_broken_between_its_parameters_and_nowhere_changed() -> None:
    line = "Set-InboundConnector -Identity 'a -B c' -Enabled $true"
    cut = commands.pieces(line)
    assert "".join(piece.text for piece in cut) == line
    assert [p.text for p in cut if p.kind == "parameter"] == ["-Identity", "-Enabled"]


def test_without_a_gateway_the_script_is_not_ready_and_does_nothing_when_pasted(
    viewer: Client,
) -> None:
    tenant = make.tenant()
    make.snapshot(tenant, make.configuration(), ago(days=2))
    assessing.refresh(tenant, NOW)
    shown = page(viewer, of_rule(tenant, "MP-01"))
    assert "Not ready to be run. No approved gateway is declared." in words(shown)
    block = shown.split('<pre id="stage-1">')[1].split("</pre>")[0]
    assert block.startswith("<em># New-InboundConnector")
    assert 'name="paste"' not in shown


def test_it_leads_to_its_connector_and_to_who_may_deliver(viewer: Client) -> None:
    shown = page(viewer, of_rule(opened(), "MP-21"))
    assert f'<a class="button" href="/tenants/contoso/connectors/{make.LOCK}/">' in shown
    assert 'href="/tenants/contoso/exposure/"' in shown


def evidence(shown: str) -> str:
    return (
        shown.split("<h2>Evidence</h2>")[1].split("</section>", maxsplit=1)[0].replace("<wbr>", "")
    )


def proved(of: models.Tenant, rule: str, *lines: str, subject: str = "") -> str:
    """The evidence of a finding that was found in these words, as its page shows it."""
    document = {"because": "", "evidence": list(lines), "near_miss": None, "assumptions": [],
                "remediation": "advice"}  # fmt: skip
    row = kept(of, rule, document=document, subject=subject)
    return evidence(page(signed_in(staff=False), row.get_absolute_url()))


@pytest.mark.parametrize(
    ("line", "links"),
    [
        ("203.0.113.7 gets in to contoso.com with the sender class own.",
         {"contoso.com with the sender class own":
          "/tenants/contoso/exposure/?domain=contoso.com&amp;class=own#shown"}),
        ("Outside the restriction: contoso.com.",
         {"contoso.com": "/tenants/contoso/exposure/?domain=contoso.com&amp;class=foreign#shown"}),
        ("Lock to gateway: SenderDomains = contoso.com",
         {"Lock to gateway": f"/tenants/contoso/connectors/{make.LOCK}/",
          "contoso.com": "/tenants/contoso/exposure/?domain=contoso.com&amp;class=foreign#shown"}),
        ("The certificate of Gateway ends.", {"Gateway": "/tenants/contoso/sources/"}),
        # Other names that only begin or end alike, and values that read like a name.
        ("mail.contoso.com and contoso.com.example and xcontoso.com", {}),
        ("ConnectorType = Gateway", {}),
        ("Gateways", {}),
    ],
)  # fmt: skip
def test_each_name_in_the_evidence_leads_to_what_it_names(line: str, links: dict[str, str]) -> None:
    shown = proved(opened(), "MP-25", line)
    found = {text: href for href, text in re.findall(r'<a href="([^"#]*#?\w*)">([^<]*)</a>', shown)}
    assert {text: href for text, href in found.items() if text != "near miss"} == links
    assert line in words(shown)


def test_a_setting_in_the_evidence_leads_to_the_connector_that_it_is_of() -> None:
    shown = proved(opened(), "MP-25", "Enabled = False", subject=f"{make.LOCK} certificate")
    assert f'<a href="/tenants/contoso/connectors/{make.LOCK}/">Enabled</a> = False' in shown


def test_a_stranger_that_got_in_is_proved_by_the_conversation() -> None:
    tenant = opened()
    frankfurt, singapore = make.stranger("frankfurt"), make.stranger("singapore")
    (inside,) = make.paths(tenant, frankfurt, classes=("foreign",))
    (outside,) = make.paths(tenant, singapore, classes=("foreign",))
    make.answered(inside, "open", ago(hours=2))
    make.answered(outside, "closed", ago(hours=1))
    shown = proved(tenant, "MP-03", "contoso.com, foreign sender: open, 250")
    inside.refresh_from_db()
    assert inside.current
    at = inside.current.get_absolute_url()
    assert f'<a href="{at}">contoso.com, foreign sender</a>: open, 250' in shown


def test_a_contradiction_is_proved_by_the_answer_that_parts() -> None:
    tenant = opened()
    (path,) = make.paths(tenant, make.stranger(), classes=("foreign",))
    make.answered(path, "closed", ago(hours=2))
    manner = Agreement.OPEN_BUT_CLOSED
    models.Path.objects.filter(pk=path.pk).update(agreement=manner, apart_since=ago(hours=2))
    path.refresh_from_db()
    line = f"{path.vantage_point.name}, foreign sender: {WORDS[manner]}"
    assert path.current
    link = f'<a href="{path.current.get_absolute_url()}">{line}</a>'
    assert link in proved(tenant, "MP-10", line)


def test_what_it_rests_on_is_named_with_the_other_reading(viewer: Client) -> None:
    row = kept(make.tenant(), "MP-25")
    row.document["assumptions"] = ["associated_domains_scope_recipients", "forgotten"]
    row.save()
    shown = page(viewer, row.get_absolute_url())
    assert "Rests on an assumption." in words(shown)
    assert "limits a connector to senders of these domains." in words(shown)
    assert shown.count('class="note violet"') == 1


def test_what_is_over_needs_no_script_and_shows_its_history(viewer: Client) -> None:
    tenant = opened()
    kept(tenant, "MP-01", opened_at=ago(days=9), closed_at=ago(days=8), severity="critical")
    row = tenant.findings.get(rule="MP-01", closed_at=None)
    assert "16 Nov 08:02 17 Nov 08:02 1 d Critical" in words(page(viewer, row.get_absolute_url()))
    row.closed_at = ago(minutes=5)
    row.save()
    said = words(page(viewer, row.get_absolute_url()))
    assert "Nothing: it was seen to be over 5 min ago." in said
    assert "Stage 1" not in said


def test_what_cannot_be_read_any_more_gets_no_script(viewer: Client) -> None:
    tenant = opened()
    tenant.snapshots.all().delete()
    unread = make.without(
        make.configuration(), "inbound_connectors", PartStatus.FORBIDDEN, "HTTP 403"
    )
    make.snapshot(tenant, unread, ago(minutes=1))
    said = words(page(viewer, of_rule(tenant, "MP-01")))
    assert "No script can be written. Not read any more: inbound connectors." in said
    assert "Stage 1" not in said


@pytest.mark.parametrize("rule", [*(rule.id for rule in RULES), "MP-99"])
def test_a_finding_whose_subject_is_gone_is_shown_all_the_same(viewer: Client, rule: str) -> None:
    tenant = opened()
    keys = {one.id: one.remediation for one in RULES}
    row = kept(tenant, rule, subject="gone")
    row.document["remediation"] = keys.get(rule, "advice")
    row.save()
    assert f"{rule} is violated." in words(page(viewer, row.get_absolute_url()))


def test_a_contradiction_leads_to_where_they_are_listed(viewer: Client) -> None:
    tenant = make.tenant()
    make.snapshot(tenant, make.configuration(make.lock()), ago(days=2))
    (path,) = make.paths(tenant, make.stranger(), classes=["foreign"])
    make.answered(path, "open", ago(hours=1))
    predicting.refresh(tenant, NOW)
    assessing.refresh(tenant, NOW)
    shown = page(viewer, of_rule(tenant, "MP-10"))
    assert 'href="/contradictions/?tenant=contoso"' in shown
    assert "Everybody who reads the configuration believes this door closed" in words(shown)


def test_hostile_words_reach_no_page_unescaped(viewer: Client) -> None:
    name = f"'; Remove-Everything; {SCRIPT}\u202e"
    tenant = read("contoso", make.lock(enabled=False, name=name))
    row = kept(tenant, "MP-08", sentence=SCRIPT)
    row.document.update(because=SCRIPT, evidence=[SCRIPT], near_miss=SCRIPT)
    row.save()
    for address in ("/findings/", row.get_absolute_url(), of_rule(tenant, "MP-01"),
                    of_rule(tenant, "MP-21")):  # fmt: skip
        shown = page(viewer, address)
        assert SCRIPT not in shown
        assert "\u202e" not in shown.split("<main", 1)[1].split('<pre id="', 1)[0]


def test_an_answer_costs_twelve_queries(
    viewer: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    address = of_rule(opened(), "MP-01")
    with django_assert_max_num_queries(12):
        page(viewer, address)


# ---- who, and where ----------------------------------------------------------------------

ADDRESSES = ("/findings/", "/findings.csv", "/findings/1/", "/contradictions/", "/glossary/",
             "/what-if/")  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_nobody_sees_them_before_signing_in(client: Client, address: str) -> None:
    kept(make.tenant(), "MP-06", pk=1)
    answer = client.get(address)
    assert (answer.status_code, answer["Location"][:9]) == (302, "/signin/?")


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("staff", [True, False])
def test_everybody_signed_in_sees_them_and_nothing_can_be_posted(
    address: str,
    staff: bool,
) -> None:
    kept(make.tenant(), "MP-06", pk=1)
    someone = signed_in(staff=staff)
    assert someone.get(address).status_code == 200
    assert someone.post(address).status_code == 405


def test_a_finding_that_is_not_there_is_404(viewer: Client) -> None:
    page(viewer, "/findings/4711/", 404)


def test_a_what_if_begins_with_the_choice_of_a_tenant(viewer: Client) -> None:
    assert "Nothing is watched yet." in words(page(viewer, "/what-if/"))
    make.tenant("contoso", state="closed")
    make.tenant("fabrikam", state="open")
    make.tenant("proseware", setup_step=3)
    shown = page(viewer, "/what-if/")
    assert [row.split()[1] for row in rows_of(shown)] == ["fabrikam", "contoso"]
    assert 'href="/tenants/fabrikam/what-if/"' in shown
    assert [row.split()[1] for row in rows_of(page(viewer, "/what-if/?q=CONT"))] == ["contoso"]
    assert "No tenant matches." in words(page(viewer, "/what-if/?q=x"))
