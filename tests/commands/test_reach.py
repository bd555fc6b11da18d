"""`reach` says who may deliver, exactly, and what a proposal that nobody ran moves."""

import json
import time
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from tests.commands.bundles import GATEWAY, bundle, connector, hybrid, kept, run, said

NOBODY = {"addresses": 0, "cidrs": []}
EVERYBODY_V4 = {"addresses": 2**32, "cidrs": ["0.0.0.0/0"]}
EVERYBODY_V6 = {"addresses": 2**128, "cidrs": ["::/0"]}
LOCKED = bundle(connector("Lock"), hybrid())
OPEN = bundle(hybrid())
LOCK = f"""
New-InboundConnector -Name 'Lock' -SenderDomains * -RestrictDomainsToIPAddresses $true `
    -SenderIPAddresses {GATEWAY}
"""


def reached(path: str, *more: str) -> dict[str, dict[str, Any]]:
    out, err = said("reach", path, *more, "--json")
    assert err == ""
    document = json.loads(out)
    assert list(document) == ["domains"]
    found: dict[str, dict[str, Any]] = document["domains"]
    return found


def test_an_open_tenant_is_reached_by_the_whole_internet(tmp_path: Path) -> None:
    found = reached(kept(tmp_path, OPEN))
    assert list(found) == ["contoso.com", "contoso.onmicrosoft.com"]
    assert list(found["contoso.com"]) == ["foreign", "own", "null"]
    for of_classes in found.values():
        for reach in of_classes.values():
            assert list(reach) == ["ipv4", "ipv6", "certificates", "assumptions"]
            assert (reach["ipv4"], reach["ipv6"]) == (EVERYBODY_V4, EVERYBODY_V6)


def test_a_locked_tenant_is_reached_by_its_gateway_and_the_hybrid_certificate(
    tmp_path: Path,
) -> None:
    reach = reached(kept(tmp_path, LOCKED))["contoso.com"]["foreign"]
    assert reach["ipv4"] == {"addresses": 1, "cidrs": [f"{GATEWAY}/32"]}
    assert reach["ipv6"] == NOBODY
    assert reach["certificates"] == ["contoso.com"]
    assert "ipv6_never_listed" in reach["assumptions"]


def test_networks_are_disjoint_and_minimal_and_add_up(tmp_path: Path) -> None:
    listed = ["203.0.113.7/25", "203.0.113.128 - 203.0.113.255", "198.51.100.3", "198.51.100.2"]
    row = connector("Partner", SenderDomains=["smtp:bank.example;1"], SenderIPAddresses=listed)
    found = reached(kept(tmp_path, bundle(row)))["contoso.com"]
    assert list(found) == ["foreign", "own", "null", "bank.example"]
    assert found["foreign"]["ipv4"] == EVERYBODY_V4
    assert found["bank.example"]["ipv4"]["cidrs"] == ["198.51.100.2/31", "203.0.113.0/24"]
    for reach in found.values():
        for family in ("ipv4", "ipv6"):
            networks = [ip_network(cidr) for cidr in reach[family]["cidrs"]]
            assert sum(one.num_addresses for one in networks) == reach[family]["addresses"]


def test_unread_domains_are_one_that_stands_for_all(tmp_path: Path) -> None:
    found = reached(kept(tmp_path, bundle(connector("Lock"), AcceptedDomain=None)))
    assert list(found) == ["*"]
    assert "accepted_domains_unknown" in found["*"]["foreign"]["assumptions"]


def test_a_lock_of_one_domain_is_not_hidden_where_the_domains_are_unread(tmp_path: Path) -> None:
    lock = connector("Lock", AssociatedAcceptedDomains=["contoso.com"])
    bank = connector("Bank", SenderDomains=["smtp:*.bank.example;1"])
    off = connector("Off", Enabled=False, SenderDomains=["smtp:off.example;1"])
    found = reached(kept(tmp_path, bundle(lock, bank, off, AcceptedDomain=None)))
    assert list(found) == ["*", "bank.example", "contoso.com"]
    assert found["*"]["foreign"]["ipv4"] == EVERYBODY_V4
    assert found["contoso.com"]["foreign"]["ipv4"]["addresses"] == 1
    assert found["bank.example"]["foreign"]["ipv4"] == EVERYBODY_V4
    assert found["bank.example"]["own"]["ipv4"]["addresses"] == 1
    for of_classes in found.values():
        for reach in of_classes.values():
            assert "accepted_domains_unknown" in reach["assumptions"]


def test_a_hybrid_certificate_is_not_lost_where_the_domains_are_unread(tmp_path: Path) -> None:
    named = connector("Named", SenderDomains=["smtp:contoso.com;1"])
    found = reached(kept(tmp_path, bundle(connector("Lock"), hybrid(), named, AcceptedDomain=None)))
    assert found["contoso.com"]["foreign"]["certificates"] == ["contoso.com"]
    assert found["*"]["foreign"]["certificates"] == []


# ---- proposals -----------------------------------------------------------------------------


def test_a_lock_takes_the_internet_away_and_leaves_the_hybrid_server_in(tmp_path: Path) -> None:
    path = kept(tmp_path, OPEN)
    found = reached(path, "--propose", kept(tmp_path, LOCK, "lock.ps1"))["contoso.com"]["foreign"]
    assert list(found) == ["ipv4", "ipv6", "certificates", "assumptions", "gained", "lost"]
    assert found["ipv4"] == {"addresses": 1, "cidrs": [f"{GATEWAY}/32"]}
    assert found["certificates"] == ["contoso.com"]
    assert found["gained"] == {"ipv4": NOBODY, "ipv6": NOBODY, "certificates": []}
    assert found["lost"]["ipv4"]["addresses"] == 2**32 - 1
    assert found["lost"]["ipv6"] == EVERYBODY_V6


@pytest.mark.parametrize(
    ("proposal", "gained", "lost"),
    [
        ({"Name": "lock", "SenderIPAddresses": ["192.0.2.0/24"]}, 256, 1),
        ({"Name": "Lock", "Remove": True}, 2**32 - 1, 0),
        ([{"Name": "Lock", "Enabled": False}, {"RejectDirectSend": True}], 2**32 - 1, 0),
        ({"Get-InboundConnector": []}, 2**32 - 1, 0),
        ({"Name": "Lock", "SenderIPAddresses": {"Add": ["192.0.2.1"]}}, 1, 0),
    ],
)
def test_json_edits_what_is_there(tmp_path: Path, proposal: Any, gained: int, lost: int) -> None:
    path = kept(tmp_path, LOCKED)
    found = reached(path, "--propose", kept(tmp_path, proposal, "p.json"))
    reach = found["contoso.com"]["foreign"]
    assert (reach["gained"]["ipv4"]["addresses"], reach["lost"]["ipv4"]["addresses"]) == (
        gained,
        lost,
    )


def test_classes_and_domains_are_those_of_both_sides(tmp_path: Path) -> None:
    path = kept(tmp_path, bundle(connector("Bank", SenderDomains=["smtp:bank.example;1"])))
    new = {
        "Get-InboundConnector": [connector("Till", SenderDomains=["smtp:till.example;1"])],
        "Get-AcceptedDomain": [{"DomainName": "new.example", "DomainType": "Authoritative"}],
    }
    found = reached(path, "--propose", kept(tmp_path, new, "p.json"))
    assert list(found) == ["contoso.com", "contoso.onmicrosoft.com", "new.example"]
    assert set(found["contoso.com"]) == {"foreign", "own", "null", "bank.example", "till.example"}
    assert found["contoso.com"]["foreign"]["lost"]["ipv4"] == EVERYBODY_V4
    assert found["new.example"]["foreign"]["gained"]["ipv4"] == EVERYBODY_V4


def test_a_certificate_is_gained_and_lost_by_its_name(tmp_path: Path) -> None:
    path = kept(tmp_path, LOCKED)
    text = "Set-InboundConnector Hybrid -TlsSenderCertificateName *.contoso.onmicrosoft.com"
    found = reached(path, "--propose", kept(tmp_path, text, "p.ps1"))["contoso.com"]["foreign"]
    assert found["gained"]["certificates"] == ["*.contoso.onmicrosoft.com"]
    assert found["lost"]["certificates"] == ["contoso.com"]


def test_what_to_mind_is_noted_beside_the_document(tmp_path: Path) -> None:
    path = kept(tmp_path, LOCKED)
    proposal = kept(tmp_path, "Set-InboundConnector Lock -SenderIPAddresses $null", "p.ps1")
    out, err = said("reach", path, "--propose", proposal, "--json")
    assert json.loads(out)["domains"]["contoso.com"]["foreign"]["ipv4"] == NOBODY
    assert err.startswith("Lock restricts to addresses and names none")


# ---- for people ----------------------------------------------------------------------------


def test_the_text_says_what_is_proposed_who_may_deliver_and_on_what_it_rests(
    tmp_path: Path,
) -> None:
    path = kept(tmp_path, OPEN)
    out, _err = said("reach", path, "--propose", kept(tmp_path, LOCK, "lock.ps1"))
    lines = out.splitlines()
    made = "  Lock was added as an inbound connector, turned on. Enabled: True; ConnectorType: Part"
    assert lines[1].startswith(made)
    assert [lines[0], *lines[2:6]] == [
        "Proposed",
        "",
        "contoso.com, contoso.onmicrosoft.com",
        f"  foreign, own, null: IPv4 1 address ({GATEWAY}/32)",
        "    any address with a certificate for contoso.com",
    ]
    assert lines[6].startswith("    lost: IPv4 4,294,967,295 addresses (0.0.0.0/1, 128.0.0.0/2,")
    assert ", and 24 more networks); IPv6 340,282,366,920,938,463,463," in lines[6]
    assert lines[7:9] == ["", "Rests on"]
    assert "\n  ipv6_never_listed: An IPv6 client meets no" in out


def test_what_stays_is_said_to_stay_and_names_are_shown_safely(tmp_path: Path) -> None:
    # A proposal may hold no such name; what is there already may.
    path = kept(tmp_path, bundle(connector("L\x1b[31m"), hybrid()))
    changes = [{"Name": "L\x1b[31m", "RequireTls": True}, {"Name": "Hybrid", "Enabled": True}]
    out, _err = said("reach", path, "--propose", kept(tmp_path, changes, "p.json"))
    assert "    as before\n" in out
    assert "  Hybrid is so already\n" in out
    assert r"L\x1B[31m" in out
    assert "\x1b" not in out


# ---- errors and size -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proposal", "says"),
    [
        ("$x = 1", "line 1: a variable is not followed"),
        ("Set-InboundConnector Nobody -Enabled $true", "no inbound connector is called 'Nobody'"),
        ('{"Name": "Lock", "SenderIPAddresses": ["10.0.0.0/8"]}', "object 1: SenderIPAddresses"),
        ("{", "this is no JSON"),
        (" ", "the proposal is empty"),
    ],
)
def test_a_bad_proposal_is_an_error_that_names_the_file(
    tmp_path: Path, proposal: str, says: str
) -> None:
    path = kept(tmp_path, proposal, "p.ps1")
    with pytest.raises(CommandError) as refused:
        reached(kept(tmp_path, LOCKED), "--propose", path)
    assert str(refused.value).startswith(f"{path}: ")
    assert says in str(refused.value)
    assert refused.value.returncode == 2


def test_files_that_are_not_there_are_an_error(tmp_path: Path) -> None:
    for arguments in (("nowhere.json",), (kept(tmp_path, LOCKED), "--propose", str(tmp_path))):
        ran = run(tmp_path, "reach", *arguments)
        assert (ran.returncode, ran.stdout) == (2, b"")


def test_nothing_is_needed_and_nothing_is_left_behind(tmp_path: Path) -> None:
    path = kept(tmp_path, LOCKED)
    ran = run(tmp_path, "reach", path, "--propose", "-", "--json", given=LOCK.encode("utf-16"))
    assert ran.returncode == 2  # there is a Lock already
    assert b"standard input: line 2: there is an inbound connector 'Lock' already" in ran.stderr
    ran = run(tmp_path, "reach", path, "--json")
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert json.loads(ran.stdout) == {"domains": reached(path)}
    assert [one.name for one in tmp_path.iterdir()] == ["bundle.json"]


def test_900_domains_and_25_classes_take_seconds(tmp_path: Path) -> None:
    scoped = [
        connector(
            f"Partner {n}",
            SenderDomains=[f"smtp:partner{n}.example;1"],
            SenderIPAddresses=[f"198.51.100.{n * 8}/29", f"192.0.2.{n}"],
        )
        for n in range(22)
    ]
    domains = [{"DomainName": f"d{n}.example", "DomainType": "Authoritative"} for n in range(900)]
    path = kept(tmp_path, bundle(connector("Lock"), *scoped, AcceptedDomain=domains))
    started = time.monotonic()
    found = reached(path, "--propose", kept(tmp_path, {"RejectDirectSend": True}, "p.json"))
    assert time.monotonic() - started < 20  # two seconds where nothing else runs
    assert sum(len(of_classes) for of_classes in found.values()) == 900 * 25


@pytest.mark.parametrize(
    ("held", "says"),
    [
        ({"value": [], "@odata.nextLink": "https://x.example/next"}, "connectors: truncated"),
        (
            {"value": [connector("Lock")], "@odata.nextLink": "https://x.example/n"},
            "connectors: truncated",
        ),
        (None, "connectors: failed"),
    ],
)
def test_a_proposal_of_half_a_part_is_refused_and_removes_nothing(
    tmp_path: Path, held: Any, says: str
) -> None:
    # What comes after the first page would be taken for removed.
    proposal = kept(tmp_path, {"Get-InboundConnector": held}, "proposal.json")
    with pytest.raises(CommandError, match=says):
        said("reach", kept(tmp_path, LOCKED), "--propose", proposal, "--json")
