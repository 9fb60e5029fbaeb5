"""Tests of `polybot why`."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.cli.conftest import Command
from tests.unit.cli.history import LOST, OPEN, ORDER_IDS, WON

pytestmark = pytest.mark.usefixtures("history")


def test_a_windows_story_is_told_in_time_order_with_the_numbers(polybot: Command) -> None:
    title, *story, count = polybot("why", WON).stdout.splitlines()
    assert title == f"{WON}: 2026-04-13 12:15:00 to 12:20:00, market time"
    assert [line[:8] for line in story] == sorted(line[:8] for line in story)
    text = "\n".join(story)
    assert "12:17:59.000  capture (capture_99c) enters: confident; up ask 0.95" in text
    assert "capture sends BUY Up 25 shares at 0.95 (GTC, entry)" in text
    assert "capture bought 25 Up at 0.95 for $23.75, fee $0.083125" in text
    assert "the official outcome is Up (told by gamma)" in text
    assert "capture is graded WIN: P&L $1.166875" in text
    assert count == f"{len(story)} events"


def test_an_orders_story_is_found_by_the_beginning_of_its_id(polybot: Command) -> None:
    title, *story = polybot("why", "0xbbbb").stdout.splitlines()
    assert title.startswith(f"order {ORDER_IDS[LOST]} of {LOST}: ")
    assert any("is graded LOSS" in line for line in story)
    assert not any(ORDER_IDS[WON][:12] in line for line in story)


def test_as_json_each_event_has_its_sentence_and_its_own_body(
    polybot_json: Callable[..., Any],
) -> None:
    found = polybot_json("why", OPEN)
    assert (found["kind"], found["key"]) == ("window", OPEN)
    decision = next(event for event in found["events"] if event["type"] == "DecisionMade")
    assert decision["text"].startswith("capture (capture_99c) enters")
    assert decision["body"]["inputs"]["confidence_bps"] == 9600


def test_an_unknown_window_is_answered_with_the_nearest(polybot: Command) -> None:
    result = polybot("why", WON[:-1] + "9", code=2)
    assert "was 'btc-updown-5m-1776082509'; the nearest: " in result.stderr
    assert WON in result.stderr


def test_an_unknown_order_is_answered_with_the_nearest(polybot: Command) -> None:
    result = polybot("why", "0x" + "ab" * 32, code=2)
    assert "the nearest: 0x" in result.stderr


def test_a_beginning_that_fits_several_orders_is_answered_with_all_of_them(
    polybot: Command,
) -> None:
    result = polybot("why", "intent", code=2)
    for slug in (WON, LOST, OPEN):
        assert ORDER_IDS[slug] in result.stderr
