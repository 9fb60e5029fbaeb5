import json
from pathlib import Path

import pytest

from polybot.bootstrap.endpoints import KEYS, Endpoints
from polybot.exchange.production import PRODUCTION_URLS
from tests.unit.bootstrap.one_process import configured

TOLD = {
    "url": "http://127.0.0.1:4001",
    "gamma_url": "http://127.0.0.1:4001/gamma",
    "data_url": "http://127.0.0.1:4001/data",
    "ws_market_url": "ws://127.0.0.1:4001/ws/market",
    "ws_user_url": "ws://127.0.0.1:4001/ws/user",
    "ws_price_url": "ws://127.0.0.1:4001/ws/price",
    "ws_rtds_url": "ws://127.0.0.1:4001/ws/rtds",
    "ws_binance_url": "ws://127.0.0.1:4001/ws/binance",
    "ws_coinbase_url": "ws://127.0.0.1:4001/ws/coinbase",
    "relayer_url": "http://127.0.0.1:4001/relayer",
    "geoblock_url": "http://127.0.0.1:4001/api/geoblock",
    "rpc_url": "http://127.0.0.1:4001/rpc",
    "pid": 17,
}


def tell(runtime_dir: Path, told: object) -> None:
    (runtime_dir / "simulator.json").write_text(json.dumps(told))


def test_a_configured_url_wins_over_the_simulators(tmp_path: Path, runtime_dir: Path) -> None:
    tell(runtime_dir, TOLD)
    endpoints = Endpoints(
        configured(tmp_path, runtime_dir, POLYBOT__EXCHANGE__GAMMA_URL="http://127.0.0.1:9/gamma")
    )
    assert endpoints.url("gamma_url") == "http://127.0.0.1:9/gamma"
    assert endpoints.url("data_url") == TOLD["data_url"]


def test_without_configuration_every_url_is_the_simulators(
    tmp_path: Path, runtime_dir: Path
) -> None:
    tell(runtime_dir, TOLD)
    endpoints = Endpoints(configured(tmp_path, runtime_dir))
    assert {key: endpoints.url(key) for key in KEYS} == {
        "clob_url": TOLD["url"],
        **{key: TOLD[key] for key in KEYS if key != "clob_url"},
    }


@pytest.mark.parametrize("mode", ["synthetic", "paper"])
def test_while_no_simulator_listens_there_is_no_url(
    tmp_path: Path, runtime_dir: Path, mode: str
) -> None:
    endpoints = Endpoints(configured(tmp_path, runtime_dir, POLYBOT__MODE=mode))
    assert {endpoints.url(key) for key in KEYS} == {None}


def test_live_without_configuration_every_url_is_production(
    tmp_path: Path, runtime_dir: Path
) -> None:
    tell(runtime_dir, TOLD)
    live = configured(
        tmp_path, runtime_dir, POLYBOT__MODE="live", POLYMARKET_PRIVATE_KEY="0x" + "1" * 64
    )
    endpoints = Endpoints(live)
    assert {key: endpoints.url(key) for key in KEYS} == PRODUCTION_URLS


@pytest.mark.parametrize(
    "text",
    ["", '{"url": "http://127.', "[1, 2]", "null", '{"pid": 17}', '{"url": 4001}', "\udcff"],
)
def test_a_half_written_or_foreign_file_says_nothing(
    tmp_path: Path, runtime_dir: Path, text: str
) -> None:
    (runtime_dir / "simulator.json").write_bytes(text.encode(errors="surrogateescape"))
    assert Endpoints(configured(tmp_path, runtime_dir)).url("clob_url") is None


def test_a_simulator_that_comes_back_elsewhere_is_found_there(
    tmp_path: Path, runtime_dir: Path
) -> None:
    resolve = Endpoints(configured(tmp_path, runtime_dir)).resolver("clob_url")
    tell(runtime_dir, TOLD)
    before = resolve()
    tell(runtime_dir, {**TOLD, "url": "http://127.0.0.1:4002"})
    assert (before, resolve()) == ("http://127.0.0.1:4001", "http://127.0.0.1:4002")
