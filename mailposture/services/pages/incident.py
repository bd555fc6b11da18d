"""One incident: the proof, what happened, who was told and how it went, who sees to it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, JSONField, OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject
from django.urls import reverse

from mailposture import models
from mailposture.core import inpart, letters
from mailposture.core.alerting import Event
from mailposture.core.signs import named
from mailposture.core.spans import length
from mailposture.core.states import ROUNDS, State
from mailposture.services import news, spells
from mailposture.services.pages import change_words
from mailposture.services.pages import incidents as words
from mailposture.services.pages.answers import MOST_RUNS, Run
from mailposture.services.pages.commands import Copy
from mailposture.services.pages.looks import Looks
from mailposture.services.pages.worst_findings import Gathered, moment

MOST_CHANGES: Final = 20
MOST_SUBJECTS: Final = 60
FIRST_SUBJECTS: Final = 12
MOST_TOLD: Final = 200
AROUND: Final = timedelta(hours=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Happened:
    """One thing that happened: when, its sign (an icon or a gate), the words, and its page."""

    at: datetime
    icon: str
    title: str
    text: str
    href: str = ""
    link: str = ""
    gate: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One mail to one recipient."""

    recipient: str
    event: str
    at: datetime
    state: str
    tone: str
    answer: str
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """All that the page of an incident shows."""

    row: models.Incident
    sentence: str
    state: str
    badge: str
    word: str
    facts: dict[str, Any]
    proof_href: str
    subjects: tuple[dict[str, Any], ...]
    subjects_folded: tuple[dict[str, Any], ...]
    subjects_left: int
    happened: tuple[Happened, ...]
    told: tuple[Told, ...]
    told_left: int
    fix: Copy | None
    fix_note: str
    decides: str
    lasted: timedelta
    unseen: timedelta
    times: int
    answered: str

    @property
    def more_subjects(self) -> int:
        """Domains beyond those that are seen at once."""
        return len(self.subjects_folded) + self.subjects_left


def with_looks(found: QuerySet[models.Incident]) -> QuerySet[models.Incident]:
    """Incidents with the looks that strangers took at the tenant since they began: one question
    for both.
    """
    taken = models.Coverage.objects.filter(
        tenant=OuterRef("tenant"),
        until__gte=OuterRef("opened_at"),
        vantage_point__plays=models.VantagePoint.Plays.STRANGER,
    )
    said = JSONObject(place="vantage_point_id", part="part", since="since", until="until")
    looks = taken.order_by("-until").annotate(said=said).values("said")[:MOST_RUNS]
    return found.annotate(looks=Gathered(looks, output_field=JSONField()))


def load(row: models.Incident, now: datetime) -> Page:
    """Everything of one incident; its tenant and vantage point must be loaded."""
    facts = news.gather(row, _event(row), now)
    proof = facts["proof"]
    mails, told = _mails(row), _counts(row)
    subjects = facts["subjects"]
    badge, word = _badge(row, facts)
    return Page(
        row=row,
        # Of what is over, as it was told; else as it stands.
        sentence=words.sentence(row) if row.resolved_at else letters.sentence(facts),
        state=words.state(row),
        badge=badge,
        word=word,
        facts=facts,
        proof_href=reverse("observation", args=[proof["observation"]]) if proof else "",
        subjects=tuple(subjects[:FIRST_SUBJECTS]),
        subjects_folded=tuple(subjects[FIRST_SUBJECTS:MOST_SUBJECTS]),
        subjects_left=max(facts["domains"] - min(len(subjects), MOST_SUBJECTS), 0),
        happened=tuple(sorted(_happened(row, told), key=lambda h: h.at)),
        told=tuple(map(_told, mails)),
        told_left=sum(count.mails for count in told) - len(mails),
        fix=_fix(facts),
        fix_note=(facts["fix"] or {}).get("note", ""),
        decides=_decides(row, proof) if proof else "",
        lasted=spells.lasted(row, now),
        unseen=_unseen(row, now),
        times=spells.times(row),
        answered=_answered(proof) if proof else "",
    )


def _unseen(row: models.Incident, now: datetime) -> timedelta:
    """For how long of a bypass no stranger looked at the tenant: of that time nothing is known."""
    if row.kind != models.Incident.Kind.BYPASS or row.tenant is None:
        return timedelta(0)
    lasted = spells.known(row, now)
    every = ROUNDS * timedelta(seconds=row.tenant.probe_every)
    found: Iterable[dict[str, Any]] = getattr(row, "looks", None) or ()
    runs = [Run(place=one["place"], part=one["part"], since=moment(one["since"]),
                until=moment(one["until"])) for one in found]  # fmt: skip
    known_from = min(run.until for run in runs) if len(runs) == MOST_RUNS else None
    looks = Looks(runs, every, known_from)
    # When it began somebody looked.
    return length(gap for begin, end in lasted for gap in looks.nobody(begin, end))


def _event(row: models.Incident) -> Event:
    return Event.RESOLVED if row.resolved_at else Event.OPENED


def _badge(row: models.Incident, facts: dict[str, Any]) -> tuple[str, str]:
    """What stands now, as a gate and its word."""
    if row.resolved_at and row.facts.get("withdrawn"):
        return ("unknown", "No longer asked")
    if row.kind == models.Incident.Kind.CUT_OFF:
        refused = "partly_cut_off" if facts["inside"] else "cut_off"
        return ("gets_in" if row.resolved_at else refused, "")
    if row.kind == models.Incident.Kind.EXCEPTION:
        head = letters.compose(facts, "")
        return ("agrees" if row.resolved_at else "unknown", head.word)
    if row.kind == models.Incident.Kind.BLIND:
        unseen = inpart.unseen([r["what"] for r in facts["reasons"]], place=row.tenant is None)
        return ("agrees", "Seen again") if row.resolved_at else ("unknown", unseen.word)
    return (facts["state"], "")


def _answered(proof: dict[str, Any]) -> str:
    """What answered, as a sentence."""
    return f"Answered by {named(proof['control'])}." if proof["control"] else "No control answered."


def _decides(row: models.Incident, proof: dict[str, Any]) -> str:
    """The state that the deciding line proves, by whom it is about."""
    is_open = proof["verdict"] == "open"
    if row.kind == models.Incident.Kind.CUT_OFF:
        return "gets_in" if is_open else "cut_off"
    return "open" if is_open else "closed"


def _fix(facts: dict[str, Any]) -> Copy | None:
    fix = facts["fix"]
    if not fix:
        return None
    return Copy(key="fix", title=fix["title"], effect="", command=fix["command"])


# ---- what happened -----------------------------------------------------------------------


def _mails(row: models.Incident) -> list[models.Delivery]:
    """The first mails, without what they were written from."""
    found = models.Delivery.objects.filter(alert__incident=row).select_related("alert")
    return list(found.defer("alert__facts").order_by("created_at", "pk")[:MOST_TOLD])


@dataclass(frozen=True, slots=True)
class _Count:
    """One piece of news, and how many mails of it there are and were sent."""

    at: datetime
    event: str
    mails: int
    sent: int


def _counts(row: models.Incident) -> list[_Count]:
    sent = Q(deliveries__state=models.Delivery.State.SENT)
    found = row.alerts.annotate(n=Count("deliveries"), sent=Count("deliveries", filter=sent))
    return [_Count(*one) for one in found.values_list("at", "event", "n", "sent")]


def _happened(row: models.Incident, told: list[_Count]) -> Iterator[Happened]:
    yield from _changes(row)
    yield from _seen(row)
    yield from map(_alert, told)
    yield from _last_look(row)
    for said in row.facts.get("acknowledged", []):
        yield _acknowledged(datetime.fromisoformat(said["at"]), said["by"], said["why"])
    if row.acknowledged_at:
        yield _acknowledged(row.acknowledged_at, row.acknowledged_by, row.acknowledgement)


def _acknowledged(at: datetime, by: str, why: str) -> Happened:
    return Happened(at=at, icon="user", title=f"Acknowledged by {by}.", text=why)


def _last_look(row: models.Incident) -> Iterator[Happened]:
    """How the door stood when it was looked at last, while the incident is open."""
    tenant = row.tenant
    if tenant is None or row.kind != models.Incident.Kind.BYPASS or row.resolved_at:
        return
    if tenant.probed_at and tenant.probed_at > row.opened_at:
        word = State(tenant.state).word
        yield Happened(
            at=tenant.probed_at, icon="", gate=tenant.state, title=f"Last look: {word}.", text=""
        )


def _seen(row: models.Incident) -> Iterator[Happened]:
    """The bounds, as the probes or the readings saw them."""
    first = {
        "bypass": "First seen open.", "cut_off": "First seen refused.", "blind": "No longer seen.",
        "exception": "First told.",
    }[row.kind]  # fmt: skip
    closed = row.facts.get("last_closed")
    if closed and row.kind == models.Incident.Kind.BYPASS:
        at = datetime.fromisoformat(closed)
        yield Happened(at=at, icon="", gate="closed", title="Last seen closed.", text="")
    gate = {
        "bypass": "open", "cut_off": "cut_off", "blind": "unknown", "exception": "unknown",
    }[row.kind]  # fmt: skip
    left = int(row.facts.get("folded", {}).get("times", 0))
    text = f"It came and went {left:,} times more than is listed here." if left else ""
    yield Happened(at=row.opened_at, icon="", gate=gate, title=first, text=text)
    yield from _came_and_went(row, gate)


def _came_and_went(row: models.Incident, gate: str) -> Iterator[Happened]:
    """Each end of it, and each return."""
    over = {
        "bypass": "No door is known to stand open.", "cut_off": "It gets in again.",
        "blind": "Seen again.", "exception": "Nothing is left to do.",
    }[row.kind]  # fmt: skip
    again = {
        "bypass": "Open again.", "cut_off": "Refused again.", "blind": "Unseen again.",
        "exception": "Again.",
    }  # fmt: skip
    ended = "closed" if row.kind == models.Incident.Kind.BYPASS else "gets_in"
    lasted = spells.known(row, row.moved_at)
    for begin, end in lasted:
        if begin > row.opened_at:
            yield Happened(at=begin, icon="", gate=gate, title=again[row.kind], text="")
        last = (begin, end) == lasted[-1]
        if last and row.resolved_at and row.facts.get("withdrawn"):
            yield Happened(at=end, icon="", gate="unknown", title="No longer asked.", text="")
        elif row.resolved_at or not last:
            yield Happened(at=end, icon="", gate=ended, title=over, text="")


def _changes(row: models.Incident) -> Iterator[Happened]:
    if row.tenant is None or row.kind in (
        models.Incident.Kind.BLIND, models.Incident.Kind.EXCEPTION,
    ):  # fmt: skip
        return
    near = Q(at__range=(row.opened_at - AROUND, row.opened_at + AROUND))
    if row.resolved_at:
        near |= Q(at__range=(row.resolved_at - AROUND, row.resolved_at + AROUND))
    found = row.tenant.changes.filter(near, decides=True).select_related("tenant")
    for change in found.order_by("at", "pk")[:MOST_CHANGES]:
        line = change_words.line(change)
        what = f"{line.field} {line.text}" if line.field else line.text
        on = f" on {line.subject}" if line.subject else ""
        yield Happened(
            at=change.at,
            icon="history",
            title="A change was read.",
            text=f"{what}{on}, by: author unknown.",
            href=line.href,
            link=f"Change {change.pk:,}",
        )


def _alert(told: _Count) -> Happened:
    whom = f"{told.sent} of {told.mails} mails sent." if told.mails else "Nobody was on the list."
    return Happened(at=told.at, icon="mail", title=f"Told: {told.event}.", text=whom)


# ---- who was told ------------------------------------------------------------------------

_TONES: Final = {
    "sent": "gets_in",
    "refused": "cut_off",
    "gave_up": "cut_off",
    "waiting": "unknown",
}


def _told(mail: models.Delivery) -> Told:
    tries = f"{mail.attempts} tries" if mail.attempts > 1 else ""
    # The try that is under way counts until its end is known, and is not meant.
    unsure = "may have come twice" if mail.unsure and not mail.lease_until else ""
    return Told(
        recipient=mail.recipient,
        event=mail.alert.event if mail.alert else "test",
        at=mail.done_at or mail.created_at,
        state=mail.get_state_display(),
        tone=_TONES[mail.state],
        answer=mail.answer or "not tried yet",
        note=", ".join(filter(None, (tries, unsure))),
    )
