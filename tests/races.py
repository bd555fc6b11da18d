"""Two workers at once on a real database: run by test_postgres.py as a process of its own.

Prints one JSON object with what went wrong; `python -m tests.races`.
"""

import json
import os
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailposture.settings")
django.setup()

from django.db import DatabaseError, connection, transaction  # noqa: E402 - Django is set up first

from mailposture import models  # noqa: E402
from mailposture.services import arranging, judging, planning, reading  # noqa: E402
from tests import factories as make  # noqa: E402
from tests.factories import NOW  # noqa: E402
from tests.services import results  # noqa: E402

ROUNDS = 12


def together(*works: Callable[[], Any]) -> None:
    """Do all of this at the same moment, each on a connection of its own."""
    barrier = threading.Barrier(len(works))

    def one(work: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            work()
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def look(at: datetime, rcpt: bytes) -> None:
    """One round: planned by two ticks at once, judged by two workers at once."""
    models.Tenant.objects.update(probe_due_at=at)
    planning.schedule_rounds(at)
    models.Round.objects.create(tenant=models.Tenant.objects.get(), kind="asked", due_at=at)
    together(lambda: planning.plan_rounds(at), lambda: planning.plan_rounds(at))
    orders = list(planning.claim_shards(at))
    reported = [results.result(order, rcpt) for order in orders]
    together(*(lambda r=r: judging.take(r, at) for r in reported))


def told(kind: str) -> str:
    """The news of one kind of incident, each by the first letter of its event."""
    events = models.Alert.objects.filter(incident__kind=kind).order_by("pk")
    return "".join(event[0] for event in events.values_list("event", flat=True))


def removals() -> list[str]:
    """Tenants that are removed while a worker stores what it read of them: what went wrong."""
    wrong: list[str] = []
    for number in range(ROUNDS):
        tenant = make.tenant(f"fabrikam{number}")
        make.snapshot(tenant, make.configuration(), make.ago(days=1))

        def store(of: models.Tenant = tenant) -> None:
            for step in range(20):
                try:
                    with transaction.atomic():
                        planning.lock(of.pk)
                        names = ("contoso.com", f"d{step}.contoso.com")
                        reading.record(of, make.configuration(domains=names), at(step))
                except models.Tenant.DoesNotExist:
                    return

        def remove(of: models.Tenant = tenant) -> None:
            try:
                arranging.remove_tenant(of, NOW)
            except DatabaseError as error:
                wrong.append(str(error))

        together(store, remove)
        if models.Snapshot.objects.filter(tenant=tenant.pk).exists():
            wrong.append("rows were left behind")
    return wrong


def at(step: int) -> datetime:
    return NOW + timedelta(minutes=step)


def main() -> None:
    """Look again and again while the door opens and closes."""
    tenant = make.tenant(probe_every=3600)
    make.snapshot(tenant, make.configuration(), make.ago(days=1))
    make.stranger()
    make.source(tenant)
    models.Subscription.objects.create(address="security@example.com", created_at=NOW)
    host = "contoso-com.mail.protection.outlook.com"
    tenant.endpoints.create(domain="contoso.com", host=host, found_by="dash", first_seen_at=NOW)
    for number in range(ROUNDS):
        rcpt = results.TAKEN if number % 2 else results.LOCKED % number
        look(NOW + timedelta(hours=number), rcpt)
    tenant.refresh_from_db()
    going_on = models.Observation.objects.filter(last_at=None).values_list("path", flat=True)
    found = {
        "stuck": models.Round.objects.filter(finished_at=None).count(),
        "problems": [r.tally for r in models.Round.objects.all() if "problem" in r.tally],
        "doubled": len(going_on) - len(set(going_on)),
        "spans": models.Observation.objects.count(),
        "state": tenant.state,
        "told": told("bypass") + told("cut_off"),
        "mails": models.Delivery.objects.count(),
        "removals": removals(),
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
