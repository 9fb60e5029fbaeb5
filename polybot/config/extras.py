"""The section of the live extras: wallet set-up, redeeming, splitting and merging."""

from typing import Annotated

from polybot.config.fields import Doc, EnvName, Range, Secret
from polybot.config.section import Section


class ExtrasConfig(Section, frozen=True, kw_only=True):
    """Wallet set-up, redeeming, splitting and merging, through the exchange's own client."""

    enabled: Annotated[
        bool, Doc("allow `polybot wallet`, redeem, split and merge; needs `make install-live`")
    ] = False
    python: Annotated[
        str, Doc("Python that has the exchange's client; empty: .venv-live beside the program")
    ] = ""
    relayer_key: Annotated[
        str,
        Secret(),
        EnvName(("POLYMARKET_RELAYER_API_KEY", "RELAYER_API_KEY")),
        Doc("relayer API key; every wallet but a plain key's needs one"),
    ] = ""
    relayer_key_address: Annotated[
        str,
        EnvName(("POLYMARKET_RELAYER_API_KEY_ADDRESS", "RELAYER_API_KEY_ADDRESS")),
        Doc("address the relayer API key belongs to; empty: the key's own"),
    ] = ""
    rpc_url: Annotated[str, Doc("Polygon JSON-RPC URL; empty: the client's own choice")] = ""
    timeout_s: Annotated[
        float, Range(5, 900), Doc("how long one call may take, mining included")
    ] = 240.0
