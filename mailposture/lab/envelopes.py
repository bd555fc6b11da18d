"""The Admin API's envelopes, byte for byte in shape: successes, refusals, troubles."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from mailposture.lab.messages import ODATA, Answer, as_json

Row = Mapping[str, Any]

ODATA_EXCEPTION = "Microsoft.Exchange.Admin.OData.Core.ODataServiceException"
INVOCATION = "Microsoft.Exchange.AdminApi.CommandInvocation"
NO_WARNINGS = {"adminapi.warnings@odata.type": "#Collection(String)", "@adminapi.warnings": []}
MORE_RESULTS = (
    "There are more results available than are currently displayed. "
    "To view them, increase the value for the ResultSize parameter."
)
# The resource that a 401 names is Exchange Online itself, the same in every tenant.
CHALLENGE = (
    'Bearer client_id="00000002-0000-0ff1-ce00-000000000000", trusted_issuers="...", '
    'token_types="app_asserted_user_v1 service_asserted_app_v1", '
    'authorization_uri="https://login.windows.net/common/oauth2/authorize"'
)
CONCURRENCY = (
    "You have reached the maximum number of concurrent requests per tenant. "
    "Please wait and try again"
)
SERVER = "DB3PR01A01DC003.EURPR01A001.PROD.OUTLOOK.COM"


def headers_of_success(correlation: str | None) -> dict[str, str]:
    """What the front door adds to an answer. Applications see no Rate-Limit headers here."""
    mine = str(uuid.uuid4())
    return {
        "Request-Id": mine,
        "client-request-id": correlation or mine,
        "OData-Version": "4.0",
        "OrganizationStatus": "Active",
        "X-ConcurrencyCount": "0",
        "X-CombinedAppOnlyConcurrencyCount": "0",
        "X-CalculatedBETarget": "PAXPR07MB0000.eurprd07.PROD.OUTLOOK.COM",
        "X-ExchangeVersion": "Version 15.20 (Build 7587.36)",
        "X-BackEndHttpStatus": "200,200",
    }


def rows(api: str, tenant_id: str, value: Sequence[Row], *, more: bool = False) -> dict[str, Any]:
    """A page of objects; `more` leaves a warning and a link to a page that never comes."""
    home = f"{api}/adminapi/beta/{tenant_id}"
    link = f"{home}/InvokeCommand?%24skiptoken=RFVNTVk"
    return {
        "@odata.context": f"{home}/$metadata#Collection(Exchange.GenericHashTable)",
        **({"@odata.nextLink": link} if more else {}),
        "adminapi.warnings@odata.type": "#Collection(String)",
        "@adminapi.warnings": [MORE_RESULTS] if more else [],
        "value": list(value),
    }


def exported_cmdlets(api: str, tenant_id: str, names: Sequence[str]) -> dict[str, Any]:
    """The preflight: which cmdlets this principal may run, as one comma-separated string."""
    home = f"{api}/adminapi/v1.0/{tenant_id}"
    module = {"version": "3.9.2", "exportedCmdlets": ",".join(names)}
    return {"@odata.context": f"{home}/$metadata#EXOModuleFile", "value": [module]}


def _inner(message: str, cause: str, cause_type: str) -> dict[str, Any]:
    return {
        "message": message,
        "type": ODATA_EXCEPTION,
        "stacktrace": "",
        "internalexception": {"message": cause, "type": cause_type, "stacktrace": ""},
    }


def _detail(message: str, code: str = "Client") -> list[dict[str, str]]:
    return [{"code": code, "target": "", "message": message}]


def _invalid_operation(cause: str, cause_type: str, *, detailed: bool) -> Answer:
    details = {"details": _detail(f"|{cause_type}|{cause}")} if detailed else {}
    inner = {"innererror": _inner("Invalid Operation", cause, cause_type)}
    error = {"code": "BadRequest", "message": "Invalid Operation", **details, **inner}
    return as_json({"error": error, **NO_WARNINGS}, 400)


def unknown_parameter(name: str) -> Answer:
    """400: the cmdlet has no parameter of that name."""
    cause = (
        "Parameter set cannot be resolved using the specified named parameters. "
        f"Invalid cmdlet parameters specified. {name}"
    )
    return _invalid_operation(cause, f"{INVOCATION}.AmbiguousParameterSetException", detailed=True)


def bad_value(parameter: str, value: object) -> Answer:
    """400: the value does not turn into what the parameter is."""
    cause = (
        f"Cannot process argument transformation on parameter '{parameter}'. "
        f'Cannot convert value "{value}" to type "...".'
    )
    return _invalid_operation(
        cause, f"{INVOCATION}.ParameterTransformationException", detailed=False
    )


def pagination_expired() -> Answer:
    """400: what an application gets that follows a nextLink; its token is bound to a back end."""
    cause = "Expired or Invalid pagination request. Default Expiry time is 00:30:00"
    return _invalid_operation(cause, "", detailed=False)


def unknown_cmdlet(name: str) -> Answer:
    """400: no such cmdlet. PowerShell's own words; how this door words it was never captured."""
    cause = f"The term '{name}' is not recognized as the name of a cmdlet."
    kind = "System.Management.Automation.CommandNotFoundException"
    return _invalid_operation(cause, kind, detailed=True)


def bad_request(what: str) -> Answer:
    """400: the body is no CmdletInput."""
    return _invalid_operation(what, "Microsoft.OData.ODataException", detailed=True)


def wrong_anchor(mailbox: str) -> Answer:
    """400: the routing hint leads to another tenant."""
    words = f"The x-anchor mailbox '{mailbox}' does not match the target of the request."
    return as_json({"error": {"code": "ErrorIncorrectRoutingHint", "message": words}}, 400)


def unauthorized() -> Answer:
    """401 without a body: no token, a bad one, or one without Exchange.ManageAsApp."""
    return Answer(status=401, headers={"WWW-Authenticate": CHALLENGE})


def forbidden_nul() -> Answer:
    """403 as the door says it when a role lacks: thousands of NUL bytes and not one word."""
    return Answer(status=403, headers={"Content-Type": ODATA}, body=b"\0" * 4096)


def forbidden_text(app_id: str) -> Answer:
    """403 in the words that the PowerShell module shows."""
    words = (
        f"[AuthZRequestId={uuid.uuid4()}][FailureCategory=AuthZ-CmdletAccessDeniedException] "
        f"The role assigned to application {app_id} isn't supported in this scenario. "
        "Please check online documentation for assigning correct Directory Roles to "
        "Azure AD Application for EXO App-Only Authentication."
    )
    return Answer(status=403, headers={"Content-Type": "text/plain"}, body=words.encode())


def not_in_role(cmdlet: str) -> Answer:
    """403 in JSON: the roles are known, this cmdlet is in none of them."""
    words = (
        f"The operation on cmdlet '{cmdlet}' is not present in the role definition "
        "of the current user."
    )
    error = {
        "code": "Forbidden",
        "message": "Invalid Operation",
        "details": _detail(f"|System.UnauthorizedAccessException|{words}"),
    }
    return as_json({"error": error}, 403)


def object_not_found(identity: object) -> Answer:
    """404: the good words stand in details, the inner exception says nothing."""
    useless = "Microsoft.Exchange.Management.PSDirectInvoke.DirectInvokeCmdletExecutionException"
    kind = "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException"
    words = f"The operation couldn't be performed because object '{identity}' couldn't be found"
    message = "Error executing cmdlet"
    error = {
        "code": "NotFound",
        "message": message,
        "details": _detail(f"Ex6F9304|{kind}|{words} on '{SERVER}'."),
        "innererror": _inner(message, f"Exception of type '{useless}' was thrown.", useless),
    }
    return as_json({"error": error, **NO_WARNINGS}, 404)


def too_many(retry_after: int, now: float) -> Answer:
    """429: the budget is spent."""
    reset = datetime.fromtimestamp(now, UTC) + timedelta(seconds=retry_after)
    error = {"error": {"code": "TooManyRequests", "message": "Invalid Operation"}}
    headers = {
        "Retry-After": str(retry_after),
        "Rate-Limit-Limit": "30000",
        "Rate-Limit-Remaining": "0",
        "Rate-Limit-Reset": f"{reset:%Y-%m-%dT%H:%M:%S}.{reset.microsecond // 1000:03}Z",
    }
    return as_json(error, 429, kind="application/json", headers=headers)


def unavailable(retry_after: int) -> Answer:
    """503 without a body."""
    return Answer(status=503, headers={"Retry-After": str(retry_after)})


def proxy_trouble(cmdlet: str) -> Answer:
    """500: the front door could not reach its back end; it may pass."""
    kind = "Microsoft.Exchange.Configuration.CmdletProxyException"
    words = (
        f"Error on proxy command '{cmdlet}' to server DB3PR01MB0001.EURPRD01.PROD.OUTLOOK.COM: "
        "Server version 15.20.8722.0000, Proxy method PSWS: the issue may be transient."
    )
    message = "Error executing cmdlet"
    error = {
        "code": "InternalServerError",
        "message": message,
        "details": _detail(f"|{kind}|{words}", "Server"),
        "innererror": _inner(message, "Error on proxy command", kind),
    }
    return as_json({"error": error, **NO_WARNINGS}, 500)


def concurrency(status: int) -> Answer:
    """Too much at once, in plain text, under whatever status."""
    return Answer(status=status, headers={"Content-Type": "text/plain"}, body=CONCURRENCY.encode())
