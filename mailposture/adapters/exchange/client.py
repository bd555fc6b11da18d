"""One tenant's Admin API over HTTPS: one call at a time, patient, bounded, and led nowhere else.

Everything asked is a Get cmdlet, so that asking twice is harmless and retries are safe.
"""

import json
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from random import SystemRandom
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from mailposture.adapters.exchange.clouds import Cloud
from mailposture.adapters.exchange.credential import Credential
from mailposture.adapters.exchange.envelope import Answer, Page, page
from mailposture.adapters.exchange.errors import ExchangeError
from mailposture.adapters.exchange.marks import mark
from mailposture.adapters.exchange.tokens import Tokens, network_words
from mailposture.adapters.exchange.wire import body as body_of
from mailposture.adapters.exchange.wire import session, within

CONNECT, READ = 10, 60  # seconds; a cmdlet over many objects may be silent for a while
WHOLE_ANSWER = 120  # seconds for one answer, headers and body: `silence` is for each read of it
BIGGEST_BODY = 8 * 1024 * 1024  # 300 rules of 20 KB are three quarters of it
MOST_PAGES = 50
TRIES = 5
LONGEST_WAIT = 120  # a longer Retry-After is the next fetch's business
REDIRECTS: Final = frozenset({301, 302, 307, 308})
SYSTEM_MAILBOX: Final = "SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Waits:
    """Time and chance, handed in.

    `budget` is how many seconds all calls together may take, `silence` how long a server may say
    nothing.
    """

    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    random: Callable[[], float] = SystemRandom().random
    budget: float = 240.0
    silence: float = READ


class _Bearer(AuthBase):
    """Sets the token as authentication, since a .netrc would win over a plain header."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Client:
    """Calls cmdlets of one tenant. Not for several threads: a tenant is asked serially.

    An answer whose mark is `known` is handed on unread.
    """

    def __init__(
        self,
        cloud: Cloud,
        credential: Credential,
        tokens: Tokens,
        waits: Waits,
        known: Collection[str] = (),
    ) -> None:
        self._cloud, self._credential = cloud, credential
        self._tokens, self._waits = tokens, waits
        self._known = frozenset(known)
        self._session = session(cloud)
        self._base = cloud.api
        self._redirected = self._renewed = False
        self._ends = waits.clock() + waits.budget
        self._next_call = 0.0

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    # ---- what may be asked ---------------------------------------------------------------

    def invoke(
        self, cmdlet: str, parameters: Mapping[str, Any], select: tuple[str, ...] = ()
    ) -> Page:
        """Call a cmdlet and read all its pages; the last page's link stays where one failed."""
        path = f"/adminapi/beta/{self._credential.tenant_id}/InvokeCommand"
        if select:
            path += f"?$select={','.join(select)}"
        body = {"CmdletInput": {"CmdletName": cmdlet, "Parameters": dict(parameters)}}
        call = f"{json.dumps(body, sort_keys=True)} {path.partition('?')[2]}"
        first = self._ask("POST", path, call=call, body=body)
        return self._whole(first, body) if first.next_link else first

    def exported_cmdlets(self) -> frozenset[str]:
        """Which cmdlets this application may call (the EXOModuleFile preflight)."""
        path = f"/adminapi/v1.0/{self._credential.tenant_id}/EXOModuleFile?Version=3.9.2"
        found = self._ask("GET", path, headers={"CommandName": "*"})
        names = (str(row.get("exportedCmdlets") or "") for row in found.rows)
        return frozenset(n.strip() for text in names for n in text.split(",") if n.strip())

    def _whole(self, first: Page, body: Mapping[str, Any]) -> Page:
        rows, warnings, link, seen = list(first.rows), list(first.warnings), first.next_link, 1
        while link and seen < MOST_PAGES and self._cloud.owns(link):
            try:
                further = self._ask("POST", _path(link), body=body)
            except ExchangeError:
                break  # measured: the link is bound to a back end and often unusable app-only
            rows += further.rows
            # The first page's warning that there is more is answered by the page that follows.
            warnings, link, seen = list(further.warnings), further.next_link, seen + 1
        return Page(rows=tuple(rows), next_link=link, warnings=tuple(warnings))

    # ---- patience ------------------------------------------------------------------------

    def _ask(self, method: str, path: str, call: str = "", **given: Any) -> Page:
        for attempt in range(1, TRIES + 1):
            try:
                return marked(call, self._send(method, path, **given), self._known)
            except ExchangeError as problem:
                self._after(problem, attempt)
        raise ExchangeError("unavailable", "Every try failed.", permanent=False)

    def _after(self, problem: ExchangeError, attempt: int) -> None:
        """Make the next try possible, or let the problem out."""
        if problem.status in (401, 403) and not self._renewed:
            # A token carries the grants of its hour, and the role may be newer: once, a new one.
            self._renewed = True
            self._tokens.forget(self._cloud, self._credential)
            return
        wait = self._backoff(problem, attempt)
        late = self._waits.clock() + wait >= self._ends
        if problem.permanent or attempt >= TRIES or wait > LONGEST_WAIT or late:
            raise problem
        self._waits.sleep(wait)

    def _backoff(self, problem: ExchangeError, attempt: int) -> float:
        """Retry-After, or 1, 2, 4 ... seconds; each up to half longer, so that tenants part."""
        base = problem.retry_after if problem.retry_after is not None else 2.0 ** (attempt - 1)
        return base * (1 + self._waits.random() / 2)

    def _keep_pace(self) -> None:
        now = self._waits.clock()
        if now >= self._ends:
            raise ExchangeError("out-of-time", "The time of this fetch is over.", permanent=False)
        if now < self._next_call:
            self._waits.sleep(self._next_call - now)
        self._next_call = self._waits.clock() + self._cloud.pace

    # ---- the wire ------------------------------------------------------------------------

    def _send(self, method: str, path: str, **given: Any) -> Answer:
        answer = self._once(method, path, **given)
        while answer.status in REDIRECTS:
            self._follow(answer)  # refuses the second
            answer = self._once(method, path, **given)
        return answer

    def _follow(self, answer: Answer) -> None:
        """Move to the regional host a redirect names: once, and only within the cloud.

        Only the host is taken from it. The path, the method and the body stay ours.
        """
        location = answer.headers.get("location", "")
        if self._redirected or not self._cloud.owns(location):
            says = f"A redirect led to {location or 'nowhere'}; it was not followed."
            raise ExchangeError("redirect-refused", says, permanent=True, status=answer.status)
        self._redirected = True
        self._base = f"https://{urlsplit(location).netloc.rpartition('@')[2]}"

    def _once(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        self._keep_pace()
        token = self._tokens.token(self._cloud, self._credential)
        left = max(self._ends - self._waits.clock(), 0)
        try:
            with (
                within(min(WHOLE_ANSWER, left)),
                self._session.request(
                    method,
                    self._base + path,
                    data=json.dumps(body) if body is not None else None,
                    headers=self._headers(body, headers or {}),
                    auth=_Bearer(token),
                    timeout=(CONNECT, self._waits.silence),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                return _read(response)
        except requests.exceptions.Timeout as problem:
            raise ExchangeError("timeout", network_words(problem), permanent=False) from None
        except requests.RequestException as problem:
            raise ExchangeError("unreachable", network_words(problem), permanent=False) from None

    def _headers(self, body: Mapping[str, Any] | None, more: Mapping[str, str]) -> dict[str, str]:
        headers = {
            "Accept": "application/json",
            "User-Agent": "Mailposture",
            "X-AnchorMailbox": f"APP:{SYSTEM_MAILBOX}@{self._credential.tenant_id}",
            "X-ResponseFormat": "json",
            "Prefer": "odata.maxpagesize=1000",
            "client-request-id": str(uuid.uuid4()),
            **more,
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
            headers["X-CmdletName"] = body["CmdletInput"]["CmdletName"]
        return headers


def marked(call: str, answer: Answer, known: Collection[str]) -> Page:
    """The page an answer to this call is, with its mark; unread where that is known."""
    if not call or answer.status != 200:
        return page(answer)
    seal = mark(call, answer.body)
    if seal in known:
        return Page(rows=(), mark=seal, unread=answer)
    return replace(page(answer), mark=seal)


def _read(response: requests.Response) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(
        status=response.status_code, headers=headers, body=body_of(response, BIGGEST_BODY)
    )


def _path(link: str) -> str:
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
