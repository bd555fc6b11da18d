"""What is turned away before the site reads it: endless uploads, and clear text from elsewhere.

Django keeps a whole body before any view is asked who sent it; so its size is bounded here. And
the site answers to loopback names always, so that where a request came in is looked at here too:
an address of the network without HTTPS would carry passwords and cookies for all to read.
"""

import ipaddress
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final

type Event = Mapping[str, Any]
type Scope = dict[str, Any]
type Receive = Callable[[], Awaitable[Event]]
type Send = Callable[[Event], Awaitable[None]]
type Application = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]

# The largest thing anybody sends is a form with a few thousand addresses.
MOST_BYTES: Final = 1_000_000
TOO_LARGE: Final = f"Larger than {MOST_BYTES // 1_000_000} MB: nothing here takes so much.\n"
CLEAR_TEXT: Final = (
    "This site speaks clear text on this machine's loopback addresses alone. Put a proxy before it "
    "that speaks HTTPS, and set MAILPOSTURE_HTTPS=1.\n"
)


def guarded(application: Application, *, https: bool) -> Application:
    """The same application behind both bounds; `https`: a proxy in front speaks it."""

    async def entrance(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
        elif not https and not _came_in_here(scope):
            await _refuse(send, 400, CLEAR_TEXT)
        elif _declared(scope) > MOST_BYTES:
            await _refuse(send, 413, TOO_LARGE)
        else:
            counted = _Counted(receive, send)
            await application(scope, counted.receive, counted.send)
            if counted.over and not counted.answered:
                await _refuse(send, 413, TOO_LARGE)

    return entrance


class _Counted:
    """One exchange of which the body is counted; over the bound the sender is as good as gone."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._bytes = 0
        self.over = self.answered = False

    async def receive(self) -> Event:
        """The next part, or the end where there were too many."""
        event = await self._receive()
        if event["type"] == "http.request":
            self._bytes += len(event.get("body", b""))
            self.over = self._bytes > MOST_BYTES
        return {"type": "http.disconnect"} if self.over else event

    async def send(self, event: Event) -> None:
        """Pass on what the application answers."""
        self.answered = True
        await self._send(event)


def _came_in_here(scope: Scope) -> bool:
    """Whether it came in at a loopback address or a socket file; unknown counts as such."""
    server = scope.get("server")
    if server is None or server[1] is None:
        return True
    name = str(server[0])
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _declared(scope: Scope) -> int:
    """How many bytes the sender announces; no number is nothing, and is counted as it comes."""
    found = [value for name, value in scope["headers"] if name == b"content-length"]
    return max((int(value) for value in found if value.isdigit()), default=0)


async def _refuse(send: Send, status: int, says: str) -> None:
    """Answer in one line, and hang up: the rest of what is sent is not read."""
    content = says.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(content)).encode()),
        (b"connection", b"close"),
    ]
    await send(
        {"type": "http.response.start", "status": status, "headers": headers, "trailers": False}
    )
    await send({"type": "http.response.body", "body": content, "more_body": False})
