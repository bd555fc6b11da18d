"""Every rule with a tenant that violates it and one that meets it, through the whole of posture.

What a violation has to come with (issue, section 3): a severity with its reason, evidence, a near
miss or why there is none, and a remedy. Each is asked for by what it says of this tenant.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import pytest

from mailposture.core.configuration import ConnectorType, RejectDirectSend
from mailposture.core.contradictions import Agreement
from mailposture.core.posture import (
    RULES,
    Answered,
    Apart,
    Excepted,
    Facts,
    Finding,
    Moved,
    Observed,
    Result,
    Source,
    assess,
)
from mailposture.core.posture.nearness import NEAR
from mailposture.core.posture.remediation import remedy
from tests.core.configurations import domain, lock, organization
from tests.core.posture.tenants import (
    AT,
    GATEWAY,
    SERVER,
    TWO,
    connection_filter,
    evidence,
    facts,
    mx,
    own_hybrid,
    published,
    rule,
    server,
)

IN: Final = ("203.0.113.0/28",)
WHOLE: Final = lock(sender_ip_addresses=IN, require_tls=True)
NAMED: Final[dict[str, Any]] = {
    "restrict_domains_to_ip_addresses": False,
    "restrict_domains_to_certificate": True,
    "sender_ip_addresses": (),
    "require_tls": True,
}
BY_NAME: Final = Source(name="Gateway", certificate_names=("gw.contoso.com",))
SHOWN: Final = replace(SERVER, certificate=server().certificate)
CLOUD: Final = published("Example Cloud", "192.0.2.0/24")
RELAY: Final = published("Example Relay", "192.0.2.0/24", kind="mail service", anyone=False)
THEIRS: Final = published("Microsoft 365", "192.0.2.0/24", kind="mail service", microsoft=True)
FAR: Final = published("Far", "198.51.100.128/25")


def locked(**other: Any) -> Facts:
    return facts(WHOLE, **other)


def seen(**what: Any) -> Facts:
    return facts(WHOLE, accepted_domains=TWO, at=AT, observed=Observed(**what))


def answers(verdict: str, sender_class: str) -> Facts:
    found = tuple(
        Answered(domain=d.domain_name, sender_class=sender_class, verdict=verdict, at=AT)
        for d in TWO
    )
    return facts(
        lock(sender_ip_addresses=IN, enabled=verdict == "closed"),
        accepted_domains=TWO,
        at=AT,
        observed=Observed(answers=found, evidence=evidence()),
    )


def apart(agreement: Agreement) -> Facts:
    one = Apart(path="Stranger, foreign sender", agreement=agreement, sentence="At contoso.com.")
    return seen(agreements=(one,))


def moved(verified: bool) -> Facts:
    change = Moved(sentence="Lock was turned off.", explained=True, verified=verified)
    return seen(changes=(change,))


def excepted(end: timedelta) -> Facts:
    one = Excepted(key="3", sentence="Copier.", approved=True, expires_at=AT + end)
    return seen(exceptions=(one,))


def certified(**certificate: Any) -> Facts:
    return facts(WHOLE, own_hybrid(), sources=(GATEWAY, server(**certificate)), at=AT)


def lists(*entries: str, beside: Any) -> Facts:
    return facts(lock(sender_ip_addresses=(*IN, *entries), require_tls=True), published=beside)


def flagged(flag: str, value: bool) -> Facts:
    """A server's connector that names one host too many, with this flag; the lock has it off."""
    wide = own_hybrid(**{"sender_ip_addresses": ("192.0.2.9",), flag: value})
    return facts(lock(sender_ip_addresses=IN, require_tls=True, **{flag: False}), wide)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A rule, a tenant on either side of it, and what has to be said of the violation."""

    id: str
    bad: Facts
    good: Facts
    severity: str
    because: str
    evidence: str
    near: str  # begins with "Would": the near miss; else the reason why there is none
    remedy: str


CASES: Final = (
    Case(
        id="MP-01", bad=facts(lock(enabled=False, sender_ip_addresses=IN)), good=locked(),
        severity="critical", because="Any host on the Internet",
        evidence="Lock to gateway: Partner, turned off",
        near="Would be closed if Lock to gateway were enabled: 4,294,967,296",
        remedy="Set-InboundConnector -Identity 'Lock to gateway'",
    ),
    Case(
        id="MP-02", bad=locked(), severity="low", because="The lock refuses strangers",
        good=locked(organization=organization(RejectDirectSend.ON)),
        evidence="RejectDirectSend = False",
        near="Would be satisfied if RejectDirectSend were on.",
        remedy="Set-OrganizationConfig -RejectDirectSend $true",
    ),
    Case(
        id="MP-03", bad=answers("open", "foreign"), good=answers("closed", "foreign"),
        severity="critical", because="It was seen",
        evidence="contoso.com, foreign sender: open",
        near="Would be closed if Lock to gateway were enabled",
        remedy="Set-InboundConnector -Identity 'Lock to gateway'",
    ),
    Case(
        id="MP-04", bad=answers("open", "own"), good=answers("closed", "own"), severity="high",
        because="It was seen", evidence="contoso.com, own sender: open",
        near="Would be closed to own-domain senders, by the model, if RejectDirectSend were on.",
        remedy="-RejectDirectSend $true",
    ),
    Case(
        id="MP-05", severity="high", because="To these domains any host",
        bad=facts(
            lock(sender_ip_addresses=IN, associated_accepted_domains=("contoso.com",)),
            accepted_domains=TWO,
        ),
        good=locked(accepted_domains=TWO), evidence="contoso.onmicrosoft.com",
        near="Would be closed if Lock to gateway named no AssociatedAcceptedDomains",
        remedy="-AssociatedAcceptedDomains $null",
    ),
    Case(
        id="MP-06", bad=lists("192.0.2.9", beside=()), good=locked(), severity="medium",
        because="Fewer than 256 addresses", evidence="Not approved: 192.0.2.9.",
        near="Would be satisfied if Lock to gateway did not list 192.0.2.9.",
        remedy="-SenderIPAddresses '203.0.113.0/28'",
    ),
    Case(
        id="MP-07", bad=facts(own_hybrid(sender_ip_addresses=("198.51.100.7", "203.0.113.1"))),
        good=facts(own_hybrid()), severity="high", because="may relay through the tenant",
        evidence="Not an own server's: 203.0.113.1.", near="did not list 203.0.113.1.",
        remedy="-SenderIPAddresses '198.51.100.7'",
    ),
    Case(
        id="MP-08", bad=locked(domain_facts=mx("mail.contoso.com", "192.0.2.25")),
        good=locked(domain_facts=mx("mx.contoso.com", "203.0.113.1")), severity="high",
        because="Mail that DNS leads past", evidence="mail.contoso.com of contoso.com: 192.0.2.25",
        near="Would be satisfied if the MX of contoso.com led to Gateway, an approved gateway.",
        remedy="Point the MX of each named domain at the gateway",
    ),
    Case(
        id="MP-09", bad=facts(transport_rules=(rule(set_scl=-1),)), good=locked(),
        severity="critical", because="A stranger may deliver", evidence="SetSCL = -1",
        near="Would be satisfied if rule Keep were turned off.",
        remedy="Disable-TransportRule",
    ),
    Case(
        id="MP-10", bad=apart(Agreement.CLOSED_BUT_OPEN), good=apart(Agreement.AGREES),
        severity="critical", because="believes this door closed",
        evidence="Stranger, foreign sender",
        near="no setting is known to be its cause", remedy="Probe the path once more",
    ),
    Case(
        id="MP-11", bad=seen(evidence=evidence(blind=("Stranger, frankfurt",))),
        good=seen(evidence=evidence()), severity="medium", because="What was true then",
        evidence="Stranger, frankfurt sees nothing.",
        near="Would be satisfied if Stranger, frankfurt saw an answer.",
        remedy="Mend what keeps the tenant from being read",
    ),
    Case(
        id="MP-12", bad=moved(False), good=moved(True), severity="medium",
        because="no probe has shown what it did", evidence="Lock was turned off.",
        near="Would be satisfied if probes had shown what it did.",
        remedy="let the probes answer",
    ),
    Case(
        id="MP-13", bad=excepted(timedelta(days=-2)), good=excepted(timedelta(days=9)),
        severity="medium", because="nobody answers for it",
        evidence="Its last day is 23 Nov 2026.",
        near="Would be satisfied if it ended on 2027-02-23.",
        remedy="Renew the exception",
    ),
    Case(
        id="MP-21", bad=facts(lock(enabled=False, sender_ip_addresses=IN)), good=locked(),
        severity="high", because="one switch away", evidence="Enabled = False",
        near="Would be closed if Lock to gateway were enabled",
        remedy="Set-InboundConnector -Identity 'Lock to gateway'",
    ),
    Case(
        id="MP-22", bad=facts(lock(sender_ip_addresses=())), good=locked(), severity="high",
        because="By the letter it refuses everyone", evidence="SenderIPAddresses = (empty)",
        near="Would be satisfied if Lock to gateway listed 203.0.113.0/28.",
        remedy="-SenderIPAddresses '203.0.113.0/28'",
    ),
    Case(
        id="MP-23", severity="high", because="Exchange ignores it",
        bad=facts(lock(connector_type=ConnectorType.ON_PREMISES, sender_ip_addresses=IN)),
        good=locked(), evidence="ConnectorType = OnPremises",
        near="Would be closed if Lock to gateway were a Partner connector",
        remedy="-RestrictDomainsToIPAddresses $false",
    ),
    Case(
        id="MP-24", bad=facts(lock(sender_ip_addresses=IN, sender_domains=("fabrikam.com",))),
        good=locked(), severity="high", because="a sender chooses his own",
        evidence="SenderDomains = fabrikam.com",
        near="Would be closed if Lock to gateway spoke for SenderDomains *",
        remedy="New-InboundConnector",
    ),
    Case(
        id="MP-25", severity="high", because="initial domains above all",
        bad=facts(
            lock(sender_ip_addresses=IN, associated_accepted_domains=("contoso.com",)),
            accepted_domains=TWO,
        ),
        good=locked(accepted_domains=TWO), evidence="AssociatedAcceptedDomains = contoso.com",
        near="Would be closed if Lock to gateway named no AssociatedAcceptedDomains",
        remedy="-AssociatedAcceptedDomains $null",
    ),
    Case(
        id="MP-26", severity="high", because="is cut off",
        bad=facts(lock(sender_domains=("contoso.com",), sender_ip_addresses=("192.0.2.9",))),
        good=facts(lock(sender_domains=("contoso.com",), sender_ip_addresses=IN)),
        evidence="SenderIPAddresses = 192.0.2.9",
        near="Would be satisfied if Lock to gateway listed 203.0.113.0/28 too.",
        remedy="Put a lock for every sender beside it",
    ),
    Case(
        id="MP-27", severity="low", because="Microsoft asks for a connector each",
        bad=facts(
            lock(
                sender_ip_addresses=IN,
                restrict_domains_to_certificate=True,
                tls_sender_certificate_name="gw.contoso.com",
            )
        ),
        good=locked(), evidence="TlsSenderCertificateName = gw.contoso.com",
        near="Would be satisfied if Lock to gateway did not restrict to a certificate.",
        remedy="New-InboundConnector -Name 'By certificate'",
    ),
    Case(
        id="MP-28", bad=facts(lock(sender_ip_addresses=IN)), good=locked(), severity="info",
        because="only on the path", evidence="RequireTls = False",
        near="Would be satisfied if Lock to gateway had RequireTls on.",
        remedy="-RequireTls $true",
    ),
    Case(
        id="MP-31", bad=lists("192.0.2.9", beside=RELAY), good=lists(beside=RELAY),
        severity="medium", because="Whoever can relay",
        evidence="How many others send from there is unknown",
        near="Would be satisfied if Lock to gateway did not list 192.0.2.9.",
        remedy="Ask the service for a certificate or addresses",
    ),
    Case(
        id="MP-32", severity="medium", because="for every customer whose mail they relay",
        bad=facts(
            lock(**NAMED, tls_sender_certificate_name="*.example.com"), sources=(BY_NAME,)
        ),
        good=facts(lock(**NAMED, tls_sender_certificate_name="gw.contoso.com")),
        evidence="With how many others it is shared is unknown",
        near="Would be satisfied if Lock to gateway asked for a certificate of gw.contoso.com.",
        remedy="Ask the vendor for a name",
    ),
    Case(
        id="MP-33", bad=lists("192.0.2.0/24", beside=CLOUD), good=lists(beside=CLOUD),
        severity="high", because="An account at the provider",
        evidence="Example Cloud publishes 256 addresses",
        near="Would be satisfied if Lock to gateway did not list 192.0.2.0/24.",
        remedy="-SenderIPAddresses '203.0.113.0/28'",
    ),
    Case(
        id="MP-34", severity="critical", because="Any tenant, a trial too",
        bad=facts(
            lock(**NAMED, tls_sender_certificate_name="mail.protection.outlook.com"),
            sources=(BY_NAME,),
            published=THEIRS,
        ),
        good=lists(beside=THEIRS), evidence="Its hosts send from 256 addresses",
        near="Would be satisfied if Lock to gateway asked for a certificate of gw.contoso.com.",
        remedy="-TlsSenderCertificateName 'gw.contoso.com'",
    ),
    Case(
        id="MP-35", bad=facts(WHOLE, own_hybrid()), severity="low",
        good=facts(WHOLE, own_hybrid(tls_sender_certificate_name="mail.contoso.com")),
        because="web servers included", evidence="TlsSenderCertificateName = *.contoso.com",
        near="asked for a certificate of mail.contoso.com and mail.contoso.com were an accepted",
        remedy="Put the one name in the connector",
    ),
    Case(
        id="MP-36", severity="medium", because="whatever the connector restricts to",
        bad=facts(
            lock(sender_ip_addresses=IN, trusted_organizations=("fabrikam.onmicrosoft.com",))
        ),
        good=locked(), evidence="TrustedOrganizations = fabrikam.onmicrosoft.com",
        near="Would be satisfied if Lock to gateway trusted no other tenant.",
        remedy="-TrustedOrganizations $null",
    ),
    Case(
        id="MP-41", severity="high", because="Strangers may deliver",
        bad=facts(connection_filters=(connection_filter(enable_safe_list=True),)),
        good=locked(connection_filters=(connection_filter(),)),
        evidence="EnableSafeList = True",
        near="Would be satisfied if Default had EnableSafeList off.",
        remedy="-EnableSafeList $false",
    ),
    Case(
        id="MP-42", severity="medium", because="whatever address such a host claims",
        bad=facts(lock(sender_ip_addresses=(*IN, "192.0.2.9"), ef_skip_last_ip=True)),
        good=facts(lock(sender_ip_addresses=IN, ef_skip_last_ip=True)),
        evidence="Looked past: 192.0.2.9.",
        near="Would be satisfied if Lock to gateway had EFSkipLastIP off.",
        remedy="Skip the gateway's own addresses alone",
    ),
    Case(
        id="MP-43", severity="medium", because="nobody sees it on the wire",
        bad=facts(
            lock(enabled=False, sender_ip_addresses=IN),
            transport_rules=(
                rule(
                    from_scope="NotInOrganization",
                    reject_message_reason_text="No.",
                    except_if_sender_ip_ranges=IN,
                ),
            ),
        ),
        good=locked(), evidence="Spared: 203.0.113.0/28.",
        near="Would be closed if Lock to gateway were enabled",
        remedy="Set-InboundConnector -Identity 'Lock to gateway'",
    ),
    Case(
        id="MP-51", bad=flagged("treat_messages_as_internal", True),
        good=flagged("treat_messages_as_internal", False), severity="high",
        because="passes for internal", evidence="TreatMessagesAsInternal = True",
        near="had TreatMessagesAsInternal off.", remedy="-TreatMessagesAsInternal $false",
    ),
    Case(
        id="MP-52", bad=flagged("cloud_services_mail_enabled", True),
        good=flagged("cloud_services_mail_enabled", False), severity="high",
        because="Headers that mark mail as internal", evidence="CloudServicesMailEnabled = True",
        near="had CloudServicesMailEnabled off.", remedy="Narrow the connector",
    ),
    Case(
        id="MP-53", bad=certified(not_after=AT + timedelta(days=9)), good=certified(),
        severity="high", because="Within two weeks", evidence="Not after 2026-12-04",
        near="Would be satisfied if the certificate of Hybrid ended no earlier than 2027-01-25",
        remedy="Order the renewal now",
    ),
    Case(
        id="MP-54", bad=certified(client_auth=False), good=certified(), severity="medium",
        because="is not known to anyone", evidence="Issuer = Example Authority",
        near="Would be satisfied if the certificate of Hybrid bore clientAuth.",
        remedy="Ask the authority for a certificate",
    ),
    Case(
        id="MP-55", bad=certified(names=("other.example",)), good=certified(), severity="high",
        because="The server is not recognised", evidence="TlsSenderCertificateName = *.contoso.com",
        near="asked for a certificate of other.example.",
        remedy="Renew the certificate with the name",
    ),
    Case(
        id="MP-56", severity="high", because="A lock stands",
        bad=facts(WHOLE, own_hybrid(tls_sender_certificate_name="mail.contoso.com")),
        good=facts(WHOLE, own_hybrid()), evidence="Accepted domains = contoso.com",
        near="asked for a certificate of *.contoso.com.",
        remedy="Add the name as an accepted domain",
    ),
    Case(
        id="MP-61", severity="medium", because="Any host may deliver to a subdomain",
        bad=facts(
            lock(sender_ip_addresses=IN, associated_accepted_domains=("contoso.com",)),
            accepted_domains=(domain("contoso.com", match_sub_domains=True),),
        ),
        good=locked(accepted_domains=(domain("contoso.com", match_sub_domains=True),)),
        evidence="MatchSubDomains = True",
        near="Would be satisfied if Lock to gateway named no AssociatedAcceptedDomains.",
        remedy="-AssociatedAcceptedDomains $null",
    ),
    Case(
        id="MP-62", bad=seen(endpoint_addresses=("192.0.2.1", "2001:db8::1")),
        good=seen(endpoint_addresses=("192.0.2.1",)), severity="low", because="believed",
        evidence="IPv6 of the endpoint: 2001:db8::1.",
        near="Would be satisfied if the endpoint had no IPv6 address.",
        remedy="Disable-IPv6ForAcceptedDomain",
    ),
)  # fmt: skip


def violation(case: Case) -> Finding:
    """The first violation of the rule by the tenant that violates it."""
    found = [f for f in assess(case.bad) if f.rule == case.id]
    return next(f for f in found if f.result is Result.NOT_SATISFIED)


def test_every_rule_has_a_case_and_a_near_miss_that_is_looked_for() -> None:
    ids = [rule.id for rule in RULES]
    assert [case.id for case in CASES] == ids
    assert list(NEAR) == ids
    assert all(one.otherwise.endswith(".") for one in NEAR.values())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_tenant_in_order_meets_the_rule(case: Case) -> None:
    results = {f.result for f in assess(case.good) if f.rule == case.id}
    assert results == {Result.SATISFIED}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_violation_has_a_severity_with_its_reason(case: Case) -> None:
    found = violation(case)
    assert found.severity == case.severity
    assert case.because in found.because
    assert found.because.endswith(".")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_violation_has_evidence_of_this_tenant(case: Case) -> None:
    found = violation(case)
    assert found.evidence
    assert any(case.evidence in line for line in found.evidence), found.evidence


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_violation_has_a_near_miss_or_says_why_there_is_none(case: Case) -> None:
    found = violation(case)
    assert bool(found.near_miss) is not bool(found.no_near_miss)
    assert case.near in (found.near_miss or found.no_near_miss)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_violation_has_a_remedy_that_speaks_of_it(case: Case) -> None:
    script = remedy(case.bad, violation(case))
    assert case.remedy in script.text
    assert script.is_ready or script.advice or script.refuses
