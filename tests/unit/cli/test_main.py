"""Tests of the console script, each in a process of its own."""

import subprocess
import sys
from collections.abc import Sequence

import pytest

SCRIPT = "import sys; from polybot.cli.main import main; {before}; main()"
HEAVY = ("typer", "rich", "openai", "py_clob_client", "peewee")


def polybot(arguments: Sequence[str], before: str = "pass") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT.format(before=before), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_running_a_process_loads_neither_typer_nor_rich() -> None:
    loaded = "import atexit; atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))"
    result = polybot(["run", "nobody"], loaded)
    assert result.returncode == 2
    modules = result.stderr.splitlines()[-1].split()
    assert "polybot.cli.run" in modules
    assert [name for name in HEAVY if name in modules] == []


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ([], 0, "Usage: polybot"),
        (["--help"], 0, "Usage: polybot"),
        (["--version"], 0, "polybot 0."),
        (["nonsense"], 2, "No such command"),
        (["run"], 2, "usage: polybot run"),
        (["why"], 2, "Missing argument"),
    ],
)
def test_a_call_ends_with_its_documented_code(arguments: list[str], code: int, text: str) -> None:
    result = polybot(arguments)
    assert result.returncode == code
    assert text in result.stdout + result.stderr


def test_an_interrupt_while_it_loads_is_no_traceback() -> None:
    # Ctrl-C arrives at the first import of the command itself. A shell's background job, which
    # these tests may be, ignores it from birth.
    before = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "find = lambda *_: os.kill(os.getpid(), signal.SIGINT); "
        "sys.meta_path.insert(0, type('Finder', (), {'find_spec': staticmethod(find)}))"
    )
    result = polybot(["status"], before)
    assert result.returncode == 130
    assert result.stderr == ""


def test_an_installation_starts_it_as_a_module() -> None:
    command = [sys.executable, "-P", "-m", "polybot.cli.main", "--version"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (told.returncode, told.stdout[:10]) == (0, "polybot 0.")
