"""What an event is about: its window, order and decision, by which it is found again."""

from typing import Any

import msgspec

from polybot.messages.trading import FillMatched, OrderSubmitted, WindowDiscovered


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The ids an event is indexed by; "" where it has none."""

    slug: str = ""
    order_id: str = ""
    decision_id: str = ""


def subject_of(body: Any) -> Subject:
    """Return what an event is about."""
    if isinstance(body, WindowDiscovered):
        return Subject(slug=body.market.slug)
    if isinstance(body, OrderSubmitted):
        return Subject(
            slug=body.order.slug,
            order_id=body.order.venue_order_id,
            decision_id=body.decision_id,
        )
    if isinstance(body, FillMatched):
        return Subject(slug=body.fill.slug, order_id=body.fill.venue_order_id)
    return Subject(
        slug=getattr(body, "slug", ""),
        order_id=getattr(body, "venue_order_id", ""),
        decision_id=getattr(body, "decision_id", ""),
    )
