"""From characters to values: quoted and bare words, lists, and @{Add=...; Remove=...}.

One pass from left to right; lists do not nest, so that nothing here calls itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from mailposture.core.powershell.quoting import (
    DASHES,
    DOUBLE_QUOTES,
    SINGLE_QUOTES,
    joined,
)

type Single = str | bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """A change of a list: what is put in and what is taken out (@{Add=...; Remove=...})."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


type Several = Single | tuple[Single, ...]
type Value = Several | Edit

NEWLINES: Final = "\n\r"
QUOTES: Final = SINGLE_QUOTES + DOUBLE_QUOTES
# Characters that end a bare word.
BREAKS: Final = frozenset(",;|&(){}<>" + QUOTES)
LITERALS: Final[dict[str, Single]] = {"true": True, "false": False, "null": None}
ESCAPES: Final = {
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}
MOST_VALUES: Final = 10_000

NO_VARIABLES: Final = "a variable is not followed here: write its value in single quotes"
NO_EXPRESSIONS: Final = "nothing in $( ) or ( ) is worked out here: write its value in quotes"
ONE_QUOTE: Final = "put the whole value in one pair of quotes"


class PowerShellError(ValueError):
    """Text that is not read: on which line, why, and what to write instead."""

    def __init__(self, line: int, says: str) -> None:
        self.line, self.says = line, says
        super().__init__(f"line {line}: {says}")


class Reader:
    """A place in a text, and what can be read from there."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    # ---- where we are ------------------------------------------------------------------------

    @property
    def line(self) -> int:
        """The line of this place, counted from 1."""
        return self.text.count("\n", 0, self.at) + 1

    def error(self, says: str) -> PowerShellError:
        """What is wrong at this place."""
        return PowerShellError(self.line, says)

    def peek(self, ahead: int = 0) -> str:
        """A character from here on; empty at the end."""
        return self.text[self.at + ahead : self.at + ahead + 1]

    def is_blank(self) -> bool:
        """Whether here is a blank that does not end a line."""
        here = self.peek()
        return here.isspace() and here not in NEWLINES

    def at_end(self) -> bool:
        """Whether the statement ends here."""
        return self.peek() in ("", ";", "|", *NEWLINES)

    def takes(self, expected: str) -> bool:
        """Step over this text if it is what comes next."""
        if self.text.startswith(expected, self.at):
            self.at += len(expected)
            return True
        return False

    def skip(self, *, lines: bool = False) -> None:
        """Step over blanks, comments and continued lines; over ends of lines too if asked."""
        while here := self.peek():
            if self.is_blank() or (lines and here in NEWLINES):
                self.at += 1
            elif here == "#":
                self._to_end_of_line()
            elif self.takes("<#"):
                self._past_comment()
            elif here == "`":
                self._continued()
            else:
                return

    def _to_end_of_line(self) -> None:
        while self.peek() not in ("", *NEWLINES):
            self.at += 1

    def _past_comment(self) -> None:
        end = self.text.find("#>", self.at)
        if end < 0:
            raise self.error("a comment that begins with <# has no #>")
        self.at = end + 2

    def _continued(self) -> None:
        self.at += 1
        if not self.peek():
            return
        if not (self.takes("\r\n") or self.takes("\n") or self.takes("\r")):
            raise self.error("a backtick continues a line only as its last character")

    # ---- single values -----------------------------------------------------------------------

    def is_parameter(self) -> bool:
        """Whether a name such as -Enabled begins here."""
        return self.peek() in DASHES and bool(self.peek()) and _begins_name(self.peek(1))

    def name(self) -> str:
        """Letters, digits and underscores from here on."""
        start = self.at
        while self.peek().isalnum() or self.peek() == "_":
            self.at += 1
        return self.text[start : self.at]

    def single(self, *, bare: bool) -> Single:
        """One value; bare words where they are values and not commands."""
        here = self.peek()
        if here and here in QUOTES:
            return self._quoted()
        if here == "$":
            return self._literal()
        if here == "@":
            raise self.error(self._about_at())
        if here == "(":
            return self._joined()
        if not bare:
            raise self.error("values between brackets stand in quotes")
        return self._bare()

    def _joined(self) -> str:
        """A text joined of texts and numbered characters, as hidden ones are written."""
        found = joined(self.text, self.at)
        if found is None:
            raise self.error(NO_EXPRESSIONS)
        text, self.at = found
        if not self._ends_value():
            raise self.error(ONE_QUOTE)
        return text

    def _about_at(self) -> str:
        after = self.peek(1)
        if after and after in QUOTES:
            return "a here-string is not read: " + ONE_QUOTE
        if after and after in "({":
            return "lists do not nest: write one list"
        return "splatting is not followed: write the parameters themselves"

    def _literal(self) -> Single:
        self.at += 1
        if self.peek() == "(":
            raise self.error(NO_EXPRESSIONS)
        name = self.name().lower()
        if name not in LITERALS or not self._ends_value():
            raise self.error(NO_VARIABLES)
        return LITERALS[name]

    def _ends_value(self) -> bool:
        here = self.peek()
        return not here or here.isspace() or here in ",;|)}#"

    def _quoted(self) -> str:
        raw = self.peek() in SINGLE_QUOTES
        quotes = SINGLE_QUOTES if raw else DOUBLE_QUOTES
        self.at += 1
        found: list[str] = []
        while here := self.peek():
            if here not in quotes:
                found.append(self._plain() if raw else self._expanded())
            elif self.peek(1) and self.peek(1) in quotes:
                # Two quotes are one, and it is the second that is kept.
                found.append(self.peek(1))
                self.at += 2
            else:
                self.at += 1
                if not self._ends_value():
                    raise self.error(ONE_QUOTE)
                return "".join(found)
        raise self.error("a text that begins with a quote does not end")

    def _plain(self) -> str:
        self.at += 1
        return self.text[self.at - 1]

    def _expanded(self) -> str:
        """A character of a text in double quotes, where ` and $ mean something."""
        if self.peek() == "`":
            return self._escaped()
        if self.peek() == "$" and (self.peek(1).isalnum() or self.peek(1) in ("{", "(", "_", "?")):
            raise self.error("nothing is put into texts here: write it in single quotes")
        return self._plain()

    def _escaped(self) -> str:
        self.at += 1
        if not self.peek():
            raise self.error("a text that begins with a quote does not end")
        if self.peek() == "u" and self.peek(1) == "{":
            raise self.error("`u{...} is not read: write the character itself")
        found = self._plain()
        return ESCAPES.get(found, found)

    def _bare(self) -> str:
        start, found = self.at, []
        while (here := self.peek()) and not here.isspace() and here not in BREAKS:
            if here == "$":
                raise self.error(NO_VARIABLES)
            found.append(self._escaped() if here == "`" else self._plain())
        if self.at == start:
            raise self.error(f"{self.peek()!r} is not read here: " + ONE_QUOTE)
        if self.peek() and self.peek() in QUOTES + "({":
            raise self.error(ONE_QUOTE)
        return "".join(found)

    # ---- lists -------------------------------------------------------------------------------

    def value(self) -> Value:
        """The value of a parameter: one, several between commas, @(...) or @{...}."""
        if self.takes("@{"):
            return self._edit()
        if self.takes("@("):
            return self._listed()
        if self.peek() == "(" and joined(self.text, self.at) is None:
            self.at += 1
            found = self._listed()
            return found[0] if len(found) == 1 else found
        first = self.single(bare=True)
        return self._several(first, bare=True)

    def _several(self, first: Single, *, bare: bool) -> Several:
        """The values that follow the first after commas; the first itself where none does."""
        found = [first]
        while self._comma():
            found.append(self.single(bare=bare))
            self._bounded(found)
        return first if len(found) == 1 else tuple(found)

    def _comma(self) -> bool:
        before = self.at
        self.skip()
        if self.takes(","):
            self.skip(lines=True)
            return True
        self.at = before
        return False

    def _listed(self) -> tuple[Single, ...]:
        """What stands between @( and ), apart by commas or ends of lines."""
        found: list[Single] = []
        while not self._closes(")"):
            found.extend(_flat(self._several(self.single(bare=False), bare=False)))
            self._bounded(found)
            self._separated(")")
        return tuple(found)

    def _closes(self, bracket: str) -> bool:
        self.skip(lines=True)
        while self.takes(";"):
            self.skip(lines=True)
        if not self.peek():
            raise self.error(f"a list has no closing {bracket}")
        return self.takes(bracket)

    def _separated(self, bracket: str) -> None:
        self.skip()
        if self.peek() not in ("", ";", bracket, *NEWLINES):
            raise self.error("values of a list stand apart by commas")

    def _bounded(self, found: list[Single]) -> None:
        if len(found) > MOST_VALUES:
            raise self.error(f"more than {MOST_VALUES:,} values")

    def _edit(self) -> Edit:
        """What stands between @{ and }: Add, Remove or both."""
        lists: dict[str, tuple[str, ...]] = {}
        while not self._closes("}"):
            key = self._key()
            if key in lists:
                raise self.error(f"{key.capitalize()} stands there twice")
            lists[key] = self._texts(self._of_key())
            self._separated("}")
        return Edit(add=lists.get("add", ()), remove=lists.get("remove", ()))

    def _key(self) -> str:
        key = str(self._quoted_key() if self.peek() in QUOTES else self.name()).lower()
        if key not in ("add", "remove"):
            raise self.error("in @{ } only Add and Remove are read")
        self.skip()
        if not self.takes("="):
            raise self.error("= is missing after Add or Remove")
        self.skip(lines=True)
        return key

    def _quoted_key(self) -> str:
        quote = self.peek()
        end = self.text.find(quote, self.at + 1, self.at + 20)
        if end < 0:
            raise self.error("in @{ } only Add and Remove are read")
        found = self.text[self.at + 1 : end]
        self.at = end + 1
        return found

    def _of_key(self) -> Several:
        if self.takes("@("):
            return self._listed()
        return self._several(self.single(bare=False), bare=False)

    def _texts(self, value: Several) -> tuple[str, ...]:
        found = [item for item in _flat(value) if item is not None]
        if not all(isinstance(item, str) for item in found):
            raise self.error("Add and Remove take texts")
        return tuple(str(item) for item in found)


def _flat(value: Several) -> Iterable[Single]:
    return value if isinstance(value, tuple) else (value,)


def _begins_name(character: str) -> bool:
    return character.isalpha() or character == "_"
