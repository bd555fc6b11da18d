"""Settings that one line sets right, and one connector that becomes two."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mailposture.core.posture.facts import Facts
from mailposture.core.posture.findings import Finding
from mailposture.core.posture.locks import clear
from mailposture.core.posture.remediation import lines
from mailposture.core.posture.remediation.advice import advice
from mailposture.core.posture.remediation.drafts import AS_READ, WHO_ELSE, Step, script
from mailposture.core.posture.remediation.narrow import about, one_step, watched
from mailposture.core.posture.remediation.scripts import Check, Script

ORGANIZATION = Check(
    command="Get-OrganizationConfig | Format-List Name,RejectDirectSend",
    must="RejectDirectSend is False",
)


def direct_send(facts: Facts, finding: Finding) -> Script:
    """Refuse own-domain senders from hosts that no connector names."""
    del finding
    step = Step(
        title="refuse Direct Send",
        note="Own-domain mail of hosts that no connector names is refused from now on.",
        commands=(f"{lines.DIRECT_SEND}$true",),
        rollback=(f"{lines.DIRECT_SEND}$false",),
    )
    return script(
        facts,
        key="direct_send",
        title="Reject Direct Send",
        steps=[step],
        domains=watched(facts),
        checks=(ORGANIZATION, WHO_ELSE),
        advice=(
            "It closes own-domain senders alone: whoever names another sender gets in as before.",
        ),
    )


@dataclass(frozen=True, slots=True)
class Switch:
    """Settings of one connector that one line sets right."""

    title: str
    fields: Mapping[str, Any]
    note: str = ""


SWITCHES: Final[Mapping[str, Switch]] = {
    # What an OnPremises connector carries and Exchange ignores.
    "lift": Switch(
        "take off a restriction without effect",
        {"restrict_domains_to_ip_addresses": False, "restrict_domains_to_certificate": False},
        "Nothing changes on the wire: Exchange ignores it. What refuses strangers is MP-01.",
    ),
    "tls": Switch(
        "ask for TLS",
        {"require_tls": True},
        "A gateway that does not use TLS is refused from now on: look at its headers first.",
    ),
    "distrust": Switch("trust no other tenant", {"trusted_organizations": ()}),
    "internal": Switch(
        "let no mail pass for internal",
        {"treat_messages_as_internal": False},
        "Mail of these hosts is filtered as any other from now on.",
    ),
}


def _over_tls(facts: Facts) -> Script:
    """A stage for each connector that takes mail without TLS: of one gateway after the other."""
    chosen = SWITCHES["tls"]
    steps = []
    for connector in clear(facts):
        meant, fields = lines.identity(facts.configuration, connector), dict(chosen.fields)
        step = Step(
            title=f"{chosen.title}: {connector.name}",
            note=chosen.note,
            commands=(lines.set_line(meant, fields),),
            rollback=(lines.back_line(meant, connector, fields),),
        )
        steps.append(step)
    title = "Ask for TLS"
    return script(facts, key="tls", title=title, steps=steps, domains=watched(facts))


def switch(key: str, facts: Facts, finding: Finding) -> Script:
    """Set these settings of the connector that the finding is about."""
    if key == "tls" and not finding.subject:
        return _over_tls(facts)
    connector = about(facts, finding)
    if connector is None:
        return advice(facts, finding)
    chosen = SWITCHES[key]
    return one_step(facts, key, chosen.title, connector, dict(chosen.fields), note=chosen.note)


def split(facts: Facts, finding: Finding) -> Script:
    """A connector for the addresses and one for the certificate; who gets in stays the same."""
    connector = about(facts, finding)
    if connector is None or not connector.tls_sender_certificate_name:
        return advice(facts, finding)
    if not connector.sender_ip_addresses:
        return advice(facts, finding)
    meant = lines.identity(facts.configuration, connector)
    name = lines.free_name(facts.configuration, "By certificate")
    copied = ("sender_domains", "associated_accepted_domains", "tls_sender_certificate_name")
    fields: dict[str, Any] = {"connector_type": connector.connector_type}
    fields |= {field: getattr(connector, field) for field in copied if getattr(connector, field)}
    fields |= {"restrict_domains_to_certificate": True, "require_tls": connector.require_tls}
    rest = {"restrict_domains_to_certificate": False, "tls_sender_certificate_name": None}
    steps = [
        Step(
            title="make a connector for the certificate, turned off",
            commands=(lines.new_line(name, {**fields, "enabled": False}),),
            rollback=(lines.remove_line(name),),
        ),
        Step(
            title="turn it on",
            commands=(lines.set_line(name, {"enabled": True}),),
            rollback=(lines.set_line(name, {"enabled": False}),),
        ),
        Step(
            title="leave the addresses to the first",
            commands=(lines.set_line(meant, rest),),
            rollback=(lines.back_line(meant, connector, rest),),
        ),
    ]
    title = f"A connector for each proof: {connector.name}"
    return script(
        facts, key="split", title=title, steps=steps, domains=watched(facts), checks=(AS_READ,)
    )
