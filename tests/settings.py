"""The product's settings on a data folder of this test process alone."""

import atexit
import os
import shutil
import tempfile

OURS = ("PORT", "DATA_DIR", "DATABASE_URL", "BROKER_URL", "ALLOWED_HOSTS")
for name in [n for n in os.environ if n in OURS or n.startswith("MAILPOSTURE_")]:
    del os.environ[name]
os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="mailposture-tests-")
atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)

from mailposture.settings import *  # noqa: E402, F403  the environment above must come first

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
