"""Accounts that may only sell, and regions that may not trade."""

from polybot.domain.order import Side
from tests.unit.simulator.samples import DOLLARS, SHARES
from tests.unit.simulator.stand import Stand, standing


async def test_item_19_a_closed_only_account_sells_and_cancels() -> None:
    async with standing(Stand(faults=[{"fault": "closed_only", "after_s": 10}])) as stand:
        wallet = await stand.login()
        assert (await wallet.post(wallet.order(Side.BUY, 5200, 10 * DOLLARS, kind="FAK")))[0] == 200
        _, told = await wallet.send("GET", "/auth/ban-status/closed-only")
        assert told == {"closed_only": False}
        stand.step(11)
        _, told = await wallet.send("GET", "/auth/ban-status/closed-only")
        assert told == {"closed_only": True}
        status, told = await wallet.post(wallet.order(Side.BUY, 4000, 10 * SHARES))
        assert (status, told) == (
            400,
            {"error": f"'{wallet.signer.address}' address in closed only mode"},
        )
        assert (await wallet.post(wallet.order(Side.SELL, 6000, 10 * SHARES)))[0] == 200
        assert (await wallet.send("DELETE", "/cancel-all"))[0] == 200


async def test_item_19_a_blocked_region_is_told_and_takes_no_order() -> None:
    async with standing(Stand()) as stand:
        wallet = await stand.login()
        _, told = await stand.get("/api/geoblock")
        assert (told["blocked"], told["country"]) == (False, "IE")
        rules = [{"fault": "geoblocked"}]
        async with stand.session.post("/simulator/faults", json={"rules": rules}) as response:
            assert response.status == 200
        _, told = await stand.get("/api/geoblock")
        assert (told["blocked"], told["country"]) == (True, "GB")
        status, told = await wallet.post(wallet.order(Side.BUY, 4000, 10 * SHARES))
        assert status == 403
        assert told["error"].startswith("Trading restricted in your region")
        # The region comes first: nobody has to have signed anything.
        for path in ("/order", "/orders"):
            async with stand.session.post(path, data=b"") as response:
                assert (response.status, (await response.json())["error"]) == (403, told["error"])
        assert (await wallet.send("DELETE", "/cancel-all"))[0] == 200


async def test_how_long_to_wait_is_told_in_wall_seconds() -> None:
    stand = Stand(faults=[{"fault": "restart", "seconds": 60}])
    # Market time runs twenty times as fast, so a minute of it is three seconds.
    stand.world.clock._ratio *= 20  # noqa: SLF001
    async with standing(stand):
        wallet = await stand.login()
        now_s = stand.clock.now_ns() // 1_000_000_000
        headers = wallet.requests.headers(now_s, "DELETE", "/cancel-all")
        async with stand.session.delete("/cancel-all", headers=headers) as response:
            assert response.status == 425
            assert response.headers["Retry-After"] == "3"
