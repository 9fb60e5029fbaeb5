"""How the simulated exchange behaves: how long things take, and which of them go wrong.

What goes wrong is drawn from a hash of the seed and the thing's own name, never from a stream of
random numbers: so it is the same after a restart, and whatever else happens in between.
"""

import hashlib

import msgspec

from polybot.domain.fill import FillStatus

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
PPM = 1_000_000


class ExchangeRules(msgspec.Struct, frozen=True, kw_only=True):
    """How the exchange behaves; `_ns` is market time, `_share` and `_ppm` are parts per million.

    A match is MINED between `mined_from_ns` and `mined_until_ns` after it was made, which of them
    is drawn for each trade, and CONFIRMED `confirmed_after_ns` after it was MINED. Of all
    trades, `retrying_share` are RETRYING for `retry_after_ns` before they are MINED, `failed_share`
    are so before they are FAILED. Bought shares can be sold `share_lag_ns` after they were MINED.
    Winning shares become money `redeem_after_ns` after the outcome is known, which is not told on
    the market channel for `missing_resolution_ppm` of the windows. Makers are paid rebates every
    `rebate_every_ns`, never when that is 0.
    """

    seed: int = 0
    taker_delay_ns: int = 150 * NS_PER_MS
    mined_from_ns: int = 1 * NS_PER_S
    mined_until_ns: int = 5 * NS_PER_S
    confirmed_after_ns: int = 4 * NS_PER_S
    retry_after_ns: int = 5 * NS_PER_S
    share_lag_ns: int = 1 * NS_PER_S
    redeem_after_ns: int = 10 * NS_PER_S
    rebate_every_ns: int = 24 * 3600 * NS_PER_S
    failed_share: int = 0
    retrying_share: int = 0
    missing_resolution_ppm: int = 0

    def next_step(self, trade_id: str, status: FillStatus) -> tuple[FillStatus, int] | None:
        """Return what a trade becomes next and how long after, None when its settlement is over."""
        if status is FillStatus.MATCHED:
            is_smooth = self._draw(trade_id) >= self.failed_share + self.retrying_share
            following = FillStatus.MINED if is_smooth else FillStatus.RETRYING
            return following, self.mined_after_ns(trade_id)
        if status is FillStatus.RETRYING:
            has_failed = self._draw(trade_id) < self.failed_share
            return FillStatus.FAILED if has_failed else FillStatus.MINED, self.retry_after_ns
        if status is FillStatus.MINED:
            return FillStatus.CONFIRMED, self.confirmed_after_ns
        return None

    def mined_after_ns(self, trade_id: str) -> int:
        """Return how long after its match a trade is MINED, or RETRYING where it goes wrong."""
        span_ns = self.mined_until_ns - self.mined_from_ns
        return self.mined_from_ns + span_ns * draw_ppm(self.seed, f"mined {trade_id}") // PPM

    def announces(self, slug: str) -> bool:
        """Say whether the market channel tells that a window was resolved."""
        return draw_ppm(self.seed, f"resolution {slug}") >= self.missing_resolution_ppm

    def _draw(self, trade_id: str) -> int:
        if not self.failed_share and not self.retrying_share:
            return PPM
        return draw_ppm(self.seed, f"settlement {trade_id}")


def draw_ppm(seed: int, name: str) -> int:
    """Return a number of 0..999999, always the same one for a seed and a name."""
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % PPM


def resolution_delay_ns(seed: int, slug: str, usual_ns: int) -> int:
    """Return how long after its close a window's outcome is known.

    Between 2/3 and three times what is usual: 20 to 90 s around the usual 30, as on the exchange.
    """
    return usual_ns * 2 // 3 + usual_ns * 7 * draw_ppm(seed, f"delay {slug}") // (3 * PPM)
