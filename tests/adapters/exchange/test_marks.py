"""An answer is known again exactly where nothing that is read of it moved."""

import json
from typing import Any

import pytest

from mailposture.adapters.exchange import marks
from mailposture.adapters.exchange.client import marked
from mailposture.adapters.exchange.cmdlets import CMDLETS, read
from mailposture.adapters.exchange.envelope import Answer
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.adapters.exchange.reader import Fetched, taken
from tests.commands.bundles import connector

CALL = "Get-InboundConnector"


def body(*rows: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"@odata.context": "x", "value": list(rows), **more}).encode()


def answer(said: bytes, status: int = 200) -> Answer:
    return Answer(status=status, headers={}, body=said)


def held_by(server: str, **fields: Any) -> bytes:
    return body(connector("Lock", OriginatingServer=server, **fields))


def test_the_server_that_held_an_object_makes_no_difference() -> None:
    one, two = held_by("AM6PR03A01DC001"), held_by("DB3PR05A01DC003.eurprd05")
    assert one != two
    assert marks.mark(CALL, one) == marks.mark(CALL, two)
    assert read(CMDLETS[0], [marked(CALL, answer(one), ())]) == read(
        CMDLETS[0], [marked(CALL, answer(two), ())]
    )


@pytest.mark.parametrize(
    "other",
    [
        held_by("A", Enabled=False),
        held_by("A", Comment="x"),
        held_by("A", WhenChangedUTC="2026-11-25T08:00:00Z"),
        body(connector("Lock", OriginatingServer="A"), connector("Two", OriginatingServer="A")),
        body(connector("Lock")),
        body(connector("Lock", OriginatingServer=["A"])),
        body(),
        body(connector("Lock", OriginatingServer="A"), **{"@adminapi.warnings": ["more"]}),
        # A text may hold the name of the field, and a server's name a quote: neither hides a thing.
        held_by("A", Comment='"OriginatingServer":"B"'),
        held_by('A","Enabled":false,"x":"'),
    ],
)
def test_anything_else_does(other: bytes) -> None:
    assert marks.mark(CALL, other) != marks.mark(CALL, held_by("A"))


def test_texts_that_speak_of_the_server_are_not_left_out() -> None:
    one, two = (held_by("A", Comment=f'"OriginatingServer":"{text}"') for text in ("B", "C"))
    assert marks.mark(CALL, one) != marks.mark(CALL, two)


def test_the_same_answer_to_another_call_is_another_answer() -> None:
    assert marks.mark("Get-TransportRule", body()) != marks.mark(CALL, body())


def test_another_program_knows_no_answer_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before = marks.mark(CALL, body())
    marks._begun.cache_clear()
    monkeypatch.setattr(marks, "_program", lambda: b"of another release")
    assert marks.mark(CALL, body()) != before
    marks._begun.cache_clear()


def test_the_program_is_known_by_the_code_that_reads() -> None:
    sources = {path.relative_to(marks._HOME).as_posix() for path in marks.sources()}
    assert {"adapters/exchange/parse.py", "adapters/targets.py", "core/hosts.py"} < sources


def test_where_there_is_no_source_to_go_by_a_process_knows_only_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(marks, "sources", list)
    assert marks._program.__wrapped__() != marks._program.__wrapped__()


def test_an_error_is_no_page_and_has_no_mark() -> None:
    said = body()
    known = {marks.mark(CALL, said)}
    with pytest.raises(ExchangeError):
        marked(CALL, answer(said, 500), known)


# ---- all of a tenant's answers ---------------------------------------------------------------


def answers(known: tuple[str, ...] = (), **moved: Any) -> list[Any]:
    bodies = {
        "inbound_connectors": body(connector("Lock", **moved)),
        "organization": body({"Name": "contoso", "RejectDirectSend": False}),
        "accepted_domains": body({"DomainName": "contoso.com", "DomainType": "Authoritative"}),
    }
    return [
        [marked(f"{c.part} {n}", answer(bodies.get(c.part, body())), known)]
        for n, c in enumerate(CMDLETS)
    ]


def test_answers_that_are_all_known_are_not_read() -> None:
    first = taken(answers())
    assert first.configuration is not None
    assert taken(answers(first.marks), first.marks) == Fetched(
        configuration=None, marks=first.marks
    )


def test_where_one_moved_all_are_read_and_say_what_they_say_without_marks() -> None:
    first = taken(answers())
    moved = taken(answers(first.marks, Enabled=False), first.marks)
    assert moved == taken(answers(Enabled=False))
    assert moved.configuration != first.configuration


def test_a_part_that_gave_an_error_leaves_no_marks() -> None:
    given = answers()
    given[4] = ExchangeError("unavailable", "503", permanent=False)
    seen = taken(given)
    assert seen.marks == ()
    assert seen.configuration is not None
    assert "transport_rules" in seen.configuration.not_known
