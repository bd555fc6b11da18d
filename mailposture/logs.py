"""How log lines look, and the one thing that may never stand in one: a sign-in token."""

import logging
import re
from typing import Any, Final, override

TOKEN: Final = re.compile(r"(/start/)[^\s\"'?#]+")


class WithoutTokens(logging.Filter):
    """Blot out sign-in tokens, whoever logs the path that holds one."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if "/start/" in said:
            record.msg, record.args = TOKEN.sub(r"\1...", said), ()
        return True


def configuration(level: str = "INFO") -> dict[str, Any]:
    """One console handler for everything, behind the filter; Python's own format."""
    console = {
        "class": "logging.StreamHandler",
        "formatter": "line",
        "filters": ["without_tokens"],
    }
    ours = {"handlers": ["console"], "level": level, "propagate": False}
    names = ("mailposture", "django", "uvicorn", "uvicorn.access", "uvicorn.error")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"without_tokens": {"()": f"{__name__}.{WithoutTokens.__name__}"}},
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
        "handlers": {"console": console},
        "root": {"handlers": ["console"], "level": "WARNING"},
        "loggers": dict.fromkeys(names, ours),
    }
