"""Give a fresh installation what it starts with: the lab's tenants, or this host to probe from."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from mailposture import models
from mailposture.services import seeding, subscribing

# Told of every tenant of the lab; its mails end in the lab's own mailbox.
SECURITY = "security@example.com"


class Command(BaseCommand):
    """`manage.py demo_seed`; run by `demo` and `run` at every start, harmless when repeated."""

    help = "Enrol the lab's tenants and vantage points, or without a lab this host."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Seed and say what is there."""
        if settings.LAB:
            first = not models.Tenant.objects.exists()
            tenants = seeding.seed_lab(settings.LAB, timezone.now())
            if first:  # whoever takes it off the list later keeps it off
                subscribing.subscribe(SECURITY, None, timezone.now())
            self.stdout.write(f"{len(tenants)} lab tenants are under watch")
        else:
            place = seeding.seed_here(timezone.now())
            self.stdout.write(f"probing from {place.name}")
