"""What Django and the product are told at start: from the environment, else from a running demo.

Importing this writes nothing and needs no key: `explain` and a lab's `probe` leave no trace.
"""

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import dj_database_url
from django.utils.csp import CSP
from django.utils.functional import lazy

from mailposture import keys, logs, runtime
from mailposture.adapters import targets

BASE_DIR: Final = Path(__file__).resolve().parent.parent
DATA_DIR: Final = runtime.data_dir(os.environ)
KEYS_DIR: Final = DATA_DIR / "keys"


def _read[T](name: str, read: Callable[[], T]) -> T:
    """A setting that cannot be read is the operator's to mend: one line, and exit 2."""
    try:
        return read()
    except ValueError as error:
        sys.stderr.write(f"{name} cannot be read: {error}\n")
        raise SystemExit(2) from None


PORT: Final = _read("PORT", lambda: int(os.environ.get("PORT") or 8000))

# --- what is watched, how often, and from whom ---------------------------------------------------

LAB: Final = runtime.lab(DATA_DIR)


def _setting(name: str, lab: str | None = None) -> str | None:
    """An environment variable, else what the running lab says."""
    found = os.environ.get(f"MAILPOSTURE_{name}")
    return found or (str(LAB[lab]) if LAB and lab else None)


def _span(name: str, usual: timedelta, in_lab: timedelta) -> timedelta:
    seconds = _setting(name)
    if seconds:
        return timedelta(seconds=_read(f"MAILPOSTURE_{name}", lambda: float(seconds)))
    return in_lab if LAB else usual


LAB_NETWORKS: Final = _read(
    "MAILPOSTURE_LAB_NETWORKS",
    lambda: targets.networks(_setting("LAB_NETWORKS", lab="networks") or ""),
)
SENDER_DOMAIN: Final = _setting("SENDER_DOMAIN")
EHLO_NAME: Final = _setting("EHLO_NAME")
RESOLVER: Final = _setting("RESOLVER", lab="resolver")
# Of the self-test of places: a tenant of the user's own, and the block lists to ask.
CANARY: Final = _setting("CANARY") or ""
BLOCK_LISTS: Final = tuple((_setting("BLOCK_LISTS") or "").replace(",", " ").split())
FETCH_EVERY: Final = _span("FETCH_EVERY", timedelta(minutes=15), timedelta(seconds=15))
PROBE_EVERY: Final = _span("PROBE_EVERY", timedelta(hours=6), timedelta(seconds=30))
# The clock that looks for what is due, in seconds.
TICK_EVERY: Final = float(_setting("TICK_EVERY") or (2 if LAB else 10))
LEASE: Final = _span("LEASE", timedelta(minutes=5), timedelta(seconds=30))
# A reading asks more of more servers than a shard does.
FETCH_LEASE: Final = LEASE * 3

# Imported traffic says who wrote to whom by domain: kept for so many days after its day.
TRAFFIC_DAYS: Final = _read(
    "MAILPOSTURE_TRAFFIC_DAYS", lambda: max(1, int(_setting("TRAFFIC_DAYS") or 90))
)

# --- how much is probed (docs/safety.md) ----------------------------------------------------------


def _rate(said: str) -> tuple[float, float]:
    minute, _, once = said.partition("/")
    found = float(minute), float(once)
    if not (0 < found[0] <= 1e9 and 1 <= found[1] <= 1e9):
        raise ValueError(f"{said!r} is not two numbers above zero like 120/240")
    return found


def _budget(name: str, usual: tuple[float, float]) -> tuple[float, float]:
    """Two numbers: so many a minute, and so many at once after a rest. A lab, which is nobody
    else's, takes more.
    """
    said = _setting(f"BUDGET_{name}")
    if said:
        return _read(f"MAILPOSTURE_BUDGET_{name}", lambda: _rate(said))
    return (usual[0] * 50, usual[1] * 50) if LAB else usual


# Conversations: with one door, for one tenant, from one place, and all together.
BUDGET_TARGET: Final = _budget("TARGET", (120, 240))
BUDGET_TENANT: Final = _budget("TENANT", (600, 1_200))
BUDGET_PLACE: Final = _budget("PLACE", (1_200, 2_400))
BUDGET_WHOLE: Final = _budget("WHOLE", (6_000, 12_000))
# What a place begins at one address of a front end in a minute, and holds there at once.
BUDGET_ADDRESS: Final = _budget("ADDRESS", (600, 20))

# --- who is told, and how ------------------------------------------------------------------------

# smtp://, starttls:// or smtps://, with credentials if the server wants some (docs/operations.md).
SMTP_URL: Final = os.environ.get("SMTP_URL") or (
    str(LAB["mailbox"]) if LAB and "mailbox" in LAB else None
)
MAIL_DOMAIN: Final = SENDER_DOMAIN or ("probe.example" if LAB else "localhost")
MAIL_FROM: Final = _setting("MAIL_FROM") or f"mailposture@{MAIL_DOMAIN}"

# --- where it is reached -------------------------------------------------------------------------

# Loopback always beside them: the sign-in link that a start prints, the supervisor's own question.
NAMES: Final = [n.strip() for n in os.environ.get("ALLOWED_HOSTS", "").split(",") if n.strip()]
ALLOWED_HOSTS = [*NAMES, "127.0.0.1", "localhost", "[::1]"]
BEHIND_HTTPS: Final = _setting("HTTPS") == "1"


def _reached() -> str:
    """What is typed to come here: the first whole name, where a proxy makes HTTPS of it."""
    whole = [name for name in NAMES if not name.startswith(".")]
    return f"https://{whole[0]}" if BEHIND_HTTPS and whole else f"http://127.0.0.1:{PORT}"


# What the links in a mail begin with: mails are read elsewhere.
PUBLIC_URL: Final = (_setting("PUBLIC_URL") or _reached()).rstrip("/")

# --- where things are kept -----------------------------------------------------------------------

BROKER_URL: Final = runtime.broker_url(DATA_DIR, os.environ)
# How vantage points elsewhere reach the queue, and the certificate (PEM) that its own stems from.
QUEUE_ELSEWHERE: Final = _setting("QUEUE_ELSEWHERE")
QUEUE_AUTHORITY: Final = _setting("QUEUE_AUTHORITY")

SQLITE: Final = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}


def _database(url: str | None) -> dict[str, Any]:
    found: dict[str, Any] = dict(
        dj_database_url.parse(
            url or f"sqlite:///{DATA_DIR / 'mailposture.sqlite3'}", conn_health_checks=True
        )
    )
    if found["ENGINE"] == "django.db.backends.sqlite3":
        found["ENGINE"] = "mailposture.sqlite"
        found["OPTIONS"] = {**SQLITE, **found.get("OPTIONS", {})}
    else:
        # libpq's own variable holds a password that no address has to be made of.
        found["PASSWORD"] = found.get("PASSWORD") or os.environ.get("PGPASSWORD", "")
    return found


DATABASES = {"default": _database(runtime.database_url(DATA_DIR, os.environ))}

# --- Django --------------------------------------------------------------------------------------

# Made or read when first used, not when imported.
SECRET_KEY = lazy(keys.django_secret, str)(KEYS_DIR)
DEBUG = False
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "mailposture",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "mailposture.urls"
ASGI_APPLICATION = "mailposture.asgi.application"
LOGIN_URL = "signin"
LOGIN_REDIRECT_URL = "/"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "mailposture.web.rail.rail",
            ]
        },
    }
]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
LOGGING = logs.configuration()

# --- static files: served from the source folder, no collecting step ------------------------------

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_USE_STATIC_ROOT = False
SERVESTATIC_ALLOW_ALL_ORIGINS = False

# --- what a browser may do -----------------------------------------------------------------------

# The hash is that of an empty style element, which plotly makes; nothing else inline is allowed.
EMPTY_STYLE: Final = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF, EMPTY_STYLE],
    "connect-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:", "blob:"],
    "font-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
# Sign-in links stand in addresses, and loopback has no certificate: cookies are marked for HTTPS
# where the operator says that a proxy in front speaks it.
SESSION_COOKIE_NAME = "mailposture_session"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_HTTPS
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
if BEHIND_HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = int(timedelta(days=30).total_seconds())
    # .contoso.com means every name below it, which is written with a star here.
    CSRF_TRUSTED_ORIGINS = [f"https://{'*' * name.startswith('.')}{name}" for name in NAMES]
