"""One market as Gamma lists it, whole and good; tests change a field of it."""

import json
from typing import Any

from polybot.domain.market import FeeSchedule, Market, SettlementRule
from polybot.exchange.token_ids import ctf_token_id

SLUG = "btc-updown-5m-1787236800"
CONDITION = "0x8f7145163815d6646ec891d68b1782eeb9e96b33ab5ed1f9c9e5bdf49a8b51c2"
UP, DOWN = ctf_token_id(CONDITION, 1), ctf_token_id(CONDITION, 2)
STREAMS = "https://data.chain.link/streams/"
LISTED: dict[str, Any] = {
    "slug": SLUG,
    "conditionId": CONDITION,
    "version": "v1",
    "outcomes": '["Up", "Down"]',
    "outcomePrices": '["0.535", "0.465"]',
    "clobTokenIds": json.dumps([UP, DOWN]),
    "eventStartTime": "2026-08-20T14:40:00Z",
    "startDate": "2026-08-19T14:40:00Z",
    "endDate": "2026-08-20T14:45:00Z",
    "active": True,
    "closed": False,
    "negRisk": False,
    "orderMinSize": 5,
    "orderPriceMinTickSize": 0.01,
    "feesEnabled": True,
    "feeSchedule": {"rate": 0.07, "exponent": 1, "takerOnly": True, "rebateRate": 0.2},
    "cryptoMarketConfig": {"id": "btc-5m-twap-60", "twapLookbackSeconds": 60},
    "resolutionSource": f"{STREAMS}btc-usd-twap-60s-streams",
}
MARKET = Market(
    slug=SLUG,
    condition_id=CONDITION,
    token_up=UP,
    token_down=DOWN,
    asset="btc",
    open_ns=1_787_236_800_000_000_000,
    close_ns=1_787_237_100_000_000_000,
    tick_bps=100,
    fee=FeeSchedule(rate_bps=700),
    rule=SettlementRule.TWAP,
    twap_lookback_s=60,
)


def listed(**changes: Any) -> dict[str, Any]:
    """Return the listing with some fields changed; `...` leaves one out."""
    return {name: value for name, value in (LISTED | changes).items() if value is not ...}
