"""Names of any script; nothing in them that is invisible or turns text around."""

import pytest

from mailposture.services import naming


@pytest.mark.parametrize(
    "name",
    ["contoso", " Contoso Ltd ", "Ελλάδα", "株式会社", "क्\u200dष", "Zoë & Co. (EU)", "x" * 120],
)
def test_a_name_of_any_script_is_taken_without_the_blanks_around_it(name: str) -> None:
    assert naming.valid(name) == name.strip()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "1 to 120 characters"),
        (" \t ", "1 to 120 characters"),
        ("x" * 121, "1 to 120 characters"),
        ("con\r\ntoso", "U+000D"),
        ("con\0toso", "U+0000"),
        ("con\x1b[31mtoso", "U+001B"),
        ("con\u202etoso", "U+202E"),
        ("con\u2066toso", "U+2066"),
        ("con\u200etoso", "U+200E"),
        ("con\u061ctoso", "U+061C"),
        ("con\u2028toso", "U+2028"),
        ("con\u00adtoso", "U+00AD"),
        ("con\ufefftoso", "U+FEFF"),
        ("con\udc80toso", "U+DC80"),
        ("con\U000e0041toso", "U+E0041"),
    ],
)
def test_what_is_invisible_or_turns_text_around_is_named(name: str, says: str) -> None:
    with pytest.raises(naming.NotANameError) as refused:
        naming.valid(name)
    assert says in str(refused.value)
    assert str(refused.value).isprintable()
