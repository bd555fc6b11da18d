"""The way to an answer in words: every connector that was considered, and why it did not apply."""

from collections.abc import Iterable, Iterator

from mailposture.core.addresses import counted
from mailposture.core.attribution.assumptions import DEFAULTS, OTHER_TENANTS
from mailposture.core.attribution.gates import (
    Answer,
    Look,
    Met,
    Rule,
    asks_direct_send,
    by_address,
    by_certificate,
    in_scope,
    proofs,
    refusing,
    shown,
)
from mailposture.core.attribution.reading import bare, below, takes
from mailposture.core.words import joined

ENDS = {
    Rule.OWN_MAIL: "Accepted as the tenant's own mail: {connector} matched.",
    Rule.RELAY: "Accepted for relay: {connector} matched, and the recipient is elsewhere.",
    Rule.NOT_OURS: "Refused with 5.7.64: neither for this tenant nor from it.",
    Rule.RESTRICTION: "Refused with 5.7.51 by {connector}.",
    Rule.TLS: "Refused for want of TLS by {connector}; no source gives the words.",
    Rule.DIRECT_SEND: "Refused with 5.7.68 by RejectDirectSend.",
    Rule.DIRECTORY: "Refused with 5.4.1: there is no such recipient.",
    Rule.PROOF: "Accepted: {connector} is satisfied.",
    Rule.EXCUSED: "Accepted: {connector} names the source, which excuses it from RejectDirectSend.",
    Rule.NOTHING: "Accepted: nothing in the configuration stands in the way.",
}


ELSEWHERE = (
    "Not to be read from here: whether an OnPremises connector of another tenant names this host"
    f" and takes the session first ({OTHER_TENANTS})."
)
TOGETHER = "Neither {} nor {} would turn this answer if it were otherwise; both would."


def trace(it: Look, answer: Answer, together: Iterable[tuple[str, str]] = ()) -> tuple[str, ...]:
    """One sentence for each thing considered, in the order of the gates, the answer last."""
    return (
        *_who(it),
        *_off(it),
        *(f"Not understood: {clause}." for clause in it.rules.unreadable),
        *(_on_premises(it, m) for m in it.met if not m.sight.is_partner),
        *_own(it),
        *_after(it, answer),
        *_elsewhere(it, answer),
        *(TOGETHER.format(*pair) for pair in together),
        ENDS[answer.rule].format(connector=answer.connector),
    )


def _elsewhere(it: Look, answer: Answer) -> Iterator[str]:
    """Another tenant can claim mail by its own sender domain and this host's IPv4 address, or by a
    certificate, whoever sends (attribution.md, 2.3 and 13.6). What is taken stays taken.
    """
    by_address = bool(it.session.sender_domain) and not it.sender_accepted
    if not answer.accepted and (shown(it.session) or (by_address and not it.session.is_ipv6)):
        yield ELSEWHERE


def _who(it: Look) -> Iterator[str]:
    session = it.session
    sender = session.mail_from or "the null sender <>"
    how = "over TLS" if session.tls else "in clear text"
    yield f"{session.source} {how}, from {sender} to {session.recipient}."
    certificate = session.certificate
    if certificate and not session.tls:
        yield "A client certificate shows itself over TLS only: it proves nothing here."
    elif certificate and not certificate.trusted:
        yield "Its certificate leads to no authority that the service trusts: it proves nothing."
    elif shown(session) and certificate:
        yield f"It shows a certificate of {joined(certificate.names)}."


def _off(it: Look) -> Iterator[str]:
    for connector in it.rules.disabled:
        yield f"{connector.name} is turned off: it is not asked."


def _on_premises(it: Look, met: Met) -> str:
    name, connector = met.sight.name, met.sight.connector
    known = it.sender_accepted or bare(met.sight.certificate) in it.accepted
    restricts = "; Restrict* has no effect on an OnPremises connector" * (
        connector.restrict_domains_to_ip_addresses or connector.restrict_domains_to_certificate
    )
    if not (met.listed or met.named):
        return f"{name} (OnPremises) {_misses(it, met)}{restricts}."
    how = "by certificate" if met.named else "by address"
    if met.named and not known:
        return (
            f"{name} (OnPremises) matches {how}, but neither {_sender(it)} nor"
            f" {bare(met.sight.certificate)} is an accepted domain{restricts}."
        )
    if not met.named and not it.sender_accepted:
        lacking = f"{_sender(it)} is no accepted domain"
        return f"{name} (OnPremises) matches {how}, but {lacking}{restricts}."
    return f"{name} (OnPremises) matches {how}: the tenant's own mail{restricts}."


def _own(it: Look) -> Iterator[str]:
    domain = it.session.recipient_domain
    if not it.rules.knows_domains:
        yield f"The accepted domains were not read: {domain} is taken for one."
    elif takes(it.rules, domain):
        yield f"{domain} is an accepted domain."
    elif below(domain, it.rules.maybe_with_subdomains):
        yield f"{domain} is below an accepted domain whose MatchSubDomains was not read: off."
    else:
        yield f"{domain} is no accepted domain of this tenant."


def _after(it: Look, answer: Answer) -> Iterator[str]:
    """What was asked of mail that is not the tenant's own."""
    if answer.rule in (Rule.OWN_MAIL, Rule.RELAY, Rule.NOT_OURS):
        return
    for met in it.partners:
        yield _partner(it, met)
    if refusing(it, DEFAULTS) and not proofs(it, DEFAULTS):
        yield "No Partner connector's restriction is satisfied."
    yield from _direct(it)


def _partner(it: Look, met: Met) -> str:
    name = met.sight.name
    demands = [
        word
        for word, asked in (
            ("addresses", by_address(it, met, DEFAULTS)),
            ("a certificate", by_certificate(met, DEFAULTS)),
        )
        if asked
    ]
    if not in_scope(it, met, DEFAULTS):
        scope = _out_of_scope(it, met)
        if demands and (met.listed or met.named):
            return f"{name} (Partner) {scope}, but its restriction is satisfied all the same."
        return f"{name} (Partner) {scope}."
    if not demands:
        return f"{name} (Partner) is in scope and restricts nothing{_tls(it, met)}."
    if met in proofs(it, DEFAULTS):
        return f"{name} (Partner) restricts to {' or '.join(demands)}, and is satisfied."
    return f"{name} (Partner) restricts to {' or '.join(demands)}: it {_misses(it, met)}."


def _out_of_scope(it: Look, met: Met) -> str:
    if not met.sender:
        return f"speaks for {joined(sorted(met.sight.sender_domains))}, not for {_sender(it)}"
    listed = joined(sorted(met.sight.associated))
    return f"is associated with {listed}, not with {it.session.recipient_domain}"


def _misses(it: Look, met: Met) -> str:
    """Why neither its addresses nor its certificate name this session."""
    missed = []
    if met.sight.listed:
        what = "IPv6 is never listed" if it.session.is_ipv6 else f"{it.session.source} is not there"
        missed.append(f"lists {counted(met.sight.listed.size)} ({what})")
    if met.sight.certificate:
        shows = shown(it.session)
        what = f"it is {shows.common_name}" if shows else "none is shown"
        missed.append(f"asks for a certificate of {met.sight.certificate} ({what})")
    return " and ".join(missed) or "names no address and no certificate"


def _tls(it: Look, met: Met) -> str:
    if not met.sight.connector.require_tls:
        return ""
    return ", but demands TLS" if not it.session.tls else "; TLS, which it demands, is there"


def _direct(it: Look) -> Iterator[str]:
    setting = it.rules.reject_direct_send
    if setting is None:
        yield "RejectDirectSend says neither on nor off: it is taken as off."
    elif not setting:
        yield "RejectDirectSend is off."
    elif not asks_direct_send(it, DEFAULTS):
        yield f"RejectDirectSend is on, and not asked: {_sender(it)} is no accepted domain."
    else:
        yield f"RejectDirectSend is on, and {_sender(it)} is an accepted domain."


def _sender(it: Look) -> str:
    return it.session.sender_domain or "the null sender"
