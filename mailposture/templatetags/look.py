"""The tags pages are written with: gates, badges, cells, times, numbers, wire text, sections.

`now` is read from the template's context where a page gives it, else from the clock.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

from django import template
from django.utils import timezone
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from mailposture.adapters.drawings import states
from mailposture.core import words
from mailposture.templatetags import evidence

register = template.Library()
# One library for those who write pages; two files for those who read them.
register.tags.update(evidence.register.tags)
Moment = datetime | None
A_MINUTE: Final = timedelta(minutes=1)
SEVERITIES: Final = ("info", "low", "medium", "high", "critical")


def _now(context: Mapping[str, Any]) -> datetime:
    return context["now"] if "now" in context else timezone.now()


def _time(moment: datetime, text: str) -> SafeString:
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), words.exact(moment), text
    )


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    return format_html('<svg class="icon" aria-hidden="true"><use href="#i-{}"></use></svg>', name)


@register.simple_tag
def mark() -> SafeString:
    """The product's mark; the word stands beside it."""
    return format_html('<svg class="mark" aria-hidden="{}"><use href="#mark"></use></svg>', "true")


@register.simple_tag
@cache
def gate(name: object) -> SafeString:
    """The gate of a state, without its word: only where the word stands beside it."""
    drawn = states.state(name).gate
    if drawn is None:
        return SafeString()
    return format_html('<svg class="gate" aria-hidden="true"><use href="#g-{}"></use></svg>', drawn)


@register.simple_tag
def state_class(name: object) -> str:
    """The class that gives an element the colours of a state."""
    return states.state(name).css


@register.simple_tag
def state_word(name: object) -> str:
    return states.state(name).word


@register.simple_tag
def badge(
    name: object, size: str = "", word: str = "", href: str = "", how: str = ""
) -> SafeString:
    """Gate and word, a link where href is given. size: "", "big" or "bare"; how: "stale"."""
    shown = states.state(name)
    css = " ".join(part for part in ("badge", shown.css, size, how) if part)
    inner = format_html("{}<span>{}</span>", gate(name), word or shown.word)
    if href:
        return format_html('<a class="{}" href="{}">{}</a>', css, href, inner)
    return format_html('<span class="{}">{}</span>', css, inner)


@register.simple_tag
@cache
def severity(level: str, size: str = "") -> SafeString:
    """Rising bars and the word: critical, high, medium, low, info."""
    name = str(level).lower()
    filled = SEVERITIES.index(name)
    bars = format_html_join(
        "",
        '<rect class="{}" x="{}" y="{}" width="2.6" height="{}"></rect>',
        (("on" if n < filled else "off", n * 3.4, 9 - n * 2.7, 3 + n * 2.7) for n in range(4)),
    )
    return format_html(
        '<span class="severity {} {}">'
        '<svg viewBox="0 0 13 12" aria-hidden="true">{}</svg><span>{}</span></span>',
        name,
        size,
        bars,
        name.capitalize(),
    )


@register.simple_tag
def cell(
    name: object, href: str = "", why: str = "", contradicts: str = "", how: str = ""
) -> SafeString:
    """One answer of the matrix; the whole cell is the link to the conversation.

    why: the tooltip. contradicts: what was predicted ("Predicted Closed by Lock to gateway,
    answered Open"), which draws the violet ring and tab. how: "stale" or "probing".
    """
    shown = states.state(name)
    css = " ".join(p for p in ("cell", shown.css, how, "contra" if contradicts else "") if p)
    inner = format_html("{}<span>{}</span>", gate(name), shown.cell_word)
    if how == "probing":
        inner = format_html('<span class="{}">being probed</span>', "hidden")
    if contradicts:
        inner = format_html(
            '{}<span class="tab">{}<span class="hidden">Contradicts</span></span>',
            inner,
            gate("contradicts"),
        )
    title = contradicts or why
    if href:
        return format_html('<a class="{}" href="{}" title="{}">{}</a>', css, href, title, inner)
    return format_html('<span class="{}" title="{}">{}</span>', css, title, inner)


@register.simple_tag(takes_context=True)
def ago(context: Mapping[str, Any], moment: Moment, never: str = "never") -> SafeString | str:
    """4 min ago, with the exact UTC in the tooltip; `never` where there is no moment."""
    return _time(moment, words.ago(moment, _now(context))) if moment else never


@register.simple_tag(takes_context=True)
def since(context: Mapping[str, Any], moment: Moment, never: str = "") -> SafeString | str:
    """since 24 Nov 10:14"""
    if moment is None:
        return never
    return format_html("since {}", _time(moment, words.minute(moment, _now(context))))


@register.simple_tag(takes_context=True)
def at(context: Mapping[str, Any], moment: Moment, form: str = "minute") -> SafeString | str:
    """A moment in UTC. form: minute (24 Nov 10:14), day, long, clock, second or exact."""
    if moment is None:
        return ""
    now = _now(context)
    forms = {
        "minute": lambda: words.minute(moment, now),
        "day": lambda: words.day(moment, now),
        "long": lambda: words.long_day(moment),
        "clock": lambda: f"{moment:%H:%M}",
        "second": lambda: f"{moment:%H:%M:%S}",
        "exact": lambda: words.exact(moment),
    }
    return _time(moment, forms[form]())


@register.simple_tag(takes_context=True)
def clock(context: Mapping[str, Any]) -> SafeString:
    now = _now(context)
    return format_html(
        '<time class="clock" data-clock datetime="{}">{} UTC</time>',
        now.isoformat(),
        f"{now:%H:%M}",
    )


@register.simple_tag(takes_context=True)
def lasted(context: Mapping[str, Any], start: Moment, end: Moment = None) -> SafeString | str:
    """From start until end, or until now: 6 d 4 h; below a minute whole seconds, at least one."""
    if start is None:
        return ""
    length = (end or _now(context)) - start
    return format_html(
        '<time datetime="PT{}S" title="{} to {}">{}</time>',
        int(length.total_seconds()),
        words.exact(start),
        words.exact(end) if end else "now",
        words.duration(length if length >= A_MINUTE else max(1, round(length.total_seconds()))),
    )


@register.simple_tag(name="duration")
def duration_tag(length: float | timedelta) -> str:
    return words.duration(length)


@register.filter
def duration(length: float | timedelta | None) -> str:
    return "" if length is None else words.duration(length)


@register.simple_tag(name="number")
def number_tag(value: float | str | None) -> str:
    return words.number(value)


@register.filter
def number(value: float | str | None) -> str:
    return words.number(value)


@register.simple_tag(name="wire")
def wire_tag(value: bytes | str) -> SafeString:
    return wire(value)


@register.filter
def wire(value: bytes | str) -> SafeString:
    """Wire text, harmless, and with places to wrap after the dots of long names."""
    pieces = map(escape, words.pieces(words.wire(value)))
    return mark_safe("<wbr>".join(pieces))  # noqa: S308 # each piece is escaped


@register.simple_block_tag
def section(content: str, title: str, note: str = "", anchor: str = "") -> SafeString:
    """A hairline, the label on the spine, the content right of it.

    Where the spine needs more than a note, write the three elements out: section.spined >
    div.spine + div.content.
    """
    identity = format_html(' id="{}"', anchor) if anchor else ""
    said = format_html("<p>{}</p>", note) if note else ""
    return format_html(
        '<section class="spined"{}><div class="spine"><h2>{}</h2>{}</div>'
        '<div class="content">{}</div></section>',
        identity,
        title,
        said,
        content,
    )


@register.simple_block_tag
def pagehead(content: str, sentence: str, state: object = "", under: str = "") -> SafeString:
    """The page's sentence beside its badge; facts and buttons are the content."""
    shown = badge(state, size="big") if state else ""
    said = format_html("<p>{}</p>", under) if under else ""
    return format_html(
        '<header class="head"><div class="spine">{}{}</div>'
        '<div class="content"><h1>{}</h1>{}</div></header>',
        shown,
        said,
        sentence,
        content,
    )


@register.simple_block_tag
def fact(content: str, label: str) -> SafeString:
    """One fact of a page head; goes into dl.facts."""
    return format_html("<div><dt>{}</dt><dd>{}</dd></div>", label, content)


@register.simple_tag(takes_context=True)
def sort_head(
    context: Mapping[str, Any], key: str, label: str, first: str = "up", css: str = ""
) -> SafeString:
    """A table head that sorts: `?sort=key` or `?sort=-key`, keeping the rest of the address.

    first: the direction of the first click, "up" or "down". Without a request it is a plain head.
    """
    if "request" not in context:
        return format_html('<th scope="col" class="{}">{}</th>', css, label)
    query = context["request"].GET.copy()
    current = query.get("sort", "")
    ways = (key, f"-{key}") if first == "up" else (f"-{key}", key)
    query["sort"] = ways[1] if current == ways[0] else ways[0]
    query.pop("page", None)
    aria = {key: "ascending", f"-{key}": "descending"}.get(current, "none")
    return format_html(
        '<th scope="col" class="{}" aria-sort="{}"><a href="?{}">{}</a></th>',
        css,
        aria,
        query.urlencode(),
        label,
    )


@register.simple_tag(takes_context=True)
def address_with(context: Mapping[str, Any], **changes: object) -> str:
    """This page's address with some parameters changed; an empty one is left out."""
    kept: Iterable[tuple[str, str]] = ()
    if "request" in context:
        query = context["request"].GET
        kept = [(k, v) for k, values in query.lists() for v in values if k not in changes]
    new = [(k, str(v)) for k, v in changes.items() if v not in ("", None)]
    return "?" + urlencode([*kept, *new])
