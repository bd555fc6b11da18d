#!/usr/bin/env python
"""Run one of the product's commands; `manage.py help` lists them."""

import os
import re
import sys

from django.core.management import execute_from_command_line
from django.db import OperationalError, ProgrammingError

# As SQLite and PostgreSQL say it.
NO_TABLE = re.compile(r"no such (table|column)|relation .* does not exist")

if __name__ == "__main__":
    # Database, keys and logs are for this user alone, whichever command makes them first.
    os.umask(0o077)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailposture.settings")
    try:
        execute_from_command_line(sys.argv)
    except (OperationalError, ProgrammingError) as error:
        if not NO_TABLE.search(str(error)):
            raise
        sys.exit("The database has no tables of this version: run `manage.py migrate` first.")
