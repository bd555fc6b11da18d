"""Why paths are Unknown, in few words and with the way out, gathered by place and cause."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mailposture.core.verdict import Cause, Verdict
from mailposture.services.pages.answers import LAPSED, UNASKED, Answer


@dataclass(frozen=True, slots=True)
class Why:
    """A cause in words: in a drawing, and as the end of "Unknown: ..."."""

    short: str
    says: str
    name_a_mailbox: bool = False


WHY: Final = {
    Cause.ONE_FRONT_END: Why(
        "one front end alone answered", "one front end alone answered; two must say the same"
    ),
    Cause.FRONT_ENDS_DISAGREE: Why("front ends disagree", "its front ends disagree"),
    Cause.SERVER_NOT_PROVEN: Why(
        "not Exchange Online's door", "not our door: what answered did not prove its name"
    ),
    Cause.NO_ANSWER: Why("no answer", "nothing answered"),
    Cause.NOT_TRIED: Why("no endpoint known", "no endpoint could be asked"),
    Cause.RECIPIENT_UNKNOWN: Why(
        "probe recipient unknown", "the probe recipient does not exist", name_a_mailbox=True
    ),
    Cause.RECIPIENT_RESTRICTED: Why(
        "probe recipient restricted", "the probe recipient takes mail from few", name_a_mailbox=True
    ),
    Cause.REPUTATION: Why("address on a block list", "the probing address is on a block list"),
    Cause.SENDER_AUTHENTICATION: Why(
        "sender not authenticated", "the sender did not prove itself by SPF, DKIM or DMARC"
    ),
    Cause.THROTTLED: Why("throttled", "the server limits how much it takes from there"),
    Cause.GREYLISTED: Why("greylisted", "the server asks newcomers to come back"),
    Cause.TENANT_PROBLEM: Why("the tenant's own trouble", "the tenant's state stands in the way"),
    Cause.TLS_REQUIRED: Why("TLS demanded", "TLS is demanded and could not be set up"),
    Cause.TEMPORARY: Why("a passing trouble", "the service had a passing trouble"),
    Cause.WRONG_ENTRANCE: Why("another entrance", "this entrance serves another region"),
    Cause.RELAY_DENIED: Why("relay denied", "the service takes no mail for the domain from there"),
    Cause.REJECT_DIRECT_SEND: Why(
        "RejectDirectSend answered", "RejectDirectSend answered, which closes own senders only"
    ),
    LAPSED: Why("older than a day", "the last answer is older than a day"),
    UNASKED: Why("not asked yet", "not asked yet"),
}
OTHER: Final = Why("a reply that decides nothing", "the reply decides nothing")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """One reason of Unknown answers, for the key of the matrix."""

    says: str
    places: tuple[str, ...]
    count: int
    name_a_mailbox: bool

    @property
    def words(self) -> str:
        """After "Unknown: "."""
        where = ", ".join(self.places[:2]) + (" and others" if len(self.places) > 2 else "")
        paths = f"{self.count} path{'s' if self.count > 1 else ''}"
        return f"{self.says} ({where}, {paths})"


def why(answer: Answer) -> Why:
    """The cause of one Unknown answer in words; a silent place explains an old or missing one."""
    if answer.cause in (LAPSED, UNASKED) and not answer.place.health.clear:
        said = (s[:1].lower() + s[1:] for s in answer.place.health.says.rstrip(".").split(". "))
        return Why("vantage point blind", f"the vantage point sees nothing: {', '.join(said)}")
    if answer.cause == Cause.NO_ANSWER and answer.reason:
        # A port that is blocked is not a server that keeps silent: how it ended tells them apart.
        ended = answer.reason.split(". ")[0].rstrip(".")
        return Why(WHY[Cause.NO_ANSWER].short, f"{ended[:1].lower()}{ended[1:]}")
    return WHY.get(answer.cause, OTHER)


def gather(answers: Iterable[Answer]) -> list[Reason]:
    """The reasons of all Unknown answers, the commonest first; of equals what broke last."""
    found: dict[Why, list[Answer]] = {}
    for a in answers:
        if a.verdict is Verdict.UNKNOWN:
            found.setdefault(why(a), []).append(a)
    ordered = sorted(
        found.items(), key=lambda item: (len(item[1]), max(map(_broke, item[1]))), reverse=True
    )
    return [
        Reason(
            says=reason.says,
            places=tuple(dict.fromkeys(a.place.name for a in held)),
            count=len(held),
            name_a_mailbox=reason.name_a_mailbox,
        )
        for reason, held in ordered
    ]


def _broke(answer: Answer) -> datetime:
    """When an answer became Unknown; one that never came says nothing of that."""
    ended = answer.seen_at if answer.cause == LAPSED else answer.first_at
    return ended or datetime.min.replace(tzinfo=UTC)
