"""What a vantage point's page says of its worker: how it joined, by which key, how busy it is, and
what its operator runs.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailposture import models
from mailposture.adapters import accounts
from mailposture.core import joining
from mailposture.core.joining import Line
from mailposture.services import queue_accounts
from mailposture.services.pages.commands import Copy


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """How a place stands with the centre."""

    key: str
    joined: datetime | None
    revoked: datetime | None
    invited_until: datetime | None
    problem: str
    account: Copy | None
    out: int
    seconds: float | None
    a_minute: int | None

    @property
    def word(self) -> str:
        """How it joined, in a few words."""
        if self.revoked:
            return "revoked"
        if not self.key:
            return "not yet"
        return "" if self.joined else "on this machine"


def worker(row: models.VantagePoint, done: Sequence[Any], out: int, now: datetime) -> Worker:
    """Of a row, the shards that it did last, and how many it has in hand."""
    spans = [
        (shard.done_at - shard.claimed_at, len(shard.targets))
        for shard in done
        if shard.done_at and shard.claimed_at
    ]
    busy = sum(span.total_seconds() for span, _ in spans)
    made = queue_accounts.account(row)
    return Worker(
        key=joining.fingerprint(row.public_key) if row.public_key else "",
        joined=row.joined_at,
        revoked=row.revoked_at,
        invited_until=row.join_until if row.join_until and row.join_until > now else None,
        problem=row.queue_problem,
        account=_by_hand(accounts.line(made)) if made and row.queue_problem else None,
        out=out,
        seconds=spans[0][0].total_seconds() if spans else None,
        a_minute=round(sum(paths for _, paths in spans) * 60 / busy) if busy else None,
    )


def _by_hand(line: str) -> Copy:
    return Copy(
        key="queue-account",
        title="Its account at the queue",
        effect="for valkey-cli, by whoever runs the queue; it holds a digest, no password",
        command=line,
    )


def join_copies(line: Line, lab: Mapping[str, Any] | None) -> tuple[Copy, ...]:
    """What is run where the place is: from the source, or from the image."""
    words = [shlex.quote(str(line))]
    if lab:
        words += [f"--resolver {shlex.quote(str(lab['resolver']))}"]
        networks = str(lab["networks"]).split(",")
        words += [f"--lab-network {shlex.quote(network)}" for network in networks]
    command = f"-m mailposture.vantage_point join {' '.join(words)} --run"
    folder = f"mailposture-{line.slug}"
    return (
        Copy(
            key="join-source",
            title="From the source",
            effect="joins, and runs the worker until it is stopped",
            command=f"./bootstrap.sh requirements-vantage.txt\n.venv/bin/python {command}",
        ),
        Copy(
            key="join-image",
            title="From the image",
            effect="the same in a container, which is started anew when it ends",
            command=(
                "docker run -d --restart unless-stopped --no-healthcheck --read-only \\\n"
                "  --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp \\\n"
                f"  -v {folder}:/data mailposture \\\n"
                f"  python {command} --folder /data"
            ),
        ),
    )
