import pytest

from polybot.messages.codec import EVENT_TYPES
from polybot.messages.topics import DURABLE, VOLATILE, topic_of


def test_a_topic_is_the_kind_and_the_type() -> None:
    assert topic_of("FillMatched", durable=True) == b"d.FillMatched"
    assert topic_of("Heartbeat", durable=False) == b"v.Heartbeat"


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_a_subscriber_of_one_kind_hears_nothing_of_the_other(name: str) -> None:
    durable, volatile = topic_of(name, durable=True), topic_of(name, durable=False)

    assert durable.startswith(DURABLE)
    assert volatile.startswith(VOLATILE)
    assert not durable.startswith(VOLATILE)
    assert not volatile.startswith(DURABLE)


def test_no_volatile_topic_begins_another_one() -> None:
    """A subscription to MarketTimeChanged must not bring anything else along."""
    topics = [topic_of(name, durable=False) for name in EVENT_TYPES]
    volatile = [topic_of(name, durable=False) for name in ("Heartbeat", "MarketTimeChanged")]

    assert [topic for topic in topics if topic.startswith(tuple(volatile))] == volatile
