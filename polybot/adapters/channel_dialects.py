"""What each websocket channel expects to be told, and what its way of closing means.

The exchange's own: its documentation on websockets. Binance and Coinbase: their public market-data
websockets. Prices are subscribed by symbols such as "btcusd" whatever the channel calls them.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Final

from polybot.exchange.l2_auth import ApiCredentials
from polybot.exchange.wire_binance import binance_request
from polybot.exchange.wire_codec import encode
from polybot.exchange.wire_coinbase import coinbase_request
from polybot.exchange.wire_price_stream import AUTH_CLOSE_CODE, POLICY_CLOSE_CODE
from polybot.exchange.wire_rtds import rtds_request

POLICY_VIOLATION: Final = 1008
# Asking again at once gets the same answer: what we send is against a rule, or not let in.
_LATE_CODES: Final = (POLICY_VIOLATION, AUTH_CLOSE_CODE, POLICY_CLOSE_CODE)
_LOGIN_CODES: Final = (POLICY_VIOLATION, AUTH_CLOSE_CODE)


def _nothing_to_renew() -> None:
    """Do nothing: a channel whose login nobody renews is asked again with the old one."""


class _Plain:
    """What most channels have in common: PING as a word, and no login."""

    ping = "PING"
    ping_s = 10.0

    def may_return_soon(self, code: int) -> bool:
        """Return whether to connect again soon after a close with this code."""
        return code not in _LATE_CODES


class MarketDialect(_Plain):
    """The public market channel: subjects are token ids.

    A PING before the first subscription closes the connection, so nothing is sent until there is
    something to subscribe.
    """

    name = "market"

    def opening(self, subjects: Sequence[str]) -> list[str] | None:
        """Return the first subscription."""
        if not subjects:
            return None
        return [
            json.dumps(
                {"assets_ids": list(subjects), "type": "market", "custom_feature_enabled": True}
            )
        ]

    def change(self, old: Sequence[str], new: Sequence[str]) -> list[str] | None:
        """Return the operations that add new tokens and drop old ones."""
        added = [subject for subject in new if subject not in old]
        removed = [subject for subject in old if subject not in new]
        frames = []
        if added:
            frames.append(json.dumps({"assets_ids": added, "operation": "subscribe"}))
        if removed:
            frames.append(json.dumps({"assets_ids": removed, "operation": "unsubscribe"}))
        return frames


class _LoggedIn(_Plain):
    """A channel that checks credentials; `renew` is called once for each it does not take."""

    def __init__(
        self,
        credentials: Callable[[], ApiCredentials | None],
        renew: Callable[[], None] = _nothing_to_renew,
    ) -> None:
        self._credentials = credentials
        self._renew = renew
        self._refused: ApiCredentials | None = None

    def may_return_soon(self, code: int) -> bool:
        """Return whether to connect again soon; credentials that were refused are renewed."""
        credentials = self._credentials()
        if code in _LOGIN_CODES and credentials != self._refused:
            self._refused = credentials
            self._renew()
        return super().may_return_soon(code)


class UserDialect(_LoggedIn):
    """The user channel: every market of this account, authenticated in the first frame."""

    name = "user"

    def opening(self, subjects: Sequence[str]) -> list[str] | None:
        """Return the authenticated subscription, None until there are credentials."""
        credentials = self._credentials()
        if credentials is None:
            return None
        auth = {
            "apiKey": credentials.api_key,
            "secret": credentials.secret,
            "passphrase": credentials.passphrase,
        }
        return [json.dumps({"auth": auth, "markets": list(subjects), "type": "user"})]

    def change(self, old: Sequence[str], new: Sequence[str]) -> list[str] | None:
        """Return nothing to send: all markets are subscribed from the start."""
        del old, new
        return []


class PriceDialect(_LoggedIn):
    """The price channel (PolyBolt): both the instant price and the average that settles."""

    name = "price"
    # No word is documented, so the protocol's own ping frames are sent.
    ping = ""

    def opening(self, subjects: Sequence[str]) -> list[str] | None:
        """Return authentication and the subscriptions, None until there are credentials."""
        credentials = self._credentials()
        if credentials is None or not subjects:
            return None
        auth = {
            "apiKey": credentials.api_key,
            "secret": credentials.secret,
            "passphrase": credentials.passphrase,
        }
        subscriptions = [
            {"channel": channel, "filter": {"symbol": symbol} | extra}
            for symbol in subjects
            for channel, extra in (
                ("price.crypto", {"provider": "chainlink"}),
                ("price.crypto.twap", {"window_seconds": 60}),
            )
        ]
        return [
            json.dumps({"op": "auth", "rid": "1", "auth": auth}),
            json.dumps({"op": "subscribe", "rid": "2", "subscriptions": subscriptions}),
        ]

    def change(self, old: Sequence[str], new: Sequence[str]) -> list[str] | None:
        """Return None: symbols change only with the configuration, so reconnecting is enough."""
        return [] if set(old) == set(new) else None


class _Public(_Plain, ABC):
    """A public price feed: another subscription is another connection."""

    def opening(self, subjects: Sequence[str]) -> list[str] | None:
        """Return the subscription, None while nothing is wanted of this feed."""
        assets = [subject.removesuffix("usd") for subject in subjects]
        return [self.request(assets)] if assets else None

    def change(self, old: Sequence[str], new: Sequence[str]) -> list[str] | None:
        """Return None: symbols change only with the configuration, so reconnecting is enough."""
        return [] if set(old) == set(new) else None

    @abstractmethod
    def request(self, assets: Sequence[str]) -> str:
        """Return the frame that subscribes to assets such as "btc"."""


class RtdsDialect(_Public):
    """The exchange's legacy price stream: the instant price and the average that settles."""

    name = "rtds"
    ping_s = 5.0

    def request(self, assets: Sequence[str]) -> str:
        """Return the frame that subscribes to assets such as "btc"."""
        return encode(rtds_request(assets)).decode()


class BinanceDialect(_Public):
    """Binance's trades, a stand-in; it pings by protocol."""

    name = "binance"
    ping = ""

    def request(self, assets: Sequence[str]) -> str:
        """Return the frame that subscribes to assets such as "btc"."""
        return encode(binance_request(assets)).decode()


class CoinbaseDialect(_Public):
    """Coinbase's ticker, a stand-in; it pings by protocol."""

    name = "coinbase"
    ping = ""

    def request(self, assets: Sequence[str]) -> str:
        """Return the frame that subscribes to assets such as "btc"."""
        return encode(coinbase_request(assets)).decode()
