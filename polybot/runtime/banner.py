"""The one record a process logs when it starts: what it is, how it runs, and what still stands."""

from datetime import UTC, datetime

import msgspec

from polybot.runtime.logs import mask_wallet


class StandingStop(msgspec.Struct, frozen=True, kw_only=True):
    """A stop, halt, cool-down, approval or arming that an earlier life left in force.

    `since_ns` and `until_ns` are the original times (UTC epoch ns); 0 means no end of its own, and
    `ends` says in words what does end it.
    """

    what: str
    reason: str
    since_ns: int
    until_ns: int = 0
    ends: str = "until `polybot resume`"


class Banner(msgspec.Struct, frozen=True, kw_only=True):
    """Plain values of a start.

    `wallet` is given whole and shown masked, "" where there is none; `restored` is a sentence.
    """

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
    restored: str
    standing: tuple[StandingStop, ...] = ()

    def lines(self) -> list[str]:
        """Return the lines; what still stands comes first."""
        wallet = f", wallet {mask_wallet(self.wallet)}" if self.wallet else ""
        return [
            *(_standing_line(stop) for stop in self.standing),
            f'{self.name} {self.version} "{self.codename}" of {self.date}: {self.changes}',
            f"mode {self.mode}, config {self.config_hash}{wallet}, logs to {self.logs}",
            f"state {self.state_dir}: {self.restored}",
        ]


def _standing_line(stop: StandingStop) -> str:
    until = f"until {_utc(stop.until_ns)}" if stop.until_ns else stop.ends
    return f"STILL IN FORCE: {stop.what} since {_utc(stop.since_ns)}, {until}: {stop.reason}"


def _utc(moment_ns: int) -> str:
    return datetime.fromtimestamp(moment_ns // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
