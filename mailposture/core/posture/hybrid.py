"""The organisation's own servers: what their connectors grant, to whom, and by which certificate.

An OnPremises connector refuses nobody. What it names counts as the tenant's own: it may relay,
and may pass for internal mail (attribution.md 2.1, 3 and 3.2).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from mailposture.core.attribution import within
from mailposture.core.attribution.reading import bare
from mailposture.core.configuration import InboundConnector
from mailposture.core.hosts import plain
from mailposture.core.posture.facts import OWN_SERVERS, Facts, SeenCertificate, Source, ipv4
from mailposture.core.posture.findings import (
    Said,
    Severity,
    Weight,
    cidrs,
    field,
    listed,
    many,
    satisfied,
    unknown,
    violated,
)
from mailposture.core.posture.locks import locks
from mailposture.core.posture.shared_names import shared_name
from mailposture.core.words import exact

NO_SERVER: Final = "No hybrid server or relay is declared, so that none can be compared."


def on_premises(facts: Facts) -> list[InboundConnector]:
    """The OnPremises connectors that are turned on."""
    return [c for c in facts.enabled if not c.is_partner]


def _grants(connector: InboundConnector) -> bool:
    return bool(ipv4(connector.sender_ip_addresses) or connector.tls_sender_certificate_name)


def _servers(facts: Facts) -> list[Source]:
    return [s for s in facts.sources if s.kind in OWN_SERVERS]


# ---- MP-07 ---------------------------------------------------------------------------------


def no_wider(facts: Facts) -> Sequence[Said]:
    """MP-07: no OnPremises connector names more than the organisation's own servers."""
    granting = [c for c in on_premises(facts) if _grants(c)]
    if not granting:
        return satisfied("No OnPremises connector that is turned on names a host.")
    if not _servers(facts):
        return unknown(NO_SERVER, *(c.name for c in granting))
    found = [said for c in granting for said in _wider(facts, c)]
    return found or satisfied("Every OnPremises connector names the own servers alone.")


def _wider(facts: Facts, connector: InboundConnector) -> Iterator[Said]:
    if beyond := ipv4(connector.sender_ip_addresses) - facts.own_servers:
        theirs = [p for p in facts.published if p.microsoft and beyond & p.addresses]
        yield violated(
            f"{connector.name} takes {many(beyond)} for the organisation's own servers.",
            field("SenderIPAddresses", connector.sender_ip_addresses),
            f"Not an own server's: {cidrs(beyond)}.",
            *(f"Of {p.name}, as of {p.dated}: {cidrs(beyond & p.addresses)}." for p in theirs),
            subject=connector.guid,
            weight=FROM_THERE if theirs else None,
        )
    name = plain(connector.tls_sender_certificate_name or "")
    if name and not facts.bears(name, *OWN_SERVERS):
        yield violated(
            f"{connector.name} takes a certificate of {name} for an own server's, and no hybrid"
            " server or relay is known to show it.",
            field("TlsSenderCertificateName", name),
            subject=f"{connector.guid} certificate",
            weight=_weight_of(name),
        )


def _weight_of(name: str) -> Weight | None:
    """Graver where the name is known to be shown for others: all of them may relay."""
    shared = shared_name(name)
    if shared is None:
        return UNKNOWN_NAME
    return EVERY_TENANT if shared.microsoft else None


FROM_THERE = Weight(
    Severity.CRITICAL,
    "Any Microsoft 365 tenant sends from there: each may relay through this one.",
)
EVERY_TENANT = Weight(
    Severity.CRITICAL,
    "Exchange Online shows it for any Microsoft 365 tenant: each may relay through this one.",
)
UNKNOWN_NAME = Weight(
    Severity.MEDIUM, "The right server may show it all the same: its certificate was not declared."
)

# ---- mail that passes for internal ---------------------------------------------------------


def _beyond(facts: Facts, connector: InboundConnector) -> str:
    """Whom a connector means beside the own servers; empty where that is nobody."""
    others = ipv4(connector.sender_ip_addresses) - facts.own_servers
    name = plain(connector.tls_sender_certificate_name or "")
    foreign = f"a certificate of {name}" if name and not facts.bears(name, *OWN_SERVERS) else ""
    return " and ".join(filter(None, (many(others), foreign)))


def _flagged(facts: Facts, flag: str, name: str) -> Sequence[Said]:
    """Connectors with a setting on that means the own servers, and that mean others too."""
    on = [c for c in facts.enabled if getattr(c, flag)]
    silent = [c.name for c in facts.enabled if getattr(c, flag) is None]
    if on and not _servers(facts):
        return unknown(f"{listed([c.name for c in on])} has {name} on. {NO_SERVER}")
    found = [
        violated(
            f"{c.name} has {name} on for {others}, beyond the organisation's own servers.",
            field("ConnectorType", c.connector_type.value),
            field(name, getattr(c, flag)),
            field("SenderIPAddresses", c.sender_ip_addresses),
            field("TlsSenderCertificateName", c.tls_sender_certificate_name),
            subject=c.guid,
        )
        for c in on
        if (others := _beyond(facts, c))
    ]
    if silent and not found:
        return unknown(f"The answer did not say {name} of {listed(silent)}.")
    return found or satisfied(f"{name} is on for no host beyond the own servers.")


def internal(facts: Facts) -> Sequence[Said]:
    """MP-51: TreatMessagesAsInternal beyond the own servers."""
    return _flagged(facts, "treat_messages_as_internal", "TreatMessagesAsInternal")


def cloud_services(facts: Facts) -> Sequence[Said]:
    """MP-52: CloudServicesMailEnabled beyond the own servers."""
    return _flagged(facts, "cloud_services_mail_enabled", "CloudServicesMailEnabled")


# ---- certificates --------------------------------------------------------------------------

type Shown = tuple[Source, SeenCertificate]

# When public authorities stop to give certificates with clientAuth (attribution.md 3.2); the last
# is the day of Chrome's root programme, by which all others have to.
LAST_DAYS: Final = (
    ("let's encrypt", datetime(2026, 2, 11, tzinfo=UTC)),
    ("sectigo", datetime(2027, 2, 10, tzinfo=UTC)),
    ("digicert", datetime(2027, 3, 1, tzinfo=UTC)),
    ("", datetime(2027, 3, 15, tzinfo=UTC)),
)
# Days left -> how grave.
EXPIRES: Final = (
    (0, Weight(Severity.CRITICAL, "It has expired: its mail may be refused already.")),
    (14, Weight(Severity.HIGH, "Within two weeks its mail is no longer recognised.")),
    (30, Weight(Severity.MEDIUM, "Within a month: the renewal has to be ordered and tried.")),
    (60, Weight(Severity.LOW, "Within two months: time to plan the renewal.")),
)


def _recognised(facts: Facts) -> list[str]:
    """What is recognised by certificate: approved sources and connectors, by name."""
    by_name = [c.name for c in facts.enabled if c.tls_sender_certificate_name]
    return [*by_name, *(s.name for s in facts.sources if s.names)]


def _certificates(facts: Facts) -> list[Shown]:
    return [(s, s.certificate) for s in facts.sources if s.certificate]


def _without(facts: Facts, what: str) -> Sequence[Said]:
    """Nothing to judge: because nothing is recognised so, or because nothing was seen."""
    named = _recognised(facts)
    if not named:
        return satisfied("No host is recognised by a certificate.")
    return unknown(f"{what} is not known of the certificate that {listed(named)} goes by.")


def expiry(facts: Facts) -> Sequence[Said]:
    """MP-53: a certificate by which a source is recognised is about to expire."""
    if facts.at is None:
        return unknown("For which moment is asked is not known.")
    ends = [(s, c.not_after) for s, c in _certificates(facts) if c.not_after]
    found = [
        violated(
            f"The certificate of {source.name} {_ends(left)}.",
            f"Not after {exact(end)}.",
            f"Names: {listed(source.names)}.",
            subject=source.name,
            weight=weight,
        )
        for source, end in ends
        for left in (end - facts.at,)
        if (weight := _urgency(left))
    ]
    if found:
        return found
    if len(ends) < len(_by_certificate(facts)) or not ends:
        return _without(facts, "The end")
    return satisfied("No certificate of a source expires within 60 days.")


def _by_certificate(facts: Facts) -> list[Source]:
    return [s for s in facts.sources if s.names or s.certificate]


def _urgency(left: timedelta) -> Weight | None:
    return next((weight for days, weight in EXPIRES if left <= timedelta(days=days)), None)


def _ends(left: timedelta) -> str:
    if left <= timedelta():
        return "has expired"
    days = left.days
    return "expires today" if not days else f"expires in {days} day{'s' * (days != 1)}"


def client_auth(facts: Facts) -> Sequence[Said]:
    """MP-54: a certificate without the clientAuth usage, now or after its renewal."""
    shown = [(s, c) for s, c in _certificates(facts) if c.client_auth is not None]
    found = [said for source, seen in shown for said in _usage(source, seen, facts.at)]
    if found:
        return found
    if len(shown) < len(_by_certificate(facts)) or not shown:
        return _without(facts, "The usage")
    return satisfied("Every certificate of a source may be shown by a client.")


def _usage(source: Source, seen: SeenCertificate, at: datetime | None) -> Iterator[Said]:
    evidence = (field("Issuer", seen.issuer), f"Names: {listed(source.names)}.")
    if not seen.client_auth:
        yield violated(
            f"The certificate of {source.name} lacks the clientAuth usage; what Exchange Online"
            " does with it is not known.",
            *evidence,
            subject=source.name,
            assumptions=("client_auth_usage",),
        )
        return
    day = last_day(seen)
    if seen.not_after and seen.not_after >= day:
        yield violated(
            f"Renewed after {day.date().isoformat()}, the certificate of {source.name} comes"
            " without the clientAuth usage.",
            *evidence,
            f"Not after {exact(seen.not_after)}.",
            subject=source.name,
            weight=_last_call(day - at) if at else RENEWAL,
        )


def last_day(seen: SeenCertificate) -> datetime:
    """The day from which its authority gives no more certificates with the usage."""
    issuer = (seen.issuer or "").casefold()
    return next(day for name, day in LAST_DAYS if name in issuer)


RENEWAL = Weight(
    Severity.LOW, "Nothing happens before the renewal; that day is the dangerous one for hybrid."
)
# Days until the authority gives no more -> how grave.
LAST_CALL: Final = (
    (14, Weight(Severity.HIGH, "Two weeks are left to renew it with the usage once more.")),
    (30, Weight(Severity.MEDIUM, "A month is left to renew it with the usage once more.")),
)


def _last_call(left: timedelta) -> Weight:
    if left <= timedelta():
        return RENEWAL
    return next((weight for days, weight in LAST_CALL if left <= timedelta(days=days)), RENEWAL)


def matching(facts: Facts) -> Sequence[Said]:
    """MP-55: a hybrid server's certificate matches no OnPremises connector."""
    patterns = [plain(c.tls_sender_certificate_name or "") for c in on_premises(facts)]
    patterns = [name for name in patterns if name]
    servers = [s for s in _servers(facts) if s.certificate and s.certificate.names]
    found = [
        violated(
            f"The certificate of {source.name} bears no name that an OnPremises connector asks"
            f" for: {listed(source.certificate.names)}.",
            field("TlsSenderCertificateName", tuple(patterns)),
            subject=source.name,
        )
        for source in servers
        if source.certificate
        and not any(within(plain(n), p) for n in source.certificate.names for p in patterns)
        and not _by_address(facts, source)
    ]
    if found or servers:
        return found or satisfied("Every hybrid server's certificate is asked for by name.")
    return _without(facts, "The name") if patterns else satisfied("No server goes by a name.")


def _by_address(facts: Facts, source: Source) -> bool:
    """Whether an OnPremises connector knows all of its addresses, so that no name is needed."""
    known = [ipv4(c.sender_ip_addresses) for c in on_premises(facts)]
    return bool(source.set) and any(source.set <= one for one in known)


def literal_name(facts: Facts) -> Sequence[Said]:
    """MP-56: an OnPremises connector asks for a name that is no accepted domain."""
    found = [
        violated(
            f"{c.name} asks for a certificate of {name}; {bare(name)} is no accepted domain, so"
            " that mail from foreign senders through this server is not the tenant's own.",
            field("TlsSenderCertificateName", name),
            field("Accepted domains", tuple(sorted(facts.accepted))),
            subject=c.guid,
            weight=CUTS_OFF if locks(facts.configuration) else None,
        )
        for c in on_premises(facts)
        if (name := plain(c.tls_sender_certificate_name or "")) and bare(name) not in facts.accepted
    ]
    return found or satisfied("Every OnPremises connector asks for names the tenant accepts.")


CUTS_OFF = Weight(
    Severity.HIGH, "A lock stands: such mail meets it and is refused with 5.7.51, bounces included."
)
