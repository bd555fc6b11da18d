"""Debian's Exim as a private instance: own folder, loopback, a high port, ended by its pid.

Its package is unpacked beside Postfix, which is the machine's own (.ci/install-system). It speaks
TLS through GnuTLS, which is not the library that we use.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.postfix import MailServer, free_port, wait_for_banner

EXIM = "/opt/exim/usr/sbin/exim4"
ACCOUNT = "Debian-exim"

SETTINGS = """\
primary_hostname = mx.contoso.example
qualify_domain = contoso.example
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
pid_file_path = {folder}/pid
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 0
"""


@contextmanager
def exim(settings: str, files: Mapping[str, str] | None = None) -> Iterator[MailServer]:
    """An instance with these settings and files; ``{folder}`` in the settings is its folder."""
    if not Path(EXIM).exists() or os.geteuid() != 0:
        raise RuntimeError("these tests need root and Debian's Exim: .ci/install-system")
    folder = Path(tempfile.mkdtemp(prefix="mp-exim-"))
    found = MailServer("127.0.0.1", free_port(), folder, "mainlog")
    try:
        (folder / "spool").mkdir()
        for name, text in (files or {}).items():
            (folder / name).write_text(text)
        said = SETTINGS + settings
        for name, value in (("folder", folder), ("port", found.port)):
            said = said.replace(f"{{{name}}}", str(value))
        configuration = folder / "configuration"
        configuration.write_text(said)
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, ACCOUNT, ACCOUNT)
        shutil.chown(configuration, "root", "root")  # else it would not be believed
        process = subprocess.Popen(
            [EXIM, "-C", str(configuration), "-bdf"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            wait_for_banner(found, process)
            yield found
        finally:
            process.terminate()
            process.wait(20)
    finally:
        shutil.rmtree(folder)
