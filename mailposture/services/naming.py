"""What people call things: any script, but nothing that is invisible or turns text around.

A name stands in headings, subjects of mails, files and terminals; a character that turns what
follows it could make one sentence say another.
"""

import unicodedata
from typing import Final

from mailposture.core.words import HIDDEN

LONGEST: Final = 120
# Joiners, without which some scripts cannot be written (Unicode 16, chapter 23.2).
JOINERS: Final = "\u200c\u200d"


class NotANameError(ValueError):
    """This cannot be a name; says which character is in the way."""


def valid(text: str, longest: int = LONGEST) -> str:
    """The name without blanks around it; raises NotANameError."""
    name = text.strip()
    if not name or len(name) > longest:
        raise NotANameError(f"A name has 1 to {longest} characters.")
    for character in name:
        if character not in JOINERS and unicodedata.category(character) in HIDDEN:
            raise NotANameError(
                f"The name holds U+{ord(character):04X}, which is invisible or turns text around. "
                "Take it out."
            )
    return name
