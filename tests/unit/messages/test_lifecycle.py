import msgspec
import pytest

from polybot.errors import ProtocolError
from polybot.messages.codec import VOLATILE_TYPES, decode_body
from polybot.messages.lifecycle import (
    Heartbeat,
    MarketTimeChanged,
    ProcessStarted,
    ProcessStopped,
)
from tests.unit.messages.samples import BIG, travelled

BEAT = b'{"process":"trader","pid":1,"last_seq":9,"turns":2,"progress":3,"status":"ok"}'


def test_the_start_and_the_end_of_a_session_are_durable_and_a_heartbeat_is_not() -> None:
    assert Heartbeat.__name__ in VOLATILE_TYPES
    assert MarketTimeChanged.__name__ in VOLATILE_TYPES
    assert not {ProcessStarted.__name__, ProcessStopped.__name__} & VOLATILE_TYPES


def test_a_heartbeat_of_an_earlier_version_has_what_it_did_not_say_as_unknown() -> None:
    beat = decode_body("Heartbeat", msgspec.Raw(BEAT))

    assert (beat.trading_state, beat.ages_s, beat.gaps) == ("", {}, {})
    assert (beat.market_ns, beat.errors) == (0, 0)


def test_two_heartbeats_do_not_share_their_tables() -> None:
    first, second = (decode_body("Heartbeat", msgspec.Raw(BEAT)) for _ in range(2))
    first.gaps["trader"] = 1

    assert second.gaps == {}


def test_a_heartbeat_without_the_newest_event_is_refused() -> None:
    with pytest.raises(ProtocolError, match="last_seq"):
        decode_body("Heartbeat", msgspec.Raw(BEAT.replace(b'"last_seq":9,', b"")))


def test_market_time_is_exact_and_may_stand_still() -> None:
    paused = MarketTimeChanged(origin_mono_ns=BIG, origin_market_ns=BIG + 1, speed=0)
    told = travelled(paused)

    assert (told.origin_mono_ns, told.origin_market_ns) == (BIG, BIG + 1)
    assert (told.speed, told.idle) == (0.0, False)


def test_a_start_from_nothing_differs_from_one_after_a_checkpoint() -> None:
    def started(restored_seq: int) -> ProcessStarted:
        return ProcessStarted(
            process="tracker",
            pid=1,
            version="1",
            mode="synthetic",
            config_hash="c",
            restored_seq=restored_seq,
            replayed=5,
        )

    assert travelled(started(0)) != travelled(started(40)) == started(40)
