import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from polybot import __version__
from polybot.adapters.http_transport import HttpTransport
from polybot.bootstrap.endpoints import Endpoints
from polybot.bootstrap.http import make_market_clock, make_order_transport, make_transport
from polybot.config.schema import Config
from polybot.errors import RateLimited, Unavailable
from polybot.exchange.http_calls import HttpAnswer, HttpCall
from tests.fakes import FakeClock
from tests.http_stub import StubServer
from tests.unit.bootstrap.one_process import configured


@pytest.fixture
def stub() -> Iterator[StubServer]:
    server = StubServer(lambda _: (200, {"ok": True}))
    yield server
    server.close()


def asked(transport: HttpTransport) -> HttpAnswer:
    answers: queue.SimpleQueue[HttpAnswer] = queue.SimpleQueue()
    transport.send(HttpCall("GET", "/ok"), answers.put)
    answer = answers.get(timeout=5)
    transport.close()
    return answer


def test_a_transport_asks_its_own_host_and_says_who_it_is(
    tmp_path: Path, runtime_dir: Path, stub: StubServer
) -> None:
    loaded = configured(tmp_path, runtime_dir, POLYBOT__EXCHANGE__GAMMA_URL=stub.url)
    transport = make_transport("gamma", Endpoints(loaded), "gamma_url", loaded.config, 1)
    assert asked(transport).status == 200
    assert [request.path for request in stub.requests] == ["/ok"]
    assert stub.requests[0].headers["user-agent"] == f"polybot/{__version__}"


def test_orders_have_a_transport_of_their_own_to_the_same_host(
    tmp_path: Path, runtime_dir: Path, stub: StubServer
) -> None:
    loaded = configured(tmp_path, runtime_dir, POLYBOT__EXCHANGE__CLOB_URL=stub.url)
    transport = make_order_transport(Endpoints(loaded), loaded.config)
    assert asked(transport).status == 200
    assert stub.requests[0].headers["user-agent"] == f"polybot/{__version__}"


def test_reads_are_held_back_before_the_exchange_would(
    tmp_path: Path, runtime_dir: Path, stub: StubServer
) -> None:
    loaded = configured(tmp_path, runtime_dir, POLYBOT__EXCHANGE__CLOB_URL=stub.url)
    transport = make_transport("reads", Endpoints(loaded), "clob_url", loaded.config, 1)
    answers: queue.SimpleQueue[HttpAnswer] = queue.SimpleQueue()
    for _ in range(60):
        transport.send(HttpCall("GET", "/balance-allowance/update"), answers.put)
    given = [answers.get(timeout=5) for _ in range(60)]
    transport.close()
    assert sum(isinstance(each.error, RateLimited) for each in given) >= 30
    assert 20 <= len(stub.requests) <= 30


def test_without_an_exchange_the_answer_says_so(tmp_path: Path, runtime_dir: Path) -> None:
    loaded = configured(tmp_path, runtime_dir)
    transport = make_transport("reads", Endpoints(loaded), "clob_url", loaded.config, 1)
    answer = asked(transport)
    assert isinstance(answer.error, Unavailable)
    assert "none listening yet" in str(answer.error)


@pytest.mark.parametrize("mode", ["synthetic", "replay", "paper"])
def test_a_simulated_market_has_no_time_before_its_simulator_tells_it(mode: str) -> None:
    assert not make_market_clock(Config(mode=mode), FakeClock()).ready()


def test_a_real_market_runs_by_the_wall_clock() -> None:
    clock = FakeClock()
    market = make_market_clock(Config(mode="live"), clock)
    clock.advance(3)
    assert (market.ready(), market.now_ns(), market.speed()) == (True, clock.now_ns(), 1.0)
