"""Every row of the checklist of what the real exchange does has tests, and the page names them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reference" / "simulator.md"
# Row 19 is optional realism; it has tests all the same.
ITEMS = tuple(f"{number:02d}" for number in range(1, 21))
NAMED = re.compile(r"test_item_\d\d_\w+")


def written_tests() -> Iterator[str]:
    for path in (ROOT / "tests").rglob("test_*.py"):
        if "test_item_" not in (text := path.read_text()):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and NAMED.match(node.name):
                yield node.name


def listed_tests() -> list[tuple[str, str]]:
    """Return (row, test) of the page's table."""
    rows = re.findall(r"^\| (\d+) \|[^|]*\|(.*)\|$", PAGE.read_text(), re.MULTILINE)
    return [(f"{int(number):02d}", name) for number, names in rows for name in NAMED.findall(names)]


def test_every_test_the_page_names_exists() -> None:
    missing = {name for _, name in listed_tests()} - set(written_tests())
    assert not missing, f"named in {PAGE.name}, not written: {sorted(missing)}"


def test_a_test_stands_in_the_row_it_is_named_after() -> None:
    assert all(name.startswith(f"test_item_{row}_") for row, name in listed_tests())


@pytest.mark.parametrize("item", ITEMS)
def test_every_row_has_a_test(item: str) -> None:
    assert [name for row, name in listed_tests() if row == item]
