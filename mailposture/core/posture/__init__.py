"""What is wrong with a tenant's mail flow, rule by rule, and the scripts that mend it."""

from mailposture.core.posture.assessing import assess, judged, told
from mailposture.core.posture.facts import (
    Answered,
    Apart,
    Evidence,
    Excepted,
    Facts,
    Moved,
    Observed,
    Published,
    SeenCertificate,
    Source,
    SourceKind,
    gateways,
)
from mailposture.core.posture.findings import (
    Finding,
    Result,
    Rule,
    Severity,
    Weight,
    listed,
)
from mailposture.core.posture.table import RULES

__all__ = [
    "RULES",
    "Answered",
    "Apart",
    "Evidence",
    "Excepted",
    "Facts",
    "Finding",
    "Moved",
    "Observed",
    "Published",
    "Result",
    "Rule",
    "SeenCertificate",
    "Severity",
    "Source",
    "SourceKind",
    "Weight",
    "assess",
    "gateways",
    "judged",
    "listed",
    "told",
]
