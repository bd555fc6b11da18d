"""Long files, sent piece by piece while they are made: nobody waits for the whole of one."""

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse


def sent(
    request: HttpRequest, pieces: Iterator[str], name: str, kind: str
) -> StreamingHttpResponse:
    """The file under this name. Between two pieces nothing is held: each asks for its own rows."""
    content = _one_by_one(pieces) if isinstance(request, ASGIRequest) else pieces
    answer = StreamingHttpResponse(content, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "private, no-store"
    return answer


async def _one_by_one(pieces: Iterator[str]) -> AsyncIterator[str]:
    """Each made in a thread, so that the event loop serves others meanwhile."""
    following = sync_to_async(lambda: next(pieces, None))
    while (piece := await following()) is not None:
        yield piece
