"""What the documents tell a reader to open or to run is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)#]+)")
TARGET = re.compile(r"`?make ([a-z]+)")
COMMAND = re.compile(r"manage\.py ([a-z_]+)")


def test_there_are_documents() -> None:
    assert {"README.md", "CHANGELOG.md", "SECURITY.md"} <= {page.name for page in PAGES}
    assert len(list((ROOT / "docs" / "decisions").glob("*.md"))) >= 9


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_and_image_leads_somewhere(page: Path) -> None:
    broken = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert broken == []


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = "\n".join(
        re.findall(r"```.*?```|`[^`\n]+`", (ROOT / "README.md").read_text(), re.DOTALL)
    )
    named = set(TARGET.findall(code))
    assert {"demo", "test", "run"} <= named <= targets


def test_every_command_that_is_named_exists() -> None:
    named = {name for page in PAGES for name in COMMAND.findall(page.read_text())}
    listed = subprocess.run(
        [sys.executable, "manage.py", "help", "--commands"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert named - set(listed.stdout.split()) - {"command"} == set()


def test_example_addresses_belong_to_nobody() -> None:
    addresses = {
        found for page in PAGES for found in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", page.read_text())
    }
    allowed = ("127.", "192.0.2.", "198.51.100.", "203.0.113.")
    assert [found for found in addresses if not found.startswith(allowed)] == []
