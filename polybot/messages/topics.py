"""Bus topics: what every published message begins with, and subscribers filter by."""

DURABLE = b"d."
VOLATILE = b"v."


def topic_of(message_type: str, *, durable: bool) -> bytes:
    """Return the topic of a message type, such as b"d.FillMatched"."""
    return (DURABLE if durable else VOLATILE) + message_type.encode("ascii")
