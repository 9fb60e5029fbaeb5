"""Preflights, real and fake, offer the port."""

from polybot.adapters.preflight import ExchangePreflight, PreflightWays
from polybot.ports import Preflight
from tests.fakes import FakeClock
from tests.unit.ports.contract import unmet
from tests.unit.services.trader.fakes_exchange import FakePreflight


def test_preflights_offer_the_port() -> None:
    ways = PreflightWays(
        reads=None,
        region=None,
        region_url=lambda: None,
        signer=lambda: None,
        signature_type=0,
        clock=FakeClock(),
        wake=lambda: None,
    )
    for made in (ExchangePreflight(ways), FakePreflight()):
        assert unmet(Preflight, made) == []
