"""HTTP beneath the reader and msal: no redirect, no packed body, and an end to every answer.

The timeouts of `requests` are for each read from the socket, so that a server that sends a byte
now and then is within them for ever, in its headers as in its body. Here every read from the
socket gets what is left of one time for the whole answer, and no more.
"""

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http import client
from socket import SocketIO, socket
from typing import Any, Final, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPSConnectionPool
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ReadTimeoutError

from mailposture.adapters.exchange.clouds import Cloud
from mailposture.adapters.exchange.errors import ExchangeError

# 32 KB a read: what is asked for at once, not what is waited for in one go.
PIECE: Final = 32 * 1024
_ENDS: ContextVar[float | None] = ContextVar("ends", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give all that is asked and heard in this block so many seconds together."""
    token = _ENDS.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ENDS.reset(token)


class _Timely(io.RawIOBase):
    """A socket's bytes until a moment, and after it a TimeoutError."""

    def __init__(self, raw: SocketIO, sock: socket, ends: float) -> None:
        self._raw, self._sock, self._ends = raw, sock, ends
        self._patience = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for the whole answer is over")
        self._sock.settimeout(left if self._patience is None else min(left, self._patience))
        try:
            return self._raw.readinto(buffer)
        finally:
            self._sock.settimeout(self._patience)  # the next request starts afresh

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(client.HTTPResponse):
    """An answer whose every byte, from the first of its headers on, is within the time."""

    def __init__(self, sock: socket, *given: Any, **named: Any) -> None:
        super().__init__(sock, *given, **named)
        if (ends := _ENDS.get()) is not None:
            raw = cast("SocketIO", self.fp.detach())
            self.fp = io.BufferedReader(_Timely(raw, sock, ends))


class _Connection(HTTPSConnection):
    response_class = _Response


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection


class _Adapter(HTTPAdapter):
    """What makes connections, directly and through a proxy."""

    def init_poolmanager(self, *given: Any, **named: Any) -> None:
        super().init_poolmanager(*given, **named)
        self.poolmanager.pool_classes_by_scheme = {"https": _Pool}

    def proxy_manager_for(self, proxy: Any, **named: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **named)
        manager.pool_classes_by_scheme = {**manager.pool_classes_by_scheme, "https": _Pool}
        return manager


class _Session(requests.Session):
    """Follows no redirect, and does not even prepare to: that would read body and target."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Nowhere."""
        del resp
        return None


def session(cloud: Cloud) -> requests.Session:
    """A session that trusts what the cloud is trusted by, and follows nothing by itself."""
    made = _Session()
    made.mount("https://", _Adapter())
    # A packed body grows in memory past any cap on what was sent.
    made.headers["Accept-Encoding"] = "identity"
    if cloud.ca:
        # REQUESTS_CA_BUNDLE would silently win over verify, and a proxy knows no loopback.
        made.trust_env = False
        made.verify = cloud.ca
    return made


def body(response: requests.Response, most: int) -> bytes:
    """Read a streamed answer; ExchangeError where it is packed or has more than `most` bytes."""
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise _refusal(
            "encoding-refused", "The answer is packed, and was not asked to be.", response
        )
    read = bytearray()
    try:
        for piece in response.iter_content(PIECE):
            read += piece
            if len(read) > most:
                raise _refusal("too-big", "The answer is too big.", response)
    except requests.exceptions.ConnectionError as broken:
        # requests calls a body that came too late a broken connection.
        if broken.args and isinstance(broken.args[0], ReadTimeoutError):
            raise requests.exceptions.ReadTimeout("the body came too late") from None
        raise
    return bytes(read)


def _refusal(cause: str, says: str, response: requests.Response) -> ExchangeError:
    return ExchangeError(cause, says, permanent=True, status=response.status_code)
