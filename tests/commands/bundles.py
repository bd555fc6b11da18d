"""A small tenant as a bundle, and the commands that work from one."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from django.core.management import call_command

ROOT: Final = Path(__file__).parents[2]
GATEWAY: Final = "203.0.113.10"
STRANGER: Final = "198.51.100.7"


def connector(name: str, **fields: Any) -> dict[str, Any]:
    """A row of Get-InboundConnector: any sender, refused unless by address of the gateway."""
    return {
        "Name": name,
        "Guid": f"guid of {name}",
        "Enabled": True,
        "ConnectorType": "Partner",
        "SenderDomains": ["smtp:*;1"],
        "SenderIPAddresses": [GATEWAY],
        "RestrictDomainsToIPAddresses": True,
        "RestrictDomainsToCertificate": False,
        "RequireTls": False,
        "TlsSenderCertificateName": None,
        "AssociatedAcceptedDomains": [],
    } | fields


def hybrid() -> dict[str, Any]:
    """An OnPremises connector by certificate, whose name is an accepted domain."""
    return connector(
        "Hybrid",
        ConnectorType="OnPremises",
        SenderIPAddresses=[],
        RestrictDomainsToIPAddresses=False,
        TlsSenderCertificateName="contoso.com",
    )


def bundle(*connectors: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A bundle with these connectors; `parts` replaces cmdlets, None takes one out."""
    held: dict[str, Any] = {
        "Get-InboundConnector": {"@odata.context": "x", "value": list(connectors)},
        "Get-AcceptedDomain": [
            {"DomainName": name, "DomainType": "Authoritative"}
            for name in ("contoso.com", "contoso.onmicrosoft.com")
        ],
        "Get-OrganizationConfig": {"Name": "contoso", "RejectDirectSend": False},
    }
    held |= {f"Get-{name}": value for name, value in parts.items()}
    return {name: value for name, value in held.items() if value is not None}


def kept(folder: Path, document: Any, name: str = "bundle.json") -> str:
    """The path of a file that holds this."""
    path = folder / name
    text = document if isinstance(document, str) else json.dumps(document)
    path.write_text(text)
    return str(path)


def said(*arguments: str) -> tuple[str, str]:
    """What a command wrote to standard output and to standard error."""
    out, err = io.StringIO(), io.StringIO()
    call_command(*arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def run(folder: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """The command as a pipeline runs it: nothing set, and a home that cannot be written."""
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        input=given,
        capture_output=True,
        check=False,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "DATA_DIR": "/nonexistent/data"},
        timeout=60,
    )
