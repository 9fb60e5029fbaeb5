"""Keys follow from wallet and nonce, and survive a restart without being stored."""

from polybot.exchange.l2_auth import ApiCredentials, RequestSigner, SignedRequest
from polybot.simulator.api.keyring import KeyRing
from polybot.simulator.books.ledger import Ledger
from polybot.simulator.engine.core import NullListener
from polybot.simulator.engine.engine import SimulatedExchange
from polybot.simulator.engine.timers import ExchangeRules
from tests.unit.simulator.samples import START

WALLET = "0x" + "Ab" * 20


def make(ledger: Ledger | None = None) -> tuple[SimulatedExchange, KeyRing]:
    exchange = SimulatedExchange(ledger or Ledger(), ExchangeRules(), NullListener())
    return exchange, KeyRing(exchange, secret=b"s", opening_balance_usdc=5)


def test_the_first_key_opens_an_account_with_play_money() -> None:
    exchange, keys = make()
    first = keys.create(WALLET, 0, START)
    assert first is not None
    assert keys.create(WALLET, 0, START) is None
    second = keys.create(WALLET, 1, START)
    account = exchange.ledger.account(WALLET)
    assert account is not None
    assert account.cash_usdc == 5
    assert second is not None
    assert keys.keys_of(account) == [first.api_key, second.api_key]


def test_a_restart_knows_every_key_again() -> None:
    exchange, keys = make()
    created = keys.create(WALLET, 3, START)
    assert created is not None
    _, again = make(Ledger(exchange.ledger.state))
    assert again.derive(WALLET, 3) == created
    assert again.derive(WALLET, 4) is None
    account = again.account_of_key(created)
    assert account is not None
    assert account.address == WALLET


def test_only_whole_credentials_and_right_signatures_are_believed() -> None:
    _, keys = make()
    created = keys.create(WALLET, 0, START)
    assert created is not None
    wrong = ApiCredentials(api_key=created.api_key, secret=created.secret, passphrase="guessed")
    assert keys.account_of_key(wrong) is None
    headers = RequestSigner(WALLET, created).headers(100, "GET", "/data/orders")
    request = SignedRequest("GET", "/data/orders", headers)
    assert keys.account_of_request(request, now_s=100) is not None
    assert keys.account_of_request(request, now_s=500) is None
    assert keys.account_of_request(SignedRequest("GET", "/ok", headers), now_s=100) is None
    assert keys.account_of_request(SignedRequest("GET", "/ok", {}), now_s=100) is None
