"""Events every process publishes about its own life, and the simulator's market time."""

import msgspec


class ProcessStarted(msgspec.Struct, frozen=True, kw_only=True):
    """A process began a new session (durable).

    `restored_seq` is the checkpoint it started from (0: none), `replayed` the journal records
    applied after it.
    """

    process: str
    pid: int
    version: str
    mode: str
    config_hash: str
    restored_seq: int
    replayed: int


class ProcessStopped(msgspec.Struct, frozen=True, kw_only=True):
    """A process ended its session on purpose (durable)."""

    process: str
    pid: int
    reason: str


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """A process is alive and this is how far it got (volatile, about once a second).

    `last_seq` is the newest durable event, so that a lost last message shows; `turns` counts turns
    of the work loop, `progress` what the process counts as its own work; `ages_s` the age of each
    feed in seconds (-1: nothing yet); `market_ns` is market time, 0 when unknown.
    """

    process: str
    pid: int
    last_seq: int
    turns: int
    progress: int
    status: str
    trading_state: str = ""
    ages_s: dict[str, float] = {}
    gaps: dict[str, int] = {}
    rss_bytes: int = 0
    uptime_s: float = 0.0
    market_ns: int = 0
    errors: int = 0


class MarketTimeChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Market time runs from `origin_market_ns` at `origin_mono_ns` with `speed` (volatile).

    It is repeated for whoever comes later. `origin_mono_ns` is CLOCK_MONOTONIC, which all processes
    of one machine share. `speed` 0 means paused.
    """

    origin_mono_ns: int
    origin_market_ns: int
    speed: float
    idle: bool = False
