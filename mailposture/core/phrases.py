"""The words by which controls give themselves away, in lower case and with one blank between.

They are phrases of kinds of servers, not lines of a corpus: what `marks` joins with a status.
"""

from typing import Final


def any_of(*phrases: str) -> str:
    """Any of these, each from the beginning of a word."""
    return rf"\b(?:{'|'.join(phrases)})"


SIGN_IN: Final = any_of(
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
OUT_OF_TURN: Final = any_of(
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
NOT_THERE: Final = any_of(
    r"(?:cannot|can't|could not|unable to|failed to) connect\b",
    r"connect error\b",
    r"connection (?:timed out|refused)",
    r"no route to host",
    r"network is unreachable",
)
NAME_LOOKUP: Final = any_of(
    r"host or domain name not found",
    r"name service error",
)
NO_DOMAIN: Final = any_of(
    r"dns (?:domain|query|lookup|error)",
    r"non-?existent ?domain",
    r"nxdomain",
)
GUARD: Final = any_of(
    r"firewall\b",
    r"anti-?virus\b",
    r"(?:avast|avg|kaspersky|bitdefender|eset|norton|zscaler)\b",
)
TENANT_RULE: Final = any_of(
    r"transport\.rules\b",
    r"rejected by (?:your |the )?organi[sz]ation",
    r"mail ?-?flow rule",
    r"transport rule",
)
PARTNER: Final = any_of(
    r"tenantinboundattribution\b",
    r"partner connector\b",
    r"restrictdomainsto",
    r"inbound connector",
    r"^rejecting\b",
)
PARTNER_ALONE: Final = any_of(
    r"tenantinboundattribution\b",
    r"partner connector configured\b",
    r"restrictdomainsto(?:ip|cert)",
)
BODY: Final = any_of(
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
    r"probability of spam",
    r"spam (?:content|message)",
    r"content (?:filter|restriction|policy|rejected)",
    r"attachment",
    r"headers? (?:is |are )?(?:too|size|line|field)",
    r"invalid message content",
    r"conversionfailed",
)
FULL: Final = any_of(
    r"mailbox (?:is |was )?full",
    r"over ?-?quota\b",
    r"mailbox (?:size|quota|storage)",
    r"quotaexceededexception",
)
LOOP: Final = any_of(
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
TENANT_STATE: Final = any_of(
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
GREY: Final = any_of(
    r"gr[ae]y-?list",
    r"internal resources? (?:is |are )?temporarily unavailable",
    r"come back (?:later|in|after|soon)",
    r"first[- ]time (?:sender|contact|seen)",
)
GREY_WAIT: Final = any_of(
    r"(?:try|retry)(?: again)? (?:in|after) \d{1,6} ?(?:s|m|h)",
    r"not yet authorized",
)
LIMIT: Final = any_of(
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
    r"unusual (?:rate|volume|number)",
)
CHANNEL: Final = any_of(
    r"starttls\b.{0,40}\b(?:required|first|needed)",
    r"must issue a starttls",
    r"starttls-not-supported",
    r"(?:tls|encryption|encrypted connection) (?:is |was )?(?:required|needed|mandatory)",
    r"(?:requires?|must (?:use|support)|needs?) (?:the use of )?(?:tls|starttls|encrypt)",
    r"tls channel",
    r"secure channel",
    r"certificate (?:validation|verif|has expired|expired|host|is not)",
    r"no client certificate",
    r"certificate-",
    r"tlsa-invalid",
    r"dnssec-invalid",
    r"untrusted ?root",
    r"(?:tls|ssl)(?: ?v?1\.\d| ?v3)?(?: and \d\.\d)? (?:is |are )?(?:temporarily )?(?:not|un)",
    r"(?:tls|ssl) (?:handshake|negotiation|session)",
    r"(?:start|initiali[sz]e) tls",
)
MEMBERS_ONLY: Final = any_of(
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
    r"unifiedgroupagent",
    r"(?:isn't|is not) a (?:group )?member",
    r"external senders (?:aren't|are not) (?:permitted|allowed)",
)
IDENTITY: Final = any_of(
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
LISTED: Final = any_of(
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
    r"(?:address|host|ip|sender|domain)\b.{0,30}\bblocked\b",
)
OWN_LIST: Final = any_of(
    r"customer block list",
    r"blocked by recipient",
    r"allow/block list",
    r"ip blocked by\b",
    r"recipient(?:'s)? organi[sz]ation\b.{0,40}\bblock",
)
NO_RELAY: Final = any_of(
    r"relay(?:ing)? (?:access )?(?:is )?(?:denied|not|prohibited|refused)",
    r"(?:unable|permitted|authori[sz]ed) to relay",
    r"(?:not|n't|no) (?:an open )?relay",
    r"tenantattribution\b",
    r"attr\d{1,3}\b",
    r"prohibited relay",
)
NOBODY: Final = any_of(
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
    r"unroute?able address",
)
PASSING: Final = any_of(
    r"temporar(?:y|ily)\b",
    r"try again later",
    r"service not (?:active|available)",
    r"deferred\b",
)
EXPIRED: Final = any_of(
    r"message expired",
    r"queue\.expired",
    r"delivery (?:time )?expired",
    r"retry time(?:out)?\b",
)
