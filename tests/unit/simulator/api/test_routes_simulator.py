"""The simulator's own routes: time, health, books, deposits."""

from collections.abc import AsyncIterator

import pytest

from polybot.domain.order import Side
from tests.unit.simulator.samples import DOLLARS, SHARES, SLUG, START, S
from tests.unit.simulator.stand import Stand, standing


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with standing(Stand()) as served:
        yield served


async def test_market_time_is_told_with_its_monotonic_moment(stand: Stand) -> None:
    stand.step(2)
    _, told = await stand.get("/simulator/time")
    assert told == {
        "market_ns": START + 2 * S,
        "mono_ns": stand.clock.monotonic_ns(),
        "speed": 1.0,
        "idle": False,
    }
    _, health = await stand.get("/simulator/health")
    assert (health["ok"], health["open_windows"], health["source"]) == (True, 1, "a script")


async def test_the_books_are_whole_numbers_that_add_up(stand: Stand) -> None:
    wallet = await stand.login()
    await wallet.post(wallet.order(Side.BUY, 5200, 10 * SHARES))
    await wallet.post(wallet.order(Side.BUY, 4000, 10 * SHARES))
    _, books = await stand.get("/simulator/ledger")
    (account,) = books["accounts"]
    (execution,) = books["executions"]
    assert account["address"] == wallet.signer.address
    assert account["cash_usdc"] == (
        account["deposited_usdc"] - execution["notional_usdc"] - execution["fee_usdc"]
    )
    assert account["free_usdc"] == account["cash_usdc"] - 4 * DOLLARS
    assert account["shares"] == {execution["token_id"]: 10 * SHARES}
    assert [order["state"] for order in books["orders"]] == ["MATCHED", "LIVE"]
    assert [window["slug"] for window in books["windows"]] == [SLUG]
    assert execution["trade_id"] in books["orders"][0]["trade_ids"]


async def test_money_can_come_and_go_but_not_what_is_reserved(stand: Stand) -> None:
    wallet = await stand.login()
    await wallet.post(wallet.order(Side.BUY, 4000, 1000 * SHARES))

    async def deposit(amount_usdc: int, address: str) -> tuple[int, dict[str, object]]:
        body = {"address": address, "amount_usdc": amount_usdc}
        async with stand.session.post("/simulator/deposit", json=body) as response:
            return response.status, await response.json()

    address = wallet.signer.address
    assert await deposit(5 * DOLLARS, address) == (200, {"cash_usdc": 1005 * DOLLARS})
    assert (await deposit(-606 * DOLLARS, address))[0] == 400
    assert await deposit(-605 * DOLLARS, address) == (200, {"cash_usdc": 400 * DOLLARS})
    assert (await deposit(1, "0x" + "9" * 40))[0] == 404
