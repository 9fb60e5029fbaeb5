"""The trading ports as the wallet and the gateway fulfill them; answers are values."""

import pytest

from polybot.adapters.clob_gateway import ClobGateway
from polybot.adapters.order_signer import WalletOrderSigner
from polybot.bootstrap.access import WalletAccess
from polybot.exchange.l2_auth import RequestSigner
from polybot.ports import (
    AccountSnapshot,
    CancelAnswer,
    ExchangeAccess,
    OrderGateway,
    OrderSigner,
    PostAnswer,
)
from tests.fakes import FakeClock
from tests.unit.exchange.examples import ADDRESS, CREDENTIALS, SIGNER
from tests.unit.ports.contract import demands, unmet
from tests.unit.services.trader.fakes_exchange import FakeAccess, FakeGateway, FakeSigner


def test_gateways_offer_the_port() -> None:
    real = ClobGateway(
        RequestSigner(ADDRESS, CREDENTIALS),
        orders=None,
        reads=None,
        snapshots=lambda *_: None,
        clock=FakeClock(),
        wake=lambda: None,
    )
    for gateway in (real, FakeGateway()):
        assert unmet(OrderGateway, gateway) == []


def test_signers_offer_the_port() -> None:
    real = WalletOrderSigner(SIGNER, funder="", signature_type=0, owner="k")
    for signer in (real, FakeSigner()):
        assert unmet(OrderSigner, signer) == []


def test_accesses_offer_the_port() -> None:
    assert unmet(ExchangeAccess, FakeAccess()) == []
    assert demands(ExchangeAccess).keys() <= set(dir(WalletAccess))


def test_answers_are_values() -> None:
    with pytest.raises(AttributeError):
        PostAnswer("0x1", None).status = "live"
    assert CancelAnswer((), {}).asked == ()
    assert AccountSnapshot((), (), 0, {}) == AccountSnapshot((), (), 0, {})
