"""Django's migrate, which here may be the first to need the data folder."""

from typing import Any, override

from django.conf import settings
from django.core.management.commands import migrate


class Command(migrate.Command):
    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Make the data folder, then migrate."""
        settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        super().handle(*args, **options)
