"""Gamma's routes, with the catalog's own quirk that closed markets vanish."""

from collections.abc import AsyncIterator

import pytest

from polybot.domain.market import Outcome
from polybot.simulator.happenings import ResolveWindow
from tests.unit.simulator.samples import MARKET, SLUG, START, S
from tests.unit.simulator.stand import Stand, standing


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with standing(Stand([ResolveWindow(START + S, SLUG, Outcome.UP)])) as served:
        yield served


async def test_an_event_and_a_market_are_found_by_slug(stand: Stand) -> None:
    _, event = await stand.get(f"/events/slug/{SLUG}")
    _, market = await stand.get(f"/markets/slug/{SLUG}")
    assert event["markets"] == [market]
    assert market["conditionId"] == MARKET.condition_id
    assert market["clobTokenIds"] == f'["{MARKET.token_up}", "{MARKET.token_down}"]'
    assert (await stand.get("/events/slug/other"))[0] == 404
    assert (await stand.get("/markets/slug/other"))[0] == 404


async def test_a_resolved_market_vanishes_from_the_list_unless_asked_for(stand: Stand) -> None:
    stand.step(2)
    assert (await stand.get("/markets", slug=SLUG))[1] == []
    _, closed = await stand.get("/markets", slug=SLUG, closed="true")
    assert [market["outcomePrices"] for market in closed] == ['["1", "0"]']
    _, events = await stand.get("/events", slug=SLUG)
    assert [event["closed"] for event in events] == [True]
    assert (await stand.get("/events", slug=SLUG, closed="false"))[1] == []


async def test_lists_are_filtered_and_limited(stand: Stand) -> None:
    for params in (
        {"condition_ids": MARKET.condition_id},
        {"clob_token_ids": MARKET.token_down},
        {"limit": "1"},
        {},
    ):
        _, found = await stand.get("/markets", **params)
        assert [market["slug"] for market in found] == [SLUG]
    assert (await stand.get("/markets", limit="0"))[1] == []
    assert (await stand.get("/markets", slug="other"))[1] == []
