"""Where nobody asks for activity there is none."""

from polybot.ports.activity import NullActivityFeed


def test_the_null_feed_never_answers() -> None:
    feed = NullActivityFeed()
    feed.request(1)
    assert feed.take() == []
