"""The server listens on this machine only, and says in one line why it cannot."""

import json
import socket
from pathlib import Path

import pytest

from polybot.errors import BusError, ConfigError
from polybot.simulator.server import (
    Address,
    Server,
    endpoints,
    make_app,
    parse_listen,
    previous_port,
)
from tests.unit.simulator.stand import Stand


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:0", Address("127.0.0.1", 0)),
        ("localhost:8080", Address("127.0.0.1", 8080)),
        ("127.9.9.9:65535", Address("127.9.9.9", 65535)),
        ("[::1]:80", Address("::1", 80)),
    ],
)
def test_addresses_of_this_machine_are_taken(text: str, address: Address) -> None:
    assert parse_listen(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0:0",
        "192.168.1.1:80",
        "[::]:0",
        "127.0.0.1",
        "127.0.0.1:x",
        "host:1",
        ":0",
        "127.0.0.1:70000",
    ],
)
def test_any_other_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="on this machine only"):
        parse_listen(text)


def test_every_url_is_under_one_base() -> None:
    assert endpoints(Address("::1", 80)) == {
        "url": "http://[::1]:80",
        "ws_market_url": "ws://[::1]:80/ws/market",
        "ws_user_url": "ws://[::1]:80/ws/user",
        "ws_price_url": "ws://[::1]:80/ws/price",
        "ws_rtds_url": "ws://[::1]:80/ws/rtds",
        "ws_binance_url": "ws://[::1]:80/ws/binance",
        "ws_coinbase_url": "ws://[::1]:80/ws/coinbase",
        "gamma_url": "http://[::1]:80",
        "data_url": "http://[::1]:80",
        "geoblock_url": "http://[::1]:80/api/geoblock",
    }


def test_the_port_of_an_earlier_life_is_read_when_it_can_be(tmp_path: Path) -> None:
    path = tmp_path / "simulator.json"
    assert previous_port(None) == previous_port(path) == 0
    path.write_text(json.dumps({"url": "http://127.0.0.1:4711"}))
    assert previous_port(path) == 4711
    for damaged in ("", "[]", '{"url": "http://127.0.0.1:x"}', '{"url": 7}'):
        path.write_text(damaged)
        assert previous_port(path) == 0


async def test_a_port_that_is_taken_is_told_in_one_line() -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    server = Server(make_app(Stand().desk))
    with pytest.raises(BusError, match=rf"cannot listen on 127.0.0.1:{port}: .*; stop what"):
        await server.start(Address("127.0.0.1", port))
    await server.stop()
    taken.close()


async def test_the_last_port_is_used_again_unless_somebody_has_it() -> None:
    first = Server(make_app(Stand().desk))
    await first.start(Address("127.0.0.1", 0))
    port = first.address.port
    beside = Server(make_app(Stand().desk))
    await beside.start(Address("127.0.0.1", 0), preferred_port=port)
    assert beside.address.port not in (0, port)
    await beside.stop()
    await first.stop()
    again = Server(make_app(Stand().desk))
    await again.start(Address("127.0.0.1", 0), preferred_port=port)
    assert again.address.port == port
    await again.stop()
