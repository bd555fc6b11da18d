"""What works here and what does not, in words, each with how to mend it. Bounded in time."""

from collections.abc import Callable, Iterator
from datetime import datetime

from mailposture.services.doctor import machine, port25, reach, stands, watched
from mailposture.services.doctor.lines import Level, Line

__all__ = ["Level", "Line", "examine"]

type Clock = Callable[[], datetime]


def examine(clock: Clock, *, tenant: str = "", offline: bool = False) -> Iterator[Line]:
    """Look at everything, or without the network; `tenant` names the one whose grants are asked."""
    yield from machine.keys()
    yield machine.disk()
    well = True
    for line in stands.database(clock):
        well = well and line.level is not Level.PROBLEM
        yield line
    if not offline:
        yield from stands.queue(clock)
        yield reach.mail(tables=well)
        yield reach.names(tables=well)
    if not well:
        return
    if not offline:
        yield port25.from_here()
    yield from reach.given_up(clock())
    yield from watched.workers(clock())
    yield from watched.places(clock())
    yield from port25.from_places()
    yield from watched.credentials()
    if not offline:
        yield from watched.tenants(clock, tenant)
