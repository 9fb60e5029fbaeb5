"""Prices of the past, about once a minute."""

from polybot.domain.order import Side
from polybot.simulator.happenings import SetLevels
from tests.unit.simulator.samples import MARKET, SHARES, SLUG, START, S
from tests.unit.simulator.stand import Stand, standing

FIRST = SetLevels(START + 10 * S, SLUG, ((Side.BUY, 5000, 7 * SHARES),))
SOON = SetLevels(START + 30 * S, SLUG, ((Side.BUY, 5100, 7 * SHARES),))
LATER = SetLevels(START + 80 * S, SLUG, ((Side.BUY, 5150, 7 * SHARES),))
LAST = SetLevels(START + 150 * S, SLUG, ((Side.BUY, 5150, 0),))


async def test_item_19_a_price_a_minute_for_either_token() -> None:
    async with standing(Stand([FIRST, SOON, LATER, LAST])) as stand:
        stand.step(200)
        _, up = await stand.get("/prices-history", market=MARKET.token_up)
        assert up["history"] == [
            {"t": START // S + 10, "p": 0.51},
            {"t": START // S + 80, "p": 0.5175},
            {"t": START // S + 150, "p": 0.515},
        ]
        _, down = await stand.get("/prices-history", market=MARKET.token_down, fidelity="2")
        assert down["history"] == [
            {"t": START // S + 10, "p": 0.49},
            {"t": START // S + 150, "p": 0.485},
        ]
        span = {"startTs": str(START // S + 70), "endTs": str(START // S + 90)}
        _, some = await stand.get("/prices-history", market=MARKET.token_up, **span)
        assert [point["t"] for point in some["history"]] == [START // S + 80]


async def test_an_unknown_token_has_no_history() -> None:
    async with standing(Stand()) as stand:
        assert (await stand.get("/prices-history", market="77"))[0] == 404
