"""The frames of rpc: a request is one payload, an answer is a mark and a payload or a reason."""

REQUEST_FRAMES = 2  # the client's identity, added by ROUTER, and the payload
ANSWER_FRAMES = 2
ANSWERED, REFUSED = b"+", b"-"


def answer(payload: bytes) -> tuple[bytes, bytes]:
    """Return the frames of an answer."""
    return ANSWERED, payload


def refusal(reason: str) -> tuple[bytes, bytes]:
    """Return the frames of a refusal."""
    return REFUSED, reason.encode()


def reason_of(frame: bytes) -> str:
    """Return a refusal's reason as text, whatever its bytes."""
    return frame.decode("utf-8", "replace")
