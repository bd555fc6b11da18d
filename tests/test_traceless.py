"""Commands that need no key and no database leave nothing on disk."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.bundles import GATEWAY, bundle, connector
from tests.servers import free_port

ROOT = Path(__file__).parent.parent
REPLY = "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization"


def in_lab() -> tuple[str, ...]:
    """A probe of a port where nobody listens: unknown, and quick."""
    return ("probe", "contoso.com", "--endpoint", "127.0.0.1", "--port", str(free_port()))


LOCKED = json.dumps(bundle(connector("Lock to gateway")))
ASKED = ("--source", GATEWAY, "--mail-from", "", "--rcpt", "b@contoso.com", "--json")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param(("explain", REPLY), 0, id="explain"),
        pytest.param(in_lab(), 4, id="probe"),
        pytest.param(("predict", "-", *ASKED), 0, id="predict"),
        pytest.param(("reach", "-", "--json"), 0, id="reach"),
        pytest.param(("help",), 0, id="help"),
    ],
)
def test_a_command_without_a_key_writes_nothing(
    tmp_path: Path, command: tuple[str, ...], code: int
) -> None:
    data = tmp_path / "data"
    environment = {"DATA_DIR": str(data), "MAILPOSTURE_LAB_NETWORKS": "127.0.0.0/8"}
    ran = subprocess.run(
        [sys.executable, ROOT / "manage.py", *command],
        cwd=tmp_path,
        env={**os.environ, **environment},
        check=False,
        input=LOCKED,
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stderr) == (code, "")
    assert list(tmp_path.iterdir()) == []
