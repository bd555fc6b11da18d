"""Bring a tenant's configuration in from exported cmdlet outputs, where we may not read it."""

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailposture import models
from mailposture.adapters.exchange.bundle import BundleError, document
from mailposture.management import bundles
from mailposture.management.commands import tenant as tenants
from mailposture.services import clouds, importing

BAD_INPUT: Final = 2


class Command(BaseCommand):
    """`manage.py import_bundle TENANT BUNDLE.json`: a snapshot, marked as imported."""

    help = "Make a snapshot of exported cmdlet outputs; --add takes the tenant under watch first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose, from which file; and what a new tenant needs."""
        parser.add_argument("tenant", metavar="TENANT", help="its short name, or its name to add")
        parser.add_argument("bundle", metavar="BUNDLE.json", help="outputs of cmdlets; - piped")
        parser.add_argument("--add", action="store_true", help="a tenant that is not watched yet")
        parser.add_argument("--tenant-id", type=tenants.guid, metavar="GUID", help="with --add")
        parser.add_argument("--cloud", default="worldwide", help="with --add")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Read the bundle before anything is written; then keep it and say what it lacks."""
        name = options["bundle"]
        try:
            given = document(bundles.bytes_of(name))
            importing.check(given)
            tenant = self.added(options) if options["add"] else tenants.named(options["tenant"])
            done = importing.bring_in(tenant, given, timezone.now())
        except BundleError as problem:
            raise bundles.bad_input(name, str(problem)) from None
        for remark in done.remarks:
            self.stderr.write(bundles.safe(remark))
        changes = "1 change" if done.changes == 1 else f"{done.changes:,} changes"
        said = "the first configuration" if done.first else changes
        self.stdout.write(f"Imported for {bundles.safe(tenant.slug)}: {said}.")
        if done.lacking:
            self.stdout.write(
                f"  not in the bundle, and not known by it: {', '.join(done.lacking)}"
            )

    def added(self, options: dict[str, Any]) -> models.Tenant:
        """Take a tenant without a credential under watch."""
        if options["tenant_id"] is None:
            raise CommandError("--add needs --tenant-id as well.", returncode=BAD_INPUT)
        cloud = options["cloud"]
        if cloud not in clouds.known():
            tenants.refuse(f"There is no cloud {cloud!r}; there are {', '.join(clouds.known())}.")
        called = tenants.called(options["tenant"])
        tenant_id, now = options["tenant_id"], timezone.now()
        known = models.Tenant.objects.filter(cloud=cloud, tenant_id=tenant_id).first()
        if known is not None:
            tenants.refuse(f"This tenant is watched already, as {known.slug}.")
        return importing.enrol(called, tenant_id, cloud, now)
