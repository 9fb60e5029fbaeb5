"""The one record a process logs when it starts: what it is, how it runs, and what still stands."""

from datetime import UTC, datetime

import msgspec

from polybot.runtime.logs import mask_wallet


class StandingStop(msgspec.Struct, frozen=True, kw_only=True):
    """A stop, halt, cool-down, approval or arming that an earlier life left in force.

    `since_ns` and `until_ns` are the original times (UTC epoch ns); 0 means no end of its own.
    """

    what: str
    reason: str
    since_ns: int
    until_ns: int = 0


class Banner(msgspec.Struct, frozen=True, kw_only=True):
    """Plain values of a start; `wallet` is given whole and shown masked."""

    name: str
    version: str
    codename: str
    date: str
    changes: str
    mode: str
    config_hash: str
    wallet: str
    logs: str
    state_dir: str
    standing: tuple[StandingStop, ...] = ()
    recovered: tuple[str, ...] = msgspec.field(default=())

    def lines(self) -> list[str]:
        """Return the lines; what still stands and what recovery had to say come first."""
        wallet = mask_wallet(self.wallet) or "none"
        return [
            *(_standing_line(stop) for stop in self.standing),
            *self.recovered,
            f"{self.name} {self.version} {self.codename!r} of {self.date}: {self.changes}",
            f"mode {self.mode}, config {self.config_hash}, wallet {wallet}",
            f"logs: {self.logs}; state: {self.state_dir}",
        ]


def _standing_line(stop: StandingStop) -> str:
    until = f" until {_utc(stop.until_ns)}" if stop.until_ns else ", ends only by an operator"
    return f"STILL IN FORCE: {stop.what} since {_utc(stop.since_ns)}{until}: {stop.reason}"


def _utc(moment_ns: int) -> str:
    return datetime.fromtimestamp(moment_ns // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
