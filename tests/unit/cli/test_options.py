"""Tests of what the commands share."""

from polybot.cli.options import examples


def test_examples_stand_in_lines_of_their_own() -> None:
    assert examples("polybot a") == "Example:\n\npolybot a"
    assert examples("polybot a", "polybot b") == "Examples:\n\npolybot a\n\npolybot b"
