"""The words of a mail: true to the facts, in the order of the design, and nothing foreign acts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailposture.core import letters

BASE = "https://posture.contoso.com"
PROOF = {
    "observation": 7, "vantage_point": "Stranger, frankfurt", "source": "198.51.100.7",
    "endpoint": "tailspin-com.mail.protection.outlook.com", "address": "192.0.2.30",
    "domain": "tailspin.com", "sender_class": "foreign", "verdict": "open", "control": "",
    "code": "250 2.1.5", "line": "250 2.1.5 Recipient OK", "at": "2026-11-24T10:14:02+00:00",
    "front_ends": 2,
    "lines": [
        {"who": "C", "text": "RCPT TO:<postmaster@tailspin.com>", "decides": False},
        {"who": "S", "text": "250 2.1.5 Recipient OK", "decides": True},
    ],
}  # fmt: skip


def facts(**changes: Any) -> dict[str, Any]:
    """A locked tenant that stands open since 10:14."""
    given_: dict[str, Any] = {
        "incident": 44, "event": "opened", "kind": "bypass", "severity": "critical",
        "name": "tailspin", "slug": "tailspin", "place": None, "source": None, "state": "open",
        "at": "2026-11-24T10:14:03+00:00", "since": "2026-11-24T10:14:02+00:00", "until": None,
        "last_closed": "2026-11-24T10:04:11+00:00", "first_look": False, "seconds": None,
        "domains": 2, "of": 2,
        "subjects": [
            {"domain": "tailspin.com", "classes": ["foreign", "own", "null"]},
            {"domain": "tailspin.onmicrosoft.com", "classes": ["foreign", "own", "null"]},
        ],
        "proof": PROOF, "change": None, "approved": {"gets_in": 1, "cut_off": 0, "unknown": 0},
        "reasons": [], "fix": None,
    }  # fmt: skip
    found = {**given_, **changes}
    return {**found, "domains": changes.get("domains", len(found["subjects"]))}


OVER = {"event": "resolved", "until": "2026-11-25T08:02:02+00:00", "seconds": 78_480}
SOURCE = {"name": "Hybrid", "kind": "hybrid", "address": "203.0.113.31"}
CUT = {"kind": "cut_off", "severity": "high", "source": SOURCE, "state": "closed"}
REFUSED = [{"what": "credential", "says": "The sign-in is refused: secret-expired"}]
BLIND = {
    "kind": "blind", "severity": "medium", "state": "unknown", "proof": None,
    "reasons": REFUSED,
}  # fmt: skip
NOT_PROBED = [{"what": "not_probed", "says": "No stranger looked for 3 rounds."}]
OWN_ONLY = {
    **CUT, "severity": "medium", "inside": ["foreign", "null"],
    "subjects": [
        {"domain": "tailspin.com", "classes": ["own"]},
        {"domain": "tailspin.onmicrosoft.com", "classes": ["own"]},
    ],
}  # fmt: skip
IN_PART = (
    "Hybrid is refused by tailspin with own-domain senders at 2 domains; "
    "with foreign and null senders it gets in."
)
ONE_DOMAIN = {
    **OWN_ONLY, "inside": ["foreign", "own", "null"],
    "subjects": [{"domain": "tailspin.com", "classes": ["foreign", "own", "null"]}],
}  # fmt: skip
PARTLY = {
    "severity": "high", "state": "partly",
    "subjects": [{"domain": "tailspin.com", "classes": ["null"]}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "subject", "word", "sentence"),
    [
        (
            {}, "[Critical] tailspin takes mail from any host since 10:14 UTC", "Open",
            "tailspin takes mail from any host.",
        ),
        (
            PARTLY, "[High] tailspin takes mail from any host with a null sender since 10:14 UTC",
            "Partly open", "tailspin takes mail from any host with a null sender.",
        ),
        (
            {**PARTLY, "subjects": [{"domain": "a.example", "classes": ["foreign", "own"]}]},
            "[High] tailspin takes mail from any host to a.example since 10:14 UTC",
            "Partly open", "tailspin takes mail from any host to a.example.",
        ),
        (
            {"event": "worse"}, "[Critical] tailspin takes mail from any host", "Open",
            "tailspin takes mail from any host.",
        ),
        (
            {**PARTLY, "severity": "critical", "event": "better"},
            "[Partly open] tailspin takes mail from any host with a null sender", "Partly open",
            "tailspin takes mail from any host with a null sender.",
        ),
        (
            {**PARTLY, "severity": "critical", "event": "again"},
            "[Again] tailspin takes mail from any host with a null sender", "Partly open",
            "tailspin takes mail from any host with a null sender again.",
        ),
        (
            {**OVER, "state": "closed", "seconds": 120, "times": 2},
            "[Closed] tailspin, open for 2 min in all", "Closed",
            "tailspin refuses strangers again.",
        ),
        (
            {"event": "again"}, "[Again] tailspin takes mail from any host", "Open",
            "tailspin takes mail from any host again.",
        ),
        (
            {**OVER, "state": "closed"}, "[Closed] tailspin, open for 21 h 48 m", "Closed",
            "tailspin refuses strangers again.",
        ),
        (
            {**OVER, "state": "unknown"}, "[Resolved] tailspin, open for 21 h 48 m", "Unknown",
            "No door of tailspin is known to stand open any more.",
        ),
        (
            CUT, "[High] Hybrid is cut off from tailspin since 10:14 UTC", "Cut off",
            "Hybrid is cut off from tailspin.",
        ),
        (
            OWN_ONLY,
            "[Medium] Hybrid is refused by tailspin with own-domain senders since 10:14 UTC",
            "Partly cut off",
            IN_PART,
        ),
        (
            ONE_DOMAIN, "[Medium] Hybrid is refused by tailspin at tailspin.com since 10:14 UTC",
            "Partly cut off",
            "Hybrid is refused by tailspin at tailspin.com; elsewhere it gets in.",
        ),
        (
            {**OWN_ONLY, "event": "again"},
            "[Again] Hybrid is refused by tailspin with own-domain senders", "Partly cut off",
            f"Again, {IN_PART}",
        ),
        (
            {**OWN_ONLY, "event": "better"},
            "[Partly cut off] Hybrid is refused by tailspin with own-domain senders",
            "Partly cut off",
            IN_PART,
        ),
        (
            {**CUT, "event": "worse"}, "[High] Hybrid is cut off from tailspin", "Cut off",
            "Hybrid is cut off from tailspin.",
        ),
        (
            {**OWN_ONLY, **OVER}, "[Gets in] Hybrid to tailspin, refused in part for 21 h 48 m",
            "Gets in", "Hybrid gets in to tailspin again.",
        ),
        (
            {**CUT, **OVER}, "[Gets in] Hybrid to tailspin, cut off for 21 h 48 m", "Gets in",
            "Hybrid gets in to tailspin again.",
        ),
        (
            {**CUT, "event": "again"}, "[Again] Hybrid is cut off from tailspin", "Cut off",
            "Hybrid is cut off from tailspin again.",
        ),
        (
            BLIND, "[Medium] The configuration of tailspin is not read since 10:14 UTC",
            "Not read", "The configuration of tailspin is not read.",
        ),
        (
            {**BLIND, "still": "probed"},
            "[Medium] The configuration of tailspin is not read since 10:14 UTC", "Not read",
            "The configuration of tailspin is not read; its doors are still probed.",
        ),
        (
            {**BLIND, "reasons": NOT_PROBED, "still": "read"},
            "[Medium] tailspin is not probed since 10:14 UTC", "Not probed",
            "tailspin is not probed; its configuration is still read.",
        ),
        (
            {**BLIND, "reasons": [*REFUSED, *NOT_PROBED]},
            "[Medium] tailspin is neither read nor probed since 10:14 UTC", "Blind",
            "tailspin is neither read nor probed.",
        ),
        (
            {**BLIND, "event": "worse", "reasons": [*REFUSED, *NOT_PROBED]},
            "[Medium] tailspin is neither read nor probed", "Blind",
            "tailspin is neither read nor probed.",
        ),
        (
            {**BLIND, "reasons": []}, "[Medium] tailspin is not seen since 10:14 UTC", "Blind",
            "tailspin is not seen.",
        ),
        (
            {**BLIND, "slug": None, "name": "Singapore"},
            "[Medium] Singapore is silent since 10:14 UTC", "Blind", "Singapore is silent.",
        ),
        (
            {**BLIND, **OVER}, "[Seen] tailspin, not read for 21 h 48 m", "Seen",
            "The configuration of tailspin is read again.",
        ),
        (
            {**BLIND, **OVER, "reasons": NOT_PROBED}, "[Seen] tailspin, not probed for 21 h 48 m",
            "Seen", "tailspin is probed again.",
        ),
        (
            {**BLIND, "event": "again"}, "[Again] The configuration of tailspin is not read",
            "Not read", "The configuration of tailspin is not read.",
        ),
    ],
)  # fmt: skip
def test_each_kind_of_news_has_its_words(
    changes: dict[str, Any], subject: str, word: str, sentence: str
) -> None:
    letter = letters.compose(facts(**changes), BASE)
    assert (letter.subject, letter.word, letter.sentence) == (subject, word, sentence)


def test_the_lead_says_what_it_was_before() -> None:
    lead = letters.compose(facts(), BASE).lead
    assert lead == (
        "Last seen closed at 10:04:11 UTC, first seen open at 10:14:02 UTC, on 2 front ends."
    )


def test_open_at_the_first_look_does_not_claim_to_know_since_when() -> None:
    letter = letters.compose(facts(first_look=True, last_closed=None), BASE)
    assert letter.lead.endswith("Since when is not known.")
    assert "first look" in letter.lead


def test_a_time_of_another_day_names_its_day() -> None:
    letter = letters.compose(facts(last_closed="2026-11-23T23:59:00+00:00"), BASE)
    assert "Last seen closed on 23 Nov at 23:59:00 UTC, first seen open at 10:14:02" in letter.lead


def test_proof_facts_and_fix_follow_in_this_order() -> None:
    fix = {"title": "Turn the connector back on", "command": "Set-X 'a'", "note": "Takes it back."}
    change = {"pk": 3, "sentence": "Lock was turned off", "at": "2026-11-24T10:11:07+00:00"}
    letter = letters.compose(facts(fix=fix, change=change), BASE)
    assert [(x.who, x.decides) for x in letter.lines] == [("C", False), ("S", True)]
    assert letter.decides == "→ Decides: Open"
    assert letter.under_proof == (
        "From 198.51.100.7 (Stranger, frankfurt) to 192.0.2.30. No message was sent."
    )
    assert [label for label, _ in letter.rows] == [
        "Domains", "Senders", "Change before it", "Approved sources",
    ]  # fmt: skip
    assert (letter.fix_title, letter.fix) == ("Turn the connector back on", "Set-X 'a'")
    assert letter.url == f"{BASE}/incidents/44/"
    assert letter.acknowledge


@pytest.mark.parametrize(
    "name", ["Lock  to gateway", "Gate\u200dway", "Lock\tto", " ", "x" * 900, "a\u202eb", "a\nb"]
)
def test_a_command_that_a_mail_would_change_is_left_to_the_page(name: str) -> None:
    fix = {"title": "Turn it back on", "command": f"Set-X '{name}' ", "note": "Takes it back."}
    letter = letters.compose(facts(fix=fix), BASE)
    assert (letter.fix_title, letter.fix) == ("Turn it back on", "")
    assert letter.fix_note.startswith("The command is on the incident's page")


def test_what_is_over_offers_no_fix_and_nothing_to_acknowledge() -> None:
    fix = {"title": "t", "command": "c", "note": "n"}
    letter = letters.compose(facts(**OVER, fix=fix), BASE)
    assert (letter.fix, letter.acknowledge, letter.severity) == ("", False, "")


@pytest.mark.parametrize(
    ("verdict", "kind", "said"),
    [
        ("open", "bypass", "→ Decides: Open"), ("closed", "bypass", "⇥ Decides: Closed"),
        ("open", "cut_off", "✓ Decides: Gets in"), ("closed", "cut_off", "✕ Decides: Cut off"),
    ],
)  # fmt: skip
def test_the_deciding_line_is_named_for_whom_it_is_about(
    verdict: str, kind: str, said: str
) -> None:
    given_ = facts(kind=kind, proof={**PROOF, "verdict": verdict})
    assert letters.compose(given_, BASE).decides == said


def test_part_of_a_sources_mail_is_refused_and_not_cut_off() -> None:
    closed = {**PROOF, "verdict": "closed"}
    assert letters.compose(facts(**OWN_ONLY, proof=closed), BASE).decides == "✕ Decides: Refused"


def test_a_proof_without_its_lines_is_told_in_rows() -> None:
    rows = dict(letters.compose(facts(proof={**PROOF, "lines": []}), BASE).rows)
    assert rows["Seen by"] == "Stranger, frankfurt"
    assert rows["Last answer"] == "250 2.1.5 Recipient OK"


@pytest.mark.parametrize(
    ("changes", "labels"),
    [
        ({}, ["Domains", "Senders", "Approved sources"]),
        (OVER, ["Open before", "Let in before", "Approved sources"]),
        ({**OVER, "subjects": []}, ["Approved sources"]),
        ({**CUT, "subjects": []}, ["Approved sources"]),
        ({**CUT, **OVER}, ["Approved sources"]),
        (OWN_ONLY, ["Refused at", "Refused with", "Gets in with", "Approved sources"]),
        ({**BLIND, "still": "probed"}, ["Approved sources"]),
        ({**BLIND, "still": "read"}, []),
        (BLIND, []),
        ({**BLIND, **OVER}, ["Approved sources"]),
    ],
)
def test_rows_say_what_is_known_and_nothing_of_what_is_none(
    changes: dict[str, Any], labels: list[str]
) -> None:
    letter = letters.compose(facts(**changes), BASE)
    assert [label for label, _ in letter.rows] == labels
    assert not {value for _, value in letter.rows} & {"", "none any more"}
    proof = [line.text for line in letter.lines if line.decides]
    assert not {value for _, value in letter.rows} & set(proof)


def test_why_we_are_blind_ends_as_a_sentence() -> None:
    lead = letters.compose(facts(**BLIND), BASE).lead
    assert lead.startswith("The sign-in is refused: secret-expired. What is changed")


def test_nine_hundred_domains_are_counted_and_few_are_named() -> None:
    subjects = [{"domain": f"d{n}.example", "classes": ["foreign"]} for n in range(900)]
    letter = letters.compose(facts(subjects=subjects, domains=900, of=901), BASE)
    domains = dict(letter.rows)["Domains"]
    assert domains.startswith("d0.example, d1.example, ")
    assert domains.endswith("and 895 more (900 of 901)")


def test_two_of_three_sources_are_said_so() -> None:
    fares = {"gets_in": 2, "cut_off": 1, "unknown": 0}
    rows = dict(letters.compose(facts(approved=fares), BASE).rows)
    assert rows["Approved sources"] == "2 of 3 get in, 1 cut off"


def test_a_source_that_is_refused_with_some_of_its_mail_is_not_said_to_be_cut_off() -> None:
    letter = letters.compose(facts(**OWN_ONLY, approved={"partly_cut_off": 1}), BASE)
    assert "its mail is not delivered" not in letter.lead
    rows = dict(letter.rows)
    assert rows["Refused with"] == "own-domain senders"
    assert rows["Refused at"] == "tailspin.com and tailspin.onmicrosoft.com"
    assert rows["Gets in with"] == "foreign and null senders"
    assert rows["Approved sources"] == "0 of 1 gets in, 1 partly cut off"


def test_what_came_and_went_says_so_beside_its_sum() -> None:
    over = {**OVER, "since": "2026-11-25T07:06:02+00:00", "at": "2026-11-25T08:02:03+00:00"}
    lead = letters.compose(
        facts(**over | {"seconds": 120, "times": 2, "state": "closed"}), BASE
    ).lead
    assert lead == "Open 2 times, on and off from 07:06 UTC to 08:02 UTC."


def test_who_is_still_probed_is_not_said_to_be_unknown() -> None:
    lead = letters.compose(facts(**BLIND, still="probed"), BASE).lead
    assert lead == (
        "The sign-in is refused: secret-expired. What is changed in it meanwhile is not known."
    )


@pytest.mark.parametrize(
    ("control", "said"),
    [("RejectDirectSend", "by RejectDirectSend."), ("inbound connector", "by the inbound conn")],
)
def test_a_control_with_a_name_goes_by_it(control: str, said: str) -> None:
    letter = letters.compose(facts(proof={**PROOF, "control": control}), BASE)
    assert f"Answered {said}" in letter.under_proof


NASTY = st.text(max_size=300) | st.sampled_from(
    ["a\r\nBcc: x@example.com", "\u2028x", "\u202eevil", "<script>", "=cmd()", "\x00\x1b[31m"]
)


@given(NASTY, NASTY, NASTY)
def test_no_fact_reaches_a_letter_with_what_could_act(name: str, said: str, line: str) -> None:
    nasty = facts(
        name=name, change={"pk": 1, "sentence": said, "at": "2026-11-24T10:11:07+00:00"},
        fix={"title": said, "command": line, "note": said}, source={"name": name},
        proof={**PROOF, "line": line, "lines": [{"who": line, "text": line, "decides": True}]},
        reasons=[{"what": "role", "says": said}],
        subjects=[{"domain": name, "classes": [said]}], inside=[line],
    )  # fmt: skip
    for kind in ("bypass", "cut_off", "blind"):
        for event in ("opened", "worse", "better", "again", "resolved"):
            letter = letters.compose({**nasty, "kind": kind, "event": event}, BASE)
            words = [
                letter.subject, letter.sentence, letter.lead, letter.fix, letter.fix_title,
                *(x.text for x in letter.lines), *(text for _, text in letter.rows),
            ]  # fmt: skip
            assert all(word.isprintable() for word in words)
            assert len(letter.subject) <= 150
            assert all(len(x.text) <= 200 for x in letter.lines)


def many(count: int, **changes: Any) -> dict[str, Any]:
    """More domains than are listed: the first thousand are."""
    named = [{"domain": f"d{n:04}.com", "classes": ["foreign", "own"]} for n in range(1000)]
    return facts(domains=count, of=count, subjects=named, **changes)


def test_domains_that_are_not_listed_are_counted_all_the_same() -> None:
    letter = letters.compose(many(1500, state="partly", severity="high"), BASE)
    assert letter.sentence == (
        "tailspin takes mail from any host to d0000.com, d0001.com, d0002.com and 1,497 more."
    )
    rows = dict(letter.rows)
    assert rows["Domains"].endswith("d0004.com and 1,495 more")
    refused = letters.compose(many(1500, **CUT, inside=["null"]), BASE)
    assert " at 1,500 domains; " in refused.sentence
    assert dict(refused.rows)["Refused at"].endswith("and 1,495 more")


@pytest.mark.parametrize("event", ["opened", "again", "better"])
def test_what_stands_open_in_part_is_said_so_however_bad_it_once_was(event: str) -> None:
    null = [{"domain": "tailspin.com", "classes": ["null"]}]
    told = facts(event=event, severity="critical", state="partly", subjects=null)
    letter = letters.compose(told, BASE)
    assert letter.word == "Partly open"
    assert "takes mail from any host with a null sender" in letter.sentence


@pytest.mark.parametrize(
    ("event", "subject", "sentence"),
    [
        (
            "opened", "[Medium] No stranger is turned on since 10:14 UTC",
            "No stranger is turned on.",
        ),
        (
            "resolved", "[Seen] Every tenant, without a stranger for 21 h 48 m",
            "A stranger looks again.",
        ),
    ],
)  # fmt: skip
def test_that_no_stranger_looks_is_said_of_all_at_once(
    event: str, subject: str, sentence: str
) -> None:
    nobody = [{"what": "no_stranger", "says": "Turn one on."}]
    over = OVER if event == "resolved" else {}
    about = {"name": "Every tenant", "slug": None, "reasons": nobody, "subjects": []}
    told = facts(**{**BLIND, **over, **about})
    letter = letters.compose(told, BASE)
    assert (letter.subject, letter.sentence) == (subject, sentence)
