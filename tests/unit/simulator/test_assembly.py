"""A simulated exchange is put together from configuration and what a former life left."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from polybot.config.schema import SimulatorConfig
from polybot.errors import ConfigError, RecordingError
from polybot.simulator.assembly import SavedState, assemble
from polybot.simulator.drivers.driver_recorded import RecordedDriver
from polybot.simulator.drivers.driver_synthetic import SyntheticDriver
from tests.fakes import FakeClock
from tests.unit.simulator.recordings_sample import book, window, write
from tests.unit.simulator.stand import MemoryLog

S = 1_000_000_000


def test_the_configuration_reaches_every_part() -> None:
    config = SimulatorConfig(
        taker_delay_ms=250,
        redeem_after_s=3.5,
        fee_rate=Decimal("0.05"),
        opening_balance_usdc=Decimal("12.5"),
        series=("btc-updown-5m",),
    )
    parts = assemble(config, clock=FakeClock(), log=MemoryLog(), saved=None)
    rules = parts.world.exchange.core.rules
    assert (rules.taker_delay_ns, rules.redeem_after_ns) == (250_000_000, 3_500_000_000)
    parts.world.open()
    parts.world.catch_up()
    (market, *_) = (w.market for w in parts.world.exchange.ledger.state.windows.values())
    assert market.fee.rate_bps == 500
    parts.keys.create("0x" + "1" * 40, 0, parts.world.exchange.now_ns)
    account = parts.world.exchange.ledger.account("0x" + "1" * 40)
    assert account is not None
    assert account.cash_usdc == 12_500_000
    assert parts.world.clock.paused


def test_a_restart_continues_where_the_lease_ended_whatever_the_wall_says() -> None:
    config, clock, log = SimulatorConfig(), FakeClock(), MemoryLog()
    parts = assemble(config, clock=clock, log=log, saved=None)
    assert isinstance(parts.world.driver, SyntheticDriver)
    parts.world.open()
    parts.world.clock.resume("starting")
    clock.advance(30)
    parts.world.catch_up()
    parts.world.commit()
    state = parts.world.exchange.ledger.state
    saved = SavedState(parts.world.last_seq, msgspec.json.encode(state))
    clock.wall_ns += 100_000 * S
    for again in (
        assemble(config, clock=clock, log=MemoryLog(log.payloads), saved=None),
        assemble(config, clock=clock, log=MemoryLog(log.payloads), saved=saved),
    ):
        assert again.world.clock.now_ns() == state.lease_ns
        assert again.world.last_seq == len(log.payloads)
        assert again.world.exchange.ledger.state == state
        told = [list(parts.world.exchange.core.books), list(again.world.exchange.core.books)]
        assert told[0] == told[1]
        for slug, known in parts.world.exchange.core.books.items():
            restored = again.world.exchange.core.books[slug]
            assert restored.outside.quote() == known.outside.quote()


def test_a_market_that_starts_now_is_at_wall_time_also_after_a_restart() -> None:
    config = SimulatorConfig(start="now", speed=1.0)
    clock, log = FakeClock(), MemoryLog()
    parts = assemble(config, clock=clock, log=log, saved=None)
    assert parts.world.clock.now_ns() == clock.now_ns()
    parts.world.open()
    parts.world.catch_up()
    parts.world.commit()
    open_now = [
        window.market
        for window in parts.world.exchange.ledger.state.windows.values()
        if window.market.open_ns <= clock.now_ns() < window.market.close_ns
    ]
    assert len(open_now) == len(config.series)
    clock.advance(100)
    again = assemble(config, clock=clock, log=MemoryLog(log.payloads), saved=None)
    assert again.world.clock.now_ns() == clock.now_ns()


def test_another_seed_does_not_continue_the_same_market() -> None:
    log = MemoryLog()
    assemble(SimulatorConfig(), clock=FakeClock(), log=log, saved=None).world.open()
    with pytest.raises(ConfigError, match="use the same seed"):
        assemble(SimulatorConfig(seed=8), clock=FakeClock(), log=log, saved=None)


def test_recordings_are_played_when_they_are_named(tmp_path: Path) -> None:
    write(tmp_path, [(window(), [book(1, "Up", [[0.4, 5]], [])])])
    config = SimulatorConfig(recordings=str(tmp_path))
    parts = assemble(config, clock=FakeClock(), log=MemoryLog(), saved=None)
    assert isinstance(parts.world.driver, RecordedDriver)
    missing = SimulatorConfig(recordings=str(tmp_path / "none"))
    with pytest.raises(RecordingError, match="expected a recordings directory"):
        assemble(missing, clock=FakeClock(), log=MemoryLog(), saved=None)
