"""Run pytest on one real PostgreSQL: `python -m tests.on_postgres [what pytest takes]`.

Only the tests that touch a database are run (tests/conftest.py chooses them); every process of
pytest-xdist has a database of its own there, and so has every demo. It fails where PostgreSQL
cannot be started: nothing is left out for want of it.
"""

import os
import subprocess
import sys

import psycopg

from tests.servers import postgres

# This server dies with the run: nothing of it has to outlive a power cut.
HURRY = ("fsync", "synchronous_commit", "full_page_writes")


def main() -> int:
    """Start the server, run the tests, stop it; the exit code is pytest's."""
    with postgres() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            for setting in HURRY:
                connection.execute(f"alter system set {setting} = off")
            connection.execute("select pg_reload_conf()")
        environment = {**os.environ, "TESTS_DATABASE_URL": url}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *sys.argv[1:]], env=environment, check=False
        )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
