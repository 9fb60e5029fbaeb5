"""Wire shapes of Gamma, the exchange's catalog of events and markets."""

from decimal import Decimal, InvalidOperation

import msgspec

from polybot.errors import ProtocolError
from polybot.exchange.wire_codec import read_string_array

# Which protocol a market is on; it decides the contract that verifies its orders.
MARKET_VERSION_CTF = "v1"
MARKET_VERSION_PROTOCOL = "v2"
RESOLVED = "resolved"


class FeeSchedule(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How a market charges: fee = shares x rate x (p x (1 - p)) ** exponent, by the taker."""

    rate: Decimal = Decimal(0)
    exponent: Decimal = Decimal(1)
    taker_only: bool = True
    rebate_rate: Decimal = Decimal(0)


class CryptoMarketConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How a crypto market settles: 0 seconds of look-back is the instant price."""

    id: str = ""
    twap_enabled: bool | None = None
    twap_lookback_seconds: int | None = None


class EventMetadata(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The reference prices of an event, as they become known."""

    price_to_beat: Decimal | None = None
    final_price: Decimal | None = None


class GammaMarket(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer of GET /markets/slug/{slug}.

    `outcomes`, `outcome_prices` and `clob_token_ids` are strings that hold JSON arrays. The window
    opens at `event_start_time`, not at `start_date`, which is the market's creation a day earlier.
    """

    id: str = ""
    slug: str = ""
    question: str = ""
    condition_id: str = ""
    question_id: str = msgspec.field(name="questionID", default="")
    version: str | None = None
    outcomes: str = ""
    outcome_prices: str = ""
    clob_token_ids: str = ""
    position_ids: list[str] | None = None
    active: bool = False
    closed: bool = False
    closed_time: str | None = None
    accepting_orders: bool = False
    enable_order_book: bool = False
    neg_risk: bool = False
    start_date: str | None = None
    event_start_time: str | None = None
    end_date: str | None = None
    uma_resolution_status: str | None = None
    automatically_resolved: bool = False
    order_min_size: Decimal = Decimal(5)
    order_price_min_tick_size: Decimal = Decimal("0.01")
    fees_enabled: bool = False
    fee_type: str | None = None
    fee_schedule: FeeSchedule | None = None
    crypto_market_config: CryptoMarketConfig | None = None
    resolution_source: str | None = None
    seconds_delay: int = 0
    best_bid: Decimal | None = None
    best_ask: Decimal | None = None
    last_trade_price: Decimal | None = None

    def outcome_names(self) -> list[str]:
        """Return the outcomes in the order of the tokens; ProtocolError when unreadable."""
        return read_string_array(self.outcomes)

    def tradable_ids(self) -> list[str]:
        """Return the ids orders are placed in, by `version` alone.

        Raises ProtocolError for a version not known: orders for it could not be signed.
        """
        if self.version == MARKET_VERSION_PROTOCOL:
            return self.position_ids or []
        if self.version == MARKET_VERSION_CTF:
            return read_string_array(self.clob_token_ids)
        raise ProtocolError(
            f"expected market version 'v1' or 'v2', was {self.version!r} ({self.slug})"
        )

    def is_split(self) -> bool:
        """Return whether the resolution gave every outcome the same part of the dollar.

        Before the resolution equal prices are only an even market. Raises ProtocolError when the
        prices cannot be read.
        """
        prices = self._prices()
        resolved = self.closed and self.uma_resolution_status == RESOLVED
        return resolved and len(prices) > 1 and sum(prices) == 1 and len(set(prices)) == 1

    def winner(self) -> str | None:
        """Return the outcome that won, None before the resolution and for a split one.

        Raises ProtocolError when names or prices cannot be read.
        Prices of 0 and 0 mean that nothing is known yet (the exchange's documentation: markets).
        """
        prices = self._prices()
        if not self.closed or sorted(prices) != [0, 1]:
            return None
        names = self.outcome_names()
        return names[prices.index(Decimal(1))] if len(names) == len(prices) else None

    def _prices(self) -> list[Decimal]:
        try:
            return [Decimal(price) for price in read_string_array(self.outcome_prices)]
        except InvalidOperation as error:
            raise ProtocolError(
                f"expected outcome prices as numbers, was {self.outcome_prices!r} ({self.slug})"
            ) from error


class GammaEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer of GET /events/slug/{slug}."""

    id: str = ""
    slug: str = ""
    title: str = ""
    active: bool = False
    closed: bool = False
    start_date: str | None = None
    start_time: str | None = None
    end_date: str | None = None
    series_slug: str | None = None
    event_metadata: EventMetadata | None = None
    markets: list[GammaMarket] = []
