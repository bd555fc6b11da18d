"""Which half of the grant is missing: the application's consent, or its role in the tenant.

They are granted in different places by different people, so each is asked for by itself, and
each answer carries what the server said and what to do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mailposture.adapters.exchange.client import Client, Waits
from mailposture.adapters.exchange.clouds import Cloud
from mailposture.adapters.exchange.cmdlets import CMDLETS
from mailposture.adapters.exchange.credential import Credential
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.adapters.exchange.tokens import Claims, Tokens, claims

APP_ROLE: Final = "Exchange.ManageAsApp"
SECURITY_READER: Final = "5d6b6bb7-de71-4623-b4af-96380a352509"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One half: whether it is there (None: could not be told), what was said, what to do."""

    ok: bool | None
    says: str = ""
    fix: str = ""
    cause: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Grants:
    """A credential, tried: the token, the application's role, the role in the tenant."""

    token: Step
    app_role: Step
    directory_role: Step

    @property
    def complete(self) -> bool:
        """Whether a fetch will be let do its work."""
        return all(step.ok for step in (self.token, self.app_role, self.directory_role))


CONSENT: Final = (
    f"Add the application permission {APP_ROLE} of Office 365 Exchange Online to the app "
    "registration and grant admin consent in this tenant."
)
ROLE: Final = (
    "Give the app the directory role Global Reader, or in Exchange the role View-Only "
    "Configuration. It may take some minutes to count."
)
NOT_SECURITY_READER: Final = (
    "Security Reader may not read connectors. Give the app Global Reader instead, or in Exchange "
    "the role View-Only Configuration."
)
FIXES: Final[Mapping[str, str]] = {
    "app-not-consented": "Check the client ID, and grant admin consent to the app in this tenant.",
    "consent-missing": CONSENT,
    "secret-wrong": "Paste the value of the client secret, not its ID.",
    "secret-expired": "Make a new client secret in the app registration and paste its value.",
    "app-disabled": "Turn the application on again under Enterprise applications.",
    "certificate-wrong": "Upload this certificate to the app registration.",
    "clock-wrong": "Set the clock of this machine: the signed proof is out of its time.",
    "tenant-not-found": "Check the tenant ID, and that this is the right cloud.",
    "tenant-gone": "The tenant is gone. Remove it here.",
    "resource-not-found": "Check that this is the right cloud for the tenant.",
    "exchange-not-licensed": "The tenant has no active Exchange Online plan.",
    "conditional-access": "Let the app's address through the tenant's Conditional Access policy.",
}
TRY_AGAIN: Final = "Try again in some minutes."
UNASKED: Final = "Not asked: there is no token."


def check(
    cloud: Cloud,
    credential: Credential,
    *,
    waits: Waits | None = None,
    tokens: Tokens | None = None,
) -> Grants:
    """Try the credential anew, past every cache, and say what is missing."""
    tokens = tokens or Tokens()
    tokens.forget(cloud, credential)
    try:
        said = claims(tokens.token(cloud, credential))
    except ExchangeError as error:
        unasked = Step(ok=None, says=UNASKED)
        return Grants(token=_refused(error), app_role=unasked, directory_role=unasked)
    client = Client(cloud, credential, tokens, waits or Waits())
    try:
        problem, allowed = _preflight(client)
    finally:
        client.close()
    return Grants(
        token=Step(ok=True, says="A token was given."),
        app_role=_app_role(said, problem),
        directory_role=_directory_role(said, problem, allowed),
    )


def _refused(error: ExchangeError) -> Step:
    fix = FIXES.get(error.cause, TRY_AGAIN)
    return Step(ok=False if error.permanent else None, says=error.says, fix=fix, cause=error.cause)


def _preflight(client: Client) -> tuple[ExchangeError | None, frozenset[str]]:
    """Ask which cmdlets may be called; then call the one that matters most, as proof."""
    try:
        allowed = client.exported_cmdlets()
    except ExchangeError as error:
        if error.status in (401, 403) or error.cause == "role-missing":
            return error, frozenset()
        allowed = frozenset()  # the preflight is a convenience: without it the call decides
    try:
        client.invoke(CMDLETS[0].name, CMDLETS[0].calls[0])
    except ExchangeError as error:
        return error, allowed
    return None, allowed


def _app_role(said: Claims | None, problem: ExchangeError | None) -> Step:
    carries = bool(said and APP_ROLE in said.roles)
    if carries and problem is not None and problem.status == 401:
        says = f"The token carries {APP_ROLE}, but Exchange Online refuses the token: 401."
        return Step(ok=None, says=says, fix=f"{TRY_AGAIN} If it stays: {CONSENT}", cause="refused")
    if carries:
        return Step(ok=True, says=f"The token carries {APP_ROLE}.")
    if problem is None:
        return Step(ok=True, says="Exchange Online takes the token.")
    carried = ", ".join(said.roles) if said and said.roles else "no role"
    says = f"The token carries {carried}." if said else problem.says
    missing = bool(said) or problem.status == 401
    return Step(ok=False if missing else None, says=says, fix=CONSENT, cause="app-role-missing")


def _directory_role(
    said: Claims | None, problem: ExchangeError | None, allowed: frozenset[str]
) -> Step:
    if problem is None:
        return _allowed(allowed)
    if problem.cause == "role-missing":
        reader_only = said is not None and SECURITY_READER in said.directory_roles
        fix = NOT_SECURITY_READER if reader_only else ROLE
        return Step(ok=False, says=_words(problem), fix=fix, cause=problem.cause)
    # A refused token says nothing of the role behind it; nor does a server that is not well.
    has_app_role = said is not None and APP_ROLE in said.roles
    fix = TRY_AGAIN if problem.status != 401 or has_app_role else CONSENT
    return Step(ok=None, says=_words(problem), fix=fix, cause=problem.cause)


def _allowed(allowed: frozenset[str]) -> Step:
    if lacking := [c.name for c in CMDLETS if allowed and c.name not in allowed]:
        says = f"The app may not call {', '.join(lacking)}."
        return Step(ok=False, says=says, fix=ROLE, cause="role-missing")
    return Step(ok=True, says="Exchange Online lets the app read connectors.")


def _words(problem: ExchangeError) -> str:
    code = f"{problem.status}: " if problem.status else ""
    silence = "no words"
    if problem.cause == "role-missing":
        silence = "no words, which is how a missing role is answered"
    return f"{code}{problem.says or silence}"
