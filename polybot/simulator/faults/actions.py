"""What faults do to the simulated exchange itself: phases, flows from outside, settlement."""

from typing import Final

import msgspec

from polybot.domain.order import Side
from polybot.errors import InvalidValue
from polybot.simulator.books.accounts import AccountRow
from polybot.simulator.books.records import FlowKind, Phase
from polybot.simulator.engine.engine import SimulatedExchange
from polybot.simulator.engine.flows import ManualTrade
from polybot.simulator.faults.plan import Fault

# A person who buys by hand takes what there is.
WORST_BPS: Final = 9900
_PHASES: Final = {
    Fault.RESTART: Phase.RESTARTING,
    Fault.CANCEL_ONLY: Phase.CANCEL_ONLY,
    Fault.DISABLED: Phase.DISABLED,
}


class NullActions:
    """Does nothing: for an exchange without faults."""

    def begin_phase(self, fault: Fault, now_ns: int, until_ns: int) -> bool:
        """Begin no phase."""
        del fault, now_ns, until_ns
        return False

    def flow(self, fault: Fault, now_ns: int, amount_usdc: int, number: int) -> bool:
        """Let nothing happen."""
        del fault, now_ns, amount_usdc, number
        return False

    def share(self, failed_ppm: int, retrying_ppm: int, unresolved_ppm: int) -> None:
        """Let every trade settle."""


class ExchangeActions(NullActions):
    """Carries timed faults out on an exchange."""

    def __init__(self, exchange: SimulatedExchange) -> None:
        self._exchange = exchange

    def begin_phase(self, fault: Fault, now_ns: int, until_ns: int) -> bool:
        """Begin a phase, unless one is on; a restart is followed by two minutes of post-only."""
        if self._exchange.phase is not Phase.NORMAL:
            return False
        self._exchange.set_phase(_PHASES[fault], now_ns, until_ns)
        return True

    def flow(self, fault: Fault, now_ns: int, amount_usdc: int, number: int) -> bool:
        """Let something happen to one account; there may be none, or too little in it."""
        exchange = self._exchange
        accounts = sorted(exchange.ledger.state.accounts.values(), key=lambda row: row.address)
        if not accounts:
            return False
        account = accounts[number % len(accounts)]
        try:
            if fault is Fault.DEPOSIT:
                exchange.external_deposit(account, amount_usdc, now_ns)
            elif fault is Fault.WITHDRAWAL:
                exchange.external_withdrawal(account, amount_usdc, now_ns)
            elif fault is Fault.REBATE:
                exchange.pay_rebates(now_ns)
            elif fault is Fault.REWARD:
                exchange.external_reward(account, FlowKind.REWARD, amount_usdc, now_ns)
            else:
                return self._trade(account, now_ns, amount_usdc, number)
        except InvalidValue:
            return False
        return True

    def share(self, failed_ppm: int, retrying_ppm: int, unresolved_ppm: int) -> None:
        """Set what goes wrong in settlement."""
        rules = msgspec.structs.replace(
            self._exchange.core.rules,
            failed_share=failed_ppm,
            retrying_share=retrying_ppm,
            missing_resolution_ppm=unresolved_ppm,
        )
        if rules != self._exchange.core.rules:
            self._exchange.set_rules(rules)

    def _trade(self, account: AccountRow, now_ns: int, amount_usdc: int, number: int) -> bool:
        """Buy by hand in one of the open windows, in turn."""
        books = sorted(self._exchange.core.books.values(), key=lambda book: book.window.slug)
        if not books:
            return False
        window = books[number % len(books)].window
        trade = ManualTrade(
            token_id=window.market.token_up if number % 2 else window.market.token_down,
            side=Side.BUY,
            amount=amount_usdc,
            limit_bps=WORST_BPS,
        )
        return self._exchange.external_trade(account, trade, now_ns) == ""
