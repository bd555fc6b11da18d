"""A real lab for tests: started as users start it, in a folder of its own, ended with the run."""

import json
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Guarded, until


@dataclass(frozen=True)
class Lab:
    """A running lab and its control."""

    folder: Path
    facts: dict[str, Any]

    def tenant(self, slug: str) -> dict[str, Any]:
        """What the lab says of one of its tenants."""
        return next(t for t in self.facts["tenants"] if t["slug"] == slug)

    def scene(self, scene: str, tenant: str) -> dict[str, Any]:
        """Play a scene."""
        return self._post("/scene", {"scene": scene, "tenant": tenant})

    def fault(self, **fault: Any) -> dict[str, Any]:
        """Make something misbehave."""
        return self._post("/fault", fault)

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            self.facts["control"] + path,
            data=json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "X-Lab-Token": self.facts["control_token"],
            },
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return dict(json.load(answer))


@pytest.fixture(scope="session")
def lab_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One lab for all tests of this process."""
    folder = tmp_path_factory.mktemp("demo") / "lab"
    process = Guarded([sys.executable, "-m", "mailposture.lab", "--dir", str(folder)])
    process.start()
    file = folder / "lab.json"
    try:
        until(file.exists, 30)
        yield Lab(folder, json.loads(file.read_text()))
    finally:
        process.kill()


@pytest.fixture
def lab(lab_process: Lab, settings: Any) -> Lab:
    """The lab with every tenant at the beginning of its story, and settings that know it."""
    facts = lab_process.facts
    settings.LAB = facts
    settings.LAB_NETWORKS = tuple(ip_network(n) for n in facts["networks"].split(","))
    settings.RESOLVER = facts["resolver"]
    settings.DATA_DIR = lab_process.folder.parent
    # The demo's cadence.
    settings.FETCH_EVERY = timedelta(seconds=15)
    settings.PROBE_EVERY = settings.LEASE = timedelta(seconds=30)
    settings.KEYS_DIR = settings.DATA_DIR / "keys"
    for tenant in facts["tenants"]:
        lab_process.scene("reset", tenant["slug"])
    return lab_process
