"""Paste a reply or a bounce, and read which control answered. Nothing of it is kept."""

from dataclasses import dataclass
from typing import Final

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from mailposture.core import proofs, replies
from mailposture.core.proofs import Proof
from mailposture.core.replies import STAGES
from mailposture.core.signs import Name, Sign

MOST: Final = 1_000_000
# The browser's own words around the text: boundaries, the token, the stage.
AROUND: Final = 4_096
# In an address there is room for a line, not for a bounce.
MOST_IN_ADDRESS: Final = 2_000
MOST_SHOWN: Final = 600
TOO_LONG: Final = (
    "Longer than 1 MB. Paste the reply alone, or the part of the bounce that quotes it."
)
TOO_LONG_IN_ADDRESS: Final = "Too long for an address. Paste it here instead."
EMPTY: Final = "Paste a reply first."

STAGE_WORDS: Final = {
    "connect": "connect: the greeting",
    "ehlo": "EHLO",
    "starttls": "STARTTLS",
    "mail": "MAIL FROM",
    "rcpt": "RCPT TO",
    "data": "DATA",
    "eod": "end of data",
}
CONNECTOR: Final = (
    "550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched "
    "the message's recipient domain."
)
DIRECT_SEND: Final = (
    "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from "
    "unauthorized sources"
)
EXAMPLES: Final = (CONNECTOR, DIRECT_SEND, "250 2.1.5 Recipient OK")


@dataclass(frozen=True, slots=True)
class Answer:
    """A sign with what it proves, its name in words, and the line of a longer text that decided."""

    sign: Sign
    proof: Proof
    line: str

    @property
    def sentence(self) -> str:
        """Who answered, as a page's first sentence."""
        if self.sign.name is Name.ACCEPTED:
            return "The server said yes."
        if self.sign.control is None:
            return "No control of the tenant answered."
        control = self.sign.control
        if self.sign.name is Name.RELAY_DENIED:
            return "The service found no tenant to take this for."
        definite = control if control[0].isupper() else f"the {control}"
        return f"{definite[0].upper()}{definite[1:]} answered."


def answer(text: str, stage: str) -> Answer:
    """Classify a text; an empty stage is not known."""
    sign, piece = replies.decided(text, stage or None)
    return Answer(sign, proofs.proof(sign), _line(text, piece))


def _line(text: str, piece: str) -> str:
    """The piece that decided as it was pasted; nothing where the text is no more than that."""
    whole, line = " ".join(text.split()), " ".join(piece.split())
    if line.lower() == whole.lower():
        return ""
    at = whole.lower().find(line.lower())
    written = whole[at : at + len(line)] if at >= 0 else ""
    line = written if written.lower() == line.lower() else line
    return line if len(line) <= MOST_SHOWN else f"{line[:MOST_SHOWN]}…"


# The middleware would read the whole form for its token before anybody has looked at the size;
# so the size is looked at first, and the token right after.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def explain(request: HttpRequest) -> HttpResponse:
    """The page: a text, the stage it was said at, and the answer."""
    size = request.META.get("CONTENT_LENGTH") or "0"
    if size.isdigit() and int(size) > MOST + AROUND:
        return _page(request, error=TOO_LONG, status=413)
    return _explained(request)


@csrf_protect
def _explained(request: HttpRequest) -> HttpResponse:
    try:
        given = request.POST if request.method == "POST" else request.GET
    except RequestDataTooBig:
        return _page(request, error=TOO_LONG, status=413)
    text, stage = given.get("reply", ""), given.get("stage", "")
    stage = stage if stage in STAGES else ""
    if request.method != "POST" and len(text) > MOST_IN_ADDRESS:
        return _page(request, error=TOO_LONG_IN_ADDRESS, status=414)
    if len(text.encode(errors="replace")) > MOST:
        return _page(request, error=TOO_LONG, status=413)
    error = EMPTY if request.method == "POST" and not text.strip() else ""
    return _page(request, text=text, stage=stage, error=error)


def _page(
    request: HttpRequest, *, text: str = "", stage: str = "", error: str = "", status: int = 200
) -> HttpResponse:
    stages = [(name, STAGE_WORDS[name], name == stage) for name in STAGES]
    found = answer(text, stage) if text.strip() and not error else None
    context = {
        "text": text,
        "stages": stages,
        "error": error,
        "found": found,
        "examples": EXAMPLES,
    }
    return render(request, "explain/explain.html", context, status=status)
