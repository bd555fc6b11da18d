"""Paths that a place put off: what was known of them stands, and their rows say why they wait."""

from collections.abc import Mapping, Sequence
from typing import Final

from mailposture import models
from mailposture.core.work import Answer, PutOff

WHY: Final[Mapping[str, str]] = {
    PutOff.SLOW_DOWN: "Not tried: the server asked us to slow down.",
    PutOff.NO_TIME: "Not tried: the answers before it took all the time there was.",
}


def was(answer: Answer) -> bool:
    """Whether this path was not asked."""
    return answer.put_off is not None and not answer.tries


def note(shard: models.Shard, answers: Sequence[Answer]) -> None:
    """Write down which of this shard's paths were put off, and which are not any more."""
    asked = {target["path"] for target in shard.targets}
    found: dict[str, set[int]] = {}
    for answer in answers:
        if answer.put_off and was(answer) and answer.path in asked:
            found.setdefault(answer.put_off, set()).add(answer.path)
    waiting = set[int]().union(*found.values())
    paths = models.Path.objects.filter(tenant_id=shard.tenant_id)
    paths.filter(pk__in=asked - waiting).exclude(put_off="").update(put_off="")
    for why, late in found.items():
        paths.filter(pk__in=late).update(put_off=why)
