"""A period's evidence against a versioned catalogue of requirements, as one report."""

from mailposture.core.compliance.build import build
from mailposture.core.compliance.catalogue import Catalogue, CatalogueError, read
from mailposture.core.compliance.evidence import (
    Accepted,
    Answer,
    Evidence,
    LeftOut,
    Moved,
    Opening,
    Period,
    Reading,
    Stood,
)
from mailposture.core.compliance.report import SCHEMA, Report

__all__ = [
    "SCHEMA",
    "Accepted",
    "Answer",
    "Catalogue",
    "CatalogueError",
    "Evidence",
    "LeftOut",
    "Moved",
    "Opening",
    "Period",
    "Reading",
    "Report",
    "Stood",
    "build",
    "read",
]
