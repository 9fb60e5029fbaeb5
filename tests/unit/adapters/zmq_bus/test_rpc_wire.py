import pytest

from polybot.adapters.zmq_bus.rpc_wire import ANSWERED, REFUSED, answer, reason_of, refusal


def test_an_answer_and_a_refusal_are_told_apart_by_their_mark() -> None:
    assert answer(b"payload") == (ANSWERED, b"payload")
    assert refusal("not now: café") == (REFUSED, "not now: café".encode())
    assert ANSWERED != REFUSED


@pytest.mark.parametrize(("frame", "text"), [(b"busy", "busy"), (b"\xff", "�"), (b"", "")])
def test_a_reason_is_text_whatever_its_bytes(frame: bytes, text: str) -> None:
    assert reason_of(frame) == text
