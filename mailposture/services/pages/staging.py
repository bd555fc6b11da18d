"""A script's stages as pages show them: what to run, what must answer then, and the way back."""

from dataclasses import dataclass

from mailposture.core.posture.remediation import Expected, Script


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """One stage: its heading and effect, its commands, and those that take it back."""

    heading: str
    effect: str
    command: str
    undo: str
    expects: tuple[Expected, ...]


def shown(script: Script) -> tuple[Shown, ...]:
    """Every stage in its order."""
    return tuple(
        Shown(
            heading=stage.heading(number),
            effect=stage.note,
            command="\n".join(script.commands_of(stage)),
            undo="\n".join(script.rollback_of(stage)),
            expects=stage.expects,
        )
        for number, stage in enumerate(script.stages, 1)
    )
