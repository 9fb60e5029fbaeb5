"""Plays the scenarios on a floor that trades: strike, let go, and wait until all is well again."""

import time
from collections.abc import Callable
from typing import Final

import msgspec

from polybot.adapters.small_disk import SmallDisk
from polybot.bootstrap.chaos.plan import KILL, Blow, blows
from polybot.cli.chaos.floor import ChaosFloor, Look
from polybot.cli.chaos.report import Played, Struck
from polybot.cli.chaos.strikes import Strike, describe, make_strike
from polybot.cli.exits import Late
from polybot.errors import PolybotError

ACTIVE: Final = "ACTIVE"
START_S: Final = 120.0
# Longer than any single patience of a process; who is not back by then needs a person.
RECOVERY_S: Final = 120.0
# Who is killed more often looks like a program that keeps crashing, which is another thing to try.
KILLS: Final = 2
KILLS_S: Final = 65.0
_LOOK_S: Final = 0.25
_LIFT_S: Final = 30.0

Tell = Callable[[str], None]


class Player:
    """One run's scenarios, one after the other; `tell` is given a line of progress at a time."""

    def __init__(self, floor: ChaosFloor, disk: SmallDisk | None, *, seed: int, tell: Tell) -> None:
        self.floor = floor
        self.played: list[Played] = []
        self._disk = disk
        self._seed = seed
        self._tell = tell
        self._killed_s: dict[str, list[float]] = {}

    def wait_until_it_trades(self) -> None:
        """Return when everybody is well and orders are placed; raises Late."""
        problem = self.await_trade(START_S)[1]
        if problem:
            raise Late(f"expected a floor that trades within {START_S:.0f} s, was: {problem}")

    def skip(self, scenario: str, why: str) -> None:
        """Note a scenario that cannot be played here."""
        self.played.append(Played(scenario=scenario, skipped=why))
        self._tell(f"{scenario}: skipped: {why}")

    def play(self, scenario: str, share_s: float) -> None:
        """Strike until the scenario's share of the time is over, or something does not recover.

        Interrupted, it keeps the strikes that were over.
        """
        began = time.monotonic()
        struck: list[Struck] = []
        is_cut = True
        try:
            for number, blow in enumerate(blows(scenario, self._seed), start=1):
                strike_began = time.monotonic()
                rest_s = self._rest_s(blow.targets) if scenario == KILL else 0.0
                if struck and strike_began - began + rest_s >= share_s:
                    break
                time.sleep(rest_s)
                found = self._strike(scenario, blow)
                struck.append(found)
                back = f"well again after {found.recovered_s:.1f} s" if not found.problem else ""
                self._tell(f"{scenario} {number}: {found.what}: {back or found.problem}")
                now = time.monotonic()
                if found.problem or now - began + (now - strike_began) / 2 >= share_s:
                    break
            is_cut = False
        finally:
            self.played.append(Played(scenario=scenario, struck=tuple(struck), cut=is_cut))

    def await_trade(self, seconds: float, strike: Strike | None = None) -> tuple[float, str]:
        """Wait until everybody is well, the strike took hold and, after that, an order was placed.

        Returns how many seconds that took, and what was still wrong when the time was over.
        """
        began = time.monotonic()
        orders: int | None = None
        while True:
            look = self.floor.look()
            problem = _wrong(look) or (strike.missing() if strike else "")
            if problem:
                orders = None
            elif orders is None:
                orders = look.orders
            elif look.orders > orders:
                return time.monotonic() - began, ""
            took = time.monotonic() - began
            if took > seconds or self.floor.is_over():
                over = "the floor's runner ended" if self.floor.is_over() else ""
                return took, over or problem or "no order was placed any more"
            time.sleep(_LOOK_S)

    def _strike(self, scenario: str, blow: Blow) -> Struck:
        time.sleep(blow.pause_s)
        strike = make_strike(scenario, blow, self.floor, self._disk)
        what = describe(scenario, blow)
        try:
            strike.begin()
            time.sleep(blow.hold_s)
        except (OSError, PolybotError, msgspec.MsgspecError) as error:
            return Struck(what=what, recovered_s=None, problem=f"could not be done: {error}")
        finally:
            _lift(strike)
        took, problem = self.await_trade(RECOVERY_S, strike)
        if problem:
            return Struck(
                what=what, recovered_s=None, problem=f"not well after {took:.0f} s: {problem}"
            )
        return Struck(what=what, recovered_s=round(took, 1))

    def _rest_s(self, targets: tuple[str, ...]) -> float:
        """Return how long to wait before these are killed once more, and note that they are then.

        So nobody is killed more often than a process that is well may end.
        """
        now = time.monotonic()
        before = [self._killed_s.setdefault(name, []) for name in targets]
        full = [times[-KILLS] + KILLS_S - now for times in before if len(times) >= KILLS]
        rest_s = max(0.0, *full, 0.0)
        for times in before:
            times.append(now + rest_s)
        return rest_s


def _wrong(look: Look) -> str:
    if look.missing:
        return f"not alive: {', '.join(look.missing)}"
    if look.trading_state != ACTIVE:
        return f"trading is {look.trading_state or 'unknown'}"
    return "" if look.orders >= 0 else "the exchange does not answer"


def _lift(strike: Strike) -> None:
    """End a strike, if need be once its exchange answers again; raises what stays wrong."""
    deadline = time.monotonic() + _LIFT_S
    while True:
        try:
            strike.end()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_S)
        else:
            return
