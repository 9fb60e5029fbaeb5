"""The simulated exchange itself: deterministic, without clock, randomness or I/O.

Orders, cancels and the outside market's happenings go in with their market time; records come out.
"""

from collections.abc import Iterable
from functools import singledispatchmethod

from polybot.domain.fill import FillStatus
from polybot.domain.order import Side
from polybot.domain.resting import TradePrint
from polybot.errors import InvalidValue
from polybot.exchange import error_texts as texts
from polybot.simulator.accounts import AccountRow, TradeRow
from polybot.simulator.core import ExchangeCore, Listener
from polybot.simulator.execution import release, serve_book, serve_print
from polybot.simulator.happenings import (
    ChangeTick,
    CloseWindow,
    Happening,
    ListWindow,
    PrintTrade,
    ResolveWindow,
    SetBest,
    SetBook,
    SetLevels,
    SettleWindow,
    TellPrice,
    TellStrike,
)
from polybot.simulator.ledger import Ledger
from polybot.simulator.orders import NewOrder, submit
from polybot.simulator.records import AnyRecord, OrderEnded, OrderState, TradeAdvanced
from polybot.simulator.settle import (
    change_tick,
    close_window,
    list_window,
    redeem_window,
    resolve_window,
    settle_window,
    tell_strike,
)
from polybot.simulator.timers import ExchangeRules, Timer, TimerKind
from polybot.simulator.window_book import UpLevel, WindowBook

_NEXT_STATUS = {FillStatus.MATCHED: FillStatus.MINED, FillStatus.MINED: FillStatus.CONFIRMED}


class SimulatedExchange:
    """One exchange: its ledger, the books of its open windows, and what it does by itself.

    `books` is where it keeps the open windows' books, for a listener that looks into them too.
    """

    def __init__(
        self,
        ledger: Ledger,
        rules: ExchangeRules,
        listener: Listener,
        books: dict[str, WindowBook] | None = None,
    ) -> None:
        self.core = ExchangeCore(ledger, rules, listener, {} if books is None else books)
        self.now_ns = ledger.state.now_ns

    @property
    def ledger(self) -> Ledger:
        """The books."""
        return self.core.ledger

    def book(self, slug: str) -> WindowBook | None:
        """Return the order book of a window, None before its listing and after its close."""
        return self.core.books.get(slug)

    def is_quiet(self) -> bool:
        """Say whether nothing is under way: no window is open, no trade or payout is pending."""
        return not self.core.books and self.next_timer_ns() is None

    def next_timer_ns(self) -> int | None:
        """Return when the exchange will next do something by itself."""
        timers = self.core.timers
        while (timer := timers.first()) is not None and self._is_stale(timer):
            timers.pop_due(timer.ts_ns)
        return None if timer is None else timer.ts_ns

    def take_records(self) -> list[AnyRecord]:
        """Return the records that wait for the journal, and forget them."""
        records, self.core.records = self.core.records, []
        return records

    def submit(self, new: NewOrder, now_ns: int) -> str:
        """Take an order; return "" or the refusal. Bring the exchange up to `now_ns` first."""
        return submit(self.core, new, self._at(now_ns))

    def cancel(
        self, account: AccountRow, order_ids: Iterable[str], now_ns: int
    ) -> tuple[list[str], dict[str, str]]:
        """Cancel an account's orders; return the ids that are gone, and why the others are not."""
        now_ns = self._at(now_ns)
        canceled: list[str] = []
        refused: dict[str, str] = {}
        for order_id in order_ids:
            order = self.ledger.state.orders.get(order_id)
            if order is None or order.address != account.address:
                refused[order_id] = texts.CANCEL_NOT_FOUND
            elif order.state is OrderState.HELD:
                refused[order_id] = texts.MATCH_DELAYED
            elif order.state is not OrderState.LIVE:
                refused[order_id] = texts.ALREADY_CANCELED_OR_MATCHED
            else:
                self.core.emit(
                    OrderEnded(ts_ns=now_ns, order_id=order_id, state=OrderState.CANCELED)
                )
                canceled.append(order_id)
        return canceled, refused

    def advance(self, until_ns: int, happenings: Iterable[Happening] = ()) -> None:
        """Let everything happen up to a time: the market's happenings and the own timers between.

        What a timer does sees the book after everything that happened up to its moment.
        """
        for happening in happenings:
            self._fire(happening.ts_ns - 1)
            self.now_ns = max(self.now_ns, happening.ts_ns)
            self._happen(happening)
        self._fire(until_ns)
        self.now_ns = max(self.now_ns, until_ns)

    def rebuild(self, trades: Iterable[TradeRow], happening: Happening | None = None) -> None:
        """Take over, after a restart, what has its consequences in the ledger already.

        `trades` are those made since the happening before it; they took from the books.
        """
        for trade in trades:
            book = self.core.books.get(trade.slug)
            if book is not None:
                book.take_again(trade)
        if isinstance(happening, SetBook | SetLevels | SetBest):
            book = self.core.books.get(happening.slug)
            if book is not None:
                _change(book, happening)
        elif isinstance(happening, PrintTrade):
            book = self.core.books.get(happening.slug)
            if book is not None:
                _note_print(book, happening.trade, book.aggressor_of(happening.trade))
        elif happening is not None:
            self._happen(happening)

    def _at(self, now_ns: int) -> int:
        if now_ns < self.now_ns:
            raise InvalidValue(f"expected a time from {self.now_ns} on, was {now_ns}")
        return now_ns

    def _fire(self, until_ns: int) -> None:
        while (timer := self.core.timers.pop_due(until_ns)) is not None:
            self._run_timer(timer)

    def _is_stale(self, timer: Timer) -> bool:
        """Say whether what a timer was set for has happened otherwise."""
        state = self.ledger.state
        if timer.kind is TimerKind.REDEEM:
            window = state.windows.get(timer.key)
            return window is None or bool(window.redeemed_ns)
        if timer.kind is TimerKind.ADVANCE:
            return state.trades[timer.key].status not in _NEXT_STATUS
        return not state.orders[timer.key].is_open

    def _run_timer(self, timer: Timer) -> None:
        state = self.ledger.state
        if self._is_stale(timer):
            return
        # After a restart a timer may be overdue; nothing is written at a time already over.
        ts_ns = max(timer.ts_ns, self.now_ns)
        self.now_ns = ts_ns
        if timer.kind is TimerKind.REDEEM:
            redeem_window(self.core, timer.key, ts_ns)
        elif timer.kind is TimerKind.ADVANCE:
            status = _NEXT_STATUS[state.trades[timer.key].status]
            self.core.emit(TradeAdvanced(ts_ns=ts_ns, trade_id=timer.key, status=status))
        elif timer.kind is TimerKind.RELEASE:
            if state.orders[timer.key].state is OrderState.HELD:
                release(self.core, state.orders[timer.key], ts_ns)
        elif state.orders[timer.key].state is OrderState.LIVE:
            self.core.emit(OrderEnded(ts_ns=ts_ns, order_id=timer.key, state=OrderState.EXPIRED))

    @singledispatchmethod
    def _happen(self, happening: Happening) -> None:
        raise InvalidValue(f"expected a happening of the market, was {happening!r}")

    @_happen.register(SetBook)
    @_happen.register(SetLevels)
    @_happen.register(SetBest)
    def _on_book(self, happening: SetBook | SetLevels | SetBest) -> None:
        book = self.core.books.get(happening.slug)
        if book is None:
            return
        is_first = not book.started
        touched = _change(book, happening)
        if is_first:
            self.core.listener.on_whole_book(book, happening.ts_ns)
        elif touched:
            self.core.listener.on_book(book, happening.ts_ns, touched)
        serve_book(self.core, book, happening.ts_ns)

    @_happen.register
    def _on_print(self, happening: PrintTrade) -> None:
        book = self.core.books.get(happening.slug)
        if book is None:
            return
        trade = happening.trade
        side = book.aggressor_of(trade)
        known = TradePrint(
            outcome=trade.outcome,
            price_bps=trade.price_bps,
            size_shares=trade.size_shares,
            aggressor=side,
        )
        shown = _note_print(book, trade, side)
        level = (trade.price_bps, trade.size_shares)
        self.core.listener.on_trade(book, happening.ts_ns, trade.outcome, shown, level)
        serve_print(self.core, book, known, happening.ts_ns)

    @_happen.register
    def _on_price(self, happening: TellPrice) -> None:
        self.core.listener.on_price(happening)

    @_happen.register
    def _on_listing(self, happening: ListWindow) -> None:
        list_window(self.core, happening)

    @_happen.register
    def _on_tick(self, happening: ChangeTick) -> None:
        change_tick(self.core, happening.slug, happening.tick_bps, happening.ts_ns)

    @_happen.register
    def _on_strike(self, happening: TellStrike) -> None:
        tell_strike(self.core, happening.slug, happening.strike_e8, happening.ts_ns)

    @_happen.register
    def _on_close(self, happening: CloseWindow) -> None:
        close_window(self.core, happening.slug, happening.ts_ns)

    @_happen.register
    def _on_resolution(self, happening: ResolveWindow) -> None:
        resolve_window(self.core, happening)

    @_happen.register
    def _on_settlement(self, happening: SettleWindow) -> None:
        settle_window(self.core, happening)


def _change(book: WindowBook, happening: SetBook | SetLevels | SetBest) -> list[UpLevel]:
    if isinstance(happening, SetLevels):
        return book.set_levels(happening.levels)
    if isinstance(happening, SetBook):
        return book.set_book(happening.bids, happening.asks)
    return book.set_best(happening.bid_bps, happening.ask_bps)


def _note_print(book: WindowBook, trade: TradePrint, side: Side | None) -> Side:
    # Where nobody recorded who took, the wire still names a side.
    shown = side or Side.BUY
    book.note_trade(trade.outcome, trade.price_bps, shown)
    return shown
