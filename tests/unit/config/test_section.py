"""A section takes only the keys it knows, and cannot be changed."""

import msgspec
import pytest

from polybot.config.section import Section


class Pair(Section, frozen=True, kw_only=True):
    """A section for this test."""

    left: int = 1


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({"right": 1}, Pair)


def test_a_section_does_not_change() -> None:
    with pytest.raises(AttributeError):
        Pair().left = 2  # type: ignore[misc]
