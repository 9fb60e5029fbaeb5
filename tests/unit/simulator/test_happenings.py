"""Happenings are values: equal when they tell the same, and unchangeable."""

import pytest

from polybot.domain.order import Side
from polybot.simulator.happenings import SetLevels


def test_a_happening_is_a_value() -> None:
    told = SetLevels(1, "slug", ((Side.BUY, 5000, 1),))
    assert told == SetLevels(1, "slug", ((Side.BUY, 5000, 1),))
    with pytest.raises(AttributeError):
        told.ts_ns = 2  # type: ignore[misc]
