"""Make a one-time link that signs the first admin in."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from mailposture import runtime
from mailposture.services import access


class Command(BaseCommand):
    """`manage.py signin_link`: valid once and for 15 minutes."""

    help = "Print a link that signs the first admin in; valid once and for 15 minutes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whether to print the token alone."""
        parser.add_argument("--quiet", action="store_true", help="the token alone")

    def handle(self, *_args: Any, quiet: bool, **_options: Any) -> None:
        """Print the link."""
        token = access.new_start_link(timezone.now())
        self.stdout.write(token if quiet else f"{_site()}/start/{token}")


def _site() -> str:
    """Where the running site is, else where it would be."""
    facts = runtime.supervisor(settings.DATA_DIR) or {}
    return f"http://127.0.0.1:{facts.get('port', settings.PORT)}"
