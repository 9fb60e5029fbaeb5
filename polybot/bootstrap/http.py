"""Makes the HTTP transports and the market clock that several processes use alike."""

from polybot import __version__
from polybot.adapters.http_transport import HttpTransport
from polybot.adapters.market_clock import SegmentMarketClock, WallMarketClock
from polybot.bootstrap.endpoints import Endpoints
from polybot.config.schema import SIMULATED_MODES, Config
from polybot.ports import Clock

USER_AGENT = f"polybot/{__version__}"


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
    )


def make_market_clock(config: Config, clock: Clock) -> SegmentMarketClock | WallMarketClock:
    """Return market time as the mode has it: the simulator's, or the wall clock's."""
    simulated = config.mode in SIMULATED_MODES
    return SegmentMarketClock(clock) if simulated else WallMarketClock(clock)
