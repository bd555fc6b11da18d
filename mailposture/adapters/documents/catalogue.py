"""The catalogue that reports are built from: a versioned file, of which the newest counts."""

import json
from functools import cache
from pathlib import Path
from typing import Final

from mailposture.core.compliance import Catalogue, read

FOLDER: Final = Path(__file__).parent


@cache
def newest() -> Catalogue:
    """The catalogue in force. An old one stays beside it, for reports that were built from it."""
    file = max(FOLDER.glob("catalogue-*.json"))
    return read(json.loads(file.read_text(encoding="utf-8")))
