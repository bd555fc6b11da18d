"""One lab for each test process, taken back to its stories after a test that moved it."""

from collections.abc import Iterator

import pytest

from tests.lab.hosts import Facts, Stage, running_here


@pytest.fixture(scope="session")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facts]:
    with running_here(tmp_path_factory.mktemp("lab")) as found:
        yield found


@pytest.fixture
def stage(facts: Facts) -> Iterator[Stage]:
    played = Stage(facts)
    yield played
    for tenant in sorted(played.touched):
        played.scene("reset", tenant)
