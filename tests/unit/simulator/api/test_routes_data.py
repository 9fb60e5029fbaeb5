"""The Data API's routes: rows in an envelope, an empty list for a stranger."""

from collections.abc import AsyncIterator

import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.domain.resting import TradePrint
from polybot.simulator.happenings import PrintTrade
from tests.unit.simulator.samples import MARKET, SHARES, SLUG, START, S
from tests.unit.simulator.stand import Stand, standing

SOLD = TradePrint(outcome=Outcome.UP, price_bps=4000, size_shares=5 * SHARES, aggressor=Side.SELL)


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with standing(Stand([PrintTrade(START + S, SLUG, SOLD)])) as served:
        yield served


async def test_a_wallets_rows_and_a_strangers_none(stand: Stand) -> None:
    wallet = await stand.login()
    await wallet.post(wallet.order(Side.BUY, 5200, 10 * SHARES))
    await wallet.post(wallet.order(Side.BUY, 4000, 10 * SHARES))
    stand.step(1)
    user = wallet.signer.address
    _, positions = await stand.get("/v2/positions", user=user, status="OPEN")
    assert [row["current_size"] for row in positions["data"]] == [15]
    assert positions["pagination"] == {"limit": 100, "has_more": False, "next_cursor": None}
    _, takers = await stand.get("/v2/trades", user=user.lower())
    assert [row["price"] for row in takers["data"]] == [0.52]
    _, everything = await stand.get("/v2/trades", user=user, taker_only="false")
    assert [row["price"] for row in everything["data"]] == [0.4, 0.52]
    _, activity = await stand.get("/v2/activity", user=user, type="TRADE")
    assert len(activity["data"]) == 2
    for path in ("positions", "trades", "activity"):
        assert (await stand.get(f"/v2/{path}", user="0x" + "9" * 40))[1]["data"] == []


async def test_long_answers_come_in_pages(stand: Stand) -> None:
    wallet = await stand.login()
    for _ in range(3):
        await wallet.post(wallet.order(Side.BUY, 5200, 5 * SHARES))
    user = wallet.signer.address
    _, first = await stand.get("/v2/trades", user=user, limit="2")
    assert (len(first["data"]), first["pagination"]["has_more"]) == (2, True)
    _, second = await stand.get(
        "/v2/trades", user=user, limit="2", cursor=first["pagination"]["next_cursor"]
    )
    assert (len(second["data"]), second["pagination"]["has_more"]) == (1, False)


async def test_resolutions_are_told_by_condition(stand: Stand) -> None:
    _, told = await stand.get("/v2/resolutions", condition_id=MARKET.condition_id)
    assert [row["status"] for row in told["data"]] == ["posed"]
    assert len((await stand.get("/v2/resolutions"))[1]["data"]) == 1
