"""What a run of chaos does to its floor, and when: the scenarios, and the draws of each by seed."""

from collections.abc import Iterator
from random import Random
from typing import Final

import msgspec

from polybot.config.locations import PROCESSES
from polybot.errors import InvalidValue

WS_FREEZE: Final = "ws-freeze"
TOO_MANY: Final = "429"
CLOCK_JUMP: Final = "clock-jump"
DISK_FULL: Final = "disk-full"
KILL: Final = "kill"
SLOW_DISK: Final = "slow-disk"
STOP: Final = "stop"
EXCHANGE_DOWN: Final = "exchange-down"

SCENARIOS: Final[dict[str, str]] = {
    WS_FREEZE: "websockets stay open and fall silent",
    TOO_MANY: "the exchange answers 429 to every request",
    CLOCK_JUMP: "the wall clock jumps an hour forward or back, and back again",
    DISK_FULL: "the disk of the state directory is full",
    KILL: "kill -9 of each process, and of all at once",
    SLOW_DISK: "every sync takes up to a second longer",
    STOP: "each process stands still (SIGSTOP)",
    EXCHANGE_DOWN: "the exchange resets every request and every stream",
}
# A frozen stream is noticed after some seconds, and each scenario wants more than one strike.
LEAST_SHARE_S: Final = 20.0
# Longer than trader.feed_stale_s of the floor, or nobody would have noticed a silence.
FREEZE_S: Final = (11.0, 14.0)
_HOLDS_S: Final[dict[str, tuple[float, float]]] = {
    WS_FREEZE: FREEZE_S,
    TOO_MANY: (3.0, 8.0),
    CLOCK_JUMP: (5.0, 10.0),
    DISK_FULL: (12.0, 18.0),
    KILL: (0.0, 0.0),
    SLOW_DISK: (8.0, 15.0),
    STOP: (2.0, 12.0),
    EXCHANGE_DOWN: (4.0, 12.0),
}
_PAUSE_S: Final = (0.5, 3.0)
_HOUR_S: Final = 3600
# What a strike is aimed at: streams, or processes, one at a time and then several together.
_STREAMS: Final = (("market",), ("price",), ("market", "price", "user"))


class Blow(msgspec.Struct, frozen=True):
    """One strike as it was drawn: how long before it and during it (wall seconds), and at what.

    `targets` are processes or streams. `amount` is a shift of the clock in seconds, or how much
    longer a sync takes.
    """

    pause_s: float
    hold_s: float
    targets: tuple[str, ...] = ()
    amount: float = 0.0


class Wish(msgspec.Struct, frozen=True):
    """What a run was asked for; `minutes` are those of faults, `seed` is of market and strikes."""

    scenarios: tuple[str, ...]
    minutes: float
    seed: int
    keep: bool = False


def read_scenarios(text: str) -> tuple[str, ...]:
    """Return the scenarios named in a list with commas, each once; all for an empty text.

    Raises InvalidValue for one that does not exist.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        raise InvalidValue(f"expected scenarios of {', '.join(SCENARIOS)}, was {unknown[0]!r}")
    return names or tuple(SCENARIOS)


def share_s(scenarios: tuple[str, ...], minutes: float) -> float:
    """Return the wall seconds of each scenario; raises InvalidValue when that is too little."""
    share = minutes * 60 / len(scenarios)
    if share < LEAST_SHARE_S:
        least = len(scenarios) * LEAST_SHARE_S / 60
        raise InvalidValue(
            f"expected at least {least:.1f} minutes for {len(scenarios)} scenarios "
            f"({LEAST_SHARE_S:.0f} s each), was {minutes:g}"
        )
    return share


def blows(scenario: str, seed: int) -> Iterator[Blow]:
    """Yield the strikes of a scenario without end, the same for the same seed."""
    draw = Random(f"{scenario} {seed}")
    aims = _aims(scenario, draw)
    while True:
        yield Blow(
            pause_s=round(draw.uniform(*_PAUSE_S), 2),
            hold_s=round(draw.uniform(*_HOLDS_S[scenario]), 2),
            targets=next(aims),
            amount=_amount(scenario, draw),
        )


def _aims(scenario: str, draw: Random) -> Iterator[tuple[str, ...]]:
    """Yield whom each strike meets: everybody has his turn before anybody has a second one."""
    rounds: tuple[tuple[str, ...], ...] = ((),)
    if scenario == WS_FREEZE:
        rounds = _STREAMS
    elif scenario in (KILL, STOP):
        rounds = tuple((process,) for process in PROCESSES)
    if scenario == KILL:
        rounds = (*rounds, PROCESSES)
    while True:
        order = list(rounds)
        draw.shuffle(order)
        yield from order


def _amount(scenario: str, draw: Random) -> float:
    if scenario == CLOCK_JUMP:
        return draw.choice((_HOUR_S, -_HOUR_S))
    if scenario == SLOW_DISK:
        return round(draw.uniform(0.2, 1.0), 2)
    return 0.0
