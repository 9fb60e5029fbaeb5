"""The synthetic market's reference price: a jump diffusion that is the same for the same seed.

It is drawn in stretches of 15 minutes: where each ends follows from the ones before, and its inside
is bridged between the two ends, so any second of a long run is found without drawing all of them.
Random numbers are floats; what leaves this module is integers in 1e-8 dollars.
"""

import random
from functools import lru_cache
from itertools import accumulate

import msgspec

from polybot.domain.money import REFERENCE_ONE_E8

STRETCH_S = 900
TWAP_S = 60
# Calibrated on recorded 5-minute windows: the median distance of close and strike is 28 dollars at
# a price near 68,000, and about one second a minute moves by more than seven dollars.
_BASE_DOLLARS = {"btc": 68_000.0, "eth": 2_400.0, "sol": 160.0, "xrp": 2.1, "doge": 0.18}
_DIFFUSION = 2.3 / 68_000
_JUMP_SIZE = 8.2 / 68_000
_JUMP_EVERY_S = 25.0
_BINANCE_OFFSET = 7.0 / 68_000
_BINANCE_NOISE = 0.8 / 68_000


class Stretch(msgspec.Struct, frozen=True):
    """Fifteen minutes of prices, one a second, in 1e-8 dollars."""

    spot: tuple[int, ...]
    binance: tuple[int, ...]


class PricePath:
    """One asset's price by the UTC second; seconds before `start_s` do not exist."""

    def __init__(self, seed: int, asset: str, start_s: int) -> None:
        self._seed = f"{seed}:{asset}"
        self.start_s = start_s - start_s % STRETCH_S
        self._base = _BASE_DOLLARS.get(asset, 100.0)
        self._ends = [self._base]
        self._stretch = lru_cache(maxsize=8)(self._draw)
        variance = _DIFFUSION**2 + _JUMP_SIZE**2 / _JUMP_EVERY_S
        self.sigma_e8 = self._base * variance**0.5 * REFERENCE_ONE_E8

    def spot_e8(self, second: int) -> int:
        """Return the price at a second."""
        index, offset = divmod(second - self.start_s, STRETCH_S)
        return self._stretch(index).spot[offset]

    def binance_e8(self, second: int) -> int:
        """Return the same price as another exchange shows it."""
        index, offset = divmod(second - self.start_s, STRETCH_S)
        return self._stretch(index).binance[offset]

    def sum_e8(self, first: int, end: int) -> int:
        """Return the sum of the prices of the seconds [first, end)."""
        return sum(self.spot_e8(second) for second in range(first, end))

    def twap_e8(self, second: int) -> int:
        """Return the average of the 60 seconds before a second, rounded down."""
        return self.sum_e8(second - TWAP_S, second) // TWAP_S

    def _random(self, index: int, purpose: str) -> random.Random:
        return random.Random(f"{self._seed}:{index}:{purpose}")

    def _jumps(self, index: int) -> dict[int, float]:
        dice = self._random(index, "jumps")
        jumps: dict[int, float] = {}
        second = dice.expovariate(1 / _JUMP_EVERY_S)
        while second < STRETCH_S:
            jumps[int(second)] = dice.gauss(0, _JUMP_SIZE * self._base)
            second += dice.expovariate(1 / _JUMP_EVERY_S)
        return jumps

    def _end(self, index: int) -> float:
        """Return the price at the end of the stretch before `index`."""
        while len(self._ends) <= index:
            last = len(self._ends) - 1
            drift = self._random(last, "drift").gauss(0, STRETCH_S**0.5) * _DIFFUSION * self._base
            price = self._ends[-1] + drift + sum(self._jumps(last).values())
            self._ends.append(max(price, self._base / 2))
        return self._ends[index]

    def _draw(self, index: int) -> Stretch:
        first, last = self._end(index), self._end(index + 1)
        jumps = self._jumps(index)
        dice = self._random(index, "inside")
        steps = [
            dice.gauss(0, _DIFFUSION * self._base) + jumps.get(second, 0.0)
            for second in range(STRETCH_S)
        ]
        walked = list(accumulate(steps))
        # Bent so that it ends where the next stretch begins.
        bend = (last - first - walked[-1]) / STRETCH_S
        prices = [first + walk + bend * (n + 1) for n, walk in enumerate(walked)]
        noise = _BINANCE_NOISE * self._base
        offset = _BINANCE_OFFSET * self._base
        return Stretch(
            tuple(round(price * REFERENCE_ONE_E8) for price in prices),
            tuple(
                round((price + offset + dice.gauss(0, noise)) * REFERENCE_ONE_E8)
                for price in prices
            ),
        )
