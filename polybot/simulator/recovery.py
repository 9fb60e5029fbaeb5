"""How a simulated exchange comes back: books from its records, order books by playing again.

Records hold everything that belongs to accounts. The outside market is not recorded: the driver
plays it again up to the newest record, without consequences, which are in the books already.
"""

from collections import deque
from collections.abc import Iterable

import msgspec

from polybot.errors import CheckpointError, ConfigError
from polybot.simulator.books.ledger import Ledger, replayed
from polybot.simulator.books.ledger_lookups import LedgerState
from polybot.simulator.books.records import decode_record
from polybot.simulator.drivers.driver import Driver
from polybot.simulator.engine.engine import SimulatedExchange


def restore_ledger(checkpoint: bytes | None, records: Iterable[bytes]) -> Ledger:
    """Return the books of a checkpoint's state and the journal's records after it."""
    state = None
    if checkpoint is not None:
        try:
            state = msgspec.json.decode(checkpoint, type=LedgerState)
        except msgspec.MsgspecError as error:
            raise CheckpointError(
                f"expected the state of a simulated exchange, was something else: {error}"
            ) from error
    return replayed(state, map(decode_record, records))


def check_source(ledger: Ledger, driver: Driver, where: str) -> None:
    """Raise ConfigError when the books belong to another market than the driver plays."""
    known = ledger.state.source
    if known and known != driver.source:
        problem = (
            f"expected the market that {where} was begun with ({known}), was {driver.source}; "
            "use the same seed, series, recordings and feed again, or another state directory"
        )
        raise ConfigError([problem])


def replay_market(exchange: SimulatedExchange, driver: Driver) -> None:
    """Bring the order books to where the newest record was made."""
    state = exchange.ledger.state
    played_ns = state.now_ns
    windows = state.windows
    driver.seek(played_ns, lambda slug: slug in windows and bool(windows[slug].resolved_ns))
    trades = deque(
        sorted(
            (trade for trade in state.trades.values() if windows[trade.slug].accepts_orders),
            key=lambda trade: trade.matched_ns,
        )
    )
    for happening in driver.take_until(played_ns):
        before = []
        while trades and trades[0].matched_ns < happening.ts_ns:
            before.append(trades.popleft())
        exchange.rebuild(before, happening)
    exchange.rebuild(trades)
