from typing import Any

import pytest

from polybot.adapters.storage.subjects import Subject, subject_of
from polybot.domain.order import OrderStatus, OrderTrigger
from polybot.messages.safety import AlertCleared
from polybot.messages.trading import FillMatched, OrderSubmitted, WindowDiscovered
from tests.story import bought, fill_at, graded, market_at, moved, order_at, slug_at

ORDER = order_at().venue_order_id


@pytest.mark.parametrize(
    ("event", "subject"),
    [
        (WindowDiscovered(market=market_at()), Subject(slug=slug_at())),
        (
            OrderSubmitted(order=order_at(), decision_id="d0", body=""),
            Subject(slug=slug_at(), order_id=ORDER, decision_id="d0"),
        ),
        (FillMatched(fill=fill_at()), Subject(slug=slug_at(), order_id=ORDER)),
        (
            moved(0, OrderStatus.FILLED, OrderTrigger.FILL_WHOLE),
            Subject(slug=slug_at(), order_id=ORDER),
        ),
        (bought()[1], Subject(slug=slug_at(), decision_id="d0")),
        (graded(), Subject(slug=slug_at())),
        (AlertCleared(key="k", text=""), Subject()),
        (None, Subject()),
    ],
)
def test_an_event_is_found_by_what_it_is_about(event: Any, subject: Subject) -> None:
    assert subject_of(event) == subject
