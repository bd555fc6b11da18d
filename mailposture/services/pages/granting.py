"""The two halves of a tenant's permission, each granted elsewhere, each with its own way to grant.

Admin consent gives the app its role, never the directory or Exchange role, so that both are
asked, said and shown apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mailposture import models
from mailposture.adapters.exchange.checking import Step
from mailposture.services import clouds
from mailposture.services.checking import Checked
from mailposture.services.pages.commands import Copy, powershell

EXCHANGE: Final = "00000002-0000-0ff1-ce00-000000000000"
MANAGE_AS_APP: Final = "dc50a0fb-09a3-484d-be87-e023b12c6440"
ASSIGNMENT: Final = "Mailposture reads configuration"
# The switches by which Microsoft's own modules are told of a cloud; worldwide needs none.
GRAPH: Final[Mapping[str, str]] = MappingProxyType(
    {"gcc-high": "USGov", "dod": "USGovDoD", "21vianet": "China"}
)
SHELL: Final[Mapping[str, str]] = MappingProxyType(
    {"gcc-high": "O365USGovGCCHigh", "dod": "O365USGovDoD", "21vianet": "O365China"}
)
PORTAL_CONSENT: Final = (
    "In the Entra admin centre: App registrations, the app, API permissions, Add a permission, "
    "APIs my organization uses, Office 365 Exchange Online, Application permissions, "
    "Exchange.ManageAsApp; then Grant admin consent."
)
PORTAL_ROLE: Final = (
    "In the Entra admin centre, give it the directory role Global Reader: Roles and "
    "administrators, Global Reader, Add assignments, search for the app by name. It may take up to "
    "30 min to work. Security Reader is not enough: it may not read connectors."
)
GOVERNMENT: Final = (
    " In this cloud the app needs Exchange.ManageAsApp of Microsoft Exchange Online Protection "
    "(00000007-0000-0ff1-ce00-000000000000) as well."
)


# Who grants does so in a shell or in a browser.
WAYS: Final = (("powershell", "PowerShell"), ("portal", "Entra admin centre"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Half:
    """One half: whether it is there, what was said, and how it is granted."""

    title: str
    needs: str
    state: str
    word: str
    says: str
    fix: str = ""
    copies: tuple[Copy, ...] = ()
    also: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What one call was answered."""

    call: str
    state: str
    word: str
    says: str


def halves(tenant: models.Tenant, client_id: str, found: Checked | None) -> tuple[Half, Half]:
    """Both halves. The ways to grant are shown wherever it is not sure that they were gone."""
    app, directory = (found.app_role, found.directory_role) if found else (None, None)
    government = GOVERNMENT if tenant.cloud in ("gcc-high", "dod") else ""
    return (
        _half(
            app,
            title="The app may act on Exchange",
            needs="Exchange.ManageAsApp",
            copies=(consent(tenant, client_id),) if client_id else (),
            also=PORTAL_CONSENT + government,
        ),
        _half(
            directory,
            title="The app may look at the configuration",
            needs="View-Only Configuration",
            copies=(view_only(tenant, client_id),) if client_id else (),
            also=PORTAL_ROLE,
        ),
    )


def _half(
    step: Step | None, *, title: str, needs: str, copies: tuple[Copy, ...], also: str
) -> Half:
    if step is None:
        return Half(
            title=title, needs=needs, state="none", word="Not checked", says="", copies=copies,
            also=also,
        )  # fmt: skip
    if step.ok:
        return Half(title=title, needs=needs, state="gets_in", word="Granted", says=step.says)
    state, word = ("cut_off", "Missing") if step.ok is False else ("unknown", "Unknown")
    # What was answered stands whole below; here it is said where nothing better is known.
    says = "" if step.fix else step.says
    return Half(
        title=title, needs=needs, state=state, word=word, says=says, fix=step.fix,
        copies=copies, also=also,
    )  # fmt: skip


def answers(found: Checked) -> tuple[Answer, ...]:
    """What the sign-in and Exchange answered, in the order in which they were asked."""
    return (
        _answer("token", found.token),
        _answer("Exchange.ManageAsApp", found.app_role),
        _answer("Get-InboundConnector", found.directory_role),
    )


def _answer(call: str, step: Step) -> Answer:
    state, word = {
        True: ("gets_in", "OK"),
        False: ("cut_off", "Refused"),
        None: ("unknown", "Not known"),
    }[step.ok]
    says = step.says
    if step.ok is None and call.startswith("Get-"):
        says = f'{says} It is never taken for "no connectors".'
    return Answer(call=call, state=state, word=word, says=says)


def consent(tenant: models.Tenant, client_id: str) -> Copy:
    """Give the app its role on Exchange, by Graph."""
    app = powershell(client_id)
    by_app = '"appId eq {}"'.format
    role = powershell(MANAGE_AS_APP)
    return Copy(
        key="grant-consent",
        title="Grant Exchange.ManageAsApp",
        effect="the app may ask Exchange, and is told nothing yet",
        command="\n".join(
            (
                "# in PowerShell with Microsoft.Graph, once, as Privileged Role Administrator",
                f"Connect-MgGraph -TenantId {powershell(str(tenant.tenant_id))} `",
                "  -Scopes 'Application.ReadWrite.All', 'AppRoleAssignment.ReadWrite.All'"
                + _switch("-Environment", GRAPH.get(tenant.cloud)),
                f"$app = Get-MgServicePrincipal -Filter {by_app(app)}",
                f"if (-not $app) {{ $app = New-MgServicePrincipal -AppId {app} }}",
                f"$exchange = Get-MgServicePrincipal -Filter {by_app(powershell(EXCHANGE))}",
                "New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $app.Id `",
                "  -PrincipalId $app.Id -ResourceId $exchange.Id `",
                f"  -AppRoleId {role}",
            )
        ),
        undo="\n".join(
            (
                f"$app = Get-MgServicePrincipal -Filter {by_app(app)}",
                "Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $app.Id |",
                f"  Where-Object AppRoleId -eq {role} | ForEach-Object {{",
                "    Remove-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $app.Id `",
                "      -AppRoleAssignmentId $_.Id }",
            )
        ),
    )


def view_only(tenant: models.Tenant, client_id: str) -> Copy:
    """Give the app the narrowest role that reads connectors, by Exchange's own shell."""
    app = powershell(client_id)
    return Copy(
        key="grant-role",
        title="Give the app the role View-Only Configuration",
        effect="it may look, and change nothing",
        command="\n".join(
            (
                "# in Exchange Online PowerShell, once, as Exchange administrator",
                "Connect-ExchangeOnline"
                + _switch("-ExchangeEnvironmentName", SHELL.get(tenant.cloud)),
                f"New-ServicePrincipal -AppId {app} `",
                "  -ObjectId '<object ID, from Enterprise applications>' `",
                "  -DisplayName 'Mailposture'",
                f"New-ManagementRoleAssignment -App {app} `",
                f"  -Role 'View-Only Configuration' -Name {powershell(ASSIGNMENT)}",
            )
        ),
        undo="\n".join(
            (
                f"Remove-ManagementRoleAssignment {powershell(ASSIGNMENT)}",
                f"Remove-ServicePrincipal {app}",
            )
        ),
    )


def _switch(name: str, value: str | None) -> str:
    return f" {name} {value}" if value else ""


def consent_address(tenant: models.Tenant, client_id: str) -> str:
    """Where an administrator of the tenant consents to an app of another one; the lab has none."""
    if tenant.cloud == clouds.LAB or tenant.cloud not in clouds.known() or not client_id:
        return ""
    authority = clouds.of(tenant.cloud).authority
    return f"{authority}/{tenant.tenant_id}/adminconsent?client_id={client_id}"


def sentence(found: Checked | None) -> str:
    """How the two halves stand, as a page's first sentence."""
    if found is None:
        return "Neither half has been checked yet."
    if found.token.ok is not True:
        return "The app could not sign in, so neither half could be checked."
    both = (found.app_role.ok, found.directory_role.ok)
    return {
        (True, True): "Both halves are granted.",
        (False, False): "Both halves are missing.",
        (None, None): "Neither half could be told.",
    }.get(both) or (
        "One half is granted, one is missing."
        if None not in both
        else "One half is granted, the other could not be told."
        if True in both
        else "One half is missing, the other could not be told."
    )
