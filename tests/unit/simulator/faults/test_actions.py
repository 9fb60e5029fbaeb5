"""What timed faults do to an exchange, and what clients see of it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from polybot.domain.order import Side
from polybot.simulator.books.records import Phase
from polybot.simulator.faults.actions import NullActions
from polybot.simulator.faults.plan import Fault
from tests.unit.simulator.samples import DOLLARS, SHARES
from tests.unit.simulator.stand import Stand, Wallet, standing

Rules = list[dict[str, Any]]


async def faulty(rules: Rules) -> AsyncIterator[tuple[Stand, Wallet]]:
    async with standing(Stand()) as stand:
        wallet = await stand.login()
        async with stand.session.post("/simulator/faults", json={"rules": rules}) as response:
            assert response.status == 200, await response.text()
        yield stand, wallet


async def test_item_15_a_restart_answers_425_then_two_minutes_of_post_only() -> None:
    async for stand, wallet in faulty([{"fault": "restart", "seconds": 30}]):
        resting = wallet.order(Side.BUY, 4000, 10 * SHARES, post_only=True)
        status, told = await wallet.post(resting)
        assert (status, told) == (
            425,
            {"error": "the matching engine is restarting, please retry"},
        )
        assert (await wallet.send("DELETE", "/cancel-all"))[0] == 425
        assert (await wallet.send("GET", "/data/orders"))[0] == 200
        stand.step(31)
        plain = wallet.order(Side.BUY, 4000, 10 * SHARES)
        status, told = await wallet.post(plain)
        assert status == 503
        assert told["code"] == "post_only_mode"
        assert 100 <= told["retry_after_seconds"] <= 120
        assert told["error"] == "post-only mode: only post-only orders and cancels are allowed"
        assert (await wallet.post(resting))[0] == 200
        stand.step(121)
        assert (await wallet.post(plain))[0] == 200
        assert stand.world.exchange.phase is Phase.NORMAL


async def test_item_15_cancel_only_takes_cancels_alone() -> None:
    async for stand, wallet in faulty([{"fault": "cancel_only", "after_s": 5, "seconds": 30}]):
        _, placed = await wallet.post(wallet.order(Side.BUY, 4000, 10 * SHARES))
        stand.step(6)
        stand.timed.run(stand.market_ns)
        status, told = await wallet.post(wallet.order(Side.BUY, 4000, 10 * SHARES))
        assert status == 503
        assert told["error"].startswith("Trading is currently cancel-only.")
        status, told = await wallet.send("DELETE", "/order", {"orderID": placed["orderID"]})
        assert (status, told["canceled"]) == (200, [placed["orderID"]])


async def test_item_15_disabled_takes_nothing() -> None:
    async for _, wallet in faulty([{"fault": "disabled", "seconds": 30}]):
        status, told = await wallet.post(wallet.order(Side.BUY, 4000, 10 * SHARES))
        assert (status, told["error"][:30]) == (503, "Trading is currently disabled.")
        batch = [wallet.order(Side.BUY, 4000, 10 * SHARES)]
        assert (await wallet.send("POST", "/orders", batch))[0] == 503


async def test_money_comes_and_goes_without_the_client() -> None:
    rules = [
        {"fault": "deposit", "amount_usdc": 10},
        {"fault": "withdrawal", "amount_usdc": 4},
        {"fault": "reward", "amount_usdc": "0.5"},
    ]
    async for stand, wallet in faulty(rules):
        _, told = await wallet.send("GET", "/balance-allowance", asset_type="COLLATERAL")
        assert told["balance"] == str(1006 * DOLLARS + DOLLARS // 2)
        assert stand.faults.total == 3


async def test_a_withdrawal_of_more_than_there_is_does_not_happen() -> None:
    async for stand, _ in faulty([{"fault": "withdrawal", "amount_usdc": 5000}]):
        assert stand.faults.total == 0


async def test_somebody_trades_by_hand_in_the_same_wallet() -> None:
    async for stand, wallet in faulty([{"fault": "manual_trade", "amount_usdc": 5}]):
        stand.step(1)
        _, page = await wallet.send("GET", "/data/trades")
        assert page["count"] == 1
        (order,) = stand.ledger.state.orders.values()
        assert order.owner != wallet.credentials.api_key


async def test_item_11_shares_of_settlement_faults_become_the_exchanges_rules() -> None:
    rules: Rules = [
        {"fault": "failed_settlement", "probability": 0.02},
        {"fault": "retrying_settlement", "probability": 0.5},
        {"fault": "missing_resolution", "probability": 1},
    ]
    async for stand, _ in faulty(rules):
        found = stand.world.exchange.core.rules
        assert (found.failed_share, found.retrying_share) == (20_000, 500_000)
        assert found.missing_resolution_ppm == 1_000_000
        async with stand.session.post("/simulator/faults", json={"rules": []}):
            pass
        assert stand.world.exchange.core.rules.failed_share == 0


@pytest.mark.parametrize("fault", [Fault.DEPOSIT, Fault.MANUAL_TRADE])
def test_without_faults_nothing_happens(fault: Fault) -> None:
    actions = NullActions()
    assert not actions.begin_phase(Fault.RESTART, 0, 1)
    assert not actions.flow(fault, 0, 1, 0)
    actions.share(1, 1, 1)
