"""The user websocket: credentials first, then what happens to the account."""

from polybot.domain.order import Side
from tests.unit.simulator.listening import listening
from tests.unit.simulator.samples import SHARES
from tests.unit.simulator.stand import OTHER_KEY, Stand, standing


async def test_an_account_hears_its_own_orders_only() -> None:
    async with standing(Stand()) as stand, listening(stand, "user") as client:
        wallet = await stand.login()
        other = await stand.login(OTHER_KEY)
        await client.say({"auth": wallet.auth(), "markets": [], "type": "user"})
        await client.say("PING")
        assert await client.hear() == "PONG"
        await other.post(other.order(Side.BUY, 4000, 10 * SHARES))
        _, placed = await wallet.post(wallet.order(Side.BUY, 4000, 10 * SHARES))
        event = await client.hear()
        assert (event["event_type"], event["id"]) == ("order", placed["orderID"])


async def test_what_happened_before_the_connection_is_not_replayed() -> None:
    async with standing(Stand()) as stand, listening(stand, "user") as client:
        wallet = await stand.login()
        await wallet.post(wallet.order(Side.BUY, 4000, 10 * SHARES))
        await client.say({"auth": wallet.auth(), "type": "user"})
        await client.say("PING")
        assert await client.hear() == "PONG"


async def test_wrong_credentials_close_the_connection() -> None:
    async with standing(Stand()) as stand:
        wallet = await stand.login()
        for first in (
            {"auth": {**wallet.auth(), "secret": "c2VjcmV0"}, "type": "user"},
            {"type": "user"},
            "PING",
        ):
            async with listening(stand, "user") as client:
                await client.say(first)
                assert await client.hear() == 1008
