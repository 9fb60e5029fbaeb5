from typing import Any

from polybot.messages.codec import encode
from polybot.messages.safety import AlertCleared
from polybot.runtime.own_events import JournaledEvents
from tests.fakes import event_hash, make_envelope


class ShortJournal:
    """Keeps payloads `first_seq` to `synced_seq`; later ones are not synced."""

    def __init__(self, payloads: list[bytes], *, first_seq: int = 1, unsynced: int = 0) -> None:
        self.payloads = payloads
        self.first_seq = first_seq
        self.synced_seq = first_seq + len(payloads) - 1 - unsynced

    def payloads_from(self, seq: int, limit: int) -> list[bytes]:
        begin = seq - self.first_seq
        return self.payloads[begin : begin + min(limit, self.synced_seq - seq + 1)]


def envelopes(count: int, first: int = 1) -> list[Any]:
    return [
        make_envelope(AlertCleared(key=f"k{seq}", text=""), source="tracker", seq=seq)
        for seq in range(first, first + count)
    ]


def test_events_after_a_seq_come_with_the_hash_others_see() -> None:
    told = envelopes(3)
    own = JournaledEvents(ShortJournal([encode(envelope) for envelope in told]))

    events = own.after(1)

    assert [envelope.seq for envelope, _, _ in events] == [2, 3]
    assert [body.key for _, body, _ in events] == ["k2", "k3"]
    assert [hashed for _, _, hashed in events] == [event_hash(e) for e in told[1:]]


def test_what_is_not_synced_is_not_told() -> None:
    own = JournaledEvents(ShortJournal([encode(e) for e in envelopes(3)], unsynced=1))

    assert [envelope.seq for envelope, _, _ in own.after(0)] == [1, 2]
    assert own.after(2) == []


def test_a_trimmed_beginning_is_passed_over() -> None:
    own = JournaledEvents(ShortJournal([encode(e) for e in envelopes(2, 5)], first_seq=5))

    assert [envelope.seq for envelope, _, _ in own.after(0)] == [5, 6]


def test_an_unknown_type_has_no_body() -> None:
    [envelope] = envelopes(1)
    payload = encode(envelope).replace(b"AlertCleared", b"AlertForgotten")
    own = JournaledEvents(ShortJournal([payload]))

    [(told, body, _)] = own.after(0)

    assert (told.type, body) == ("AlertForgotten", None)


def test_a_batch_is_bounded() -> None:
    own = JournaledEvents(ShortJournal([encode(e) for e in envelopes(5)]))

    assert len(own.after(0, limit=2)) == 2
