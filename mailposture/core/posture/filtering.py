"""Filtering that is waived, crossed with who may deliver: the two together are the risk.

A rule acts on mail that was taken. One that rejects or quarantines never closes the door: its
mail is *accepted, disposition by rule* (attribution.md section 11).
"""

from collections.abc import Sequence

from mailposture.core.addresses import EVERYWHERE, AddressSet
from mailposture.core.attribution.dispositions import disposition
from mailposture.core.configuration import ConnectionFilter, InboundConnector, TransportRule
from mailposture.core.posture.facts import Facts, ipv4, readable
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
from mailposture.core.posture.locks import locks, uncovered

TRUSTS = -1  # SCL: filtering is skipped

REACHED = Weight(
    Severity.CRITICAL,
    "A stranger may deliver, and what he sends is not filtered: nothing stands between.",
)
REACHED_FROM_FEW = Weight(
    Severity.HIGH, "Hosts that nobody approved may deliver, and what they send is not filtered."
)
NOT_REACHED = Weight(
    Severity.LOW, "The restriction keeps these hosts out: it matters on the day that it is lifted."
)


# ---- MP-09 ---------------------------------------------------------------------------------


def waived(facts: Facts) -> Sequence[Said]:
    """MP-09: no allow list and no SCL -1 rule for hosts beside the gateway."""
    found = [
        *(
            said
            for rule in facts.configuration.transport_rules or ()
            for said in _rule(facts, rule)
        ),
        *(
            said
            for one in facts.configuration.connection_filters or ()
            for said in _list(facts, one)
        ),
    ]
    return found or satisfied("Filtering is waived for no host beside the approved ones.")


def _rule(facts: Facts, rule: TransportRule) -> Sequence[Said]:
    if not (rule.is_enforced and rule.set_scl == TRUSTS):
        return ()
    trusted = readable(rule.sender_ip_ranges) if rule.sender_ip_ranges else EVERYWHERE
    evidence = (
        field("SetSCL", rule.set_scl),
        field("SenderIpRanges", rule.sender_ip_ranges),
        *_headers(rule),
    )
    return _compound(facts, f"Rule {rule.name}", trusted, rule.guid, evidence)


def _headers(rule: TransportRule) -> tuple[str, ...]:
    """Conditions on headers: a sender writes these himself."""
    header = rule.header_contains_message_header or rule.header_matches_message_header
    if not header:
        return ()
    words = (*rule.header_contains_words, *rule.header_matches_patterns)
    return (f"{field(header, words)}: the sender writes it himself.",)


def _list(facts: Facts, one: ConnectionFilter) -> Sequence[Said]:
    if not one.ip_allow_list:
        return ()
    evidence = (field("IPAllowList", one.ip_allow_list),)
    what = f"The IP allow list of {one.name}"
    return _compound(facts, what, readable(one.ip_allow_list), one.guid, evidence)


def _compound(
    facts: Facts, what: str, trusted: AddressSet, subject: str, evidence: tuple[str, ...]
) -> Sequence[Said]:
    """Filtering is waived for these: who of them may deliver, and is not approved?"""
    beyond = trusted - facts.everyone_approved
    exposed = beyond & facts.reachable
    if not beyond:
        return ()
    if not facts.sources and not beyond & facts.strangers:
        return unknown(
            f"{what} waives filtering for {many(beyond)}; no approved source is declared, so that"
            " none can be compared.",
            *evidence,
            subject=subject,
        )
    if not exposed:
        words = f"{what} waives filtering for {many(beyond)}, none of which may deliver."
        return [violated(words, *evidence, subject=subject, weight=NOT_REACHED)]
    words = f"{what} waives filtering, and {many(exposed)} may deliver beside the approved sources."
    every = trusted == EVERYWHERE
    seen = (*evidence, f"May deliver unfiltered: {cidrs(exposed)}.")
    weight = REACHED if every else REACHED_FROM_FEW
    return [violated(words, *seen, subject=subject, weight=weight)]


# ---- safe list, skip listing ---------------------------------------------------------------


def safe_list(facts: Facts) -> Sequence[Said]:
    """MP-41: Microsoft's safe list, whose members nobody outside Microsoft can see."""
    filters = facts.configuration.connection_filters or ()
    found = [
        violated(
            f"{one.name} trusts Microsoft's safe list, whose members are not published.",
            field("EnableSafeList", one.enable_safe_list),
            f"May deliver: {many(facts.reachable) or 'nobody'}.",
            subject=one.guid,
            weight=None if facts.strangers else NOT_REACHED,
        )
        for one in filters
        if one.enable_safe_list
    ]
    silent = [one.name for one in filters if one.enable_safe_list is None]
    if silent and not found:
        return unknown(f"Whether {listed(silent)} trusts the safe list was not said.")
    return found or satisfied("No connection filter trusts the safe list.")


def skip_listing(facts: Facts) -> Sequence[Said]:
    """MP-42: Enhanced Filtering looks past hosts that are not the gateway's."""
    found = [said for c in facts.enabled for said in _skips(facts, c)]
    return found or satisfied("Enhanced Filtering looks past no other host than approved ones.")


def _skips(facts: Facts, connector: InboundConnector) -> Sequence[Said]:
    skipped = readable(connector.ef_skip_ips)
    if connector.ef_skip_last_ip:
        skipped |= ipv4(connector.sender_ip_addresses) or EVERYWHERE
    if not skipped:
        return ()
    beyond = skipped - facts.everyone_approved
    evidence = (
        field("EFSkipLastIP", connector.ef_skip_last_ip),
        field("EFSkipIPs", connector.ef_skip_ips),
    )
    if not facts.sources and beyond:
        words = f"{connector.name} looks past {many(beyond)}; no approved source is declared."
        return unknown(words, *evidence, subject=connector.guid)
    if not (exposed := beyond & facts.reachable):
        return ()
    words = f"{connector.name} looks past {many(exposed)} that may deliver and are not approved."
    return [violated(words, *evidence, f"Looked past: {cidrs(exposed)}.", subject=connector.guid)]


# ---- a rule in the place of a lock ---------------------------------------------------------


def spares(rule: TransportRule) -> tuple[str, ...]:
    """Whom a rule that keeps strangers out lets go on."""
    headers = filter(
        None,
        (
            rule.except_if_header_contains_message_header,
            rule.except_if_header_matches_message_header,
        ),
    )
    return (*rule.except_if_sender_ip_ranges, *(f"header {name}" for name in headers))


def by_rule_alone(facts: Facts) -> Sequence[Said]:
    """MP-43: only a transport rule keeps strangers out: accepted, disposition by rule NAME."""
    keeping = [r for r in facts.configuration.transport_rules or () if disposition(r) and spares(r)]
    locked = locks(facts.configuration) and not uncovered(facts.configuration)
    if not keeping:
        return satisfied("No transport rule stands in the place of a lock.")
    if locked:
        return satisfied(f"{listed([r.name for r in keeping])} stands behind a lock.")
    return [
        violated(
            f"Accepted, disposition by rule {r.name}: mail of strangers is {disposition(r)}.",
            f"Spared: {listed(spares(r))}.",
            "A rule acts after the message was taken: the door stays open.",
            subject=r.guid,
        )
        for r in keeping
    ]
