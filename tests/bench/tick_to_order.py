"""From a websocket frame's bytes to a signed request, beside a plain bot on the official client."""

import gc
import os
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter_ns

from polybot.runtime.logs import configure_logging
from tests.bench.harness import Budget, Row, interleave, microseconds
from tests.bench.network_watch import NetworkWatch
from tests.bench.official import check_peer_is_at_its_best, check_request, check_same_order
from tests.bench.peer_bot import PeerBot
from tests.bench.sample_market import ENTERS, WAITS
from tests.bench.trading_stand import TradingStand

BURST = 40
SYNCS = 200
BUDGET = Budget(8, at_least=True)


def measure(rounds: int) -> list[Row]:
    """Return the row; the sync, which both orders of a promise need, stands beside it."""
    check_peer_is_at_its_best()
    # Logging costs what it costs in a floor, short of the reader of its stream.
    with tempfile.TemporaryDirectory() as directory, Path(os.devnull).open("w") as log:
        configure_logging("trader", stream=log)
        stand = TradingStand(Path(directory))
        peer = PeerBot()
        gc.collect()
        gc.freeze()
        taken = interleave(
            {"ours": stand.enter, "peer": lambda: _enter(peer)}, rounds=rounds, burst=BURST
        )
        stand.sync()
        durable = median([stand.enter_durably() for _ in range(SYNCS)])
        syncs = median([_sync(stand) for _ in range(SYNCS)])
        _check(stand, peer)
        stand.close()
    row = Row(
        name="websocket bytes -> signed request, p50",
        unit="us",
        ours=microseconds(taken.median_ns("ours")),
        peer=microseconds(taken.median_ns("peer")),
        ratio=taken.ratio("peer", "ours"),
        budget=BUDGET,
        beside=f"one sync of its records {microseconds(syncs):.0f} us; "
        f"with the sync before the request {microseconds(durable):.0f} us",
    )
    return [row]


def _enter(peer: PeerBot) -> int:
    peer.enter(WAITS)
    peer.client.posted.clear()
    begin = perf_counter_ns()
    peer.enter(ENTERS)
    return peer.client.sent_ns - begin


def _sync(stand: TradingStand) -> int:
    stand.enter()
    return stand.sync()


def _check(stand: TradingStand, peer: PeerBot) -> None:
    """Hold the last order against the official client, and its way against the network."""
    with NetworkWatch().looking() as network:
        stand.enter()
    assert network == [], f"expected no network call before the POST, was {network}"
    assert stand.reads.calls == [], f"expected one request, was also {stand.reads.calls}"
    check_request(stand.request())
    peer.client.posted.clear()
    assert peer.enter(ENTERS), "the peer did not enter"
    check_same_order(stand.request(), peer.client.posted[0][1])
