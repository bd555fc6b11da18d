"""Transport rules act after the door: what was taken stays taken, and the rule is named."""

from typing import Any

import pytest

from mailposture.core.attribution import decide, session
from mailposture.core.configuration import Part, PartStatus, TransportRule
from tests.core.configurations import configuration, lock

GATEWAY, STRANGER = "203.0.113.10", "198.51.100.7"
TASKS = "Microsoft.Exchange.MessagingPolicies.Rules.Tasks."


def rule(**other: Any) -> TransportRule:
    """The lock-down by rule: quarantine what comes from outside and not from the gateway."""
    fields: dict[str, Any] = {
        "guid": "r1",
        "name": "Only the gateway",
        "state": "Enabled",
        "mode": "Enforce",
        "priority": 0,
        "from_scope": "NotInOrganization",
        "quarantine": True,
        "except_if_sender_ip_ranges": ("203.0.113.0/24",),
        "conditions": (f"{TASKS}FromScopePredicate",),
        "exceptions": (f"{TASKS}SenderIpRangesPredicate",),
    }
    return TransportRule(**fields | other)


def said(source: str, *rules: TransportRule, mail_from: str = "a@fabrikam.com") -> list[str]:
    made = configuration(transport_rules=rules)
    asked = session(source=source, mail_from=mail_from, recipient="b@contoso.com", tls=True)
    decision = decide(made, asked)
    assert decision.accepted
    return [one.sentence for one in decision.dispositions]


ACTS = "Accepted, disposition by rule Only the gateway: the message"


@pytest.mark.parametrize(
    ("source", "other", "sentences"),
    [
        (STRANGER, {}, [f"{ACTS} is quarantined."]),
        (GATEWAY, {}, []),
        (STRANGER, {"state": "Disabled"}, []),
        (STRANGER, {"mode": "Audit"}, []),
        (STRANGER, {"quarantine": False}, []),
        (STRANGER, {"quarantine": False, "set_scl": 9}, [f"{ACTS} is taken for spam."]),
        (STRANGER, {"quarantine": False, "set_scl": -1}, []),
        (STRANGER, {"from_scope": "InOrganization"}, []),
        (STRANGER, {"sender_ip_ranges": ("192.0.2.0/24",)}, []),
        (STRANGER, {"sender_ip_ranges": (STRANGER,)}, [f"{ACTS} is quarantined."]),
        (STRANGER, {"recipient_domain_is": ("adatum.example",)}, []),
        (STRANGER, {"recipient_domain_is": ("contoso.com",)}, [f"{ACTS} is quarantined."]),
        # The From header is not in the envelope: who knows.
        (STRANGER, {"sender_domain_is": ("adatum.example",)}, [f"{ACTS} may be quarantined."]),
        (
            STRANGER,
            {"sender_domain_is": ("adatum.example",), "sender_address_location": "Envelope"},
            [],
        ),
        (
            STRANGER,
            {
                "except_if_sender_domain_is": ("fabrikam.com",),
                "sender_address_location": "Envelope",
            },
            [],
        ),
        (
            STRANGER,
            {"except_if_header_contains_message_header": "X-Gateway"},
            [f"{ACTS} may be quarantined."],
        ),
        (
            STRANGER,
            {"conditions": (f"{TASKS}AttachmentSizeOverPredicate",)},
            [f"{ACTS} may be quarantined."],
        ),
    ],
)
def test_a_rule_acts_on_what_its_conditions_do_not_rule_out(
    source: str, other: dict[str, Any], sentences: list[str]
) -> None:
    assert said(source, rule(**other)) == sentences


def test_rules_act_in_their_order_and_end_the_way_to_the_answer() -> None:
    late = rule(guid="r2", name="Late", priority=5, quarantine=False, delete_message=True)
    made = configuration(transport_rules=(late, rule()))
    asked = session(
        source=STRANGER, mail_from="a@fabrikam.com", recipient="b@contoso.com", tls=True
    )
    decision = decide(made, asked)
    assert [one.rule for one in decision.dispositions] == ["Only the gateway", "Late"]
    assert decision.trace[-1] == "Accepted, disposition by rule Late: the message is deleted."


def test_no_rule_is_asked_of_mail_that_was_refused() -> None:
    made = configuration(lock(), transport_rules=(rule(),))
    asked = session(
        source=STRANGER, mail_from="a@fabrikam.com", recipient="b@contoso.com", tls=True
    )
    decision = decide(made, asked)
    assert decision.code == "5.7.51"
    assert decision.dispositions == ()


def test_rules_that_were_not_read_are_said_to_be_so() -> None:
    made = configuration(
        parts=(Part(name="transport_rules", status=PartStatus.FORBIDDEN),), transport_rules=None
    )
    asked = session(
        source=STRANGER, mail_from="a@fabrikam.com", recipient="b@contoso.com", tls=True
    )
    assert "The transport rules were not read" in decide(made, asked).trace[-1]
