"""The simulated exchange's one HTTP and websocket server, on loopback only."""

import errno
import ipaddress
import json
import logging
import socket
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from polybot.errors import BusError, ConfigError
from polybot.simulator.api.desk import Desk
from polybot.simulator.api.request_path import make_middleware
from polybot.simulator.api.routes_account import AccountRoutes
from polybot.simulator.api.routes_auth import AuthRoutes
from polybot.simulator.api.routes_clob import ClobRoutes
from polybot.simulator.api.routes_data import DataRoutes
from polybot.simulator.api.routes_gamma import GammaRoutes
from polybot.simulator.api.routes_orders import OrderRoutes
from polybot.simulator.api.routes_simulator import SimulatorRoutes
from polybot.simulator.streams.market import MarketStream
from polybot.simulator.streams.prices import PriceStream
from polybot.simulator.streams.public import BinanceStream, CoinbaseStream, RtdsStream
from polybot.simulator.streams.socket_session import OPEN_SOCKETS, close_all
from polybot.simulator.streams.user import UserStream

logger = logging.getLogger(__name__)

LOCAL_NAME = "localhost"
LOCAL_ADDRESS = "127.0.0.1"
HIGHEST_PORT = 65_535
MOST_BODY_BYTES = 4 * 1024 * 1024
BACKLOG = 128
SHUTDOWN_S = 1.0


class Address(msgspec.Struct, frozen=True):
    """Where to listen; port 0 means any free one."""

    host: str
    port: int

    @property
    def authority(self) -> str:
        """Host and port as a URL spells them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_listen(text: str) -> Address:
    """Read "127.0.0.1:0"; raise ConfigError for anything that is not on loopback."""
    host, separator, port = text.rpartition(":")
    host = host.strip("[]")
    host = LOCAL_ADDRESS if host == LOCAL_NAME else host
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not (separator and is_loopback and port.isdecimal() and int(port) <= HIGHEST_PORT):
        problem = (
            f"simulator.listen: expected an address and port on this machine only, such as "
            f"127.0.0.1:0, was {text!r}; the simulated exchange gives play money to anybody"
        )
        raise ConfigError([problem])
    return Address(host, int(port))


def endpoints(address: Address) -> dict[str, str]:
    """Return the URLs clients need; every HTTP route is under one base."""
    base, sockets = f"http://{address.authority}", f"ws://{address.authority}"
    return {
        "url": base,
        "ws_market_url": f"{sockets}/ws/market",
        "ws_user_url": f"{sockets}/ws/user",
        "ws_price_url": f"{sockets}/ws/price",
        "ws_rtds_url": f"{sockets}/ws/rtds",
        "ws_binance_url": f"{sockets}/ws/binance",
        "ws_coinbase_url": f"{sockets}/ws/coinbase",
        "gamma_url": base,
        "data_url": base,
        "geoblock_url": f"{base}/api/geoblock",
    }


def previous_port(path: Path | None) -> int:
    """Return the port that the endpoints file of an earlier life names, 0 when there is none."""
    try:
        told = json.loads(path.read_text("utf-8")) if path is not None else {}
        return urlsplit(str(told.get("url", ""))).port or 0
    except (OSError, ValueError, AttributeError):
        return 0


def make_app(desk: Desk) -> web.Application:
    """Return the application with every route and channel."""
    app = web.Application(middlewares=[make_middleware(desk)], client_max_size=MOST_BODY_BYTES)
    app[OPEN_SOCKETS] = set()
    groups = (
        ClobRoutes(desk),
        AuthRoutes(desk),
        OrderRoutes(desk),
        AccountRoutes(desk),
        GammaRoutes(desk),
        DataRoutes(desk),
        SimulatorRoutes(desk),
    )
    # Gamma's /markets/slug/... and the CLOB's /markets/{condition} differ in their segments.
    for group in groups:
        app.router.add_routes(group.routes())
    app.router.add_get("/ws/market", MarketStream(desk).serve)
    app.router.add_get("/ws/user", UserStream(desk).serve)
    app.router.add_get("/ws/price", PriceStream(desk).serve)
    app.router.add_get("/ws/rtds", RtdsStream(desk).serve)
    app.router.add_get("/ws/binance", BinanceStream(desk).serve)
    app.router.add_get("/ws/binance/{streams:.*}", BinanceStream(desk).serve)
    app.router.add_get("/ws/coinbase", CoinbaseStream(desk).serve)
    app.on_shutdown.append(close_all)
    return app


class Server:
    """Binds, serves and closes."""

    def __init__(self, app: web.Application) -> None:
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
        self.address = Address(LOCAL_ADDRESS, 0)

    async def start(self, wanted: Address, *, preferred_port: int = 0) -> None:
        """Listen; without a wanted port the preferred one is tried first, so clients find us.

        Raises BusError, in one line, when the wanted port is taken.
        """
        await self._runner.setup()
        listening = _bind(wanted, preferred_port)
        host, port = listening.getsockname()[:2]
        self.address = Address(host, port)
        await web.SockSite(self._runner, listening, backlog=BACKLOG).start()

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        await self._runner.cleanup()


def _bind(wanted: Address, preferred_port: int) -> socket.socket:
    ports = [wanted.port] if wanted.port else [port for port in (preferred_port, 0) if port] + [0]
    for port in ports:
        try:
            return _listen(wanted.host, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and port and not wanted.port:
                logger.info("port %s of the last run is taken, another one is used", port)
                continue
            raise BusError(
                f"cannot listen on {Address(wanted.host, port).authority}: {error.strerror}; "
                "stop what listens there, or set simulator.listen to another port (0: any free)"
            ) from error
    raise BusError(f"cannot listen on {wanted.host}: no port is free")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A killed process leaves connections behind that would hold its port for a minute.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    return listening
