"""`predict` and `reach` say the same of one bundle: stories from what is known of attribution.

Each row is a bundle of its own, a session, and what must be answered; the comments say where the
facts are from. Whoever is let in over TLS by `predict` is in the sets of `reach`, and nobody else,
and what turns the one answer is named by the other.
"""

import json
from collections.abc import Iterator
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final

import pytest

from mailposture.core.attribution import within
from tests.commands.bundles import GATEWAY, STRANGER, bundle, connector, kept, said

OWN, FOREIGN, NULL, BANK = "ceo@contoso.com", "a@fabrikam.com", "", "till@bank.example"
CONTOSO, INITIAL, ELSEWHERE = "b@contoso.com", "b@contoso.onmicrosoft.com", "b@tailspin.example"
SERVER, V6 = "192.0.2.25", "2001:db8::25"
# What says only in which words a refusal comes, or speaks of one session alone.
NOT_OF_SETS: Final = {"lock_before_direct_send", "match_subdomains", "match_subdomains_unknown"}

TOGETHER: Final = ("IPv6 before two proofs",)


def lock(name: str = "Lock", **fields: Any) -> dict[str, Any]:
    return connector(name, **fields)


def by_name(certificate: str, name: str = "Lock", **fields: Any) -> dict[str, Any]:
    """A Partner connector restricted to a certificate."""
    held = {
        "SenderIPAddresses": [],
        "RestrictDomainsToIPAddresses": False,
        "RestrictDomainsToCertificate": True,
        "RequireTls": True,
        "TlsSenderCertificateName": certificate,
    }
    return connector(name, **held | fields)


def allow(name: str, **fields: Any) -> dict[str, Any]:
    """A Partner connector that restricts nothing."""
    held = {"SenderIPAddresses": [], "RestrictDomainsToIPAddresses": False}
    return connector(name, **held | fields)


def server(name: str = "Server", **fields: Any) -> dict[str, Any]:
    """An OnPremises connector; nothing in it but what is given."""
    return allow(name, ConnectorType="OnPremises", **fields)


def rejecting(*connectors: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A tenant with RejectDirectSend on."""
    setting = {"Name": "contoso", "RejectDirectSend": True}
    return bundle(*connectors, OrganizationConfig=setting, **parts)


def asks(
    source: str, mail_from: str, rcpt: str = CONTOSO, *, tls: bool = True, cert: str | None = None
) -> dict[str, Any]:
    return {"source": source, "mail_from": mail_from, "rcpt": rcpt, "tls": tls, "cert_name": cert}


LISTED = server(SenderIPAddresses=[SERVER])
WILD = server(TlsSenderCertificateName="*.contoso.com", RequireTls=True)
OWN_SCOPE = ["smtp:contoso.com;1"]
BANKS = ["smtp:*.bank.example;1"]
TWO_DOORS = bundle(lock(), by_name("*.gateway.example", "By name"))
APPS = by_name("apps.vendor.example", "Apps", SenderDomains=OWN_SCOPE)
NESTED = [
    {"DomainName": "contoso.com", "DomainType": "Authoritative", "MatchSubDomains": True},
    {"DomainName": "contoso.onmicrosoft.com", "DomainType": "Authoritative"},
]

STORIES: Final[tuple[tuple[Any, ...], ...]] = (
    # Originating mail (2.1): by certificate whoever sends, by address the tenant's own senders.
    ("hybrid by wildcard", bundle(lock(), WILD), asks(STRANGER, FOREIGN, cert="x.contoso.com"),
     None, "Server", ["hybrid_exempt"]),
    ("a bounce by certificate", bundle(lock(), WILD), asks(STRANGER, NULL, cert="contoso.com"),
     None, "Server", ["hybrid_exempt"]),
    ("a bounce by address", bundle(lock(), LISTED), asks(SERVER, NULL),
     "5.7.51", "Lock", ["null_sender_in_wildcard"]),
    ("own mail by address", bundle(lock(), LISTED), asks(SERVER, OWN),
     None, "Server", ["hybrid_exempt"]),
    ("relay by address", bundle(LISTED), asks(SERVER, OWN, ELSEWHERE), None, "Server", []),
    ("no relay for others", bundle(LISTED), asks(SERVER, FOREIGN, ELSEWHERE), "5.7.64", None, []),
    ("a name that is no domain of the tenant", bundle(
        lock(), server(TlsSenderCertificateName="mx.contoso.com")),
     asks(STRANGER, FOREIGN, cert="mx.contoso.com"), "5.7.51", "Lock", []),
    ("Restrict* on OnPremises", bundle(server(
        SenderIPAddresses=[SERVER], RestrictDomainsToIPAddresses=True)),
     asks(STRANGER, FOREIGN), None, None, []),
    # Partner connectors (2.2): one for addresses and one for certificates; restrict beats allow.
    ("one of two doors, by address", TWO_DOORS, asks(GATEWAY, FOREIGN), None, "Lock", []),
    ("one of two doors, by name", TWO_DOORS, asks(STRANGER, FOREIGN, cert="a.b.gateway.example"),
     None, "By name", []),
    ("neither of two doors", TWO_DOORS, asks(STRANGER, FOREIGN, cert="gateway.test"),
     "5.7.51", "Lock", []),
    ("allow by domain", bundle(lock(), allow("Friend", SenderDomains=["smtp:fabrikam.com;1"])),
     asks(STRANGER, FOREIGN), "5.7.51", "Lock", ["restriction_beats_allow_by_domain"]),
    ("a bank's own lock", bundle(lock("Bank", SenderDomains=BANKS)), asks(STRANGER, BANK),
     "5.7.51", "Bank", []),
    ("below the bank", bundle(lock("Bank", SenderDomains=BANKS)),
     asks(STRANGER, "a@x.y.bank.example"), "5.7.51", "Bank", []),
    ("not the bank", bundle(lock("Bank", SenderDomains=BANKS)), asks(STRANGER, FOREIGN),
     None, None, []),
    # Properties (3): host bits, ranges, certificates by their literal name, TLS.
    ("in a range", bundle(lock(SenderIPAddresses=["203.0.113.7/25", "192.0.2.20 - 192.0.2.30"])),
     asks(SERVER, FOREIGN), None, "Lock", []),
    ("a neighbour at the vendor", bundle(lock(SenderIPAddresses=["203.0.113.0/24"])),
     asks("203.0.113.200", FOREIGN), None, "Lock", []),
    ("below a literal name", bundle(by_name("gateway.example")),
     asks(STRANGER, FOREIGN, cert="mx.gateway.example"), "5.7.51", "Lock", []),
    ("a literal name", bundle(by_name("gateway.example")),
     asks(STRANGER, FOREIGN, cert="GATEWAY.example."),
     None, "Lock", ["certificate_name_need_not_be_accepted"]),
    ("the gateway in clear", bundle(lock(RequireTls=True)), asks(GATEWAY, FOREIGN, tls=False),
     "TLS", "Lock", []),
    ("RequireTls of another", bundle(allow("Friend", SenderIPAddresses=[SERVER], RequireTls=True)),
     asks(STRANGER, FOREIGN, tls=False), None, None, ["require_tls_asks_whom_it_identifies"]),
    ("a lock that lists nobody", bundle(lock(SenderIPAddresses=[])), asks(GATEWAY, FOREIGN),
     "5.7.51", "Lock", ["empty_restriction_refuses"]),
    # AssociatedAcceptedDomains (3.1), onmicrosoft.com (7), subdomains (17).
    ("associated", bundle(lock(AssociatedAcceptedDomains=["contoso.com"])),
     asks(STRANGER, FOREIGN), "5.7.51", "Lock", ["associated_domains_scope_recipients"]),
    ("not associated", bundle(lock(AssociatedAcceptedDomains=["contoso.com"])),
     asks(STRANGER, FOREIGN, INITIAL), None, None, []),
    ("the initial domain", bundle(lock()), asks(STRANGER, FOREIGN, INITIAL), "5.7.51", "Lock", []),
    ("below a domain", bundle(lock(), AcceptedDomain=NESTED),
     asks(STRANGER, FOREIGN, "b@eu.contoso.com"), "5.7.51", "Lock", ["match_subdomains"]),
    ("perhaps below a domain", bundle(lock()), asks(STRANGER, FOREIGN, "b@eu.contoso.com"),
     "5.7.64", None, ["match_subdomains_unknown"]),
    # RejectDirectSend (5) alone, beside a vendor's recipe, and before a connector that names.
    ("Direct Send", rejecting(), asks(STRANGER, OWN), "5.7.68", None, []),
    ("no Direct Send", rejecting(), asks(STRANGER, NULL), None, None, []),
    ("the recipe, a stranger", rejecting(APPS), asks(STRANGER, OWN),
     "5.7.51", "Apps", ["lock_before_direct_send"]),
    ("the recipe, the vendor", rejecting(APPS), asks(STRANGER, OWN, cert="apps.vendor.example"),
     None, "Apps", ["certificate_name_need_not_be_accepted"]),
    ("own mail through the gateway", bundle(lock(), APPS), asks(GATEWAY, OWN), None, "Lock",
     ["restriction_beats_allow_by_domain"]),
    ("named and so excused", rejecting(allow("Printer", SenderIPAddresses=[SERVER])),
     asks(SERVER, OWN), None, "Printer", ["matching_without_restriction"]),
    # IPv6 (13.8): alone, and where only two readings together would let it in.
    ("the gateway over IPv6", bundle(lock()), asks(V6, FOREIGN),
     "5.7.51", "Lock", ["ipv6_never_listed"]),
    ("IPv6 before two proofs", bundle(by_name("*.gateway.example", RequireTls=False,
        SenderIPAddresses=[GATEWAY], RestrictDomainsToIPAddresses=True)), asks(V6, FOREIGN),
     "5.7.51", "Lock", []),
    # What was not read: named, and answered by the default.
    ("a lock of a domain, domains unread", bundle(
        lock(AssociatedAcceptedDomains=["contoso.com"]), AcceptedDomain=None),
     asks(STRANGER, FOREIGN), "5.7.51", "Lock",
     ["associated_domains_scope_recipients", "accepted_domains_unknown"]),
    ("an entry that is no address", bundle(lock(SenderIPAddresses=[GATEWAY, "mx.example.net"])),
     asks(STRANGER, FOREIGN), "5.7.51", "Lock", ["inbound_connectors_unknown"]),
    ("a connector that is off and half read", bundle(
        lock(), {"Name": "Old", "Enabled": False, "ConnectorType": "Partner"}),
     asks(STRANGER, FOREIGN), "5.7.51", "Lock", []),
)  # fmt: skip


def said_of(path: str, session: dict[str, Any]) -> dict[str, Any]:
    kept(Path(path).parent, json.dumps(session), "s.jsonl")
    out, _err = said("predict", path, "--sessions", str(Path(path).parent / "s.jsonl"))
    found: dict[str, Any] = json.loads(out)
    return found


def classes(sender: str, rcpt: str, held: dict[str, Any]) -> str:
    """The class that this sender falls in, as the documentation of `reach` describes them."""
    if not sender:
        return "null"
    domain = sender.rpartition("@")[2]
    if domain == rcpt.rpartition("@")[2]:
        return "own"
    named = [one for one in held if within(domain, one)]
    return min(named, key=lambda one: one.startswith("*.")) if named else "foreign"


@cache
def networks(cidrs: tuple[str, ...]) -> list[Any]:
    return [ip_network(cidr) for cidr in cidrs]


def reached(reach: dict[str, Any], session: dict[str, Any]) -> Iterator[str]:
    """By what the sets let this client in."""
    address = ip_address(session["source"])
    family = reach[f"ipv{address.version}"]
    if any(address in one for one in networks(tuple(family["cidrs"]))):
        yield str(address)
    name = (session["cert_name"] or "").lower().rstrip(".")
    yield from (pattern for pattern in reach["certificates"] if name and within(name, pattern))


@pytest.mark.parametrize("story", STORIES, ids=[story[0] for story in STORIES])
def test_both_commands_answer_alike(tmp_path: Path, story: tuple[Any, ...]) -> None:
    name, held, session, code, decides, leans = story
    path = kept(tmp_path, held)
    found = said_of(path, session)
    assert (found["accepted"], found["code"], found["connector"]) == (code is None, code, decides)
    assert sorted(found["assumptions"]) == sorted(leans)
    pairs = [["ipv6_never_listed", "certificate_without_require_tls"]] * (name in TOGETHER)
    assert found.get("together", []) == pairs

    domains = json.loads(said("reach", path, "--json")[0])["domains"]
    of_classes = domains.get(session["rcpt"].rpartition("@")[2])
    if of_classes is None:
        assert code == "5.7.64" or decides == "Server" or "match_subdomains" in leans
        return
    reach = of_classes[classes(session["mail_from"], session["rcpt"], of_classes)]
    if session["tls"]:
        assert bool([*reached(reach, session)]) == found["accepted"]
        assert set(leans) - NOT_OF_SETS <= set(reach["assumptions"])
        assert all(pair in reach["together"] for pair in pairs)
    else:
        assert [*reached(reach, session)] or not found["accepted"]


def test_the_stories_are_many_and_each_is_another() -> None:
    assert len({story[0] for story in STORIES}) == len(STORIES) >= 20
    bundles = {json.dumps(story[1], sort_keys=True) for story in STORIES}
    assert len(bundles) >= 20
