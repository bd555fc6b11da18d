"""The table of marks: by what status and what words a reply shows which control answered.

Read it from the top: the first mark that fits wins. A mark is a status *and* a phrase, because
one status has several meanings (5.4.1, 5.7.1) and one phrase several statuses. Where Microsoft
gave a status to one control only, the status is enough; those without words come last, so that
words which say something else are heard first.

A status is written as `5.7.51`, `5.7.606-649`, `*.7.25`, `5.1.*`, `535` (a basic code), or `-`
for a reply without an enhanced status code. Words are matched in lower case, one blank between.
"""

import re
from dataclasses import dataclass
from typing import Final

from mailposture.core import signs
from mailposture.core.signs import Sign

Triple = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a mark is held against: kind is "4", "5", or "" where there is no code at all."""

    kind: str
    code: int | None
    status: Triple | None
    words: str


def _any(*phrases: str) -> str:
    """Any of these, each from the beginning of a word."""
    return rf"\b(?:{'|'.join(phrases)})"


# A refusal with any of these codes leaves it to its words.
_VAGUE: Final = "- 5.0.0 5.0.350 5.7.0 5.7.1"


@dataclass(frozen=True, slots=True)
class Status:
    """One pattern of the table: a basic code, a range of enhanced codes, or none at all."""

    code: int | None
    ranges: tuple[tuple[int, int], ...]

    def covers(self, code: int | None, status: Triple | None) -> bool:
        """Whether a reply with these codes is meant."""
        if self.code is not None:
            return code == self.code
        if status is None or not self.ranges:
            return status is None and not self.ranges
        return all(low <= n <= high for (low, high), n in zip(self.ranges, status, strict=True))


@dataclass(frozen=True, slots=True)
class Mark:
    """One row: what a reply must bear for this sign to be read in it."""

    sign: Sign
    statuses: tuple[Status, ...]
    phrase: re.Pattern[str] | None
    kinds: str
    stage: str | None

    def fits(self, reply: Refusal, stage: str | None) -> bool:
        """Whether a reply bears this mark; one without any code needs the words for it."""
        if self.stage not in (None, stage) or (reply.kind and reply.kind not in self.kinds):
            return False
        if self.statuses and not any(s.covers(reply.code, reply.status) for s in self.statuses):
            return False
        if self.phrase is None:
            return bool(reply.kind)
        return self.phrase.search(reply.words) is not None


def _status(pattern: str) -> Status:
    if pattern == "-":
        return Status(None, ())
    if "." not in pattern:
        return Status(int(pattern), ())
    return Status(None, tuple(_range(part) for part in pattern.split(".")))


def _range(part: str) -> tuple[int, int]:
    if part == "*":
        return 0, 999
    low, _, high = part.partition("-")
    return int(low), int(high or low)


def _mark(
    sign: Sign, statuses: str, phrase: str = "", *, kinds: str = "45", stage: str | None = None
) -> Mark:
    pattern = re.compile(phrase) if phrase else None
    return Mark(sign, tuple(map(_status, statuses.split())), pattern, kinds, stage)


_SIGN_IN: Final = _any(
    r"client (?:was |is )?not authenticated",
    r"authentication unsuccessful",
    r"smtpclientauthentication",
    r"basic authentication is",
    r"sendasdenied",
    r"to send as\b",
    r"unrecogni[sz]ed authentication",
    r"authentication (?:failed|mechanism|credentials|data)",
    r"must (?:first )?authenticate",
    r"smtp;? authentication is required",
)
_OUT_OF_TURN: Final = _any(
    r"unrecogni[sz]ed",
    r"not (?:recogni[sz]ed|implemented|supported)",
    r"unknown command",
    r"(?:bad|out of) sequence",
    r"need (?:mail|rcpt|helo|ehlo)",
    r"send (?:hello|helo|ehlo)",
    r"only one starttls",
    r"already specified",
    r"invalid (?:domain name|argument|parameter|command)",
    r"syntax error",
    r"line too long",
    r"improper",
    r"helo first",
    r"command not",
)
_NOT_THERE: Final = _any(
    r"(?:cannot|can't|could not|unable to|failed to) connect\b",
    r"connect error\b",
    r"connection (?:timed out|refused)",
    r"no route to host",
    r"network is unreachable",
)
_NAME_LOOKUP: Final = _any(
    r"host or domain name not found",
    r"name service error",
)
_NO_DOMAIN: Final = _any(
    r"dns (?:domain|query|lookup|error)",
    r"non-?existent ?domain",
    r"nxdomain",
)
_GUARD: Final = _any(
    r"firewall\b",
    r"anti-?virus\b",
    r"(?:avast|avg|kaspersky|bitdefender|eset|norton|zscaler)\b",
)
_TENANT_RULE: Final = _any(
    r"transport\.rules\b",
    r"rejected by (?:your |the )?organi[sz]ation",
    r"mail ?-?flow rule",
    r"transport rule",
)
_PARTNER: Final = _any(
    r"tenantinboundattribution\b",
    r"partner connector\b",
    r"restrictdomainsto",
    r"inbound connector",
    r"^rejecting\b",
)
_PARTNER_ALONE: Final = _any(
    r"tenantinboundattribution\b",
    r"partner connector configured\b",
    r"restrictdomainsto(?:ip|cert)",
)
_BODY: Final = _any(
    r"mime ?part",
    r"invalid mime",
    r"mime content",
    r"bare (?:line ?feed|lf\b|newline)",
    r"message (?:size|length|header|content|body|contains)",
    r"message (?:is )?too (?:large|big|long)",
    r"size ?limit",
    r"message exceeds",
    r"policy violation detected",
    r"rfc ?-?5322",
    r"rfc ?-?2822",
    r"multiple from\b",
    r"(?:virus|malware)\b",
    r"as spam\b",
    r"spam (?:content|message)",
    r"content (?:filter|restriction|policy|rejected)",
    r"attachment",
    r"headers? (?:is |are )?(?:too|size|line|field)",
    r"invalid message content",
    r"conversionfailed",
)
_FULL: Final = _any(
    r"mailbox (?:is |was )?full",
    r"over ?-?quota\b",
    r"mailbox (?:size|quota|storage)",
    r"quota ?exceeded; mailbox",
)
_LOOP: Final = _any(
    r"hop count exceeded",
    r"mail loop",
    r"(?:routing|forwarding) loop",
    r"loop(?:ing)? detected",
    r"loops? back",
    r"too many hops",
    r"message depth exceeded",
    r"attr34\b",
    r"resolver\.fwd\.loop",
)
_TENANT_STATE: Final = _any(
    r"no mail-enabled subscription",
    r"attr5\b",
    r"bad inbound connector",
    r"unregistered domains?\b",
    r"tenant has exceeded",
    r"licen[cs]e",
    r"subscription (?:has |is )?(?:expired|suspended|disabled)",
    r"traffic not accepted from this ip",
    r"journaling\b",
)
_GREY: Final = _any(
    r"gr[ae]y-?list",
    r"internal resources? (?:is |are )?temporarily unavailable",
    r"come back (?:later|in|after|soon)",
    r"first[- ]time (?:sender|contact|seen)",
)
_GREY_WAIT: Final = _any(
    r"(?:try|retry)(?: again)? (?:in|after) \d{1,6} ?(?:s|m|h)",
    r"not yet authorized",
)
_LIMIT: Final = _any(
    r"maximum\b.{0,80}\b(?:exceeded|reached)\b",
    r"exceed(?:s|ed|ing)?\b.{0,60}\b(?:limits?|quota|rate|number|maximum|connections)\b",
    r"(?:limit|quota|rate) (?:has been |was |is )?(?:exceeded|reached)",
    r"rate[- ]limit",
    r"(?:hourly|daily|connection|sending|recipient|message|thread) limit",
    r"too many (?!recipients)",
    r"too many recipients\W{1,3}as\W?\d",
    r"throttl",
    r"(?:server|agent) busy",
    r"limits? for how many",
    r"too (?:fast|frequent)",
    r"rp-00\d\b",
    r"submission quota",
)
_CHANNEL: Final = _any(
    r"starttls\b.{0,40}\b(?:required|first|needed)",
    r"must issue a starttls",
    r"starttls-not-supported",
    r"(?:tls|encryption|encrypted connection) (?:is |was )?(?:required|needed|mandatory)",
    r"(?:requires?|must (?:use|support)|needs?) (?:the use of )?(?:tls|starttls|encryption)",
    r"tls channel",
    r"secure channel",
    r"certificate (?:validation|verif|has expired|expired|host|is not)",
    r"certificate-",
    r"tlsa-invalid",
    r"dnssec-invalid",
    r"untrusted ?root",
    r"(?:tls|ssl)(?: ?v?1\.\d| ?v3)?(?: and \d\.\d)? (?:is |are )?(?:temporarily )?(?:not|un)",
    r"(?:tls|ssl) (?:handshake|negotiation|session)",
    r"(?:start|initiali[sz]e) tls",
)
_MEMBERS_ONLY: Final = _any(
    r"resolver\.rst\.",
    r"sender (?:was |is )?not ?authenticated",
    r"sendernotauthenticated",
    r"delivery restriction",
    r"restrictedto",
    r"only accepts? (?:messages?|e?-?mails?) from",
    r"accepts? (?:messages?|e?-?mails?) only from",
    r"permission to (?:e-?mail|post|send to)",
    r"not (?:authori[sz]ed|allowed|permitted) to (?:send|post|e-?mail)\b.{0,30}\b"
    r"(?:this |the |that |your )?(?:recipient|mailbox|group|list|address|user)",
    r"(?:internal|authenticated) senders? only",
    r"only (?:internal|authenticated) senders?",
)
_IDENTITY: Final = _any(
    r"spf\b",
    r"sender policy framework",
    r"dkim\b",
    r"dmarc\b",
    r"sender ?id\b",
    r"over ipv6\b",
    r"reverse[- ](?:dns|lookup|name|hostname|record|mapping)",
    r"ptr\b",
    r"rdns\b",
    r"fcrdns\b",
    r"cannot find your (?:reverse )?hostname",
    r"required authentication level",
    r"sender address rejected",
    r"domain of sender",
    r"unauthenticated (?:e-?mail|mail|sender|message)",
)
_LISTED: Final = _any(
    r"banned (?:sending|sender|ip)",
    r"block(?:ed)? ?-?list",
    r"black ?-?list",
    r"deny ?-?list",
    r"blocked using\b",
    r"spamhaus",
    r"spamcop",
    r"dns-?bl\b",
    r"rbl\b",
    r"bad (?:helo|outbound sender)",
    r"spam abuse",
    r"listed (?:in|at|by|on)\b",
    r"reputation\b",
    r"weren't sent\b",
    r"were not sent\b",
    r"client host\b.{0,60}\b(?:blocked|rejected|denied|banned)",
    r"sender (?:is )?(?:denied|blocked|banned)",
    r"blocked sender",
    r"ip (?:address )?(?:\W{1,3})?(?:is |has been |was )?(?:blocked|banned|listed)",
    r"(?:s3140|s3150)\b",
    r"(?:sc|dy|ou)-00\d\b",
    r"senderfilterconfig",
)
_OWN_LIST: Final = _any(
    r"customer block list",
    r"blocked by recipient",
    r"allow/block list",
    r"ip blocked by\b",
    r"recipient(?:'s)? organi[sz]ation\b.{0,40}\bblock",
)
_NO_RELAY: Final = _any(
    r"relay(?:ing)? (?:access )?(?:is )?(?:denied|not|prohibited|refused)",
    r"(?:unable|permitted|authori[sz]ed) to relay",
    r"(?:not|n't|no) (?:an open )?relay",
    r"tenantattribution\b",
    r"attr\d{1,3}\b",
    r"prohibited relay",
)
_NOBODY: Final = _any(
    r"recipient address(?:es)? rejected",
    r"(?:user|recipient|mailbox|address|account) (?:is |was )?"
    r"(?:unknown|unavailable|invalid|inactive|disabled|not (?:found|available|known|exist))",
    r"(?:user|recipient|mailbox|address|account)\b.{0,40}\b(?:does not|doesn't) (?:exist|have)",
    r"(?:no such|unknown|invalid|bad|banned|malformed|illegal) (?:local |destination |e-?mail )?"
    r"(?:user|recipient|mailbox|address|person)",
    r"(?:ex)?recip(?:ient)?notfound",
    r"resolver\.adr\.",
    r"(?:syntax|error) (?:error )?in (?:the )?(?:address|recipient)",
    r"recipient not found",
)
_PASSING: Final = _any(
    r"temporar(?:y|ily)\b",
    r"try again later",
    r"service not (?:active|available)",
    r"deferred\b",
)
_EXPIRED: Final = _any(
    r"message expired",
    r"queue\.expired",
    r"delivery (?:time )?expired",
    r"retry time(?:out)?\b",
)

MARKS: Final = (
    # Not the tenant's door, or no decision at all.
    _mark(signs.SUBMISSION, "", _SIGN_IN),
    _mark(signs.SUBMISSION, "530 535 5.7.57 5.7.139 5.7.30", _any("authenticat")),
    _mark(signs.RECIPIENT, "*.1.3 *.1.7 501 553", _NOBODY, kinds="5"),
    _mark(signs.PROTOCOL, "500 501 502 503 504 5.5.1 5.5.2 5.5.4 5.3.3", _OUT_OF_TURN),
    _mark(signs.MIDDLEBOX, "- *.4.4 *.4.3", _NAME_LOOKUP),
    _mark(signs.MIDDLEBOX, "- 5.4.*", _NO_DOMAIN, kinds="5"),
    _mark(signs.MIDDLEBOX, "-", _NOT_THERE),
    _mark(signs.MIDDLEBOX, "", _GUARD),
    _mark(signs.RULE, "", _TENANT_RULE, kinds="5"),
    _mark(signs.RULE, "5.7.900-999", kinds="5"),
    # The two that close a path.
    _mark(signs.DIRECT_SEND, "5.7.68", _any("tenantinbound", "direct ?send"), kinds="5"),
    _mark(signs.CONNECTOR, "5.7.51", _PARTNER, kinds="5"),
    _mark(signs.DIRECT_SEND, _VAGUE, _any("direct ?send (?:is )?not allowed"), kinds="5"),
    _mark(signs.CONNECTOR, _VAGUE, _PARTNER_ALONE, kinds="5"),
    # The message, then the tenant, then how much and how often.
    _mark(signs.CONTENT, "*.6.* 5.7.512 *.2.3 *.3.4 5.1.20"),
    _mark(signs.MAILBOX_FULL, "", _FULL, kinds="5"),
    _mark(signs.TEMPORARY, "", _FULL, kinds="4"),
    _mark(signs.CONTENT, "", _BODY),
    _mark(signs.LOOP, "5.4.6 5.4.11 5.4.12 5.4.14", kinds="5"),
    _mark(signs.LOOP, "", _LOOP),
    _mark(signs.TENANT, "5.7.700-749 5.7.750 5.3.190", kinds="5"),
    _mark(signs.TENANT, "", _TENANT_STATE),
    _mark(signs.OLD_EXCHANGE, "*.7.230"),
    _mark(signs.OLD_EXCHANGE, "", _any("version is out-?of-?date")),
    _mark(signs.GREYLISTED, "", _GREY),
    _mark(signs.THROTTLED, "4.7.500-700 4.7.850-899 *.2.121-122 5.1.90 5.7.508 *.7.232-233"),
    _mark(signs.THROTTLED, "", _LIMIT),
    _mark(signs.THROTTLED, "", _any("too many recipients"), kinds="5"),
    _mark(signs.GREYLISTED, "", _GREY_WAIT, kinds="4"),
    # The channel and the sender.
    _mark(signs.TLS, "4.7.66 *.7.10 *.7.320-325 523 538"),
    _mark(signs.TLS, "", _CHANNEL),
    _mark(signs.TLS, "", kinds="4", stage="starttls"),
    _mark(signs.RECIPIENT_RESTRICTED, "5.7.12 5.7.13 5.7.120-138 *.7.2"),
    _mark(signs.RECIPIENT_RESTRICTED, "", _MEMBERS_ONLY, kinds="5"),
    _mark(signs.SENDER_AUTH, "*.7.20-27 5.7.509-510 5.7.515"),
    _mark(signs.SENDER_AUTH, "", _IDENTITY),
    _mark(signs.TENANT_LIST, "5.7.507 5.7.513"),
    _mark(signs.TENANT_LIST, "", _OWN_LIST),
    _mark(signs.REPUTATION, "5.7.501-503 5.7.506 5.7.511 5.7.606-649"),
    _mark(signs.REPUTATION, "", _LISTED),
    # The recipient.
    _mark(signs.RELAY, "5.7.64", kinds="5"),
    _mark(signs.RELAY, "", _NO_RELAY, kinds="5"),
    _mark(signs.RECIPIENT, "5.7.504 5.7.505", kinds="5"),
    _mark(signs.RECIPIENT, "", _NOBODY, kinds="5"),
    # What is left: passing trouble, then a status that had no words of its own.
    _mark(signs.WRONG_REGION, "4.4.62"),
    _mark(signs.TEMPORARY, "", kinds="4"),
    _mark(signs.TEMPORARY, "", _EXPIRED, kinds="5"),
    _mark(signs.TEMPORARY, "-", _PASSING, kinds="4"),
    _mark(signs.DIRECT_SEND, "5.7.68", kinds="5"),
    _mark(signs.CONNECTOR, "5.7.51", kinds="5"),
    _mark(signs.RECIPIENT, "5.1.*", kinds="5"),
)


def read(reply: Refusal, stage: str | None) -> Sign:
    """Read the first sign that a refusal bears; `signs.OTHER` where it bears none."""
    return next((mark.sign for mark in MARKS if mark.fits(reply, stage)), signs.OTHER)
