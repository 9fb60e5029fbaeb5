from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.reader import LedgerReader
from polybot.domain.trading_state import Claim, TradingState
from polybot.messages.safety import TradingStateChanged
from tests.story import (
    records,
)


def test_the_newest_trading_state_is_told_with_its_claims(
    ledger: Ledger, reader: LedgerReader
) -> None:
    assert reader.trading_state() is None
    claim = Claim(source="operator", state=TradingState.HALTED, reason="lunch", since_ns=5)
    ledger.store(
        records(
            [
                TradingStateChanged(state="ACTIVE", was="RECONCILING", claims=()),
                TradingStateChanged(state="HALTED", was="ACTIVE", claims=(claim,)),
            ]
        )
    )

    state = reader.trading_state()

    assert state is not None
    assert (state.state, state.claims) == ("HALTED", (claim,))
