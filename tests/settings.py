"""The product's settings on a data folder of this test process alone.

`python -m tests.on_postgres` runs the same tests on a PostgreSQL, which it names here.
"""

import atexit
import os
import shutil
import tempfile

OURS = ("PORT", "DATA_DIR", "DATABASE_URL", "BROKER_URL", "ALLOWED_HOSTS", "SMTP_URL")
for name in [n for n in os.environ if n in OURS or n.startswith("MAILPOSTURE_")]:
    del os.environ[name]
os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="mailposture-tests-")
atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)
if on_postgres := os.environ.get("TESTS_DATABASE_URL"):
    os.environ["DATABASE_URL"] = on_postgres

from mailposture.settings import *  # noqa: E402, F403  the environment above must come first

# Commands that tests start as processes of their own are told a database of their own.
os.environ.pop("DATABASE_URL", None)

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
