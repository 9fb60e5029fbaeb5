"""Tests of how things are written for people."""

import time

import pytest

from polybot.cli.output import (
    clock_time,
    dollars,
    exact_dollars,
    moment,
    plural,
    printable,
    say_hanging,
    shortened,
    show_table,
    span,
)

NS = 1_795_253_405_250_000_000


@pytest.mark.parametrize(
    ("amount", "signed", "text"),
    [
        (1_234_500_000, False, "$1,234.50"),
        (-200_000, False, "-$0.20"),
        (3_000_000, True, "+$3.00"),
        (0, True, "$0.00"),
        (-4_999, True, "$0.00"),
        (5_001, False, "$0.01"),
    ],
)
def test_dollars_are_written_in_cents(amount: int, signed: bool, text: str) -> None:
    assert dollars(amount, signed=signed) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [(23_750_000, "$23.75"), (83_125, "$0.083125"), (-1, "-$0.000001"), (2_000_000, "$2.00")],
)
def test_exact_dollars_lose_nothing(amount: int, text: str) -> None:
    assert exact_dollars(amount) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (185, "3 min 5 s"),
        (7_800, "2 h 10 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_a_span_has_at_most_two_units(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_moments_are_written_in_the_local_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert moment(NS) == "2026-11-21 04:30:05"
        assert clock_time(NS) == "04:30:05.250"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [
        ("short", 10, "short"),
        ("serving two windows of btc", 20, "serving two..."),
        ("x" * 30, 10, "xxxxxxx..."),
    ],
)
def test_a_long_text_is_cut_at_a_word_where_one_ends_near(
    text: str, width: int, short: str
) -> None:
    assert shortened(text, width) == short
    assert len(short) <= width


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [(1, "trade", "1 trade"), (2, "trade", "2 trades"), (0, "process", "0 processes")],
)
def test_nouns_are_counted(count: int, noun: str, text: str) -> None:
    assert plural(count, noun) == text


def test_control_characters_of_others_never_reach_the_terminal() -> None:
    assert printable("a\x1b[31mb\x00c\nd") == "a?[31mb?c\nd"


def test_a_table_too_wide_for_the_screen_is_told_in_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    show_table(("window", "opens", "P&L"), [("btc-updown-15m-1795257000", "10:30", "+$0.45")])
    assert capsys.readouterr().out.splitlines() == [
        "btc-updown-15m-1795257000",
        "  opens 10:30, P&L +$0.45",
    ]


def test_a_sentence_in_a_pipe_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say_hanging("12:00:00  ", "a " * 100)
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_table_in_a_pipe_is_plain_and_cuts_nothing_off(
    capsys: pytest.CaptureFixture[str],
) -> None:
    long = "x" * 150
    show_table(("name", "size"), [("a", "1"), (long, "22"), ("[bold]", "3")], right="size")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "size"]
    assert lines[2] == f"{long}    22"
    assert lines[3].split() == ["[bold]", "3"]
    assert not any("│" in line or "─" in line for line in lines)
