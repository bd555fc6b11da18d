"""A test run says what it left out, and where nothing may be left out it fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SAMPLE = """
import pytest

@pytest.mark.postfix
def test_speaks_to_postfix(): pass

@pytest.mark.skipif({skipped}, reason="on a whim")
def test_is_skipped(): pass

def test_plain(): pass
"""


def run(folder: Path, *options: str, skipped: bool, **environment: str) -> tuple[int, str]:
    """A run of its own on a small sample, with this suite's conftest."""
    (folder / "test_sample.py").write_text(SAMPLE.format(skipped=skipped))
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    postfix: x\n")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "MP_", "CI"))}
    said = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-c", str(folder / "pytest.ini"), "-v"),
            *("-p", "tests.conftest", "-p", "no:cacheprovider", *options, str(folder)),
        ],
        cwd=ROOT,
        env={**clean, **environment},
        check=False,
        capture_output=True,
        text=True,
    )
    return said.returncode, said.stdout


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_what_needs_postfix_is_left_out_by_name(tmp_path: Path, options: tuple[str, ...]) -> None:
    code, said = run(tmp_path, *options, skipped=False)
    assert code == 0
    assert "Left out, for want of Postfix (MP_SYSTEM_PACKAGES=1 installs it): 1" in said
    assert "  test_sample.py::test_speaks_to_postfix" in said
    assert "2 passed" in said.splitlines()[-1]


@pytest.mark.parametrize("environment", [{"CI": "true"}, {"MP_SYSTEM_PACKAGES": "1"}])
def test_where_postfix_was_installed_nothing_is_left_out(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    code, said = run(tmp_path, skipped=False, **environment)
    assert code == 0
    assert "Left out" not in said
    assert "3 passed" in said.splitlines()[-1]


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_in_ci_a_skipped_test_fails_the_run(tmp_path: Path, options: tuple[str, ...]) -> None:
    code, said = run(tmp_path, *options, skipped=True, CI="true")
    assert code == 1
    assert "CI=true and 1 skipped: the run has failed" in said


def test_elsewhere_a_skipped_test_is_only_counted(tmp_path: Path) -> None:
    code, said = run(tmp_path, skipped=True)
    assert code == 0
    assert "1 passed, 1 skipped, 1 deselected" in said.splitlines()[-1]
