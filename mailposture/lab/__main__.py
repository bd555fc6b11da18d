"""`python -m mailposture.lab --dir DIR`: run the lab until told to stop."""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

from mailposture.lab.frontend import NoPortError
from mailposture.lab.run import NoAddressError, run
from mailposture.lab.store import BusyError


def main(arguments: list[str] | None = None) -> int:
    """Run; 2 when it cannot, with one line that says why."""
    parser = argparse.ArgumentParser(prog="mailposture.lab", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="folder for its state and facts")
    parser.add_argument("--with-parent", action="store_true", help="end when the parent dies")
    options = parser.parse_args(arguments)
    try:
        asyncio.run(run(options.dir, with_parent=options.with_parent, ready=say_ready))
    except (BusyError, NoAddressError, NoPortError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def say_ready(facts: dict[str, Any]) -> None:
    """Tell whoever started it that everything listens."""
    sys.stdout.write(f"the lab is up, SMTP on port {facts['smtp_port']}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
