"""Who is known to send: imports that may be repeated, their retention, and all sources together."""

import io
from datetime import timedelta
from io import BufferedReader
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mailposture import models
from mailposture.adapters import traces
from mailposture.adapters.columns import ReportError
from mailposture.adapters.exchange import tracing
from mailposture.core.configuration import AcceptedDomain, Configuration
from mailposture.core.reachability import compare
from mailposture.core.senders import How, Turn, losing
from mailposture.services import secrets, ticking, traffic
from tests import factories as make
from tests.adapters.dns_server import Zone, name_server
from tests.factories import NOW

pytestmark = pytest.mark.django_db
HEAD = "Received,SenderAddress,RecipientAddress,FromIP"
TODAY = "2026-11-25T07:00:00"


def line(
    source: str = "198.51.100.7",
    *,
    day: str = TODAY,
    sender: str = "a@fabrikam.com",
    to: str = "b@contoso.com",
) -> str:
    return f"{day},{sender},{to},{source}"


def bring(of: models.Tenant, *lines: str, how: str = "trace", head: str = HEAD) -> traffic.Imported:
    data = "\n".join((head, *lines)).encode()
    return traffic.import_file(of, BufferedReader(io.BytesIO(data)), how, NOW)


@pytest.fixture
def contoso() -> models.Tenant:
    tenant = make.tenant()
    make.snapshot(tenant, make.configuration(), make.ago(days=2))
    return tenant


def kept(of: models.Tenant) -> list[tuple[str, str, int]]:
    rows = of.seen_senders.order_by("source", "day", "how")
    return [(row.source, row.sender_domain, row.messages) for row in rows]


# ---- imports -------------------------------------------------------------------------------


def test_an_import_keeps_domains_and_counts_and_says_what_it_passed_over(
    contoso: models.Tenant,
) -> None:
    done = bring(
        contoso,
        line(),
        line(sender="c@fabrikam.com"),
        line("198.51.100.8", sender="<>"),
        line(to="x@elsewhere.example"),
        line(day="2026-01-01T00:00:00"),
        line(day="2027-01-01T00:00:00"),
        line(source=""),
    )
    assert kept(contoso) == [("198.51.100.7", "fabrikam.com", 2), ("198.51.100.8", "", 1)]
    assert (done.lines, done.senders, done.messages) == (7, 2, 3)
    assert (done.first, done.last) == (NOW.date(), NOW.date())
    assert done.passed_over == {
        "no source address": 1,
        "to a domain of others": 1,
        "too old to keep, or not yet": 2,
    }
    event = models.AuditEvent.objects.get(action="imported traffic")
    assert (event.subject, event.detail) == ("contoso", {"report": "trace", "messages": 3})


def test_the_same_file_twice_counts_once_and_of_two_counts_the_larger_stands(
    contoso: models.Tenant,
) -> None:
    bring(contoso, line(), line())
    bring(contoso, line(), line())
    assert kept(contoso) == [("198.51.100.7", "fabrikam.com", 2)]
    bring(contoso, line())
    assert kept(contoso) == [("198.51.100.7", "fabrikam.com", 2)]
    bring(contoso, line(), line(), line())
    assert kept(contoso) == [("198.51.100.7", "fabrikam.com", 3)]


def test_mail_to_a_subdomain_is_its_domains_where_that_takes_it(contoso: models.Tenant) -> None:
    above = AcceptedDomain(
        domain_name="contoso.com", domain_type="Authoritative", match_sub_domains=True
    )
    seen = make.configuration()
    contoso.snapshots.all().delete()
    make.snapshot(contoso, _with(seen, above), make.ago(days=1))
    bring(contoso, line(to="b@eu.contoso.com"), line(to="b@notcontoso.com"))
    assert contoso.seen_senders.get().recipient_domain == "contoso.com"


def _with(seen: Configuration, *domains: AcceptedDomain) -> Configuration:
    fields: dict[str, Any] = {name: getattr(seen, name) for name in seen.__dataclass_fields__}
    return Configuration(**fields | {"accepted_domains": domains})


def test_where_the_domains_are_not_known_nothing_is_taken_for_others() -> None:
    tenant = make.tenant("fabrikam")
    done = bring(tenant, line(to="b@anything.example"))
    assert (done.messages, done.passed_over) == (1, {})


def test_a_file_that_is_refused_leaves_nothing_behind(contoso: models.Tenant) -> None:
    with pytest.raises(ReportError):
        bring(contoso, line(), line(day="25.11.2026"))
    assert kept(contoso) == []
    assert not models.AuditEvent.objects.exists()


def test_a_trace_of_our_own_is_kept_as_an_imported_one(
    contoso: models.Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def fetch(_cloud: Any, credential: str, span: Any) -> tracing.Traced:
        asked.append((credential, span))
        given = {"sender": "a@fabrikam.com", "recipient": "b@contoso.com"}
        lines = [given | {"date": TODAY, "source": "198.51.100.7"}]
        return tracing.Traced(report=traces.counted(lines), whole=False)

    monkeypatch.setattr(tracing, "fetch", fetch)
    monkeypatch.setattr(secrets, "credential_of", lambda of: f"credential of {of.slug}")
    done = traffic.fetch(contoso, 2, NOW)
    assert asked == [("credential of contoso", (make.ago(days=2), NOW))]
    assert (done.whole, kept(contoso)) == (False, [("198.51.100.7", "fabrikam.com", 1)])


# ---- retention -----------------------------------------------------------------------------


def test_traffic_goes_when_its_days_are_over(contoso: models.Tenant, settings: Any) -> None:
    bring(contoso, line(), line("198.51.100.8", day="2026-09-01T00:00:00"))
    assert traffic.tidy(NOW) == 0
    settings.TRAFFIC_DAYS = 30
    assert traffic.tidy(NOW) == 1
    assert traffic.tidy(NOW + timedelta(days=31)) == 1
    assert kept(contoso) == []


def test_the_clock_does_it(contoso: models.Tenant) -> None:
    bring(contoso, line())
    ticking.tick(lambda: NOW + timedelta(days=120), {})
    assert kept(contoso) == []


def test_a_tenants_traffic_is_forgotten_when_asked_and_goes_with_it(
    contoso: models.Tenant,
) -> None:
    other = make.tenant("fabrikam")
    bring(contoso, line())
    bring(other, line())
    assert traffic.forget(contoso, NOW) == 1
    assert models.AuditEvent.objects.get(action="forgot traffic").detail == {"rows": 1}
    other.delete()
    assert not models.SeenSender.objects.exists()


# ---- who sends -----------------------------------------------------------------------------


def test_of_several_reports_of_one_host_the_one_that_saw_most_counts(
    contoso: models.Tenant,
) -> None:
    bring(contoso, line(), line(), line(day="2026-11-24T07:00:00"))
    bring(contoso, line(), how="inbound")
    found = traffic.senders_of(contoso, ask_dns=False)
    (one,) = found.senders
    assert (one.how, one.messages, one.last_seen) == (How.SEEN, 3, NOW.date())


def test_hosts_that_send_least_are_counted_only(
    contoso: models.Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "MOST_SOURCES", 2)
    hosts = [line(f"192.0.2.{n}") for n in range(1, 5) for _times in range(n)]
    bring(contoso, *hosts)
    found = traffic.senders_of(contoso, ask_dns=False)
    assert [one.name for one in found.senders] == ["192.0.2.4", "192.0.2.3"]
    assert found.more == 2


def test_an_approved_source_stands_for_what_was_seen_of_it(contoso: models.Tenant) -> None:
    make.source(contoso)
    bring(contoso, line("203.0.113.10"), line("149.72.173.189"))
    found = traffic.senders_of(contoso, ask_dns=False).senders
    assert [(one.name, str(one.how)) for one in found] == [
        ("Gateway", "approved source"),
        ("SendGrid", "seen in traffic"),
    ]


def test_the_number_of_queries_does_not_grow_with_the_traffic(contoso: models.Tenant) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            traffic.senders_of(contoso, ask_dns=False)
        return len(queries)

    bring(contoso, line())
    before = asked()
    bring(contoso, *(line(f"192.0.2.{n}") for n in range(200)))
    assert asked() == before


RECORD = (
    "v=spf1 ip4:198.51.100.32 include:spf.ticketdesk.example include:sendgrid.net"
    " include:spf.protection.outlook.com include:gone.example -all"
)
ZONE: Zone = {
    ("contoso.com", "TXT"): [f'"{RECORD}"'],
    ("spf.ticketdesk.example", "TXT"): ['"v=spf1 ip4:198.51.100.128/28 -all"'],
    ("sendgrid.net", "TXT"): ['"v=spf1 ip4:192.0.2.0/24 -all"'],
}


def test_spf_names_senders_by_their_include_and_says_what_it_could_not_follow(
    contoso: models.Tenant, settings: Any
) -> None:
    with name_server(ZONE) as server:
        settings.RESOLVER = server
        found = traffic.senders_of(contoso)
    assert [(one.name, one.grounds) for one in found.senders] == [
        ("Hosts that contoso.com names itself", "SPF of contoso.com"),
        ("spf.ticketdesk.example", "SPF of contoso.com through spf.ticketdesk.example"),
        ("SendGrid", "SPF of contoso.com through sendgrid.net"),
    ]
    assert found.problems == (
        "SPF of contoso.com: It names gone.example, where nothing was found.",
    )


def test_a_name_server_that_fails_is_a_problem_and_no_absence(
    contoso: models.Tenant, settings: Any
) -> None:
    settings.RESOLVER = "not an address"
    found = traffic.senders_of(contoso)
    assert found.senders == ()
    assert "DNS was not asked for SPF" in found.problems[0]
    with name_server({("contoso.com", "TXT"): lambda _query: b""}) as server:
        settings.RESOLVER = server
        assert "it is not known" in traffic.senders_of(contoso).problems[0]


def test_what_a_lock_would_cut_off_is_read_from_all_of_them(contoso: models.Tenant) -> None:
    make.source(contoso)
    bring(contoso, line("203.0.113.10"), line("198.51.100.7"), line("198.51.100.7"))
    known = traffic.senders_of(contoso, ask_dns=False).senders
    exposed, locked = make.configuration(), make.configuration(make.lock())
    rows = losing(compare(exposed, locked), known).rows
    assert [(row.sender.name, row.turn) for row in rows if row.sender.messages] == [
        ("198.51.100.7", Turn.LOST)
    ]
    assert rows[-1].sender.name == "Gateway"
    assert rows[-1].turn is Turn.KEPT
