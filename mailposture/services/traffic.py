"""Who is known to send to a tenant: imported reports, approved sources and SPF, put together.

A file is read with no transaction open; one short transaction keeps what it says. A day that is
imported twice counts once: of two counts for the same day the larger stands.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from io import BufferedReader
from typing import Any, Final

from django.conf import settings
from django.db import models as db
from django.db import transaction

from mailposture import models
from mailposture.adapters import spf, traces
from mailposture.adapters.dns import DnsError, Resolver
from mailposture.adapters.exchange import tracing
from mailposture.adapters.published import providers
from mailposture.core import senders
from mailposture.core.addresses import NOWHERE, AddressSet, union
from mailposture.core.configuration import Configuration
from mailposture.core.hosts import plain
from mailposture.core.posture import Source
from mailposture.core.senders import How, KnownSender, Seen
from mailposture.services import assessing, audit, clouds, history, proposing, secrets
from mailposture.services.audit import User

HOW: Final = models.SeenSender.How
BATCH: Final = 500
# Hosts that a table can show; those that send least are counted only.
MOST_SOURCES: Final = 300
MOST_ROWS: Final = 20_000
TLS: Final[Mapping[bool | None, str]] = {True: "yes", False: "no", None: ""}
KNOWN_TLS: Final[Mapping[str, bool | None]] = {word: known for known, word in TLS.items()}
NAMES: Final = (
    "day",
    "source",
    "helo",
    "connector",
    "tls",
    "sender_domain",
    "recipient_domain",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """What an import brought: lines of the file, what of them is kept, why others are not."""

    lines: int
    senders: int
    messages: int
    first: date | None
    last: date | None
    passed_over: Mapping[str, int]
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Held:
    """What is kept of imports: when the last one was, and of which days."""

    imported_at: datetime
    first: date
    last: date

    def age(self, now: datetime) -> int:
        """Days since the last of them."""
        return max(0, (now.date() - self.last).days)

    @property
    def drops(self) -> date:
        """The day on which the oldest goes."""
        return self.first + timedelta(days=settings.TRAFFIC_DAYS + 1)

    @property
    def gone(self) -> date:
        """The day by which all of it is gone."""
        return self.last + timedelta(days=settings.TRAFFIC_DAYS + 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """Every known sender, how many hosts were left out, what could not be asked, and of when
    the imports are.
    """

    senders: tuple[KnownSender, ...]
    more: int = 0
    problems: tuple[str, ...] = ()
    held: Held | None = None


# ---- import --------------------------------------------------------------------------------


def import_file(
    tenant: models.Tenant, file: BufferedReader, how: str, now: datetime, *, user: User = None
) -> Imported:
    """Read a report and keep who sends. Raises traces.ReportError for what is no report."""
    return _bring_in(tenant, traces.read(file), how, now, user=user)


def fetch(tenant: models.Tenant, days: int, now: datetime, *, user: User = None) -> Imported:
    """Trace the mail of the last days ourselves, where the tenant's app is let.

    Raises ExchangeError where it is not, or the service gave no answer. What was not returned
    proves nothing: no day is ever taken for one without traffic.
    """
    found = tracing.fetch(
        clouds.of(tenant.cloud), secrets.credential_of(tenant), (now - timedelta(days=days), now)
    )
    done = _bring_in(tenant, found.report, HOW.TRACE, now, user=user)
    return replace(done, whole=found.whole)


def _bring_in(
    tenant: models.Tenant, report: traces.Report, how: str, now: datetime, *, user: User
) -> Imported:
    kept, passed_over = _ours(tenant, report, now)
    _keep(tenant, kept, HOW(how), now)
    span = traces.days(kept)
    done = Imported(
        lines=report.lines,
        senders=len({(one.source, one.helo) for one in kept}),
        messages=sum(one.messages for one in kept),
        first=span[0] if span else None,
        last=span[1] if span else None,
        passed_over=passed_over,
    )
    audit.record(
        "imported traffic", tenant.slug, now, user=user, report=str(how), messages=done.messages
    )
    return done


def _ours(
    tenant: models.Tenant, report: traces.Report, now: datetime
) -> tuple[list[Seen], Counter[str]]:
    """What is to one of the tenant's domains and not too old; the others are counted by reason."""
    passed_over = Counter(report.passed_over)
    ours = _Domains(history.known(tenant))
    counts: dict[Seen, int] = defaultdict(int)
    for one in report.seen:
        domain = ours.of(one.recipient_domain)
        if domain is None:
            passed_over["to a domain of others"] += one.messages
        elif one.day < oldest(now) or one.day > now.date() + timedelta(days=1):
            passed_over["too old to keep, or not yet"] += one.messages
        else:
            counts[replace(one, recipient_domain=domain, messages=0)] += one.messages
    return [replace(one, messages=messages) for one, messages in counts.items()], passed_over


class _Domains:
    """The tenant's domains; where they are not known, every domain is taken for one."""

    def __init__(self, configuration: Configuration) -> None:
        rows = configuration.accepted_domains or ()
        self._accepted = frozenset(plain(row.domain_name) for row in rows)
        self._above = frozenset(plain(r.domain_name) for r in rows if r.match_sub_domains)
        self._known = configuration.knows("accepted_domains")

    def of(self, name: str) -> str | None:
        """The accepted domain that takes mail for this name."""
        if name in self._accepted or not self._known:
            return name
        return next((d for d in self._above if name.endswith(f".{d}")), None)


@transaction.atomic
def _keep(tenant: models.Tenant, seen: Iterable[Seen], how: str, now: datetime) -> None:
    """Add what is new, and raise what is known already to the larger count."""
    fresh = {_key(one): one.messages for one in seen}
    if not fresh:
        return
    days = {key[0] for key in fresh}
    rows = tenant.seen_senders.filter(how=how, day__gte=min(days), day__lte=max(days))
    for *key, messages in rows.values_list(*NAMES, "messages").iterator(chunk_size=2000):
        if tuple(key) in fresh:
            fresh[tuple(key)] = max(fresh[tuple(key)], messages)
    models.SeenSender.objects.bulk_create(
        (
            models.SeenSender(
                tenant=tenant,
                how=how,
                messages=messages,
                imported_at=now,
                **dict(zip(NAMES, key, strict=True)),
            )
            for key, messages in fresh.items()
        ),
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["tenant", "how", *NAMES],
        update_fields=["messages", "imported_at"],
    )


def _key(one: Seen) -> tuple[Any, ...]:
    found = {name: getattr(one, name) for name in NAMES} | {"tls": TLS[one.tls]}
    return tuple(found[name] for name in NAMES)


# ---- retention -----------------------------------------------------------------------------


def oldest(now: datetime) -> date:
    """The first day of which traffic is kept."""
    return now.date() - timedelta(days=settings.TRAFFIC_DAYS)


def tidy(now: datetime) -> int:
    """Drop what is older than it may be kept."""
    gone, _each = models.SeenSender.objects.filter(day__lt=oldest(now)).delete()
    return gone


@transaction.atomic
def forget(tenant: models.Tenant, now: datetime, *, user: User = None) -> int:
    """Drop all imported traffic of a tenant."""
    gone, _each = tenant.seen_senders.all().delete()
    audit.record("forgot traffic", tenant.slug, now, user=user, rows=gone)
    return gone


# ---- who sends -----------------------------------------------------------------------------


def senders_of(
    tenant: models.Tenant,
    *,
    ask_dns: bool = True,
    configuration: Configuration | None = None,
    sources: Iterable[Source] | None = None,
) -> Known:
    """Approved sources, whom SPF lets send, and who was seen; each with the service behind it.

    `configuration` and `sources`: the tenant's, where they are at hand. SPF is asked of DNS, in a
    few seconds at most: not while a transaction is open.
    """
    held = configuration or history.known(tenant)
    by_spf, problems = _by_spf(tenant, held) if ask_dns else ((), ())
    seen, more, kept = _seen(tenant)
    if sources is None:
        rows = tenant.sources.select_related("vantage_point")
        sources = [assessing.source(row) for row in rows]
    approved = [_approved(one) for one in sources]
    covered = union([one.addresses for one in approved] or [NOWHERE])
    others = [one for one in (*by_spf, *seen) if not _is_covered(one, covered)]
    lists = providers(lab=tenant.cloud == clouds.LAB)
    return Known(
        senders=tuple(senders.named((*approved, *others), lists)),
        more=more,
        problems=problems,
        held=kept,
    )


def _approved(source: Source) -> KnownSender:
    names = source.names
    return KnownSender(
        name=source.name,
        how=How.APPROVED,
        addresses=source.set,
        certificate=names[0] if names else "",
        grounds=str(source.kind),
    )


def _is_covered(one: KnownSender, covered: AddressSet) -> bool:
    """Whether an approved source stands for it already."""
    return bool(one.addresses) and one.addresses <= covered


def _seen(tenant: models.Tenant) -> tuple[tuple[KnownSender, ...], int, Held | None]:
    """Who was seen, those that send most; how many hosts more there are; and of when all are.

    Where several reports speak of one host, the one that saw most of it counts.
    """
    spans = {"at": db.Max("imported_at"), "first": db.Min("day"), "last": db.Max("day")}
    rows = tenant.seen_senders.order_by().values_list("source", "how")
    totals = list(rows.annotate(total=db.Sum("messages"), **spans))
    best: dict[str, tuple[int, str]] = {}
    for source, how, total, *_ in totals:
        best[source] = max(best.get(source, (0, "")), (total, how))
    ranked = sorted(best, key=lambda source: -best[source][0])
    chosen = {source: best[source][1] for source in ranked[:MOST_SOURCES]}
    found = senders.from_traffic(_rows(tenant, chosen))
    return found, len(ranked) - len(chosen), _held(totals)


def _held(totals: Sequence[tuple[Any, ...]]) -> Held | None:
    if not totals:
        return None
    _, _, _, at, first, last = zip(*totals, strict=True)
    return Held(max(at), min(first), max(last))


def _rows(tenant: models.Tenant, chosen: Mapping[str, str]) -> Iterator[Seen]:
    names = [name for name in NAMES if name != "day"]
    rows = (
        tenant.seen_senders.filter(source__in=chosen)
        .order_by()
        .values("how", *names)
        .annotate(total=db.Sum("messages"), last=db.Max("day"))
        .order_by("-total")[:MOST_ROWS]
    )
    for row in rows:
        if chosen[row["source"]] == row["how"]:
            said = {name: row[name] for name in names} | {"tls": KNOWN_TLS[row["tls"]]}
            yield Seen(**said, day=row["last"], messages=row["total"])


# ---- SPF -----------------------------------------------------------------------------------


def _by_spf(
    tenant: models.Tenant, configuration: Configuration
) -> tuple[tuple[KnownSender, ...], tuple[str, ...]]:
    """Whom the first accepted domains let send by SPF, and what of it could not be followed."""
    domains = spf_domains(configuration)
    names = domains[: proposing.MOST_DOMAINS]
    if not names:
        return (), ()
    try:
        resolver = clouds.resolver(tenant.cloud).within(proposing.WHOLE)
    except DnsError as error:
        return (), (f"DNS was not asked for SPF: {error}.",)
    with ThreadPoolExecutor(min(proposing.AT_ONCE, len(names))) as threads:
        asked = list(threads.map(lambda name: _followed(name, resolver), names))
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    problems: dict[str, None] = {}
    if left := len(domains) - len(names):
        problems[f"SPF was asked of {len(names)} domains; {left:,} more were not asked."] = None
    for name, found in zip(names, asked, strict=True):
        for hosts in found.hosts:
            groups[hosts.through, hosts.addresses].append(name)
        problems.update((f"SPF of {name}: {problem}", None) for problem in found.problems)
    return senders.from_spf(groups), tuple(problems)


def _followed(name: str, resolver: Resolver) -> spf.Followed:
    try:
        return spf.followed(name, resolver, proposing.MICROSOFT)
    except DnsError as error:
        return spf.Followed(hosts=(), problems=(f"it is not known: {error}.",))


def spf_domains(configuration: Configuration) -> list[str]:
    """The accepted domains whose SPF says something of this tenant."""
    return [d for d in map(plain, configuration.domains) if not _is_microsofts(d)]


def _is_microsofts(name: str) -> bool:
    """Whether Microsoft itself keeps the record: it says nothing of this tenant."""
    return any(name == one or name.endswith(f".{one}") for one in proposing.MICROSOFT)
