import pytest

from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.reader import LedgerReader
from polybot.errors import InvalidValue
from polybot.messages.trading import IntentDenied
from tests.story import (
    AGENT,
    bought,
    graded,
    opening,
    order_at,
    paid_out,
    records,
    settled,
    slug_at,
)


def test_a_window_is_explained_from_discovery_to_grade(
    ledger: Ledger, reader: LedgerReader
) -> None:
    ledger.store(records([opening(), *bought(0), *bought(1)]))
    ledger.store(records([settled(0), graded(0, 5)], source="tracker", first=1))

    explanation = reader.explain(slug_at(0))

    assert explanation is not None
    assert (explanation.kind, explanation.slug) == ("window", slug_at(0))
    assert {entry.type for entry in explanation.entries} == {
        "WindowDiscovered",
        "DecisionMade",
        "IntentApproved",
        "OrderSubmitted",
        "OrderStatusChanged",
        "FillMatched",
        "FillStatusChanged",
        "WindowSummarized",
        "WindowSettled",
        "WindowGraded",
    }
    times = [entry.recorded_ns for entry in explanation.entries]
    assert times == sorted(times)


def test_an_order_is_explained_with_decision_checks_and_outcome(
    ledger: Ledger, reader: LedgerReader
) -> None:
    ledger.store(records([*bought(0), *bought(1), paid_out(0)]))
    other = graded(0, 5)
    ledger.store(records([settled(0), other], source="tracker"))

    for key in (order_at(0).venue_order_id, order_at(0).intent_id):
        explanation = reader.explain(key)

        assert explanation is not None
        assert (explanation.kind, explanation.key) == ("order", order_at(0).venue_order_id)
        assert [entry.type for entry in explanation.entries].count("FillMatched") == 1
        assert {
            "DecisionMade",
            "IntentApproved",
            "OrderSubmitted",
            "PositionSettled",
            "WindowSettled",
            "WindowGraded",
        } <= {entry.type for entry in explanation.entries}


def test_a_denied_intent_shows_in_the_story_of_its_window(
    ledger: Ledger, reader: LedgerReader
) -> None:
    denied = IntentDenied(
        intent_id="i9",
        decision_id="d9",
        agent=AGENT,
        slug=slug_at(0),
        purpose="entry",
        reason="window limit",
        checks={"window_usdc": 100},
    )
    ledger.store(records([denied]))

    explanation = reader.explain(slug_at(0))

    assert explanation is not None
    assert explanation.entries[0].body["reason"] == "window limit"


def test_a_prefix_that_fits_several_orders_names_them(ledger: Ledger, reader: LedgerReader) -> None:
    ledger.store(records([*bought(0), *bought(1)]))

    with pytest.raises(InvalidValue, match="0xaaaa000, 0xaaaa001"):
        reader.explain("0xaaaa")


def test_the_beginning_of_an_id_is_enough(ledger: Ledger, reader: LedgerReader) -> None:
    ledger.store(records(bought(0)))

    explanation = reader.explain("0xaaa")

    assert explanation is not None
    assert explanation.key == order_at(0).venue_order_id


@pytest.mark.parametrize("key", ["", "0x", "btc-updown-5m-1", "0xbbbb"])
def test_what_is_not_known_is_none(ledger: Ledger, reader: LedgerReader, key: str) -> None:
    ledger.store(records([opening(), *bought(0)]))

    assert reader.explain(key) is None
