"""The simulated exchange itself: deterministic, without clock, randomness or I/O.

Orders, cancels and the outside market's happenings go in with their market time; records come out.
"""

from collections.abc import Iterable
from functools import singledispatchmethod

from polybot.domain.order import Side
from polybot.domain.resting import TradePrint
from polybot.errors import InvalidValue
from polybot.exchange import error_texts as texts
from polybot.simulator.books.accounts import AccountRow, TradeRow
from polybot.simulator.books.ledger import Ledger
from polybot.simulator.books.records import (
    AnyRecord,
    FlowKind,
    OrderEnded,
    OrderState,
    Phase,
)
from polybot.simulator.engine.core import ExchangeCore, Listener
from polybot.simulator.engine.due import is_stale, run_timer
from polybot.simulator.engine.execution import serve_book, serve_print
from polybot.simulator.engine.flows import (
    Conversion,
    ManualTrade,
    convert,
    move_money,
    pay_rebates,
    refresh_balance,
    remove_unfunded,
    reward,
    trade_by_hand,
)
from polybot.simulator.engine.orders import NewOrder, submit
from polybot.simulator.engine.phases import PhaseRefusal, phase_refusal, set_phase
from polybot.simulator.engine.settle import (
    change_tick,
    close_window,
    list_window,
    refine_tick,
    resolve_window,
    settle_window,
    tell_strike,
)
from polybot.simulator.engine.window_book import UpLevel, WindowBook
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
from polybot.simulator.rules import ExchangeRules


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
        # Looking the dispatcher up makes a new one each time, which costs more than a book update.
        self._tell = self._happen

    @property
    def ledger(self) -> Ledger:
        """The books."""
        return self.core.ledger

    def book(self, slug: str) -> WindowBook | None:
        """Return the order book of a window, None before trading begins and after its close."""
        book = self.core.books.get(slug)
        return book if book is not None and book.started else None

    def is_quiet(self) -> bool:
        """Say whether nothing is under way: no window is open, no trade or payout is pending."""
        self.next_timer_ns()
        return not self.core.books and self.core.timers.first(with_calendar=False) is None

    def next_timer_ns(self) -> int | None:
        """Return when the exchange will next do something by itself."""
        timers = self.core.timers
        while (timer := timers.first()) is not None and is_stale(self.core, timer):
            timers.pop_due(timer.ts_ns)
        return None if timer is None else timer.ts_ns

    @property
    def phase(self) -> Phase:
        """What the exchange lets its clients do."""
        return self.ledger.state.phase

    def set_phase(self, phase: Phase, now_ns: int, until_ns: int = 0) -> None:
        """Begin a phase that ends at a market time (0: with the next call), as `Phase` says."""
        set_phase(self.core, phase, self._at(now_ns), until_ns)

    def phase_refusal(
        self, now_ns: int, *, post_only: bool = False, is_cancel: bool = False
    ) -> PhaseRefusal | None:
        """Return why an order or a cancel is not taken now, None when it is."""
        return phase_refusal(self.ledger.state, now_ns, post_only=post_only, is_cancel=is_cancel)

    def set_rules(self, rules: ExchangeRules) -> None:
        """Go by other rules from now on, also for what is under way."""
        self.core.rules = rules
        self.core.timers.go_by(rules, self.ledger)

    def external_deposit(self, account: AccountRow, amount_usdc: int, now_ns: int) -> None:
        """Let money come in from outside."""
        move_money(self.core, account, amount_usdc, self._at(now_ns))

    def external_withdrawal(self, account: AccountRow, amount_usdc: int, now_ns: int) -> None:
        """Let money leave; orders it covered are removed. InvalidValue when it is not there."""
        move_money(self.core, account, -amount_usdc, self._at(now_ns))

    def external_trade(self, account: AccountRow, trade: ManualTrade, now_ns: int) -> str:
        """Trade by hand in an account's wallet; return "" or the refusal."""
        refusal = trade_by_hand(self.core, account, trade, self._at(now_ns))
        remove_unfunded(self.core, account, now_ns)
        return refusal

    def external_conversion(self, account: AccountRow, wanted: Conversion, now_ns: int) -> None:
        """Split or merge by hand; InvalidValue when there is too little."""
        convert(self.core, account, wanted, self._at(now_ns))

    def external_reward(
        self, account: AccountRow, kind: FlowKind, amount_usdc: int, now_ns: int
    ) -> None:
        """Pay a REWARD or a TAKER_REBATE."""
        reward(self.core, account, kind, amount_usdc, self._at(now_ns))

    def pay_rebates(self, now_ns: int) -> None:
        """Pay makers' rebates now; the exchange does it by itself every `rebate_every_ns`."""
        pay_rebates(self.core, self._at(now_ns))

    def refresh_balance(self, account: AccountRow, token_id: str, now_ns: int) -> None:
        """Let the cached balance of a token catch up with what was mined."""
        refresh_balance(self.core, account, token_id, self._at(now_ns))

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
        refusal = self.phase_refusal(now_ns, is_cancel=True)
        if refusal is not None:
            return [], dict.fromkeys(order_ids, refusal.text)
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
            self._tell(happening)
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
            self._tell(happening)

    def _at(self, now_ns: int) -> int:
        if now_ns < self.now_ns:
            raise InvalidValue(f"expected a time from {self.now_ns} on, was {now_ns}")
        return now_ns

    def _fire(self, until_ns: int) -> None:
        while (timer := self.core.timers.pop_due(until_ns)) is not None:
            if is_stale(self.core, timer):
                continue
            # After a restart a timer may be overdue; nothing is written at a time already over.
            self.now_ns = max(timer.ts_ns, self.now_ns)
            run_timer(self.core, timer, self.now_ns)

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
        serve_book(self.core, book, happening.ts_ns, touched)
        refine_tick(self.core, book, happening.ts_ns)

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
        refine_tick(self.core, book, happening.ts_ns)

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
