"""Tests of reading the configuration file."""

from decimal import Decimal
from pathlib import Path

import pytest

from polybot.config.document import read_document


def read(tmp_path: Path, text: str) -> tuple[dict[str, object], list[str]]:
    path = tmp_path / "polybot.toml"
    path.write_text(text)
    settings, problems = read_document(path)
    return {name: setting.raw for name, setting in settings.items()}, problems


def test_keys_are_found_by_path_and_numbers_stay_exact(tmp_path: Path) -> None:
    text = """
        mode = "paper"
        [risk]
        max_buy_price = 0.97
        [[agents]]
        name = "one"
        [agents.parameters]
        min_confidence = 0.95
        bands = { early = 1 }
        [[agents]]
        name = "two"
    """
    assert read(tmp_path, text) == (
        {
            "mode": "paper",
            "risk.max_buy_price": Decimal("0.97"),
            "agents.0.name": "one",
            "agents.0.parameters.min_confidence": Decimal("0.95"),
            "agents.0.parameters.bands": {"early": 1},
            "agents.1.name": "two",
        },
        [],
    )


def test_unknown_sections_keep_their_paths(tmp_path: Path) -> None:
    assert read(tmp_path, "[a.b]\nc = 1\n") == ({"a.b.c": 1}, [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("mode = ", "expected TOML, was broken"),
        ("risk = 3", "risk: expected a section with keys, [risk]"),
        ("[agents]\nname = 'x'", "agents: expected one [[agents]] section per agent"),
        ("agents = []", "agents: expected at least one agent"),
    ],
)
def test_a_wrong_shape_is_a_problem(tmp_path: Path, text: str, problem: str) -> None:
    _, problems = read(tmp_path, text)
    assert len(problems) == 1
    assert problem in problems[0]


def test_a_file_that_is_no_text_or_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    binary = tmp_path / "polybot.toml"
    binary.write_bytes(b"mode = \xff")
    assert "expected UTF-8 text" in read_document(binary)[1][0]
    assert "expected a readable file" in read_document(tmp_path)[1][0]


def test_an_absent_file_has_no_settings(tmp_path: Path) -> None:
    assert read_document(tmp_path / "absent.toml") == ({}, [])
