"""Who is known to send to a tenant, and who of them a change would cut off."""

from mailposture.core.senders.known import (
    Envelope,
    How,
    KnownSender,
    Seen,
    from_spf,
    from_traffic,
    named,
)
from mailposture.core.senders.losing import Fare, Losses, Row, Turn, losing
from mailposture.core.senders.strangers import Strangers
from mailposture.core.senders.words import SURE, Sure

__all__ = [
    "SURE",
    "Envelope",
    "Fare",
    "How",
    "KnownSender",
    "Losses",
    "Row",
    "Seen",
    "Strangers",
    "Sure",
    "Turn",
    "from_spf",
    "from_traffic",
    "losing",
    "named",
]
