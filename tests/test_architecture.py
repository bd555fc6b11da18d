"""The limits no linter counts: lines in a file, lines in a function, a docstring a module."""

import ast
from collections.abc import Iterator
from pathlib import Path

import mailposture

ROOT = Path(mailposture.__file__).parent
MOST_LINES_IN_A_FILE = 400
MOST_LINES_IN_A_FUNCTION = 40


def product_files() -> Iterator[Path]:
    return (p for p in sorted(ROOT.rglob("*.py")) if "migrations" not in p.parts)


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            yield f"{path.relative_to(ROOT)}:{node.name}", lines


def test_there_is_a_product_to_measure() -> None:
    assert len(list(product_files())) > 10


def test_no_file_is_too_long() -> None:
    lengths = {p: len(p.read_text().splitlines()) for p in product_files()}
    assert {p: n for p, n in lengths.items() if n > MOST_LINES_IN_A_FILE} == {}


def test_no_function_is_too_long() -> None:
    found = {name: n for p in product_files() for name, n in functions(p)}
    assert {name: n for name, n in found.items() if n > MOST_LINES_IN_A_FUNCTION} == {}


def test_every_module_says_what_it_is_for() -> None:
    assert [p for p in product_files() if not ast.get_docstring(ast.parse(p.read_text()))] == []
