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
            heading=f"{number}. {stage.title[:1].upper()}{stage.title[1:]}",
            effect=stage.note,
            command="\n".join(stage.commands),
            undo="\n".join(stage.rollback),
            expects=stage.expects,
        )
        for number, stage in enumerate(script.stages, 1)
    )
