"""The larger tags: transcript, matrix, drawings, commands to copy, banners. Loaded with `look`."""

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2s
from typing import Any, Final

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from mailposture.adapters.drawings import maps, states, strips
from mailposture.adapters.drawings.flow import MailFlow
from mailposture.adapters.drawings.strips import Day
from mailposture.core.smtp.transcript import Transcript
from mailposture.templatetags import conversation

register = template.Library()
# Cmdlet names, quoted values, and parameters, which must not be broken after their hyphen.
COMMAND: Final = re.compile(
    r"(?P<b>\b[A-Z][a-z]+-[A-Z]\w+)|(?P<i>'[^'\n]*')|(?P<span>(?<=\s)-[A-Z]\w*)"
)

# The height of the row of spans above a figure.
ZOOM_BAR: Final = 24


def _drawn(svg: str) -> SafeString:
    return mark_safe(svg)  # noqa: S308 # drawn by our own adapter, which escapes every word


@register.inclusion_tag("parts/transcript.html")
def transcript(
    said: Transcript, decides: str = "", verdict: object = "", form: str = ""
) -> Mapping[str, Any]:
    """A conversation. decides: the stage whose reply decides; verdict: its state.

    form: "short" leaves out greeting and farewell and the lane, for comparing side by side.
    """
    short = form == "short"
    return {"rows": conversation.rows(said, decides, verdict, short=short), "short": short}


@register.simple_tag
def mail_flow(spec: MailFlow) -> SafeString:
    return _drawn(maps.mail_flow(spec))


@register.simple_tag
def strip(days: Sequence[Day], name: str = "") -> SafeString:
    return _drawn(strips.strip(days, name))


@register.simple_tag
def strip_axis(days: Sequence[Day]) -> SafeString:
    return _drawn(strips.axis(days))


@register.simple_tag
def ticks(answers: Sequence[str], total: int) -> SafeString:
    return _drawn(strips.ticks(answers, total))


@register.simple_block_tag
def commands(content: str, heading: str, effect: str = "") -> SafeString:
    """A block to copy: heading, effect in four words, and commands people run, never we."""
    plain = str(content).strip("\n")
    name = f"copy-{blake2s(plain.encode(), digest_size=4).hexdigest()}"
    said = format_html("<span>{}</span>", effect) if effect else ""
    return format_html(
        '<div class="copy"><header><b>{}</b>{}<button class="button small" type="button" '
        'data-copy="{}"><svg class="icon" aria-hidden="true"><use href="#i-copy"></use></svg>'
        '<span>Copy</span></button></header><pre id="{}">{}</pre></div>',
        heading,
        said,
        name,
        name,
        _highlighted(plain),
    )


def _highlighted(plain: str) -> SafeString:
    """Mark up commands. The content was escaped when it was rendered."""
    quotes = plain.replace("&#x27;", "'")
    marked = COMMAND.sub(lambda m: f"<{m.lastgroup}>{m[0]}</{m.lastgroup}>", quotes)
    return mark_safe(marked)  # noqa: S308 # rendered template text, with our own tags added


@register.simple_block_tag
def banner(content: str, name: object) -> SafeString:
    """What is stale ("partly") or unknown ("unknown"), since when, and one button.

    The content is two elements: a p, and where there is something to do, a link or a form.
    """
    shown = states.state(name)
    drawn = "#i-hourglass" if shown.name == "partly" else f"#g-{shown.gate}"
    css = "icon" if shown.name == "partly" else "gate"
    return format_html(
        '<div class="banner {}" role="status"><svg class="{}" aria-hidden="true">'
        '<use href="{}"></use></svg>{}</div>',
        shown.css,
        css,
        drawn,
        content,
    )


@register.simple_block_tag
def empty(content: str, heading: str, kind: str = "") -> SafeString:
    """Nothing found: what was looked at, and since when. kind "unseen": nothing was looked at."""
    quiet = " is-quiet" if kind == "unseen" else ""
    return format_html(
        '<div class="empty{}"><svg viewBox="0 0 46 34" aria-hidden="true">'
        '<path class="stop-arrow" d="M0 17h28M28 10v14"></path>'
        '<path class="stop-wall" d="M42 0v34"></path></svg><div><b>{}</b>{}</div></div>',
        quiet,
        heading,
        content,
    )


@register.simple_tag
def key(*names: object) -> SafeString:
    """The key of a matrix: state and word pairs in turn ("closed" "Closed to a stranger" ...)."""
    pairs = zip(names[::2], names[1::2], strict=True)
    items = (
        (states.state(name).css, states.state(name).gate or "unknown", said) for name, said in pairs
    )
    inner = format_html_join(
        "",
        '<li class="{}"><svg class="gate" aria-hidden="true"><use href="#g-{}"></use></svg>{}</li>',
        items,
    )
    return format_html('<ul class="key">{}</ul>', inner)


@register.simple_tag
def figure(address: str, name: str, height: int = 240) -> SafeString:
    """Room for a plotly figure, filled by script from its own address; its table follows it.

    height: what charts' `height` says, so that nothing moves when the figure arrives.
    """
    return format_html(
        '<div class="figure" data-figure="{}" role="group" aria-label="{}">'
        '<svg width="1" height="{}" aria-hidden="true"></svg></div>',
        address,
        name,
        height + ZOOM_BAR,
    )
