"""The small part of PowerShell in which mail flow is changed: written safely, and read back.

Nothing is ever run. What is read are the few commands that move who may deliver; whatever would
have to be run to be understood is refused, with what to write instead.
"""

from mailposture.core.powershell.commands import Command, commands
from mailposture.core.powershell.quoting import SINGLE_QUOTES, quoted
from mailposture.core.powershell.reader import Edit, PowerShellError, Single, Value
from mailposture.core.powershell.rules import limits

__all__ = [
    "SINGLE_QUOTES",
    "Command",
    "Edit",
    "PowerShellError",
    "Single",
    "Value",
    "commands",
    "limits",
    "quoted",
]
