"""The rules of the house no linter knows: sizes, a test and a line on the map for every module."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import polybot
from tests.reference_pages import PAGES, generated, written

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "polybot"

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_CLASS_LINES = 250

TOP_LEVEL = {
    *("bin", "config", "docs", "polybot", "systemd", "tests"),
    *("CHANGELOG.md", "LICENSE", "Makefile", "README.md"),
    *("pyproject.toml", "requirements.txt", "setup.cfg"),
}
BLIND_EXCEPT_ALLOWED_IN = {"polybot/runtime/daemon.py"}


def project_files() -> list[Path]:
    """List what the repository holds or is about to hold; a copy without git is taken as it is."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode != 0:
        pytest.skip("not a git clone, so what belongs to the repository is unknown")
    files = [ROOT / name for name in listing.stdout.split("\0") if name]
    return [path for path in files if path.is_file()]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def holds_code(path: Path) -> bool:
    """Tell a module with behavior from one of a docstring, imports and constants only."""
    inert = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
    return not all(isinstance(node, inert) for node in ast.parse(path.read_text()).body)


def too_long(kinds: tuple[type[ast.AST], ...], limit: int) -> Iterator[str]:
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, kinds):
                lines = node.end_lineno - node.lineno + 1
                if lines > limit:
                    yield f"{name_of(path)}:{node.lineno} {node.name} has {lines} lines"


def test_no_file_is_longer_than_its_cap() -> None:
    files = [*modules(), *(ROOT / "tests").rglob("*.py")]
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in files}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_no_function_is_longer_than_its_cap() -> None:
    assert list(too_long((ast.FunctionDef, ast.AsyncFunctionDef), MAX_FUNCTION_LINES)) == []


def test_no_class_is_longer_than_its_cap() -> None:
    assert list(too_long((ast.ClassDef,), MAX_CLASS_LINES)) == []


def test_every_module_has_its_test_file() -> None:
    missing = []
    for path in modules():
        if path.name == "__init__.py" and not holds_code(path):
            continue
        mirror = path.relative_to(PACKAGE)
        expected = ROOT / "tests" / "unit" / mirror.parent / f"test_{mirror.stem.strip('_')}.py"
        if not expected.is_file():
            missing.append(name_of(expected))
    assert missing == []


def test_only_the_daemon_loop_catches_blindly() -> None:
    blind = {name_of(path) for path in modules() if "BLE001" in path.read_text()}
    assert blind <= BLIND_EXCEPT_ALLOWED_IN


@pytest.mark.parametrize("page", PAGES)
def test_the_reference_lists_every_module_key_and_message_as_it_is(page: str) -> None:
    _, below = written(page)
    assert below == generated(page), f"run `make reference` and read docs/reference/{page}"


def test_the_changelog_begins_with_this_version() -> None:
    headings = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == polybot.__version__


def test_the_top_level_holds_only_what_the_card_names() -> None:
    names = {path.relative_to(ROOT).parts[0] for path in project_files()}
    assert {name for name in names - TOP_LEVEL if not name.startswith(".")} == set()


def test_no_file_names_a_place_on_the_machine_it_was_written_on() -> None:
    pattern = re.compile(r"(?<![\w$.}\]])/(?:root|work|(?:home|Users)/\w+)/")
    found = []
    for path in project_files():
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{name_of(path)}: {match.group()}" for match in pattern.finditer(text)]
    assert found == []
