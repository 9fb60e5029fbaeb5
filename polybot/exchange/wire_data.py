"""Wire shapes of the Data API, version 2: positions, trades and resolutions."""

from decimal import Decimal
from typing import Generic, TypeVar

import msgspec

Row = TypeVar("Row")


class Pagination(msgspec.Struct, frozen=True, kw_only=True):
    """Where a page stands among the others."""

    limit: int = 0
    has_more: bool = False
    next_cursor: str | None = None


class DataPage(msgspec.Struct, Generic[Row], frozen=True, kw_only=True):
    """The envelope of every answer; read `DataPage[PositionRow]` and the like."""

    data: list[Row] = []
    pagination: Pagination = Pagination()


class PositionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of GET /v2/positions; sizes in shares, money in dollars."""

    proxy_wallet: str = ""
    token_id: str = ""
    condition_id: str = ""
    current_size: Decimal = Decimal(0)
    avg_price: Decimal = Decimal(0)
    entry_cost_usdc: Decimal = Decimal(0)
    entry_fees_usdc: Decimal = Decimal(0)
    current_price: Decimal = Decimal(0)
    current_value: Decimal = Decimal(0)
    realized_pnl: Decimal = Decimal(0)
    unrealized_pnl: Decimal = Decimal(0)
    status: str = ""
    redeemable: bool = False
    mergeable: bool = False
    slug: str = ""
    outcome: str = ""
    outcome_index: int = 0
    end_date: str | None = None
    last_event_at: int | None = None


class UserTradeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of GET /v2/trades; `timestamp` is the block's, in seconds."""

    proxy_wallet: str = ""
    side: str = ""
    token_id: str = ""
    condition_id: str = ""
    size: Decimal = Decimal(0)
    price: Decimal = Decimal(0)
    timestamp: int = 0
    slug: str = ""
    outcome: str = ""
    outcome_index: int = 0
    transaction_hash: str = ""


class ResolutionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of GET /v2/resolutions; `price` is 1 where the first outcome won, 0 where it lost."""

    question_id: str = ""
    condition_id: str = ""
    status: str = ""
    was_disputed: bool = False
    proposed_price: str = ""
    price: str = ""
    transaction_hash: str = ""
    last_update_timestamp: str = ""
