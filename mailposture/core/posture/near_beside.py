"""Trials of what stands beside the connectors: settings, rules, filters, DNS, and what was seen."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from mailposture.core.configuration import (
    Configuration,
    DomainFacts,
    MxHost,
    Organization,
    Part,
    PartStatus,
    RejectDirectSend,
    with_part,
)
from mailposture.core.hosts import plain
from mailposture.core.posture.certified import UNTRUSTED
from mailposture.core.posture.facts import Facts, Source, SourceKind, named, readable
from mailposture.core.posture.findings import Said, listed
from mailposture.core.posture.hybrid import EXPIRES, last_day
from mailposture.core.posture.mail_routing import doors
from mailposture.core.posture.near import MOST_EDITS, with_values
from mailposture.core.posture.trying import Trial, about, edited_in_place
from mailposture.core.reachability import OWN, reachability
from mailposture.core.words import exact, joined

# ---- Direct Send ---------------------------------------------------------------------------


def _rejecting(facts: Facts) -> Configuration:
    before, on = facts.configuration.organization, RejectDirectSend.ON
    after = (
        replace(before, reject_direct_send=on)
        if before
        else Organization(name="", reject_direct_send=on)
    )
    return with_values(facts.configuration, "organization", after)


def direct_send_off(facts: Facts, _said: Said) -> Iterator[Trial]:
    """RejectDirectSend on."""
    made = _rejecting(facts)
    yield Trial("RejectDirectSend were on", replace(facts, configuration=made), made)


def own_refused(facts: Facts, _said: Said) -> str | None:
    """MP-04: whether the model refuses own-domain strangers with RejectDirectSend on."""
    after = reachability(_rejecting(facts))
    known = named(after)
    if not facts.strangers or any(after.of(d, OWN).addresses - known for d in after.domains):
        return None
    return "Would be closed to own-domain senders, by the model, if RejectDirectSend were on."


# ---- MX ------------------------------------------------------------------------------------


def mx_moved(facts: Facts, _said: Said) -> Iterator[Trial]:
    """The few MX hosts that lead astray left out, or leading to a gateway."""
    seen = facts.configuration.domain_facts or ()
    astray = [(one.domain, h) for one in seen for h in one.mx or () if _astray(facts, one, h)]
    approved = (s for s in facts.sources if s.kind is SourceKind.GATEWAY and s.set)
    source = next(approved, None)
    gateway = source.set.first() if source else None
    if not astray or len(astray) > MOST_EDITS or source is None or gateway is None:
        return
    names = joined([f"{host.host} were no MX of {domain}" for domain, host in astray])
    if all(any(not _astray(facts, one, h) for h in one.mx or ()) for one in seen if one.mx):
        yield _with_mx(facts, names, [replace(one, mx=_kept(facts, one)) for one in seen])
    names = joined([f"the MX of {domain}" for domain in dict.fromkeys(d for d, _ in astray)])
    led = [replace(one, mx=_led(facts, one, gateway)) for one in seen]
    yield _with_mx(facts, f"{names} led to {source.name}, an approved gateway", led)


def _astray(facts: Facts, one: DomainFacts, host: MxHost) -> bool:
    initial = one.domain.casefold().endswith(".onmicrosoft.com")
    return not initial and bool(readable(host.addresses) - facts.gateways)


def _kept(facts: Facts, one: DomainFacts) -> tuple[MxHost, ...] | None:
    return None if one.mx is None else tuple(h for h in one.mx if not _astray(facts, one, h))


def _led(facts: Facts, one: DomainFacts, gateway: str) -> tuple[MxHost, ...] | None:
    if one.mx is None:
        return None
    return tuple(replace(h, addresses=(gateway,)) if _astray(facts, one, h) else h for h in one.mx)


def _with_mx(facts: Facts, words: str, seen: list[DomainFacts]) -> Trial:
    made = with_values(facts.configuration, "domain_facts", tuple(seen))
    return Trial(words, replace(facts, configuration=made))


# ---- filtering -----------------------------------------------------------------------------


def filtered(facts: Facts, said: Said) -> Iterator[Trial]:
    """A rule bound to approved addresses, or off; an allow list without the others."""
    rules = facts.configuration.transport_rules or ()
    for rule in (r for r in rules if r.guid == said.subject):
        bound = (readable(rule.sender_ip_ranges) & facts.everyone_approved).cidrs()
        ways: list[tuple[str, dict[str, Any]]] = []
        if bound:
            ways.append((f"were bound to {listed(bound)}", {"sender_ip_ranges": bound}))
        ways.append(("were turned off", {"state": "Disabled"}))
        for words, fields in ways:
            changed = [replace(r, **fields) if r is rule else r for r in rules]
            yield _part(facts, "transport_rules", f"rule {rule.name} {words}", changed)
    filters = facts.configuration.connection_filters or ()
    for one in (f for f in filters if f.guid == said.subject):
        odd = [e for e in one.ip_allow_list if readable([e]) - facts.everyone_approved]
        if len(odd) <= MOST_EDITS:
            kept = tuple(e for e in one.ip_allow_list if e not in odd)
            others = [replace(f, ip_allow_list=kept) if f is one else f for f in filters]
            words = f"the IP allow list of {one.name} did not list {joined(odd)}"
            yield _part(facts, "connection_filters", words, others)


def safe_list_off(facts: Facts, said: Said) -> Iterator[Trial]:
    """A connection filter that does not trust the safe list."""
    filters = facts.configuration.connection_filters or ()
    for one in (f for f in filters if f.guid == said.subject):
        changed = [replace(f, enable_safe_list=False) if f is one else f for f in filters]
        yield _part(facts, "connection_filters", f"{one.name} had EnableSafeList off", changed)


def _part(facts: Facts, part: str, words: str, values: list[Any]) -> Trial:
    made = with_values(facts.configuration, part, tuple(values))
    return Trial(words, replace(facts, configuration=made))


def skipped_less(facts: Facts, said: Said) -> Iterator[Trial]:
    """Enhanced Filtering that looks past approved addresses alone."""
    connector = about(facts, said)
    if connector is None:
        return
    kept = (readable(connector.ef_skip_ips) & facts.everyone_approved).cidrs()
    if connector.ef_skip_last_ip:
        yield edited_in_place(facts, connector, "had EFSkipLastIP off", ef_skip_last_ip=False)
    words = f"had {listed(kept)} alone in EFSkipIPs" if kept else "had no EFSkipIPs"
    both = f"had EFSkipLastIP off and {words.removeprefix('had ')}"
    if not connector.ef_skip_last_ip:
        yield edited_in_place(facts, connector, words, ef_skip_ips=kept)
    else:
        yield edited_in_place(facts, connector, both, ef_skip_last_ip=False, ef_skip_ips=kept)


# ---- certificates of sources ---------------------------------------------------------------

LONG: Final = timedelta(days=EXPIRES[-1][0] + 1)


def _seen(facts: Facts, said: Said, words: str, **fields: Any) -> Iterator[Trial]:
    """The certificate of the source that the finding is about, with these facts."""
    for source in facts.sources:
        if source.name == said.subject and source.certificate:
            changed = replace(source, certificate=replace(source.certificate, **fields))
            sources = tuple(changed if s is source else s for s in facts.sources)
            yield Trial(words.format(source.name), replace(facts, sources=sources))


def renewed(facts: Facts, said: Said) -> Iterator[Trial]:
    """A certificate that ends later than the last warning."""
    if facts.at:
        end = facts.at + LONG
        words = "the certificate of {} ended no earlier than " + exact(end)
        yield from _seen(facts, said, words, not_after=end)


def usable(facts: Facts, said: Said) -> Iterator[Trial]:
    """A certificate with the clientAuth usage, renewed before its authority gives it no more."""
    yield from _seen(facts, said, "the certificate of {} bore clientAuth", client_auth=True)
    for source in facts.sources:
        if source.name == said.subject and (end := _last_end(source)):
            words = "the certificate of {} ended before " + exact(end)
            yield from _seen(facts, said, words, client_auth=True, not_after=end - timedelta(1))


def trusted(facts: Facts, said: Said) -> Iterator[Trial]:
    """A certificate of a public authority."""
    name = said.subject.removesuffix(UNTRUSTED)
    words = "the certificate of {} led to a public authority"
    yield from _seen(facts, replace(said, subject=name), words, untrusted="")


def _last_end(source: Source) -> datetime | None:
    return last_day(source.certificate) if source.certificate else None


# ---- recipients, families ------------------------------------------------------------------


def guards_all(facts: Facts, said: Said) -> Iterator[Trial]:
    """A lock that names no domains, or a domain that takes no subdomains."""
    for connector in facts.enabled:
        if connector.is_partner and connector.associated_accepted_domains:
            words = "named no AssociatedAcceptedDomains"
            yield edited_in_place(facts, connector, words, associated_accepted_domains=())
    domains = facts.configuration.accepted_domains or ()
    for one in (d for d in domains if plain(d.domain_name) == said.subject):
        changed = [replace(d, match_sub_domains=False) if d is one else d for d in domains]
        words = f"{one.domain_name} had MatchSubDomains off"
        yield _part(facts, "accepted_domains", words, changed)


def ipv4_alone(facts: Facts, _said: Said) -> Iterator[Trial]:
    """An endpoint without IPv6 addresses."""
    known = facts.observed.endpoint_addresses
    kept = tuple(text for text in (doors(facts) if known is None else known) if ":" not in text)
    yield Trial(
        "the endpoint had no IPv6 address",
        replace(facts, observed=replace(facts.observed, endpoint_addresses=kept)),
    )


# ---- what was seen -------------------------------------------------------------------------


def fresher(facts: Facts, said: Said) -> Iterator[Trial]:
    """A tenant that was read, asked and seen lately enough."""
    seen, at = facts.observed.evidence, facts.at
    if seen is None or at is None:
        return
    ways: dict[str, tuple[str, dict[str, Any]]] = {
        "reading": (
            f"the configuration had been read since {exact(at - seen.reading_counts)}",
            {"read_at": at},
        ),
        "answers": (
            f"the domains had been asked since {exact(at - seen.answer_counts)}",
            {"asked_at": at},
        ),
        "probes": (f"{listed(seen.blind)} saw an answer", {"blind": ()}),
    }
    if said.subject in ways:
        words, fields = ways[said.subject]
        young = replace(facts.observed, evidence=replace(seen, **fields))
        held = facts.configuration
        parts = tuple(replace(part, read_at=None) for part in held.parts)
        yield Trial(words, replace(facts, observed=young, configuration=replace(held, parts=parts)))
    if said.subject == "parts":
        yield _whole(facts)


def _whole(facts: Facts) -> Trial:
    made = facts.configuration
    for name in made.not_known:
        held = getattr(made, name) if getattr(made, name) is not None else ()
        made = with_part(made, Part(name=name, status=PartStatus.OK), held)
    parts = joined([name.replace("_", " ") for name in facts.configuration.not_known])
    return Trial(f"{parts} were read whole", replace(facts, configuration=made))


def settled(facts: Facts, _said: Said) -> Iterator[Trial]:
    """Changes that probes have verified, and somebody has explained where nobody did."""
    changes = facts.observed.changes or ()
    odd = [c for c in changes if c.verified is False or c.explained is False]
    done = tuple(replace(c, verified=True, explained=True) for c in changes)
    each = "it" if len(odd) == 1 else "each of them"
    ways = [f"probes had shown what {each} did"] * any(c.verified is False for c in odd)
    ways += [f"somebody had explained {each}"] * any(c.explained is False for c in odd)
    trial = replace(facts, observed=replace(facts.observed, changes=done))
    yield Trial(joined(ways), trial)


def excepted(facts: Facts, said: Said) -> Iterator[Trial]:
    """An exception that somebody approved, with an end that is to come."""
    held = facts.observed.exceptions or ()
    if facts.at is None:
        return
    end = facts.at + timedelta(days=90)
    ways: tuple[tuple[str, dict[str, Any]], ...] = (
        ("somebody approved it", {"approved": True}),
        (f"it ended on {end:%Y-%m-%d}", {"expires_at": end}),
        (
            f"somebody approved it anew until {end:%Y-%m-%d}",
            {"approved": True, "expires_at": end},
        ),
    )
    for words, fields in ways:
        changed = tuple(replace(e, **fields) if e.key == said.subject else e for e in held)
        yield Trial(words, replace(facts, observed=replace(facts.observed, exceptions=changed)))
