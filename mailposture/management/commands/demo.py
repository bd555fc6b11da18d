"""Everything on this machine, with a lab of simulated tenants to watch."""

import sys
from typing import Any, override

from django.core.management.base import BaseCommand

from mailposture.management import house


class Command(BaseCommand):
    help = "Everything on this machine, with a lab of simulated tenants to watch."
    requires_system_checks = ()

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Run until a signal; what went wrong was said in one line."""
        sys.exit(house.start(with_lab=True))
