"""Who contends in Python, in processes of their own: the same words to the same server.

`python bench/peers/clients.py NAME` takes a turn for each line of its input, [port, sessions, how
many at once], and answers with what the turn cost. Peers get one shared context and verify
nothing; ours keeps its caps and the transcript, asks whether a client certificate is wanted and
judges the server's chain.
"""

import asyncio
import functools
import gc
import json
import os
import smtplib
import ssl
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiosmtplib
import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
sys.path.insert(0, str(Path(__file__).parent.parent))

from mailposture.adapters.smtp import Limits, Order, converse_all, run
from peers.server import HOST, many_files

ME, SENDER, RECIPIENT = "probe.example", "postmaster@probe.example", "postmaster@contoso.com"

# As watchful as ever, but a busy machine must not end what its peers wait for.
PATIENT = Limits(connect=60, reply=120, session=300)


def ours(port: int, count: int, at_once: int, *, fast: bool) -> None:
    """The driver of this product."""
    order = Order(
        address="127.0.0.1", port=port, host=HOST, ehlo=ME, mail_from=SENDER, rcpt_to=RECIPIENT
    )
    work = converse_all([order] * count, PATIENT, at_once=at_once)
    found = run(work) if fast else asyncio.run(work)
    check(reply.code for t in found if t.tls and (reply := t.reply_to("rcpt")))
    if len(found) != count or not all(t.tls for t in found):
        raise RuntimeError("not every conversation was had in TLS")


def check(codes: Iterable[int | None]) -> None:
    """Refuse to publish a figure of sessions that did not take place."""
    odd = [code for code in codes if code != 550]
    if odd:
        raise RuntimeError(f"not what the server says: {odd[:3]}")


def unverified() -> ssl.SSLContext:
    """One context that all sessions of a peer share."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def by_smtplib(port: int, count: int, at_once: int) -> None:
    """The standard library, a thread for each session in flight."""
    context = unverified()

    def session(_number: int) -> int:
        with smtplib.SMTP("127.0.0.1", port, local_hostname=ME) as client:
            client.ehlo()
            client.starttls(context=context)
            client.ehlo()
            client.mail(SENDER)
            return client.rcpt(RECIPIENT)[0]

    with ThreadPoolExecutor(at_once) as threads:
        check(list(threads.map(session, range(count))))


async def _aiosmtplib(port: int, count: int, at_once: int) -> None:
    context = unverified()
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            await session()

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
            check([refused.code])
        else:
            check([250])
        await client.quit()

    await asyncio.gather(*(work() for _ in range(at_once)))


def by_aiosmtplib(port: int, count: int, at_once: int, *, fast: bool) -> None:
    """aiosmtplib, with a shared context, which it does not make by itself."""
    work = _aiosmtplib(port, count, at_once)
    uvloop.run(work) if fast else asyncio.run(work)


CONTENDERS: dict[str, Callable[[int, int, int], None]] = {
    "ours, uvloop": functools.partial(ours, fast=True),
    "ours, asyncio": functools.partial(ours, fast=False),
    "smtplib, threads": by_smtplib,
    "aiosmtplib, asyncio": functools.partial(by_aiosmtplib, fast=False),
    "aiosmtplib, uvloop": functools.partial(by_aiosmtplib, fast=True),
}


def memory(name: str) -> int:
    """VmRSS or VmHWM of this process, in KB; 0 where there is no /proc."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def turn(contend: Callable[[int, int, int], None], port: int, count: int, at_once: int) -> str:
    """Take one turn; CPU and wall seconds, and by how many KB the process grew meanwhile."""
    gc.collect()
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5", encoding="ascii")  # the most memory that was held counts from here
    held = memory("VmRSS")
    began, worked = time.perf_counter(), time.process_time()
    contend(port, count, at_once)
    cpu, wall = time.process_time() - worked, time.perf_counter() - began
    return json.dumps({"cpu": cpu, "wall": wall, "kb": memory("VmHWM") - held})


def main() -> None:
    """Pin to one core, where that can be asked for; then a turn for each line."""
    contend = CONTENDERS[sys.argv[1]]
    many_files()
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for line in sys.stdin:
        sys.stdout.write(turn(contend, *json.loads(line)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
