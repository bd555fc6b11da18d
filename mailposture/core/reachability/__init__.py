"""The exact sets of hosts that may deliver to a tenant, and how a change moves them."""

from mailposture.core.reachability.compare import Comparison, Moved, Together, compare
from mailposture.core.reachability.questions import CLASSES, FOREIGN, NULL, OWN
from mailposture.core.reachability.regions import (
    ANY_RECIPIENT,
    NOBODY_REACHES,
    Reach,
    Reachability,
    Region,
    reachability,
)
from mailposture.core.reachability.witness import PUBLIC, Witness, smallest, witness

__all__ = [
    "ANY_RECIPIENT",
    "CLASSES",
    "FOREIGN",
    "NOBODY_REACHES",
    "NULL",
    "OWN",
    "PUBLIC",
    "Comparison",
    "Moved",
    "Reach",
    "Reachability",
    "Region",
    "Together",
    "Witness",
    "compare",
    "reachability",
    "smallest",
    "witness",
]
