"""The simulated exchange under load: orders a second, and changes of books to ten websockets."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.harness import Budget, Row

ORDERS = 4000
CONNECTIONS = 32
CLIENTS = 10
SECONDS = 3.0
# A whole process is started for each figure.
MOST_ROUNDS = 3


def measure(rounds: int) -> list[Row]:
    """Return both rows; what answers and what asks are processes of their own."""
    rounds = min(rounds, MOST_ROUNDS)
    orders = [orders_a_second() for _ in range(rounds)]
    updates = [updates_a_second() for _ in range(rounds)]
    return [
        Row(
            name="simulator orders/s",
            unit="orders/s",
            ours=median(orders),
            budget=Budget(2000, at_least=True, unit="orders/s"),
            beside="POST /order over 32 kept connections, signatures checked, journaled "
            f"and synced; rounds {_shown(orders)}",
        ),
        Row(
            name="simulator updates/s to 10 clients",
            unit="updates/s",
            ours=median(updates),
            budget=Budget(20_000, at_least=True, unit="updates/s"),
            beside="single level changes in array frames, as the slowest client gets them; "
            f"rounds {_shown(updates)}",
        ),
    ]


def orders_a_second() -> float:
    """Return how many orders a second `polybot simulator` answers."""
    settings = {
        "POLYBOT__SIMULATOR__SPEED": "1",
        "POLYBOT__SIMULATOR__TAKER_DELAY_MS": "0",
        "POLYBOT__SIMULATOR__OPENING_BALANCE_USDC": "1000000",
    }
    polybot = str(Path(sys.executable).parent / "polybot")
    with tempfile.TemporaryDirectory(prefix="polybot-bench-") as directory:
        command = [polybot, "simulator", "--state", directory]
        source = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **settings})
        return _with(source, lambda urls: _orders(urls["url"]))


def updates_a_second() -> float:
    """Return how many changes of books a second reach the slowest of ten clients."""
    command = [sys.executable, "-m", "tests.bench.update_source"]
    source = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    return _with(source, _updates)


def _with(source: subprocess.Popen[bytes], act: Callable[[dict[str, Any]], float]) -> float:
    assert source.stdout is not None
    try:
        return act(json.loads(source.stdout.readline()))
    finally:
        source.terminate()
        source.wait()
        source.stdout.close()
        if source.stdin is not None:
            source.stdin.close()


def _orders(url: str) -> float:
    told = _run("tests.bench.order_load", url, str(ORDERS), str(CONNECTIONS))
    statuses = {int(status): count for status, count in told["statuses"].items()}
    assert statuses == {200: ORDERS // 2, 400: ORDERS // 2}, statuses
    return float(told["orders"] / told["seconds"])


def _updates(urls: dict[str, Any]) -> float:
    told = _run(
        "tests.bench.update_clients",
        urls["ws_market_url"],
        str(CLIENTS),
        str(SECONDS),
        *urls["tokens"],
    )
    return float(told["slowest"])


def _run(module: str, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr.decode()
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _shown(figures: list[float]) -> str:
    return ", ".join(f"{figure:.0f}" for figure in figures)
