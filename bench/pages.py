"""What the fleet's pages cost with many tenants: median server time, queries, bytes.

    python bench/pages.py [--tenants 5000] [--times 11] [--json]

A database of its own in a folder that is removed afterwards (or DATABASE_URL, which must be
empty): nine paths a tenant, four spans a path over a year, three configurations, a credential, an
approved source, changes, windows, looks of a year, findings, contradictions at every fiftieth
tenant, two days of shards. One span in fifty carries its
conversation. Server time is the whole request through the middleware, in this process, without
the network; the first of each page is left out. Where the CPU time is much less, something else on
this machine was busy.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

CLASSES = ("foreign", "own", "null")
SPANS = 4
STATES = ("open", "closed", "closed", "closed", "partly", "unknown", "closed", "closed")
TRIED = (
    "?ask=1&connector=new&name=Second&sender_domains=*&addresses=198.51.100.0/24"
    "&enabled=on&by_address=on"
)
GOAL_MS, GOAL_QUERIES = 100.0, 12
BATCH = 2000


def _verdict(state: str, sender: str) -> str:
    if state == "partly":
        return "open" if sender == "null" else "closed"
    return state


def seed(count: int, now: datetime) -> None:
    """Fill the database."""
    from mailposture import models  # noqa: PLC0415 # after django.setup()
    from tests import factories  # noqa: PLC0415

    places = [
        models.VantagePoint.objects.create(
            slug=f"place-{n}", name=f"Place {n}", address=f"198.51.100.{n}", heard_at=now,
            created_at=now, plays="source" if n == 3 else "stranger",
        )
        for n in (1, 2, 3)
    ]  # fmt: skip
    _bulk(models.Tenant, (_tenant(models, n, now) for n in range(count)))
    tenants = list(models.Tenant.objects.order_by("pk"))
    # Where nothing could be read, no page would have to look for what could not be read whole.
    _bulk(models.Credential, (
        models.Credential(
            tenant=t, kind="secret", client_id=uuid.UUID(int=t.pk), sealed="-", updated_at=now
        ) for t in tenants if t.pk % 50))  # fmt: skip
    _bulk(models.ApprovedSource, (
        models.ApprovedSource(
            tenant=t, name="Gateway", kind="gateway", addresses="203.0.113.10",
            vantage_point=places[2],
        ) for t in tenants))  # fmt: skip
    _bulk(models.Path, (_path(models, t, p, c, now) for t in tenants for p in places
                        for c in CLASSES))  # fmt: skip
    _bulk(models.Observation, _observations(models, now))
    current = models.Observation.objects.filter(last_at=None).values_list("path_id", "pk")
    paths = [models.Path(pk=path, current_id=pk) for path, pk in current]
    models.Path.objects.bulk_update(paths, ["current"], batch_size=BATCH)
    _history(models, factories, tenants, now)
    _judged(models, tenants, now)
    _work(models, tenants, places, now)


def _bulk(model: Any, rows: Iterator[Any]) -> None:
    model.objects.bulk_create(rows, batch_size=BATCH)


def _tenant(models: Any, n: int, now: datetime) -> Any:
    state = STATES[n % len(STATES)]
    classes = {c: _verdict(state, c) for c in CLASSES}
    return models.Tenant(
        slug=f"tenant-{n}", name=f"Tenant {n:05}", tenant_id=uuid.UUID(int=n + 1),
        created_at=now - timedelta(days=365), fetch_every=900, probe_every=21600,
        fetched_at=now, probed_at=now - timedelta(minutes=n % 300),
        fetch_failing_since=now if n % 97 == 0 else None,
        fetch_error="timeout" if n % 97 == 0 else "",
        state=state, state_since=now - timedelta(hours=n % 4000),
        standing={
            "domains": {f"tenant-{n}.example": state}, "classes": classes,
            "strangers": {"open": 6}, "approved": {"gets_in": 1}, "sources": {"3": "gets_in"},
            "last": {"observation": 1, "code": "250 2.1.5"}, "first_look": False,
        },
    )  # fmt: skip


def _path(models: Any, tenant: Any, place: Any, sender: str, now: datetime) -> Any:
    verdict = _verdict(tenant.state, sender) if place.plays == "stranger" else "open"
    return models.Path(
        tenant=tenant, vantage_point=place, domain=f"{tenant.slug}.example", sender_class=sender,
        created_at=now, verdict=verdict,
    )  # fmt: skip


def _observations(models: Any, now: datetime) -> Iterator[Any]:
    from tests.web import sheet  # noqa: PLC0415

    said = sheet.conversation().to_document()
    talk = [{"host": "x.mail.protection.outlook.com", "address": f"192.0.2.{n}", "verdict": "open",
             "reason": "", "stage": "rcpt", "transcript": said} for n in (20, 21)]  # fmt: skip
    for path in models.Path.objects.iterator(chunk_size=BATCH):
        for n in range(SPANS):
            last = n == SPANS - 1
            yield models.Observation(
                path_id=path.pk, first_at=now - timedelta(days=90 * (SPANS - n)),
                last_at=None if last else now - timedelta(days=90 * (SPANS - n) - 89),
                verdict=path.verdict if last else "closed", cause="accepted", reason="Taken.",
                code="250 2.1.5", stage="rcpt", shape=f"{path.pk}-{n}",
                tries=talk if path.pk % 50 == 0 and last else [],
            )  # fmt: skip


def _history(models: Any, factories: Any, tenants: list[Any], now: datetime) -> None:
    from mailposture.core import codec  # noqa: PLC0415

    seen = [factories.configuration(factories.lock(comment=str(n))) for n in range(3)]
    documents = [codec.dump(one) for one in seen]
    _bulk(models.Snapshot, (
        models.Snapshot(
            tenant=t, digest=f"{t.pk}-{n}", document=documents[n],
            is_whole=not (n == 2 and t.pk % 100 == 0),
            first_seen_at=now - timedelta(days=300 - 100 * n),
            last_seen_at=now - timedelta(days=200 - 100 * n),
        ) for t in tenants for n in range(3)))  # fmt: skip
    by_tenant: dict[int, list[int]] = {}
    for pk, tenant in models.Snapshot.objects.order_by("pk").values_list("pk", "tenant_id"):
        by_tenant.setdefault(tenant, []).append(pk)
    _bulk(models.Change, (
        models.Change(
            tenant_id=t, before_id=snaps[0], after_id=snaps[1], at=now - timedelta(hours=t % 5000),
            part="inbound_connectors", guid=str(factories.LOCK), subject="Lock to gateway",
            field="Comment", kind="changed", was="0", now="1", sentence="Comment was rewritten",
            effect=("neutral", "opens", "closes")[t % 3], effect_seen_at=now,
        ) for t, snaps in by_tenant.items()))  # fmt: skip


FOUND = (
    ("MP-01", "critical", 0),
    ("MP-06", "high", 1),
    ("MP-02", "medium", 2),
    ("MP-28", "info", 4),
)


def _judged(models: Any, tenants: list[Any], now: datetime) -> None:
    """Findings that stand, one that is over, and paths that contradict, settle or show nothing."""
    document = {"because": "Any host may deliver.", "evidence": ["SenderDomains = *"] * 4,
                "near_miss": "Would be closed if Lock to gateway were enabled.",
                "assumptions": [], "remediation": "lock"}  # fmt: skip
    _bulk(models.Finding, (
        models.Finding(
            tenant=t, rule=rule, severity=severity, rank=rank, sentence=f"{rule} is violated.",
            document=document, opened_at=now - timedelta(minutes=7 * t.pk + rank),
            closed_at=now if rule == "MP-28" and t.pk % 2 else None,
        ) for t in tenants for rule, severity, rank in FOUND
        if t.pk % 3 == 0 or rank > 1))  # fmt: skip
    paths = models.Path.objects.all()
    paths.update(predicted="closed", predicted_by="Lock to gateway", agreement="agrees")
    paths.filter(verdict="unknown").update(agreement="blind")
    some = [t.pk for t in tenants[::50]]
    for chosen, agreement in ((some[::2], "closed_open"), (some[1::2], "in_doubt")):
        paths.filter(tenant__in=chosen).update(
            agreement=agreement, apart_since=now, leans_on=["null_sender_in_wildcard"]
        )


def _work(models: Any, tenants: list[Any], places: list[Any], now: datetime) -> None:
    opened = models.Path.objects.filter(verdict="open").exclude(vantage_point__plays="source")
    _bulk(models.ExposureWindow, (
        models.ExposureWindow(path=p, tenant_id=p.tenant_id, first_open_at=now - timedelta(days=90))
        for p in opened.iterator(chunk_size=BATCH)))  # fmt: skip
    since = now - timedelta(days=365)
    _bulk(models.Coverage, (
        models.Coverage(tenant=t, vantage_point=p, since=since, until=now, runs=120)
        for t in tenants for p in places))  # fmt: skip
    _bulk(models.Round, (
        models.Round(
            tenant=t, kind="scheduled", finished_at=now,
            due_at=now - timedelta(hours=6 * n, minutes=t.pk % 360),
        ) for t in tenants for n in range(8)))  # fmt: skip
    targets = [{"path": n, "domain": "tenant.example", "mail_from": "postmaster@probe.example"}
               for n in range(9)]  # fmt: skip
    rounds = models.Round.objects.values_list("pk", "tenant_id", "due_at")
    _bulk(models.Shard, (
        models.Shard(
            round_id=r, tenant_id=t, vantage_point=p, targets=targets, due_at=due, done_at=due
        ) for r, t, due in rounds for p in places))  # fmt: skip


def measure(times: int) -> list[dict[str, Any]]:
    """Ask for every page so many times."""
    from django.contrib.auth.models import User  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(User.objects.create(username="bench"))
    found = []
    for address in _addresses():
        client.get(address)  # what is loaded once is no query of a page
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(address)
            size = len(answer.getvalue())
        count = len(queries)
        lasted, worked = [], []
        for _ in range(times):
            began, busy = time.perf_counter(), time.process_time()
            client.get(address).getvalue()
            lasted.append((time.perf_counter() - began) * 1000)
            worked.append((time.process_time() - busy) * 1000)
        found.append({
            "page": address, "status": answer.status_code, "median_ms": statistics.median(lasted),
            "cpu_ms": statistics.median(worked), "queries": count, "bytes": size,
        })  # fmt: skip
    return found


def _addresses() -> list[str]:
    from mailposture import models  # noqa: PLC0415
    from tests.factories import LOCK  # noqa: PLC0415

    observation = models.Observation.objects.filter(last_at=None).exclude(tries=[]).first()
    change = models.Change.objects.first()
    finding = models.Finding.objects.filter(rule="MP-01").first()
    if observation is None or change is None or finding is None:
        raise SystemExit("nothing was seeded")
    return [
        "/", "/tenants/", "/tenants/?sort=name&page=20", "/tenants/?q=tenant-49&state=open",
        "/tenants/?class=null&sort=-since", "/tenants.csv", "/exposure.json", "/changes/",
        "/changes/?tenant=tenant-7&effect=opens", f"/changes/{change.pk}/",
        f"/observations/{observation.pk}/", f"/tenants/tenant-7/connectors/{LOCK}/",
        "/tenants/tenant-8/", "/vantage-points/", "/exposure/", "/findings/",
        "/findings/?severity=high",
        "/findings/?state=all&rule=MP-02", "/findings/?tenant=tenant-8", "/findings.csv",
        f"/findings/{finding.pk}/", "/contradictions/", "/contradictions/?manner=in_doubt",
        "/contradictions/?assumption=null_sender_in_wildcard", "/what-if/", "/glossary/",
        "/tenants/tenant-8/exposure/", "/tenants/tenant-8/what-if/",
        f"/tenants/tenant-8/what-if/{TRIED}",
    ]  # fmt: skip


def main() -> int:
    """Seed, measure, print; 1 if a page misses its goal."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--tenants", type=int, default=5000)
    options.add_argument("--times", type=int, default=11)
    options.add_argument("--json", action="store_true")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailposture-bench-") as folder:
        # No name server answers: what a page asks of DNS is not its server time.
        os.environ.update(
            DATA_DIR=folder, DJANGO_SETTINGS_MODULE="mailposture.settings",
            MAILPOSTURE_RESOLVER="none", MAILPOSTURE_EHLO_NAME="probe.example.org",
            MAILPOSTURE_SENDER_DOMAIN="probe.example.org",
        )  # fmt: skip
        import django  # noqa: PLC0415
        from django.core.management import call_command  # noqa: PLC0415

        django.setup()
        call_command("migrate", verbosity=0)
        began = time.perf_counter()
        seed(asked.tenants, datetime.now(UTC))
        seeded = time.perf_counter() - began
        found = measure(asked.times)
    if asked.json:
        print(json.dumps(found, indent=1))  # noqa: T201
        return 0
    print(f"{asked.tenants:,} tenants, {asked.tenants * 9:,} paths, seeded in {seeded:.0f} s")  # noqa: T201
    for row in found:
        late = row["median_ms"] > GOAL_MS or row["queries"] > GOAL_QUERIES
        print(  # noqa: T201
            f"{row['median_ms']:7.1f} ms {row['cpu_ms']:7.1f} of CPU {row['queries']:3} "
            f"queries {row['bytes'] / 1024:6.0f} KB  {row['page']}{'  OVER' if late else ''}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
