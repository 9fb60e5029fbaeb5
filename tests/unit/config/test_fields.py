"""Tests of the vocabulary of configuration fields."""

import pytest

from polybot.config.fields import Range


def test_a_note_on_a_field_cannot_be_changed() -> None:
    bounds = Range(1, 2)
    with pytest.raises(AttributeError):
        bounds.low = 0  # type: ignore[misc]
