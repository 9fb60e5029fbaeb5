import msgspec
import pytest

from polybot.adapters.storage.json_text import from_text, to_text
from polybot.domain.market import Market
from tests.story import market_at


def test_a_market_comes_back_as_it_went() -> None:
    assert from_text(to_text(market_at()), Market) == market_at()


def test_text_of_another_shape_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        from_text("[1]", Market)
