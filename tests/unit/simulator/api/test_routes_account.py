"""Heartbeats, scoring, notifications: what an account is asked besides its orders."""

from polybot.domain.order import Side
from tests.unit.simulator.samples import SHARES
from tests.unit.simulator.stand import Stand, standing


async def test_item_16_heartbeats_are_a_chain_of_ids() -> None:
    async with standing(Stand()) as stand:
        wallet = await stand.login()
        status, first = await wallet.send("POST", "/v1/heartbeats", {"heartbeat_id": ""})
        assert status == 200
        status, second = await wallet.send("POST", "/v1/heartbeats", first)
        assert (status, second != first) == (200, True)
        status, told = await wallet.send("POST", "/v1/heartbeats", {"heartbeat_id": "stale"})
        assert (status, told) == (
            400,
            {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": second["heartbeat_id"]},
        )


async def test_item_16_who_falls_silent_loses_resting_orders() -> None:
    async with standing(Stand()) as stand:
        wallet = await stand.login()
        await wallet.send("POST", "/v1/heartbeats", {"heartbeat_id": ""})
        _, placed = await wallet.post(wallet.order(Side.BUY, 4000, 10 * SHARES))
        stand.step(16)
        stand.heartbeats.check(mono_ns=stand.clock.monotonic_ns(), now_ns=stand.market_ns)
        _, row = await wallet.send("GET", f"/data/order/{placed['orderID']}")
        assert row["status"] == "CANCELED"


async def test_item_16_the_other_documented_form_arms_nothing() -> None:
    async with standing(Stand()) as stand:
        wallet = await stand.login()
        assert await wallet.send("POST", "/heartbeats") == (200, {"status": "ok"})
        account = stand.ledger.account(wallet.signer.address)
        assert account is not None
        assert not account.heartbeats


async def test_item_19_nothing_scores_and_nothing_is_notified() -> None:
    async with standing(Stand()) as stand:
        wallet = await stand.login()
        status, told = await wallet.send("GET", "/is-order-scoring", order_id="0x1")
        assert (status, told) == (200, {"scoring": False})
        assert await wallet.send("POST", "/orders-scoring", ["0x1"]) == (200, {"0x1": False})
        assert await wallet.send("GET", "/notifications", signature_type="0") == (200, [])
        assert await wallet.send("DELETE", "/notifications", ids="1") == (200, "OK")
        assert (await stand.get("/notifications"))[0] == 401
