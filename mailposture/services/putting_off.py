"""Paths that a place put off: what was known of them stands, and their rows say why they wait."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from mailposture import models
from mailposture.core.work import Answer, PutOff

WHY: Final[Mapping[str, str]] = {
    PutOff.SLOW_DOWN: "the server asked us to slow down",
    PutOff.NO_TIME: "the answers before took all the time there was",
}


def was(answer: Answer) -> bool:
    """Whether this path was not asked."""
    return answer.put_off is not None and not answer.tries


def sentences(reasons: Iterable[str]) -> Iterator[str]:
    """How many paths wait for the next round, and why; of each path its reason, or nothing."""
    for why, count in sorted(Counter(filter(None, reasons)).items()):
        paths = f"{count:,} path was" if count == 1 else f"{count:,} paths were"
        yield f"{paths} not tried: {WHY[why]}. The next round asks; what was seen before stands."


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
