"""An account is read in one go: every page, our own part of each trade, every balance."""

import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from polybot.adapters.account_snapshot import AccountReader
from polybot.errors import NotFound, OutcomeUnknown, ProtocolError, Unauthorized
from polybot.exchange.l2_auth import RequestSigner
from polybot.ports import AccountSnapshot
from tests.fakes import FakeClock
from tests.unit.adapters.loopback import (
    RESET,
    Heard,
    LoopbackServer,
    Told,
    answer,
    transport_to,
)
from tests.unit.exchange.examples import ADDRESS, CREDENTIALS, TOKEN_ID

CTF = str(TOKEN_ID)
PROTOCOL = str((0x5F << 200) + 1)
END = "LTE="


def order(number: int) -> dict[str, Any]:
    return {
        "id": f"0x{number}",
        "status": "LIVE",
        "asset_id": CTF,
        "side": "BUY",
        "price": "0.5",
        "original_size": "10",
        "size_matched": "2.5",
        "order_type": "GTC",
    }


def trade(number: int, **changes: Any) -> dict[str, Any]:
    row = {
        "id": f"t{number}",
        "taker_order_id": "0x1",
        "asset_id": CTF,
        "side": "BUY",
        "size": "2.5",
        "price": "0.5",
        "status": "CONFIRMED",
        "match_time": "1787236900",
        "trader_side": "TAKER",
    }
    return row | changes


class Account:
    """A server that answers by route; `pages` are the data of each page."""

    def __init__(self) -> None:
        self.server = LoopbackServer(self.handle)
        self.transport = transport_to(self.server)
        self.pages: dict[str, list[list[Any]]] = {"/data/orders": [[]], "/data/trades": [[]]}
        self.balances: dict[str, str] = {"": "1000000000", CTF: "25000000", PROTOCOL: "0"}
        self.broken: dict[str, Told] = {}
        self.reader = AccountReader(
            RequestSigner(ADDRESS, CREDENTIALS),
            reads=self.transport,
            clock=FakeClock(),
            signature_type=2,
        )

    def handle(self, heard: Heard) -> Told:
        if heard.path in self.broken:
            return self.broken[heard.path]
        query = query_of(heard)
        if heard.path == "/balance-allowance":
            return answer({"balance": self.balances[query.get("token_id", "")]})
        pages = self.pages[heard.path]
        cursor = query["next_cursor"]
        page = 0 if cursor == "MA==" else int(cursor)
        after = END if page + 1 == len(pages) else str(page + 1)
        return answer({"data": pages[page], "next_cursor": after})

    def read(self, *token_ids: str, after_s: int = 0) -> AccountSnapshot:
        done, given = threading.Event(), []

        def take(snapshot: AccountSnapshot) -> None:
            given.append(snapshot)
            done.set()

        self.reader.read(token_ids, after_s, "start 1", take)
        assert done.wait(5)
        (snapshot,) = given
        return snapshot

    def asked(self, path: str) -> list[dict[str, str]]:
        return [query_of(heard) for heard in self.server.heard if heard.path == path]


def query_of(heard: Heard) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(heard.target).query).items()}


@pytest.fixture
def account() -> Iterator[Account]:
    made = Account()
    yield made
    made.transport.close()
    made.server.stop()


def test_an_empty_account_has_a_balance(account: Account) -> None:
    assert account.read() == AccountSnapshot((), (), 1_000_000_000, {}, None, "start 1")


def test_every_page_is_read(account: Account) -> None:
    account.pages["/data/orders"] = [[order(1), order(2)], [], [order(3)]]
    account.pages["/data/trades"] = [[trade(1)], [trade(2)]]
    given = account.read(after_s=77)
    assert [each.venue_order_id for each in given.orders] == ["0x1", "0x2", "0x3"]
    assert [each.trade_id for each in given.fills] == ["t1", "t2"]
    assert [q["after"] for q in account.asked("/data/trades")] == ["77", "77"]


def test_orders_are_read_in_micro_shares_and_ticks(account: Account) -> None:
    account.pages["/data/orders"] = [[order(1)]]
    (told,) = account.read().orders
    assert (told.price_bps, told.original_shares, told.matched_shares) == (
        5000,
        10_000_000,
        2_500_000,
    )


def test_fills_are_our_own_part_of_each_trade(account: Account) -> None:
    ours = {
        "order_id": "0xmine",
        "owner": CREDENTIALS.api_key,
        "matched_amount": "4",
        "price": "0.4",
        "asset_id": CTF,
        "side": "SELL",
    }
    theirs = ours | {"order_id": "0xtheirs", "owner": "someone"}
    account.pages["/data/trades"] = [[trade(1, trader_side="MAKER", maker_orders=[theirs, ours])]]
    (fill,) = account.read().fills
    assert (fill.venue_order_id, fill.side, fill.price_bps, fill.size_shares, fill.is_maker) == (
        "0xmine",
        "SELL",
        4000,
        4_000_000,
        True,
    )


def test_balances_are_asked_for_by_the_kind_of_token_and_wallet(account: Account) -> None:
    given = account.read(CTF, PROTOCOL)
    assert given.shares == {CTF: 25_000_000, PROTOCOL: 0}
    asked = sorted(account.asked("/balance-allowance"), key=lambda q: q["asset_type"])
    assert [(q["asset_type"], q.get("token_id")) for q in asked] == [
        ("COLLATERAL", None),
        ("CONDITIONAL", CTF),
        ("CONDITIONAL-V2", PROTOCOL),
    ]
    assert {q["signature_type"] for q in asked} == {"2"}


@pytest.mark.parametrize("path", ["/data/orders", "/data/trades", "/balance-allowance"])
@pytest.mark.parametrize(
    ("told", "error"),
    [
        (answer({"error": "no"}, 401), Unauthorized),
        (answer({"error": "no such route"}, 404), NotFound),
        (answer({"error": "x"}, 500), OutcomeUnknown),
        (answer(b"<html>"), ProtocolError),
        (Told(then=RESET), OutcomeUnknown),
    ],
)
def test_one_failed_part_fails_the_whole(
    account: Account, path: str, told: Told, error: type[Exception]
) -> None:
    account.broken[path] = told
    assert type(account.read(CTF).error) is error


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/data/orders", {"data": [order(1) | {"price": "dear"}], "next_cursor": END}),
        ("/data/trades", {"data": [trade(1, size="many")], "next_cursor": END}),
        ("/balance-allowance", {"balance": "a lot"}),
    ],
)
def test_unreadable_numbers_fail_the_whole(account: Account, path: str, body: Any) -> None:
    account.broken[path] = answer(body)
    assert account.read().error is not None


def test_the_account_is_read_again_after_a_failure(account: Account) -> None:
    account.broken["/data/trades"] = answer(b"?")
    assert account.read().error is not None
    account.broken.clear()
    assert account.read().error is None
