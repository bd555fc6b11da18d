"""Known senders before and after a change: who would lose access, and why the others would not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mailposture import models
from mailposture.core.addresses import AddressSet, union
from mailposture.core.attribution import Decision, Rules, Session, decided
from mailposture.core.attribution import session as checked
from mailposture.core.reachability import Comparison, smallest
from mailposture.core.states import Access
from mailposture.services import assessing

MOST_HOSTS: Final = 3  # of one approved source; its networks are listed or not as a whole
DOORS: Final = {Access.GETS_IN: "open", Access.CUT_OFF: "closed", Access.UNKNOWN: "unknown"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Fare:
    """One known sender: how it fares before and after, and why."""

    name: str
    what: str
    address: str
    sender: str
    before: Access
    after: Access
    why: str
    advice: str
    assumptions: tuple[str, ...] = ()

    @property
    def door_before(self) -> str:
        """For a stranger the door is what is open or closed."""
        return DOORS[self.before]

    @property
    def door_after(self) -> str:
        """The same, after the change."""
        return DOORS[self.after]


ORDER: Final = {Access.CUT_OFF: 0, Access.UNKNOWN: 1, Access.GETS_IN: 2}


def fares(tenant: models.Tenant, comparison: Comparison) -> list[Fare]:
    """Approved sources and vantage points, cut off first, strangers last."""
    domains = comparison.after.domains
    if not domains:
        return []
    rows = [*_sources(tenant, comparison, domains[0]), *_strangers(tenant, comparison, domains[0])]
    return sorted(rows, key=lambda f: (f.what == "stranger", ORDER[f.after], f.name))


def _sources(tenant: models.Tenant, comparison: Comparison, domain: str) -> Iterator[Fare]:
    anywhere = _elsewhere(comparison)
    for row in tenant.sources.select_related("vantage_point"):
        source = assessing.source(row)
        names = source.certificate_names or (None,)
        for host in source.set.cidrs()[:MOST_HOSTS] or ("",):
            yield from _fared(
                comparison,
                name=row.name,
                what=f"approved source, {row.get_kind_display().lower()}",
                host=host.partition("/")[0] or anywhere,
                written=host or "any address",
                certificate=names[0],
                domain=domain,
            )


def _elsewhere(comparison: Comparison) -> str:
    """An address that no connector lists, for a source that is known by its certificate alone."""
    sights = [s for rules in _both(comparison) for s in rules.sights]
    listed = union([AddressSet(), *(sight.listed for sight in sights)])
    return smallest(listed.complement()) or "::"


def _strangers(tenant: models.Tenant, comparison: Comparison, domain: str) -> Iterator[Fare]:
    ids = tenant.paths.filter(retired_at=None).values("vantage_point")
    places = models.VantagePoint.objects.filter(
        pk__in=ids, plays=models.VantagePoint.Plays.STRANGER
    )
    for place in places:
        if host := place.seen_as or place.address:
            yield from _fared(
                comparison,
                name=place.name,
                what="stranger",
                host=str(host),
                written=str(host),
                certificate=place.certificate_name or None,
                domain=domain,
            )


def _fared(  # noqa: PLR0913 - one row of the table is these
    comparison: Comparison,
    *,
    name: str,
    what: str,
    host: str,
    written: str,
    certificate: str | None,
    domain: str,
) -> Iterator[Fare]:
    """How one host fares with each class of sender; classes that fare alike are one row."""
    alike: dict[tuple[Access, Access, str], list[str]] = {}
    shown: dict[tuple[Access, Access, str], Decision] = {}
    for sender_class in comparison.classes[:3]:
        asked = _asked(host, certificate, sender_class, domain)
        if asked is None:
            return
        was, now = (decided(rules, asked) for rules in _both(comparison))
        key = (_access(was), _access(now), now.connector or now.rule)
        alike.setdefault(key, []).append(sender_class)
        shown[key] = now
    for (was_in, now_in, _by), classes in alike.items():
        decision = shown[was_in, now_in, _by]
        yield Fare(
            name=name,
            what=what,
            address=written,
            sender="any sender" if len(classes) == 3 else f"{' or '.join(classes)} sender",
            before=was_in,
            after=now_in,
            why=_why(decision, was_in, now_in),
            advice=_advice(what, was_in, now_in),
            assumptions=decision.assumptions,
        )


def _both(comparison: Comparison) -> tuple[Rules, Rules]:
    return comparison.before.rules, comparison.after.rules


def _asked(host: str, certificate: str | None, sender_class: str, domain: str) -> Session | None:
    sender = {"own": f"postmaster@{domain}", "null": ""}.get(
        sender_class, "postmaster@a-foreign-domain.example"
    )
    try:
        return checked(
            source=host,
            mail_from=sender,
            recipient=f"postmaster@{domain}",
            tls=True,
            cert_name=certificate,
        )
    except ValueError:
        return None


def _access(decision: Decision) -> Access:
    if not decision.is_known:
        return Access.UNKNOWN
    return Access.GETS_IN if decision.accepted else Access.CUT_OFF


def _why(decision: Decision, was: Access, now: Access) -> str:
    """The sentence of the trace that decides, said for this host."""
    still = "Still gets in. " if was is now is Access.GETS_IN else ""
    return f"{still}{_deciding(decision)}"


def _deciding(decision: Decision) -> str:
    """The line about the connector that decided, else the last one."""
    if decision.connector:
        about = [s for s in decision.trace if s.startswith(f"{decision.connector} (")]
        if about:
            return about[-1]
    return decision.trace[-1]


def _advice(what: str, was: Access, now: Access) -> str:
    if what == "stranger":
        return ""
    if now is Access.CUT_OFF and was is not Access.CUT_OFF:
        return "Add it to the connector, or send through the gateway, before this is turned on."
    if now is Access.UNKNOWN:
        return "Probe it after each stage: the model does not know."
    return "Nothing to do." if now is Access.GETS_IN else "It is refused today as well."
