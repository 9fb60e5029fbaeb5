"""Where a run of chaos keeps everything, and the configuration and environment of its floor."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from polybot.adapters.small_disk import SmallDisk
from polybot.bootstrap.chaos.conditions import VARIABLE
from polybot.config.credentials import DIRECTORY_NAME
from polybot.config.keys import all_keys, override_name
from polybot.config.load import load
from polybot.config.locations import CONFIG_NAME, RUNTIME_NAME, STATE_NAME, Installation
from polybot.config.origins import Layer

# A unix socket's path is limited, so the sockets are not below TMPDIR.
_SHORT = "/tmp"  # noqa: S108 - a directory of its own is made in it

SPEED = 10.0
# One agent buys stock and sells it, one rests and takes, and one trades as installations do: so
# every kind of order is on its way when something happens. The limits are those of play money.
# Silences are noticed sooner than as configured by default, so that a run meets many of them, and
# what is killed on purpose does not count as flapping.
CONFIGURATION = """\
mode = "synthetic"
[trader]
series = ["btc-updown-5m", "eth-updown-5m"]
feed_stale_s = 8
tape_cap_mb = 32
journal_retention_mb = 64
journal_archive_mb = 0
[simulator]
series = ["btc-updown-5m", "eth-updown-5m"]
speed = {speed}
seed = {seed}
opening_balance_usdc = 100000
request_log_mb = 4000
[watchdog]
min_disk_mb = 8
flapping_restarts = 100
flapping_s = 10
[risk]
min_buy_price = 0.01
max_order_usdc = 100
max_window_usdc = 10000
max_deployed_usdc = 100000
max_daily_loss_usdc = 100000
max_consecutive_losses = 1000
max_open_orders = 500
max_orders_per_minute = 2400
[[agents]]
name = "capture"
capital_usdc = 10000
[[agents]]
name = "seller"
strategy = "drill"
series = ["btc-updown-5m"]
capital_usdc = 10000
[agents.parameters]
side = "SELL"
order_type = "FAK"
every_s = 8
[[agents]]
name = "maker"
strategy = "drill"
series = ["eth-updown-5m"]
capital_usdc = 10000
[agents.parameters]
every_s = 8
rest_s = 30
"""


class Places(msgspec.Struct, frozen=True):
    """The directories of one run; `disk` is what becomes full when a small disk is mounted on it.

    The exchange's own files are not on it: an exchange is somewhere else.
    """

    root: Path
    runtime: Path

    @property
    def disk(self) -> Path:
        """Where the small disk is mounted."""
        return self.root / "disk"

    @property
    def state(self) -> Path:
        """The floor's state directory."""
        return self.disk / "state"

    @property
    def exchange(self) -> Path:
        """The simulated exchange's books and its journal of requests."""
        return self.root / "exchange"

    @property
    def config(self) -> Path:
        """The floor's configuration."""
        return self.root / "polybot.toml"

    @property
    def log(self) -> Path:
        """What the runner and every process say."""
        return self.root / "floor.log"

    @property
    def conditions(self) -> Path:
        """What the processes are told about clock and disk."""
        return self.root / "conditions.json"


def make_places() -> Places:
    """Make the directories of a run, for this user alone."""
    made: list[Path] = []
    try:
        made.append(Path(tempfile.mkdtemp(prefix="polybot-chaos-")))
        made.append(Path(tempfile.mkdtemp(prefix="pbx-", dir=_SHORT)))
        places = Places(*made)
        places.disk.mkdir(mode=0o700)
        places.exchange.mkdir(mode=0o700)
    except BaseException:
        for each in made:
            shutil.rmtree(each, ignore_errors=True)
        raise
    return places


def settle_in(places: Places, seed: int) -> None:
    """Write what the floor starts with; to be called when the small disk is mounted, if any."""
    places.state.mkdir(mode=0o700)
    (places.state / "simulator").symlink_to(places.exchange, target_is_directory=True)
    places.config.write_text(CONFIGURATION.format(speed=SPEED, seed=seed))


def clear_away(places: Places, disk: SmallDisk | None, *, keep: bool) -> None:
    """Delete what a run wrote, or bring what is kept from the small disk to where it stays."""
    shutil.rmtree(places.runtime, ignore_errors=True)
    if keep and disk is not None:
        shutil.copytree(places.state, places.root / "state", symlinks=True)
    if disk is not None:
        disk.unmount()
    if not keep:
        shutil.rmtree(places.root, ignore_errors=True)


def environment(places: Places, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the floor's environment: nothing of the installation's settings, keys and chats.

    The .env of a clone is read by every floor that runs from it, so what it sets is set back.
    """
    foreign = {name for key in all_keys().values() for name in key.environment_names}
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith("POLYBOT") and name not in foreign and name != DIRECTORY_NAME
    }
    kept |= {
        CONFIG_NAME: str(places.config),
        STATE_NAME: str(places.state),
        RUNTIME_NAME: str(places.runtime),
        override_name("mode"): "synthetic",
        VARIABLE: str(places.conditions),
    }
    nowhere = Installation(root=places.root, is_clone=False)
    wanted = load({CONFIG_NAME: str(places.config)}, lenient=True, installation=nowhere)
    found = load(kept, lenient=True)
    strays = [path for path, origin in found.origins.items() if origin.layer is Layer.DOTENV]
    return kept | {override_name(path): _text(wanted.values.get(path)) for path in strays}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (tuple, list)):
        return ",".join(map(str, value))
    return "" if value is None else str(value)
