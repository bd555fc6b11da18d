"""What every test stands on: real servers, and no silent gaps where nothing may be left out."""

import os
from typing import Any

import pytest
from hypothesis import settings

from mailposture.adapters import buckets
from tests.demos import demo
from tests.labs import lab, lab_process
from tests.servers import RUNS_ON, browser, chromium, postgres_url, valkey

__all__ = ["browser", "chromium", "demo", "lab", "lab_process", "postgres_url", "valkey"]

# Commands that tests start as processes of their own run on the product's settings.
os.environ["DJANGO_SETTINGS_MODULE"] = "mailposture.settings"

# How long an example takes says nothing here: the machine is shared with the other tests.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

COMPLETE = os.environ.get("CI") == "true"
HAS_POSTFIX = COMPLETE or os.environ.get("MP_SYSTEM_PACKAGES") == "1"
# What stands on the database of the run: rows of this process, or those of a demo.
ON_THE_DATABASE = {"db", "transactional_db", "demo"}
LEFT_OUT = pytest.StashKey[list[str]]()
# What waits for minutes begins first, so that the others are done beside it.
LONG = (
    "tests/test_far_hosts.py",
    "tests/adapters/test_other_servers.py",
    "tests/browser/",
    "tests/test_elsewhere.py",
)


@pytest.fixture(autouse=True)
def rested() -> None:
    """What one test spent is no budget that the next one lacks."""
    buckets.HERE.forget()


def pytest_configure(config: pytest.Config) -> None:
    """Keep a list of what this run leaves out."""
    config.stash[LEFT_OUT] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, by name, what needs a system package that nobody asked us to install; on
    PostgreSQL also what does not come near a database: it would prove nothing new.
    """
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
    if RUNS_ON:
        elsewhere = [item for item in items if not _touches_the_database(item)]
        items[:] = [item for item in items if item not in set(elsewhere)]
        config.hook.pytest_deselected(items=elsewhere)
    if HAS_POSTFIX:
        return
    left_out = [item for item in items if item.get_closest_marker("postfix")]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)
    config.stash[LEFT_OUT] = names = [item.nodeid for item in left_out]
    if (output := getattr(config, "workeroutput", None)) is not None:
        output["left_out"] = names


def _touches_the_database(item: pytest.Item) -> bool:
    named = ON_THE_DATABASE.intersection(getattr(item, "fixturenames", ()))
    return bool(named) or item.get_closest_marker("django_db") is not None


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Hear from a worker of pytest-xdist what it left out; all leave out the same."""
    del error
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Name what did not run."""
    if names := config.stash[LEFT_OUT]:
        terminalreporter.write_line(
            f"Left out, for want of Postfix (MP_SYSTEM_PACKAGES=1 installs it): {len(names)}"
        )
        for name in names:
            terminalreporter.write_line(f"  {name}")
    if COMPLETE and (skipped := terminalreporter.stats.get("skipped")):
        terminalreporter.write_line(f"CI=true and {len(skipped)} skipped: the run has failed")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under CI=true a skipped test is a failed run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if COMPLETE and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
