"""Sign what the centre orders; believe of vantage points what they signed, and nothing else."""

import logging
from typing import Any

from django.conf import settings

from mailposture import keys, models, seals
from mailposture.core import codec, work
from mailposture.core.work import Envelope, Hello, HelloBack, Result

log = logging.getLogger(__name__)


def centre_key() -> str:
    """The public key that a vantage point pins: orders of no other are taken."""
    return seals.public_of(keys.orders(settings.KEYS_DIR))


def order(envelope: Envelope) -> dict[str, str]:
    """An order, signed."""
    return seals.seal(work.ORDER, codec.dump(envelope), keys.orders(settings.KEYS_DIR))


def hello(question: Hello) -> dict[str, str]:
    """The question whether a vantage point is there, signed."""
    return seals.seal(work.HELLO, codec.dump(question), keys.orders(settings.KEYS_DIR))


def result(message: object) -> Result | None:
    """What a vantage point reports; None, and a line in the log, for what it did not sign."""
    return _read(work.RESULT, message, Result)


def hello_back(message: object) -> HelloBack | None:
    """A vantage point's word that it is there; None, and a line in the log, likewise."""
    return _read(work.HELLO_BACK, message, HelloBack)


def _read[T](purpose: str, message: object, kind: type[T]) -> T | None:
    try:
        said = _believed(purpose, message)
        return codec.load(kind, said)
    except (seals.SealError, codec.CodecError) as reason:
        log.warning("dropped %s", reason)
        return None


def _believed(purpose: str, message: object) -> dict[str, Any]:
    slug = seals.said_by(purpose, message)
    known = models.VantagePoint.objects.filter(slug=slug[:63]).exclude(public_key="")
    public = known.values_list("public_key", flat=True).first()
    if public is None:
        raise seals.SealError(f"a {purpose} of a place that has not joined")
    return seals.unseal(purpose, message, public)
