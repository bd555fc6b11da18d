"""Print the TXT record that proves a domain to this instance."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from mailposture.management.arguments import mail_domain
from mailposture.services import ownership


class Command(BaseCommand):
    """`manage.py challenge DOMAIN`."""

    help = "Print the TXT record that proves to this instance that a domain is yours."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """DOMAIN."""
        parser.add_argument("domain", type=mail_domain)

    def handle(self, *_args: Any, domain: str, **_options: Any) -> None:
        """Print it in the form of a zone file."""
        name, value = ownership.challenge(domain)
        self.stdout.write(f'{name}. 300 IN TXT "{value}"')
