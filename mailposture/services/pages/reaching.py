"""Who may deliver to a tenant, exactly, by its configuration: numbers, sets, reasons."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.urls import reverse

from mailposture import models
from mailposture.adapters.drawings.internet import Map, draw
from mailposture.core import states
from mailposture.core.addresses import EVERYWHERE, AddressSet, counted, parse, union
from mailposture.core.attribution import BY_NAME, Assumption, decided
from mailposture.core.attribution import session as checked
from mailposture.core.attribution.gates import Rule
from mailposture.core.posture.facts import readable
from mailposture.core.reachability import (
    ANY_RECIPIENT,
    FOREIGN,
    NULL,
    OWN,
    Reach,
    Reachability,
    Region,
    reachability,
    witness,
)
from mailposture.core.verdict import Verdict
from mailposture.services import history, reached
from mailposture.services.pages import lapsing

CLASS_WORDS: Final = {FOREIGN: "foreign sender", OWN: "own sender", NULL: "null sender"}
CIDRS_SHOWN: Final = 200
RULES: Final = {
    Rule.OWN_MAIL: "taken as the tenant's own mail",
    Rule.RELAY: "relayed",
    Rule.NOT_OURS: "not for this tenant",
    Rule.RESTRICTION: "refused by a restriction",
    Rule.TLS: "refused for want of TLS",
    Rule.DIRECT_SEND: "refused by RejectDirectSend",
    Rule.DIRECTORY: "no such recipient",
    Rule.PROOF: "satisfies a restriction",
    Rule.EXCUSED: "named by a connector, so RejectDirectSend is not asked",
    Rule.NOTHING: "nothing stands in the way",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """How many may deliver: in a number and in words, with what else lets in."""

    state: str  # open, partly, closed, unknown
    number: str
    words: str
    href: str = ""
    leans: bool = False
    chosen: bool = False
    sender: str = ""

    @property
    def believed(self) -> str:
        """The state as what it is: by the configuration, not seen."""
        return "Not known" if self.state == "unknown" else f"Predicted {self.state}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """Some clients in words, and the networks that the words stand for."""

    words: str
    cidrs: tuple[str, ...] = ()
    more: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What strangers were answered at the same door: the worst of it."""

    state: str
    href: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """Some clients and how they are answered."""

    state: str
    who: Listed
    how: str
    why: str
    code: str
    connector: str
    guid: str
    assumptions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """One domain and sender class, in full."""

    domain: str
    sender_class: str
    count: Count
    by_certificate_alone: bool
    seen: Seen | None
    drawing: str
    networks: Listed
    slices: tuple[Slice, ...]
    assumptions: tuple[Assumption, ...]
    list_href: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Witnessed:
    """The smallest host that gets in and is not approved, and the way it goes."""

    address: str
    domain: str
    sender: str
    trace: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """All that the page of reachability shows."""

    read_at: datetime | None
    # What was worked out, and the domain and class that are shown: for the table (reach_table).
    reach: Reachability | None
    chosen: tuple[str, str]
    shown: Shown | None
    witness: Witnessed | None
    not_known: tuple[Assumption, ...]
    # Connectors that were not read at all: whatever is counted then means nothing.
    blind: bool = False


def load(tenant: models.Tenant, domain: str, sender_class: str, now: datetime) -> Page:
    """Work it out for the tenant as it was last read; the chosen domain and class in full."""
    configuration = history.known(tenant)
    latest = tenant.snapshots.order_by("-last_seen_at").first()
    if latest is None:
        return Page(
            read_at=None, reach=None, chosen=("", ""), shown=None, witness=None, not_known=()
        )  # fmt: skip
    reach = reachability(configuration)
    domain, sender_class = _chosen(reach, domain, sender_class)
    return Page(
        read_at=latest.last_seen_at,
        reach=reach,
        chosen=(domain, sender_class),
        shown=_shown(tenant, reach, (domain, sender_class), now) if domain else None,
        witness=None if configuration.inbound_connectors is None else _witness(tenant, reach),
        not_known=tuple(BY_NAME[name] for name in reach.rules.not_known),
        blind=configuration.inbound_connectors is None,
    )


def words(sender_class: str) -> str:
    """A class of sender as people read it."""
    return CLASS_WORDS.get(sender_class, f"sender {sender_class}")


def with_whom(sender_class: str) -> str:
    """The same with its article."""
    return f"{'an' if sender_class == OWN else 'a'} {words(sender_class)}"


def _chosen(reach: Reachability, domain: str, sender_class: str) -> tuple[str, str]:
    """What was asked for, if it exists; else the widest open one with a foreign sender."""
    if sender_class not in reach.classes:
        sender_class = FOREIGN
    if domain in reach.domains or not reach.domains:
        return domain if domain in reach.domains else "", sender_class
    return reached.widest(reach, sender_class), sender_class


# ---- words and numbers ---------------------------------------------------------------------


def named(domain: str) -> str:
    """A domain as people read it, any of them where it is not known which there are."""
    return "any accepted domain" if domain == ANY_RECIPIENT else domain


def address(tenant: models.Tenant) -> str:
    """Where the page of a tenant's reachability is."""
    return reverse("exposure_of", args=[tenant.slug])


def count(found: Reach, href: str = "", *, chosen: bool = False) -> Count:
    """How many may deliver, as the tables say it."""
    v4 = AddressSet(v4=found.addresses.v4).size
    return Count(
        state=reached.state(found),
        number=f"{v4:,}",
        words=_beside(found),
        href=href,
        leans=bool(found.assumptions),
        chosen=chosen,
    )


def _beside(found: Reach) -> str:
    """IPv6 and certificates, in words."""
    v6 = AddressSet(v6=found.addresses.v6).size
    sixth = "all of IPv6" if v6 == 1 << 128 else "no IPv6" if not v6 else f"{counted(v6)} of IPv6"
    names = found.certificates
    if not names:
        return f"{sixth}, no certificate name"
    noun = "certificate name" if len(names) == 1 else "certificate names"
    return f"{sixth}, and {len(names)} {noun}: {_few(names)}"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


# ---- one of them in full -------------------------------------------------------------------


def _shown(
    tenant: models.Tenant, reach: Reachability, chosen: tuple[str, str], now: datetime
) -> Shown:
    domain, sender_class = chosen
    found = reach.of(domain, sender_class)
    cut = tuple(slices(reach, reach.regions(domain, sender_class)))
    leans = dict.fromkeys((*found.assumptions, *(n for one in cut for n in one.assumptions)))
    return Shown(
        domain=named(domain),
        sender_class=with_whom(sender_class),
        count=count(found),
        by_certificate_alone=bool(found.certificates and not found.addresses),
        seen=_seen(tenant, domain, sender_class, now),
        drawing=drawing("reach", found, f"{words(sender_class)} to {named(domain)}"),
        networks=listed("List as CIDR", found.addresses),
        slices=cut,
        # What was not known is said above everything else.
        assumptions=tuple(BY_NAME[n] for n in leans if n not in reach.rules.not_known),
        list_href=reverse("exposure_list", args=[tenant.slug])
        + f"?domain={domain}&class={sender_class}",
    )


def drawing(key: str, found: Reach, title: str) -> str:
    """The map of what may deliver; hatched where that is not known."""
    known = found.addresses if reached.state(found) != "unknown" else None
    return draw(Map(key=key, addresses=known, title=title))


def listed(said: str, addresses: AddressSet) -> Listed:
    """The networks behind some words, as far as a page shows them."""
    cidrs = addresses.cidrs()
    return Listed(words=said, cidrs=cidrs[:CIDRS_SHOWN], more=max(0, len(cidrs) - CIDRS_SHOWN))


def _seen(tenant: models.Tenant, domain: str, sender_class: str, now: datetime) -> Seen | None:
    """The worst that strangers were answered there; None where none asked."""
    rows = lapsing.paths(now).filter(
        tenant=tenant,
        domain=domain,
        sender_class=sender_class,
        vantage_point__enabled=True,
        vantage_point__plays=models.VantagePoint.Plays.STRANGER,
        current__isnull=False,
    )
    found = list(rows)
    if not found:
        return None
    worst = states.worst(Verdict(row.counted) for row in found)
    shown = next(row for row in found if row.counted == worst)
    return Seen(state=str(worst), href=reverse("observation", args=[shown.current_id]))


def slices(reach: Reachability, regions: Iterable[Region]) -> Iterable[Slice]:
    """Every region in words, what is let in before what is refused; alike in clear: one line."""
    guids = {sight.name: sight.connector.guid for sight in reach.rules.sights}
    ordered = sorted(regions, key=lambda r: (not r.tls, not r.accepted, r.certificate is not None))
    found: dict[Slice, str] = {}
    for region in ordered:
        one = _slice(region, guids)
        how = "over TLS" if region.tls else "in clear text"
        found[one] = "with or without TLS" if one in found else how
    return [replace(one, how=how) for one, how in found.items()]


def _slice(region: Region, guids: dict[str, str]) -> Slice:
    """One region, without a word of TLS."""
    return Slice(
        state="open" if region.accepted else "closed",
        who=_who(region),
        how="",
        why=RULES[region.rule],
        code=region.code or "",
        connector=region.connector or "",
        guid=guids.get(region.connector or "", ""),
        assumptions=region.assumptions,
    )


def _who(region: Region) -> Listed:
    if region.certificate is None:
        return _from(region)
    if region.addresses == EVERYWHERE:
        return Listed(words=f"any address with a certificate of {region.certificate}")
    found = _from(region)
    return replace(found, words=f"{found.words} with a certificate of {region.certificate}")


def _from(region: Region) -> Listed:
    cidrs = region.addresses.cidrs()
    if len(cidrs) <= 3:
        return Listed(words=", ".join(cidrs))
    v4, v6 = AddressSet(v4=region.addresses.v4), AddressSet(v6=region.addresses.v6)
    said = [f"{v4.size:,} IPv4 addresses"] if v4 else []
    if v6:
        said.append("all of IPv6" if v6.v6 == EVERYWHERE.v6 else f"{counted(v6.size)} of IPv6")
    return listed(" and ".join(said), region.addresses)


def _witness(tenant: models.Tenant, reach: Reachability) -> Witnessed | None:
    """The smallest host that no approved source is, and that gets in all the same."""
    rows = tenant.sources.values_list("addresses", flat=True)
    approved = union([parse(())] + [readable(row.split()) for row in rows])
    found = witness(reach, approved)
    if found is None or found.domain == ANY_RECIPIENT:
        return None
    sender = {OWN: f"someone@{found.domain}", NULL: ""}.get(
        found.sender_class, "someone@a-foreign-domain.example"
    )
    if found.sender_class not in CLASS_WORDS:
        sender = f"someone@{found.sender_class.removeprefix('*.')}"
    asked = checked(
        source=found.address, mail_from=sender, recipient=f"postmaster@{found.domain}", tls=True
    )
    return Witnessed(
        address=found.address,
        domain=found.domain,
        sender=words(found.sender_class),
        trace=decided(reach.rules, asked).trace,
    )


def listing(tenant: models.Tenant, domain: str, sender_class: str) -> tuple[str, ...] | None:
    """Every network that may deliver; None where there is no such domain or class."""
    reach = reachability(history.known(tenant))
    if not reach.has(domain) or sender_class not in reach.classes:
        return None
    return reach.of(domain, sender_class).addresses.cidrs()
