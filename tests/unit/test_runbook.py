"""The how-to pages name only what exists: commands, options, units, chores, texts of the code."""

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from polybot.cli.app import app
from polybot.services.trader.dead_man import SILENCE_NS

ROOT = Path(__file__).parents[2]
HOW_TO = ROOT / "docs" / "how-to"
RUNBOOK = HOW_TO / "operate.md"
HOLE = "…"

# systemd's own words (version 252); the runbook quotes them in lines of their own.
SYSTEMD_SAYS = {
    "code=exited, status=78/CONFIG",
    "Start request repeated too quickly.",
    "Failed with result",
    "Failed with result 'watchdog'",
    "Failed with result 'oom-kill'",
    "Watchdog timeout (limit",
    "A process of this unit has been killed by the OOM killer.",
}
# What the kernel says of a disk; Python translates the number.
KERNEL_SAYS = {"No space left"}

# At the beginning of a line of code, behind what a shell takes before it. In a sentence, such as
# that of an alert (`polybot live on vps7: ...`), it is no command.
COMMAND = re.compile(
    r"^\s*(?:\$ )?(?:[A-Z_]+=\S+ )*(?:sudo )?(?:\.venv/bin/)?polybot (?!\w+ on )(?P<rest>[a-z-].*)"
)
CHORE = re.compile(
    r"^\s*(?:[A-Z_]+=\S+ )*(?:sudo )?make (?:-C \S+ )?(?!it writable)(?P<target>[a-z-]+)"
)
# The trader's sources of claims whose names are put together.
SOURCES = {f"silent_{process}" for process in SILENCE_NS}


def pages() -> list[Path]:
    return sorted(HOW_TO.glob("*.md"))


def code_of(page: Path) -> Iterator[str]:
    """Yield each line of fenced code, and each span of code in the text."""
    parts = re.split(r"^```.*$", page.read_text("utf-8"), flags=re.MULTILINE)
    for number, part in enumerate(parts):
        if number % 2:
            yield from part.strip().splitlines()
        else:
            yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", part))


def commands_in(code: str) -> Iterator[list[str]]:
    """Yield the words behind each `polybot` of a line: `journal verify trader --json`."""
    for piece in re.split(r"[;|&]+|#", code):
        found = COMMAND.search(piece)
        if found:
            try:
                yield shlex.split(found["rest"])
            except ValueError:
                yield found["rest"].split()


def named_commands() -> list[Any]:
    found: dict[str, list[str]] = {}
    for page in pages():
        for code in code_of(page):
            for words in commands_in(code):
                found.setdefault(f"{page.stem}: {' '.join(words)}", words)
    return [pytest.param(words, id=name) for name, words in found.items()]


@pytest.mark.parametrize("words", named_commands())
def test_every_command_of_the_guides_exists_with_its_options(words: list[str]) -> None:
    group: Any = get_command(app)
    command = group.commands.get(words[0])
    assert command is not None, f"no `polybot {words[0]}`"
    rest = words[1:]
    nested = getattr(command, "commands", {})
    if rest and rest[0] in nested:
        command, rest = nested[rest[0]], rest[1:]
    elif nested and rest and re.fullmatch(r"[a-z][a-z-]+", rest[0]):
        assert command.invoke_without_command, f"no `polybot {' '.join(words[:2])}`"
    known = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
    asked = {word.partition("=")[0].rstrip("]`.,:") for word in rest if word.startswith("-")}
    assert asked - known - {"--help", "-h"} == set()


@cache
def literals() -> tuple[str, ...]:
    """Every text of the program but its docstrings, with `…` where a value goes."""
    found = set()
    for path in sorted((ROOT / "polybot").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                found.add("".join(_text(part) for part in node.values))
            elif isinstance(node, ast.Constant) and id(node) not in docstrings:
                found.add(re.sub(r"%[-+#0-9.]*[a-z]", HOLE, str(node.value)))
    return tuple(found)


def _text(part: ast.expr) -> str:
    return str(part.value) if isinstance(part, ast.Constant) else HOLE


def is_said(quote: str) -> bool:
    """Return whether the program has a text that says this, `…` standing for anything."""
    pieces = [re.escape(piece.strip(" ")) for piece in quote.split(HOLE)]
    pattern = re.compile(".*".join(pieces), re.DOTALL)
    return any(pattern.search(text) for text in literals())


def paragraphs(page: Path, beginning: str) -> Iterator[str]:
    for paragraph in page.read_text("utf-8").split("\n\n"):
        if paragraph.startswith(beginning):
            yield paragraph


def spans(text: str) -> list[str]:
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)]


def quotes() -> list[str]:
    """Return what the runbook says one sees, and the codes and sources its tables explain."""
    seen = [span for text in paragraphs(RUNBOOK, "**See**") for span in spans(text)]
    tables = [text for head in ("| it says |", "| by |") for text in paragraphs(RUNBOOK, head)]
    first_cells = [row.split("|")[1] for table in tables for row in table.splitlines()[2:]]
    told = [*seen, *(span for cell in first_cells for span in spans(cell))]
    return sorted({each for each in told if not each.startswith(("polybot ", "make "))})


@pytest.mark.parametrize("quote", quotes())
def test_what_the_runbook_quotes_is_said_by_the_program(quote: str) -> None:
    assert quote in KERNEL_SAYS | SOURCES or is_said(quote)


def test_a_quote_that_nobody_says_is_found_out() -> None:
    assert is_said("fence raised to epoch …: …; ending the trader")
    assert not is_said("fence lowered to epoch …: …; ending the trader")
    assert len(quotes()) > 50


def test_what_systemd_says_is_quoted_in_its_own_words() -> None:
    told = [span for text in paragraphs(RUNBOOK, "**systemd says**") for span in spans(text)]
    assert set(told) == SYSTEMD_SAYS


def test_every_symptom_says_what_it_means_and_when_to_wait_or_act() -> None:
    sections = re.split(r"^## ", RUNBOOK.read_text("utf-8"), flags=re.MULTILINE)
    symptoms = [each for each in sections if "**See**" in each]
    assert len(symptoms) > 20
    for symptom in symptoms:
        heading = symptom.partition("\n")[0]
        assert "**Means**" in symptom, heading
        assert "**Wait**" in symptom or "**Act**" in symptom, heading


def test_every_unit_of_the_guides_is_shipped() -> None:
    shipped = {path.name for path in (ROOT / "systemd").rglob("*")}
    code = " ".join(code for page in pages() for code in code_of(page))
    named = set(re.findall(r"polybot(?:\.target|-[a-z]+(?:@[a-z]+)?\.(?:service|timer))", code))
    named |= {f"{unit}.service" for unit in re.findall(r"-u (polybot-[a-z]+)(?![a-z@])", code)}
    missing = {re.sub(r"@[a-z]+\.", "@.", name) for name in named} - shipped
    assert missing == set()


def test_every_chore_of_the_guides_is_a_target_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    pieces = [
        piece for page in pages() for code in code_of(page) for piece in re.split(r"[;|&]+", code)
    ]
    named = {found["target"] for piece in pieces if (found := CHORE.search(piece))}
    assert named - targets == set()


def test_the_ten_commands_are_ten() -> None:
    (table,) = paragraphs(RUNBOOK, "| you want | type |")
    rows = table.splitlines()[2:]
    assert len(rows) == 10
    assert all(one != other for one, other in pairwise(rows))
