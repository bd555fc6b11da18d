"""What a probe costs beside smtplib and aiosmtplib: the same server, the same words, TLS 1.3.

    python bench/probes.py [--json] [--count 400] [--rounds 5]

CPU seconds of the client process for 1,000 sessions; the contenders take turns, and the
median of the rounds counts. Peers get one shared context and verify nothing; ours keeps the
transcript, asks whether a client certificate is wanted and judges the server's chain as well.
"""

import argparse
import asyncio
import functools
import gc
import json
import os
import smtplib
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import aiosmtplib
import trustme
import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent))

from mailposture.adapters.smtp import Order, converse_all, run

AT_ONCE = 64
HOST = "contoso-com.mail.protection.outlook.com"
ME, SENDER, RECIPIENT = "probe.example", "postmaster@probe.example", "postmaster@contoso.com"
ANSWERS = {
    b"EHLO": b"250-FE1 Hello [192.0.2.7]\r\n250-SIZE 157286400\r\n250-PIPELINING\r\n"
    b"250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250-STARTTLS\r\n250-8BITMIME\r\n250 CHUNKING\r\n",
    b"MAIL": b"250 2.1.0 Sender OK\r\n",
    b"RCPT": b"550 5.7.51 TenantInboundAttribution; Rejecting\r\n",
    b"QUIT": b"221 2.0.0 Service closing transmission channel\r\n",
}


def serve(certificate: str) -> None:
    """The server of all contenders, a process of its own; its port is its first line."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate)

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 FE1.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"STAR":
                writer.write(b"220 2.0.0 SMTP server ready\r\n")
                await writer.start_tls(context)
                continue
            writer.write(ANSWERS.get(verb, b"500 5.3.3 Unrecognized command\r\n"))
            if verb == b"QUIT":
                break
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(meet, "127.0.0.1", 0, backlog=1024)
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        async with server:
            await server.serve_forever()

    uvloop.run(main())


def unverified() -> ssl.SSLContext:
    """One context that all sessions of a peer share."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def ours(port: int, count: int, *, fast: bool) -> None:
    """The driver of this product."""
    order = Order(
        address="127.0.0.1", port=port, host=HOST, ehlo=ME, mail_from=SENDER, rcpt_to=RECIPIENT
    )
    work = converse_all([order] * count, at_once=AT_ONCE)
    found = run(work) if fast else asyncio.run(work)
    check(reply.code for t in found if t.tls and (reply := t.reply_to("rcpt")))


def check(codes: Iterator[int | None] | list[int]) -> None:
    """Refuse to publish a figure of sessions that did not take place."""
    odd = [code for code in codes if code != 550]
    if odd:
        raise RuntimeError(f"not what the server says: {odd[:3]}")


def by_smtplib(port: int, count: int) -> None:
    """The standard library, 64 threads."""
    context = unverified()

    def session(_number: int) -> int:
        with smtplib.SMTP("127.0.0.1", port, local_hostname=ME) as client:
            client.ehlo()
            client.starttls(context=context)
            client.ehlo()
            client.mail(SENDER)
            return client.rcpt(RECIPIENT)[0]

    with ThreadPoolExecutor(AT_ONCE) as threads:
        check(list(threads.map(session, range(count))))


def by_aiosmtplib(port: int, count: int, *, fast: bool) -> None:
    """aiosmtplib, with a shared context, which it does not make by itself."""
    context = unverified()
    codes: list[int] = []

    async def session() -> None:
        client = aiosmtplib.SMTP(
            hostname="127.0.0.1", port=port, local_hostname=ME, start_tls=False, use_tls=False
        )
        await client.connect()
        await client.ehlo()
        await client.starttls(tls_context=context, validate_certs=False)
        await client.ehlo()
        await client.mail(SENDER)
        try:
            await client.rcpt(RECIPIENT)
        except aiosmtplib.SMTPRecipientRefused as refused:
            codes.append(refused.code)
        await client.quit()

    async def main() -> None:
        left = iter(range(count))

        async def work() -> None:
            for _ in left:
                await session()

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))

    uvloop.run(main()) if fast else asyncio.run(main())
    check(codes)


CONTENDERS: dict[str, Callable[[int, int], None]] = {
    "ours, uvloop": functools.partial(ours, fast=True),
    "ours, asyncio": functools.partial(ours, fast=False),
    "smtplib, 64 threads": by_smtplib,
    "aiosmtplib, asyncio": functools.partial(by_aiosmtplib, fast=False),
    "aiosmtplib, uvloop": functools.partial(by_aiosmtplib, fast=True),
}


@dataclass(frozen=True)
class Row:
    """One contender's line of the table; ratios are its CPU over that of ours on uvloop."""

    contender: str
    cpu_s_per_1000: float
    least: float
    most: float
    sessions_per_s: float
    ratio_to_ours: float


@contextmanager
def server() -> Iterator[int]:
    """The server's process, for as long as the block lasts."""
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        trustme.CA().issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(file.name)
        command = [sys.executable, __file__, "--serve", file.name]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
            try:
                line = process.stdout.readline() if process.stdout else ""
                yield int(line)
            finally:
                process.terminate()


def pin() -> None:
    """One core for the client, where that can be asked for; the server has the others."""
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def measure(port: int, count: int, rounds: int) -> list[Row]:
    """Let the contenders take turns, so that a noisy minute hits them all."""
    cpu: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    rate: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name, contend in CONTENDERS.items():
            gc.collect()
            began, worked = time.perf_counter(), time.process_time()
            contend(port, count)
            cpu[name].append((time.process_time() - worked) / count * 1000)
            rate[name].append(count / (time.perf_counter() - began))
    mine = cpu["ours, uvloop"]
    return [
        Row(
            contender=name,
            cpu_s_per_1000=round(statistics.median(found), 3),
            least=round(min(found), 3),
            most=round(max(found), 3),
            sessions_per_s=round(statistics.median(rate[name])),
            ratio_to_ours=round(
                statistics.median(a / b for a, b in zip(found, mine, strict=True)), 2
            ),
        )
        for name, found in cpu.items()
    ]


def table(rows: list[Row]) -> str:
    """The rows for people."""
    lines = [f"{'contender':22} {'CPU s/1000':>10} {'(least-most)':>15} {'per s':>7} {'ratio':>6}"]
    lines += [
        f"{row.contender:22} {row.cpu_s_per_1000:10.3f} {f'({row.least:.3f}-{row.most:.3f})':>15} "
        f"{row.sessions_per_s:7.0f} {row.ratio_to_ours:6.2f}"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Serve, warm up, measure, print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--json", action="store_true", help="JSON alone on standard output")
    options.add_argument("--count", type=int, default=400, help="sessions in each turn")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--serve", metavar="PEM", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.serve:
        serve(chosen.serve)
        return
    with server() as port:
        pin()
        for contend in CONTENDERS.values():
            contend(port, AT_ONCE)
        rows = measure(port, chosen.count, chosen.rounds)
    document = {
        "count": chosen.count,
        "rounds": chosen.rounds,
        "at_once": AT_ONCE,
        "rows": [asdict(row) for row in rows],
    }
    sys.stdout.write(json.dumps(document, indent=1) if chosen.json else table(rows))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
