"""The trader's state as its checkpoint holds it."""

import msgspec

from polybot.domain.fill import Fill
from polybot.domain.market import Market
from polybot.domain.order import Order
from polybot.domain.position import Position
from polybot.domain.trading_state import Claim
from polybot.messages.commands import Witness
from polybot.messages.safety import ArmingChanged
from polybot.messages.trading import FlattenStarted
from polybot.services.trader.earned import Earned
from polybot.services.trader.not_ours import NotOurs


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that must survive a crash; a new field has a default, see `TraderState`."""

    markets: tuple[Market, ...]
    orders: tuple[Order, ...]
    fills: tuple[Fill, ...]
    positions: tuple[Position, ...]
    cash_usdc: int | None
    claims: tuple[Claim, ...]
    last_loss_ns: dict[str, int]
    settled: dict[str, bool]
    unredeemed: dict[str, int]
    summarized: tuple[tuple[str, str], ...]
    losses_in_a_row: dict[str, int]
    day: str
    day_pnl_usdc: int
    inbox: dict[str, int]
    memories: dict[str, msgspec.Raw]
    salts: int
    paid: tuple[tuple[str, str, int], ...]
    results: tuple[tuple[str, str], ...]
    arming: ArmingChanged | None = None
    commands: dict[str, tuple[str, ...]] = {}
    flattens: tuple[FlattenStarted, ...] = ()
    stopped: dict[str, str] = {}
    split: tuple[str, ...] = ()
    not_ours: NotOurs = msgspec.field(default_factory=NotOurs)
    earned: Earned = msgspec.field(default_factory=Earned)
    witnesses: dict[str, Witness] = {}
