"""Redemption: winners that the exchange has not paid out yet, and how long the free cash lasts."""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from polybot.domain.market import Outcome

# The exchange redeems by itself within minutes; a day later somebody has to look.
OVERDUE_NS = 86_400_000_000_000


class HeldToken(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of one outcome token that our fills left in the wallet."""

    slug: str
    token_id: str
    outcome: Outcome
    size_shares: int


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """The official outcome of a window, and the market time it became known."""

    outcome: Outcome
    resolved_ns: int


class Unredeemed(msgspec.Struct, frozen=True, kw_only=True):
    """Winning shares that still wait for their dollars: a micro-share is a micro-dollar."""

    slug: str
    token_id: str
    outcome: Outcome
    size_shares: int
    resolved_ns: int
    age_ns: int

    @property
    def payout_usdc(self) -> int:
        """What they will be worth once redeemed: a dollar a share."""
        return self.size_shares

    @property
    def is_overdue(self) -> bool:
        """Whether it has waited for a day or longer."""
        return self.age_ns >= OVERDUE_NS


def unredeemed(
    positions: Iterable[HeldToken],
    resolutions: Mapping[str, Resolution],
    redeems: Collection[str],
    now_ns: int,
) -> tuple[Unredeemed, ...]:
    """Return the winners that wait for their dollars, longest waiting first.

    `resolutions` are by slug, `redeems` the token ids whose shares were paid out, `now_ns` market
    time. Redeeming takes a token's whole balance, so a token that was paid out waits for nothing
    (the exchange's documentation: redeem).
    """
    waiting = []
    for held in positions:
        resolution = resolutions.get(held.slug)
        if resolution is None or held.size_shares <= 0 or held.token_id in redeems:
            continue
        if resolution.outcome is held.outcome:
            waiting.append(
                Unredeemed(
                    slug=held.slug,
                    token_id=held.token_id,
                    outcome=held.outcome,
                    size_shares=held.size_shares,
                    resolved_ns=resolution.resolved_ns,
                    age_ns=max(now_ns - resolution.resolved_ns, 0),
                )
            )
    return tuple(sorted(waiting, key=lambda winner: (winner.resolved_ns, winner.slug)))


class Funds(msgspec.Struct, frozen=True, kw_only=True):
    """The wallet's dollars by our books.

    `cash_usdc` is what the exchange should show as balance (None before the first one was seen),
    `reserved_usdc` what open BUYs may still take of it, fees included; `window_cost_usdc` what an
    average window with trades cost each agent lately.
    """

    cash_usdc: int | None
    reserved_usdc: int = 0
    unredeemed: tuple[Unredeemed, ...] = ()
    window_cost_usdc: dict[str, int] = {}

    @property
    def unredeemed_usdc(self) -> int:
        """Dollars that winners will bring."""
        return sum(winner.payout_usdc for winner in self.unredeemed)

    @property
    def free_usdc(self) -> int:
        """Dollars that nothing has a claim on; 0 while the balance is unknown."""
        return max((self.cash_usdc or 0) - self.reserved_usdc, 0)

    def windows_left(self, agents: Iterable[str]) -> int | None:
        """Return how many average windows the free cash pays for.

        Every agent named takes part in each; None while none of them has traded.
        """
        costs = [self.window_cost_usdc[name] for name in agents if name in self.window_cost_usdc]
        a_window_usdc = sum(costs)
        return self.free_usdc // a_window_usdc if a_window_usdc else None
