"""The one exception that leaves this adapter, and the words of a server made safe to keep."""

import re

LONGEST = 500

# What Microsoft says in every error, whatever the error is.
_TRACE = re.compile(r"\s*Trace ID: .*$", re.DOTALL)


class ExchangeError(Exception):
    """Exchange Online, or what signs in to it, did not give what was asked.

    `cause` is a stable slug, `status` the HTTP status (0 where there was none), `says` what the
    server said, bounded and without control characters. A permanent error needs a person. No
    secret and no token is ever in it.
    """

    def __init__(
        self,
        cause: str,
        says: str = "",
        *,
        permanent: bool,
        status: int = 0,
        retry_after: float | None = None,
    ) -> None:
        self.cause, self.permanent, self.status = cause, permanent, status
        self.says = clean(says)
        self.retry_after = retry_after
        super().__init__(str(self))

    def __str__(self) -> str:
        code = f" ({self.status})" if self.status else ""
        return f"{self.cause}{code}: {self.says}" if self.says else f"{self.cause}{code}"


def clean(text: str) -> str:
    """A server's words without NUL, control characters and trace numbers, and not too long."""
    printable = "".join(c if c.isprintable() else " " for c in _TRACE.sub("", text))
    short = " ".join(printable.split())
    return short if len(short) <= LONGEST else short[: LONGEST - 1] + "…"
