"""A trader with a past: 200 orders that rest at the exchange, and a journal of 50,000 records."""

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

import msgspec

from polybot.adapters.clock import SystemClock
from polybot.adapters.order_signer import WalletOrderSigner
from polybot.adapters.wallet_files import WalletFiles
from polybot.domain.market import Market, Outcome
from polybot.domain.order import Order, OrderStatus, OrderTrigger, OrderType, Side
from polybot.exchange.l2_auth import RequestSigner
from polybot.exchange.signing import OrderSigner
from polybot.messages.codec import decode_body, decode_envelope
from polybot.messages.envelope import Envelope
from polybot.messages.trading import (
    DecisionMade,
    OrderStatusChanged,
    OrderSubmitted,
    WindowDiscovered,
)
from polybot.runtime.journal_reader import JournalReader
from polybot.runtime.outbox import JournaledOutbox
from polybot.runtime.restore import open_durable_state
from polybot.services.trader.state import SCHEMA
from tests.bench.trading_stand import Published

ORDERS: Final = 200
RECORDS: Final = 50_000
# Nobody asks so little in the first half of a window: these rest as long as the bench lasts.
PRICE_BPS: Final = 100
FIVE_SHARES: Final = 5_000_000
# An agent that is configured no more: its orders rest until their window ends.
AGENT: Final = "earlier"
SESSION: Final = "earlier"
TOO_MANY: Final = 429
# What a decision of the default strategy is explained by, for records of their usual size.
INPUTS: Final = {f"figure_{number}": 1_000_000 + number for number in range(24)}


def give_past(state_dir: Path, url: str, series: str) -> frozenset[str]:
    """Place the orders with the wallet of a trader that is down, and write both into its journal.

    Returns the ids of the orders.
    """
    durable = open_durable_state(state_dir / "trader", clock=SystemClock(), schema=SCHEMA)
    outbox = JournaledOutbox(
        "trader", SESSION, journal=durable.journal, sender=Published(), clock=SystemClock()
    )
    account = _Account(state_dir / "wallet", url)
    market = wait_discovered(state_dir / "trader", series, seconds=0.1)
    orders = [account.place(outbox, market, number) for number in range(ORDERS)]
    while durable.journal.last_seq < RECORDS:
        number = durable.journal.last_seq
        outbox.record(
            DecisionMade(
                decision_id=f"d-{SESSION}-{number}",
                agent=AGENT,
                strategy="capture_99c",
                slug=market.slug,
                action="hold",
                reason="confidence",
                inputs=dict(INPUTS),
            )
        )
        if number % 500 == 0:
            outbox.commit()
    outbox.commit()
    durable.checkpoints.close()
    durable.journal.close()
    return frozenset(orders)


class _Account:
    """The trader's wallet at the exchange, used by hand."""

    def __init__(self, directory: Path, url: str) -> None:
        files = WalletFiles(directory)
        credentials = files.credentials()
        assert credentials is not None, "the trader has not logged in"
        key = OrderSigner(files.play_key())
        self._url = url
        self._requests = RequestSigner(credentials.address, credentials.api)
        self._signer = WalletOrderSigner(
            key,
            funder=credentials.funder,
            signature_type=credentials.signature_type,
            owner=credentials.api.api_key,
        )

    def place(self, outbox: JournaledOutbox, market: Market, number: int) -> str:
        """Journal an order, post it, journal that it rests, and return its id."""
        order = Order(
            intent_id=f"i-{SESSION}-{number}",
            venue_order_id="",
            agent=AGENT,
            slug=market.slug,
            token_id=market.token(Outcome.UP),
            outcome=Outcome.UP,
            side=Side.BUY,
            order_type=OrderType.GTC,
            price_bps=PRICE_BPS,
            size_shares=FIVE_SHARES,
            budget_usdc=0,
            created_ns=market.open_ns,
            purpose="entry",
            status=OrderStatus.SUBMITTED,
        )
        signed = self._signer.sign(
            order,
            market,
            salt=time.time_ns() % 2**50,
            timestamp_ms=time.time_ns() // 1_000_000,
            post_only=False,
        )
        order = msgspec.structs.replace(order, venue_order_id=signed.venue_order_id)
        decision_id = f"d-{SESSION}-{number}"
        outbox.record(
            OrderSubmitted(order=order, decision_id=decision_id, body=signed.body.decode())
        )
        outbox.commit()
        told = self._post(signed.body)
        assert told["status"] == "live", told
        outbox.record(
            OrderStatusChanged(
                venue_order_id=order.venue_order_id,
                agent=order.agent,
                slug=order.slug,
                status=OrderStatus.ACCEPTED,
                trigger=OrderTrigger.ACCEPT,
            )
        )
        outbox.commit()
        return order.venue_order_id

    def _post(self, body: bytes) -> dict[str, str]:
        while True:
            headers = self._requests.headers(int(time.time()), "POST", "/order", body)
            asked = urllib.request.Request(  # noqa: S310
                f"{self._url}/order", data=body, headers=headers, method="POST"
            )
            try:
                with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310
                    told: dict[str, str] = json.loads(answer.read())
                    return told
            except urllib.error.HTTPError as error:
                # The exchange takes so many a second; a refused order was not placed.
                if error.code != TOO_MANY:
                    raise
                time.sleep(0.05)


def wait_discovered(trader_dir: Path, series: str, seconds: float) -> Market:
    """Return the market of a series that the trader's journal names, once it does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for envelope in envelopes(trader_dir, 1):
            if envelope.type == WindowDiscovered.__name__:
                event: WindowDiscovered = decode_body(envelope.type, envelope.body)
                if event.market.slug.startswith(series):
                    return event.market
        time.sleep(0.1)
    raise AssertionError(f"expected a window of {series} in the journal, was none")


def envelopes(trader_dir: Path, seq: int) -> list[Envelope]:
    """Return the journal's records from a seq on, also while the trader writes it."""
    found: list[Envelope] = []
    reader = JournalReader(trader_dir)
    while batch := reader.read_from(seq, 10_000):
        found += [decode_envelope(record.payload) for record in batch]
        seq = batch[-1].seq + 1
    return found
