"""The CLOB's public routes, shape by shape."""

from collections.abc import AsyncIterator

import pytest

from polybot.domain.market import Outcome
from polybot.simulator.happenings import ResolveWindow
from tests.unit.simulator.samples import MARKET, SLUG, START, S
from tests.unit.simulator.stand import Stand, standing

UP = MARKET.token_up
CID = MARKET.condition_id
END = START + 5 * S


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with standing(Stand([ResolveWindow(END, SLUG, Outcome.DOWN)])) as served:
        yield served


async def test_item_01_small_questions_have_small_answers(stand: Stand) -> None:
    wall_s = stand.clock.now_ns() // S
    for path, expected in {
        "/ok": "OK",
        "/": "OK",
        "/time": wall_s,
        "/version": {"version": 2},
        f"/tick-size?token_id={UP}": {"minimum_tick_size": 0.01},
        f"/neg-risk?token_id={UP}": {"neg_risk": False},
        f"/fee-rate?token_id={UP}": {"base_fee": 1000},
        f"/price?token_id={UP}&side=BUY": {"price": "0.5"},
        f"/price?token_id={UP}&side=sell": {"price": "0.52"},
        f"/midpoint?token_id={UP}": {"mid": "0.51"},
        f"/spread?token_id={UP}": {"spread": "0.02"},
        f"/last-trade-price?token_id={UP}": {"price": "0.5", "side": ""},
        f"/markets-by-token/{UP}": {
            "condition_id": CID,
            "primary_token_id": UP,
            "secondary_token_id": MARKET.token_down,
        },
    }.items():
        async with stand.session.get(path) as response:
            assert (path, await response.json()) == (path, expected)


async def test_time_is_the_walls_even_while_market_time_is_another(stand: Stand) -> None:
    stand.clock.wall_ns += 1000 * S
    assert (await stand.get("/time"))[1] == stand.clock.now_ns() // S


async def test_item_01_books_come_one_by_one_or_together(stand: Stand) -> None:
    _, one = await stand.get("/book", token_id=UP)
    assert (one["bids"][-1], one["asks"][-1]) == (
        {"price": "0.5", "size": "100"},
        {"price": "0.52", "size": "50"},
    )
    assert list(one) == [
        *("market", "asset_id", "timestamp", "hash", "bids", "asks"),
        *("min_order_size", "tick_size", "neg_risk", "last_trade_price"),
    ]
    wanted = [{"token_id": UP}, {"token_id": "77"}, {"token_id": MARKET.token_down}]
    async with stand.session.post("/books", json=wanted) as response:
        both = await response.json()
    assert [book["asset_id"] for book in both] == [UP, MARKET.token_down]


async def test_item_01_a_market_is_told_long_and_short(stand: Stand) -> None:
    _, short = await stand.get(f"/clob-markets/{CID}")
    assert short["t"] == [{"t": UP, "o": "Up"}, {"t": MARKET.token_down, "o": "Down"}]
    assert (short["mts"], short["mos"], short["nr"], short["ao"]) == (0.01, 5, False, True)
    assert short["fd"] == {"r": 0.07, "e": 1, "to": True}
    _, long = await stand.get(f"/markets/{CID}")
    assert (long["market_slug"], long["closed"], long["accepting_orders"]) == (SLUG, False, True)
    assert [token["price"] for token in long["tokens"]] == [0.51, 0.49]
    assert not any(token["winner"] for token in long["tokens"])
    stand.step(5)
    _, long = await stand.get(f"/markets/{CID}")
    assert (long["closed"], long["accepting_orders"]) == (True, False)
    assert [(token["price"], token["winner"]) for token in long["tokens"]] == [
        (0, False),
        (1, True),
    ]


async def test_what_does_not_exist_is_not_found(stand: Stand) -> None:
    assert (await stand.get("/markets/0x0"))[1] == {"error": "market not found"}
    assert (await stand.get("/markets-by-token/77"))[0] == 404
    assert (await stand.get("/tick-size", token_id="77"))[0] == 404
    assert (await stand.get("/price", token_id=UP, side="up"))[0] == 400
    stand.step(5)
    assert await stand.get("/book", token_id=UP) == (
        404,
        {"error": "No orderbook exists for the requested token id"},
    )
