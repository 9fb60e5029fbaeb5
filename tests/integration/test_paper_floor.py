"""Paper mode: a floor that mirrors another exchange, here a second simulator as "the live feed"."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from polybot.adapters.wallet_files import AccountCredentials, WalletFiles
from polybot.exchange.l1_auth import l1_headers
from polybot.exchange.l2_auth import ApiCredentials
from polybot.exchange.signing import OrderSigner
from tests.integration.books import assert_equal_books, doubled_entries
from tests.integration.floor import Floor
from tests.integration.simulator_process import SimulatorProcess

pytestmark = [pytest.mark.floor, pytest.mark.timeout(420)]

SERIES = ("btc-updown-5m",)
FEED_KEYS = ("gamma_url", "ws_market_url", "ws_price_url")
FEED_KEY = "0x" + "44" * 32


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[SimulatorProcess]:
    upstream = SimulatorProcess(tmp_path / "feed", speed=20, seed=7, series=SERIES)
    upstream.start()
    yield upstream
    upstream.stop()


def login_file(feed: SimulatorProcess) -> Path:
    """Log an account of ours in at the mirrored exchange, whose price stream wants one."""
    headers = l1_headers(OrderSigner(FEED_KEY), timestamp_s=int(time.time()))
    asked = urllib.request.Request(feed.url + "/auth/api-key", method="POST", headers=headers)  # noqa: S310
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310
        made = json.loads(answer.read())
    api = ApiCredentials(
        api_key=made["apiKey"], secret=made["secret"], passphrase=made["passphrase"]
    )
    files = WalletFiles(feed.state_dir / "login")
    files.save_credentials(AccountCredentials("0x0", "0x0", 0, api))
    return files.credentials_path


def paper_toml(feed: SimulatorProcess, login: Path | None = None) -> str:
    urls = feed.urls
    lines = [
        'mode = "paper"',
        "[feed]",
        f'clob_url = "{urls["url"]}"',
        *(f'{key} = "{urls[key]}"' for key in FEED_KEYS if key in urls),
        f'login_file = "{login or ""}"',
        "[trader]",
        f"series = {json.dumps(SERIES)}",
    ]
    return "\n".join(lines)


def official(feed: SimulatorProcess, slug: str) -> Any:
    """Return what the mirrored exchange's catalog says of a window's outcome."""
    path = feed.urls["gamma_url"].removeprefix(feed.url)
    market = feed.fetch(f"{path}/markets/slug/{slug}")
    names, prices = json.loads(market["outcomes"]), json.loads(market["outcomePrices"])
    return names[prices.index("1")] if market["closed"] else None


def test_windows_are_traded_through_the_mirror_and_settled_by_the_mirrored_exchange(
    new_floor: Callable[..., Floor], feed: SimulatorProcess
) -> None:
    floor = new_floor(toml=paper_toml(feed, login_file(feed)))
    floor.start_alive()
    floor.wait("a trade", lambda: floor.json("trades"), timeout_s=240)
    killed = floor.kill("simulator")
    floor.wait("a new mirror", lambda: floor.pid_of("simulator") not in (0, killed), 30)
    feed.kill()
    feed.start()

    def settled_after_a_trade() -> list[dict[str, Any]]:
        traded = {trade["slug"] for trade in floor.json("trades") or []}
        return [each for each in floor.graded() or [] if each["slug"] in traded]

    graded = floor.wait("a traded and graded window", settled_after_a_trade, timeout_s=240)
    assert [each["outcome"] for each in graded] == [official(feed, g["slug"]) for g in graded]
    assert_equal_books(floor)
    assert not doubled_entries(floor.ledger())
    audit = floor.command("audit", "--json")
    assert json.loads(audit.stdout)["agrees"], audit.stdout
    assert "mirror of" in floor.processes()["simulator"]["status"]
    assert floor.stop() <= 10
