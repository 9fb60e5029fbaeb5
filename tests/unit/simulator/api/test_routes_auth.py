"""A wallet gets its API keys once, and the same ones whenever it asks again."""

from collections.abc import AsyncIterator

import pytest

from polybot.exchange.l1_auth import l1_headers
from polybot.exchange.signing import OrderSigner
from tests.unit.simulator.samples import DOLLARS
from tests.unit.simulator.stand import KEY, Stand, standing


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with standing(Stand()) as served:
        yield served


async def ask(
    stand: Stand, method: str, path: str, *, skew_s: int = 0
) -> tuple[int, dict[str, str]]:
    now_s = stand.clock.now_ns() // 1_000_000_000 + skew_s
    headers = l1_headers(OrderSigner(KEY), timestamp_s=now_s)
    async with stand.session.request(method, path, headers=headers) as response:
        return response.status, await response.json()


async def test_keys_are_created_once_and_derived_as_often_as_asked(stand: Stand) -> None:
    assert await ask(stand, "GET", "/auth/derive-api-key") == (
        400,
        {"error": "Could not derive api key!"},
    )
    status, created = await ask(stand, "POST", "/auth/api-key")
    assert (status, set(created)) == (200, {"apiKey", "secret", "passphrase"})
    assert await ask(stand, "POST", "/auth/api-key") == (
        400,
        {"error": "Could not create api key"},
    )
    assert await ask(stand, "GET", "/auth/derive-api-key") == (200, created)
    assert stand.log.synced == len(stand.log.payloads)


async def test_play_money_comes_with_the_first_login(stand: Stand) -> None:
    wallet = await stand.login()
    _, balance = await wallet.send("GET", "/balance-allowance", asset_type="COLLATERAL")
    assert balance["balance"] == str(1000 * DOLLARS)
    assert (await wallet.send("GET", "/auth/api-keys"))[1] == {
        "apiKeys": [wallet.credentials.api_key]
    }
    assert (await wallet.send("GET", "/auth/ban-status/closed-only"))[1] == {"closed_only": False}


async def test_a_clock_that_is_off_and_a_forged_signature_are_refused(stand: Stand) -> None:
    refusal = (401, {"error": "Invalid L1 Request headers"})
    assert await ask(stand, "POST", "/auth/api-key", skew_s=-4000) == refusal
    headers = l1_headers(OrderSigner(KEY), timestamp_s=stand.clock.now_ns() // 1_000_000_000)
    headers["POLY_ADDRESS"] = "0x" + "7" * 40
    async with stand.session.post("/auth/api-key", headers=headers) as response:
        assert (response.status, await response.json()) == refusal
    assert await stand.get("/auth/api-keys") == (401, {"error": "Unauthorized/Invalid api key"})
