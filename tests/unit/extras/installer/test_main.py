"""Starting the installer with whatever Python a machine has."""

import pytest

from polybot.extras.installer.__main__ import start


def test_an_older_python_is_told_before_it_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert start((3, 9)) == 1
    expected = "polybot: expected Python 3.11 or newer, was 3.9; Debian 12 has it, or set PYTHON\n"
    assert capsys.readouterr().err == expected
