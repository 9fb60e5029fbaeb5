"""One market late in its window: its tokens, its frames, and the wallet that trades it."""

import msgspec

from polybot.domain.market import FeeSchedule, Market, SettlementRule
from polybot.exchange.l2_auth import ApiCredentials

SECOND_NS = 1_000_000_000
PRIVATE_KEY = "0x" + "4c" * 32
API = ApiCredentials(
    api_key="7d9a1b52-0000-4000-8000-00000000be11",
    secret="YmVuY2htYXJrIHNlY3JldCBvZiAzMiBieXRlcyAuLi4=",
    passphrase="b" * 64,
)

OPEN_S = 1_787_236_800
CLOSE_S = OPEN_S + 300
NOW_S = CLOSE_S - 45
TOKEN_UP = str(int("a7" * 32, 16))
TOKEN_DOWN = str(int("5c" * 32, 16))
MARKET = Market(
    slug=f"btc-updown-5m-{OPEN_S}",
    condition_id="0x" + "5f" * 32,
    token_up=TOKEN_UP,
    token_down=TOKEN_DOWN,
    asset="btc",
    open_ns=OPEN_S * SECOND_NS,
    close_ns=CLOSE_S * SECOND_NS,
    tick_bps=100,
    fee=FeeSchedule(rate_bps=700),
    rule=SettlementRule.TWAP,
    twap_lookback_s=60,
)


def book_frame() -> bytes:
    """Return the snapshots of both tokens: sixty bids for Up, four asks, and their mirror."""
    up_bids = {cents: 100 + cents for cents in range(34, 94)}
    up_asks = {94: 50, 97: 147, 98: 148, 99: 149}
    down_bids = {100 - cents: size for cents, size in up_asks.items()}
    down_asks = {100 - cents: size for cents, size in up_bids.items()}
    return msgspec.json.encode(
        [_book(TOKEN_UP, up_bids, up_asks), _book(TOKEN_DOWN, down_bids, down_asks)]
    )


def _book(token: str, bids: dict[int, int], asks: dict[int, int]) -> dict[str, object]:
    # The best price is the last of each side, as the exchange sends them.
    def levels(sizes: dict[int, int], *, falling: bool) -> list[dict[str, str]]:
        return [
            {"price": f"0.{cents:02d}", "size": f"{sizes[cents]}.25"}
            for cents in sorted(sizes, reverse=falling)
        ]

    return {
        "event_type": "book",
        "asset_id": token,
        "market": MARKET.condition_id,
        "bids": levels(bids, falling=False),
        "asks": levels(asks, falling=True),
        "timestamp": f"{NOW_S}123",
        "hash": "0x" + "ab" * 20,
    }


def ask_frame(size: str, best_ask_cents: int) -> bytes:
    """Return a change of the Up ask at 0.94, and of its mirror, as the exchange sends it."""
    own = {"asset_id": TOKEN_UP, "price": "0.94", "size": size, "side": "SELL"}
    mirror = {"asset_id": TOKEN_DOWN, "price": "0.06", "size": size, "side": "BUY"}
    best = {"best_bid": "0.93", "best_ask": f"0.{best_ask_cents}"}
    mirrored_best = {"best_bid": f"0.{100 - best_ask_cents:02d}", "best_ask": "0.07"}
    book_hash = {"hash": "ab" * 20}
    return msgspec.json.encode(
        {
            "market": MARKET.condition_id,
            "price_changes": [own | book_hash | best, mirror | book_hash | mirrored_best],
            "timestamp": f"{NOW_S}456",
            "event_type": "price_change",
        }
    )


# The ask at 0.94 goes, the next one is 0.97: now an outcome is all but decided.
ENTERS = ask_frame("0", 97)
WAITS = ask_frame("50.25", 94)
