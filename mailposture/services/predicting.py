"""Keep beside every path what the configuration says of it, and how the two stand.

Run where a configuration was stored and where a round is whole: from the rows alone, so that it
may be run at any time and twice.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from django.db.models import Max

from mailposture import models
from mailposture.core.attribution import (
    Certificate,
    Decision,
    Rules,
    Session,
    SessionError,
    decided,
    read,
)
from mailposture.core.attribution import session as checked
from mailposture.core.configuration import Configuration
from mailposture.core.contradictions import Agreement, Held, hold, predicted
from mailposture.core.reachability.questions import Names, Question
from mailposture.core.verdict import Verdict
from mailposture.services import clouds, history, paths, rows, settling, vantage_points

KEPT: Final = (
    "predicted",
    "predicted_code",
    "predicted_by",
    "leans_on",
    "agreement",
    "apart_since",
)


@dataclass(frozen=True)
class Oracle:
    """The decisions on a tenant's paths; paths that no connector can tell apart share one."""

    rules: Rules
    sender_domain: str
    names: Names
    _found: dict[tuple[int, bool, Question], Decision | None] = field(default_factory=dict)

    def of(self, path: models.Path) -> Decision | None:
        """The decision on this path's session; None where its place has no known address."""
        asked = session_of(path, self.sender_domain)
        if asked is None:
            return None
        recipient = asked.recipient_domain
        key = (
            path.vantage_point_id,
            recipient in self.rules.accepted,
            self.names.question(asked.sender_domain, recipient),
        )
        if key not in self._found:
            self._found[key] = decided(self.rules, asked)
        return self._found[key]


def oracle(tenant: models.Tenant, configuration: Configuration) -> Oracle | None:
    """Who answers for this tenant; None where we do not know yet as whom we would ask."""
    try:
        who = clouds.identity(lab=tenant.cloud == clouds.LAB)
    except clouds.NotSetUpError:
        return None
    rules = read(configuration)
    return Oracle(rules=rules, sender_domain=who.sender_domain, names=Names(rules))


def session_of(path: models.Path, sender_domain: str) -> Session | None:
    """The session that a probe of this path makes. The door's own account of who we are counts
    more than what was declared; where there is neither, nothing can be predicted.
    """
    place = path.vantage_point
    source = place.seen_as or place.address
    if not source:
        return None
    try:
        asked = checked(
            source=source,
            mail_from=paths.sender(path, sender_domain),
            recipient=f"postmaster@{path.domain}",
            tls=True,
            cert_name=place.certificate_name or None,
        )
    except SessionError:
        return None
    seen = vantage_points.certificate_of(place)
    if seen is None or not seen.names:
        return asked
    shown = Certificate(
        common_name=seen.names[0],
        alternative_names=seen.names,
        client_auth=seen.client_auth is not False,
    )
    return replace(asked, certificate=shown)


def refresh(tenant: models.Tenant, now: datetime, known: Configuration | None = None) -> int:
    """Bring every path's prediction and agreement up to date; how many contradict.

    `known`: the tenant's configuration, where that is at hand.
    """
    live = tenant.paths.filter(retired_at=None).select_related("vantage_point", "current")
    configuration = known or history.known(tenant)
    asks = oracle(tenant, configuration) if configuration.parts else None
    under_way = settling.is_under_way(tenant, now)
    read_at = tenant.snapshots.aggregate(at=Max("last_seen_at"))["at"]
    moved, apart = [], 0
    for path in live.defer("current__tries"):
        decision = asks.of(path) if asks else None
        answered = path.current.first_at if path.current and read_at else None
        unread = answered is not None and settling.is_unread(tenant, answered, read_at, now)
        held = hold(decision, Verdict(path.verdict), settles=under_way or unread)
        apart += held.agreement.is_contradiction
        if _set(path, decision, held, now):
            moved.append(path)
    rows.save(moved, KEPT)
    return apart


def _set(path: models.Path, decision: Decision | None, held: Held, now: datetime) -> bool:
    """Put what was found on the row; whether anything of it is new."""
    before = _kept(path)
    path.predicted = predicted(decision)
    path.predicted_code = (decision.code or "") if decision else ""
    path.predicted_by = (decision.connector or "")[:253] if decision else ""
    path.leans_on = list(decision.assumptions) if decision else []
    path.agreement = held.agreement
    apart = held.agreement.is_contradiction
    path.apart_since = (path.apart_since or now) if apart else None
    return _kept(path) != before


def _kept(path: models.Path) -> tuple[Any, ...]:
    return tuple(getattr(path, name) for name in KEPT)


def read_again(tenant: models.Tenant) -> bool:
    """Whether a reading that brought nothing new ends a wait: it tells a change that was not read
    from a contradiction.
    """
    return tenant.paths.filter(retired_at=None, agreement=Agreement.SETTLING).exists()
