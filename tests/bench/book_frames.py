"""A seeded stream of book changes of one market, with the best prices that follow from each."""

import random

import msgspec

from tests.bench.sample_market import MARKET, NOW_S, TOKEN_DOWN, TOKEN_UP

HASH = "ab" * 20
LEVELS = 30
# Best bid and ask of Up, then of Down, in cents; 0 where a side is empty.
Best = tuple[int, int, int, int]


class BookStream:
    """Writes frames as the exchange does: every change for both tokens, mirrored."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._bids = {cents: self._size() for cents in range(48 - LEVELS, 48)}
        self._asks = {cents: self._size() for cents in range(50, 50 + LEVELS)}
        self._millisecond = 0

    def snapshots(self) -> bytes:
        """Return both tokens' whole books."""
        mirrored_bids = {100 - cents: size for cents, size in self._asks.items()}
        mirrored_asks = {100 - cents: size for cents, size in self._bids.items()}
        return msgspec.json.encode(
            [
                _book(TOKEN_UP, self._bids, self._asks),
                _book(TOKEN_DOWN, mirrored_bids, mirrored_asks),
            ]
        )

    def change(self) -> bytes:
        """Return one change: a new size, a level gone, or a better price than before."""
        is_bid = self._draw.random() < 0.5
        side = self._bids if is_bid else self._asks
        cents = self._level(is_bid=is_bid)
        goes = cents in side and len(side) > 2 and self._draw.random() < 0.3
        size = "0" if goes else self._size()
        if goes:
            del side[cents]
        else:
            side[cents] = size
        self._millisecond += 3
        best = self.best()
        up = _change(TOKEN_UP, cents, size, ("SELL", "BUY")[is_bid], best[:2])
        down = _change(TOKEN_DOWN, 100 - cents, size, ("BUY", "SELL")[is_bid], best[2:])
        return msgspec.json.encode(
            {
                "market": MARKET.condition_id,
                "price_changes": [up, down],
                "timestamp": str(NOW_S * 1000 + self._millisecond),
                "event_type": "price_change",
            }
        )

    def best(self) -> Best:
        """Return the best prices now."""
        bid, ask = max(self._bids), min(self._asks)
        return bid, ask, 100 - ask, 100 - bid

    def _level(self, *, is_bid: bool) -> int:
        bid, ask = max(self._bids), min(self._asks)
        # Most of what happens, happens at the best prices, or just inside them.
        distance = min(int(self._draw.expovariate(0.4)), LEVELS - 1)
        inside = 1 if ask - bid > 1 and self._draw.random() < 0.3 else 0
        cents = bid + inside - distance if is_bid else ask - inside + distance
        return min(max(cents, 2), 98)

    def _size(self) -> str:
        return f"{self._draw.randint(5, 400)}.{self._draw.randint(10, 99)}"


def _book(token: str, bids: dict[int, str], asks: dict[int, str]) -> dict[str, object]:
    def levels(sizes: dict[int, str], *, falling: bool) -> list[dict[str, str]]:
        order = sorted(sizes, reverse=falling)
        return [{"price": _price(cents), "size": sizes[cents]} for cents in order]

    return {
        "market": MARKET.condition_id,
        "asset_id": token,
        "timestamp": f"{NOW_S}000",
        "hash": HASH,
        "bids": levels(bids, falling=False),
        "asks": levels(asks, falling=True),
        "event_type": "book",
    }


def _change(token: str, cents: int, size: str, side: str, best: tuple[int, ...]) -> dict[str, str]:
    return {
        "asset_id": token,
        "price": _price(cents),
        "size": size,
        "side": side,
        "hash": HASH,
        "best_bid": _price(best[0]),
        "best_ask": _price(best[1]),
    }


def _price(cents: int) -> str:
    return f"0.{cents:02d}"
