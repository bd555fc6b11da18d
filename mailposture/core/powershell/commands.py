"""The commands in a pasted text, read and never run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mailposture.core.powershell.parameters import (
    ALIASES,
    CMDLETS,
    SUPPORTED,
    Cmdlet,
    Takes,
    is_passive,
    resolve,
)
from mailposture.core.powershell.reader import (
    NO_VARIABLES,
    Edit,
    PowerShellError,
    Reader,
    Value,
)

LONGEST: Final = 1_000_000  # characters: far more than anybody pastes
MOST_COMMANDS: Final = 2_000
NO_PIPELINES: Final = "a pipeline is not followed: name the connector and write its values"


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One command: its name, its parameters by lower-case name, and the line it begins on.

    `Identity` and `Name` are there by their names also where they were given without. `aside` are
    those that say how it runs, and `unread` those that nothing here reads, by their own names.
    """

    name: str
    parameters: Mapping[str, Value] = field(default_factory=dict)
    line: int = 0
    aside: Mapping[str, Value] = field(default_factory=dict)
    unread: Mapping[str, Value] = field(default_factory=dict)


def commands(text: str) -> tuple[Command, ...]:
    """Every command of a text in its order; those that only read or show are passed over.

    Raises PowerShellError for whatever cannot be understood without running it.
    """
    if len(text) > LONGEST:
        raise PowerShellError(1, f"the text is longer than {LONGEST:,} characters")
    reader = Reader(text.removeprefix("\ufeff"))
    found: list[Command] = []
    while _to_statement(reader):
        if command := _statement(reader):
            found.append(command)
        if len(found) > MOST_COMMANDS:
            raise reader.error(f"more than {MOST_COMMANDS:,} commands")
    return tuple(found)


def _to_statement(reader: Reader) -> bool:
    reader.skip(lines=True)
    while reader.takes(";"):
        reader.skip(lines=True)
    return bool(reader.peek())


def _statement(reader: Reader) -> Command | None:
    """One command up to the end of its statement; None where it changes nothing."""
    line, name = reader.line, _command_name(reader)
    if is_passive(name):
        _pass_over(reader)
        return None
    cmdlet = CMDLETS.get(name.lower())
    if cmdlet is None:
        raise PowerShellError(line, f"{_shown(name)} is not predicted. What is: {SUPPORTED}")
    given = _parameters(reader, cmdlet)
    if reader.peek() == "|":
        raise reader.error(NO_PIPELINES)
    return _sorted(cmdlet, given, line)


def _sorted(cmdlet: Cmdlet, given: Mapping[str, Value], line: int) -> Command:
    """The command, with what is read apart from what says how it runs and from what is not read."""
    read: dict[str, Value] = {}
    aside: dict[str, Value] = {}
    unread: dict[str, Value] = {}
    for name, value in given.items():
        takes = cmdlet.takes.get(name, Takes.ANY)
        if takes is Takes.ANY:
            unread[name] = value
        elif takes in (Takes.SWITCH, Takes.ASIDE):
            aside[ALIASES.get(name, name)] = value
        else:
            read[name.lower()] = value
    return Command(name=cmdlet.name, parameters=read, line=line, aside=aside, unread=unread)


def _command_name(reader: Reader) -> str:
    if reader.peek() == "$":
        raise reader.error(NO_VARIABLES)
    start = reader.at
    while (here := reader.peek()).isalnum() or here in ("_", "-"):
        reader.at += 1
    name = reader.text[start : reader.at]
    if not name or not (reader.at_end() or reader.is_blank() or reader.peek() in "#`"):
        beyond = reader.text[start : start + 24].split("\n")[0]
        raise reader.error(f"{_shown(beyond)} is not a command that is read. What is: {SUPPORTED}")
    return name


def _shown(text: str) -> str:
    return repr(text[:60])


def _pass_over(reader: Reader) -> None:
    """Step over a command that changes nothing, and over those it pipes into."""
    while True:
        reader.skip()
        if reader.takes("|"):
            reader.skip(lines=True)
            if not is_passive(_command_name(reader)):
                raise reader.error(NO_PIPELINES)
        elif reader.at_end():
            return
        elif reader.is_parameter():
            _parameter_name(reader)
        else:
            reader.takes(",")
            reader.skip()
            reader.value()


# ---- parameters ----------------------------------------------------------------------------


def _parameters(reader: Reader, cmdlet: Cmdlet) -> dict[str, Value]:
    found: dict[str, Value] = {}
    seen: set[str] = set()
    while True:
        reader.skip()
        if reader.at_end():
            break
        if reader.is_parameter():
            name, value = _named(reader, cmdlet)
        else:
            name, value = _unnamed(reader, cmdlet, found)
        if name.lower() in seen:
            raise reader.error(f"-{name} stands there twice")
        seen.add(name.lower())
        found[name] = value
    return found


def _parameter_name(reader: Reader) -> tuple[str, bool]:
    """The name after a dash, and whether a colon binds the value to it."""
    reader.at += 1
    name = reader.name()
    colon = reader.takes(":")
    if not colon and not (reader.at_end() or reader.peek().isspace() or reader.peek() in "#`"):
        raise reader.error(f"a blank is missing after -{name[:60]}")
    return name, colon


def _named(reader: Reader, cmdlet: Cmdlet) -> tuple[str, Value]:
    given, colon = _parameter_name(reader)
    name, why = resolve(cmdlet, given)
    if name is None:
        raise reader.error(why)
    takes = cmdlet.takes.get(name, Takes.ANY)
    reader.skip()
    if takes is Takes.SWITCH and not colon:
        return name, True
    if takes is Takes.ANY and not colon and (reader.at_end() or reader.is_parameter()):
        return name, True
    if reader.at_end() or (reader.is_parameter() and not colon):
        raise reader.error(f"-{name} has no value")
    return name, _fitting(reader, name, takes, reader.value())


def _unnamed(reader: Reader, cmdlet: Cmdlet, found: Mapping[str, Value]) -> tuple[str, Value]:
    line = reader.line
    value = reader.value()
    if cmdlet.first is None or cmdlet.first in found:
        raise PowerShellError(line, f"a value of {cmdlet.name} stands there without a parameter")
    return cmdlet.first, _fitting(reader, cmdlet.first, cmdlet.takes[cmdlet.first], value)


_FLAGS: Final[dict[Value, bool]] = {True: True, False: False, "1": True, "0": False}


def _fitting(reader: Reader, name: str, takes: Takes, value: Value) -> Value:
    """The value as its parameter takes it; an error where PowerShell would refuse it."""
    if takes is Takes.LIST:
        return value if value is None or isinstance(value, tuple | Edit) else (value,)
    if takes in (Takes.ASIDE, Takes.ANY):
        return value
    if isinstance(value, tuple | Edit):
        raise reader.error(f"-{name} takes one value")
    if takes is Takes.TEXT:
        return str(value) if isinstance(value, bool) else value
    if value not in _FLAGS or value is None:
        raise reader.error(f"-{name} takes $true or $false")
    return _FLAGS[value]
