"""One table of what a door may be said to be: its word, its gate, its class.

Pages, drawings and, later, mails read the same table, so that a state looks and is
called the same wherever it appears.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class State:
    """How one state is shown: never by colour alone, always by a shape and a word."""

    name: str
    word: str
    gate: str | None
    short: str = ""
    like: str = ""

    @property
    def css(self) -> str:
        return f"is-{(self.like or self.name).replace('_', '-')}"

    @property
    def cell_word(self) -> str:
        """The word for narrow places, where the column says the rest."""
        return self.short or self.word


STATES: Final = {
    s.name: s
    for s in (
        State("open", "Open", "open"),
        State("partly", "Partly open", "partly", "Partly"),
        State("closed", "Closed", "closed"),
        State("unknown", "Unknown", "unknown"),
        State("gets_in", "Gets in", "gets-in"),
        State("cut_off", "Cut off", "cut-off"),
        State("partly_cut_off", "Partly cut off", "cut-off", like="cut_off"),
        State("agrees", "Agrees", "agrees"),
        State("contradicts", "Contradicts", "contradicts"),
        State("none", "Not measured", None, "not measured"),
        State("opens", "Opens", "open"),
        State("closes", "Closes", "closed"),
        State("neutral", "Neutral", "agrees"),
    )
}
# The core and the rows spell some of these otherwise; both spellings mean one state.
ALIASES: Final = {
    "": "none",
    "not_measured": "none",
    "partly_open": "partly",
    "changed": "neutral",
}


def state(name: object) -> State:
    """The state called so, in any spelling; a name nobody knows is a defect and raises."""
    spelled = "" if name is None else str(name).strip().lower().replace(" ", "_").replace("-", "_")
    return STATES[ALIASES.get(spelled, spelled)]
