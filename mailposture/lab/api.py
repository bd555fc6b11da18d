"""The lab's Exchange Admin API: InvokeCommand and the preflight, over the world's rows."""

import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mailposture.lab import apifaults, cmdlets, envelopes
from mailposture.lab.cmdlets import CmdletError
from mailposture.lab.messages import Answer, Request, as_json
from mailposture.lab.tokens import BY_SECRET, TokenError, Tokens
from mailposture.lab.world import MANAGE_AS_APP, Tenant, World

# Clients write both adminapi and AdminApi, and so does the service.
INVOKE = re.compile(r"/adminapi/beta/([^/]+)/InvokeCommand", re.IGNORECASE)
PREFLIGHT = re.compile(r"/adminapi/v1\.0/([^/]+)/EXOModuleFile", re.IGNORECASE)
PREFLIGHT_NAME = "EXOModuleFile"
PAGE_SIZE = re.compile(r"odata\.maxpagesize=(\d+)")


@dataclass(frozen=True)
class Call:
    """One call that got as far as a tenant, for those who ask what was called."""

    tenant: str
    cmdlet: str
    status: int


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who calls, proved by a token, and on which tenant."""

    tenant: Tenant
    app_id: str
    wids: frozenset[str]

    @property
    def cmdlets(self) -> frozenset[str]:
        """What this caller's directory roles let it run: the roles of the token, not of now."""
        return frozenset().union(*(cmdlets.ALLOWED.get(wid, frozenset()) for wid in self.wids))


@dataclass
class AdminApi:
    """Answers for `base`, which is also the audience of its tokens; `region` is its other host."""

    world: World
    tokens: Tokens
    base: str
    region: str
    clock: Callable[[], float]
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=1000))

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request that is ours, or None."""
        for pattern, method, run in (
            (INVOKE, "POST", self._invoke),
            (PREFLIGHT, "GET", self._preflight),
        ):
            found = pattern.fullmatch(request.path)
            if found and request.method == method:
                return self._answered(found[1], request, run)
        return None

    def _answered(
        self, name: str, request: Request, run: Callable[[Caller, Request], Answer]
    ) -> Answer:
        try:
            caller = self._caller(name, request)
            _check_anchor(caller.tenant, request)
            return run(caller, request)
        except CmdletError as error:
            return error.answer

    def _caller(self, name: str, request: Request) -> Caller:
        """Neither grant: 401. So also a token of another tenant, and a tenant we do not know."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        tenant = self.world.by_id(name) or self.world.by_domain(name)
        try:
            claims = self.tokens.read(token, self.base) if scheme.lower() == "bearer" else {}
        except TokenError:
            claims = {}
        granted = MANAGE_AS_APP in claims.get("roles", [])
        # A token outlives its secret by an hour at most. That hour is over when a secret expires
        # here: whoever plays the scene wants to see what comes then.
        by_secret = claims.get("appidacr") == BY_SECRET
        expired = tenant is not None and tenant.registration.secret_expired and by_secret
        if tenant is None or not granted or expired:
            raise CmdletError(envelopes.unauthorized())
        if claims["tid"] != tenant.tenant_id:
            raise CmdletError(envelopes.unauthorized())
        wids = frozenset(claims.get("wids", []))
        return Caller(tenant=tenant, app_id=claims["appid"], wids=wids)

    def _preflight(self, caller: Caller, request: Request) -> Answer:
        """Without a role, the words that the PowerShell module shows when it connects."""
        answer = self._fault(caller, PREFLIGHT_NAME, request)[1]
        if answer is None and not caller.cmdlets:
            answer = envelopes.forbidden_text(caller.app_id)
        if answer is None:
            exported = sorted(caller.cmdlets)
            document = envelopes.exported_cmdlets(self.base, caller.tenant.tenant_id, exported)
            answer = as_json(document, headers=_headers(request))
        return self._noted(caller, PREFLIGHT_NAME, answer)

    def _invoke(self, caller: Caller, request: Request) -> Answer:
        asked, parameters = _cmdlet_input(request)
        try:
            cmdlet = cmdlets.named(asked)
            answer = self._run(caller, cmdlet, parameters, request)
        except CmdletError as error:
            cmdlet, answer = asked, error.answer
        return self._noted(caller, cmdlet, answer)

    def _run(
        self, caller: Caller, cmdlet: str, parameters: Mapping[str, Any], request: Request
    ) -> Answer:
        fault, instead = self._fault(caller, cmdlet, request)
        if instead is not None:
            return instead
        if cmdlet not in caller.cmdlets:
            return envelopes.forbidden_nul()
        if request.asked("$skiptoken") is not None:
            return envelopes.pagination_expired()
        page = cmdlets.run(cmdlet, parameters, caller.tenant.rows_of(cmdlet), _page_size(request))
        kind, value = fault
        if kind == "truncated":
            page = cmdlets.Page(page.rows[: (len(page.rows) + 1) // 2], more=True)
        rows = cmdlets.select(page.rows, request.asked("$select"))
        document = envelopes.rows(request.base, caller.tenant.tenant_id, rows, more=page.more)
        answer = as_json(document, headers=_headers(request))
        return replace(answer, after=float(value or apifaults.SLOW)) if kind == "slow" else answer

    def _fault(
        self, caller: Caller, cmdlet: str, request: Request
    ) -> tuple[tuple[str, str], Answer | None]:
        """The fault this call meets, and the answer it puts in the place of ours."""
        taken = self.world.take_api_fault(caller.tenant.slug, cmdlet)
        kind, value = apifaults.parted(taken) if taken else ("", "")
        # The regional host is where a redirect leads; it sends nobody further.
        if kind not in apifaults.INSTEAD or (kind == "redirect" and request.base == self.region):
            return (kind, value), None
        query = f"?{request.query}" if request.query else ""
        struck = apifaults.Struck(
            value=value,
            cmdlet=cmdlet,
            app_id=caller.app_id,
            now=self.clock(),
            elsewhere=f"{self.region}{request.path}{query}",
        )
        return (kind, value), apifaults.INSTEAD[kind](struck)

    def _noted(self, caller: Caller, cmdlet: str, answer: Answer) -> Answer:
        self.calls.append(Call(caller.tenant.slug, cmdlet, answer.status))
        return answer


def _headers(request: Request) -> dict[str, str]:
    return envelopes.headers_of_success(request.headers.get("client-request-id"))


def _page_size(request: Request) -> int:
    found = PAGE_SIZE.search(request.headers.get("prefer", ""))
    return max(1, min(int(found[1]), cmdlets.PAGE)) if found else cmdlets.PAGE


def _check_anchor(tenant: Tenant, request: Request) -> None:
    """A routing hint may lack, but must not lead to another tenant."""
    anchor = request.headers.get("x-anchormailbox")
    if anchor is None:
        return
    place = anchor.rpartition("@")[2].lower()
    if place != tenant.tenant_id and place not in tenant.domains:
        mailbox = anchor.partition(":")[2] or anchor
        raise CmdletError(envelopes.wrong_anchor(mailbox))


def _cmdlet_input(request: Request) -> tuple[str, Mapping[str, Any]]:
    """The cmdlet and its parameters; they must be an object, null will not do."""
    try:
        given = json.loads(request.body)["CmdletInput"]
        name, parameters = given["CmdletName"], given.get("Parameters", {})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CmdletError(envelopes.bad_request("The request has no CmdletInput.")) from error
    if not isinstance(name, str) or not isinstance(parameters, dict):
        raise CmdletError(envelopes.bad_request("CmdletInput is not what it should be."))
    return name, {key: value for key, value in parameters.items() if "@" not in key}
