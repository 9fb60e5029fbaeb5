"""What a test lets happen to an account over POST /simulator/flows."""

from typing import Any

import pytest

from tests.unit.simulator.samples import DOLLARS, MARKET, SHARES, SLUG
from tests.unit.simulator.stand import Stand, Wallet, standing


async def flow(stand: Stand, wallet: Wallet, **wanted: Any) -> tuple[int, Any]:
    body = {"address": wallet.signer.address, **wanted}
    async with stand.session.post("/simulator/flows", json=body) as response:
        return response.status, await response.json()


async def test_item_19_money_shares_and_payments_come_from_outside() -> None:
    async with standing(Stand()) as stand:
        wallet = await stand.login()
        status, told = await flow(stand, wallet, kind="deposit", amount=50 * DOLLARS)
        assert (status, told["cash_usdc"]) == (200, 1050 * DOLLARS)
        _, told = await flow(stand, wallet, kind="withdrawal", amount=30 * DOLLARS)
        assert told["cash_usdc"] == 1020 * DOLLARS
        _, told = await flow(stand, wallet, kind="split", slug=SLUG, amount=20 * SHARES)
        assert told == {
            "cash_usdc": 1000 * DOLLARS,
            "shares": {MARKET.token_up: 20 * SHARES, MARKET.token_down: 20 * SHARES},
        }
        _, told = await flow(stand, wallet, kind="merge", slug=SLUG, amount=5 * SHARES)
        assert told["cash_usdc"] == 1005 * DOLLARS
        _, told = await flow(stand, wallet, kind="reward", amount=2 * DOLLARS)
        assert told["cash_usdc"] == 1007 * DOLLARS
        _, told = await flow(stand, wallet, kind="taker_rebate", amount=DOLLARS)
        assert told["cash_usdc"] == 1008 * DOLLARS
        assert (await flow(stand, wallet, kind="maker_rebates"))[0] == 200
        _, page = await stand.get("/v2/activity", user=wallet.signer.address)
        kinds = {row["type"] for row in page["data"]}
        assert kinds == {"SPLIT", "MERGE", "REWARD", "TAKER_REBATE"}


async def test_item_19_a_trade_by_hand_is_in_the_same_wallet() -> None:
    async with standing(Stand()) as stand:
        wallet = await stand.login()
        status, told = await flow(
            stand,
            wallet,
            kind="trade",
            token_id=MARKET.token_up,
            side="BUY",
            amount=10 * DOLLARS,
            limit_bps=5300,
        )
        assert status == 200
        assert told["shares"][MARKET.token_up] > 19 * SHARES


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        ({"kind": "theft"}, "expected kind as one of deposit, "),
        ({"kind": "withdrawal", "amount": 5000 * DOLLARS}, "expected to withdraw at most"),
        ({"kind": "split", "slug": "absent", "amount": 1}, "unresolved market"),
        ({"kind": "reward", "amount": 0}, "above 0"),
        ({"kind": "trade", "token_id": "77", "side": "BID", "amount": 1}, "BID"),
    ],
)
async def test_what_cannot_happen_is_refused(wanted: dict[str, Any], refusal: str) -> None:
    async with standing(Stand()) as stand:
        wallet = await stand.login()
        status, told = await flow(stand, wallet, **wanted)
        assert status == 400
        assert refusal in told["error"]


async def test_an_unknown_account_is_not_found() -> None:
    async with standing(Stand()) as stand:
        body = {"address": "0x" + "9" * 40, "kind": "deposit", "amount": 1}
        async with stand.session.post("/simulator/flows", json=body) as response:
            assert response.status == 404
