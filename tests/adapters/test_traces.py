"""Reports of mail as administrators export them: read by their columns, refused with a reason.

Columns of the vectors: Get-MessageTraceV2 (twelve properties, Export-Csv of either PowerShell);
enhanced summary and extended report of a historical search as Microsoft's article on message
trace in the Exchange admin center names them (MessageTrace, MessageTraceDetail). Those of the
connector report are not documented one by one: its lines here take the names of the others.
"""

import io
from collections.abc import Iterable
from datetime import date
from io import BufferedReader

import pytest

from mailposture.adapters import traces
from mailposture.adapters.columns import ReportError
from mailposture.core.senders import Seen

DAY = date(2026, 11, 24)
V2 = "MessageTraceId,MessageId,Received,SenderAddress,RecipientAddress,FromIP,ToIP,Subject,Status"
ENHANCED = (
    "origin_timestamp_utc,sender_address,recipient_status,message_subject,total_bytes,message_id,"
    "network_message_id,original_client_ip,directionality,connector_id,delivery_priority"
)
EXTENDED = (
    "date_time_utc,client_ip,client_hostname,server_ip,server_hostname,source_context,connector_id,"
    "source,event_id,internal_message_id,message_id,network_message_id,recipient_address,"
    "recipient_status,total_bytes,recipient_count,related_recipient_address,reference,"
    "message_subject,sender_address,return_path,message_info,directionality,tenant_id,"
    "original_client_ip,original_server_ip,custom_data"
)
CONNECTOR = "date,connector_type,connector_name,sender_address,recipient_address,tls,direction"


def report(text: str | bytes, encoding: str = "utf-8") -> traces.Report:
    data = text if isinstance(text, bytes) else text.encode(encoding)
    return traces.read(BufferedReader(io.BytesIO(data)))


def csv(head: str, *lines: str) -> str:
    return "\r\n".join((head, *lines, ""))


def v2(
    received: str = "2026-11-24T10:14:00",
    sender: str = "a@fabrikam.com",
    recipient: str = "b@contoso.com",
    source: str = "198.51.100.7",
) -> str:
    return f'1,<x@y>,{received},{sender},{recipient},{source},,"Pay, ""now""",Delivered'


def extended(event: str = "RECEIVE", **said: str) -> str:
    given = {
        "date_time_utc": "2026-11-24T10:14:00.1230000Z",
        "client_ip": "2603:10a6::1",
        "client_hostname": "AM0PR01MB1234.eurprd01.prod.outlook.com",
        "connector_id": "",
        "event_id": event,
        "recipient_address": "b@contoso.com;c@contoso.com",
        "message_subject": "Pay now",
        "sender_address": "boss@contoso.com",
        "return_path": "bounce@fabrikam.com",
        "directionality": "Incoming",
        "original_client_ip": "198.51.100.7",
        "custom_data": '"S:ProxyHop1=x;S:ProxiedClientIPAddress=198.51.100.9;'
        'S:ProxiedClientHostname=Out.Fabrikam.com.;S:Oorg="',
    } | said
    return ",".join(given.get(name, "") for name in EXTENDED.split(","))


def summed(found: Iterable[Seen]) -> list[tuple[str, str, str, int]]:
    return sorted((s.source, s.sender_domain, s.recipient_domain, s.messages) for s in found)


# ---- each report ---------------------------------------------------------------------------


def test_a_message_trace_is_counted_by_source_and_domains() -> None:
    found = report(csv(V2, v2(), v2(sender="c@Fabrikam.COM"), v2(sender="<>"), v2(source="")))
    assert summed(found.seen) == [
        ("198.51.100.7", "", "contoso.com", 1),
        ("198.51.100.7", "fabrikam.com", "contoso.com", 2),
    ]
    assert {one.day for one in found.seen} == {DAY}
    assert (found.lines, found.passed_over) == (4, {"no source address": 1})


def test_an_enhanced_summary_names_each_recipient_with_its_status() -> None:
    line = (
        '2026-11-24T10:14:00.0000000Z,a@fabrikam.com,"b@contoso.com##Receive, Deliver;'
        'c@contoso.onmicrosoft.com##Receive, Deliver;d@contoso.com##Receive, Fail",Pay now,'
        "1200,<x@y>,1341ac7b,198.51.100.7,1,,"
    )
    outbound = line.replace("198.51.100.7,1,", "198.51.100.7,2,")
    found = report(csv(ENHANCED, line, outbound))
    assert summed(found.seen) == [
        ("198.51.100.7", "fabrikam.com", "contoso.com", 1),
        ("198.51.100.7", "fabrikam.com", "contoso.onmicrosoft.com", 1),
    ]
    assert found.passed_over == {"not inbound": 1}


def test_an_extended_report_counts_arrivals_by_the_client_that_the_front_end_saw() -> None:
    found = report(csv(EXTENDED, extended(), extended("DELIVER"), extended("AGENTINFO")))
    (one,) = found.seen
    assert (one.source, one.helo) == ("198.51.100.9", "out.fabrikam.com")
    assert (one.sender_domain, one.recipient_domain) == ("fabrikam.com", "contoso.com")
    assert found.passed_over == {"another event of a message": 2}


def test_a_server_of_microsofts_is_nobodys_helo_name() -> None:
    (one,) = report(csv(EXTENDED, extended(custom_data=""))).seen
    assert (one.source, one.helo) == ("198.51.100.7", "")


def test_a_connector_report_without_addresses_is_kept_by_its_connector() -> None:
    found = report(
        csv(
            CONNECTOR,
            "2026-11-24,NoConnector,,a@fabrikam.com,b@contoso.com,No TLS,Received",
            "2026-11-24,Partner,From the gateway,a@fabrikam.com,b@contoso.com,TLS1.2,Received",
            "2026-11-24,Partner,Out,b@contoso.com,a@fabrikam.com,TLS1.2,Sent",
        )
    )
    assert [(s.source, s.connector, s.tls) for s in found.seen] == [
        ("", "none", False),
        ("", "From the gateway", True),
    ]


def test_a_report_that_counts_messages_is_taken_at_its_word() -> None:
    head = "Date,Connector Type,Sender Address,Recipient Address,Message Count"
    (one,) = report(csv(head, "2026-11-24,NoConnector,a@fabrikam.com,b@contoso.com,1200")).seen
    assert one.messages == 1200


# ---- how files are written -----------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_every_encoding_of_powershell_is_read(encoding: str) -> None:
    assert len(report(csv(V2, v2()), encoding).seen) == 1


@pytest.mark.parametrize("before", ["#TYPE Selected.System.Management.Automation", "sep=,"])
def test_what_stands_before_the_head_is_passed_over(before: str) -> None:
    assert len(report(csv(before, V2, v2()), "utf-16").seen) == 1
    with pytest.raises(ReportError, match="line 4: a date"):
        report(csv(before, V2, v2(), v2(received="soon")))
    with pytest.raises(ReportError, match="no column for date"):
        report(csv(before))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_separates_the_columns_is_found(separator: str) -> None:
    head = V2.replace(",", separator)
    line = v2().replace('"Pay, ""now"""', "Pay").replace(",", separator)
    assert len(report(csv(head, line)).seen) == 1


def test_quoted_columns_blank_lines_and_breaks_in_a_subject_do_no_harm() -> None:
    head = ",".join(f'"{name}"' for name in V2.split(","))
    broken = v2().replace("Pay, ", "Pay\r\n")
    found = report(csv(head, "", broken, "", v2()))
    assert (found.lines, summed(found.seen)[0][3]) == (2, 2)


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("[198.51.100.7]", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:DB8:0::25", "2001:db8::25"),
        ("fe80::1%eth0<script>", "fe80::1"),
        ("255.255.255.255", None),
        ("0.0.0.0", None),  # noqa: S104 - what a report says
        ("mail.contoso.com", None),
    ],
)
def test_a_source_is_written_in_one_way_or_is_none(source: str, kept: str | None) -> None:
    found = report(csv(V2, v2(source=source)))
    assert [one.source for one in found.seen] == ([kept] if kept else [])


def test_nothing_of_a_message_but_its_domains_is_kept() -> None:
    found = report(csv(V2, v2()), "utf-16")
    said = repr(found)
    for private in ("Pay", "a@", "b@", "<x@y>"):
        assert private not in said


@pytest.mark.parametrize(
    "domain", ["=cmd()", "<script>.com", "a b.com", "fab\0rikam.com", "-x.com"]
)
def test_a_domain_that_is_no_name_is_not_kept(domain: str) -> None:
    (one,) = report(csv(V2, v2(sender=f"a@{domain}"))).seen
    assert one.sender_domain == ""


def test_names_that_could_not_be_shown_are_left_out() -> None:
    odd = extended(custom_data="S:ProxiedClientHostname=\x1b[31mred")
    (one,) = report(csv(EXTENDED, odd)).seen
    assert one.helo == ""


# ---- what is refused -----------------------------------------------------------------------


@pytest.mark.parametrize("day", ["24.11.2026 10:14:00", "11/24/2026 10:14:05 AM", "", "yesterday"])
def test_a_date_that_may_be_another_is_refused_with_the_way_to_write_it(day: str) -> None:
    with pytest.raises(ReportError, match=r"line 3: a date is not written in full.*ToString"):
        report(csv(V2, v2(), v2(received=day)))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no column for date, sender, recipient, source address"),
        (csv("Name,Enabled", "x,True"), "no column for date, sender"),
        (csv("Received,SenderAddress,RecipientAddress", "x"), "no column for source address"),
        (b"PK\x03\x04\x00\x00binary", "no message trace or connector report"),
        (
            csv("Date,ConnectorType,Sender,Recipient,Count", "2026-11-24,x,a@b.com,c@d.com,many"),
            "line 2: a count of messages is not a whole number",
        ),
        (
            csv("Date;ConnectorType;Sender;Recipient;Count", "2026-11-24;x;a@b.com;c@d.com;1.234"),
            "line 2: .* Write it in digits alone, since 1.234 is two numbers.",
        ),
    ],
)
def test_what_is_no_report_is_refused_by_what_it_lacks(text: str | bytes, says: str) -> None:
    with pytest.raises(ReportError, match=says):
        report(text)


def test_an_error_shows_nothing_of_a_message() -> None:
    with pytest.raises(ReportError) as refused:
        report(csv(V2, v2(received="soon", sender="secret@fabrikam.com")))
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("bound", "says"), [("MOST_LINES", "more than 2 lines"), ("MOST_GROUPS", "more than 2 senders")]
)
def test_a_file_is_read_to_a_bound(bound: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, bound, 2)
    lines = [v2(source=f"198.51.100.{n}") for n in range(5)]
    with pytest.raises(ReportError, match=says):
        report(csv(V2, *lines))


def test_a_field_without_end_is_refused() -> None:
    with pytest.raises(ReportError, match="line 2: a field of more than 1,000,000 characters"):
        report(csv(V2, v2().replace("Pay", "x" * (traces.LONGEST_FIELD + 1))))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x" * 10_000_000, "line 1: more than 2,000,000 characters"),
        ("x" * (traces.LONGEST_FIELD + 1), "line 1: a field of more than 1,000,000"),
        ("a," * 5_000_000, "line 1: more than 2,000,000 characters"),
        (csv(V2, v2(), "y" * 10_000_000), "line 3: more than 2,000,000 characters"),
        (csv(V2, v2(), v2().replace("Pay", "y" * 10_000_000)), "line 3: more than 2,000,000"),
    ],
    ids=["head", "one name", "many names", "line", "cell"],
)
def test_a_line_without_end_is_refused_by_its_number(text: str, says: str) -> None:
    with pytest.raises(ReportError, match=says):
        report(text)
