"""Open what people upload in a process of its own, since a file says how long opening it takes.

A key of a kilobyte may demand thousands of millions of rounds, which OpenSSL runs without letting
any other thread of the process on. Here it costs one small process that is ended in time. Nothing
is written to a disk, and no secret stands among the words that start it.
"""

import base64
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Final

from mailposture.adapters.exchange import pfx
from mailposture.adapters.exchange.credential import Certificate
from mailposture.adapters.exchange.errors import ExchangeError

SECONDS: Final = 5.0
MEMORY: Final = 512 * 1024 * 1024
LONGEST_PASSPHRASE: Final = 1_000
PEM: Final = b"-----BEGIN "
ROOT: Final = Path(__file__).parents[3]


def open_certificate(data: bytes, passphrase: str, *, seconds: float = SECONDS) -> Certificate:
    """Turn PEM or a PFX into PEM, with this long for it. Raises ExchangeError."""
    if len(data) > pfx.BIGGEST or len(passphrase) > LONGEST_PASSPHRASE:
        raise _refusal("The file or its passphrase is too big for a certificate.")
    given = {"data": base64.b64encode(data).decode(), "passphrase": passphrase}
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and this module
            [sys.executable, "-m", __name__],
            input=json.dumps(given).encode(),
            capture_output=True,
            timeout=seconds,
            check=False,
            cwd=ROOT,
            env={},
        )
    except subprocess.TimeoutExpired:
        raise _refusal(
            f"Opening it took longer than {seconds:g} s: its key is sealed in more rounds than "
            "any tool makes. Export it anew."
        ) from None
    if done.returncode:
        raise _refusal("It cannot be opened. Export it anew.")
    return _result(done.stdout)


def _result(said: bytes) -> Certificate:
    found = json.loads(said)
    if "cause" in found:
        raise ExchangeError(found["cause"], found["says"], permanent=True)
    return Certificate(private_key=found["private_key"], certificate=found["certificate"])


def _refusal(says: str) -> ExchangeError:
    return ExchangeError("certificate-unreadable", says, permanent=True)


def main() -> None:
    """Read one file from standard input and print what it holds, or why it does not serve."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    # Also where whoever waits for it has died.
    resource.setrlimit(resource.RLIMIT_CPU, (int(2 * SECONDS), int(2 * SECONDS)))
    given = json.load(sys.stdin)
    data = base64.b64decode(given["data"])
    opened = pfx.open_pem if PEM in data else pfx.open_pfx
    try:
        found = opened(data, given["passphrase"])
        answer = {"private_key": found.private_key, "certificate": found.certificate}
    except ExchangeError as refusal:
        answer = {"cause": refusal.cause, "says": refusal.says}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
