"""Seals every stored secret under a new key."""

from typing import Any, override

from django.conf import settings
from django.core.management.base import BaseCommand

from mailposture import keys
from mailposture.services import secrets

# The last key stays until the next rotation, for what a process sealed with it meanwhile.
KEPT = 2


class Command(BaseCommand):
    help = "Make a new key and seal every stored secret under it; safe while everything runs."

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """New key in front, everything sealed anew, the oldest keys dropped."""
        keys.add_ring_key(settings.KEYS_DIR)
        sealed = secrets.reseal()
        keys.trim_ring(settings.KEYS_DIR, KEPT)
        self.stdout.write(f"{sealed} secrets are sealed under the new key.")
