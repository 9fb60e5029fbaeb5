"""Around every route: refusals in the exchange's words, answers only when they are durable."""

import pytest
from aiohttp import web

from polybot.errors import DiskFull
from polybot.exchange.wire_cancels import CancelOrderBody
from polybot.simulator.api.desk import Refused, answer, body_of
from tests.unit.simulator.stand import MemoryLog, Stand, standing


class FullLog(MemoryLog):
    full = False

    def append(self, payload: bytes) -> int:
        if self.full:
            raise DiskFull("expected room for a record, was none")
        return super().append(payload)


def test_a_body_that_does_not_fit_is_refused() -> None:
    assert body_of(b'{"orderID":"0x1"}', CancelOrderBody).order_id == "0x1"
    with pytest.raises(Refused, match="Invalid order payload"):
        body_of(b'{"orderID":1}', CancelOrderBody)


def test_values_are_written_as_json() -> None:
    response = answer({"a": 1}, 201)
    assert isinstance(response, web.Response)
    assert (response.status, response.body, response.content_type) == (
        201,
        b'{"a":1}',
        "application/json",
    )


async def test_a_refusal_is_a_status_and_a_sentence() -> None:
    async with standing(Stand()) as stand:
        assert await stand.get("/book", token_id="77") == (
            404,
            {"error": "No orderbook exists for the requested token id"},
        )


async def test_nothing_is_answered_that_the_disk_did_not_take() -> None:
    log = FullLog()
    async with standing(Stand(log=log)) as stand:
        log.full = True
        stand.clock.advance(5)
        status, body = await stand.get("/simulator/time")
        assert (status, body) == (500, {"error": "Internal server error"})
        assert isinstance(stand.world.failure, DiskFull)
