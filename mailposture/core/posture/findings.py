"""What a rule is, what it says of a tenant, and how grave that is. Values only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mailposture.core.addresses import AddressSet, counted
from mailposture.core.configuration import InboundConnector
from mailposture.core.posture.facts import Facts

MOST_NAMED: Final = 5


class Result(StrEnum):
    """What is known of a requirement. Unknown is no better than not satisfied, and is no proof."""

    SATISFIED = "satisfied"
    NOT_SATISFIED = "not_satisfied"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How grave, the worst first; a finding says why."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return tuple(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Weight:
    """A severity, and in one sentence why it is that."""

    severity: Severity
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one rule says of one subject.

    `subject` tells findings of a rule apart and stays the same while the thing does: a connector's
    guid, a domain, a rule's guid; empty for the tenant as a whole. `severity` is how grave it is,
    or would be. `near_miss` is the smallest change that would do, found by trying it; where there
    is none, `no_near_miss` says why. `led_by` is the rule whose finding tells this one too: they
    have one cause, and one script ends both.
    """

    rule: str
    result: Result
    sentence: str
    severity: Severity = Severity.INFO
    because: str = ""
    subject: str = ""
    evidence: tuple[str, ...] = ()
    near_miss: str | None = None
    no_near_miss: str = ""
    led_by: str = ""
    assumptions: tuple[str, ...] = ()
    remediation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a judge says of one subject; `weight` where it is another than the rule's own."""

    result: Result
    sentence: str
    subject: str = ""
    evidence: tuple[str, ...] = ()
    weight: Weight | None = None
    assumptions: tuple[str, ...] = ()


type Judge = Callable[[Facts], Sequence[Said]]
type NearMiss = Callable[[Facts, Said], str | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its ID and title, the parts it reads, its judge, and how grave a violation is.

    The judge is called once the parts are known. `remediation` names the script or the advice that
    answers a violation.
    """

    id: str
    title: str
    reads: tuple[str, ...]
    judge: Judge
    weight: Weight
    remediation: str


# ---- what judges say -----------------------------------------------------------------------


def satisfied(sentence: str, *evidence: str, subject: str = "") -> list[Said]:
    """Nothing to object to, in one sentence."""
    said = Said(result=Result.SATISFIED, sentence=sentence, subject=subject, evidence=evidence)
    return [said]


def unknown(sentence: str, *evidence: str, subject: str = "") -> list[Said]:
    """It cannot be said, and why."""
    return [Said(result=Result.UNKNOWN, sentence=sentence, subject=subject, evidence=evidence)]


def violated(
    sentence: str,
    *evidence: str,
    subject: str = "",
    weight: Weight | None = None,
    assumptions: tuple[str, ...] = (),
) -> Said:
    """The rule is not met by this subject."""
    return Said(
        result=Result.NOT_SATISFIED,
        sentence=sentence,
        subject=subject,
        evidence=evidence,
        weight=weight,
        assumptions=assumptions,
    )


# ---- words ---------------------------------------------------------------------------------


def listed(names: Sequence[str]) -> str:
    """A few names, and how many more there are."""
    if len(names) > MOST_NAMED:
        return f"{', '.join(names[:MOST_NAMED])} and {len(names) - MOST_NAMED:,} more"
    return ", ".join(names)


def many(found: AddressSet) -> str:
    """How many addresses, each family by itself: nobody counts IPv6. Empty where there is none."""
    v4, v6 = AddressSet(v4=found.v4).size, AddressSet(v6=found.v6).size
    sixth = "all of IPv6" if v6 == 1 << 128 else f"{counted(v6)} of IPv6"
    if v4 and v6:
        return f"{counted(v4).replace(' ', ' IPv4 ')} and {sixth}"
    return sixth if v6 else counted(v4) * bool(v4)


def cidrs(found: AddressSet) -> str:
    """The networks of a set, a few of them by name."""
    return listed(found.cidrs()) or "none"


def field(name: str, value: object) -> str:
    """One setting as evidence: SenderDomains = contoso.com, fabrikam.com."""
    if isinstance(value, tuple):
        return f"{name} = {listed(value) or '(empty)'}"
    return f"{name} = {'(empty)' if value is None else value}"


def proof_of(connector: InboundConnector) -> tuple[str, ...]:
    """The fields of a connector that decide whom it lets in."""
    return (
        field("Enabled", connector.enabled),
        field("SenderDomains", connector.sender_domains),
        field("RestrictDomainsToIPAddresses", connector.restrict_domains_to_ip_addresses),
        field("SenderIPAddresses", connector.sender_ip_addresses),
        field("RestrictDomainsToCertificate", connector.restrict_domains_to_certificate),
        field("TlsSenderCertificateName", connector.tls_sender_certificate_name),
    )
