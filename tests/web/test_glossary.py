"""The words: every one of the document, at an address of its own, and led to by the pages."""

import re
from pathlib import Path

import pytest
from django.test import Client

from mailposture.services.pages import glossary
from tests.web.fleet_rows import SCRIPT, page, signed_in, words

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "glossary.md").read_text()
LED_TO = re.compile(r"{% url \"glossary\" %}#([a-z-]+)")


@pytest.fixture
def viewer() -> Client:
    return signed_in(staff=False)


def test_every_word_of_the_document_is_on_the_page_once(viewer: Client) -> None:
    shown = page(viewer, "/glossary/")
    rows = [row for row in DOCUMENT.splitlines() if row.startswith("| ") and "| word" not in row]
    assert len(rows) > 30
    assert shown.count("<dd>") == len(rows)
    anchors = re.findall(r'<dfn id="([^"]+)">', shown)
    assert len(anchors) == len(set(anchors)) > len(rows)
    ids = re.findall(r' id="([^"]+)"', shown.split("<main", 1)[1])
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "word",
    ["direct-delivery", "direct-send", "relay", "reachability", "prediction", "observation",
     "settling", "assumption", "contradiction", "finding", "near-miss", "what-if", "tenant"],
)  # fmt: skip
def test_the_words_that_matter_have_an_address(viewer: Client, word: str) -> None:
    assert f'id="{word}"' in page(viewer, "/glossary/")


def test_every_link_of_a_page_to_a_word_leads_to_one(viewer: Client) -> None:
    shown = page(viewer, "/glossary/")
    named = {
        word
        for path in (ROOT / "templates").rglob("*.html")
        for word in LED_TO.findall(path.read_text())
    }
    assert {"contradiction", "finding", "direct-delivery"} <= named
    assert [word for word in named if f'id="{word}"' not in shown] == []


def test_a_meaning_keeps_its_marks_as_elements(viewer: Client) -> None:
    said = page(viewer, "/glossary/")
    assert "<code>RejectDirectSend</code> closes this and nothing else" in said
    assert "<em>Partner</em> connectors restrict" in said
    assert "How states add up" in words(said)


def test_what_is_no_mark_is_text() -> None:
    text = f"before\n## One & two\n\n| word | means |\n|---|---|\n| a, b | 2 * 3 {SCRIPT} |\nEnd.\n"
    (chapter,) = glossary.parsed(text)
    assert (chapter.title, chapter.anchor) == ("One & two", "one-two")
    (entry,) = chapter.entries
    assert entry.words == (("a", "a"), ("b", "b"))
    assert entry.meaning == (glossary.Run("", f"2 * 3 {SCRIPT}"),)
    assert chapter.paragraphs == [(glossary.Run("", "End."),)]


def test_runs_joined_again_are_the_text_without_its_marks() -> None:
    cut = list(glossary.runs("a `b` *c* **d** e"))
    assert [(run.kind, run.text) for run in cut] == [
        ("", "a "), ("code", "b"), ("", " "), ("em", "c"), ("", " "), ("b", "d"), ("", " e"),
    ]  # fmt: skip
