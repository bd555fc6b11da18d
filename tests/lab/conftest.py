"""One lab for each test process, taken back to its stories after every test."""

from collections.abc import Iterator

import pytest

from tests.lab.hosts import Facts, Stage, running

TENANTS = ("contoso", "fabrikam", "tailspin", "proseware")


@pytest.fixture(scope="session")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facts]:
    with running(tmp_path_factory.mktemp("lab")) as found:
        yield found


@pytest.fixture
def stage(facts: Facts) -> Iterator[Stage]:
    played = Stage(facts)
    yield played
    for tenant in TENANTS:
        played.scene("reset", tenant)
