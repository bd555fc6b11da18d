"""What every test stands on: clean settings, and no silent gaps where nothing may be left out."""

import os

import pytest

# Commands that tests start as processes of their own run on the product's settings.
os.environ["DJANGO_SETTINGS_MODULE"] = "mailposture.settings"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under CI=true a skipped test is a failed run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or reporter is None:
        return
    if skipped := reporter.stats.get("skipped"):
        reporter.write_line(f"CI=true, and {len(skipped)} tests were skipped: that is a failure")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
