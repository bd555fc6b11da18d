"""A name server for tests: UDP on loopback, its answers a table, its faults on demand."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

type Fault = Callable[[dns.message.Message], bytes | None]
# (name without its final dot, type) -> the records, or what to do instead
type Zone = Mapping[tuple[str, str], Sequence[str] | Fault]


def servfail(query: dns.message.Message) -> bytes:
    answer = dns.message.make_response(query)
    answer.set_rcode(dns.rcode.SERVFAIL)
    return answer.to_wire()


def silence(query: dns.message.Message) -> None:
    del query


def garbage(query: dns.message.Message) -> bytes:
    return query.id.to_bytes(2, "big") + b"\x81\x80" + b"\xff" * 40


@dataclass(frozen=True)
class Late:
    """An answer of one address that comes so many seconds late, and holds up no other."""

    seconds: float

    def __call__(self, query: dns.message.Message) -> bytes:
        answer = dns.message.make_response(query)
        name, kind = query.question[0].name, query.question[0].rdtype
        address = "192.0.2.1" if kind == dns.rdatatype.A else "2001:db8::1"
        answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, address))
        return answer.to_wire()


def asked_for(query: dns.message.Message, zone: Zone) -> Sequence[str] | Fault | None:
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    return zone.get((name, dns.rdatatype.to_text(question.rdtype)))


def answer_to(query: dns.message.Message, zone: Zone) -> bytes | None:
    question = query.question[0]
    name, kind = question.name.to_text(omit_final_dot=True).lower(), question.rdtype
    found = zone.get((name, dns.rdatatype.to_text(kind)))
    if callable(found):
        return found(query)
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.RA
    if found is None and not any(owner == name for owner, _ in zone):
        answer.set_rcode(dns.rcode.NXDOMAIN)
    for owner, record, values in [(name, dns.rdatatype.to_text(kind), found or ())]:
        if values:
            answer.answer.append(dns.rrset.from_text(f"{owner}.", 60, "IN", record, *values))
    chain(answer, name, kind, zone)
    return answer.to_wire()


def chain(
    answer: dns.message.Message, name: str, kind: dns.rdatatype.RdataType, zone: Zone
) -> None:
    """Follow aliases as a resolver does, round and round if the zone has a loop."""
    for _ in range(40):
        alias = zone.get((name, "CNAME"))
        if alias is None or callable(alias):
            return
        answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", *alias))
        name = alias[0].removesuffix(".")
        found = zone.get((name, dns.rdatatype.to_text(kind)))
        if found and not callable(found):
            answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind, *found))
            return


class _Server(threading.Thread):
    """Answers from a zone until it is told to stop; what comes late has a timer of its own."""

    def __init__(self, udp: socket.socket, zone: Zone) -> None:
        super().__init__()
        self.udp, self.zone = udp, zone
        self.stopping = threading.Event()
        self.timers: list[threading.Timer] = []

    def run(self) -> None:
        while not self.stopping.is_set():
            with suppress(OSError):
                data, peer = self.udp.recvfrom(4096)
                if not self.stopping.is_set() and data:
                    self.answer(dns.message.from_wire(data), peer)

    def answer(self, query: dns.message.Message, peer: Any) -> None:
        reply, how = answer_to(query, self.zone), asked_for(query, self.zone)
        if reply and isinstance(how, Late):
            self.timers.append(threading.Timer(how.seconds, self.udp.sendto, (reply, peer)))
            self.timers[-1].start()
        elif reply:
            self.udp.sendto(reply, peer)

    def stop(self) -> None:
        self.stopping.set()
        self.udp.sendto(b"", self.udp.getsockname())
        self.join()
        for timer in self.timers:
            timer.cancel()
            timer.join()


@contextmanager
def name_server(zone: Zone) -> Iterator[str]:
    """Serve a zone; the value is the server's ``ip:port``."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        server = _Server(udp, zone)
        server.start()
        try:
            yield f"127.0.0.1:{udp.getsockname()[1]}"
        finally:
            server.stop()
