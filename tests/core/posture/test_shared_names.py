"""Certificates that a service shows for all its customers, as a connector may ask for them."""

from typing import Any

import pytest

from mailposture.adapters.published import published as shipped
from mailposture.core.addresses import AddressSet
from mailposture.core.posture import Severity, Source, assess, judged
from mailposture.core.posture.remediation import remedy
from mailposture.core.posture.shared_names import SHARED_NAMES, shared_name
from tests.core.configurations import GUID, lock
from tests.core.posture.tenants import GATEWAY, facts, only, own_hybrid, published, results

BY_NAME: dict[str, Any] = {
    "restrict_domains_to_ip_addresses": False,
    "restrict_domains_to_certificate": True,
    "sender_ip_addresses": (),
    "require_tls": True,
}
FAR = published("Far", "192.0.2.0/24")
THEIRS = f"not_satisfied {GUID} certificate"


def asking(name: str, **other: Any) -> Any:
    return lock(**BY_NAME | {"tls_sender_certificate_name": name} | other)


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("mail.protection.outlook.com", "Microsoft 365"),
        ("MAIL.protection.outlook.com", "Microsoft 365"),
        ("*.protection.outlook.com", "Microsoft 365"),
        ("*.mail.protection.outlook.com", "Microsoft 365"),
        ("*.outlook.com", "Microsoft 365"),
        ("outlook.com", "Microsoft 365"),
        # It bears the wildcard, so that every tenant shows this one too.
        ("contoso-com.mail.protection.outlook.com", "Microsoft 365"),
        ("*.pphosted.com", "Proofpoint"),
        ("mx0a-00000000.pphosted.com", "Proofpoint"),
        ("smtp.gmail.com", "Google"),
        ("gateway.example.net", None),
        ("notoutlook.com", None),
        ("*.contoso.com", None),
        ("mail.google.com", None),
        ("", None),
    ],
)
def test_a_name_is_known_for_the_service_that_shows_it(name: str, owner: str | None) -> None:
    found = shared_name(name)
    assert (found.owner if found else None) == owner


@pytest.mark.parametrize(
    "name",
    [
        "mail.protection.outlook.com",
        "*.protection.outlook.com",
        "*.mail.protection.outlook.com",
        "fabrikam-com.mail.protection.outlook.com",
    ],
)
@pytest.mark.parametrize("declared", [False, True])
@pytest.mark.parametrize("beside", [(), FAR])
def test_the_certificate_of_exchange_online_lets_in_every_tenant(
    name: str, declared: bool, beside: Any
) -> None:
    sources = (GATEWAY, Source(name="Cloud", certificate_names=(name,))) if declared else (GATEWAY,)
    given = facts(asking(name), sources=sources, published=beside)
    assert results("MP-34", given) == [THEIRS]
    found = only("MP-34", given)
    assert found.severity is Severity.CRITICAL
    assert f"TlsSenderCertificateName = {name}" in found.evidence
    assert results("MP-32", given) == [f"not_satisfied {GUID}"]
    told = {f.rule: f.led_by for f in assess(given) if f.result == "not_satisfied"}
    assert (told["MP-34"], told["MP-32"]) == ("", "MP-34")  # one cause, told once
    assert declared or told["MP-06"] == "MP-34"


def test_it_proves_nothing_where_the_connector_does_not_restrict_to_it() -> None:
    for connector in (
        asking("mail.protection.outlook.com", enabled=False),
        asking("mail.protection.outlook.com", restrict_domains_to_certificate=False),
        own_hybrid(tls_sender_certificate_name="mail.protection.outlook.com"),
    ):
        assert results("MP-34", facts(connector, published=FAR)) == ["satisfied"]


def test_an_own_servers_connector_that_takes_it_is_worse_than_an_undeclared_name() -> None:
    theirs = own_hybrid(tls_sender_certificate_name="mail.protection.outlook.com")
    found = only("MP-07", facts(theirs))
    assert found.severity is Severity.CRITICAL
    assert "any Microsoft 365 tenant" in found.because


def test_an_own_servers_connector_that_lists_other_tenants_addresses_is_as_grave() -> None:
    theirs = published("Exchange Online", "192.0.2.0/28", kind="mail service", microsoft=True)
    wide = own_hybrid(sender_ip_addresses=("198.51.100.7", "192.0.2.0/24"))
    found = only("MP-07", facts(wide, published=theirs))
    assert found.severity is Severity.CRITICAL
    assert "Of Exchange Online, as of 2026-11-01: 192.0.2.0/28." in found.evidence
    assert only("MP-07", facts(wide, published=FAR)).severity is Severity.HIGH


def test_with_how_many_others_it_is_shared_is_counted_or_said_to_be_unknown() -> None:
    theirs = only("MP-34", facts(asking("mail.protection.outlook.com"), published=shipped()))
    listed = next(p for p in shipped() if p.name == "Microsoft 365")
    # SenderIPAddresses takes IPv4 alone, so that these are counted.
    count = AddressSet(v4=listed.addresses.v4).size
    assert f"Its hosts send from {count:,} addresses" in theirs.evidence[-1]
    assert listed.dated.isoformat() in theirs.evidence[-1]
    for name in ("*.pphosted.com", "*.vendor.example"):
        (vendor,) = judged(facts(asking(name), published=shipped()), "MP-32")
        assert "With how many others it is shared is unknown" in vendor.evidence[-1]


def test_what_a_vendor_shows_for_all_is_found_by_its_literal_name_too() -> None:
    given = facts(asking("mx0a-00000000.pphosted.com"))
    assert results("MP-32", given) == [f"not_satisfied {GUID}"]
    assert "Proofpoint" in only("MP-32", given).sentence


def test_the_script_asks_for_a_name_that_the_gateway_alone_shows() -> None:
    own = Source(
        name="Gateway", certificate_names=("mail.protection.outlook.com", "gw.contoso.com")
    )
    given = facts(asking("mail.protection.outlook.com"), sources=(own,), published=FAR)
    script = remedy(given, only("MP-34", given))
    assert "-TlsSenderCertificateName 'gw.contoso.com'" in script.text
    without = facts(asking("mail.protection.outlook.com"), sources=(GATEWAY,), published=FAR)
    script = remedy(without, only("MP-34", without))
    assert not script.stages
    assert any("certificate that the gateway alone shows" in words for words in script.advice)


def test_every_shared_name_says_when_and_how_it_is_known() -> None:
    lists = {p.name for p in shipped()}
    for one in SHARED_NAMES:
        assert one.names
        assert one.how
        assert one.seen.isoformat() in one.told
        assert not one.published or one.published in lists
