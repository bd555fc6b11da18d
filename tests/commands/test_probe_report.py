"""What a one-off probe says to machines of a handshake that came to nothing."""

from typing import Any

import pytest

from mailposture.adapters.dns import Endpoint
from mailposture.core.smtp.transcript import REFUSED, REQUIRED, TlsFacts, Transcript
from mailposture.core.verdict import SenderClass, Verdict, unseen
from mailposture.management import probe_report
from mailposture.services.oneoff import Found, Heard, Outcome

DOOR = Endpoint(host="door.example", addresses=("192.0.2.1",), found_by="given")


def reported(broken: TlsFacts | None) -> dict[str, Any]:
    judged = unseen("Because of this.")
    said = Transcript("192.0.2.1", 25, broken=broken)
    heard = Heard(endpoint=DOOR, address="192.0.2.1", transcript=said, judgement=judged)
    outcome = Outcome(judgement=judged, endpoint="door.example", front_ends=1, heard=(heard,))
    found = Found(
        domain="contoso.com",
        endpoints=(DOOR,),
        verdict=Verdict.UNKNOWN,
        outcomes={SenderClass.FOREIGN: outcome},
        lab=False,
        any_server=False,
    )
    told: dict[str, Any] = probe_report.document(found)["classes"]["foreign"]
    return told


@pytest.mark.parametrize("outcome", [REQUIRED, REFUSED])
def test_a_certificate_that_is_required_or_refused_is_told(outcome: str) -> None:
    facts = TlsFacts(version="TLSv1.3", cipher="X", client_certificate=outcome)
    told = reported(facts)
    assert told["tls"] is None
    assert told["broken_tls"]["client_certificate"] == outcome


def test_where_no_handshake_broke_there_is_none() -> None:
    assert reported(None)["broken_tls"] is None
