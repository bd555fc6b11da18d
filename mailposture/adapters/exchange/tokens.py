"""App-only tokens by msal: one application object per authority and credential.

msal does not raise where Entra refuses, it returns the refusal; but it does raise where the
authority has no such tenant. Both leave here as an ExchangeError with its named cause.
"""

import base64
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import msal
import requests
from msal.exceptions import MsalError

from mailposture.adapters.exchange.clouds import Cloud
from mailposture.adapters.exchange.credential import Credential
from mailposture.adapters.exchange.errors import ExchangeError, clean
from mailposture.adapters.exchange.wire import body, session, within

TIMEOUT: Final = (10, 30)  # seconds to connect and between two bytes
WHOLE_ANSWER = 60  # seconds for one answer, headers and body
BIGGEST_BODY = 1024 * 1024  # a token has some KB, the longest discovery some hundred
MOST_APPLICATIONS: Final = 1000  # each holds a token or two; the least used is dropped

# How msal fails on an answer that is not what it should be, or on a key that is none.
ODD_ANSWER: Final = (ValueError, KeyError, TypeError, AttributeError, RuntimeError)

# AADSTS code: cause, and whether waiting cannot help. Microsoft warns that codes may change.
CAUSES: Final[Mapping[int, tuple[str, bool]]] = MappingProxyType(
    {
        700016: ("app-not-consented", True),
        65001: ("consent-missing", True),
        650051: ("consent-missing", True),
        650052: ("consent-missing", True),
        7000215: ("secret-wrong", True),
        7000222: ("secret-expired", True),
        7000112: ("app-disabled", True),
        700027: ("certificate-wrong", True),
        700024: ("clock-wrong", True),
        90002: ("tenant-not-found", True),
        900023: ("tenant-not-found", True),
        5000224: ("tenant-gone", True),
        500011: ("resource-not-found", True),
        500014: ("exchange-not-licensed", True),
        53003: ("conditional-access", True),
        90033: ("authority-busy", False),
    }
)


# ---- the network beneath msal ------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Heard:
    """An answer read whole, as much of it as msal looks at."""

    status_code: int
    headers: Mapping[str, str]
    text: str

    def raise_for_status(self) -> None:
        """For msal, which asks it of answers that are none of its own refusals."""
        if self.status_code >= 400:
            raise requests.HTTPError(f"the status is {self.status_code}")


class _Http:
    """What msal asks of an HTTP client, with time limits; remembers the last refusal."""

    def __init__(self, cloud: Cloud) -> None:
        self._session = session(cloud)
        self.refusal: dict[str, Any] = {}

    def get(self, url: str, **kwargs: Any) -> _Heard:
        """GET, for msal."""
        return self._asked("GET", url, kwargs)

    def post(self, url: str, **kwargs: Any) -> _Heard:
        """POST, for msal."""
        return self._asked("POST", url, kwargs)

    def _asked(self, method: str, url: str, given: Mapping[str, Any]) -> _Heard:
        named = {"timeout": TIMEOUT, **given, "stream": True}
        with within(WHOLE_ANSWER), self._session.request(method, url, **named) as response:
            return self._kept(
                _Heard(
                    status_code=response.status_code,
                    headers=response.headers,
                    text=body(response, BIGGEST_BODY).decode("utf-8", "replace"),
                )
            )

    def _kept(self, heard: _Heard) -> _Heard:
        if heard.status_code >= 400:
            try:
                refusal = json.loads(heard.text)
            except (ValueError, RecursionError):
                refusal = None
            self.refusal = refusal if isinstance(refusal, dict) else {}
        return heard

    def close(self) -> None:
        """For msal; the session lives as long as the application object."""


# ---- applications ------------------------------------------------------------------------


class Tokens:
    """Gives tokens, from msal's cache where it can. Safe to share between threads."""

    def __init__(self) -> None:
        self._applications: OrderedDict[tuple[str, str], Any] = OrderedDict()
        self._lock = threading.Lock()

    def token(self, cloud: Cloud, credential: Credential) -> str:
        """An access token for reading the tenant's Exchange."""
        application = self._application(cloud, credential)
        try:
            result = application.acquire_token_for_client([cloud.scope])
        except requests.RequestException as problem:
            raise _unreachable(problem) from None
        except MsalError as problem:
            raise _not_well(problem) from None
        except ODD_ANSWER:
            raise _bad_answer() from None
        if not isinstance(result, dict) or "access_token" not in result:
            raise refused(result if isinstance(result, dict) else {})
        return str(result["access_token"])

    def forget(self, cloud: Cloud, credential: Credential) -> None:
        """Drop the application object with its tokens, and with the refusals msal keeps."""
        with self._lock:
            self._applications.pop((cloud.authority, credential.fingerprint), None)

    def _application(self, cloud: Cloud, credential: Credential) -> Any:
        key = (cloud.authority, credential.fingerprint)
        with self._lock:
            if found := self._applications.get(key):
                self._applications.move_to_end(key)
                return found
        made = _make(cloud, credential)  # asks the network: not under the lock
        with self._lock:
            self._applications[key] = made
            while len(self._applications) > MOST_APPLICATIONS:
                self._applications.popitem(last=False)
        return made


def _make(cloud: Cloud, credential: Credential) -> Any:
    http = _Http(cloud)
    try:
        return msal.ConfidentialClientApplication(
            credential.client_id,
            client_credential=_client_credential(credential),
            authority=f"{cloud.authority}/{credential.tenant_id}",
            instance_discovery=False if cloud.is_lab else None,
            http_client=http,
        )
    except requests.RequestException as problem:
        raise _unreachable(problem) from None
    except MsalError as problem:
        raise _not_well(problem) from None
    except ODD_ANSWER:
        # msal words a refused discovery anew and drops Entra's own sentence: it is kept beside.
        raise (refused(http.refusal) if http.refusal else _bad_answer()) from None


def _client_credential(credential: Credential) -> str | dict[str, str]:
    if credential.certificate is None:
        return credential.secret
    # Without a thumbprint msal works out the SHA-256 one and signs PS256.
    return {
        "private_key": credential.certificate.private_key,
        "public_certificate": credential.certificate.certificate,
    }


# ---- refusals ----------------------------------------------------------------------------


def refused(result: Mapping[str, Any]) -> ExchangeError:
    """Name the cause of Entra's refusal."""
    says = str(result.get("error_description") or result.get("error") or "no reason given")
    for code in _codes(result, says):
        if code in CAUSES:
            cause, permanent = CAUSES[code]
            return ExchangeError(cause, says, permanent=permanent)
    transient = result.get("error") in ("temporarily_unavailable", "server_error")
    return ExchangeError("sign-in-refused", says, permanent=not transient)


def _codes(result: Mapping[str, Any], says: str) -> list[int]:
    codes = result.get("error_codes")
    found = [c for c in codes if isinstance(c, int)] if isinstance(codes, list) else []
    written = says.partition("AADSTS")[2].partition(":")[0]
    return [*found, *([int(written)] if written.isascii() and written.isdigit() else [])]


def _not_well(problem: Exception) -> ExchangeError:
    """A 5xx, which msal raises with its number and without the server's words."""
    return ExchangeError("authority-failed", str(problem), permanent=False)


def _unreachable(problem: requests.RequestException) -> ExchangeError:
    return ExchangeError("authority-unreachable", network_words(problem), permanent=False)


def _bad_answer() -> ExchangeError:
    says = "The sign-in service gave an answer that makes no sense, or the key is unusable."
    return ExchangeError("sign-in-failed", says, permanent=False)


def network_words(problem: requests.RequestException) -> str:
    """A network problem in a few words, without the URL and whatever hangs on it."""
    if isinstance(problem, requests.exceptions.SSLError):
        return "The certificate of the server could not be verified."
    if isinstance(problem, requests.exceptions.ProxyError):
        return "The proxy refused or could not be reached."
    if isinstance(problem, requests.exceptions.Timeout):
        return "No answer in time."
    return "The connection failed."


# ---- what a token says -------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Claims:
    """What a token says of itself. For diagnosis only: nobody checked its signature here."""

    roles: tuple[str, ...]
    directory_roles: tuple[str, ...]
    tenant_id: str


def claims(token: str) -> Claims | None:
    """Read a token's claims; None where it is opaque."""
    try:
        payload = token.split(".")[1]
        document = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    return Claims(
        roles=_strings(document.get("roles")),
        directory_roles=_strings(document.get("wids")),
        tenant_id=str(document.get("tid", "")),
    )


def _strings(value: object) -> tuple[str, ...]:
    return tuple(clean(str(one)) for one in value) if isinstance(value, list) else ()
