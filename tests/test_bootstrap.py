"""bootstrap.sh in a copy of its own: which Python it takes, and what it does not do twice."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Passes for Python: says yes to the question of its fitness, makes a "venv" that is itself, and
# writes down what it was asked to do.
FAKE = """#!/bin/sh
case "$*" in
    -c*) exit {fit} ;;
    "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; echo "$0" >> "{diary}"; echo venv >> "{diary}" ;;
    "-m pip "*) echo "pip $*" >> "{diary}"; exit {pip} ;;
esac
"""  # noqa: E501  a script reads better unbroken


class Checkout:
    """A folder with the script, a lock file, and a PATH of our making."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder / "checkout", folder / "bin"
        self.diary = folder / "diary"
        self.home = folder / "home"
        for place in (self.folder, self.path, self.home):
            place.mkdir()
        shutil.copy(ROOT / "bootstrap.sh", self.folder)
        self.lock("requirements.txt", "one==1 --hash=sha256:00\n")
        for tool in ("sh", "dirname", "basename", "cksum", "cat", "mkdir", "rm", "cp", "sort"):
            (self.path / tool).symlink_to(str(shutil.which(tool)))

    def lock(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def put(self, place: Path, *, fit: bool = True, pip: int = 0) -> Path:
        """A stand-in for Python at this place."""
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(FAKE.format(fit=0 if fit else 1, diary=self.diary, pip=pip))
        place.chmod(0o755)
        return place

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["./bootstrap.sh", *arguments],
            cwd=self.folder,
            env={"PATH": str(self.path), "HOME": str(self.home), **environment},
            check=False,
            capture_output=True,
            text=True,
        )

    def did(self) -> list[str]:
        return self.diary.read_text().splitlines() if self.diary.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


PIP = "pip -m pip install -qq --disable-pip-version-check --require-hashes -r"


def test_it_makes_an_environment_from_the_hashed_list(checkout: Checkout) -> None:
    python = checkout.put(checkout.path / "python3.12")
    assert checkout.run().returncode == 0
    assert checkout.did() == [str(python), "venv", f"{PIP} requirements.txt"]


def test_a_second_start_does_and_says_nothing(checkout: Checkout) -> None:
    checkout.put(checkout.path / "python3")
    first, second = checkout.run(), checkout.run()
    assert first.stderr == "Installing requirements.txt into .venv (once)\n"
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert len(checkout.did()) == 3


def test_a_changed_list_is_installed_into_the_same_environment(checkout: Checkout) -> None:
    checkout.put(checkout.path / "python3")
    checkout.run()
    checkout.lock("requirements.txt", "one==2 --hash=sha256:00\n")
    checkout.run()
    assert checkout.did()[1:] == ["venv", *[f"{PIP} requirements.txt"] * 2]


def test_each_list_has_a_stamp_of_its_own(checkout: Checkout) -> None:
    checkout.put(checkout.path / "python3")
    checkout.lock("requirements-dev.txt", "two==1 --hash=sha256:00\n")
    for _ in range(2):
        checkout.run("requirements.txt")
        checkout.run("requirements-dev.txt")
    assert checkout.did()[2:] == [f"{PIP} requirements.txt", f"{PIP} requirements-dev.txt"]


def test_an_installation_that_failed_is_tried_again(checkout: Checkout) -> None:
    checkout.put(checkout.path / "python3", pip=1)
    assert checkout.run().returncode == 1
    checkout.put(checkout.folder / ".venv" / "bin" / "python")
    assert checkout.run().returncode == 0
    assert checkout.did()[-1] == f"{PIP} requirements.txt"


def test_an_environment_whose_python_is_gone_is_made_anew(checkout: Checkout) -> None:
    checkout.put(checkout.path / "python3")
    checkout.run()
    (checkout.folder / ".venv" / "bin" / "python").unlink()
    assert checkout.run().returncode == 0
    assert checkout.did().count("venv") == 2


@pytest.mark.parametrize(
    ("unfit", "fit", "chosen"),
    [
        # A shim of pyenv's answers for versions that are not there.
        (["bin/python3.13"], ["bin/python3.14", "bin/python3"], "bin/python3.14"),
        (["bin/python3.13", "bin/python3"], ["bin/python3.12"], "bin/python3.12"),
        (
            ["bin/python3"],
            ["home/.pyenv/versions/3.9.1/bin/python3", "home/.pyenv/versions/3.13.2/bin/python3"],
            "home/.pyenv/versions/3.13.2/bin/python3",
        ),
    ],
)
def test_it_runs_each_candidate_and_takes_the_first_that_fits(
    checkout: Checkout, unfit: list[str], fit: list[str], chosen: str
) -> None:
    base = checkout.path.parent
    for place in unfit:
        checkout.put(base / place, fit=False)
    for place in fit:
        checkout.put(base / place)
    assert checkout.run().returncode == 0
    assert checkout.did()[0] == str(base / chosen)


def test_the_variable_chooses_the_interpreter(checkout: Checkout) -> None:
    checkout.put(checkout.path / "python3.13")
    mine = checkout.put(checkout.home / "my python")
    assert checkout.run(PYTHON=str(mine)).returncode == 0
    assert checkout.did()[0] == str(mine)


def test_a_chosen_interpreter_that_does_not_fit_is_one_clear_line(checkout: Checkout) -> None:
    checkout.put(checkout.path / "python3.13")
    mine = checkout.put(checkout.home / "old", fit=False)
    said = checkout.run(PYTHON=str(mine))
    assert said.returncode == 1
    assert said.stderr.splitlines()[-1].startswith(f"PYTHON={mine} is not a Python 3.12 or newer")
    assert checkout.did() == []


def test_without_any_python_one_line_says_what_to_install(checkout: Checkout) -> None:
    checkout.put(checkout.path / "python3", fit=False)
    said = checkout.run()
    assert said.returncode == 1
    assert "No Python 3.12 or newer found: install python3.12" in said.stderr.splitlines()[-1]
    assert not (checkout.folder / ".venv").exists()


def test_a_list_that_is_not_there_is_named(checkout: Checkout) -> None:
    said = checkout.run("requirements-none.txt")
    assert (said.returncode, said.stderr) == (1, "There is no list requirements-none.txt here.\n")


def test_it_works_from_any_folder(checkout: Checkout, tmp_path: Path) -> None:
    checkout.put(checkout.path / "python3")
    subprocess.run(
        [checkout.folder / "bootstrap.sh"],
        cwd=tmp_path,
        env={"PATH": str(checkout.path), "HOME": str(checkout.home)},
        check=True,
        capture_output=True,
    )
    assert (checkout.folder / ".venv" / "bin" / "python").exists()


def test_the_python_that_runs_the_tests_would_be_taken(checkout: Checkout) -> None:
    script = (ROOT / "bootstrap.sh").read_text()
    question = script.partition("checks='")[2].partition("'")[0]
    asked = subprocess.run([sys.executable, "-c", question], check=False)
    assert asked.returncode == 0


def test_make_lists_its_targets_and_none_is_longer_than_two_lines() -> None:
    said = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    named = [line.split()[1] for line in said.splitlines()]
    assert {"help", "demo", "run", "test", "check", "bench", "format", "lock"} <= set(named)
    recipes = (ROOT / "Makefile").read_text().split("\n\n")
    assert max(recipe.count("\n\t") for recipe in recipes) == 2


def test_locks_name_no_index_and_hash_everything() -> None:
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-vantage.txt"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        pinned = [line for line in text.splitlines() if line and line[0] not in " #"]
        assert pinned
        assert text.count("--hash=sha256:") >= len(pinned)


def test_scripts_are_plain_shell() -> None:
    for name in ("bootstrap.sh", ".ci/run", ".ci/install-system", "tests/browser/install.sh"):
        subprocess.run(["sh", "-n", ROOT / name], check=True)
        assert os.access(ROOT / name, os.X_OK)
