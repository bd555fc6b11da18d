"""The exact sets of hosts that may deliver to a tenant, and how a change moves them."""

from mailposture.core.reachability.questions import CLASSES, FOREIGN, NULL, OWN
from mailposture.core.reachability.regions import (
    ANY_RECIPIENT,
    NOBODY_REACHES,
    Reach,
    Reachability,
    Region,
    reachability,
)

__all__ = [
    "ANY_RECIPIENT",
    "CLASSES",
    "FOREIGN",
    "NOBODY_REACHES",
    "NULL",
    "OWN",
    "Reach",
    "Reachability",
    "Region",
    "reachability",
]
