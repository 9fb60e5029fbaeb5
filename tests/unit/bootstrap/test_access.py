import logging
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from polybot.adapters.exchange_login import ExchangeLogin
from polybot.adapters.wallet_files import AccountCredentials, WalletFiles
from polybot.bootstrap.access import QUIET_FAILURES, WalletAccess
from polybot.errors import Unavailable
from polybot.exchange.http_calls import HttpAnswer, HttpCall
from polybot.exchange.l2_auth import ApiCredentials
from polybot.exchange.signing import OrderSigner
from polybot.runtime.logs import SecretMask
from tests.fakes import FakeClock

KEY = OrderSigner("0x" + "11" * 32)
OTHER_KEY = OrderSigner("0x" + "22" * 32)
SECRET, PASSPHRASE = "c2VjcmV0c2VjcmV0c2VjcmV0", "a passphrase nobody knows"


class HeldTransport:
    """Keeps each request until a test answers it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._waiting: list[Callable[[HttpAnswer], None]] = []

    def send(self, call: HttpCall, done: Callable[[HttpAnswer], None]) -> None:
        self.asked.append(f"{call.method} {call.path}")
        self._waiting.append(done)

    def warm(self, path: str = "/ok") -> None:
        self.asked.append(f"warm {path}")

    def answer(self, answer: HttpAnswer) -> None:
        self._waiting.pop(0)(answer)


class Account:
    """An access with everything around it; `woken` counts its wakes."""

    def __init__(self, directory: Path, key: OrderSigner = KEY, funder: str = "") -> None:
        self.clock = FakeClock()
        self.exchange = HeldTransport()
        self.files = WalletFiles(directory)
        self.mask = SecretMask()
        self.woken = 0
        self.access = WalletAccess(
            key,
            funder=funder,
            signature_type=0,
            files=self.files,
            login=ExchangeLogin(key, reads=self.exchange, clock=self.clock, chain_id=137),
            orders=HeldTransport(),
            reads=self.exchange,
            clock=self.clock,
            wake=self._wake,
            mask=self.mask,
        )

    def _wake(self) -> None:
        self.woken += 1

    def log_in(self, api_key: str = "key-1") -> None:
        assert not self.access.ready()
        self.exchange.answer(granted(api_key))


def api(api_key: str = "key-1") -> ApiCredentials:
    return ApiCredentials(api_key=api_key, secret=SECRET, passphrase=PASSPHRASE)


def granted(api_key: str) -> HttpAnswer:
    return HttpAnswer(200, msgspec.json.encode(api(api_key)))


def test_a_login_makes_gateway_and_signer_and_wakes_the_loop(tmp_path: Path) -> None:
    account = Account(tmp_path)
    account.log_in()
    assert account.access.ready()
    assert account.access.credentials() == api()
    assert account.access.api_key == "key-1"
    assert account.access.signer.funder == KEY.address
    assert account.access.gateway.signer.address == KEY.address
    assert account.woken == 1


def test_it_asks_at_most_once_a_second(tmp_path: Path) -> None:
    account = Account(tmp_path)
    for _ in range(5):
        assert not account.access.ready()
        account.clock.advance(0.3)
    assert account.exchange.asked == ["POST /auth/api-key"] * 2


def test_the_first_refusals_are_quiet_and_then_one_line_says_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    account = Account(tmp_path)
    for attempt in range(1, QUIET_FAILURES + 2):
        assert not account.access.ready()
        account.exchange.answer(HttpAnswer(None, error=Unavailable("nobody listens")))
        account.clock.advance(1)
        assert len(caplog.messages) == (attempt >= QUIET_FAILURES)
    assert caplog.messages == ["login at the exchange failed 5 times: nobody listens"]
    assert account.woken == 0


def test_a_login_that_is_refused_is_said_at_once_with_what_to_check(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    account = Account(tmp_path)
    assert not account.access.ready()
    refusal = HttpAnswer(401, b'{"error":"Invalid L1 Request headers"}')
    # The first answer makes it derive the key that it may have already; that is refused too.
    account.exchange.answer(refusal)
    account.exchange.answer(refusal)
    (line,) = caplog.messages
    assert "Invalid L1 Request headers; check this machine's clock" in line


def test_requests_are_signed_only_after_the_login(tmp_path: Path) -> None:
    account = Account(tmp_path)
    assert account.access.request_signer() is None
    account.log_in()
    signer = account.access.request_signer()
    assert signer is not None
    assert (signer.address, signer.credentials) == (KEY.address, api())
    account.access.renew()
    assert account.access.request_signer() is None


def test_a_secret_that_cannot_sign_is_a_failed_login(tmp_path: Path) -> None:
    account = Account(tmp_path)
    assert not account.access.ready()
    account.exchange.answer(
        HttpAnswer(200, b'{"apiKey": "key-1", "secret": "a", "passphrase": "b"}')
    )
    assert not account.access.ready()
    assert account.files.credentials() is None


def test_the_credentials_are_saved_for_the_others_alone(tmp_path: Path) -> None:
    account = Account(tmp_path / "wallet")
    account.log_in()
    assert account.files.credentials() == AccountCredentials(KEY.address, KEY.address, 0, api())
    assert account.files.credentials_path.stat().st_mode & 0o777 == 0o600
    assert account.files.credentials_path.parent.stat().st_mode & 0o777 == 0o700


def test_a_file_that_cannot_be_written_keeps_nobody_from_trading(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    account = Account(tmp_path)
    account.files.credentials_path.mkdir(parents=True)
    account.log_in()
    assert account.access.ready()
    assert account.woken == 1
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert str(account.files.credentials_path) in caplog.text


def test_saved_credentials_save_the_login(tmp_path: Path) -> None:
    Account(tmp_path).log_in()
    again = Account(tmp_path)
    assert again.access.ready()
    assert again.access.api_key == "key-1"
    assert again.exchange.asked == []


@pytest.mark.parametrize(
    ("key", "funder"), [(OTHER_KEY, ""), (KEY, "0x" + "33" * 20)], ids=["address", "funder"]
)
def test_credentials_of_another_account_are_not_used(
    tmp_path: Path, key: OrderSigner, funder: str
) -> None:
    Account(tmp_path).log_in()
    other = Account(tmp_path, key, funder)
    assert not other.access.ready()
    assert other.access.credentials() is None
    assert other.exchange.asked == ["POST /auth/api-key"]


def test_refused_credentials_are_renewed_by_another_login(tmp_path: Path) -> None:
    account = Account(tmp_path)
    account.log_in()
    account.clock.advance(1)
    account.access.renew()
    assert account.access.credentials() is None
    account.log_in("key-2")
    assert account.access.ready()
    assert account.access.api_key == "key-2"
    saved = account.files.credentials()
    assert saved is not None
    assert saved.api == api("key-2")


def test_answers_under_way_survive_a_renewal(tmp_path: Path) -> None:
    account = Account(tmp_path)
    account.log_in()
    before = account.access.gateway
    account.clock.advance(1)
    account.access.renew()
    account.log_in("key-2")
    assert account.access.gateway is not before
    assert account.access.gateway.answers is before.answers


@pytest.mark.parametrize("saved", [False, True])
def test_secret_and_passphrase_are_masked_in_the_log(tmp_path: Path, saved: bool) -> None:
    account = Account(tmp_path)
    account.log_in()
    if saved:
        account = Account(tmp_path)
    shown = account.mask.apply(f"{SECRET} | {PASSPHRASE} | {KEY.address}")
    assert shown == f"*** | *** | {KEY.address}"


def test_credentials_a_full_disk_refused_are_written_when_there_is_space(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    # A file where the directory should be refuses as a full disk does.
    blocked = tmp_path / "wallet"
    account = Account(blocked)
    blocked.touch()
    account.log_in()
    for _ in range(20):
        assert account.access.ready()
        account.clock.advance(1)
    assert caplog.text.count("the others wait for our credentials: cannot write") == 1
    blocked.unlink()
    assert account.files.credentials() is None
    account.clock.advance(5)
    assert account.access.ready()
    saved = account.files.credentials()
    assert saved is not None
    assert saved.api == api()
    assert caplog.messages[-1] == "the others have our credentials now"
    account.files.credentials_path.unlink()
    account.clock.advance(60)
    assert account.access.ready()
    assert account.files.credentials() is None
