"""The limits' defaults are no looser than those of the sample configuration."""

from polybot.config.schema import RiskConfig
from polybot.domain.money import parse_price, parse_usdc
from polybot.domain.risk_limits import RiskLimits


def test_the_defaults_are_those_of_the_configuration() -> None:
    limits, config = RiskLimits(), RiskConfig()
    assert limits.min_buy_bps == parse_price(str(config.min_buy_price))
    assert limits.max_buy_bps == parse_price(str(config.max_buy_price))
    assert limits.max_order_usdc == parse_usdc(str(config.max_order_usdc))
    assert limits.max_window_usdc == parse_usdc(str(config.max_window_usdc))
    assert limits.max_deployed_usdc == parse_usdc(str(config.max_deployed_usdc))
    assert limits.max_daily_loss_usdc == parse_usdc(str(config.max_daily_loss_usdc))
    assert limits.max_open_orders == config.max_open_orders
    assert limits.max_orders_per_minute == config.max_orders_per_minute
    assert limits.max_consecutive_losses == config.max_consecutive_losses
    assert limits.pause_ns == config.pause_s * 1e9
