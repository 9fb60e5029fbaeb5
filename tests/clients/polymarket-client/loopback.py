"""An environment of polymarket-client whose every address is on loopback."""

import dataclasses

from polymarket import Environment
from polymarket._internal.environment import PRODUCTION_CONFIG, create_environment

# What the simulator has no part for is sent to a port where nobody listens.
NOBODY = "127.0.0.1:9"


def loopback_environment(urls: dict[str, str], *, relayer_url: str = "") -> Environment:
    """Return production's environment with every `*_url` replaced by a loopback one.

    The names of the fields grow from release to release and default to production, so each one
    that is left over is found by its name and checked here.
    """
    addresses = {
        "clob_url": urls["url"],
        "clob_market_ws_url": urls["ws_market_url"],
        "clob_user_ws_url": urls["ws_user_url"],
        "realtime_ws_url": urls["ws_price_url"],
        "gamma_url": urls["gamma_url"],
        "data_url": urls["data_url"],
        "relayer_url": relayer_url or f"http://{NOBODY}",
    }
    for field in dataclasses.fields(PRODUCTION_CONFIG):
        if field.name.endswith("_url") and field.name not in addresses:
            scheme = "ws" if "_ws_" in field.name else "http"
            addresses[field.name] = f"{scheme}://{NOBODY}"
    config = dataclasses.replace(PRODUCTION_CONFIG, **addresses)
    for field in dataclasses.fields(config):
        if field.name.endswith("_url"):
            address = getattr(config, field.name)
            is_local = address.startswith(("http://127.0.0.1:", "ws://127.0.0.1:"))
            assert is_local, f"{field.name} is {address}, which is not on loopback"
    return create_environment(name="loopback", config=config)
