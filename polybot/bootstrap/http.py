"""Makes the HTTP transports and the market clock that several processes use alike."""

from polybot import __version__
from polybot.adapters.clock import SystemClock
from polybot.adapters.http_transport import HttpTransport, TransportTuning
from polybot.adapters.market_clock import SegmentMarketClock, WallMarketClock
from polybot.bootstrap.endpoints import Endpoints
from polybot.config.schema import SIMULATED_MODES, Config
from polybot.exchange.route_limits import CLOB_ROUTES, DATA_ROUTES, GAMMA_ROUTES, RouteLimiter
from polybot.ports import Clock

USER_AGENT = f"polybot/{__version__}"
# A connection that idles longer than this may be closed by what stands between us and the exchange.
WARM_S = 15.0
CONNECT_TIMEOUT_S = 3.0
# Which limits of reading routes hold at which host; orders have their own, per signer.
_ROUTES = {"clob_url": CLOB_ROUTES, "gamma_url": GAMMA_ROUTES, "data_url": DATA_ROUTES}


def make_transport(
    name: str, endpoints: Endpoints, key: str, config: Config, connections: int
) -> HttpTransport:
    """Return a transport to one of the exchange's hosts, by the name of its configuration key."""
    return HttpTransport(
        name,
        endpoints.resolver(key),
        connections=connections,
        timeout_s=config.exchange.timeout_s,
        user_agent=USER_AGENT,
        tuning=TransportTuning(
            connect_timeout_s=min(CONNECT_TIMEOUT_S, config.exchange.timeout_s),
            limiter=RouteLimiter(_ROUTES.get(key, {}), SystemClock().monotonic_ns),
        ),
    )


def make_order_transport(endpoints: Endpoints, config: Config) -> HttpTransport:
    """Return the transport of orders and cancels: kept warm, and no read ever in their way."""
    return HttpTransport(
        "orders",
        endpoints.resolver("clob_url"),
        connections=config.exchange.connections,
        timeout_s=config.exchange.timeout_s,
        user_agent=USER_AGENT,
        tuning=TransportTuning(
            connect_timeout_s=min(CONNECT_TIMEOUT_S, config.exchange.timeout_s), warm_s=WARM_S
        ),
    )


def make_market_clock(config: Config, clock: Clock) -> SegmentMarketClock | WallMarketClock:
    """Return market time as the mode has it: the simulator's, or the wall clock's."""
    simulated = config.mode in SIMULATED_MODES
    return SegmentMarketClock(clock) if simulated else WallMarketClock(clock)
