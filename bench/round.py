"""What a round of 5,000 probes costs from plan to rows, stage by stage, and how it grows.

    python bench/round.py [--probes 2500 5000 10000] [--json]

Real worker processes (the centre's and a vantage point's), a real Valkey, a database of its own
(SQLite, or PostgreSQL at DATABASE_URL, which must be empty), tenants of 167 domains and three
sender classes, the TLS server of peers/ on the same machine. Every conversation is had, judged and
stored. The first round of a path writes its answer down; the next finds the same and does not.

The rates of the stages come from the same functions, called one after the other in this process:
there each has the machine for itself, as far as anyone has.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from peers.server import Ports, running

from mailposture import runtime, seals

ROOT = Path(__file__).parent.parent
CLASSES = 3
PLACE, DOOR = "stranger", "tenant.mail.protection.outlook.com"
PATIENCE = 600.0


@dataclass
class Stages:
    """Seconds of wall and of CPU that each stage took, in the order in which they were met."""

    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Count this block in."""
        began, worked = time.perf_counter(), time.process_time()
        yield
        self.wall[name] = self.wall.get(name, 0) + time.perf_counter() - began
        self.cpu[name] = self.cpu.get(name, 0) + time.process_time() - worked


@dataclass(frozen=True)
class House:
    """The installation under test."""

    data: Path
    queue: str
    environment: dict[str, str]
    public: str


@contextmanager
def house(ports: Ports) -> Iterator[House]:
    """A fresh installation with a lab's facts, a queue and one vantage point, not yet seeded."""
    # Of the tests, whose requirements are a developer's.
    from tests.adapters.dns_server import name_server  # noqa: PLC0415
    from tests.servers import ValkeyServer  # noqa: PLC0415

    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(runtime.holding(data / "lab" / "lab.lock"))
        resolver = stack.enter_context(name_server({(DOOR, "A"): ["127.0.0.1"]}))
        nowhere = "https://127.0.0.1:9"
        facts = {"authority": nowhere, "api": nowhere, "ca": "", "smtp_port": ports.near}
        runtime.write(
            data / "lab" / "lab.json",
            {**facts, "resolver": resolver, "networks": "127.0.0.0/8"},
        )
        valkey = ValkeyServer(data)
        valkey.start()
        stack.callback(valkey.stop)
        environment = {"DATA_DIR": str(data), "BROKER_URL": valkey.url}
        os.environ.update(environment, DJANGO_SETTINGS_MODULE="mailposture.settings")
        import django  # noqa: PLC0415 - after the environment

        django.setup()
        yield House(data, valkey.url, {**os.environ, **environment}, _vantage_file(data, resolver))


def _vantage_file(data: Path, resolver: str) -> str:
    from mailposture.services import sealing  # noqa: PLC0415 - after django.setup()

    key = seals.fresh_key()
    (data / "stranger.key").write_text(key, encoding="ascii")
    (data / "vantage.toml").write_text(
        f'centre = "{sealing.centre_key()}"\nresolver = "{resolver}"\n'
        f'lab_networks = ["127.0.0.0/8"]\n[points.{PLACE}]\nkey = "stranger.key"\n',
        encoding="utf-8",
    )
    return seals.public_of(key)


def seed(public: str, probes: int, domains_each: int) -> int:
    """Fill the database with tenants whose first round is due; return how many paths that is."""
    from tests import factories  # noqa: PLC0415 - after django.setup()

    now = datetime.now(tz=UTC)
    factories.stranger(PLACE, public_key=public, address="127.0.0.1")
    count = max(1, round(probes / (domains_each * CLASSES)))
    for number in range(count):
        tenant = factories.tenant(f"tenant-{number}", cloud="lab", fetch_every=86400)
        domains = [f"d{n}.tenant-{number}.example" for n in range(domains_each)]
        seen = factories.configuration(factories.lock(), domains=domains)
        factories.snapshot(tenant, seen, now, now)
        tenant.endpoints.create(domain=domains[0], host=DOOR, first_seen_at=now)
    return count * domains_each * CLASSES


def ask_rounds() -> None:
    """Have every tenant probed now."""
    from mailposture import models  # noqa: PLC0415 - after django.setup()
    from mailposture.services import planning  # noqa: PLC0415

    now = datetime.now(tz=UTC)
    for tenant in models.Tenant.objects.all():
        planning.ask_round(tenant, now)


def in_stages(home: House) -> Stages:
    """One round by the same functions, a stage after the other, in this process."""
    from mailposture.adapters import shards  # noqa: PLC0415 - after django.setup()
    from mailposture.adapters.vantage_file import joined  # noqa: PLC0415
    from mailposture.services import planning, sealing  # noqa: PLC0415

    stages, place = Stages(), joined(home.data / "vantage.toml")[PLACE]
    ask_rounds()
    with stages.of("plan"):
        planning.plan_rounds(shards.now())
    while True:
        with stages.of("give out"):
            orders = list(planning.claim_shards(shards.now()))
            messages = [sealing.order(envelope) for envelope in orders]
        if not orders:
            return stages
        for message in messages:
            _one_shard(stages, place, message)


def _one_shard(stages: Stages, place: Any, message: dict[str, str]) -> None:
    from mailposture import broker  # noqa: PLC0415 - after django.setup()
    from mailposture.adapters import shards  # noqa: PLC0415
    from mailposture.celery import app  # noqa: PLC0415
    from mailposture.core import codec, work  # noqa: PLC0415
    from mailposture.services import judging, sealing  # noqa: PLC0415

    with stages.of("converse"):
        order = codec.load(work.Envelope, seals.unseal(work.ORDER, message, place.centre))
        found = shards.run(order, place, shards.now)
    with stages.of("send back"):
        sealed = seals.seal(work.RESULT, codec.dump(found), place.key)
        broker.send(app, "bench.nobody", sealed, broker.queue("bench"))
        result = sealing.result(sealed)
    if result is None:
        raise RuntimeError("a result that was not believed")
    with stages.of("judge, store"):
        judging.take(result, shards.now())


@contextmanager
def workers(home: House) -> Iterator[None]:
    """The centre's worker and the vantage point's, as the supervisor starts them."""
    from tests.servers import Guarded  # noqa: PLC0415 - of the tests, like the queue

    celery = [sys.executable, "-m", "celery", "-A"]
    options = ["worker", "--without-mingle", "--without-gossip"]
    centre = [*celery, "mailposture.celery", *options, "-n", "centre@bench", "-Q", "central"]
    vantage = [*celery, "mailposture.vantage", *options, "-n", "vantage@bench"]
    here = {**home.environment, "PYTHONPATH": str(ROOT)}
    file = {"MAILPOSTURE_VANTAGE": str(home.data / "vantage.toml"), "DATABASE_URL": ""}
    with ExitStack() as stack:
        for started in (
            Guarded([*centre, "--concurrency", "1"], here),
            Guarded(vantage, {**here, **file}),
        ):
            started.start()
            stack.callback(started.stop)
        yield


def whole_round() -> float:
    """Have every tenant probed by the workers; return how many seconds that took."""
    from mailposture import models, tasks  # noqa: PLC0415 - after django.setup()

    ask_rounds()
    began = time.perf_counter()
    tasks.probe_due.delay()
    _until(lambda: not models.Round.objects.filter(finished_at=None).exists())
    return time.perf_counter() - began


def _until_served() -> None:
    """Wait until the vantage point's worker has answered through the centre's."""
    from mailposture import models, tasks  # noqa: PLC0415 - after django.setup()

    began = datetime.now(tz=UTC)
    tasks.tick.delay()
    _until(lambda: models.VantagePoint.objects.filter(slug=PLACE, heard_at__gt=began).exists())


def _until(done: Callable[[], bool]) -> None:
    began = time.perf_counter()
    while not done():
        if time.perf_counter() - began > PATIENCE:
            raise RuntimeError("the workers did not get there in time")
        time.sleep(0.1)


def _verdicts() -> dict[str, int]:
    from django.db.models import Count  # noqa: PLC0415 - after django.setup()

    from mailposture import models  # noqa: PLC0415

    found = models.Path.objects.values_list("verdict").annotate(n=Count("pk"))
    return {str(verdict): n for verdict, n in found}


def one(home: House, probes: int, domains_each: int) -> dict[str, Any]:
    """All figures of a round of this size, on an emptied database."""
    from django.core.management import call_command  # noqa: PLC0415 - after django.setup()

    call_command("flush", interactive=False, verbosity=0)
    paths = seed(home.public, probes, domains_each)
    with workers(home):
        _until_served()
        first, again = whole_round(), whole_round()
    verdicts = _verdicts()
    steady = in_stages(home)
    call_command("flush", interactive=False, verbosity=0)
    seed(home.public, probes, domains_each)
    staged = in_stages(home)
    return {
        "paths": paths,
        "verdicts": verdicts,
        "first_round": {"seconds": round(first, 2), "per_s": round(paths / first)},
        "next_round": {"seconds": round(again, 2), "per_s": round(paths / again)},
        "stages_first": _stages(staged, paths),
        "stages_next": _stages(steady, paths),
    }


def _stages(found: Stages, paths: int) -> dict[str, dict[str, float]]:
    return {
        name: {
            "seconds": round(wall, 3),
            "cpu_s": round(found.cpu[name], 3),
            "per_s": round(paths / wall),
        }
        for name, wall in found.wall.items()
    }


def table(document: dict[str, Any]) -> str:
    """The figures for people."""
    lines = [str(document["machine"])]
    for found in document["rounds"]:
        lines += ["", f"{found['paths']} probes, verdicts {found['verdicts']}"]
        for key, title in (("first", "first round"), ("next", "next round")):
            whole = found[f"{key}_round"]
            lines.append(f"  {title:20} {whole['seconds']:8.2f} s {whole['per_s']:7.0f}/s, workers")
            for name, cost in found[f"stages_{key}"].items():
                lines.append(
                    f"    {name:18} {cost['seconds']:8.2f} s {cost['per_s']:7.0f}/s"
                    f" {cost['cpu_s']:8.2f} s of CPU"
                )
    return "\n".join(lines)


def main() -> None:
    """Start, measure each size, print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--json", action="store_true", help="JSON alone on standard output")
    options.add_argument("--probes", type=int, nargs="+", default=[2500, 5000, 10000])
    options.add_argument("--domains", type=int, default=167, help="of each tenant")
    chosen = options.parse_args()
    with running() as ports, house(ports) as home:
        from django.core.management import call_command  # noqa: PLC0415 - after django.setup()

        call_command("migrate", verbosity=0)
        rounds = [one(home, probes, chosen.domains) for probes in chosen.probes]
    document = {
        "machine": f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "database": "PostgreSQL" if os.environ.get("DATABASE_URL") else "SQLite",
        "rounds": rounds,
    }
    sys.stdout.write((json.dumps(document, indent=1) if chosen.json else table(document)) + "\n")


if __name__ == "__main__":
    main()
