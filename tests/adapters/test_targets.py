"""Only Microsoft's doors, in public, on port 25; and the lab, if there is one."""

import pytest

from mailposture.adapters.targets import (
    Refusal,
    host_name,
    in_lab,
    is_microsoft_mail,
    may_target,
    networks,
)
from mailposture.core import hosts

DOOR = "contoso-com.mail.protection.outlook.com"
PUBLIC = "52.101.68.3"
LAB = networks("127.0.0.0/8")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        (DOOR, PUBLIC),
        (DOOR, "2a01:111:f403:c111::3"),
        (DOOR, "168.63.129.17"),
        (DOOR, "192.88.100.1"),
        ("contoso-com.o-v1.mx.microsoft", PUBLIC),
        ("contoso-com.mail.eo.outlook.com", PUBLIC),
        ("contoso-us.mail.protection.office365.us", PUBLIC),
        ("contoso-cn.mail.protection.partner.outlook.cn", PUBLIC),
        ("CONTOSO-com.Mail.Protection.Outlook.COM.", PUBLIC),
    ],
)
def test_a_door_of_microsoft_at_a_public_address_may_be_probed(host: str, address: str) -> None:
    may_target(host, address, 25)


@pytest.mark.parametrize(
    "host",
    [
        "mail.contoso.com",
        "mail.protection.outlook.com",
        "mx.microsoft",
        "contoso.olc.protection.outlook.com",
        "smtp.office365.com",
        "evilmail.protection.outlook.com.contoso.com",
        "notmail.protection.outlook.com",
        "contoso-com.mail.protection.outlook.com.evil.example",
        "contoso-com\x00.mail.protection.outlook.com",
        "contoso com.mail.protection.outlook.com",
        "-.mail.protection.outlook.com",
        PUBLIC,
        "",
    ],
)
def test_any_other_name_is_refused(host: str) -> None:
    with pytest.raises(Refusal, match="Microsoft mail name"):
        may_target(host, PUBLIC, 25)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - a target, nothing is bound to it
        "168.63.129.16",
        "192.0.0.9",
        "192.0.0.170",
        "192.0.2.1",
        "192.31.196.1",
        "192.52.193.1",
        "192.88.99.1",
        "192.88.99.255",
        "192.175.48.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:52.101.68.3",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "2001:db8::1",
        "2620:4f:8000::1",
        "3fff::1",
        "3fff:fff:ffff::1",
        "5f00::1",
        "fe80::1",
        "fe80::1%eth0",
        "2a01:111:f403::3%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(Refusal, match="resolves to"):
        may_target(DOOR, address, 25)


@pytest.mark.parametrize("address", ["", "localhost", "127.1", "0x7f000001", "2130706433", "1.2.3"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Refusal, match="not an address"):
        may_target(DOOR, address, 25, LAB)


@pytest.mark.parametrize("port", [24, 587, 2525, 0, -1, 65536])
def test_outside_the_lab_there_is_only_port_25(port: int) -> None:
    with pytest.raises(Refusal, match="only port 25"):
        may_target(DOOR, PUBLIC, port, LAB)


@pytest.mark.parametrize("host", ["127.0.10.20", "anything", DOOR, ""])
def test_inside_the_lab_any_port_and_name_will_do(host: str) -> None:
    may_target(host, "127.0.10.20", 2525, LAB)


@pytest.mark.parametrize(
    ("address", "lab"),
    [("192.0.2.1", "192.0.2.0/24"), ("3fff::1", "3fff::/20"), ("168.63.129.16", "168.63.0.0/16")],
)
def test_a_lab_may_lie_where_nothing_else_may(address: str, lab: str) -> None:
    may_target("x", address, 2525, networks(lab))


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_even_in_the_lab_a_port_must_be_one(port: int) -> None:
    with pytest.raises(Refusal, match="not a port"):
        may_target("x", "127.0.10.20", port, LAB)


def test_the_lab_does_not_open_what_lies_beside_it() -> None:
    with pytest.raises(Refusal):
        may_target(DOOR, "10.0.0.1", 25, LAB)
    with pytest.raises(Refusal):
        may_target(DOOR, "::ffff:127.0.0.1", 25, LAB)
    with pytest.raises(Refusal):
        may_target(DOOR, "::1", 25, LAB)


def test_networks_are_read_from_one_line_of_text() -> None:
    assert networks("") == ()
    assert [str(n) for n in networks(" 127.0.0.0/8, ::1/128 ,")] == ["127.0.0.0/8", "::1/128"]
    with pytest.raises(ValueError, match="host bits"):
        networks("127.0.0.1/8")


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.66.7", True), ("128.0.0.1", False), ("::1", True), ("::2", False), ("x", False)],
)
def test_an_address_is_in_the_lab_or_it_is_not(address: str, expected: bool) -> None:
    assert in_lab(address, networks("127.0.0.0/8,::1/128")) is expected


def test_every_name_of_the_table_is_a_name_of_its_own() -> None:
    names = hosts.MAIL_NAMES
    assert len(set(names)) == len(names)
    assert all(host_name(name) == name and not is_microsoft_mail(name) for name in names)
    assert all(is_microsoft_mail(f"contoso-com.mail.{name}") for name in names)
