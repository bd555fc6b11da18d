"""A browser in a running demo: signed in once a module, a page for each test."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.demos import Demo


@pytest.fixture(scope="module")
def signed_in(demo: Demo, browser: Browser) -> Iterator[BrowserContext]:
    """A browser in which the printed link was opened; it works once and leads to the overview."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.goto(demo.links[0])
    expect(page).to_have_url(re.compile(r"/$"))
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(signed_in: BrowserContext) -> Iterator[Page]:
    """A page; whatever the content policy blocks or a script throws fails the test."""
    complaints: list[str] = []
    opened = signed_in.new_page()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    yield opened
    opened.close()
    assert complaints == []
