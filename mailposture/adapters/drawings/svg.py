"""The little SVG writer of the drawings: every text and every attribute is escaped here."""

from collections.abc import Iterable
from html import escape


def number(value: float) -> str:
    """At most one decimal, and none where it says nothing."""
    return f"{value:.1f}".removesuffix(".0")


def element(name: str, *children: str, **attributes: object) -> str:
    """An element with markup as children. `class_` is class, `view_box` viewBox, a_b is a-b."""
    spelled = (_attribute(key, value) for key, value in attributes.items() if value is not None)
    opening = " ".join((name, *spelled))
    return f"<{opening}>{''.join(children)}</{name}>"


def text(words: str, **attributes: object) -> str:
    """A text element; the words are foreign until they are escaped."""
    return element("text", escape(words), **attributes)


def title(words: str) -> str:
    return element("title", escape(words))


def path(*points: str, **attributes: object) -> str:
    return element("path", d="".join(points), **attributes)


def symbol(name: str, x: float, y: float, size: float, class_: str) -> str:
    """A symbol of the page's sprite, as a small drawing of its own."""
    use = element("use", href=f"#{name}")
    return element("svg", use, x=x, y=y, width=size, height=size, class_=class_)


def lines(words: Iterable[str], x: float, y: float, step: float, class_: str) -> str:
    return "".join(text(w, x=x, y=y + n * step, class_=class_) for n, w in enumerate(words))


def fitted(words: str, most: int) -> str:
    """Cut to what fits, and say that it was cut."""
    return words if len(words) <= most else words[: most - 1] + "…"


def _attribute(key: str, value: object) -> str:
    name = {"class_": "class", "view_box": "viewBox"}.get(key, key.replace("_", "-"))
    said = number(value) if isinstance(value, int | float) else str(value)
    return f'{name}="{escape(said, quote=True)}"'
