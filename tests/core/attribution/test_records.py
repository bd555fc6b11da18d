"""Every assumption has a record that says what is known, taken and otherwise."""

from pathlib import Path

import pytest

from mailposture.core.attribution.assumptions import ASSUMPTIONS, OF_ALL

RECORDS = Path(__file__).parents[3] / "docs/decisions/assumptions"
PARTS = ("What is known", "Taken", "Otherwise", "What leans on it", "What would settle it")
NAMES = [a.name for a in (*ASSUMPTIONS, *OF_ALL)]


@pytest.mark.parametrize("name", NAMES)
def test_an_assumption_has_its_record(name: str) -> None:
    text = (RECORDS / f"{name}.md").read_text()
    assert f"`{name}`" in text
    assert [part for part in PARTS if f"**{part}.** " not in text] == []


def test_no_record_outlives_its_assumption() -> None:
    assert {path.stem for path in RECORDS.glob("*.md")} == set(NAMES)
