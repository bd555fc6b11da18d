"""Hold the conversations of an order at its pace, and no more of them than servers will have.

With one address so many are held at once, and so many begun in a minute. The conversations of one
path begin together or not at all: half an answer would be taken for another answer. Once several
in a row were asked for less, no further path is begun; nor when the order's time is nearly over.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Final

from mailposture.adapters import smtp, tls
from mailposture.core.pacing import asks_for_less
from mailposture.core.smtp.transcript import Transcript
from mailposture.core.work import Pace, PutOff

# The least time in which paths are begun, where an order's whole time is short.
FIRST_SECONDS: Final = 5.0

type Held = Sequence[Transcript] | PutOff


async def converse(
    paths: Sequence[Sequence[smtp.Order]], pace: Pace, seconds: float, *, first: int = 0
) -> list[Held]:
    """For each path its transcripts, or why it was put off; `seconds` is all the time there is.

    Begun is with the path of number `first`, so that what is put off is not always the same.
    ValueError where an order cannot be carried out: ask ``smtp.why_not`` before.
    """
    limits = smtp.Limits(session=min(smtp.Limits().session, seconds))
    going = _Going(pace=pace, limits=limits, ends=_now() + seconds)
    going.begin_until = _now() + max(
        min(pace.seconds, seconds) - limits.session, min(FIRST_SECONDS, seconds / 3)
    )
    order = [(n + first) % len(paths) for n in range(len(paths))]
    async with asyncio.TaskGroup() as group:
        tasks = {n: group.create_task(going.path(paths[n])) for n in order}
    return [tasks[n].result() for n in range(len(paths))]


def _now() -> float:
    return asyncio.get_running_loop().time()


class _Address:
    """One front end: how many conversations are held with it, and when the next may begin."""

    def __init__(self, pace: Pace) -> None:
        self.turns = asyncio.Semaphore(max(pace.at_once, 1))
        self._apart = 60 / pace.a_minute if pace.a_minute > 0 else float("inf")
        self._next = _now()

    def begin(self) -> float:
        """When a conversation may begin here; the one after it so much later."""
        at = max(self._next, _now())
        self._next = at + self._apart
        return at


@dataclass(slots=True, kw_only=True)
class _Going:
    """An order that is being gone about."""

    pace: Pace
    limits: smtp.Limits
    ends: float
    begin_until: float = 0.0
    # Answers in a row that asked for less.
    asked: int = 0
    trust: tls.Trust = field(default_factory=tls.system_trust)
    alarm: smtp.Alarm = field(default_factory=smtp.Alarm)
    addresses: dict[str, _Address] = field(default_factory=dict)

    async def path(self, orders: Sequence[smtp.Order]) -> Held:
        """Hold the conversations of one path, or say why they were not begun."""
        async with AsyncExitStack() as turns:
            # In one order everywhere: two paths never wait for each other's.
            addresses = [self._address(a) for a in sorted({o.address for o in orders})]
            for address in addresses:
                await turns.enter_async_context(address.turns)
            if why := self._why_not(_now()):
                return why
            at = max((address.begin() for address in addresses), default=0.0)
            if why := self._why_not(at):
                return why
            await asyncio.sleep(max(at - _now(), 0))
            if why := self._why_not(at):
                return why
            limits = replace(self.limits, session=min(self.limits.session, self.ends - _now()))
            return await asyncio.gather(*(self._converse(order, limits) for order in orders))

    def _address(self, address: str) -> _Address:
        if address not in self.addresses:
            self.addresses[address] = _Address(self.pace)
        return self.addresses[address]

    def _why_not(self, at: float) -> PutOff | None:
        if self.asked >= self.pace.patience:
            return PutOff.SLOW_DOWN
        return PutOff.NO_TIME if at > self.begin_until else None

    async def _converse(self, order: smtp.Order, limits: smtp.Limits) -> Transcript:
        said = await smtp.converse(order, limits, trust=self.trust, alarm=self.alarm)
        if asks_for_less(said):
            self.asked += 1
        elif said.replies and self.asked < self.pace.patience:
            self.asked = 0
        return said
