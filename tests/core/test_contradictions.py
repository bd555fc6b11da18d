"""What parts a prediction from an observation has a name."""

import pytest

from mailposture.core.attribution import decide, session
from mailposture.core.configuration import Configuration, RejectDirectSend
from mailposture.core.contradictions import (
    CONTRADICTIONS,
    SEVERITIES,
    WORDS,
    Agreement,
    gravity,
    hold,
    predicted,
)
from mailposture.core.verdict import Verdict
from tests.core.configurations import configuration, hybrid, lock, organization

OPEN, CLOSED, UNKNOWN = Verdict.OPEN, Verdict.CLOSED, Verdict.UNKNOWN
NOT_READ = configuration(organization=organization(RejectDirectSend.UNKNOWN))


@pytest.mark.parametrize(
    ("made", "mail_from", "observed", "settles", "agreement"),
    [
        (configuration(), "a@fabrikam.com", OPEN, False, Agreement.AGREES),
        (configuration(lock()), "a@fabrikam.com", CLOSED, False, Agreement.AGREES),
        (configuration(lock()), "a@fabrikam.com", CLOSED, True, Agreement.AGREES),
        (configuration(lock()), "a@fabrikam.com", OPEN, True, Agreement.SETTLING),
        (configuration(lock()), "a@fabrikam.com", OPEN, False, Agreement.CLOSED_BUT_OPEN),
        (configuration(), "a@fabrikam.com", CLOSED, False, Agreement.OPEN_BUT_CLOSED),
        (configuration(lock()), "", OPEN, False, Agreement.IN_DOUBT),
        (configuration(lock()), "", CLOSED, False, Agreement.AGREES),
        (configuration(lock()), "a@fabrikam.com", UNKNOWN, False, Agreement.BLIND),
        (NOT_READ, "a@contoso.com", OPEN, False, Agreement.UNPREDICTED),
        (NOT_READ, "a@contoso.com", UNKNOWN, False, Agreement.NEITHER),
        (NOT_READ, "a@fabrikam.com", OPEN, False, Agreement.AGREES),
    ],
)
def test_what_parts_them_is_named(
    made: Configuration, mail_from: str, observed: Verdict, settles: bool, agreement: Agreement
) -> None:
    decision = decide(
        made,
        session(source="198.51.100.7", mail_from=mail_from, recipient="b@contoso.com", tls=True),
    )
    held = hold(decision, observed, settles=settles)
    assert held.agreement is agreement
    assert held.sentence.endswith(".")


def test_an_assumption_in_doubt_is_named_with_its_other_reading() -> None:
    decision = decide(
        configuration(lock()),
        session(source="198.51.100.7", mail_from="", recipient="b@contoso.com", tls=True),
    )
    held = hold(decision, OPEN, settles=False)
    assert held.assumptions == ("null_sender_in_wildcard",)
    assert "The null sender has no domain" in held.sentence


def test_a_difference_of_words_alone_turns_no_door() -> None:
    both = configuration(lock(), organization=organization(RejectDirectSend.ON))
    decision = decide(
        both,
        session(
            source="198.51.100.7", mail_from="a@contoso.com", recipient="b@contoso.com", tls=True
        ),
    )
    assert decision.assumptions == ("lock_before_direct_send",)
    assert decision.turning == ()
    assert hold(decision, OPEN, settles=False).agreement is Agreement.CLOSED_BUT_OPEN


def test_relay_that_is_denied_is_no_closed_door() -> None:
    decision = decide(
        configuration(hybrid()),
        session(source="198.51.100.7", mail_from="", recipient="b@adatum.example", tls=True),
    )
    assert decision.code == "5.7.64"
    assert predicted(decision) is UNKNOWN


@pytest.mark.parametrize("observed", [OPEN, CLOSED])
def test_nothing_predicted_is_never_agreement(observed: Verdict) -> None:
    assert hold(None, observed, settles=False).agreement is Agreement.UNPREDICTED
    assert hold(None, UNKNOWN, settles=False).agreement is Agreement.NEITHER


def test_every_agreement_has_words_and_every_contradiction_a_severity() -> None:
    assert set(WORDS) == set(Agreement)
    assert set(SEVERITIES) == {(c, approved) for c in CONTRADICTIONS for approved in (True, False)}
    assert all(why.endswith(".") for _severity, why in SEVERITIES.values())


@pytest.mark.parametrize(
    ("agreement", "observed", "approved", "severity", "why"),
    [
        (Agreement.OPEN_BUT_CLOSED, CLOSED, True, "high", "An approved source is cut off"),
        (Agreement.IN_DOUBT, CLOSED, True, "high", "An approved source is cut off"),
        (Agreement.IN_DOUBT, OPEN, True, "medium", "What is predicted elsewhere"),
        (Agreement.IN_DOUBT, CLOSED, False, "medium", "What is predicted elsewhere"),
        (Agreement.CLOSED_BUT_OPEN, OPEN, False, "critical", "Everybody who reads"),
        (Agreement.SETTLING, CLOSED, True, "", ""),
    ],
)
def test_an_approved_source_that_is_cut_off_is_grave_whatever_is_in_doubt(
    agreement: Agreement, observed: Verdict, approved: bool, severity: str, why: str
) -> None:
    found = gravity(agreement, observed, approved=approved)
    assert found[0] == severity
    assert found[1].startswith(why)
