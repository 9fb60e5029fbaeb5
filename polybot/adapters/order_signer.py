"""Turns an approved order into the signed bytes the exchange takes, its id known beforehand."""

from typing import Protocol

from polybot.domain.market import Market
from polybot.domain.order import Order, OrderType, Side
from polybot.errors import InvalidValue
from polybot.exchange.amounts import (
    OrderAmounts,
    OrderRules,
    limit_amounts,
    market_buy_amounts,
    market_sell_amounts,
)
from polybot.exchange.contracts import ExchangeDomain, order_domain
from polybot.exchange.order_hash import SignatureType, UnsignedOrder, WireSide
from polybot.exchange.order_hash import SignedOrder as SignedWireOrder
from polybot.exchange.wire_codec import encode
from polybot.exchange.wire_orders import PostOrderBody, order_body
from polybot.ports import SignedOrder

_MARKET_TYPES = (OrderType.FAK, OrderType.FOK)


class KeySigner(Protocol):
    """Signs with one key; in a replay with the signatures it made."""

    @property
    def address(self) -> str:
        """The key's own address."""

    def sign_order(self, order: UnsignedOrder, domain: ExchangeDomain) -> SignedWireOrder:
        """Sign an order; raises InvalidValue for one this key cannot sign."""


class WalletOrderSigner:
    """Signs orders of one wallet; `owner` is the API key the exchange books them under.

    `address` is the key's own and stays the one that logs in, also where a deposit wallet trades.
    """

    def __init__(self, key: KeySigner, *, funder: str, signature_type: int, owner: str) -> None:
        self.address = key.address
        self.funder = funder or key.address
        # A deposit wallet signs for itself: its owner's key is inside the nested signature.
        is_deposit = signature_type == SignatureType.POLY_1271
        self._order_signer = self.funder if is_deposit else key.address
        self._key = key
        self._signature_type = signature_type
        self._owner = owner

    def sign(
        self, order: Order, market: Market, *, salt: int, timestamp_ms: int, post_only: bool
    ) -> SignedOrder:
        """Sign an order; raises InvalidValue when price or amounts break a rule of the market."""
        amounts = _amounts(order, market)
        unsigned = UnsignedOrder(
            salt=salt,
            maker=self.funder,
            signer=self._order_signer,
            token_id=int(order.token_id),
            maker_amount=amounts.maker,
            taker_amount=amounts.taker,
            side=WireSide.BUY if order.side is Side.BUY else WireSide.SELL,
            signature_type=self._signature_type,
            timestamp_ms=timestamp_ms,
        )
        domain = order_domain(market.version, neg_risk=market.neg_risk)
        signed = self._key.sign_order(unsigned, domain)
        body = PostOrderBody(
            order=order_body(signed, expiration_s=order.expires_ns // 1_000_000_000),
            owner=self._owner,
            order_type=order.order_type.value,
            post_only=post_only,
        )
        return SignedOrder(venue_order_id=signed.order_id, body=encode(body))


def _amounts(order: Order, market: Market) -> OrderAmounts:
    rules = OrderRules(tick_bps=market.tick_bps, minimum_shares=market.min_size_shares)
    side = WireSide.BUY if order.side is Side.BUY else WireSide.SELL
    if order.order_type not in _MARKET_TYPES:
        return limit_amounts(side, order.price_bps, order.size_shares, rules)
    if side is WireSide.SELL:
        return market_sell_amounts(order.price_bps, order.size_shares, rules)
    if not order.budget_usdc:
        message = f"expected a budget for a {order.order_type.value} BUY, was none"
        raise InvalidValue(message)
    return market_buy_amounts(order.price_bps, order.budget_usdc, rules)
