"""Tenants from the command line: add one, list them, check its permissions, remove it."""

import getpass
import uuid
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailposture import models
from mailposture.adapters.exchange.checking import Step
from mailposture.management.arguments import readable_file
from mailposture.services import arranging, checking, clouds, credentials, enrolling, naming
from mailposture.services.enrolling import NewCredential

USAGE: Final = 2
NOT_GRANTED: Final = 4
HALVES: Final = (
    ("sign-in", "token"),
    ("Exchange.ManageAsApp", "app_role"),
    ("View-Only Configuration", "directory_role"),
)
WORDS: Final = {True: "granted", False: "missing", None: "not known"}


class Command(BaseCommand):
    """`manage.py tenant add|list|check|remove`. Exit: 0 done, 2 refused, 4 a half is missing."""

    help = "Add, list, check or remove tenants. Secrets come from files or are asked for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One word for what to do; what is not given to `add` is asked for."""
        asked = parser.add_subparsers(dest="asked", required=True, metavar="add|list|check|remove")
        add_options(asked.add_parser("add", help="take a tenant under watch"))
        asked.add_parser("list", help="name the tenants and how they stand")
        check = asked.add_parser("check", help="say which half of the permission is missing")
        check.add_argument("slug")
        remove = asked.add_parser(
            "remove", help="stop watching, and drop all that is known but its finished reports"
        )
        remove.add_argument("slug")
        remove.add_argument("--yes", action="store_true", help="do not ask for the name")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do what was asked."""
        acts = {
            "add": self.add_tenant,
            "list": self.list_tenants,
            "check": self.check_tenant,
            "remove": self.remove_tenant,
        }
        acts[options["asked"]](options)

    def add_tenant(self, options: dict[str, Any]) -> None:
        """Enrol a tenant with its credential, both or neither."""
        name = options["name"] or ask("Name: ", called)
        tenant_id = options["tenant_id"] or ask("Tenant ID: ", guid)
        cloud = options["cloud"] or "worldwide"
        if cloud not in clouds.known():
            refuse(f"There is no cloud {cloud!r}; there are {', '.join(clouds.known())}.")
        if known := models.Tenant.objects.filter(cloud=cloud, tenant_id=tenant_id).first():
            refuse(f"This tenant is watched already, as {known.slug}.")
        given = credential(options)
        now = timezone.now()
        tenant = enrolling.enrol(name, tenant_id, cloud, now)
        enrolling.keep_credential(tenant, given, now)
        self.stdout.write(f"{tenant.name} is added as {tenant.slug}.")
        if given.expires_at:
            until = f"{given.expires_at:%Y-%m-%d}"
            self.stdout.write(f"Certificate {given.thumbprint}, until {until}.")
        self.stdout.write(f"Next: manage.py tenant check {tenant.slug}")

    def list_tenants(self, _options: dict[str, Any]) -> None:
        """One line a tenant, fields apart by tabs: slug, state, last reading, name."""
        for tenant in models.Tenant.objects.all():
            read = f"{tenant.fetched_at:%Y-%m-%d %H:%M}" if tenant.fetched_at else "never read"
            self.stdout.write("\t".join((tenant.slug, tenant.state, read, plain(tenant.name))))

    def check_tenant(self, options: dict[str, Any]) -> None:
        """Print both halves with what was answered and what to do; exit 4 unless both are there."""
        found = checking.check(named(options["slug"]), timezone.now)
        for words, half in HALVES:
            step: Step = getattr(found, half)
            self.stdout.write(f"{words}: {WORDS[step.ok]}. {plain(step.says)}".rstrip())
            if step.fix and not step.ok:
                self.stdout.write(f"  {step.fix}")
        if not found.complete:
            raise SystemExit(NOT_GRANTED)

    def remove_tenant(self, options: dict[str, Any]) -> None:
        """Remove a tenant once its name was typed, or with --yes."""
        tenant = named(options["slug"])
        wanted = tenant.name
        if not options["yes"] and ask(f"Type {wanted} to remove it: ", str) != wanted:
            refuse("This is not its name. Nothing was removed.")
        kept = tenant.reports.filter(state=models.Report.State.DONE).count()
        arranging.remove_tenant(tenant, timezone.now())
        stays = f" Its finished reports stay: {kept:,}." if kept else ""
        self.stdout.write(f"{wanted} is watched no more.{stays}")


def add_options(parser: ArgumentParser) -> None:
    """What `add` takes. A secret is never an option of its own: others could read it in ps."""
    parser.add_argument("--name", type=called)
    parser.add_argument("--tenant-id", type=guid, metavar="GUID")
    parser.add_argument("--cloud", help="worldwide, gcc-high, dod, 21vianet")
    parser.add_argument("--client-id", type=guid, metavar="GUID")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--secret-file", type=readable_file, metavar="FILE", help="holds the secret")
    way.add_argument("--certificate", type=readable_file, metavar="FILE", help="PEM or PFX")
    parser.add_argument(
        "--passphrase-file", type=readable_file, metavar="FILE", help="of the certificate"
    )


def credential(options: dict[str, Any]) -> NewCredential:
    """Read what proves the app, from the files given or by asking."""
    client_id = options["client_id"] or ask("Client ID: ", guid)
    try:
        if options["certificate"]:
            return from_certificate(client_id, options["certificate"], options)
        if options["secret_file"]:
            return credentials.from_secret(client_id, first_line(options["secret_file"]))
        return credentials.from_secret(client_id, hidden("Client secret (not shown): "))
    except (credentials.CredentialError, OSError) as refusal:
        raise CommandError(str(refusal), returncode=USAGE) from None


def from_certificate(client_id: uuid.UUID, file: Path, options: dict[str, Any]) -> NewCredential:
    """Open a certificate; its passphrase comes from a file, or is asked for where it has one."""
    data = file.read_bytes()
    if options["passphrase_file"]:
        given = first_line(options["passphrase_file"])
        return credentials.from_certificate(client_id, data, given)
    try:
        return credentials.from_certificate(client_id, data, None)
    except credentials.CredentialError as refusal:
        if not refusal.wants_passphrase:
            raise
    return credentials.from_certificate(client_id, data, hidden("Passphrase (not shown): "))


def first_line(file: Path) -> str:
    """A file's first line, as editors leave a newline behind it."""
    return file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")


def ask[T](prompt: str, kind: Callable[[str], T]) -> T:
    """Ask until the answer is of that kind; without anyone to ask, refuse."""
    while True:
        try:
            text = input(prompt).strip()
        except EOFError:
            refuse(f"Nobody answered {prompt.strip()!r}; give it as an option.")
        try:
            if text:
                return kind(text)
        except ArgumentTypeError as problem:
            print(problem)  # noqa: T201  the answer to a prompt


def hidden(prompt: str) -> str:
    """Ask for what must not show."""
    try:
        return getpass.getpass(prompt)
    except EOFError:
        refuse("Nobody answered; give the secret in a file.")


def called(text: str) -> str:
    """A name that may stand everywhere."""
    try:
        return naming.valid(text)
    except naming.NotANameError as refusal:
        raise ArgumentTypeError(str(refusal)) from None


def guid(text: str) -> uuid.UUID:
    """A GUID."""
    try:
        return uuid.UUID(text.strip())
    except ValueError:
        raise ArgumentTypeError(
            f"{text!r} is not a GUID such as 5e0a31b2-77d4-4c1e-9a60-2f4be8d0c1d9"
        ) from None


def named(slug: str) -> models.Tenant:
    """The tenant of that short name."""
    found = models.Tenant.objects.filter(slug=slug).first()
    if found is None:
        refuse(f"There is no tenant {slug!r}. manage.py tenant list names them.")
    return found


def plain(text: str) -> str:
    """Words of others, without what a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)


def refuse(why: str) -> NoReturn:
    """Say why not, exit 2."""
    raise CommandError(why, returncode=USAGE)
