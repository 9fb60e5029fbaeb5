"""An exchange as the account commands meet it: its lists, on a loopback port."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from polybot.adapters.wallet_files import AccountCredentials, WalletFiles
from polybot.exchange.l2_auth import ApiCredentials
from tests.unit.adapters.loopback import Heard, LoopbackServer, Told, answer

FUNDER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


class StubExchange:
    """Open orders that a cancel removes (unless `stubborn`), a balance, holdings and markets."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.stubborn: set[str] = set()
        self.cash = "1000000000"
        self.allowances = {"0xspender": str(2**256 - 1)}
        self.held: list[dict[str, Any]] = []
        self.listed: dict[str, dict[str, Any]] = {}
        self.failing: dict[str, Told] = {}
        self.server = LoopbackServer(self._answer)

    def add(self, order_id: str, **fields: Any) -> None:
        """List an open order."""
        row = {
            "id": order_id,
            "status": "LIVE",
            "asset_id": "7",
            "side": "BUY",
            "original_size": "25",
            "size_matched": "5",
            "price": "0.95",
            "outcome": "Up",
            "order_type": "GTC",
            "created_at": 0,
        }
        self.orders[order_id] = row | fields

    def canceled(self) -> list[str]:
        """Return the ids that were asked to be canceled directly."""
        bodies = [heard.body for heard in self.server.heard if heard.method == "DELETE"]
        return [order_id for body in bodies for order_id in json.loads(body)]

    def _answer(self, heard: Heard) -> Told:
        if heard.path in self.failing:
            return self.failing[heard.path]
        if heard.method == "DELETE":
            ids = json.loads(heard.body)
            gone = [i for i in ids if i in self.orders and i not in self.stubborn]
            for order_id in gone:
                del self.orders[order_id]
            refused = {i: "already canceled or matched" for i in ids if i not in gone}
            return answer({"canceled": gone, "not_canceled": refused})
        if heard.path == "/data/orders":
            return answer({"data": list(self.orders.values()), "next_cursor": "LTE="})
        if heard.path == "/balance-allowance":
            return answer({"balance": self.cash, "allowances": self.allowances})
        if heard.path == "/v2/positions":
            return answer({"data": self.held, "pagination": {}})
        slug = heard.path.removeprefix("/events/slug/")
        if slug in self.listed:
            return answer({"slug": slug, "markets": [self.listed[slug]]})
        return answer({"error": "not found"}, 404)


@contextmanager
def stub_exchange(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, *, logged_in: bool = True
) -> Iterator[StubExchange]:
    """Let the commands of a floor talk to an exchange of its own."""
    exchange = StubExchange()
    for key in ("CLOB_URL", "GAMMA_URL", "DATA_URL"):
        monkeypatch.setenv(f"POLYBOT__EXCHANGE__{key}", exchange.server.url)
    monkeypatch.setenv("POLYBOT__EXCHANGE__TIMEOUT_S", "1.0")
    if logged_in:
        log_in(state_dir)
    try:
        yield exchange
    finally:
        exchange.server.stop()


def log_in(state_dir: Path) -> None:
    """Leave the credentials that the trader writes."""
    WalletFiles(state_dir / "wallet").save_credentials(
        AccountCredentials(
            address=FUNDER,
            funder=FUNDER,
            signature_type=0,
            api=ApiCredentials(api_key="key-1", secret="c2VjcmV0c2VjcmV0", passphrase="p"),
        )
    )


@pytest.fixture
def exchange(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StubExchange]:
    """Stand up an exchange that knows this floor's account."""
    with stub_exchange(state_dir, monkeypatch) as made:
        yield made
