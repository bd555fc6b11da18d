"""Scripts that answer findings: their stages, what must answer then, the way back, and quoting."""

from dataclasses import replace
from typing import Any

import pytest

from mailposture.core.configuration import Configuration, ConnectorType
from mailposture.core.posture import Facts, Finding, Observed, Source, assess, judged
from mailposture.core.posture.remediation import Script, remedy
from mailposture.core.powershell import commands
from mailposture.core.proposals import propose
from mailposture.core.reachability import CLASSES, reachability
from tests.core.configurations import domain, lock
from tests.core.posture.tenants import (
    GATEWAY,
    RELAY,
    SERVER,
    TWO,
    connection_filter,
    facts,
    own_hybrid,
    published,
    rule,
)

BY_NAME = Source(name="Cloud gateway", certificate_names=("mx.gateway.example",))


def violated(rule_id: str, given: Facts) -> Finding:
    return next(f for f in judged(given, rule_id) if f.result == "not_satisfied")


def mended(rule_id: str, given: Facts) -> Script:
    return remedy(given, violated(rule_id, given))


def after(given: Facts, script: Script) -> Facts:
    assert script.makes is not None
    return replace(given, configuration=script.makes)


def run(given: Configuration, script: Script) -> Configuration:
    """What PowerShell would make of the whole text, comments and checks included."""
    return propose(given, commands(script.text)).configuration


# ---- the lock ------------------------------------------------------------------------------


def test_a_lock_is_prepared_tried_and_enforced() -> None:
    given = facts(own_hybrid(), accepted_domains=TWO)
    script = mended("MP-01", given)
    assert script.is_ready
    assert [stage.title for stage in script.stages] == [
        "prepare the lock, turned off",
        "turn it on for contoso.onmicrosoft.com alone",
        "enforce it for every domain",
    ]
    assert [stage.commands for stage in script.stages] == [
        (
            (
                "New-InboundConnector -Name 'Only from the gateway' -ConnectorType 'Partner'"
                " -SenderDomains '*' -RestrictDomainsToIPAddresses $true -RequireTls $true"
                " -Enabled $false -SenderIPAddresses '203.0.113.0/28'"
            ),
        ),
        (
            (
                "Set-InboundConnector -Identity 'Only from the gateway'"
                " -AssociatedAcceptedDomains 'contoso.onmicrosoft.com' -Enabled $true"
            ),
        ),
        (
            (
                "Set-InboundConnector -Identity 'Only from the gateway'"
                " -AssociatedAcceptedDomains $null -Enabled $true"
            ),
        ),
    ]


def test_each_stage_says_what_must_answer_and_only_the_last_closes_every_domain() -> None:
    script = mended("MP-01", facts(own_hybrid(), accepted_domains=TWO))
    told = [
        {
            (e.who, e.domain): e.reply
            for e in stage.expects
            if e.sender_class == "foreign"
        }
        for stage in script.stages
    ]  # fmt: skip
    first, other = "contoso.onmicrosoft.com", "contoso.com"
    assert [(t["A stranger", first], t["A stranger", other]) for t in told] == [
        ("250 2.1.5", "250 2.1.5"),
        ("550 5.7.51", "250 2.1.5"),
        ("550 5.7.51", "550 5.7.51"),
    ]
    assert {t[who, d] for t in told for who in ("Gateway", "Hybrid") for d in (first, other)} == {
        "250 2.1.5"
    }


def test_the_hybrid_connector_stays_in_and_why() -> None:
    script = mended("MP-01", facts(own_hybrid(), accepted_domains=TWO))
    assert any("stays as it is" in words and "*.contoso.com" in words for words in script.keeps)
    assert "Hybrid stays in by Inbound from 9c1c3e0a." in script.keeps
    assert not any("Inbound from" in line for stage in script.stages for line in stage.commands)


def test_a_hybrid_server_that_nothing_recognises_makes_the_script_refuse() -> None:
    script = mended("MP-01", facts(accepted_domains=TWO))
    assert not script.is_ready
    server = "Hybrid (198.51.100.7, certificate of mail.contoso.com)"
    assert script.refuses == (f"{server} would be cut off: 550 5.7.51.",)
    assert commands(script.text) == ()
    assert "# NOT READY: Hybrid" in script.text


def test_without_a_declared_gateway_nothing_is_claimed() -> None:
    script = mended("MP-01", facts(accepted_domains=TWO, sources=()))
    assert not script.is_ready
    assert "<address of your gateway>" in script.text
    assert all(stage.expects == () and stage.makes is None for stage in script.stages)
    assert commands(script.text) == ()


def test_a_lock_that_is_turned_off_is_put_to_use() -> None:
    off = lock(enabled=False, sender_ip_addresses=("192.0.2.1",))
    script = mended("MP-21", facts(off, own_hybrid(), accepted_domains=TWO))
    assert all("New-" not in line for stage in script.stages for line in stage.commands)
    assert "-SenderIPAddresses '203.0.113.0/28'" in script.stages[0].commands[0]
    assert "-SenderIPAddresses '192.0.2.1'" in script.stages[0].rollback[0]


def test_a_relay_that_is_approved_is_let_in_by_the_lock_too() -> None:
    given = facts(accepted_domains=TWO, sources=(GATEWAY, RELAY))
    assert "'192.0.2.30','203.0.113.0/28'" in mended("MP-01", given).text


def test_a_gateway_that_is_known_by_name_has_a_connector_by_certificate() -> None:
    given = facts(accepted_domains=TWO, sources=(GATEWAY, BY_NAME))
    script = mended("MP-01", given)
    assert script.is_ready
    assert [len(stage.commands) for stage in script.stages] == [2, 2, 2]
    assert "-TlsSenderCertificateName 'mx.gateway.example'" in script.stages[0].commands[1]
    assert "each alone refuses" in script.stages[-1].note
    assert {e.host for e in script.stages[-1].expects if e.who == BY_NAME.name} == {
        "Cloud gateway (any address, certificate of mx.gateway.example)"
    }


def test_a_tenant_with_one_domain_has_nothing_to_try_it_on() -> None:
    script = mended("MP-01", facts(sources=(GATEWAY,)))
    assert [stage.title for stage in script.stages] == [
        "prepare the lock, turned off",
        "enforce it for every domain",
    ]
    assert "-Enabled $false" in script.stages[1].rollback[0]


def test_wide_networks_are_listed_as_exchange_takes_them() -> None:
    wide = Source(name="Gateway", addresses=("198.18.0.0/22", "2001:db8::/64"))
    script = mended("MP-01", facts(sources=(wide,)))
    assert "'198.18.0.0/24','198.18.1.0/24','198.18.2.0/24','198.18.3.0/24'" in script.text


def test_a_gateway_with_ipv6_alone_cannot_be_listed() -> None:
    script = mended("MP-01", facts(sources=(Source(name="Six", addresses=("2001:db8::25",)),)))
    assert "Six has IPv6 addresses alone, which SenderIPAddresses does not take." in script.refuses


def test_a_lock_that_leaves_domains_out_is_widened_one_by_one() -> None:
    domains = (*TWO, domain("contoso.example"))
    scoped = lock(
        associated_accepted_domains=("contoso.com",), sender_ip_addresses=("203.0.113.0/28",)
    )
    script = mended("MP-25", facts(scoped, accepted_domains=domains, sources=(GATEWAY,)))
    assert [stage.title for stage in script.stages] == [
        "guard contoso.onmicrosoft.com too",
        "guard every accepted domain",
    ]


def test_a_script_that_would_cut_off_a_part_of_the_gateway_refuses() -> None:
    scoped = lock(associated_accepted_domains=("contoso.com",))
    script = mended("MP-25", facts(scoped, accepted_domains=TWO, sources=(GATEWAY,)))
    assert not script.is_ready
    assert script.refuses[0].startswith("Gateway would be cut off at 203.0.113.0/29,")


def test_another_connector_of_that_name_leads_to_a_number() -> None:
    other = lock(name="Only from the gateway", sender_domains=("fabrikam.com",))
    script = mended("MP-24", facts(other, accepted_domains=TWO, sources=(GATEWAY,)))
    assert "-Name 'Only from the gateway 2'" in script.text


# ---- every finding that has a script -------------------------------------------------------

CLOUD = published("Example Cloud", "203.0.113.128/25")
OTHERS = published("Exchange Online", "203.0.113.128/25", kind="mail service", microsoft=True)
WIDE = ("203.0.113.0/28", "203.0.113.128/25")
BOTH: dict[str, Any] = {
    "restrict_domains_to_certificate": True,
    "tls_sender_certificate_name": "mx.gateway.example",
}
CERTIFICATE: dict[str, Any] = {**BOTH, "restrict_domains_to_ip_addresses": False}
SUBDOMAINS = (domain("contoso.com", match_sub_domains=True),)
SCOPED: dict[str, Any] = {
    "associated_accepted_domains": ("contoso.com",),
    "sender_ip_addresses": ("203.0.113.0/28",),
}

CASES: dict[str, Facts] = {
    "MP-01": facts(own_hybrid()),
    "MP-02": facts(lock()),
    "MP-05": facts(lock(**SCOPED), own_hybrid(), accepted_domains=TWO),
    "MP-06": facts(lock(sender_ip_addresses=WIDE), own_hybrid()),
    "MP-07": facts(own_hybrid(sender_ip_addresses=("198.51.100.0/28",))),
    "MP-09": facts(lock(), own_hybrid(), transport_rules=(rule(set_scl=-1),)),
    "MP-21": facts(lock(enabled=False), own_hybrid()),
    "MP-22": facts(lock(sender_ip_addresses=()), own_hybrid()),
    "MP-23": facts(lock(connector_type=ConnectorType.ON_PREMISES)),
    "MP-24": facts(lock(sender_domains=("fabrikam.com",)), own_hybrid()),
    "MP-25": facts(lock(**SCOPED), own_hybrid(), accepted_domains=TWO),
    "MP-27": facts(lock(**BOTH)),
    "MP-28": facts(lock()),
    "MP-33": facts(lock(sender_ip_addresses=WIDE), published=CLOUD),
    "MP-34": facts(lock(sender_ip_addresses=WIDE), published=OTHERS),
    "MP-36": facts(lock(trusted_organizations=("fabrikam.onmicrosoft.com",))),
    "MP-41": facts(connection_filters=(connection_filter(enable_safe_list=True),)),
    "MP-43": facts(
        own_hybrid(),
        transport_rules=(rule(quarantine=True, except_if_sender_ip_ranges=("203.0.113.0/28",)),),
    ),
    "MP-51": facts(
        own_hybrid(treat_messages_as_internal=True, sender_ip_addresses=("192.0.2.0/28",))
    ),
    "MP-61": facts(lock(**SCOPED), own_hybrid(), accepted_domains=SUBDOMAINS),
}  # fmt: skip


@pytest.mark.parametrize("rule_id", CASES)
def test_a_script_that_was_run_makes_its_finding_go_away(rule_id: str) -> None:
    given = CASES[rule_id]
    found = violated(rule_id, given)
    script = remedy(given, found)
    assert script.is_ready, script.refuses
    left = [f for f in judged(after(given, script), rule_id) if f.subject == found.subject]
    assert all(f.result != "not_satisfied" for f in left)


ABOUT_CONNECTORS = [r for r in CASES if r not in ("MP-09", "MP-41")]


@pytest.mark.parametrize("rule_id", ABOUT_CONNECTORS)
def test_the_text_pasted_whole_does_what_the_stages_promise(rule_id: str) -> None:
    script = mended(rule_id, CASES[rule_id])
    assert run(CASES[rule_id].configuration, script) == script.makes


@pytest.mark.parametrize("rule_id", ABOUT_CONNECTORS)
def test_the_way_back_leads_to_the_same_hosts(rule_id: str) -> None:
    given = CASES[rule_id]
    script = mended(rule_id, given)
    for number, stage in enumerate(script.stages):
        before = given.configuration if not number else script.stages[number - 1].makes
        assert before is not None
        assert stage.makes is not None
        back = propose(stage.makes, commands("\n".join(stage.rollback))).configuration
        assert reach(back) == reach(before)


def reach(seen: Configuration) -> list[Any]:
    found = reachability(seen)
    return [found.of(domain, c) for domain in found.domains for c in CLASSES]


def test_two_connectors_for_two_proofs_let_in_the_same_hosts() -> None:
    given = CASES["MP-27"]
    for stage in mended("MP-27", given).stages:
        assert stage.makes
        assert [(r.addresses, r.certificates) for r in reach(stage.makes)] == [
            (r.addresses, r.certificates) for r in reach(given.configuration)
        ]


def test_what_would_leave_nothing_is_refused() -> None:
    given = facts(lock(sender_ip_addresses=("192.0.2.0/24",)))
    script = mended("MP-06", given)
    assert not script.is_ready
    assert "Nothing would be left" in script.refuses[0]


def test_rented_addresses_that_an_approved_source_needs_are_not_left_out() -> None:
    given = facts(
        lock(sender_ip_addresses=("203.0.113.0/28",)),
        published=published("Example Cloud", "203.0.113.0/24"),
    )
    script = mended("MP-33", given)
    assert not script.is_ready
    assert "Approved sources send from 16 addresses of these" in script.refuses[0]
    assert script.advice


def test_an_empty_restriction_without_a_declared_gateway_has_a_placeholder() -> None:
    script = mended("MP-22", facts(lock(sender_ip_addresses=()), sources=()))
    assert not script.is_ready
    assert "<address of your gateway>" in script.text


NAMED = {"restrict_domains_to_ip_addresses": False, "restrict_domains_to_certificate": True}
OWN = Source(name="Cloud gateway", certificate_names=("mx.contoso.com",))


@pytest.mark.parametrize(
    "restricts", [{}, NAMED, NAMED | {"restrict_domains_to_ip_addresses": True}]
)
@pytest.mark.parametrize("sources", [(), (GATEWAY,), (OWN,), (GATEWAY, OWN), (BY_NAME,), (SERVER,)])
def test_the_near_miss_of_an_empty_restriction_is_what_its_script_does(
    restricts: dict[str, Any], sources: tuple[Source, ...]
) -> None:
    given = facts(lock(sender_ip_addresses=(), **restricts), own_hybrid(), sources=sources)
    (found,) = (f for f in assess(given) if f.rule == "MP-22")
    script = remedy(given, found)
    near = found.near_miss or ""
    assert script.is_ready is bool(near and "cut off" not in near)
    if script.is_ready:
        listed = "-SenderIPAddresses '203.0.113.0/28'" in script.text
        assert listed is ("203.0.113.0/28" in near)
        assert ("-TlsSenderCertificateName 'mx.contoso.com'" in script.text) is (
            "a certificate of mx.contoso.com" in near
        )
        left = judged(after(given, script), "MP-22")
        assert [f.result for f in left] == ["satisfied"]


def test_a_certificate_that_nobody_declared_is_a_matter_of_advice() -> None:
    given = facts(lock(**CERTIFICATE))
    script = mended("MP-06", given)
    assert (script.stages, script.is_ready) == ((), False)
    assert script.advice[0].startswith("Find out who shows this certificate.")


def test_an_scl_rule_is_bound_to_the_approved_addresses_it_names() -> None:
    ranges = ("203.0.113.0/24",)
    given = facts(transport_rules=(rule(set_scl=-1, sender_ip_ranges=ranges),))
    (stage,) = mended("MP-09", given).stages
    assert stage.commands == (
        "Set-TransportRule -Identity 'rule Keep' -SenderIpRanges '203.0.113.0/28'",
    )
    assert stage.rollback == (
        "Set-TransportRule -Identity 'rule Keep' -SenderIpRanges '203.0.113.0/24'",
    )


def test_an_allow_list_keeps_what_is_approved() -> None:
    one = connection_filter(("203.0.113.1", "192.0.2.0/24"))
    given = facts(connection_filters=(one,))
    script = mended("MP-09", given)
    (line,) = script.stages[0].commands
    assert line.startswith("Set-HostedConnectionFilterPolicy -Identity 'Default' -IPAllowList")
    assert line.endswith(" @{Remove='192.0.2.0/24'}")
    assert [f.result for f in judged(after(given, script), "MP-09")] == ["satisfied"]


def test_a_wrong_server_in_an_on_premises_connector_is_left_out_and_the_right_one_kept() -> None:
    script = mended("MP-07", CASES["MP-07"])
    assert "-SenderIPAddresses '198.51.100.7'" in script.stages[0].commands[0]


def test_every_violation_there_is_has_an_answer() -> None:
    for given in CASES.values():
        for found in assess(given):
            if found.result == "not_satisfied":
                script = remedy(given, found)
                assert script.title
                assert script.is_ready or script.refuses or script.advice


@pytest.mark.parametrize(
    "rule_id", ["MP-22", "MP-23", "MP-27", "MP-28", "MP-36", "MP-51", "MP-09", "MP-41"]
)
def test_of_a_subject_that_is_gone_there_is_advice_and_no_command(rule_id: str) -> None:
    found = replace(violated(rule_id, CASES[rule_id]), subject="gone")
    script = remedy(CASES[rule_id], found)
    assert (script.key, script.stages) == ("advice", ())


def test_two_proofs_of_which_one_is_named_nowhere_are_a_matter_of_advice() -> None:
    given = facts(lock(**BOTH | {"sender_ip_addresses": ()}))
    assert mended("MP-27", given).key == "advice"


def test_an_empty_restriction_keeps_its_other_half() -> None:
    both = lock(restrict_domains_to_certificate=True, sender_ip_addresses=("203.0.113.0/28",))
    script = mended("MP-22", facts(both, sources=(GATEWAY,)))
    assert script.is_ready
    assert "-RestrictDomainsToCertificate $false" in script.stages[0].commands[0]


SIX = Observed(endpoint_addresses=("2001:db8:1::1",))


def test_the_endpoint_is_published_for_ipv4_alone_domain_by_domain() -> None:
    given = facts(lock(), accepted_domains=TWO, observed=SIX)
    script = mended("MP-62", given)
    assert [stage.commands for stage in script.stages] == [
        ("Disable-IPv6ForAcceptedDomain -Domain 'contoso.com'",),
        ("Disable-IPv6ForAcceptedDomain -Domain 'contoso.onmicrosoft.com'",),
    ]
    assert script.stages[0].rollback == ("Enable-IPv6ForAcceptedDomain -Domain 'contoso.com'",)


def test_without_known_domains_there_is_advice_on_ipv6() -> None:
    assert mended("MP-62", facts(lock(), accepted_domains=(), observed=SIX)).key == "advice"


def test_a_script_lists_no_host_that_nobody_approved() -> None:
    # The certificate it asks for is missing; the addresses beside it decide nothing today.
    stray = lock(
        restrict_domains_to_ip_addresses=False,
        restrict_domains_to_certificate=True,
        sender_ip_addresses=("192.0.2.66", "203.0.113.4"),
    )
    assert "-SenderIPAddresses '203.0.113.4'" in mended("MP-22", facts(stray)).text
    for sources in ((), (SERVER,)):
        script = mended("MP-22", facts(stray, sources=sources))
        assert not script.is_ready
        assert "192.0.2.66" not in "\n".join(line for s in script.stages for line in s.commands)


def test_an_own_servers_connector_is_narrowed_by_a_gateway_that_it_lists() -> None:
    wide = own_hybrid(sender_ip_addresses=("198.51.100.7", "203.0.113.1"))
    script = mended("MP-07", facts(lock(sender_ip_addresses=GATEWAY.addresses), wide))
    assert script.is_ready
    assert "-SenderIPAddresses '198.51.100.7'" in script.text
    # Where only that connector lets the gateway in, it would be cut off.
    other = lock(sender_ip_addresses=("203.0.113.8",))
    assert not mended("MP-07", facts(other, wide)).is_ready
