"""The two halves of a permission: what is said of them, and the commands that grant them."""

import uuid

import pytest

from mailposture import models
from mailposture.core.configuration import PartStatus
from mailposture.services.checking import Checked
from mailposture.services.pages import commands, granting, setup
from tests import factories
from tests.factories import NOW
from tests.web.setup_rows import APP, MISSING, UNKNOWN, found

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("checked", "says"),
    [
        (None, "Neither half has been checked yet."),
        (found(), "Both halves are granted."),
        (found(directory=MISSING), "One half is granted, one is missing."),
        (found(app=MISSING, directory=MISSING), "Both halves are missing."),
        (found(app=MISSING, directory=UNKNOWN),
         "One half is missing, the other could not be told."),
        (found(directory=UNKNOWN), "One half is granted, the other could not be told."),
        (found(app=UNKNOWN, directory=UNKNOWN), "Neither half could be told."),
        (found(token=MISSING, app=UNKNOWN, directory=UNKNOWN),
         "The app could not sign in, so neither half could be checked."),
    ],
)  # fmt: skip
def test_the_sentence_says_which_halves_are_there(checked: Checked | None, says: str) -> None:
    assert granting.sentence(checked) == says


def test_each_missing_half_brings_its_own_way_to_grant() -> None:
    tenant = factories.tenant()
    app, directory = granting.halves(tenant, APP, found(app=MISSING, directory=MISSING))
    assert app.word == directory.word == "Missing"
    assert f"Connect-MgGraph -TenantId '{tenant.tenant_id}'" in app.copies[0].command
    assert "dc50a0fb-09a3-484d-be87-e023b12c6440" in app.copies[0].command
    assert f"New-ManagementRoleAssignment -App '{APP}'" in directory.copies[0].command
    assert "'View-Only Configuration'" in directory.copies[0].command
    assert "Remove-ManagementRoleAssignment" in directory.copies[0].undo


def test_a_granted_half_needs_no_command() -> None:
    app, _ = granting.halves(factories.tenant(), APP, found(directory=MISSING))
    assert (app.word, app.copies, app.also) == ("Granted", (), "")


@pytest.mark.parametrize(
    ("cloud", "switches"),
    [
        ("worldwide", ("", "")),
        ("gcc-high", (" -Environment USGov", " -ExchangeEnvironmentName O365USGovGCCHigh")),
        ("dod", (" -Environment USGovDoD", " -ExchangeEnvironmentName O365USGovDoD")),
        ("21vianet", (" -Environment China", " -ExchangeEnvironmentName O365China")),
    ],
)
def test_the_commands_name_the_cloud(cloud: str, switches: tuple[str, str]) -> None:
    tenant = factories.tenant(cloud=cloud)
    assert (
        f"'AppRoleAssignment.ReadWrite.All'{switches[0]}\n" in granting.consent(tenant, APP).command
    )
    assert f"Connect-ExchangeOnline{switches[1]}\n" in granting.view_only(tenant, APP).command


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("plain", "'plain'"),
        ("it's", "'it''s'"),
        ("a\u2019; Remove-Mailbox *; \u2018", "'a\u2019\u2019; Remove-Mailbox *; \u2018\u2018'"),
        ("$(evil) `n", "'$(evil) `n'"),
    ],
)
def test_nothing_gets_out_of_a_quoted_string(text: str, quoted: str) -> None:
    assert commands.powershell(text) == quoted


def test_pieces_joined_again_are_the_command() -> None:
    for copy in (
        granting.consent(factories.tenant(), APP),
        granting.view_only(models.Tenant(tenant_id=uuid.UUID(APP)), APP),
    ):
        assert "".join(p.text for p in copy.pieces) == copy.command
        assert {"comment", "text", "command"} <= {p.kind for p in copy.pieces}


def test_consent_is_asked_at_the_clouds_own_address() -> None:
    tenant = factories.tenant(cloud="gcc-high")
    address = granting.consent_address(tenant, APP)
    assert address.startswith("https://login.microsoftonline.us/")
    assert granting.consent_address(factories.tenant("x", cloud="lab"), APP) == ""


def test_a_reading_with_a_forbidden_part_is_no_granted_permission() -> None:
    tenant = factories.tenant()
    seen = factories.without(
        factories.configuration(), "inbound_connectors", PartStatus.FORBIDDEN, "403"
    )
    factories.snapshot(tenant, seen, NOW)
    frame = setup.setup(tenant, NOW)
    assert not frame.granted
