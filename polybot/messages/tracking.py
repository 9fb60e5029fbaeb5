"""The tracker's durable events: official outcomes, grades and audits."""

import msgspec


class WindowSettled(msgspec.Struct, frozen=True, kw_only=True):
    """The official outcome of a window is known; `source` says which route told it.

    `outcome` is Up or Down; `provisional` is what our own settlement rule derived ("" when the
    price feed lacked a tick).
    """

    slug: str
    condition_id: str
    outcome: str
    source: str
    provisional: str = ""


class WindowSplit(msgspec.Struct, frozen=True, kw_only=True):
    """A window was officially resolved 50/50: every share pays half a dollar, nobody won.

    Rare, and left to a person: positions stay as they are and the series takes no entries.
    """

    slug: str
    condition_id: str
    source: str


class WindowGraded(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's window has a grade and a P&L, worked out from actual fills.

    `pnl_usdc` = sell proceeds + winning shares x $1 - buy cost - fees, in micro-dollars.
    """

    slug: str
    agent: str
    strategy: str
    grade: str
    pnl_usdc: int
    fees_usdc: int
    cost_usdc: int
    trades: int


class WindowRedeemed(msgspec.Struct, frozen=True, kw_only=True):
    """The exchange paid winning shares of a window out, by itself or because somebody asked.

    Never P&L: the position was closed at 1 or 0 when the window settled. `key` names the row of
    activity that told it, `redeemed_ns` is its block's time.
    """

    key: str
    slug: str
    condition_id: str
    amount_usdc: int
    redeemed_ns: int
    token_id: str = ""
    transaction_hash: str = ""


class ExternalFlowSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The exchange's activity names money or shares that no order of ours moved; never P&L.

    `kind` is the exchange's word (SPLIT, MERGE, REWARD, MAKER_REBATE, DEPOSIT...); `amount_usdc`
    what it did to cash, `stated_usdc` the dollars it names, `set_shares` the shares of either
    outcome that a split added or a merge took.
    """

    key: str
    kind: str
    amount_usdc: int
    stated_usdc: int
    set_shares: int
    at_ns: int
    slug: str = ""
    condition_id: str = ""
    transaction_hash: str = ""


class AuditCompleted(msgspec.Struct, frozen=True, kw_only=True):
    """Our books were compared with what the exchange's own routes say.

    `compared` of the orders were read one by one: the others had not changed since an audit agreed.
    `through_seq` is the trader's event up to which an unbroken row of audits compared every order
    and fill, beginning after `since_seq` (0: with the first); the next one begins there, and at
    `through_ns` of market time.
    """

    agrees: bool
    differences: tuple[str, ...]
    orders: int
    fills: int
    windows: int
    compared: int = 0
    through_seq: int = 0
    through_ns: int = 0
    since_seq: int = 0


class DatabaseRebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """The database lost events and was filled again from the journals' files.

    `missing` names what no file held, a sentence for each source.
    """

    reason: str
    events: int
    missing: tuple[str, ...] = ()
