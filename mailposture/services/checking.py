"""Check what a tenant's app was granted, as a value that pages and commands can say."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cryptography.fernet import InvalidToken

from mailposture import models
from mailposture.adapters.exchange.checking import Grants, Step
from mailposture.adapters.exchange.checking import check as ask
from mailposture.adapters.exchange.client import Waits
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.services import clouds, secrets

# Somebody waits for the answer: less patience than a reading in the background has.
PATIENCE = Waits(budget=25.0, silence=15.0)
UNASKED = Step(ok=None, says="Not asked: there is no token.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """What was found, when, and how long asking took in seconds."""

    at: datetime
    took: float
    token: Step
    app_role: Step
    directory_role: Step

    @property
    def complete(self) -> bool:
        """Whether the tenant can be read with what was granted."""
        return all(step.ok for step in (self.token, self.app_role, self.directory_role))


def check(tenant: models.Tenant, clock: Callable[[], datetime]) -> Checked:
    """Ask anew, past every cache. Never raises for what Exchange says: that is the answer."""
    began = clock()
    found = _asked(tenant)
    at = clock()
    return Checked(
        at=at,
        took=(at - began).total_seconds(),
        token=found.token,
        app_role=found.app_role,
        directory_role=found.directory_role,
    )


def _asked(tenant: models.Tenant) -> Grants:
    try:
        return ask(clouds.of(tenant.cloud), secrets.credential_of(tenant), waits=PATIENCE)
    except models.Credential.DoesNotExist:
        return _stopped("There is no credential yet.", "Give the app's secret or certificate.")
    except InvalidToken:
        says = "The stored credential was sealed with a key that this installation has no more."
        return _stopped(says, "Give the credential again.")
    except clouds.NotSetUpError as missing:
        return _stopped(str(missing), "Start the lab, or remove this tenant.", ok=None)
    except ExchangeError as error:
        return _stopped(error.says or error.cause, "Check what was given.")


def _stopped(says: str, fix: str, *, ok: bool | None = False) -> Grants:
    return Grants(token=Step(ok=ok, says=says, fix=fix), app_role=UNASKED, directory_role=UNASKED)
