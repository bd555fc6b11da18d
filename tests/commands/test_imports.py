"""The commands `import_traffic` and `import_bundle`: what they say, and what they refuse."""

import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from django.utils import timezone

from mailposture import models
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.services import traffic
from tests import factories as make
from tests.adapters.dns_server import name_server
from tests.commands.bundles import bundle, connector, kept, said

pytestmark = pytest.mark.django_db
TENANT = "0b6f0d8e-55a7-4b0f-9f0a-6f1f3f2f1a10"


@pytest.fixture(autouse=True)
def _dns(settings: Any) -> Any:
    with name_server({}) as server:
        settings.RESOLVER = server
        yield


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as refusal:
        said(*arguments)
    assert refusal.value.returncode == 2
    return str(refusal.value)


def trace(folder: Path, *lines: str) -> str:
    head = "Received,SenderAddress,RecipientAddress,FromIP"
    return kept(folder, "\n".join((head, *lines)), "trace.csv")


# ---- traffic -------------------------------------------------------------------------------


def test_traffic_is_imported_and_what_is_kept_is_said(tmp_path: Path) -> None:
    tenant = make.tenant()
    now = timezone.now().strftime("%Y-%m-%dT%H:%M:%S")
    file = trace(
        tmp_path,
        f"{now},a@fabrikam.com,b@contoso.com,198.51.100.7",
        f"{now},a@fabrikam.com,b@contoso.com,",
    )
    out, _err = said("import_traffic", "contoso", file)
    assert re.fullmatch(
        r"2 lines read\. Kept by domain and day: 1 message of 1 sender, \S+ to \S+\.\n"
        r"  passed over, no source address: 1\n",
        out,
    )
    assert tenant.seen_senders.get().how == "trace"
    said("import_traffic", "contoso", file, "--kind", "connector")
    assert set(tenant.seen_senders.values_list("how", flat=True)) == {"trace", "connector"}
    assert said("import_traffic", "contoso", "--forget")[0] == (
        "Dropped 2 rows of traffic of contoso.\n"
    )
    assert not tenant.seen_senders.exists()


def test_traffic_that_cannot_be_read_is_refused_with_file_line_and_remedy(tmp_path: Path) -> None:
    make.tenant()
    file = trace(tmp_path, "24.11.2026,a@fabrikam.com,b@contoso.com,198.51.100.7")
    assert re.search(
        r"trace\.csv: line 2: a date .*ToString", refused("import_traffic", "contoso", file)
    )
    assert "No such file" in refused("import_traffic", "contoso", str(tmp_path / "none.csv"))
    assert "There is no tenant 'fabrikam'" in refused("import_traffic", "fabrikam", file)
    assert "Name a file to import" in refused("import_traffic", "contoso")
    assert "Name a file to import" in refused("import_traffic", "contoso", file, "--forget")


def test_a_trace_of_our_own_says_what_its_silence_means(monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = make.tenant()
    assert "contoso has no credential" in refused("import_traffic", "contoso", "--trace", "2")
    models.Credential.objects.create(
        tenant=tenant, kind="secret", client_id=tenant.tenant_id, sealed="x", updated_at=make.NOW
    )

    def answer(_tenant: models.Tenant, days: int, _now: Any) -> traffic.Imported:
        if days > 10:
            raise ExchangeError("role-missing", "", permanent=True, status=403)
        return traffic.Imported(
            lines=0, senders=0, messages=0, first=None, last=None, passed_over={}, whole=days < 5
        )

    monkeypatch.setattr(traffic, "fetch", answer)
    said_so = said("import_traffic", "contoso", "--trace", "7")[0]
    assert said_so.endswith("not all of it was returned: ask for fewer days\n")
    assert "not all" not in said("import_traffic", "contoso", "--trace", "2")[0]
    assert "which says nothing about who sends. role-missing" in refused(
        "import_traffic", "contoso", "--trace", "30"
    )
    with pytest.raises(CommandError, match="not a number of days"):
        said("import_traffic", "contoso", "--trace", "400")


# ---- bundles -------------------------------------------------------------------------------


def test_a_tenant_is_added_and_lives_on_its_bundle(tmp_path: Path) -> None:
    file = kept(tmp_path, bundle(connector("Lock")))
    out, err = said("import_bundle", "Contoso", file, "--add", "--tenant-id", TENANT)
    assert out == (
        "Imported for contoso: the first configuration.\n"
        "  not in the bundle, and not known by it: outbound_connectors, transport_rules,"
        " connection_filters\n"
    )
    assert err == ""
    tenant = models.Tenant.objects.get()
    assert (tenant.name, tenant.tenant_id) == ("Contoso", uuid.UUID(TENANT))
    changed = kept(tmp_path, bundle(connector("Lock", Enabled=False)))
    assert said("import_bundle", "contoso", changed)[0].startswith(
        "Imported for contoso: 1 change.\n"
    )


def test_what_is_not_whole_in_a_bundle_goes_to_standard_error(tmp_path: Path) -> None:
    make.tenant()
    file = kept(tmp_path, bundle(InboundConnector={"@odata.context": "x", "value": [{}]}))
    _out, err = said("import_bundle", "contoso", file)
    assert "Get-InboundConnector is incomplete" in err


def test_a_bundle_that_is_none_adds_no_tenant(tmp_path: Path) -> None:
    file = kept(tmp_path, {"Get-Mailbox": []})
    add = ("--add", "--tenant-id", TENANT)
    assert "the bundle holds none of these" in refused("import_bundle", "Contoso", file, *add)
    assert "no JSON" in refused("import_bundle", "Contoso", kept(tmp_path, "{"), *add)
    assert not models.Tenant.objects.exists()


def test_a_tenant_that_cannot_be_added_is_refused(tmp_path: Path) -> None:
    file = kept(tmp_path, bundle())
    make.tenant(tenant_id=uuid.UUID(TENANT))
    assert "--add needs --tenant-id" in refused("import_bundle", "Contoso", file, "--add")
    add = ("--add", "--tenant-id", TENANT)
    assert "watched already, as contoso" in refused("import_bundle", "Contoso", file, *add)
    assert "There is no cloud 'moon'" in refused(
        "import_bundle", "Contoso", file, *add, "--cloud", "moon"
    )
    assert "There is no tenant 'fabrikam'" in refused("import_bundle", "fabrikam", file)
