"""What stands for production beside a second simulator, and the configuration that trades there."""

import json

from tests.http_stub import Answer, StubRequest, StubServer
from tests.integration.simulator_process import SimulatorProcess

# An agent that buys as soon as it may: a test does not wait for the end of a window.
EAGER = """
mode = "live"

[trader]
series = ["btc-updown-5m", "btc-updown-15m"]

[risk]
max_consecutive_losses = 50

[[agents]]
name = "eager"

[agents.parameters]
min_confidence = 0.50
max_spread = 0.2
filter_minimum = 1
filter_stable_price = 0.5
filter_max_opponent = 0.99
max_entry_tries = 20
entry_retry_s = 1
min_remaining_s = 1
"""


class Elsewhere:
    """The hosts a simulator does not play: where this machine is, and a node of the chain."""

    def __init__(self) -> None:
        self.blocked = False
        self.gas_wei = 10**18
        self._server = StubServer(self._answer)
        self.url = self._server.url

    def _answer(self, request: StubRequest) -> Answer:
        if request.method == "GET":
            return 200, {"blocked": self.blocked, "country": "IE"}
        asked = json.loads(request.body)
        result = hex(self.gas_wei) if asked["method"] == "eth_getBalance" else "0x"
        return 200, {"jsonrpc": "2.0", "id": 1, "result": result}

    def close(self) -> None:
        """Stop listening."""
        self._server.close()


def live_configuration(production: SimulatorProcess, elsewhere: Elsewhere) -> str:
    """Return the configuration of a floor in live mode at these two."""
    named = {"clob_url": production.urls["url"], **production.urls}
    urls = {name: url for name, url in named.items() if name.endswith("_url") and "sim" not in name}
    urls |= {"geoblock_url": f"{elsewhere.url}/api/geoblock", "rpc_url": f"{elsewhere.url}/rpc"}
    lines = "".join(f'{name} = "{url}"\n' for name, url in urls.items())
    return f"{EAGER}\n[exchange]\n{lines}"
