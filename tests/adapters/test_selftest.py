"""A place finds out what it is called, which lists hold it, and whether port 25 is open."""

import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from mailposture.adapters import dns, selftest
from mailposture.adapters.shards import Place
from mailposture.core.work import SelfTest
from tests.adapters.dns_server import Zone, name_server, servfail, silence

HERE = "198.51.100.7"
BACKWARD = "7.100.51.198"
LIST = "list.example"
# RFC 5782 section 5: a list holds 127.0.0.2 and not 127.0.0.1.
LIVES: Zone = {(f"2.0.0.127.{LIST}", "A"): ["127.0.0.2"]}
DOOR = "contoso-com.mail.protection.outlook.com"
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


def resolver(at: str) -> dns.Resolver:
    return dns.Resolver(at, timeout=0.3)


@pytest.mark.parametrize(
    ("zone", "found"),
    [
        (
            {(f"{BACKWARD}.in-addr.arpa", "PTR"): ["probe.example."],
             ("probe.example", "A"): ["192.0.2.1", HERE]},
            {"names": ["probe.example"], "confirmed": "probe.example"},
        ),
        (
            {(f"{BACKWARD}.in-addr.arpa", "PTR"): ["probe.example."],
             ("probe.example", "A"): ["192.0.2.1"]},
            {"names": ["probe.example"], "confirmed": ""},
        ),
        ({("other.example", "A"): [HERE]}, {"names": [], "confirmed": ""}),
        (
            {(f"{BACKWARD}.in-addr.arpa", "PTR"): servfail},
            {"names": None, "confirmed": ""},
        ),
        (
            {(f"{BACKWARD}.in-addr.arpa", "PTR"): ["probe.example."],
             ("probe.example", "A"): silence},
            {"names": None, "confirmed": ""},
        ),
    ],
    ids=["confirmed", "not confirmed", "none", "no answer", "no answer to the way back"],
)  # fmt: skip
def test_its_reverse_name_counts_where_it_leads_back(zone: Zone, found: dict[str, Any]) -> None:
    with name_server(zone) as at:
        assert selftest.reverse(HERE, resolver(at)) == found


@pytest.mark.parametrize(
    ("zone", "says", "codes"),
    [
        (LIVES, "clear", []),
        ({**LIVES, (f"{BACKWARD}.{LIST}", "A"): ["127.0.0.4", "127.0.0.9"]}, "listed",
         ["127.0.0.4", "127.0.0.9"]),
        ({**LIVES, (f"{BACKWARD}.{LIST}", "A"): ["127.255.255.254"]}, "refused",
         ["127.255.255.254"]),
        ({(f"2.0.0.127.{LIST}", "A"): ["127.255.255.252"]}, "refused", ["127.255.255.252"]),
        ({(f"{BACKWARD}.{LIST}", "A"): ["127.0.0.4"]}, "odd", []),
        ({**LIVES, (f"1.0.0.127.{LIST}", "A"): ["127.0.0.2"]}, "odd", []),
        # A resolver that invents an answer for every name is no list.
        ({(f"2.0.0.127.{LIST}", "A"): ["203.0.113.1"]}, "odd", []),
        ({**LIVES, (f"{BACKWARD}.{LIST}", "A"): ["203.0.113.1"]}, "clear", []),
        ({**LIVES, (f"{BACKWARD}.{LIST}", "A"): silence}, "silent", []),
        ({(f"2.0.0.127.{LIST}", "A"): servfail}, "silent", []),
    ],
)  # fmt: skip
def test_a_list_is_believed_where_it_answers_as_lists_do(
    zone: Zone, says: str, codes: list[str]
) -> None:
    with name_server(zone) as at:
        found = selftest.listed(HERE, LIST, resolver(at))
    assert found == {"says": says, "codes": codes}


def test_an_ipv6_address_is_asked_for_by_its_digits() -> None:
    address = "2001:db8::1"
    assert dns.reversed_labels(address) == "1" + ".0" * 23 + ".8.b.d.0.1.0.0.2"
    zone: Zone = {
        (f"{dns.reversed_labels('::ffff:7f00:2')}.{LIST}", "A"): ["127.0.0.2"],
        (f"{dns.reversed_labels(address)}.{LIST}", "A"): ["127.0.0.3"],
    }
    with name_server(zone) as at:
        found = selftest.listed(address, LIST, resolver(at))
    assert found == {"says": "listed", "codes": ["127.0.0.3"]}


@contextmanager
def greeting(words: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that says this to the first who comes, and keeps what it is told."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = int(listening.getsockname()[1])

        def serve() -> None:
            with suppress(OSError):
                wire, _ = listening.accept()
                with wire:
                    wire.sendall(words)
                    heard.append(wire.recv(100))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield number, heard
        finally:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", number), 1).close()
            thread.join()


def knocked(number: int, address: str = "127.0.0.1") -> dict[str, str]:
    with name_server({(DOOR, "A"): [address]}) as at:
        place = Place(slug="frankfurt", resolver=at, lab_networks=LOOPBACK)
        return selftest.port(SelfTest(address=HERE, canary=(DOOR,), port=number), place)


def test_the_canary_is_greeted_and_left() -> None:
    with greeting(b"220 mail ready\r\n") as (number, heard):
        assert knocked(number) == {"says": "open", "host": DOOR, "why": ""}
    assert heard == [b"QUIT\r\n"]


def test_one_slow_door_leaves_no_time_for_another() -> None:
    """All of it has to be over before the next hello."""
    with greeting(b"220 mail ready\r\n") as (number, heard):
        slow = "slow-com.mail.protection.outlook.com"
        with name_server({(slow, "A"): silence, (DOOR, "A"): ["127.0.0.1"]}) as at:
            place = Place(slug="frankfurt", resolver=at, lab_networks=LOOPBACK)
            test = SelfTest(address=HERE, canary=(slow, DOOR), port=number)
            assert selftest.port(test, place)["says"] == "unknown"
        assert heard == []


def test_what_answers_without_a_greeting_is_no_mail_server() -> None:
    with greeting(b"<html>") as (number, _):
        found = knocked(number)
    assert (found["says"], found["why"]) == ("blocked", "what answers is no mail server")


def test_where_nobody_listens_it_is_blocked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = int(taken.getsockname()[1])
    found = knocked(number)
    assert found["says"] == "blocked"
    assert "refused" in found["why"]


def test_a_canary_that_may_be_no_target_is_not_asked() -> None:
    """The place judges it like any other target: a private address outside its lab."""
    assert knocked(25, address="10.0.0.1")["says"] == "unknown"


@pytest.mark.parametrize("address", ["", "nonsense"])
def test_without_an_address_the_port_alone_is_tested(address: str) -> None:
    found = selftest.run(SelfTest(address=address), Place(slug="frankfurt"))
    assert found == {
        "address": address,
        "port": {"says": "unknown", "host": "", "why": "no canary could be tried"},
    }


def test_all_of_it_comes_in_one_document() -> None:
    zone: Zone = {**LIVES, (f"{BACKWARD}.in-addr.arpa", "PTR"): ["probe.example."]}
    with name_server(zone) as at:
        place = Place(slug="frankfurt", resolver=at)
        found = selftest.run(SelfTest(address=HERE, lists=(LIST,) * 40), place)
    assert found["names"] == ["probe.example"]
    assert found["lists"] == [{"zone": LIST, "says": "clear", "codes": []}] * 10
