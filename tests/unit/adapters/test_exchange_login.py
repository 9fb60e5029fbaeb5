"""A wallet gets its API credentials by its signature, whether it has a key there or not."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from polybot.adapters.exchange_login import ExchangeLogin
from polybot.errors import OutcomeUnknown, PolybotError, ProtocolError, Rejected, Unavailable
from polybot.exchange import error_texts as texts
from polybot.exchange.l1_auth import l1_refusal
from polybot.exchange.l2_auth import ApiCredentials
from tests.fakes import FakeClock
from tests.unit.adapters.loopback import RESET, LoopbackServer, Told, answer, transport_to
from tests.unit.exchange.examples import CREDENTIALS, SIGNER

KEYS = answer(
    {
        "apiKey": CREDENTIALS.api_key,
        "secret": CREDENTIALS.secret,
        "passphrase": CREDENTIALS.passphrase,
    }
)
CREATE, DERIVE = ("POST", "/auth/api-key"), ("GET", "/auth/derive-api-key")


class Case:
    """A login to a server that answers each route as a test says."""

    def __init__(self) -> None:
        self.routes: dict[tuple[str, str], Told] = {CREATE: KEYS, DERIVE: KEYS}
        self.server = LoopbackServer(lambda heard: self.routes[heard.method, heard.path])
        self.transport = transport_to(self.server, connections=1)
        self.clock = FakeClock()
        self.login = ExchangeLogin(SIGNER, reads=self.transport, clock=self.clock, chain_id=137)

    def log_in(self) -> ApiCredentials | PolybotError:
        done, given = threading.Event(), []

        def take(result: Any) -> None:
            given.append(result)
            done.set()

        self.login.log_in(take)
        assert done.wait(5)
        (result,) = given
        return result


@pytest.fixture
def case() -> Iterator[Case]:
    made = Case()
    yield made
    made.transport.close()
    made.server.stop()


def test_a_new_wallet_creates_its_key(case: Case) -> None:
    assert case.log_in() == CREDENTIALS
    assert case.server.requests() == [CREATE]


def test_the_request_proves_the_wallet(case: Case) -> None:
    case.log_in()
    headers = {name.upper(): value for name, value in case.server.heard[0].headers.items()}
    assert l1_refusal(headers, now_s=case.clock.now_ns() // 1_000_000_000) == ""
    assert headers["POLY_ADDRESS"] == SIGNER.address


@pytest.mark.parametrize(
    "told", [answer({"error": texts.COULD_NOT_CREATE_KEY}, 400), answer({}, 500)]
)
def test_a_wallet_that_has_a_key_derives_it(case: Case, told: Told) -> None:
    case.routes[CREATE] = told
    assert case.log_in() == CREDENTIALS
    assert case.server.requests() == [CREATE, DERIVE]


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (answer({"error": texts.COULD_NOT_DERIVE_KEY}, 400), Rejected),
        (answer({"apiKey": 5}), ProtocolError),
        (Told(then=RESET), OutcomeUnknown),
    ],
)
def test_a_login_that_fails_says_why(case: Case, told: Told, error: type[Exception]) -> None:
    case.routes[CREATE] = answer({"error": texts.COULD_NOT_CREATE_KEY}, 400)
    case.routes[DERIVE] = told
    assert type(case.log_in()) is error


def test_where_nobody_listens_nothing_is_derived(case: Case) -> None:
    case.server.stop()
    assert type(case.log_in()) is Unavailable


def test_no_secret_is_shown(case: Case) -> None:
    assert CREDENTIALS.secret not in repr(case.log_in())
