"""Logs the wallet in at the exchange once (L1), for the API credentials everything else uses."""

from collections.abc import Callable

from polybot.errors import ExchangeError, PolybotError
from polybot.exchange.answers import body_of
from polybot.exchange.http_calls import HttpAnswer, HttpCall, Transport
from polybot.exchange.l1_auth import l1_headers
from polybot.exchange.l2_auth import ApiCredentials
from polybot.exchange.signing import OrderSigner
from polybot.exchange.wire_codec import decode
from polybot.ports import Clock


class ExchangeLogin:
    """Creates the API key of a wallet, or derives the one it already has."""

    def __init__(self, key: OrderSigner, *, reads: Transport, clock: Clock, chain_id: int) -> None:
        self._key = key
        self._reads = reads
        self._clock = clock
        self._chain_id = chain_id

    def log_in(self, done: Callable[[ApiCredentials | PolybotError], None]) -> None:
        """Ask for credentials; `done` gets them, or the error, in a transport thread."""

        def derived(answer: HttpAnswer) -> None:
            done(_read(answer))

        def created(answer: HttpAnswer) -> None:
            result = _read(answer)
            if isinstance(result, ExchangeError) and result.status is not None:
                # The wallet has a key already: the exchange derives the same one again.
                self._send("GET", "/auth/derive-api-key", derived)
            else:
                done(result)

        self._send("POST", "/auth/api-key", created)

    def _send(self, method: str, path: str, done: Callable[[HttpAnswer], None]) -> None:
        headers = l1_headers(
            self._key,
            timestamp_s=self._clock.now_ns() // 1_000_000_000,
            chain_id=self._chain_id,
        )
        self._reads.send(HttpCall(method, path, headers=headers), done)


def _read(answer: HttpAnswer) -> ApiCredentials | PolybotError:
    try:
        return decode(body_of(answer), ApiCredentials)
    except PolybotError as error:
        return error
