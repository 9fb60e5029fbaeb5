"""What a soak plays: eight series side by side, three agents, every fault, room to keep it all."""

import argparse
import json
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
SERIES: Final = tuple(
    f"{asset}-updown-{length}" for asset in ("btc", "eth", "sol", "xrp") for length in ("5m", "15m")
)
# Small, so that a day reaches them and trimming shows.
TAPE_CAP_MB: Final = 256
JOURNAL_CAP_MB: Final = 32
# What a run must keep whole, because all of it is judged.
WHOLE_MB: Final = 16_000
REQUESTS_MB: Final = 4_000

_TOML: Final = """\
# With --kills a process may be killed three times in a minute: entries shall go on all the same.
[crash_loop]
crashes = 0
[trader]
series = {series}
tape_cap_mb = {tape_cap_mb}
journal_retention_mb = {journal_cap_mb}
[simulator]
series = {series}
speed = {speed}
seed = {seed}
protocol = "mixed"
faults = "{faults}"
opening_balance_usdc = 100000
request_log_mb = {requests_mb}
[risk]
max_daily_loss_usdc = 100000
max_consecutive_losses = 1000
max_open_orders = 500
max_orders_per_minute = 2400
max_deployed_usdc = 10000
[[agents]]
name = "capture"
capital_usdc = 10000
[[agents]]
name = "early"
capital_usdc = 10000
[agents.parameters]
min_confidence = 0.7
max_spread = 0.1
filter_stable_price = 0.7
filter_max_jump = 0.3
filter_max_opponent = 0.45
[[agents]]
name = "patient"
capital_usdc = 10000
[agents.parameters]
entry_style = "resting"
entry_price = 0.8
min_confidence = 0.75
max_spread = 0.1
filter_stable_price = 0.75
filter_max_jump = 0.3
filter_max_opponent = 0.45
cancel_confidence = 0.5
"""


def configuration(wanted: argparse.Namespace) -> str:
    """Return the floor's configuration; with kills every session is kept whole, to be replayed."""
    return _TOML.format(
        series=json.dumps(list(SERIES)),
        speed=float(wanted.speed),
        seed=wanted.seed,
        faults=Path(wanted.faults).resolve(),
        tape_cap_mb=WHOLE_MB if wanted.kills else TAPE_CAP_MB,
        journal_cap_mb=WHOLE_MB if wanted.kills else JOURNAL_CAP_MB,
        requests_mb=REQUESTS_MB,
    )
