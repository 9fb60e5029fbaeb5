"""What the exchange's websocket channels expect to be told (its documentation: websockets)."""

import json
from collections.abc import Callable, Sequence

from polybot.exchange.l2_auth import ApiCredentials


class MarketDialect:
    """The public market channel: subjects are token ids.

    A PING before the first subscription closes the connection, so nothing is sent until there is
    something to subscribe.
    """

    name = "market"
    ping = "PING"

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


class UserDialect:
    """The user channel: every market of this account, authenticated in the first frame."""

    name = "user"
    ping = "PING"

    def __init__(self, credentials: Callable[[], ApiCredentials | None]) -> None:
        self._credentials = credentials

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


class PriceDialect:
    """The price channel (PolyBolt): subjects are symbols such as btcusd."""

    name = "price"
    ping = "PING"

    def __init__(self, credentials: Callable[[], ApiCredentials | None]) -> None:
        self._credentials = credentials

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
