"""What the Data API shows is true, but late."""

from polybot.domain.order import Side
from polybot.simulator.books.ledger import Ledger
from polybot.simulator.books.records import AccountOpened
from polybot.simulator.faults.injector import FaultInjector
from polybot.simulator.faults.plan import make_plan
from polybot.simulator.views.late_books import LateBooks
from tests.unit.simulator.samples import ADDRESS, DOLLARS, START, S
from tests.unit.simulator.stand import OTHER_KEY, Stand, standing

LAG = [{"fault": "data_lag", "seconds": 20}]


async def test_item_17_positions_trades_and_activity_lag_behind() -> None:
    async with standing(Stand(faults=LAG)) as stand:
        wallet = await stand.login()
        user = wallet.signer.address
        assert (await stand.get("/v2/positions", user=user))[1]["data"] == []
        await wallet.post(wallet.order(Side.BUY, 5200, 10 * DOLLARS, kind="FAK"))
        for path in ("/v2/positions", "/v2/trades", "/v2/activity"):
            assert (await stand.get(path, user=user))[1]["data"] == []
        stand.step(21)
        for path in ("/v2/positions", "/v2/trades", "/v2/activity"):
            assert len((await stand.get(path, user=user))[1]["data"]) == 1
        # What the exchange itself says is not late.
        _, page = await wallet.send("GET", "/data/trades")
        assert page["count"] == 1


async def test_item_17_a_wrong_wallet_has_an_empty_list() -> None:
    async with standing(Stand()) as stand:
        wallet = await stand.login()
        await wallet.post(wallet.order(Side.BUY, 5200, 10 * DOLLARS, kind="FAK"))
        stranger = "0x" + "9" * 40
        for path in ("/v2/positions", "/v2/trades", "/v2/activity"):
            status, page = await stand.get(path, user=stranger)
            assert (status, page["data"]) == (200, [])
        # An account that trades through another wallet holds nothing under its own address.
        account = stand.ledger.account(wallet.signer.address)
        assert account is not None
        account.funders.append("0x" + "7" * 40)
        _, page = await stand.get("/v2/positions", user=wallet.signer.address)
        assert page["data"] == []


async def test_item_17_what_positions_are_worth() -> None:
    async with standing(Stand()) as stand:
        wallet = await stand.login(OTHER_KEY)
        await wallet.post(wallet.order(Side.BUY, 5200, 10 * DOLLARS, kind="FAK"))
        _, told = await stand.get("/v2/value", user=wallet.signer.address)
        _, positions = await stand.get("/v2/positions", user=wallet.signer.address)
        assert told["data"]["value"] == positions["data"][0]["current_value"] > 0


async def test_item_17_the_first_version_is_gone() -> None:
    async with standing(Stand()) as stand:
        for path in ("/positions", "/trades", "/activity", "/value", "/v1/positions"):
            assert (await stand.get(path))[0] == 410


def test_without_a_rule_nothing_is_late_and_nothing_is_kept_twice() -> None:
    ledger, faults = Ledger(), FaultInjector()
    late = LateBooks(ledger, faults)
    assert late.at(START) is ledger


def test_item_17_how_late_it_is_follows_from_the_seed_and_never_goes_back() -> None:
    ledger = Ledger()
    faults = FaultInjector(make_plan({"rules": [{"fault": "data_lag", "seconds": 60}]}))
    late = LateBooks(ledger, faults)
    late.at(START)
    seen = []
    for second in range(600):
        record = AccountOpened(
            ts_ns=START + second * S, address=f"{ADDRESS[:-4]}{second:04d}", amount_usdc=1
        )
        ledger.apply(record)
        late.on_record(record)
        seen.append(second + 1 - len(late.at(START + second * S).state.accounts))
    assert all(2 <= behind <= 60 for behind in seen[60:])
    assert len(set(seen[60:])) > 5
