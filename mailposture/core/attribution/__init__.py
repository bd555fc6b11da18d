"""How Exchange Online attributes one session to a tenant and a connector, and what it answers."""

from mailposture.core.attribution.assumptions import (
    ASSUMPTIONS,
    BY_NAME,
    DEFAULTS,
    UNDECIDED,
    Assumption,
    Choices,
)
from mailposture.core.attribution.decision import Decision, decide, decided
from mailposture.core.attribution.gates import Rule
from mailposture.core.attribution.reading import Rules, read, within
from mailposture.core.attribution.sessions import Certificate, Session, SessionError, session

__all__ = [
    "ASSUMPTIONS",
    "BY_NAME",
    "DEFAULTS",
    "UNDECIDED",
    "Assumption",
    "Certificate",
    "Choices",
    "Decision",
    "Rule",
    "Rules",
    "Session",
    "SessionError",
    "decide",
    "decided",
    "read",
    "session",
    "within",
]
