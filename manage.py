#!/usr/bin/env python
"""Run one of the product's commands; `manage.py help` lists them."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    # Database, keys and logs are for this user alone, whichever command makes them first.
    os.umask(0o077)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailposture.settings")
    execute_from_command_line(sys.argv)
