"""The glossary, from the document that is its one source: chapters, words with anchors, text.

Of Markdown it knows what that document uses: headings, tables of two columns, paragraphs, *stress*,
**strength** and `code`. Everything else is text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils.text import slugify

SOURCE: Final = Path("docs") / "glossary.md"
_MARKED: Final = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<b>[^*]+)\*\*|\*(?P<em>[^*]+)\*")


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text: code, b, em, or nothing of these."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """Words that are explained together, each with its own anchor, and what they mean."""

    words: tuple[tuple[str, str], ...]
    meaning: tuple[Run, ...]


@dataclass(slots=True)
class Chapter:
    """One heading with its words and its paragraphs."""

    title: str
    anchor: str
    entries: list[Entry] = field(default_factory=list)
    paragraphs: list[tuple[Run, ...]] = field(default_factory=list)


@cache
def chapters() -> tuple[Chapter, ...]:
    """The document as it was when it was first asked for; it does not change while we run."""
    return tuple(parsed((settings.BASE_DIR / SOURCE).read_text(encoding="utf-8")))


def parsed(text: str) -> Iterator[Chapter]:
    """The chapters of such a document; what stands before the first of them has none."""
    chapter: Chapter | None = None
    for line in text.splitlines():
        if line.startswith("## "):
            if chapter:
                yield chapter
            title = line.removeprefix("## ").strip()
            chapter = Chapter(title=title, anchor=slugify(title))
        elif chapter and line.strip():
            _take(chapter, line.strip())
    if chapter:
        yield chapter


def _take(chapter: Chapter, line: str) -> None:
    """A row of a table that is neither its head nor its rule, or a paragraph."""
    if not line.startswith("|"):
        chapter.paragraphs.append(tuple(runs(line)))
        return
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    if len(cells) == 2 and cells[0] != "word" and set(cells[0]) != {"-"}:
        words = tuple((word, slugify(word)) for word in cells[0].split(", "))
        chapter.entries.append(Entry(words, tuple(runs(cells[1]))))


def runs(text: str) -> Iterator[Run]:
    """Text cut where it is marked; joined again it is the text without its marks."""
    end = 0
    for match in _MARKED.finditer(text):
        if match.start() > end:
            yield Run("", text[end : match.start()])
        kind = match.lastgroup or ""
        yield Run(kind, match[kind])
        end = match.end()
    if end < len(text):
        yield Run("", text[end:])
