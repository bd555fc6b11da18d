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

from mailposture.core import phrases, signs
from mailposture.core.signs import Sign

Triple = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a mark is held against: kind is "4", "5", or "" where there is no code at all."""

    kind: str
    code: int | None
    status: Triple | None
    words: str


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


MARKS: Final = (
    # Not the tenant's door, or no decision at all.
    _mark(signs.SUBMISSION, "", phrases.SIGN_IN),
    _mark(signs.SUBMISSION, "530 535 5.7.57 5.7.139 5.7.30", phrases.any_of("authenticat")),
    _mark(signs.RECIPIENT, "*.1.3 *.1.7 501", phrases.NOBODY, kinds="5"),
    _mark(signs.PROTOCOL, "500 501 502 503 504 5.5.1 5.5.2 5.5.4 5.3.3", phrases.OUT_OF_TURN),
    _mark(signs.MIDDLEBOX, "- *.4.4 *.4.3", phrases.NAME_LOOKUP),
    _mark(signs.MIDDLEBOX, "- 5.4.*", phrases.NO_DOMAIN, kinds="5"),
    _mark(signs.MIDDLEBOX, "-", phrases.NOT_THERE),
    _mark(signs.MIDDLEBOX, "", phrases.GUARD),
    _mark(signs.RULE, "", phrases.TENANT_RULE, kinds="5"),
    _mark(signs.RULE, "5.7.900-999", kinds="5"),
    # The two that close a path.
    _mark(signs.DIRECT_SEND, "5.7.68", phrases.any_of("tenantinbound", "direct ?send"), kinds="5"),
    _mark(signs.CONNECTOR, "5.7.51", phrases.PARTNER, kinds="5"),
    _mark(signs.DIRECT_SEND, _VAGUE, phrases.any_of("direct ?send (?:is )?not allowed"), kinds="5"),
    _mark(signs.CONNECTOR, _VAGUE, phrases.PARTNER_ALONE, kinds="5"),
    # The message, then the tenant, then how much and how often.
    _mark(signs.CONTENT, "*.6.* 5.7.512 *.2.3 *.3.4 5.1.20"),
    _mark(signs.MAILBOX_FULL, "*.2.2", kinds="5"),
    _mark(signs.MAILBOX_FULL, "", phrases.FULL, kinds="5"),
    _mark(signs.TEMPORARY, "", phrases.FULL, kinds="4"),
    _mark(signs.CONTENT, "", phrases.BODY),
    _mark(signs.LOOP, "5.4.6 5.4.11 5.4.12 5.4.14", kinds="5"),
    _mark(signs.LOOP, "", phrases.LOOP),
    _mark(signs.THROTTLED, "*.7.232-233"),
    _mark(signs.TENANT, "5.7.700-749 5.7.750 5.3.190", kinds="5"),
    _mark(signs.TENANT, "", phrases.TENANT_STATE),
    _mark(signs.OLD_EXCHANGE, "*.7.230"),
    _mark(signs.OLD_EXCHANGE, "", phrases.any_of("version is out-?of-?date")),
    _mark(signs.GREYLISTED, "", phrases.GREY),
    _mark(signs.THROTTLED, "4.7.500-700 4.7.850-899 *.2.121-122 5.1.90 5.7.508"),
    _mark(signs.THROTTLED, "", phrases.LIMIT),
    _mark(signs.THROTTLED, "", phrases.any_of("too many recipients"), kinds="5"),
    _mark(signs.GREYLISTED, "", phrases.GREY_WAIT, kinds="4"),
    # The channel and the sender.
    _mark(signs.TLS, "4.7.66 *.7.10 *.7.320-325 523 538"),
    _mark(signs.TLS, "*.7.5", phrases.any_of("certificate", "tls")),
    _mark(signs.TLS, "", phrases.CHANNEL),
    _mark(signs.TLS, "", kinds="4", stage="starttls"),
    _mark(signs.RECIPIENT_RESTRICTED, "5.7.12 5.7.13 5.7.120-138 *.7.2"),
    _mark(signs.RECIPIENT_RESTRICTED, "", phrases.MEMBERS_ONLY, kinds="5"),
    _mark(signs.SENDER_AUTH, "*.7.20-27 5.7.509-510 5.7.515"),
    _mark(signs.SENDER_AUTH, "", phrases.IDENTITY),
    _mark(signs.TENANT_LIST, "5.7.507 5.7.513"),
    _mark(signs.TENANT_LIST, "", phrases.OWN_LIST),
    _mark(signs.REPUTATION, "5.7.501-503 5.7.506 5.7.511 5.7.606-649"),
    _mark(signs.REPUTATION, "", phrases.LISTED),
    # The recipient.
    _mark(signs.RELAY, "5.7.64", kinds="5"),
    _mark(signs.RELAY, "", phrases.NO_RELAY, kinds="5"),
    _mark(signs.RECIPIENT, "5.7.504 5.7.505", kinds="5"),
    _mark(signs.RECIPIENT, "", phrases.NOBODY, kinds="5"),
    # What is left: passing trouble, then a status that had no words of its own.
    _mark(signs.WRONG_REGION, "4.4.62"),
    _mark(signs.TEMPORARY, "", kinds="4"),
    _mark(signs.TEMPORARY, "", phrases.EXPIRED, kinds="5"),
    _mark(signs.TEMPORARY, "-", phrases.PASSING, kinds="4"),
    _mark(signs.DIRECT_SEND, "5.7.68", kinds="5"),
    _mark(signs.CONNECTOR, "5.7.51", kinds="5"),
    _mark(signs.RECIPIENT, "5.1.*", kinds="5"),
)


def read(reply: Refusal, stage: str | None) -> Sign:
    """Read the first sign that a refusal bears; `signs.OTHER` where it bears none."""
    return next((mark.sign for mark in MARKS if mark.fits(reply, stage)), signs.OTHER)
