"""The lab's names, asked by a real resolver library over UDP and TCP."""

import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.resolver
import pytest

from mailposture.lab import client
from mailposture.lab.nameserver import NameServer
from mailposture.lab.stories import new_world
from mailposture.lab.zones import quoted
from tests.lab.hosts import Facts, Stage


def ask(facts: Facts, name: str, kind: str, *, tcp: bool = False) -> dns.message.Message:
    host, _, port = facts["resolver"].rpartition(":")
    query = dns.message.make_query(name, kind)
    send = dns.query.tcp if tcp else dns.query.udp
    return send(query, host, port=int(port), timeout=5)


def found(answer: dns.message.Message) -> list[str]:
    return [record.to_text() for section in answer.answer for record in section]


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize(
    ("name", "kind", "records"),
    [
        ("contoso.com", "MX", ["10 mx1.contoso.com."]),
        (
            "contoso.onmicrosoft.com",
            "MX",
            ["0 contoso-onmicrosoft-com.mail.protection.outlook.com."],
        ),
        (
            "contoso.mail.onmicrosoft.com",
            "MX",
            ["0 contoso-mail-onmicrosoft-com.mail.protection.outlook.com."],
        ),
        ("mx1.contoso.com", "A", ["127.0.10.10"]),
        ("mail.fabrikam.com", "A", ["127.0.11.25"]),
        ("contoso-com.mail.protection.outlook.com", "A", ["127.0.10.20", "127.0.10.21"]),
        (
            "fabrikam-mail-onmicrosoft-com.mail.protection.outlook.com",
            "A",
            ["127.0.11.20", "127.0.11.21"],
        ),
        ("northwindtraders.com", "MX", ["10 mx1.northwind.com."]),
        ("northwindtraders-com.o-v1.mx.microsoft", "A", ["127.0.14.20", "127.0.14.21"]),
        ("smtp.contoso.com", "CNAME", ["mx1.contoso.com."]),
        ("smtp.contoso.com", "A", ["mx1.contoso.com.", "127.0.10.10"]),
        ("autodiscover.contoso.com", "A", ["autodiscover.outlook.com."]),
        ("probe.example", "MX", ["10 mx.probe.example."]),
        ("mx.probe.example", "AAAA", ["2001:db8::25"]),
        (
            "contoso.com",
            "TXT",
            ['"v=spf1 ip4:127.0.10.10 include:spf.protection.outlook.com -all"'],
        ),
        ("contoso.com", "NS", ["ns.probe.example."]),
    ],
)
def test_a_name_is_answered_with_authority(
    facts: Facts, name: str, kind: str, records: list[str], *, tcp: bool
) -> None:
    answer = ask(facts, name, kind, tcp=tcp)
    assert answer.rcode() == dns.rcode.NOERROR
    assert answer.flags & dns.flags.AA
    assert sorted(found(answer)) == sorted(records)


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("contoso.com", "AAAA", dns.rcode.NOERROR),
        ("contoso-com.mail.protection.outlook.com", "AAAA", dns.rcode.NOERROR),
        ("mail.onmicrosoft.com", "A", dns.rcode.NOERROR),
        ("nothing.contoso.com", "A", dns.rcode.NXDOMAIN),
        ("_mailposture.contoso.com", "TXT", dns.rcode.NXDOMAIN),
        ("nobody-com.mail.protection.outlook.com", "A", dns.rcode.NXDOMAIN),
        # Its only door is in the signed zone.
        ("northwindtraders-com.mail.protection.outlook.com", "A", dns.rcode.NXDOMAIN),
        ("northwindtraders-com.n-v1.mx.microsoft", "A", dns.rcode.NXDOMAIN),
        ("contoso-com.a-v1.mx.microsoft", "A", dns.rcode.NXDOMAIN),
    ],
)
def test_no_data_and_no_name_are_told_apart_and_carry_the_soa(
    facts: Facts, name: str, kind: str, code: dns.rcode.Rcode
) -> None:
    answer = ask(facts, name, kind)
    assert answer.rcode() == code
    assert found(answer) == []
    assert [section.rdtype.name for section in answer.authority] == ["SOA"]


@pytest.mark.parametrize("name", ["example.net", "com", "notcontoso.com", "outlook.com", "."])
def test_what_is_not_the_labs_is_refused(facts: Facts, name: str) -> None:
    assert ask(facts, name, "A").rcode() == dns.rcode.REFUSED


def test_a_name_is_found_in_any_case_and_answered_as_it_was_spelled(facts: Facts) -> None:
    answer = ask(facts, "CONTOSO.com", "MX")
    assert answer.answer[0].name.to_text() == "CONTOSO.com."


def test_the_resolver_library_is_content(facts: Facts) -> None:
    resolver = dns.resolver.Resolver(configure=False)
    host, _, port = facts["resolver"].rpartition(":")
    resolver.nameservers, resolver.port = [host], int(port)
    assert [r.to_text() for r in resolver.resolve("smtp.fabrikam.com", "A")] == ["127.0.11.10"]
    with pytest.raises(dns.resolver.NXDOMAIN):
        resolver.resolve("nothing.fabrikam.com", "A")
    with pytest.raises(dns.resolver.NoAnswer):
        resolver.resolve("fabrikam.com", "AAAA")


def txt(stage: Stage, name: str, value: object, *, remove: bool = False) -> str:
    asked = {"name": name, "value": value, "remove": remove}
    return str(client.ask(stage.facts, "/txt", asked)["changed"])


def test_a_txt_record_comes_and_goes(stage: Stage) -> None:
    name, value = "_mailposture.contoso.com", 'mailposture="quoted" \\ and ümlaut'
    assert "new TXT" in txt(stage, name, value)
    assert "already" in txt(stage, name.upper() + ".", value)
    record = ask(stage.facts, name, "TXT").answer[0][0]
    assert b"".join(record.strings).decode() == value
    assert "has lost" in txt(stage, name, value, remove=True)
    assert "had no such" in txt(stage, name, value, remove=True)
    assert ask(stage.facts, name, "TXT").rcode() == dns.rcode.NXDOMAIN


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("_mailposture.example.net", "x", "no name in a zone"),
        ("a b.contoso.com", "x", "no name in a zone"),
        ("_mailposture.contoso.com", 7, "must be the record's text"),
    ],
)
def test_a_txt_record_that_makes_no_sense_is_refused(
    stage: Stage, name: str, value: object, why: str
) -> None:
    with pytest.raises(client.ControlError, match=why):
        txt(stage, name, value)


def test_a_large_answer_is_cut_over_udp_and_whole_over_tcp(stage: Stage) -> None:
    name = "large.contoso.com"
    values = [f"{number}:" + "x" * 600 for number in range(4)]
    for value in values:
        txt(stage, name, value)
    short = ask(stage.facts, name, "TXT")
    assert (short.flags & dns.flags.TC, found(short)) == (dns.flags.TC, [])
    assert len(found(ask(stage.facts, name, "TXT", tcp=True))) == 4
    for value in values:
        txt(stage, name, value, remove=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", '"plain"'),
        ("", '""'),
        ('say "hi"', '"say \\034hi\\034"'),
        ("a" * 256, '"' + "a" * 255 + '" "a"'),
    ],
)
def test_txt_is_written_as_strings_of_255_bytes(value: str, text: str) -> None:
    assert quoted(value) == text


def test_what_is_no_question_gets_no_answer() -> None:
    server = NameServer(new_world())
    query = dns.message.make_query("contoso.com", "MX")
    assert server.answer(b"\x00\x01nonsense") == b""
    assert server.answer(dns.message.make_response(query).to_wire()) == b""


def test_an_update_is_not_implemented() -> None:
    query = dns.message.make_query("contoso.com", "MX")
    query.set_opcode(dns.opcode.NOTIFY)
    answer = dns.message.from_wire(NameServer(new_world()).answer(query.to_wire()))
    assert answer.rcode() == dns.rcode.NOTIMP
