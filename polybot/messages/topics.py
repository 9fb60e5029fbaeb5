"""Bus topics: the first frame of every published message, which subscribers filter by prefix."""

DURABLE = b"d."
VOLATILE = b"v."


def topic_of(message_type: str, *, durable: bool) -> bytes:
    """Return the topic of a message type, such as b"d.FillMatched"."""
    return (DURABLE if durable else VOLATILE) + message_type.encode("ascii")
