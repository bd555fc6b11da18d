"""A script in stages: what to check, what to run, what must answer then, and the way back.

We write it; people run it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from mailposture.core.configuration import Configuration
from mailposture.core.posture.remediation.lines import comment


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A command that only reads, and what must be true before the script is begun."""

    command: str
    must: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What one path must be answered after a stage, by the configuration that it makes."""

    who: str
    source: str
    sender_class: str
    domain: str
    accepted: bool
    code: str | None
    connector: str | None
    certificate: str | None = None
    assumptions: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """Who asks, from where, and by which certificate."""
        shown = f"certificate of {self.certificate}" if self.certificate else ""
        return f"{self.who} ({', '.join(filter(None, (self.source, shown)))})"

    @property
    def reply(self) -> str:
        """What the door says to RCPT TO; which code refuses for want of TLS no source gives."""
        if self.accepted:
            return "250 2.1.5"
        return f"550 {self.code}" if self.code and self.code[0].isdigit() else "a refusal"

    @property
    def sentence(self) -> str:
        """The path and its answer in words."""
        path = f"{self.host}, {self.sender_class} sender, to {self.domain}"
        by = f" by {self.connector}" if self.connector else ""
        leans = f"; rests on {', '.join(self.assumptions)}" if self.assumptions else ""
        return f"{path}: {self.reply}{by}{leans}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step: its commands, what must answer then, and the commands that take it back.

    `makes` is the configuration after it; None where the script cannot say (a placeholder).
    """

    title: str
    commands: tuple[str, ...]
    rollback: tuple[str, ...]
    note: str = ""
    expects: tuple[Expected, ...] = ()
    makes: Configuration | None = None

    def heading(self, number: int) -> str:
        """Its place and title: 1. Create it, turned off."""
        return f"{number}. {self.title[:1].upper()}{self.title[1:]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What answers a finding. `refuses` says why it is not ready to be run as it is; `keeps` what
    stays in, and why. Without stages it is advice alone.
    """

    key: str
    title: str
    advice: tuple[str, ...] = ()
    refuses: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    stages: tuple[Stage, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether it can be run as it stands."""
        return bool(self.stages) and not self.refuses

    @property
    def makes(self) -> Configuration | None:
        """The configuration after all stages, where it is known."""
        return self.stages[-1].makes if self.stages else None

    def commands_of(self, stage: Stage) -> tuple[str, ...]:
        """The commands of a stage; of a script that is not ready, as comments: what is not ready
        is shown, and does nothing when it is pasted.
        """
        return stage.commands if self.is_ready else tuple(map(comment, stage.commands))

    def rollback_of(self, stage: Stage) -> tuple[str, ...]:
        """The commands that take a stage back, by the same rule."""
        return stage.rollback if self.is_ready else tuple(map(comment, stage.rollback))

    @property
    def text(self) -> str:
        """The whole script for PowerShell; all but its commands are comments."""
        return "\n".join(_written(self)) + "\n"


HEAD: Final = (
    "Written to be read first, and run by you, stage by stage: watch each one answer before the"
    " next. A change takes about half an hour to reach every front end."
)


def _written(script: Script) -> Iterator[str]:
    yield comment(script.title)
    yield comment(HEAD)
    for words in (*script.advice, *script.keeps):
        yield comment(words)
    for words in script.refuses:
        yield comment(f"NOT READY: {words}")
    if script.checks:
        yield from ("", comment("Before you begin"))
    for check in script.checks:
        yield check.command if check.command.startswith("Get-") else comment(check.command)
        yield comment(f"  must be true: {check.must}")
    for number, stage in enumerate(script.stages, 1):
        yield ""
        yield comment(f"Stage {number} of {len(script.stages)}: {stage.title}")
        if stage.note:
            yield comment(stage.note)
        yield from script.commands_of(stage)
        yield from _block("  On the wire then:", (e.sentence for e in stage.expects))
        yield from _block("  To take it back:", stage.rollback)


def _block(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield comment(title)
        yield from (comment(f"    {line}") for line in found)
