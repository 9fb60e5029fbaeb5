"""What the gateway, the simulator and the backtest share of the exchange's protocol."""
