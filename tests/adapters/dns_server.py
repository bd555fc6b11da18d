"""A name server for tests: UDP on loopback, its answers a table, its faults on demand."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

# (name without its final dot, type) -> the records, or what to do instead
type Zone = Mapping[tuple[str, str], Sequence[str] | Callable[[dns.message.Message], bytes | None]]


def servfail(query: dns.message.Message) -> bytes:
    answer = dns.message.make_response(query)
    answer.set_rcode(dns.rcode.SERVFAIL)
    return answer.to_wire()


def silence(query: dns.message.Message) -> None:
    del query


def garbage(query: dns.message.Message) -> bytes:
    return query.id.to_bytes(2, "big") + b"\x81\x80" + b"\xff" * 40


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


@contextmanager
def name_server(zone: Zone) -> Iterator[str]:
    """Serve a zone; the value is the server's ``ip:port``."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        stopping = threading.Event()

        def serve() -> None:
            while not stopping.is_set():
                with suppress(OSError):
                    data, peer = udp.recvfrom(4096)
                    if not stopping.is_set() and data:
                        reply = answer_to(dns.message.from_wire(data), zone)
                        udp.sendto(reply, peer) if reply else None

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{udp.getsockname()[1]}"
        finally:
            stopping.set()
            udp.sendto(b"", udp.getsockname())
            thread.join()
