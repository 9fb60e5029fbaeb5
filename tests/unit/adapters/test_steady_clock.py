import logging
from datetime import UTC
from pathlib import Path

import pytest

from polybot.adapters.market_clock import WallMarketClock
from polybot.adapters.steady_clock import JUMP_NS, ConfirmedTime, SteadyClock
from polybot.domain.arming import Arming, judge
from polybot.domain.metrics import trading_day
from polybot.exchange.l2_auth import ApiCredentials, RequestSigner
from tests.fakes import FakeClock

SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS


@pytest.fixture
def raw() -> FakeClock:
    return FakeClock()


@pytest.fixture
def confirmed(tmp_path: Path) -> ConfirmedTime:
    return ConfirmedTime(tmp_path / "run" / "clock.json", boot="b1")


@pytest.fixture
def clock(raw: FakeClock, confirmed: ConfirmedTime) -> SteadyClock:
    return SteadyClock(raw, confirmed)


def offset(raw: FakeClock) -> int:
    return raw.now_ns() - raw.monotonic_ns()


def test_it_is_the_wall_clock_as_long_as_that_goes_with_the_monotonic_one(
    raw: FakeClock, clock: SteadyClock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(100):
        raw.advance(60)
        # Kept right in small steps, as by NTP.
        raw.wall_ns += JUMP_NS // 2
        assert clock.now_ns() == raw.now_ns()
    assert clock.monotonic_ns() == raw.monotonic_ns()
    assert clock.jump_s() == 0
    assert caplog.records == []


@pytest.mark.parametrize("jump_ns", [HOUR_NS, -HOUR_NS, 2 * SECOND_NS, -2 * SECOND_NS])
def test_a_jump_is_not_followed_and_is_said_once_with_its_size(
    raw: FakeClock, clock: SteadyClock, caplog: pytest.LogCaptureFixture, jump_ns: int
) -> None:
    began = raw.now_ns()
    raw.wall_ns += jump_ns
    for seconds in range(1, 60):
        raw.advance(1)
        assert clock.now_ns() == began + seconds * SECOND_NS

    assert clock.jump_s() == jump_ns / SECOND_NS
    [told] = [record.getMessage() for record in caplog.records]
    assert f"the wall clock jumped by {jump_ns / SECOND_NS:+.1f} s" in told


def test_a_jump_that_the_exchange_confirms_is_followed(
    raw: FakeClock, clock: SteadyClock, confirmed: ConfirmedTime, caplog: pytest.LogCaptureFixture
) -> None:
    raw.wall_ns += HOUR_NS
    clock.now_ns()
    confirmed.confirm(offset(raw))
    raw.advance(1)

    clock.now_ns()

    assert clock.now_ns() == raw.now_ns()
    assert clock.jump_s() == 0
    assert "time follows it by +3600.0 s" in caplog.text


def test_an_old_confirmation_confirms_no_new_time(raw: FakeClock, confirmed: ConfirmedTime) -> None:
    confirmed.confirm(offset(raw))
    clock = SteadyClock(raw, confirmed)
    raw.wall_ns += HOUR_NS
    raw.advance(100)

    assert clock.now_ns() == raw.now_ns() - HOUR_NS


def test_a_clock_that_jumps_back_again_is_the_wall_clock_as_before(
    raw: FakeClock, clock: SteadyClock, caplog: pytest.LogCaptureFixture
) -> None:
    raw.wall_ns += HOUR_NS
    clock.now_ns()
    raw.advance(5)
    raw.wall_ns -= HOUR_NS

    assert clock.now_ns() == raw.now_ns()
    assert clock.jump_s() == 0
    assert "the wall clock is back" in caplog.text


def test_a_restart_during_a_jump_begins_at_the_confirmed_time(
    raw: FakeClock, confirmed: ConfirmedTime, caplog: pytest.LogCaptureFixture
) -> None:
    confirmed.confirm(offset(raw))
    raw.wall_ns += HOUR_NS
    raw.advance(7)

    clock = SteadyClock(raw, confirmed)

    assert clock.now_ns() == raw.now_ns() - HOUR_NS
    assert clock.jump_s() == 3600
    assert caplog.text.count("jumped by +3600.0 s") == 1


def test_after_another_boot_what_was_confirmed_is_of_no_use(
    raw: FakeClock, confirmed: ConfirmedTime, tmp_path: Path
) -> None:
    confirmed.confirm(offset(raw) + HOUR_NS)

    clock = SteadyClock(raw, ConfirmedTime(tmp_path / "run" / "clock.json", boot="b2"))

    assert clock.now_ns() == raw.now_ns()


def test_a_process_that_stood_still_between_two_readings_saw_no_jump(
    caplog: pytest.LogCaptureFixture, confirmed: ConfirmedTime
) -> None:
    class Stopped(FakeClock):
        """Stands still for a minute right before some readings of the wall clock."""

        stops_at: frozenset[int] = frozenset()
        readings = 0

        def now_ns(self) -> int:
            self.readings += 1
            if self.readings in self.stops_at:
                self.advance(60)
            return super().now_ns()

    raw = Stopped()
    clock = SteadyClock(raw, confirmed)
    # In the usual reading, and again in the one that makes sure.
    for ahead in ({1}, {1, 2}, {1, 2, 3}):
        raw.stops_at = frozenset(raw.readings + number for number in ahead)
        clock.now_ns()
        assert clock.now_ns() == raw.wall_ns
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_cool_down_ends_neither_earlier_nor_later_because_of_a_jump(
    raw: FakeClock, clock: SteadyClock
) -> None:
    lost_ns = clock.now_ns()
    for jump_ns in (HOUR_NS, -2 * HOUR_NS, HOUR_NS):
        raw.wall_ns += jump_ns
        raw.advance(1200)
        paused_for_ns = clock.now_ns() - lost_ns
        assert paused_for_ns % (1200 * SECOND_NS) == 0
    assert clock.now_ns() - lost_ns == HOUR_NS


@pytest.mark.parametrize("jump_ns", [HOUR_NS, -HOUR_NS])
def test_what_goes_by_the_wall_clock_in_live_mode_does_not_notice_a_jump(
    raw: FakeClock, clock: SteadyClock, jump_ns: int
) -> None:
    market = WallMarketClock(clock)
    armed_ns = clock.now_ns()
    arming = Arming(
        funder="0xf",
        signature_type=0,
        versions=(),
        armed_ns=armed_ns,
        expires_ns=armed_ns + HOUR_NS // 2,
        by="me",
    )
    signer = RequestSigner("0xa", ApiCredentials(api_key="k", secret="c2VjcmV0", passphrase="p"))
    api = [market.now_ns(), trading_day(market.now_ns(), UTC), _timestamp(signer, clock)]

    raw.wall_ns += jump_ns

    # A window's close and an order's expiry, the day's loss, the headers of a request, the arming.
    now = [market.now_ns(), trading_day(market.now_ns(), UTC), _timestamp(signer, clock)]
    assert now == api
    verdict = judge(arming, funder="0xf", signature_type=0, now_ns=clock.now_ns())
    assert verdict.allows_entries
    raw.advance(1801)
    verdict = judge(arming, funder="0xf", signature_type=0, now_ns=clock.now_ns())
    assert not verdict.allows_entries


def _timestamp(signer: RequestSigner, clock: SteadyClock) -> str:
    headers = signer.headers(clock.now_ns() // SECOND_NS, "GET", "/orders")
    return next(value for name, value in headers.items() if name.upper() == "POLY_TIMESTAMP")


def test_an_unreadable_record_is_none_and_is_replaced(
    raw: FakeClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "clock.json"
    path.write_text("[1]")
    confirmed = ConfirmedTime(path, boot="b1")
    assert confirmed.offset_ns() is None
    assert "cannot read the confirmed time" in caplog.text

    confirmed.confirm(offset(raw))

    assert confirmed.offset_ns() == offset(raw)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_record_is_written_only_when_it_says_something_new(
    raw: FakeClock, confirmed: ConfirmedTime, tmp_path: Path
) -> None:
    confirmed.confirm(5 * SECOND_NS)
    path = tmp_path / "run" / "clock.json"
    first = path.stat().st_ino
    confirmed.confirm(5 * SECOND_NS + 1000)
    assert path.stat().st_ino == first

    confirmed.confirm(7 * SECOND_NS)
    assert confirmed.offset_ns() == 7 * SECOND_NS
