"""Debian's Postfix as a private instance: own folder, loopback, a high port, ended by its pid."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

POSTFIX = "/usr/sbin/postfix"

SERVICES = """\
{port} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
cleanup unix n - n - 0 cleanup
"""

SETTINGS: Mapping[str, str] = {
    "compatibility_level": "3.6",
    "maillog_file": "{folder}/log",
    "maillog_file_prefixes": "{folder}",
    "queue_directory": "{folder}/queue",
    "data_directory": "{folder}/data",
    "inet_interfaces": "loopback-only",
    "inet_protocols": "ipv4",
    "myhostname": "mx.contoso.example",
    "mydestination": "contoso.example",
    "mynetworks": "127.255.255.255/32",
    "local_recipient_maps": "",
    "alias_maps": "",
    "smtpd_peername_lookup": "no",
    # Without a queue manager it would wait a second for each recipient it takes.
    "in_flow_delay": "0",
    "smtpd_relay_restrictions": "reject_unauth_destination",
    "smtpd_tls_security_level": "none",
}


@dataclass(frozen=True)
class MailServer:
    """Where an instance listens, and what it wrote down."""

    address: str
    port: int
    folder: Path
    log_file: str = "log"

    @property
    def log(self) -> str:
        path = self.folder / self.log_file
        return path.read_text() if path.exists() else ""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def configure(folder: Path, port: int, settings: Mapping[str, str]) -> None:
    folder.chmod(0o755)
    for name in ("etc", "queue", "data"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    main = {name: value.format(folder=folder) for name, value in {**SETTINGS, **settings}.items()}
    (folder / "etc/main.cf").write_text("".join(f"{n} = {v}\n" for n, v in main.items()))
    (folder / "etc/master.cf").write_text(SERVICES.format(port=port))


def wait_for_banner(found: MailServer, process: subprocess.Popen[bytes]) -> None:
    """Until it greets; it has no other way to say that it is ready."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection((found.address, found.port), 5) as probe:
            if probe.recv(3) == b"220":
                return
        time.sleep(0.05)  # between two tries only
    raise RuntimeError(f"The server does not greet (status {process.poll()}):\n{found.log}")


def stop(process: subprocess.Popen[bytes], folder: Path) -> None:
    """End the master process by its pid; the script that started it ends with it."""
    written = folder / "queue/pid/master.pid"
    if written.exists() and process.poll() is None:
        os.kill(int(written.read_text()), signal.SIGTERM)
    else:
        process.terminate()
    process.wait(20)


@contextmanager
def postfix(files: Mapping[str, str] | None = None, **settings: str) -> Iterator[MailServer]:
    """An instance with these settings and files; ``{folder}`` in a setting is its folder."""
    if not Path(POSTFIX).exists() or os.geteuid() != 0:
        raise RuntimeError("these tests need root and Debian's Postfix: .ci/install-system")
    folder = Path(tempfile.mkdtemp(prefix="mp-postfix-"))
    found = MailServer("127.0.0.1", free_port(), folder)
    try:
        configure(folder, found.port, settings)
        for name, text in (files or {}).items():
            (folder / name).write_text(text)
        process = subprocess.Popen(
            [POSTFIX, "-c", str(folder / "etc"), "start-fg"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            wait_for_banner(found, process)
            yield found
        finally:
            stop(process, folder)
    finally:
        shutil.rmtree(folder)
