"""The benches run, and tell what they say they tell; what the figures are is not asked here."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

BENCH = Path(__file__).parents[1] / "bench"


def run(name: str, *options: str) -> dict[str, Any]:
    """The document of one bench, kept small."""
    command = [sys.executable, str(BENCH / name), "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_the_prober_is_set_beside_its_peers() -> None:
    found = run("probes.py", "--count", "8", "--rounds", "1", "--in-flight", "8")
    for place in ("near", "far"):
        rows = {row["contender"]: row for row in found[place]}
        assert {"ours, uvloop", "smtplib, threads", "aiosmtplib, asyncio"} <= rows.keys()
        assert rows["ours, uvloop"]["cpu_ratio"]["median"] == 1
        assert all(row["sessions_per_s"]["least"] > 0 for row in rows.values())
    trips = found["round_trips_to_verdict"]
    # TCP, banner, EHLO, STARTTLS, TLS, EHLO, then MAIL and RCPT; who does not pipeline has one more
    assert 7 <= trips["ours, uvloop"]["least"] < trips["aiosmtplib, asyncio"]["least"]
    assert trips["smtplib, threads"]["least"] >= 8


def test_a_round_is_had_by_workers_and_in_stages() -> None:
    (found,) = run("round.py", "--probes", "6", "--domains", "2")["rounds"]
    assert found["paths"] == 6
    assert found["verdicts"] == {"closed": 6}
    stages = ["plan", "give out", "converse", "send back", "judge, store"]
    assert list(found["stages_first"]) == list(found["stages_next"]) == stages
    assert found["first_round"]["per_s"] > 0
