"""Whether port 25 is open outward: from this machine, and as each vantage point's probes tell.

Only doors that are probed anyway are tried, and nothing is named to them: no sender, no recipient.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from mailposture import models
from mailposture.adapters import ports, targets
from mailposture.core.smtp.transcript import Ended
from mailposture.core.verdict import Cause
from mailposture.core.words import joined
from mailposture.services import clouds
from mailposture.services.doctor.lines import Line, ok, problem, warning

WHAT: Final = "port 25"
SECONDS: Final = 5.0
# So many doors at different addresses, where none before answered.
MOST_DOORS: Final = 3
# So many silent answers of a place are read whole, the newest.
MOST_READ: Final = 50
UNBLOCK: Final = (
    "Ask the provider of {whose} to unblock outgoing port 25:"
    " a vantage point behind a blocked port can prove nothing."
)
_MET: Final = Count(
    "pk", filter=~Q(current__cause=Cause.NO_ANSWER) & ~Q(current__cause=Cause.NOT_TRIED)
)
_SILENT: Final = Count("pk", filter=Q(current__cause=Cause.NO_ANSWER))

type Door = tuple[str, str, int]


# ---- from this machine -------------------------------------------------------------------


def from_here() -> Line:
    """Try a door; another where that one is silent, since it may be the door and not the way."""
    doors = _doors()
    if not doors:
        return warning(
            WHAT,
            "Not established from here: no door is known, so there is nothing to try yet.",
            "Read a tenant first, then ask again.",
        )
    silent = []
    for host, address, port in doors:
        tried = ports.greeting(address, port, SECONDS)
        if tried.greeting:
            return _open(host, address, port, tried.greeting)
        if not tried.silent:
            says = f"Not established from here: {host} at {address}, port {port}: {tried.why}."
            return warning(
                WHAT, says, "Ask again; should it stay so, something on the way answers."
            )
        silent.append(f"{host} at {address}")
    if _at_home(doors[0]):
        says = f"Of the lab: {silent[0]} does not answer. Of port 25 this says nothing."
        return warning(WHAT, says, "Start the lab, or heal its doors.")
    says = f"Blocked, it seems: within {SECONDS:.0f} s no door answers here: {joined(silent)}."
    return problem(WHAT, says, UNBLOCK.format(whose="this machine"))


def _open(host: str, address: str, port: int, greeting: str) -> Line:
    if targets.in_lab(address, settings.LAB_NETWORKS):
        says = (
            f"Of the lab: {host} answers on port {port}: {greeting}. Of port 25 this says nothing."
        )
        return ok(WHAT, says)
    return ok(WHAT, f"Open from here: {host} at {address} greets with: {greeting}")


def _at_home(door: Door) -> bool:
    return targets.in_lab(door[1], settings.LAB_NETWORKS)


def _doors() -> list[Door]:
    """Doors of tenants under watch at different addresses; the lab's only where no other is."""
    rows = models.Endpoint.objects.filter(tenant__paused_at=None, tenant__setup_step=None)
    found: dict[str, Door] = {}
    for host, port, addresses in rows.order_by("pk").values_list("host", "port", "addresses"):
        allowed = (a for a in addresses if ":" not in a and _may(host, a, port))
        for address in allowed:
            found.setdefault(address, (host, address, port))
    real = [door for door in found.values() if not _at_home(door)]
    return (real or [*found.values()])[:MOST_DOORS]


def _may(host: str, address: str, port: int) -> bool:
    """Held to the same rule as a probe."""
    try:
        targets.may_target(host, address, port, settings.LAB_NETWORKS)
    except targets.Refusal:
        return False
    return True


# ---- from each vantage point -------------------------------------------------------------


def from_places() -> Iterator[Line]:
    """What the standing answers of each place say of its way out. No network is used.

    The lab's tenants count only where no other is watched: its doors are at another port.
    """
    tenants = models.Tenant.objects.filter(paused_at=None, setup_step=None)
    real = tenants.exclude(cloud=clouds.LAB)
    only_lab = not real.exists()
    standing = models.Path.objects.filter(
        retired_at=None, current__isnull=False, tenant__in=tenants if only_lab else real
    )
    known = {
        row["vantage_point"]: (row["met"], row["silent"])
        for row in standing.order_by().values("vantage_point").annotate(met=_MET, silent=_SILENT)
    }
    for place in models.VantagePoint.objects.filter(enabled=True).order_by("slug"):
        found = _place(place, standing, *known.get(place.pk, (0, 0)))
        yield replace(found, says=f"Of the lab: {found.says}") if only_lab and known else found


def _place(
    place: models.VantagePoint, standing: QuerySet[models.Path], met: int, silent: int
) -> Line:
    what, total = f"{WHAT} from {place.slug}", met + silent
    if not total:
        says = "Not established: none of its probes of the tenants' doors has ended yet."
        return warning(what, says, "Let it finish a round, then ask again.")
    read, in_vain = _in_vain(standing.filter(vantage_point=place, current__cause=Cause.NO_ANSWER))
    if met:
        tail = f"; of the last {read} silent ones {in_vain} waited in vain" if in_vain else ""
        return ok(what, f"Open: {met:,} of its {total:,} last answers came from a door{tail}.")
    if read and in_vain == read:
        says = (
            f"Blocked: of its {total:,} last answers none came from a door; each of the last"
            f" {read} waited in vain for a connection to every front end."
        )
        return problem(what, says, UNBLOCK.format(whose=f"the vantage point {place.slug}"))
    says = (
        f"Not established: no door answered, but only {in_vain} of the last {read} waited in vain"
        " for a connection to every front end."
    )
    return warning(what, says, "Open one of its observations: it says how each ended.")


def _in_vain(silent: QuerySet[models.Path]) -> tuple[int, int]:
    """How many of these were read, and how many of them met no connection at any front end."""
    newest = silent.order_by("-current__first_at", "-pk")
    found = list(newest.values_list("current__tries", flat=True)[:MOST_READ])
    return len(found), sum(map(_all_timed_out, found))


def _all_timed_out(tries: Sequence[dict[str, dict[str, object]]]) -> bool:
    ends = {str(one.get("transcript", {}).get("ended", "")) for one in tries}
    return ends == {Ended.CONNECT_TIMEOUT}
